"""Part `own` of stage `scores`: planted effects are predicted, noise is not; weights are files that score others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas import stages
from ecgwas.errors import StudyError
from ecgwas.report import scores as sharing
from ecgwas.scores import scoring_file, sums
from ecgwas.stages import summaries
from ecgwas.study import Study
from ecgwas.tables import files
from ecgwas.workflow import planning
from tests.factories import make_eids
from tests.scores.files import MISSING, write_cohort

PEOPLE, VARIANTS = 300, 320
PLANTED = (3, 50, 170, 250)
STUDY = """\
name: own
represent:
  - {kind: table, name: mine, file: mine.tsv}
traits: {covariates: covariates.tsv, transform: none, components: 0, guards: {max_kinship: null, min_call_rate: 0}}
scan: {genotypes: cohort, min_mac: 5, permutations: 100, chromosomes: [1, 2]}
scores:
  own: {p_values: [1.0e-4, 0.05], permutations: 5, weights: [mine.12L.planted_ms], diseases: true}
outcomes:
  tables: [{kind: binary, file: diseases.tsv}]
"""


def write_inputs(folder: Path) -> Path:
    """A trait in ms of which four variants of chromosomes 1 and 2 explain half, and noise."""
    folder.mkdir(parents=True)
    _, table, copies = write_cohort(folder, PEOPLE, VARIANTS, missing=0.001)
    autosomal = np.flatnonzero((table["chrom"] != "X").to_numpy())
    rng, eids = np.random.default_rng(1), make_eids(PEOPLE)
    chosen = np.where(copies == MISSING, 1.0, copies)[:, autosomal[list(PLANTED)]]
    effects = 5.0 / chosen.std(axis=0)
    trait = 400 + chosen @ effects + 10.0 * rng.normal(size=PEOPLE)
    pl.DataFrame({"eid": eids, "planted_ms": trait, "noise_ms": rng.normal(size=PEOPLE)}).write_csv(
        folder / "mine.tsv", separator="\t"
    )
    disease = (chosen @ effects - (chosen @ effects).mean()) / 10 * 2 + rng.logistic(size=PEOPLE) > 0
    pl.DataFrame({"eid": eids, "arrhythmia": disease.astype(int), "eczema": rng.integers(0, 2, PEOPLE)}).write_csv(
        folder / "diseases.tsv", separator="\t"
    )
    pl.DataFrame({"eid": eids, "age": rng.normal(size=PEOPLE)}).write_csv(folder / "covariates.tsv", separator="\t")
    (folder / "study.yaml").write_text(STUDY)
    return folder / "study.yaml"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = Study.read_file(write_inputs(tmp_path_factory.mktemp("own") / "study"))
    assert stages.stage_named("scores").parts(study) == ("own",)
    for stage, part in (("represent", "mine"), ("traits", "all"), ("scores", "own")):
        stages.run_part(study, stage, part)
    return study


def test_planted_effects_are_predicted_and_noise_is_not(study: Study) -> None:
    tests = files.OWN_SCORE_TESTS.read(study.results).frame
    assert tests.height == 6
    row = tests.row(by_predicate=(pl.col("trait") == "mine.12L.planted_ms") & (pl.col("p_value") == 1e-4), named=True)
    assert 0.25 < row["r2"] < 0.6
    assert row["r2_low"] < row["r2"] < row["r2_high"]
    assert row["p_null"] == 1 / 11
    assert row["r2"] > row["r2_null_95"]
    assert 2 < row["variants"] < 9
    noise = tests.filter(pl.col("trait") == "mine.12L.noise_ms", pl.col("method") == "ridge").row(0, named=True)
    assert abs(noise["r2"]) < 0.05
    assert noise["r2_expected"] is not None


def test_scores_of_the_participants_are_out_of_fold(study: Study) -> None:
    scores, traits = files.OWN_SCORES.read(study.results), files.TRAITS.read(study.results)
    assert scores.eids == traits.eids
    assert "mine.12L.planted_ms.threshold_0.0001" in scores.names
    own = scores.values[:, scores.names.index("mine.12L.planted_ms.ridge")]
    assert np.corrcoef(own, traits.values[:, traits.names.index("mine.12L.planted_ms")])[0, 1] > 0.4
    assert not files.OWN_SCORES.shared


def test_a_disease_of_the_same_variants_is_predicted(study: Study) -> None:
    rows = files.DISEASE_SCORES.read(study.results).frame
    assert rows.select("outcome", "predictors", "scores").rows() == [
        ("arrhythmia", "covariates", 0), ("arrhythmia", "mine", 2), ("eczema", "covariates", 0), ("eczema", "mine", 2),
    ]  # fmt: skip
    own, noise = rows.row(1, named=True), rows.row(3, named=True)
    assert 0.05 < own["gain_low"] < own["gain"] < own["gain_high"]
    assert own["auroc_low"] < own["auroc"] < own["auroc_high"]
    assert own["p_gain"] == 1 / 20 < noise["p_gain"]
    without = study.model_copy(update={"outcomes": None})
    with pytest.raises(StudyError, match="no section outcomes"):
        stages.stage_named("scores").check(without)
    shown = sharing.shareable({files.DISEASE_SCORES: rows}, 20)[files.DISEASE_SCORES]
    assert shown.height == 4
    assert shown["cases"].null_count() == 4


def test_files_of_weights_score_people_in_the_unit_of_the_trait(study: Study) -> None:
    path = files.OWN_WEIGHTS.path(study.results, score="mine.12L.planted_ms.threshold_0.0001")
    scoring = scoring_file.read(path, "hg19")
    assert scoring.name == "mine.12L.planted_ms.threshold_0.0001"
    assert scoring.header["trait_reported"] == "mine.12L.planted_ms"
    found = sums.matched(study.scan, [scoring], make_eids(PEOPLE), palindromes="keep")
    assert found[0].share == 1.0
    values = sums.scores(study.scan, found, make_eids(PEOPLE))[:, 0]
    trait = pl.read_csv(study.folder / "mine.tsv", separator="\t")["planted_ms"].to_numpy()
    slope = np.polyfit(values, trait, 1)[0]
    assert 0.75 < slope < 1.25  # Effects of the strongest variants, in the people who gave them.
    frequency = dict(zip(found[0].used["line"], sums.frequencies_of(study.scan, found[0].used, make_eids(PEOPLE)), strict=True))
    stated = scoring.frame.select("line", "frequency").rows()
    np.testing.assert_allclose([frequency[line] for line, _ in stated], [value for _, value in stated], atol=0.01)


def test_line_plan_freshness_and_shared_tables(study: Study) -> None:
    assert "own scores predict more than 95 % of permuted traits do; best: mine.12L.planted_ms" in summaries.in_counts(
        study, "scores"
    )
    job = next(job for job in planning.jobs(study) if job.stage == "scores")
    assert 0 < job.cost.cpu_seconds < 600
    assert stages.is_fresh(study, "scores", "own")
    assert study.scores is not None
    assert study.scores.own is not None
    fewer = study.scores.model_copy(update={"own": study.scores.own.model_copy(update={"folds": 4})})
    assert not stages.is_fresh(study.model_copy(update={"scores": fewer}), "scores", "own")
    tests = files.OWN_SCORE_TESTS.read(study.results).frame
    assert sharing.shareable({files.OWN_SCORE_TESTS: tests}, PEOPLE + 1)[files.OWN_SCORE_TESTS].height == 0


def test_weights_of_an_unknown_trait_are_refused(study: Study) -> None:
    assert study.scores is not None
    assert study.scores.own is not None
    wrong = study.scores.model_copy(update={"own": study.scores.own.model_copy(update={"weights": ("mine.12L.qt",)})})
    with pytest.raises(StudyError, match=r"scores\.own\.weights names mine\.12L\.qt"):
        stages.run_part(study.model_copy(update={"scores": wrong}), "scores", "own")
