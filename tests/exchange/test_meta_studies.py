"""Comparable studies: one trait, one unit, one build, each study once; and random effects, compared with statsmodels."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from click.testing import CliRunner
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from ecgwas.commands.cli import main
from ecgwas.errors import InputError
from ecgwas.exchange import meta
from ecgwas.exchange.meta_studies import NAMES, TYPES, comparable, read_study

VARIANTS = 40


def table(seed: int, *, trait: str = "qt", chroms: tuple[str, ...] = ("1", "2"), shift: float = 0.0) -> pl.DataFrame:
    """VARIANTS rows on the chromosomes in turn; the same variants for every seed, effects of the seed."""
    rng = np.random.default_rng(seed)
    places = np.arange(VARIANTS)
    se = rng.uniform(0.02, 0.05, VARIANTS)
    columns = {
        "trait": [trait] * VARIANTS, "variant": [f"rs{i}" for i in places], "chrom": [chroms[i % len(chroms)] for i in places],
        "pos": 1000 * (places + 1), "effect_allele": ["A"] * VARIANTS, "other_allele": ["C"] * VARIANTS,
        "eaf": rng.uniform(0.28, 0.32, VARIANTS), "n": [500] * VARIANTS, "beta": shift + rng.normal(0, se), "se": se,
    }  # fmt: skip
    return pl.DataFrame(columns, schema_overrides=TYPES)


def scan(folder: Path, frame: pl.DataFrame, *, transform: str = "rank_normal", build: str = "hg19") -> Path:
    """results/scan as the stage writes it, one file per chromosome, and the note of its traits."""
    (folder / "scan" / "left_out").mkdir(parents=True)
    for (chrom,), rows in frame.group_by("chrom"):
        rows.write_parquet(folder / "scan" / f"{chrom}.parquet")
    (folder / "notes" / "traits").mkdir(parents=True)
    note = {"fingerprint": "f", "outputs": {}, "made": {"options": [{"transform": transform}, build, 1, None]}}
    (folder / "notes" / "traits" / "all.json").write_text(json.dumps(note))
    return folder / "scan"


def ssf(path: Path, frame: pl.DataFrame, *, rsid: bool = True, **about: object) -> Path:
    """A GWAS-SSF table; about: content of its YAML file, which is not written if empty."""
    theirs = {ours: names[-1 if len(names) == 2 else 0] for ours, names in NAMES.items()}
    theirs["variant"] = "rsid" if rsid else "variant_id"
    text = frame.drop("trait").rename({name: theirs[name] for name in frame.columns if name != "trait"})
    content = text.write_csv(separator="\t", null_value="#NA").encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    if about:
        path.with_name(f"{path.name}-meta.yaml").write_text(yaml.safe_dump(about))
    return path


def run(folder: Path, *studies: Path, options: tuple[str, ...] = ()) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["meta", str(folder / "out.csv"), *map(str, studies), *options])
    return done.exit_code, done.output


def test_random_effects_are_those_of_statsmodels(tmp_path: Path) -> None:
    frames = [table(seed, shift=0.1 * seed) for seed in range(4)]
    found = meta.combine([(str(i), frame) for i, frame in enumerate(frames)]).associations.frame
    assert found["tau2"].max() > 0
    for row in found.iter_rows(named=True):
        i = int(row["pos"]) // 1000 - 1
        betas, errors = (np.array([frame[name][i] for frame in frames]) for name in ("beta", "se"))
        theirs = combine_effects(betas, errors**2, method_re="dl")
        assert row["beta_random"] == pytest.approx(theirs.mean_effect_re)
        assert row["se_random"] == pytest.approx(theirs.sd_eff_w_re)
        assert row["tau2"] == pytest.approx(max(theirs.tau2, 0.0), abs=1e-12)
        assert row["q"] == pytest.approx(theirs.q)
        assert row["i2"] == pytest.approx(max(theirs.i2, 0.0))
        z = theirs.mean_effect_re / theirs.sd_eff_w_re
        assert row["neglog10p_random"] == pytest.approx(-np.log10(2) - np.log10(_upper_tail(abs(z))))


def _upper_tail(z: float) -> float:
    return float(stats.norm.sf(z))


def test_a_folder_of_a_study_is_one_study(tmp_path: Path) -> None:
    folder = scan(tmp_path / "a" / "results", table(1))
    other = ssf(tmp_path / "qt.tsv.gz", table(2))
    for named in (folder, folder.parent):
        code, said = run(tmp_path, named, other)
        assert code == 0, said
        assert f"{VARIANTS} rows of 2 studies" in said
        assert pl.read_csv(tmp_path / "out.csv")["studies"].unique().to_list() == [2]


def test_a_folder_with_a_file_per_chromosome_is_one_study(tmp_path: Path) -> None:
    for (chrom,), rows in table(1).group_by("chrom"):
        ssf(tmp_path / "a" / f"QT_chr{chrom}.tsv.gz", rows)
    assert read_study(tmp_path / "a").traits == ["QT"]
    code, said = run(tmp_path, tmp_path / "a", ssf(tmp_path / "qt.h.tsv.gz", table(2)))
    assert code == 0, said
    assert pl.read_csv(tmp_path / "out.csv")["chrom"].n_unique() == 2


def test_names_of_variants_are_kept_and_generated_where_missing(tmp_path: Path) -> None:
    ids = pl.DataFrame({"variant": ["9:5_A_C", ".", None, "rs7"] * 10})
    first = table(1).with_columns(ids["variant"])
    one = ssf(tmp_path / "a" / "qt.tsv", first, rsid=False)
    other = ssf(tmp_path / "b" / "qt.tsv", table(2).with_columns(variant=pl.lit(None, pl.String)))
    found = meta.combine([(str(path), read_study(path).frame) for path in (one, other)]).associations.frame.sort("pos")
    assert found["variant"].to_list()[:4] == ["9:5_A_C", "2:2000:C:A", "1:3000:C:A", "rs7"]


REFUSED = {
    "two traits by file name": (lambda at: (ssf(at / "qt.tsv", table(1)), ssf(at / "pr.tsv", table(2))), "trait of .*qt"),
    "two traits by column": (
        lambda at: (scan(at / "a", table(1, trait="clinical.12L.qt_ms")), scan(at / "b", table(2, trait="clinical.12L.pr_ms"))),
        "trait of .*clinical.12L.qt_ms",
    ),
    "two traits by metadata, under similar names": (
        lambda at: (ssf(at / "a" / "x.tsv", table(1), trait_description=["QT interval"]),
                    ssf(at / "b" / "x.tsv", table(2), trait_description=["PR interval"])),
        "QT interval",
    ),
    "a third study of another trait": (
        lambda at: (ssf(at / "a" / "qt.tsv", table(1)), ssf(at / "b" / "qt.tsv", table(2)), ssf(at / "c" / "pr.tsv", table(3))),
        "trait of .*pr",
    ),
    "two units": (
        lambda at: (ssf(at / "a" / "qt.tsv", table(1), unit="ms"), ssf(at / "b" / "qt.tsv", table(2), unit="SD")),
        "differ in unit: ms .*SD",
    ),
    "two transformations": (
        lambda at: (scan(at / "a", table(1)), scan(at / "b", table(2), transform="none")),
        "differ in transformation: rank_normal .*none",
    ),
    "two builds": (lambda at: (scan(at / "a", table(1)), scan(at / "b", table(2), build="hg38")), "differ in build: hg19"),
    "two builds, one from metadata": (
        lambda at: (scan(at / "a", table(1)), ssf(at / "b" / "qt.tsv", table(2), genome_assembly="GRCh38")),
        "differ in build: hg19 .*hg38",
    ),
    "two traits in files of one name": (
        lambda at: (ssf(at / "qt" / "sumstats.tsv", table(1)), ssf(at / "pr" / "sumstats.tsv", table(2))), "nothing names the"),
    "two traits in files named by chromosome": (
        lambda at: (ssf(at / "qt" / "chr1.tsv.gz", table(1)), ssf(at / "pr" / "chr1.tsv.gz", table(2))), "nothing names the"),
    "milliseconds and ranks under one name": (
        lambda at: (ssf(at / "a" / "qt.tsv", table(1)), ssf(at / "b" / "qt.tsv", scaled(table(2), 20))),
        "the SD of qt differs"),
    "a file twice": (lambda at: (ssf(at / "qt.tsv", table(1)),) * 2, "same file is given twice"),
    "a copy under another name": (
        lambda at: (ssf(at / "qt.tsv", table(1)), Path(shutil.copy(at / "qt.tsv", at / "qt2.tsv"))),
        "same file is given twice"),
    "a file of a folder that is also named": (
        lambda at: (scan(at / "a", table(1)), at / "a" / "scan" / "1.parquet"), "same file is given twice"),
    "the same rows gzipped": (
        lambda at: (ssf(at / "qt.tsv", table(1)), ssf(at / "b" / "qt.tsv.gz", table(1))), "share have the same effect"),
    "the same rows in another order": (
        lambda at: (ssf(at / "qt.tsv", table(1)), ssf(at / "b" / "qt.tsv", table(1).reverse())), "share have the same effect"),
    "a scan and its own export": (
        lambda at: (scan(at / "a", table(1)), ssf(at / "b" / "qt.tsv", table(1))), "share have the same effect"),
    "the same rows with their alleles swapped": (
        lambda at: (ssf(at / "qt.tsv", table(1)), ssf(at / "b" / "qt.tsv", swapped(table(1)))), "share have the same effect"),
    "a part of the rows": (
        lambda at: (ssf(at / "qt.tsv", table(1)), ssf(at / "b" / "qt.tsv", table(1).head(9))), "share have the same effect"),
    "one study's trait under the other's name": (
        lambda at: (scan(at / "a", table(1)), ssf(at / "pr.tsv", table(1))), "share have the same effect"),
    "a chromosome twice in one folder": (
        lambda at: (doubled(scan(at / "a", table(1))), ssf(at / "qt.tsv", table(2))), "chromosome 1 of qt is in two files"),
    "a folder without tables": (lambda at: (at, ssf(at / "b" / "qt.tsv", table(2))), "has no tables"),
    "a table that is cut off": (
        lambda at: (cut(ssf(at / "qt.tsv.gz", table(1))), ssf(at / "b" / "qt.tsv", table(2))), "cannot be"),
}  # fmt: skip


def swapped(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        effect_allele="other_allele", other_allele="effect_allele", beta=-pl.col("beta"), eaf=1 - pl.col("eaf")
    )


def scaled(frame: pl.DataFrame, by: float) -> pl.DataFrame:
    return frame.with_columns(pl.col("beta", "se") * by)


def doubled(folder: Path) -> Path:
    table(5, chroms=("1",)).write_parquet(folder / "chr1_again.parquet")
    return folder


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:200])
    return path


@pytest.mark.parametrize("case", REFUSED)
def test_studies_that_are_not_comparable_are_refused(case: str, tmp_path: Path) -> None:
    make, words = REFUSED[case]
    studies = make(tmp_path)
    with pytest.raises(InputError, match=words) as error:
        comparable([read_study(path) for path in studies])
    assert error.value.fix
    code, _ = run(tmp_path, *studies)
    assert code == error.value.exit_code
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    "case", [name for name in REFUSED if name.startswith(("two traits by file", "two traits by c", "two un"))]
)
def test_the_user_may_say_that_traits_are_the_same(case: str, tmp_path: Path) -> None:
    code, said = run(tmp_path, *REFUSED[case][0](tmp_path), options=("--same-trait", "qt"))
    assert code == 0, said
    found = pl.read_csv(tmp_path / "out.csv")
    assert (found.height, found["trait"].unique().to_list()) == (VARIANTS, ["qt"])


def test_two_builds_or_a_copy_are_refused_in_any_case(tmp_path: Path) -> None:
    for case in ("two builds", "the same rows gzipped"):
        studies = REFUSED[case][0](tmp_path / case.replace(" ", "_"))
        assert run(tmp_path, *studies, options=("--same-trait", "qt"))[0] != 0
    several = pl.concat([table(1), table(1, trait="pr")])
    with pytest.raises(InputError, match="the study has 2: pr, qt"):
        comparable([read_study(scan(tmp_path / "s", several)), read_study(ssf(tmp_path / "qt.tsv", table(2)))], "qt")


def test_traits_spelled_alike_and_shared_ones_of_many(tmp_path: Path) -> None:
    first = pl.concat([table(1), table(3, trait="pr")])
    studies = [scan(tmp_path / "a", first), ssf(tmp_path / "x.tsv", table(2), trait_description=["  QT "])]
    code, said = run(tmp_path, *studies)
    assert code == 0, said
    assert pl.read_csv(tmp_path / "out.csv")["trait"].unique().to_list() == ["qt"]
    assert pl.read_csv(tmp_path / "out.dropped.csv")["reason"].to_list() == ["in one study only"] * VARIANTS


def test_learned_features_get_a_warning(tmp_path: Path) -> None:
    studies = [scan(tmp_path / name, table(seed, trait="pca.12L.f03")) for seed, name in enumerate("ab")]
    code, said = run(tmp_path, *studies)
    assert code == 0
    assert "pca.12L.f03: learned features of one study" in said


def test_the_output_is_not_read_as_input(tmp_path: Path) -> None:
    one, other = ssf(tmp_path / "a" / "qt.csv", table(1)), ssf(tmp_path / "b" / "qt.tsv", table(2))
    before = one.read_bytes()
    done = CliRunner().invoke(main, ["meta", str(one), str(one), str(other)])
    assert done.exit_code == 2
    assert one.read_bytes() == before


def test_missing_sample_sizes_give_null_and_missing_frequencies_are_skipped() -> None:
    first, second = table(1), table(2).with_columns(n=pl.lit(None, pl.Int64), eaf=pl.lit(None, pl.Float64))
    found = meta.combine([("a", first), ("b", second)]).associations.frame.sort("pos")
    assert found["n"].null_count() == VARIANTS
    np.testing.assert_allclose(found["eaf"], first["eaf"])


def test_a_table_of_small_p_only_gets_a_warning(tmp_path: Path) -> None:
    kept = table(1, shift=0.5)
    code, said = run(tmp_path, scan(tmp_path / "a", kept), ssf(tmp_path / "qt.tsv", table(2, shift=0.5)))
    assert code == 0
    assert said.count("warning: ") == 4
    assert "build is not stated by" in said
    assert "writes every variant" in said
