"""A study of families that keeps relatives: who is tested, what is written, what the page and the terminal say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ecgwas import stages
from ecgwas.errors import Caution
from ecgwas.stages import scan as scan_stage
from ecgwas.study import Matrix, Study
from ecgwas.tables import files
from ecgwas.workflow import planning
from tests.mixed import families, gemma

PEOPLE = 220
STUDY = """\
name: families
represent:
  - {kind: table, name: mine, file: mine.tsv}
traits: {covariates: covariates.tsv, components: 2}
scan: {genotypes: cohort, permutations: 100, chromosomes: [1, 2, 3, 4], relatives: polygenic}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Siblings, and two heritable traits of which the first follows variant v3, run up to the page."""
    folder = tmp_path_factory.mktemp("families")
    made = families.draw(PEOPLE, 2000, related=0.7, seed=8)
    values = families.polygenic(made.copies, np.array([0.6, 0.6]), 2)
    values[:, 0] += 1.0 * made.copies[:, 3]
    gemma.fileset(folder / "cohort", made.copies, values, made.chromosome)
    rng = np.random.default_rng(1)
    rows = ["eid\tage", *(f"p{i}\t{rng.integers(40, 70)}" for i in range(PEOPLE))]
    (folder / "covariates.tsv").write_text("\n".join(rows) + "\n")
    rows = ["eid\tqt\thr", *(f"p{i}\t{a:.6f}\t{b:.6f}" for i, (a, b) in enumerate(values))]
    (folder / "mine.tsv").write_text("\n".join(rows) + "\n")
    (folder / "study.yaml").write_text(STUDY)
    made_study = Study.read_file(folder / "study.yaml")
    stages.run(made_study)
    return made_study


def test_nobody_is_excluded_for_kinship_and_the_guard_says_how_many_are_related(study: Study) -> None:
    reasons = files.PEOPLE.read(study.results).frame["reason"].fill_null("")
    assert not reasons.str.contains("related").any()
    assert (reasons == "").sum() > PEOPLE - 10
    (guard,) = files.SAMPLE_GUARDS.read(study.results).frame.filter(pl.col("guard") == "kinship").to_dicts()
    assert (guard["status"], guard["limit"], guard["left_out"]) == ("pass", None, 0)
    related = int(guard["note"].split(";")[1].split()[0])
    assert 120 <= related <= 170
    assert "kept (scan.relatives)" in guard["note"]


def test_the_planted_variant_is_found_at_the_permutation_threshold(study: Study) -> None:
    hits = files.HITS.read(study.results).frame
    assert ("mine.12L.qt", "v3") in set(hits.select("trait", "variant").iter_rows())
    assert len(scan_stage.load_results(study)[0].permutation_max) == 100
    assert files.SET_HITS.read(study.results).frame.height == 0


def test_tests_of_a_neighbourhood_are_those_of_the_scan(study: Study) -> None:
    around = files.LEAD_TESTS.read(study.results).frame
    kept = scan_stage.rows(study).collect()
    both = around.join(kept, on=["trait", "chrom", "pos", "effect_allele", "other_allele"], suffix="_kept")
    assert both.height > 0
    np.testing.assert_allclose(both["neglog10p"], both["neglog10p_kept"], rtol=1e-9)


def test_the_page_names_the_model_and_what_power_is_of(study: Study) -> None:
    page = files.REPORT.path(study.results).read_text()
    assert "exact Wald test of GEMMA" in page
    assert "Genome-wide efficient mixed-model analysis" in page
    assert "power is that of as many unrelated people" in page
    assert "KING-robust kinship of at most" not in page


def test_check_cautions_and_the_plan_knows_the_model(study: Study) -> None:
    facts, mistakes = stages.check(study)
    assert mistakes == []
    assert any(isinstance(fact, Caution) and "unrelated people" in fact for fact in facts)
    assert isinstance(study.scan, Matrix)
    plain = study.model_copy(update={"scan": study.scan.model_copy(update={"relatives": "drop"})})
    size = planning.size_of(study)
    large = size.__class__(recordings=0, tested=10_000, variants={str(c): 40_000 for c in range(1, 23)})
    cost, least_squares = (
        next(job.cost for job in planning.jobs(one, large) if job.stage == "scan") for one in (study, plain)
    )  # fmt: skip
    assert cost.cpu_seconds > least_squares.cpu_seconds
    assert cost.memory_mib > 5_000 > least_squares.memory_mib


def test_relatives_are_part_of_the_options_of_both_stages_only_if_they_are_kept(study: Study) -> None:
    assert isinstance(study.scan, Matrix)
    plain = study.model_copy(update={"scan": study.scan.model_copy(update={"relatives": "drop"})})
    stage = stages.stage_named("traits")
    assert stage.options(study, "all") == [*stage.options(plain, "all"), "relatives are kept"]
    assert stages.is_fresh(study, "traits", "all")
    assert not stages.is_fresh(plain, "traits", "all")
