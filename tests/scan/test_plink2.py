from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas.errors import ToolError
from ecgwas.scan import plink2, plink2_files
from ecgwas.tables import Covariates, Traits
from tests.genotypes import fileset
from tests.genotypes.fileset import plink2_options


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    fileset.write(tmp_path / "cohort", fileset.draw(60, 25, 1, missing=0.02))
    return tmp_path / "cohort"


def a_program(folder: Path, text: str) -> str:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


@pytest.mark.plink2
def test_plinks_own_files_stay_in_place_and_are_the_same_again(stem: Path, tmp_path: Path) -> None:
    options = plink2_options(stem)
    traits, more = fileset.tables(tuple(f"p{i}" for i in range(60)), 4, 2, 1)
    for folder in ("once", "again"):
        result = plink2.scan(options, traits, more, fileset.opened(options), seed=1, folder=tmp_path / folder)
    found = {str(path.relative_to(tmp_path / "once")) for path in (tmp_path / "once").rglob("*") if path.is_file()}
    files = {"made.II/f0.glm.linear", "made.I/f1.glm.linear", "made.II/f2.glm.linear", "made.I/f3.glm.linear"}
    assert found == files | {"made.I/plink2.log", "made.II/plink2.log"}
    for name in found:
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    table = pl.read_csv(tmp_path / "once/made.I/f1.glm.linear", separator="\t")
    ours = result.associations.frame.filter(pl.col("trait") == "made.I.f1")
    assert ours["beta"].to_list() == table["BETA"].to_list()
    assert "PLINK v2" in (tmp_path / "once/made.I/plink2.log").read_text()
    assert len(result.permutation_max) == 0


@pytest.mark.plink2
def test_the_files_are_those_of_plink_by_hand(stem: Path, tmp_path: Path) -> None:
    """Traits (some missing) and covariates as they are, in two files; genotypes without a filter, as in `published`."""
    options = plink2_options(stem, min_maf=0, min_mac=0, min_call_rate=0, min_hwe_p=0)
    traits, more = fileset.tables(tuple(f"p{i}" for i in range(60)), 4, 3, 1)
    traits.values[4:9, 1] = np.nan
    plink2.scan(options, traits, more, fileset.opened(options), seed=1, folder=tmp_path / "ours")
    families = [line.split()[0] for line in stem.with_suffix(".fam").read_text().splitlines()]
    ids = pl.DataFrame({"#FID": families, "IID": more.eids})
    labels = [name.rsplit(".", 1)[-1] for name in traits.names]
    shown = pl.DataFrame(traits.values, schema=labels).fill_nan(None)
    pl.concat([ids, shown], how="horizontal").write_csv(tmp_path / "y.tsv", separator="\t", null_value="NA")
    pl.concat([ids, pl.DataFrame(more.values, schema=list(more.names))], how="horizontal").write_csv(
        tmp_path / "c.tsv", separator="\t"
    )
    command = (
        "plink2 --bfile cohort --pheno y.tsv --covar c.tsv --covar-variance-standardize --no-psam-pheno --nonfounders "
        "--glm hide-covar omit-ref log10 cols=chrom,pos,ref,alt,a1freq,nobs,beta,se,tz,p,err --out hand"
    )
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    ours = {path.name: path.read_bytes() for path in (tmp_path / "ours").rglob("*.linear")}
    by_hand = {path.name.removeprefix("hand."): path.read_bytes() for path in tmp_path.glob("hand.*.linear")}
    assert sorted(ours) == [f"{label}.glm.linear" for label in sorted(labels)]
    assert ours == by_hand


@pytest.mark.plink2
def test_a_trait_of_minus_nine_is_a_value(stem: Path) -> None:
    options = plink2_options(stem)
    traits, more = fileset.tables(tuple(f"p{i}" for i in range(60)), 1, 2, 1)
    traits.values[3, 0] = -9.0
    result = plink2.scan(options, traits, more, fileset.opened(options), seed=1)
    assert result.associations.frame["n"].max() == 60


@pytest.mark.plink2
def test_plinks_complaint_is_passed_on(stem: Path) -> None:
    options = plink2_options(stem)
    traits, more = fileset.tables(tuple(f"p{i}" for i in range(60)), 1, 2, 1)
    twice = Covariates(more.eids, ("a", "b", "c"), more.values[:, [0, 1, 1]])
    with pytest.raises(ToolError, match=r"Cannot proceed with --glm regression.*redundant") as caught:
        plink2.scan(options, traits, twice, fileset.opened(options), seed=1)
    assert "traits.use" in caught.value.fix


def test_a_missing_program_is_named_with_the_cure(stem: Path) -> None:
    with pytest.raises(ToolError, match="no-such-plink2 is not there") as caught:
        plink2.check(plink2_options(stem, program="no-such-plink2"))
    assert "apt install plink2" in caught.value.fix


def test_plink_1_is_not_plink_2(stem: Path, tmp_path: Path) -> None:
    old = a_program(tmp_path, "echo 'PLINK v1.90b6.24 64-bit (6 Jun 2021)'")
    with pytest.raises(ToolError, match=r"is not PLINK 2: it says PLINK v1\.90"):
        plink2.check(plink2_options(stem, program=old))


@pytest.mark.plink2
def test_no_path_passes_a_shell(tmp_path: Path) -> None:
    named = tmp_path / "a b; $(exit 1) 'c"
    eids = fileset.write(named, fileset.draw(60, 5, 1))
    options = plink2_options(named)
    result = plink2.scan(options, *fileset.tables(eids, 1, 1, 1), fileset.opened(options), seed=1)
    assert result.tests.tolist() == [5]


HEADER = "#CHROM POS ID REF ALT A1 A1_FREQ OBS_CT BETA SE T_STAT {p} ERRCODE"


def a_table(path: Path, *lines: str) -> Path:
    path.write_text("".join("\t".join(line.split()) + "\n" for line in lines))
    return path


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["ae.I.f1", "ae.I.f2"], ["f1", "f2"]), (["ae.I.a b", "ae.I.a/b"], ["a_b_1", "a_b_2"])],
)
def test_labels_are_file_names(names: list[str], expected: list[str]) -> None:
    assert plink2_files.labels(names) == expected


def test_a_newer_builds_column_of_p_is_read(stem: Path, tmp_path: Path) -> None:
    rows = ["1 3000001 v1 A G G 0.25 60 NA NA NA NA VIF_TOO_HIGH", "1 3000000 v0 A G G 0.5 60 1.5 0.5 3 2.25 ."]
    path = a_table(tmp_path / "f.glm.linear", HEADER.format(p="NEG_LOG10_P"), *rows)
    table = plink2_files.read(path, fileset.opened(plink2_options(stem)))
    assert table["variant"].to_list() == [1, 0]
    assert table["neglog10p"].to_list() == [None, 2.25]
    assert table["code"].to_list() == ["VIF_TOO_HIGH", "."]


def test_the_other_allele_counted_is_refused(stem: Path, tmp_path: Path) -> None:
    row = "1 3000000 v0 A G A 0.5 60 1.5 0.5 3 2.25 ."
    path = a_table(tmp_path / "f.glm.linear", HEADER.format(p="LOG10_P"), row)
    with pytest.raises(ToolError, match="other allele"):
        plink2_files.read(path, fileset.opened(plink2_options(stem)))


@pytest.mark.plink2
def test_a_centre_of_one_person_leaves_the_estimates_of_the_others(stem: Path) -> None:
    """With a dummy of its own a person alone in a centre tells nothing of a variant: as if that person were not there."""
    options = plink2_options(stem)
    traits, more = fileset.tables(tuple(f"p{i}" for i in range(60)), 2, 2, 1)
    traits.values[:, :] = np.random.default_rng(4).normal(size=traits.values.shape)
    alone = np.zeros(60)
    alone[7] = 1.0
    traits.values[7, 1] = np.nan  # the second trait: the dummy is constant among those who have it
    whole = Covariates(more.eids, (*more.names, "center=11018"), np.column_stack([more.values, alone]))
    others = np.arange(60) != 7
    found = plink2.scan(options, traits, whole, fileset.opened(options), seed=1).associations.frame
    plain = Traits(traits.eids, traits.names, np.where(others[:, None], traits.values, np.nan))
    expected = plink2.scan(options, plain, more, fileset.opened(options), seed=1).associations.frame
    columns = ["trait", "variant", "beta", "se"]
    both = found.select(columns).join(expected.select(columns), on=["trait", "variant"], suffix="_without")
    assert both.height > 20
    for name in ("beta", "se"):
        np.testing.assert_allclose(both[name], both[f"{name}_without"], rtol=1e-4)
    # PLINK 2 takes out such a person together with the dummy, which leaves the same estimates.
    assert found["n"].max() == 59
