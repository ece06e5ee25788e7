"""Exports of a finished study: whole, equal to the scan where both have a row, the same bytes twice."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from ecgwas import stages
from ecgwas.commands import export
from ecgwas.commands.cli import main
from ecgwas.errors import MissingStageError, StudyError
from ecgwas.exchange import gwas_ssf
from ecgwas.scores import scoring_file
from ecgwas.stages import scan, traits
from ecgwas.study import Study
from ecgwas.tables import Loci, files

TRAIT = "clinical.12L.qt_ms"


@pytest.mark.parametrize("at_once", [1, export.MAX_ROWS_IN_MEMORY])
def test_where_every_test_was_kept_they_are_read(finished: Study, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(export, "MAX_ROWS_IN_MEMORY", at_once)
    monkeypatch.setattr(scan, "ROWS_AT_A_TIME", 5)
    kept = scan.rows(finished).collect()
    named = [name for name in reversed(traits.load_traits(finished).names) if name.startswith("clinical.12L")]
    study = finished.model_copy(update={"scan": finished.scan.model_copy(update={"keep_neglog10p": 0.0})})
    found = list(export.whole_scan(study, named))
    assert [trait for trait, _ in found] == named
    for trait, rows in found:
        assert rows.equals(kept.filter(pl.col("trait") == trait))
    assert sum(rows.height for _, rows in found) > 5


def test_summary_statistics_are_of_every_variant_and_equal_the_scan(finished: Study, tmp_path: Path) -> None:
    said = list(export.export(finished, "gwas_ssf", tmp_path, [TRAIT]))
    path = tmp_path / f"{TRAIT}.tsv.gz"
    assert sorted(found.name for found in tmp_path.iterdir()) == [path.name, f"{path.name}-meta.yaml"]
    assert gwas_ssf.check(path).problems == ()
    tests = sum(int(result.tests[result.traits.index(TRAIT)]) for result in scan.load_results(finished))
    whole = pl.read_csv(path, separator="\t", null_values="#NA")
    assert whole.height == tests
    assert said[0] == f"{path.name}: {tests} variants"
    kept = scan.rows(finished).collect().filter(pl.col("trait") == TRAIT)
    assert 0 < kept.height < tests
    place = {"chromosome": "chrom", "base_pair_location": "pos"}
    both = kept.with_columns(pl.col("chrom").cast(pl.Int64)).join(whole.rename(place), on=["chrom", "pos"], suffix="_theirs")
    assert both.height == kept.height
    np.testing.assert_allclose(both["beta"], both["beta_theirs"], rtol=1e-12)
    np.testing.assert_allclose(both["neglog10p"], both["neg_log_10_p_value"], rtol=1e-12)
    about = yaml.safe_load((tmp_path / f"{path.name}-meta.yaml").read_text())
    assert (about["transformation"], about["effect_unit"], about["untransformed_unit"]) == (
        "rank_normal",
        "SD per allele",
        "ms",
    )
    again = tmp_path / "again"
    list(export.export(finished, "gwas_ssf", again, [TRAIT]))
    assert (again / path.name).read_bytes() == path.read_bytes()


def test_what_the_scan_kept_of_every_test_is_exported(finished: Study, tmp_path: Path) -> None:
    """scan.dense gives the summary statistics without testing again, to float32's digits, as PLINK's text, too."""
    list(export.export(finished, "plink2", tmp_path / "again", [TRAIT]))
    dense = finished.model_copy(update={"scan": finished.scan.model_copy(update={"dense": True})})
    dense = dense.model_copy(update={"results": tmp_path / "results"})
    stages.run(dense, until="loci")
    assert scan.dense_folders(dense)
    assert not scan.dense_folders(finished)
    list(export.export(dense, "plink2", tmp_path / "kept", [TRAIT]))
    text = {"separator": "\t", "infer_schema": False, "null_values": "NA"}
    a, b = (pl.read_csv(tmp_path / name / f"{TRAIT}.glm.linear", **text) for name in ("again", "kept"))
    assert a.select("ID", "A1", "OBS_CT", "ERRCODE").equals(b.select("ID", "A1", "OBS_CT", "ERRCODE"))
    np.testing.assert_allclose(a["T_STAT"].cast(pl.Float64), b["T_STAT"].cast(pl.Float64), rtol=1.1e-5, atol=1e-5)
    assert a.filter(pl.col("ERRCODE") == ".").height == sum(
        int(result.tests[result.traits.index(TRAIT)]) for result in scan.load_results(dense)
    )


def test_pheweb_lists_every_trait_once(finished: Study, tmp_path: Path) -> None:
    chosen = [TRAIT, traits.load_traits(finished).names[-1]]
    list(export.export(finished, "pheweb", tmp_path, chosen))
    listed = json.loads((tmp_path / "pheno-list.json").read_text())
    assert [entry["phenostring"] for entry in listed] == chosen
    for entry in listed:
        header = gzip.decompress(Path(entry["assoc_files"][0]).read_bytes()).decode().splitlines()[0]
        assert header.split("\t")[:5] == ["chrom", "pos", "ref", "alt", "pval"]


def test_locuszoom_holds_each_locus_with_its_lead(finished: Study, tmp_path: Path) -> None:
    found = Loci.read(finished.results / "loci" / "loci.csv").frame
    assert found.height > 0
    list(export.export(finished, "locuszoom", tmp_path))
    for row in found.iter_rows(named=True):
        track = json.loads((tmp_path / f"locus_{row['locus']}.json").read_text())
        best = max(track["data"], key=lambda test: test["log_pvalue"])
        assert (best["id"], best["log_pvalue"]) == (row["lead_variant"], pytest.approx(row["neglog10p"]))


def test_locuszoom_of_any_trait_is_what_the_scan_has(finished: Study, tmp_path: Path) -> None:
    """Traits without a hit are tested again around every locus."""
    loci = Loci.read(finished.results / "loci" / "loci.csv").frame
    kept = files.NEIGHBOURHOODS.read(finished.results).frame
    names = [name for name in traits.load_traits(finished).names if name not in set(kept["trait"])]
    name = names[-1]
    said = list(export.export(finished, "locuszoom", tmp_path, [name]))
    assert [line.split(":")[0] for line in said] == [f"locus_{k}_{name}.json" for k in loci.sort("best_trait")["locus"]]
    ((_, whole),) = export.whole_scan(finished, [name])
    for row in loci.iter_rows(named=True):
        track = json.loads((tmp_path / f"locus_{row['locus']}_{name}.json").read_text())
        best = kept.filter(locus=row["locus"], trait=row["best_trait"])
        assert len(track["data"]) == best.height > 3
        assert track["state"]["trait"] == name
        wanted = whole.filter(pl.col("chrom") == row["chrom"]).sort("pos", "effect_allele", "other_allele")
        wanted = wanted.join(best.select("pos", "effect_allele", "other_allele"), on=["pos", "effect_allele", "other_allele"])
        np.testing.assert_allclose([test["log_pvalue"] for test in track["data"]], wanted["neglog10p"], rtol=1e-9)
        np.testing.assert_allclose([test["beta"] for test in track["data"]], wanted["beta"], rtol=1e-9)
    with pytest.raises(StudyError, match="nonsense"):
        list(export.export(finished, "locuszoom", tmp_path, ["nonsense"]))


def test_cytoscape_by_the_command(finished: Study, tmp_path: Path) -> None:
    study_file = finished.folder / "study.yaml"
    result = CliRunner().invoke(main, ["export", str(study_file), "cytoscape", str(tmp_path)])
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "network.cyjs").read_text())
    clusters = pl.read_csv(finished.results / "genes" / "clusters.csv")
    assert len(content["elements"]["nodes"]) == clusters.height > 0


def test_what_cannot_be_exported_is_told(finished: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="nonsense"):
        list(export.export(finished, "gwas_ssf", tmp_path, ["nonsense"]))
    with pytest.raises(StudyError) as mistyped:
        list(export.export(finished, "gwas_ssf", tmp_path, ["clinical.12L.qtms"]))
    assert f"did you mean {TRAIT}" in mistyped.value.fix
    nothing = finished.model_copy(update={"results": tmp_path / "nothing"})
    with pytest.raises(MissingStageError, match="loci"):
        list(export.export(nothing, "pheweb", tmp_path))


def test_lead_variants_of_a_trait_as_a_scoring_file(finished: Study, tmp_path: Path) -> None:
    hits = files.HITS.read(finished.results).frame
    trait = hits.sort("neglog10p", descending=True)["trait"][0]
    lines = list(export.export(finished, "pgs_catalog", tmp_path, [trait]))
    path = tmp_path / f"{trait}.lead_variants.txt.gz"
    read = scoring_file.read(path, finished.scan.build)
    assert lines == [f"{path.name}: {len(read)} variants"]
    strongest = hits.filter(pl.col("trait") == trait).sort("neglog10p", descending=True).row(0, named=True)
    row = read.frame.filter(pl.col("pos") == strongest["pos"], pl.col("chrom") == strongest["chrom"]).row(0, named=True)
    assert (row["copies_1"], row["effect_allele"]) == (strongest["beta"], strongest["effect_allele"])
    scored = tmp_path / "scores.tsv"
    arguments = [str(path), str(finished.scan.genotypes), "--palindromes", "keep", "--out", str(scored)]
    result = CliRunner().invoke(main, ["score", *arguments])
    assert result.exit_code == 0, result.output
    assert pl.read_csv(scored, separator="\t").height >= files.PEOPLE.read(finished.results).frame.height // 2
