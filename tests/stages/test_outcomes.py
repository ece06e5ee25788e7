"""Stage `outcomes`, end to end on a study of tables: planted diseases are found, others not; equal to statsmodels; faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from click.testing import CliRunner
from numpy.typing import NDArray

from ecgwas import stages
from ecgwas.commands.cli import main
from ecgwas.errors import Caution, InputError, StudyError
from ecgwas.report import outcomes as sharing
from ecgwas.report.figures import outcomes as figures
from ecgwas.simulate import draw_hearts, draw_outcomes
from ecgwas.simulate.outcomes import PLANTED, write_outcomes
from ecgwas.stages import report, summaries
from ecgwas.study import Study
from ecgwas.tables import files
from ecgwas.workflow import planning
from tests.factories import make_bed, make_eids

PEOPLE = 400
JUST_AFTER = 1e-9
"""Years. In statsmodels a participant is at risk at the moment of entry, here and in R's survival after it."""
FEATURES = ("pr_ms", "qt_ms", "r_uv", "p_uv")
OUTCOMES = """\
outcomes:
  follow_up: outcomes/follow_up.tsv
  firth_below: 0
  keep_neglog10p: 2
  tables:
    - {kind: binary, file: outcomes/diseases.tsv, group: Diseases}
    - {kind: dates, file: outcomes/first_occurrences.tsv, group: Diagnoses}
    - {kind: numeric, file: outcomes/measurements.tsv, group: Echo}
    - {kind: survival, file: survival.tsv, name: arrhythmia_days, time: days, event: event}
    - kind: diagnoses
      file: records.tsv
      diseases: [{name: fibrillation, codes: [I48], related: [L20]}]
"""
STUDY = """\
name: outcomes
represent:
  - {kind: table, name: mine, file: mine.tsv}
traits: {covariates: covariates.tsv}
scan: {genotypes: genotypes/cohort, min_mac: 5, permutations: 100}
"""


def write_inputs(folder: Path) -> Path:
    """Genotypes, covariates, true parameters as features, and outcomes of PEOPLE; gives the study file."""
    (folder / "genotypes").mkdir(parents=True)
    make_bed(folder / "genotypes" / "cohort.bed", PEOPLE, 30)
    eids, rng = make_eids(PEOPLE), np.random.default_rng(1)
    male = rng.random(PEOPLE) < 0.5
    age = np.rint(np.clip(rng.normal(56, 8, PEOPLE), 40, 75)).astype(np.int64)
    hearts = draw_hearts(PEOPLE, rng, age_sd=(age - 56) / 8, male=male)
    drawn = draw_outcomes(hearts, age, male, rng)
    write_outcomes(folder, eids, drawn)
    columns = {name: hearts[name] for name in FEATURES}
    pl.DataFrame({"eid": eids, **columns}).write_csv(folder / "mine.tsv", separator="\t")
    pl.DataFrame({"eid": eids, "age": age, "sex": male.astype(int)}).write_csv(folder / "covariates.tsv", separator="\t")
    days = (np.fmin(np.fmin(drawn.onset["arrhythmia"], drawn.death), np.datetime64("2022-10-31")) - drawn.ecg).astype(int)
    event = (~np.isnat(drawn.onset["arrhythmia"])).astype(int)
    followed = days > 0
    pl.DataFrame({"eid": np.array(eids)[followed], "days": days[followed], "event": event[followed]}).write_csv(
        folder / "survival.tsv", separator="\t"
    )
    records = [(eids[i], "I48.1", str(day)) for i, day in enumerate(drawn.onset["arrhythmia"]) if not np.isnat(day)]
    records += [(eids[i], "L20", str(day)) for i, day in enumerate(drawn.onset["eczema"]) if not np.isnat(day)]
    pl.DataFrame(records, schema=["eid", "code", "date"], orient="row").write_csv(folder / "records.tsv", separator="\t")
    (folder / "study.yaml").write_text(STUDY + OUTCOMES)
    return folder / "study.yaml"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = Study.read_file(write_inputs(tmp_path_factory.mktemp("outcomes") / "study"))
    for stage, part in (("represent", "mine"), ("traits", "all"), ("outcomes", "all")):
        stages.run_part(study, stage, part)
    return study


def rows_of(study: Study) -> pl.DataFrame:
    return files.OUTCOME_TESTS.read(study.results).frame


def test_planted_outcomes_are_found_and_others_are_not(study: Study) -> None:
    tests = rows_of(study)
    found = set(tests.filter(pl.col("significant")).select("outcome", "trait").iter_rows())
    planted = {(one.outcome, f"mine.12L.{one.parameter}") for one in PLANTED}
    same = {("arrhythmia_days", "mine.12L.qt_ms"), ("fibrillation", "mine.12L.qt_ms")}
    assert found == planted | same
    for one in PLANTED:
        row = tests.row(by_predicate=(pl.col("outcome") == one.outcome) & (pl.col("analysis") == one.analysis)
                        & (pl.col("trait") == f"mine.12L.{one.parameter}"), named=True)  # fmt: skip
        # Traits are residuals on age and sex: an SD of them is a little less than one of the parameter.
        assert row["low"] - 0.1 * one.effect < one.effect < row["high"] + 0.1 * one.effect, row
    assert set(tests["outcome"]) == set(files.OUTCOMES.read(study.results).frame["outcome"])


def design_of(study: Study, trait: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The trait per SD, and covariates with an intercept."""
    traits, covariates = files.TRAITS.read(study.results), files.COVARIATES.read(study.results)
    values = traits.values[:, traits.names.index(trait)]
    return (values - values.mean()) / values.std(), sm.add_constant(covariates.values)


def user_table(study: Study, name: str) -> dict[str, NDArray[np.object_]]:
    """Columns of a user's table in the order of the traits, as text."""
    eids = files.TRAITS.read(study.results).eids
    frame = pl.DataFrame({"eid": eids}).join(
        pl.read_csv(study.folder / name, separator="\t", infer_schema=False), on="eid", how="left", maintain_order="left"
    )
    return {column: frame[column].to_numpy() for column in frame.columns}


def years(start: NDArray[np.datetime64], stop: NDArray[np.datetime64]) -> NDArray[np.float64]:
    return (stop - start).astype("timedelta64[D]").astype(float) / 365.25


def test_rows_equal_statsmodels_on_the_users_tables(study: Study) -> None:
    """Odds ratios by Logit, hazard ratios by PHReg with late entry and Efron's ties, slopes by OLS with HC3."""
    dates = {name: cells.astype("datetime64[D]") for name, cells in user_table(study, "outcomes/follow_up.tsv").items()
             if name != "eid"}  # fmt: skip
    first = user_table(study, "outcomes/first_occurrences.tsv")
    binary, numeric = user_table(study, "outcomes/diseases.tsv"), user_table(study, "outcomes/measurements.tsv")
    for row in rows_of(study).iter_rows(named=True):
        x, covariates = design_of(study, row["trait"])
        both = np.column_stack([x, covariates])
        name = row["outcome"]
        if row["analysis"] == "numeric":
            fit = sm.OLS(numeric[name].astype(float), both).fit(cov_type="HC3", use_t=True)
        elif row["analysis"] == "binary":
            fit = sm.Logit(binary[name].astype(float), both).fit(disp=0, tol=1e-12)
        elif name in first:
            onset = first[name].astype("datetime64[D]")
            early = onset <= dates["ecg_date"]
            if row["analysis"] == "prevalent":
                fit = sm.Logit(early.astype(float), both).fit(disp=0, tol=1e-12)
            else:
                end = np.fmin(dates["end_date"], dates["death_date"])
                event, here = (onset <= end) & ~early, ~early
                exit_ = years(dates["birth_date"], np.where(event, onset, end))
                fit = sm.PHReg(
                    exit_[here], np.column_stack([x, covariates[:, 1:]])[here], status=event[here].astype(int),
                    entry=years(dates["birth_date"], dates["ecg_date"])[here] + JUST_AFTER, ties="efron",
                ).fit()  # fmt: skip
                assert row["cases"] == int(event.sum())
        else:
            continue
        assert (row["beta"], row["se"]) == pytest.approx((fit.params[0], fit.bse[0]), rel=1e-5), row
        assert (row["low"], row["high"]) == pytest.approx(tuple(np.asarray(fit.conf_int())[0]), rel=1e-4, abs=1e-5), row


def test_counts_add_up_and_have_reasons(study: Study) -> None:
    outcomes = files.OUTCOMES.read(study.results).frame
    tested = len(files.TRAITS.read(study.results).eids)
    assert (outcomes["people"] + outcomes["excluded"] == tested).all()
    with_cases = outcomes.filter(pl.col("cases").is_not_null())
    assert (with_cases["cases"] + with_cases["controls"] == with_cases["people"]).all()
    reasons = files.OUTCOME_EXCLUSIONS.read(study.results).frame.group_by("outcome", "analysis").agg(pl.col("people").sum())
    both = outcomes.join(reasons, on=["outcome", "analysis"], how="left").with_columns(pl.col("people_right").fill_null(0))
    assert (both["excluded"] == both["people_right"]).all()
    prevalent, incident = (
        outcomes.row(by_predicate=(pl.col("outcome") == "arrhythmia") & (pl.col("analysis") == analysis), named=True)
        for analysis in ("prevalent", "incident")
    )
    assert prevalent["cases"] == incident["excluded"]
    assert "significant (-log10 p >" in summaries.in_counts(study, "outcomes")


def test_screen_holds_every_test(study: Study) -> None:
    screen = files.OUTCOME_SCREEN.read(study.results).frame
    thresholds = files.OUTCOME_THRESHOLDS.read(study.results).frame
    assert screen.height == thresholds["tests"][0] == 4 * files.OUTCOMES.read(study.results).frame.height
    joined = rows_of(study).join(screen, on=["trait", "outcome", "analysis"])
    assert (joined["neglog10p_score"] == joined["neglog10p_right"]).all()
    assert (np.sign(joined["z"]) == np.sign(joined["beta"])).all()
    used = thresholds.filter(pl.col("used"))
    assert used["kind"].item() == "permutation"
    assert (screen["neglog10p"] > used["neglog10p"].item()).sum() == used["significant"].item()


def test_fresh_until_a_table_changes(study: Study, tmp_path: Path) -> None:
    assert stages.is_fresh(study, "outcomes", "all")
    assert not stages.run_part(study, "outcomes", "all")
    before = files.OUTCOME_TESTS.path(study.results).read_bytes()
    stages.run_part(study, "outcomes", "all", force=True)
    assert files.OUTCOME_TESTS.path(study.results).read_bytes() == before
    changed = study.model_copy(update={"outcomes": study.outcomes.model_copy(update={"min_cases": 21})})
    assert not stages.is_fresh(changed, "outcomes", "all")
    path = study.folder / "outcomes" / "measurements.tsv"
    kept = path.read_text()
    try:
        path.write_text(kept.replace("eid\t", "eid\tnew_", 1))
        assert not stages.is_fresh(study, "outcomes", "all")
    finally:
        path.write_text(kept)
    stages.run_part(study, "outcomes", "all")
    assert files.OUTCOME_TESTS.path(study.results).read_bytes() == before


def test_pictures_and_shared_tables_without_small_groups(study: Study) -> None:
    tables = report._further_tables(study.results)
    drawn = figures.figures(tables)
    assert set(drawn) == {"outcomes_phewas", "outcomes_forest"}
    assert all(figure is not None and "<svg" in figure.svg for figure in drawn.values())
    cases = dict(zip(tables[files.OUTCOMES]["outcome"] + tables[files.OUTCOMES]["analysis"], tables[files.OUTCOMES]["cases"],
                     strict=True))  # fmt: skip
    limit = cases["arrhythmiaprevalent"] + 1
    shared = sharing.shareable(tables, limit)
    counted = {
        files.OUTCOMES: ("people", "cases", "controls", "excluded"), files.OUTCOME_TESTS: ("people", "cases"),
        files.OUTCOME_EXCLUSIONS: ("people",),
    }  # fmt: skip
    for file, columns in counted.items():
        for name in columns:
            assert not shared[file][name].is_between(1, limit - 1).any(), (file, name)
        assert shared[file].columns == tables[file].columns
    # Both analyses of the disease: one set of counts would give the other away.
    of_disease = shared[files.OUTCOMES].filter(pl.col("outcome") == "arrhythmia")
    assert of_disease["cases"].null_count() == of_disease["people"].null_count() == 2
    assert ("arrhythmia", "prevalent") not in set(shared[files.OUTCOME_TESTS].select("outcome", "analysis").iter_rows())
    assert sharing.shareable({**tables, files.OUTCOMES: tables[files.OUTCOMES].clear()}, 10) == {}


def test_check_and_plan(study: Study) -> None:
    facts, mistakes = stages.check(study)
    assert mistakes == []
    assert any(fact.startswith("11 outcomes of 5 table(s), 400 participants") for fact in facts), facts
    job = next(job for job in planning.jobs(study) if job.stage == "outcomes")
    assert 0 < job.cost.work_seconds < 600
    few = study.model_copy(update={"outcomes": study.outcomes.model_copy(update={"min_cases": 390})})
    assert any(isinstance(fact, Caution) and "outcomes.min_cases" in fact for fact in stages.check(few)[0])
    row = planning.table(planning.jobs(study)).filter(pl.col("stage") == "outcomes")
    assert row.height == 1


def test_a_study_without_the_section_has_no_such_stage(tmp_path: Path) -> None:
    path = write_inputs(tmp_path / "study")
    path.write_text(STUDY)
    study = Study.read_file(path)
    assert stages.stage_named("outcomes").parts(study) == ()
    assert "outcomes" not in {job.stage for job in planning.jobs(study)}
    with pytest.raises(StudyError, match="the study has no section outcomes"):
        stages.run_part(study, "outcomes", "all")
    said = CliRunner().invoke(main, ["outcomes", str(path)])
    assert said.exit_code == 0, said.output
    assert "has no section `outcomes`" in said.output


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kind: binary", "kind: binry", "binary"),
        ("firth_below: 0", "permutations: 5", "5 permutations have no threshold at 5 %"),
        ("keep_neglog10p: 2", "min_cases: 2", "greater than or equal to 5|5 or more|at least 5"),
        ("follow_up: outcomes", "folow_up: outcomes", "follow_up"),
    ],
)
def test_mistakes_in_the_section_are_told(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = STUDY + OUTCOMES
    assert old in text
    (tmp_path / "study.yaml").write_text(text.replace(old, new))
    with pytest.raises(StudyError, match=words):
        Study.read_file(tmp_path / "study.yaml")


def test_faulty_tables_are_found_by_check_and_by_the_stage(study: Study) -> None:
    path = study.folder / "outcomes" / "diseases.tsv"
    kept = path.read_text()
    try:
        path.write_text(kept.replace("\t1\n", "\tyes\n", 1))
        _, mistakes = stages.check(study)
        assert ["is not a number" in mistake.problem for mistake in mistakes] == [True]
        with pytest.raises(InputError, match="is not a number"):
            stages.run_part(study, "outcomes", "all")
    finally:
        path.write_text(kept)
