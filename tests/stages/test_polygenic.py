"""A study with more people than the exact model is used for: predictions first, then each chromosome with families."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from ecgwas import scan, stages
from ecgwas.commands.cli import main
from ecgwas.genotypes import chromosomes
from ecgwas.stages import polygenic
from ecgwas.stages import scan as scan_stage
from ecgwas.stages import traits as trait_stage
from ecgwas.stages.base import seed_of
from ecgwas.study import Study
from ecgwas.tables import files
from ecgwas.workflow import arrays, costs_of_relatives, planning
from tests.mixed import families, gemma

PEOPLE = 400
STUDY = """\
name: many
represent:
  - {kind: table, name: mine, file: mine.tsv}
traits: {covariates: covariates.tsv, components: 2}
scan: {genotypes: cohort, permutations: 40, chromosomes: [1, 2, 3, 4], relatives: polygenic, exact_people: 300}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Siblings; two heritable traits, of which the first follows variant v3 and the second is missing in some."""
    folder = tmp_path_factory.mktemp("many")
    made = families.draw(PEOPLE, 2000, related=0.5, seed=8)
    values = families.polygenic(made.copies, np.array([0.6, 0.6]), 2)
    values[:, 0] += 1.0 * made.copies[:, 3]
    gemma.fileset(folder / "cohort", made.copies, values, made.chromosome)
    rng = np.random.default_rng(1)
    rows = ["eid\tage", *(f"p{i}\t{rng.integers(40, 70)}" for i in range(PEOPLE))]
    (folder / "covariates.tsv").write_text("\n".join(rows) + "\n")
    rows = ["eid\tqt\thr", *(f"p{i}\t{a:.6f}\t{'' if i % 9 == 0 else f'{b:.6f}'}" for i, (a, b) in enumerate(values))]
    (folder / "mine.tsv").write_text("\n".join(rows) + "\n")
    (folder / "study.yaml").write_text(STUDY)
    made_study = Study.read_file(folder / "study.yaml")
    stages.run(made_study)
    return made_study


def changed(study: Study, tmp_path: Path, old: str, new: str) -> Study:
    """A copy of the study with another line."""
    folder = tmp_path / "copy"
    shutil.copytree(study.folder, folder)
    text = (folder / "study.yaml").read_text()
    assert old in text
    (folder / "study.yaml").write_text(text.replace(old, new))
    return Study.read_file(folder / "study.yaml")


def test_predictions_come_before_the_chromosomes(study: Study) -> None:
    assert stages.stage_named("scan").parts(study) == ("polygenic", "1", "2", "3", "4")
    assert stages.stage_named("scan").needs(study, "polygenic") == [("traits", "all")]
    assert ("scan", "polygenic") in stages.stage_named("scan").needs(study, "2")
    assert arrays._rounds(stages.stage_named("scan"), study) == [["polygenic"], ["1", "2", "3", "4"]]
    assert stages.run(study).computed == 0
    table = files.POLYGENIC.read(study.results).frame
    assert table["trait"].to_list() == ["mine.12L.qt", "mine.12L.hr"]
    assert table["people"][1] < table["people"][0]
    assert (table["variants"] > 1500).all()
    for chrom in ("1", "2", "3", "4", "autosomes"):
        values = np.load(files.PREDICTIONS.path(study.results, chromosome=chrom), allow_pickle=False)
        assert values.shape == (2, len(trait_stage.load_traits(study).eids))
        assert values.dtype == np.float32
        assert np.isfinite(values).all()


def test_the_scan_tests_what_is_left_of_the_traits_with_families(study: Study) -> None:
    engine = scan_stage.engine(study)
    assert engine.relatives == "family"
    assert engine.kinship == files.RELATED_PAIRS.path(study.results)
    traits, covariates = trait_stage.load_traits(study), trait_stage.load_covariates(study)
    predicted = np.load(files.PREDICTIONS.path(study.results, chromosome="2"), allow_pickle=False).T
    opened = chromosomes.open_chromosome(study.scan, "2")
    groups = trait_stage.load_ancestry(study, "ancestry_group")
    seed = seed_of(study, "scan")
    direct = scan.scan(engine, traits, covariates, opened, seed=seed, ancestry=groups, predictions=predicted).associations
    kept = files.ASSOCIATIONS.read(study.results, part="2").frame
    assert kept.height > 0
    assert direct.frame.equals(kept)
    hits = files.HITS.read(study.results).frame
    assert ("mine.12L.qt", "v3") in set(hits.select("trait", "variant").iter_rows())


def test_tests_of_a_neighbourhood_are_those_of_the_scan(study: Study) -> None:
    around = files.LEAD_TESTS.read(study.results).frame
    kept = scan_stage.rows(study).collect()
    both = around.join(kept, on=["trait", "chrom", "pos", "effect_allele", "other_allele"], suffix="_kept")
    assert both.height > 0
    np.testing.assert_allclose(both["neglog10p"], both["neglog10p_kept"], rtol=1e-9)


def test_more_permutations_do_not_make_the_predictions_stale(study: Study, tmp_path: Path) -> None:
    other = changed(study, tmp_path, "permutations: 40", "permutations: 50")
    scan_parts = [("scan", part) for part in stages.stage_named("scan").parts(other)]
    stale = stages.stale_parts(other, scan_parts)
    assert ("scan", "1") in stale
    assert ("scan", "polygenic") not in stale


def test_few_tested_of_many_genotyped_have_the_exact_model(study: Study, tmp_path: Path) -> None:
    other = changed(study, tmp_path, "exact_people: 300}", "exact_people: 399, min_maf: 0.05}")
    lines = (other.folder / "mine.tsv").read_text().splitlines()
    (other.folder / "mine.tsv").write_text("\n".join(lines[:380]) + "\n")
    stages.run(other, until="scan")
    assert files.POLYGENIC.read(other.results).frame.height == 0
    assert not files.PREDICTIONS.path(other.results, chromosome="1").exists()
    assert scan_stage.engine(other).relatives == "polygenic"
    traits = trait_stage.load_traits(other)
    assert polygenic.residual_traits(other, traits, "1") is traits


def test_the_page_and_the_plan_say_what_is_gained(study: Study) -> None:
    page = files.REPORT.path(study.results).read_text()
    assert "Predictions were made by ridge regression on" in page
    assert "Computationally efficient whole-genome regression" in page
    shared = files.POLYGENIC.shared_copy.path(study.results)
    assert pl.read_csv(shared).height == 2
    planned = {(job.stage, job.part): job for job in planning.jobs(study)}
    assert planned["scan", "polygenic"].cost.disk_mib == pytest.approx(23 * 4 * 2 * PEOPLE / 2**20, rel=0.05)
    shown = CliRunner().invoke(main, ["plan", str(study.folder / "study.yaml")], catch_exceptions=False).output
    lines = {line.split(":")[0].strip(): line for line in shown.splitlines()}
    assert {"drop", "family", "polygenic", "related people"} <= set(lines)
    assert "GiB of memory" in lines["polygenic"]
    assert "polygenic is chosen" in shown
    assert "about 0.65 % of a trait" in costs_of_relatives.expected_gain(10_000)
