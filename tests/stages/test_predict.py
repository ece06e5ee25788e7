"""Stage `predict`, end to end on a study of tables: planted diseases are told, others not; faults; what is shared."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from ecgwas import stages
from ecgwas.commands.cli import main
from ecgwas.errors import InputError, StudyError
from ecgwas.outcomes import decision_curve
from ecgwas.report import predictions as sharing
from ecgwas.report.figures import predictions as figures
from ecgwas.stages import predict, summaries
from ecgwas.study import Study
from ecgwas.tables import files
from ecgwas.workflow import planning
from tests.stages.test_outcomes import PEOPLE, write_inputs

SECTION = "predict: {loci: 0, variants: [rs3], permutations: 19, min_cases: 20}\n"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    path = write_inputs(tmp_path_factory.mktemp("predict"))
    variant = path.parent.joinpath("genotypes", "cohort.bim").read_text().splitlines()[3].split()[1]
    path.write_text(path.read_text() + SECTION.replace("rs3", variant))
    made = Study.read_file(path)
    for stage in ("represent", "traits", "outcomes", "predict"):
        stages.run_stage(made, stage)
    return made


def table(study: Study, file: files.TableFile[Any]) -> pl.DataFrame:
    return file.read(study.results).frame


def test_a_planted_disease_is_told_and_a_random_variant_is_not(study: Study) -> None:
    targets = table(study, files.PREDICTION_TARGETS)
    models = table(study, files.PREDICTION_MODELS)
    gained = targets.filter(pl.col("target") == "conduction_disease").row(0, named=True)
    assert gained["status"] == "predicted"
    assert gained["gain_low"] > 0
    assert gained["p_permutation"] == pytest.approx(0.05)
    (variant,) = targets.filter(pl.col("kind") == "variant").iter_rows(named=True)
    assert variant["gain_low"] < 0 or variant["p_permutation"] > 0.05
    area = models.filter(pl.col("target") == variant["target"], pl.col("model") == "ECG")["auroc"][0]
    assert 0.4 < area < 0.6
    assert set(targets["analysis"].drop_nulls()) <= {"binary", "ever", "prevalent"}


def test_the_trait_that_acts_has_the_largest_coefficient(study: Study) -> None:
    weights = table(study, files.PREDICTION_WEIGHTS).filter(pl.col("target") == "conduction_disease")
    assert weights["trait"][0].endswith("pr_ms")
    assert weights["folds"][0] == 5


def test_risks_are_of_every_participant_once_and_give_the_tables(study: Study) -> None:
    risks = table(study, files.PREDICTION_RISKS).filter(pl.col("target") == "conduction_disease")
    assert risks["eid"].n_unique() == risks.height
    assert risks.select(pl.min_horizontal("covariates", "ecg", "ecg_and_covariates").min()).item() >= 0
    cases = risks["case"].to_numpy() == 1
    curve = table(study, files.DECISION_CURVES).filter(pl.col("target") == "conduction_disease", pl.col("model") == "ECG")
    at = curve["threshold"].to_numpy()
    expected = decision_curve.net_benefit(risks["ecg"].to_numpy(), cases, at)
    np.testing.assert_allclose(curve["net_benefit"], expected, rtol=1e-5, atol=1e-12)


def test_net_benefit_by_hand() -> None:
    risks, cases = np.array([0.9, 0.6, 0.4, 0.1]), np.array([True, False, True, False])
    (at_half,) = decision_curve.net_benefit(risks, cases, np.array([0.5]))
    assert at_half == pytest.approx(1 / 4 - 1 / 4)
    (at_third,) = decision_curve.net_benefit(risks, cases, np.array([1 / 3]))
    assert at_third == pytest.approx(2 / 4 - 1 / 4 / 2)
    everyone = {row["threshold"]: row["net_benefit"] for row in decision_curve.of_everyone(cases)}
    assert everyone[0.5] == pytest.approx(0.0)


def test_carriers_are_of_the_rarer_allele() -> None:
    np.testing.assert_array_equal(predict.carriers(np.array([2.0, 2.0, 2.0, 1.0, np.nan])), [0, 0, 0, 1, -1])
    np.testing.assert_array_equal(predict.carriers(np.array([0.0, 0.1, 1.2, 0.0, 0.0])), [0, 0, 1, 0, 0])


def test_few_cases_are_listed_and_not_predicted(study: Study) -> None:
    options = study.predict
    assert options is not None
    strict = study.model_copy(update={"predict": options.model_copy(update={"min_cases": PEOPLE // 2})})
    stages.run_stage(strict, "predict")
    targets = table(strict, files.PREDICTION_TARGETS)
    assert targets["status"].str.starts_with("fewer than").all()
    assert table(strict, files.PREDICTION_RISKS).height == 0
    assert "0 of" in summaries.in_counts(strict, "predict")
    stages.run_stage(study, "predict")


def test_unknown_targets_are_refused(study: Study) -> None:
    options = study.predict
    assert options is not None
    for changed, words in (({"outcomes": ("gout",)}, "gout is not among them"), ({"variants": ("rs999999",)}, "rs999999")):
        other = study.model_copy(update={"predict": options.model_copy(update=changed)})
        with pytest.raises(InputError, match=words):
            list(predict.targets(other, stages.traits.load_traits(study)))


def test_without_the_section_there_is_no_stage(study: Study) -> None:
    plain = study.model_copy(update={"predict": None})
    assert stages.stage_named("predict").parts(plain) == ()
    with pytest.raises(StudyError, match="no section predict"):
        stages.run_part(plain, "predict", "all")


def test_the_plan_knows_the_stage(study: Study) -> None:
    cost = next(job.cost for job in planning.jobs(study) if job.stage == "predict")
    more = study.model_copy(update={"predict": study.predict.model_copy(update={"permutations": 999})})
    assert next(job.cost for job in planning.jobs(more) if job.stage == "predict").cpu_seconds > 5 * cost.cpu_seconds


def test_what_is_shared_has_no_small_group(study: Study) -> None:
    tables = {file: table(study, file) for file in (files.PREDICTION_TARGETS, files.PREDICTION_MODELS, files.DECISION_CURVES)}
    tables[files.OUTCOMES] = table(study, files.OUTCOMES)
    everything = sharing.shareable(tables, 2)
    assert everything[files.PREDICTION_TARGETS].equals(tables[files.PREDICTION_TARGETS])
    cases = tables[files.PREDICTION_TARGETS].filter(pl.col("target") == "conduction_disease")["cases"][0]
    hidden = sharing.shareable(tables, cases + 1)
    row = hidden[files.PREDICTION_TARGETS].filter(pl.col("target") == "conduction_disease").row(0, named=True)
    assert row["cases"] is None
    assert row["gain"] is None
    assert "conduction_disease" not in hidden[files.PREDICTION_MODELS]["target"]
    without = tables | {files.OUTCOMES: tables[files.OUTCOMES].with_columns(people=pl.lit(None, pl.Int64))}
    assert set(sharing.shareable(without, 2)[files.PREDICTION_MODELS]["kind"]) == {"variant"}


def test_the_pictures_have_every_target_and_model(study: Study) -> None:
    shown = (files.PREDICTION_MODELS, files.DECISION_CURVES)
    drawn = figures.figures({file: table(study, file) for file in shown})
    assert set(drawn) == {"predictions", "decision_curves"}
    assert "conduction disease" in drawn["predictions"].svg
    assert "carriers of" in drawn["predictions"].svg
    assert figures.figures({}) == {}


def test_check_looks_up_variants(study: Study) -> None:
    ended = CliRunner().invoke(main, ["check", str(study.folder / "study.yaml")])
    assert "1 variant(s) whose carriers are predicted" in ended.output
