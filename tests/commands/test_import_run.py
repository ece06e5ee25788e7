"""A study scanned by another program: its files imported give the loci of our own scan, and what they cannot give is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from ecgwas import __version__, stages
from ecgwas.commands import export, look
from ecgwas.errors import InputError, StudyError
from ecgwas.scan import imported
from ecgwas.stages import variant_view
from ecgwas.study import Study
from ecgwas.study.scan import Imported, Matrix
from ecgwas.tables import files

TRAIT = "clinical.12L.qt_ms"
ENDINGS = {"plink2": ".glm.linear", "gwas_ssf": ".tsv.gz"}
FILTERS = ("genotypes", "min_maf", "min_mac", "min_call_rate", "min_hwe_p", "min_info", "keep_neglog10p", "chromosomes")


def imported_from(finished: Study, folder: Path, kind: str) -> Study:
    """The same study with all traits' results as files of this format."""
    list(export.export(finished, kind, folder / "files"))
    assert isinstance(finished.scan, Matrix)
    given = {name: getattr(finished.scan, name) for name in FILTERS}
    options = Imported.model_validate({**given, "files": folder / "files" / f"{{trait}}{ENDINGS[kind]}"})
    results = folder / "results"
    for stage in ("read", "represent", "traits"):
        shutil.copytree(finished.results / stage, results / stage)
        shutil.copytree(finished.results / "notes" / stage, results / "notes" / stage)
    return finished.model_copy(update={"scan": options, "results": results})


@pytest.mark.parametrize("kind", ENDINGS)
def test_imported_results_give_the_loci_of_the_scan(finished: Study, tmp_path: Path, kind: str) -> None:
    study = imported_from(finished, tmp_path, kind)
    stages.run(study, until="report" if kind == "plink2" else "loci")
    ours, theirs = files.LOCI.read(finished.results).frame, files.LOCI.read(study.results).frame
    assert ours.height >= 4
    same = ["locus", "lead_variant", "chrom", "pos", "start", "stop", "effect_allele", "best_trait", "traits", "variants"]
    assert theirs.select(same).equals(ours.select(same))
    np.testing.assert_allclose(theirs["neglog10p"], ours["neglog10p"], rtol=1e-5)
    summaries = [files.SUMMARY.read(one.results).frame for one in (finished, study)]
    assert summaries[0]["tests"].equals(summaries[1]["tests"])
    np.testing.assert_allclose(summaries[0]["lambda_gc"], summaries[1]["lambda_gc"], rtol=2e-3)
    facts, mistakes = stages.check(study)
    assert not mistakes
    assert any("no permutation threshold" in fact and "no null study" in fact for fact in facts)
    with pytest.raises(StudyError, match="permuted participants, and these results are imported"):
        stages.run_null(study)
    if kind == "plink2":
        page = files.REPORT.path(study.results).read_text()
        assert "no permutation threshold" in page
        assert "another program, whose results were imported" in page
        looked = list(look.look(study, str(ours["lead_variant"][0]), folder=tmp_path / "look"))
        assert any("(its lead variant)" in line for line in looked)
        rows = pl.read_csv(tmp_path / "look" / "all_traits.csv", infer_schema_length=None)
        assert rows["neglog10p"].max() == pytest.approx(ours["neglog10p"][0], rel=1e-5)


def test_imported_results_are_exported_as_far_as_there_are_any(
    finished: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trait at a time: names of files depend on all traits, and a trait without a file ended the export."""
    study = imported_from(finished, tmp_path, "plink2")
    (tmp_path / "files" / f"{TRAIT}.glm.linear").unlink()
    stages.run(study, until="loci")
    monkeypatch.setattr(export, "MAX_ROWS_IN_MEMORY", 1)
    chosen = ["clinical.12L.pr_ms", TRAIT, "clinical.12L.qrs_ms"]
    said = list(export.export(study, "gwas_ssf", tmp_path / "out", chosen))
    assert said[0] == f"1 traits are not written, for they have no file of results: {TRAIT}"
    assert sorted(path.name for path in (tmp_path / "out").glob("*.gz")) == [
        f"{name}.tsv.gz" for name in chosen if name != TRAIT
    ]
    theirs = pl.read_csv(tmp_path / "files" / f"{chosen[0]}.glm.linear", separator="\t", infer_schema=False)
    ours = pl.read_csv(tmp_path / "out" / f"{chosen[0]}.tsv.gz", separator="\t")
    assert ours.height == theirs.filter(pl.col("ERRCODE") == ".").height > 50
    about = yaml.safe_load((tmp_path / "out" / f"{chosen[0]}.tsv.gz-meta.yaml").read_text())
    assert about["analysis_software"] == "PLINK 2"
    assert f"written by ecgwas {__version__}" in about["author_notes"]
    listed = tmp_path / "pheweb"
    list(export.export(study, "pheweb", listed, chosen))
    assert [one["phenostring"] for one in json.loads((listed / "pheno-list.json").read_text())] == [chosen[0], chosen[2]]
    with pytest.raises(InputError, match=f"no file of results of {TRAIT}"):
        list(export.export(study, "plink2", tmp_path / "none", [TRAIT]))


def test_a_permutation_threshold_is_refused_in_words(finished: Study, tmp_path: Path) -> None:
    study = imported_from(finished, tmp_path, "plink2")
    permuted = study.model_copy(update={"loci": study.loci.model_copy(update={"threshold": "permutation"})})
    _, mistakes = stages.check(permuted)
    assert any("makes no permutations" in str(mistake) for mistake in mistakes)


def test_rows_that_match_no_variant_are_not_the_variants_own_exclusion() -> None:
    """A second row of a variant, or one with other alleles, may have its name, position and alleles."""
    row = {"variant": "rs1", "chrom": "1", "pos": 7, "effect_allele": "A", "other_allele": "G", "trait": None}
    foreign = pl.DataFrame([{**row, "reason": reason} for reason in variant_view.FOREIGN])
    own = pl.DataFrame([{**row, "reason": imported.NOT_IN_FILES}])
    key = own.drop("trait", "reason")
    assert variant_view._reason_for_all_traits(foreign, key) is None
    assert variant_view._reason_for_all_traits(foreign) is None
    assert variant_view._reason_for_all_traits(pl.concat([foreign, own]), key) == imported.NOT_IN_FILES
