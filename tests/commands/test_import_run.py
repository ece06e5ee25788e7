"""A study scanned by another program: its files imported give the loci of our own scan, and what they cannot give is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas import stages
from ecgwas.commands import export, look
from ecgwas.errors import StudyError
from ecgwas.scan import imported
from ecgwas.stages import variant_view
from ecgwas.study import Study
from ecgwas.study.scan import Imported, Matrix
from ecgwas.tables import files

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
