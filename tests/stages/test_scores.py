"""Stage `scores`, end to end on a study of tables: a planted score is found, others are not; counts, faults, sharing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from click.testing import CliRunner

from ecgwas import stages
from ecgwas.commands.cli import main
from ecgwas.errors import Caution, InputError, StudyError
from ecgwas.report import scores as sharing
from ecgwas.report.figures import scores as figures
from ecgwas.stages import summaries
from ecgwas.study import Study
from ecgwas.tables import Traits, files
from ecgwas.workflow import planning
from tests.factories import make_eids
from tests.scores.files import MISSING, lines_of, write_cohort, write_score

PEOPLE, VARIANTS = 300, 60
STUDY = """\
name: scores
represent:
  - {kind: table, name: mine, file: mine.tsv}
traits: {covariates: covariates.tsv}
scan: {genotypes: cohort, min_mac: 5, permutations: 100, chromosomes: [1, 2]}
scores:
  palindromes: keep
  permutations: 99
  files: [planted.txt, other.txt]
outcomes:
  permutations: 99
  keep_neglog10p: 0
  tables: [{kind: binary, file: diseases.tsv}]
"""


def write_inputs(folder: Path) -> Path:
    """Genotypes, covariates, a trait that depends on the score `planted` by R2 0.3, and another; gives the study file."""
    folder.mkdir(parents=True)
    _, table, copies = write_cohort(folder, PEOPLE, VARIANTS, missing=0.002)
    rng, eids = np.random.default_rng(1), make_eids(PEOPLE)
    weights, other = rng.normal(size=(2, VARIANTS))
    values = np.where(copies == MISSING, 1.0, copies)
    score = values @ weights
    covariates = rng.normal(size=(PEOPLE, 2))
    trait = np.sqrt(0.3) * (score - score.mean()) / score.std() + np.sqrt(0.7) * rng.normal(size=PEOPLE) + covariates[:, 0]
    pl.DataFrame({"eid": eids, "planted_ms": trait, "noise_ms": rng.normal(size=PEOPLE)}).write_csv(
        folder / "mine.tsv", separator="\t"
    )
    pl.DataFrame({"eid": eids, "age": covariates[:, 0], "height": covariates[:, 1]}).write_csv(
        folder / "covariates.tsv", separator="\t"
    )
    liability = 1.2 * (score - score.mean()) / score.std() + rng.logistic(size=PEOPLE)
    pl.DataFrame({"eid": eids, "arrhythmia": (liability > 0).astype(int), "eczema": rng.integers(0, 2, PEOPLE)}).write_csv(
        folder / "diseases.tsv", separator="\t"
    )
    absent = lines_of(table, other).with_columns(
        pl.col("chr_position") + pl.when(pl.col("rsID") == "rs100").then(1).otherwise(0)
    )
    write_score(folder / "planted.txt", lines_of(table, weights), trait_reported="QT interval", weight_type="beta")
    write_score(folder / "other.txt", absent)
    (folder / "study.yaml").write_text(STUDY)
    return folder / "study.yaml"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = Study.read_file(write_inputs(tmp_path_factory.mktemp("scores") / "study"))
    for stage, part in (("represent", "mine"), ("traits", "all"), ("scores", "files")):
        stages.run_part(study, stage, part)
    return study


def test_the_planted_score_is_found_and_others_are_not(study: Study) -> None:
    tests = files.SCORE_TRAITS.read(study.results).frame
    assert tests.height == 4
    found = tests.filter(pl.col("significant")).select("score", "trait").rows()
    assert found == [("planted", "mine.12L.planted_ms")]
    row = tests.row(0, named=True)
    assert row["r2_low"] < 0.3 < row["r2_high"]
    assert row["r2_null"] < 0.01
    assert row["p_family"] == 1 / 100


def test_scores_and_outcomes(study: Study) -> None:
    """The odds ratio of a disease whose liability the score is part of, against statsmodels."""
    tests = files.SCORE_OUTCOMES.read(study.results).frame
    assert tests.height == 4
    assert tests.filter(pl.col("significant")).select("score", "outcome").rows() == [("planted", "arrhythmia")]
    row = tests.row(by_predicate=(pl.col("score") == "planted") & (pl.col("outcome") == "arrhythmia"), named=True)
    scores, covariates = files.SCORES.read(study.results), files.COVARIATES.read(study.results)
    diseases = pl.read_csv(study.folder / "diseases.tsv", separator="\t", schema_overrides={"eid": pl.String})
    cases = dict(diseases.select("eid", "arrhythmia").iter_rows())
    own = scores.values[:, 0] / scores.values[:, 0].std(ddof=1)
    design = sm.add_constant(np.column_stack([covariates.values, own]))
    fit = sm.Logit(np.array([cases[eid] for eid in scores.eids]), design).fit(disp=0)
    assert row["method"] == "firth"
    assert row["beta"] == pytest.approx(fit.params[-1], rel=0.05)
    assert row["low"] < 1.2 < row["high"]
    shown = sharing.shareable({files.SCORE_OUTCOMES: tests}, 20)[files.SCORE_OUTCOMES]
    assert shown.height == 4
    assert shown["cases"].null_count() == shown["people"].null_count() == 4
    assert sharing.shareable({files.SCORE_OUTCOMES: tests}, 290)[files.SCORE_OUTCOMES].height == 0


def test_files_and_lines_are_counted(study: Study) -> None:
    table = files.SCORE_FILES.read(study.results).frame
    assert table.select("score", "variants", "used", "reported_trait", "weight_type").rows() == [
        ("planted", VARIANTS, VARIANTS, "QT interval", "beta"), ("other", VARIANTS, VARIANTS - 1, None, None),
    ]  # fmt: skip
    counts = files.SCORE_MATCHES.read(study.results).frame
    assert counts.group_by("score").agg(pl.col("variants").sum())["variants"].to_list() == [VARIANTS, VARIANTS]
    assert counts.filter(pl.col("status") == "absent").select("score", "variants").rows() == [("other", 1)]
    lines = files.SCORE_VARIANTS.read(study.results).frame
    assert lines.height == 2 * VARIANTS
    assert lines.filter(pl.col("variant").is_null()).select("score", "rsid").rows() == [("other", "rs100")]


def test_people_have_the_scores_of_all_chromosomes(study: Study) -> None:
    """X is scored, though scan.chromosomes does not name it."""
    scores = files.SCORES.read(study.results)
    assert scores.names == ("planted", "other")
    assert scores.eids == files.TRAITS.read(study.results).eids
    assert "X" in files.SCORE_VARIANTS.read(study.results).frame.filter(pl.col("variant").is_not_null())["chrom"].to_list()


def test_freshness(study: Study) -> None:
    assert stages.is_fresh(study, "scores", "files")
    assert study.scores is not None
    changed = study.model_copy(update={"scores": study.scores.model_copy(update={"permutations": 19})})
    assert not stages.is_fresh(changed, "scores", "files")
    path = study.folder / "other.txt"
    text = path.read_text()
    try:
        path.write_text(text + "\n")
        assert not stages.is_fresh(study, "scores", "files")
    finally:
        path.write_text(text)
    stages.run_part(study, "scores", "files")


def test_check_counts_and_warns(study: Study) -> None:
    facts = stages.stage_named("scores").check(study)
    assert facts[0] == f"2 scoring file(s), {2 * VARIANTS} variants"
    few = study.model_copy(update={"scores": study.scores.model_copy(update={"palindromes": "drop"})})
    cautions = [fact for fact in stages.stage_named("scores").check(few) if isinstance(fact, Caution)]
    assert len(cautions) == 2
    assert "ambiguous palindrome" in cautions[0]
    strict = study.model_copy(update={"scores": few.scores.model_copy(update={"min_match": 0.95})})
    with pytest.raises(InputError, match="variants of the score planted are used") as caught:
        stages.stage_named("scores").check(strict)
    assert "scores.min_match" in caught.value.fix


def test_two_files_of_one_score_are_refused(study: Study) -> None:
    twice = study.model_copy(update={"scores": study.scores.model_copy(update={"files": [study.folder / "other.txt"] * 2})})
    with pytest.raises(InputError, match="two scoring files are of the score other"):
        stages.stage_named("scores").check(twice)


def test_plan_line_and_null_study(study: Study) -> None:
    job = next(job for job in planning.jobs(study) if job.stage == "scores")
    assert 0 < job.cost.cpu_seconds < 60
    assert "2 scores, 119 of 120 variants used; 4 tests, 1 significant" in summaries.in_counts(study, "scores")
    without = study.model_copy(update={"scores": None})
    assert stages.stage_named("scores").parts(without) == ()
    with pytest.raises(StudyError, match="no section scores"):
        stages.run_part(without, "scores", "files")


def test_a_section_without_scores_is_refused(study: Study) -> None:
    path = study.folder / "none.yaml"
    path.write_text(STUDY.split("scores:\n", 1)[0].replace("name: scores", "name: none") + "scores: {}\n")
    result = CliRunner().invoke(main, ["check", str(path)])
    assert result.exit_code == 2
    assert "name scoring files in `files`" in result.output


def test_within_ancestry(study: Study) -> None:
    part = study.model_copy(update={"results": study.folder / "within", "scores":
                                    study.scores.model_copy(update={"within_ancestry": True, "permutations": 0})})  # fmt: skip
    for stage, name in (("represent", "mine"), ("traits", "all"), ("scores", "files")):
        stages.run_part(part, stage, name)
    values = files.SCORES.read(part.results).values
    groups = files.ANCESTRY.read(part.results).frame["ancestry_group"].to_numpy()
    for group in np.unique(groups):
        np.testing.assert_allclose(values[groups == group].mean(axis=0), 0, atol=1e-9)


def test_figure_and_shared_tables(study: Study) -> None:
    tables = {file: file.read(study.results).frame for file in (files.SCORE_TRAITS, files.SCORE_FILES, files.SCORE_MATCHES)}
    figure = figures.figures(tables)["score_traits"]
    assert figure is not None
    assert figure.svg.count("<circle") == 4
    assert "1 of 4 tests are significant" in figure.caption
    shown = sharing.shareable({**tables, files.SCORE_TRAITS: tables[files.SCORE_TRAITS].with_columns(
        people=pl.when(pl.col("score") == "other").then(3).otherwise("people"))}, 20)  # fmt: skip
    assert shown[files.SCORE_TRAITS]["score"].unique().to_list() == ["planted"]
    assert files.SCORES.about_people
    assert not files.SCORES.shared
    assert isinstance(files.SCORES.read(study.results), Traits)
