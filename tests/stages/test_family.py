"""A study of families by the sparse model: the pairs of stage traits, the scan that reads them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas import stages
from ecgwas.errors import Caution, InputError, StudyError
from ecgwas.genotypes import chromosomes
from ecgwas.mixed.families import families as families_of
from ecgwas.scan import family, matrix
from ecgwas.scan.engine.samples import assemble
from ecgwas.stages import scan as scan_stage
from ecgwas.stages import traits as traits_stage
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
scan: {genotypes: cohort, permutations: 100, chromosomes: [1, 2, 3, 4], relatives: family}
"""


def written(folder: Path, *, variants: int = 2000) -> Study:
    """Siblings, and two heritable traits of which the first follows variant v3."""
    made = families.draw(PEOPLE, variants, related=0.7, seed=8)
    values = families.polygenic(made.copies, np.array([0.6, 0.6]), 2)
    values[:, 0] += 1.0 * made.copies[:, 3]
    gemma.fileset(folder / "cohort", made.copies, values, made.chromosome)
    rng = np.random.default_rng(1)
    rows = ["eid\tage", *(f"p{i}\t{rng.integers(40, 70)}" for i in range(PEOPLE))]
    (folder / "covariates.tsv").write_text("\n".join(rows) + "\n")
    rows = ["eid\tqt\thr", *(f"p{i}\t{a:.6f}\t{b:.6f}" for i, (a, b) in enumerate(values))]
    (folder / "mine.tsv").write_text("\n".join(rows) + "\n")
    (folder / "study.yaml").write_text(STUDY)
    return Study.read_file(folder / "study.yaml")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    made_study = written(tmp_path_factory.mktemp("families"))
    stages.run(made_study)
    return made_study


def test_pairs_are_the_siblings_and_nobody_is_excluded_for_kinship(study: Study) -> None:
    pairs = files.RELATED_PAIRS.read(study.results).frame
    tested = set(traits_stage.load_traits(study).eids)
    expected = {frozenset((f"p{i}", f"p{j}")) for i, j in families.siblings(PEOPLE, 0.7)}
    expected = {pair for pair in expected if pair <= tested}
    found = {frozenset(pair) for pair in pairs.select("eid1", "eid2").iter_rows()}
    assert len(found & expected) > 0.98 * len(expected)
    assert len(found - expected) <= 2
    assert pairs["kinship"].mean() == pytest.approx(0.25, abs=0.02)
    reasons = files.PEOPLE.read(study.results).frame["reason"].fill_null("")
    assert not reasons.str.contains("related").any()


def test_pairs_are_personal() -> None:
    assert files.RELATED_PAIRS.about_people
    assert not files.RELATED_PAIRS.shared


def test_the_planted_variant_is_found_at_the_permutation_threshold(study: Study) -> None:
    hits = files.HITS.read(study.results).frame
    assert ("mine.12L.qt", "v3") in set(hits.select("trait", "variant").iter_rows())
    assert len(scan_stage.load_results(study)[0].permutation_max) == 100


def test_tests_of_a_neighbourhood_are_those_of_the_scan(study: Study) -> None:
    around = files.LEAD_TESTS.read(study.results).frame
    kept = scan_stage.rows(study).collect()
    both = around.join(kept, on=["trait", "chrom", "pos", "effect_allele", "other_allele"], suffix="_kept")
    assert both.height > 0
    np.testing.assert_allclose(both["neglog10p"], both["neglog10p_kept"], rtol=1e-9)


def test_the_scan_has_the_families_of_the_table(study: Study) -> None:
    engine = scan_stage.engine(study)
    assert isinstance(engine, Matrix)
    assert engine.kinship == files.RELATED_PAIRS.path(study.results)
    tables = traits_stage.load_traits(study), traits_stage.load_covariates(study)
    genotypes = chromosomes.open_chromosome(engine, "2")
    cohort = assemble(*tables, genotypes)
    found = family.relationship(engine, cohort, genotypes)
    pairs = files.RELATED_PAIRS.read(study.results).frame
    place = {genotypes.eids[i]: k for k, i in enumerate(cohort.fam_index)}
    first, second = (np.array([place[eid] for eid in pairs[name]]) for name in ("eid1", "eid2"))
    other = families_of(len(place), first, second, 2 * pairs["kinship"].to_numpy())
    np.testing.assert_allclose(found.matrix(), other.matrix(), atol=1e-12)


def test_page_check_and_plan_know_the_model(study: Study) -> None:
    page = files.REPORT.path(study.results).read_text()
    assert "twice the kinship of relatives within families" in page
    assert "A resource-efficient tool for mixed model association" in page
    assert "takes relatives for unrelated" not in page
    assert "KING-robust kinship of at most" not in page
    facts, mistakes = stages.check(study)
    assert mistakes == []
    assert any(isinstance(fact, Caution) and "scan.relatives: family" in fact for fact in facts)
    size = planning.size_of(study)
    large = size.__class__(recordings=0, tested=100_000, variants={str(c): 40_000 for c in range(1, 23)})
    assert isinstance(study.scan, Matrix)
    plain = study.model_copy(update={"scan": study.scan.model_copy(update={"relatives": "drop", "sets_of_traits": False})})
    cost, least_squares = (
        next(job.cost for job in planning.jobs(one, large) if job.stage == "scan") for one in (study, plain)
    )  # fmt: skip
    assert least_squares.cpu_seconds < cost.cpu_seconds < 20 * least_squares.cpu_seconds


def test_an_own_list_makes_the_table_superfluous_and_unknown_ids_are_counted(study: Study) -> None:
    path = study.results.parent / "rel.dat"
    lines = ["ID1 ID2 HetHet IBS0 Kinship", "p0 p1 0.1 0.0 0.25", "p4 nobody 0.1 0.0 0.25", "-1 p9 0.1 0.0 0.25"]
    path.write_text("\n".join(lines) + "\n")
    assert isinstance(study.scan, Matrix)
    own = study.model_copy(update={"scan": study.scan.model_copy(update={"kinship": path})})
    facts, _ = stages.check(own)
    assert any("1 pairs of rel.dat are of genotyped people, 1 with somebody who is not, 1 with somebody who has" in fact
               for fact in facts)  # fmt: skip
    assert scan_stage.engine(own) == own.scan
    stage = stages.stage_named("traits")
    assert "their pairs are written" in stage.options(study, "all")
    assert "their pairs are written" not in stage.options(own, "all")
    assert path in stages.stage_named("scan").files(own, "1")


def test_a_study_that_looks_for_no_pairs_is_refused(study: Study) -> None:
    guards = study.traits.guards.model_copy(update={"max_kinship": None})
    unguarded = study.model_copy(update={"traits": study.traits.model_copy(update={"guards": guards})})
    _, mistakes = stages.check(unguarded)
    assert any("max_kinship: null looks for none" in str(mistake) for mistake in mistakes)


def test_too_few_variants_to_see_relatives_are_refused(tmp_path: Path) -> None:
    few = written(tmp_path, variants=120)
    with pytest.raises(InputError, match="fewer than 200 independent variants cannot show them"):
        stages.run(few, until="traits")


def test_the_engine_alone_needs_a_list(study: Study) -> None:
    tables = traits_stage.load_traits(study), traits_stage.load_covariates(study)
    genotypes = chromosomes.open_chromosome(study.scan, "1")
    assert isinstance(study.scan, Matrix)
    with pytest.raises(StudyError, match="needs the pairs of relatives"):
        matrix.scan(study.scan, *tables, genotypes, seed=1)


def test_tables_of_other_polygenic_studies_are_unchanged(study: Study) -> None:
    assert isinstance(study.scan, Matrix)
    other = study.model_copy(update={"scan": study.scan.model_copy(update={"relatives": "polygenic"})})
    assert stages.stage_named("traits").options(other, "all")[-1] == "relatives are kept"
    assert pl.read_parquet(files.RELATED_PAIRS.path(study.results)).columns == ["eid1", "eid2", "kinship"]
