"""The plan before the first job, compared with what a finished study took."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ecgwas import represent, stages
from ecgwas.errors import StudyError
from ecgwas.loci import neighbourhoods
from ecgwas.native import compiled
from ecgwas.scan import matrix
from ecgwas.scan.permutation import max_t, sample, strongest
from ecgwas.scan.work import HISTOGRAM_BYTES
from ecgwas.stages import STAGES
from ecgwas.stages.traits import load_traits
from ecgwas.store import Note
from ecgwas.study import PredictOptions, Study
from ecgwas.traits import sample_qc
from ecgwas.workflow import costs, costs_of_permutations, planning
from ecgwas.workflow.costs import StudySize
from tests.cohorts import make_cohort
from tests.conftest import ROOT

CHROMOSOMES = {str(number): 400_000 for number in range(1, 23)}
BIOBANK = StudySize(recordings=70_000, tested=70_000, variants=CHROMOSOMES)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    represent = "  - {kind: intervals, name: clinical}\n  - {kind: pca, name: pca, features: 4, leads: each}\n"
    study_file = make_cohort(
        tmp_path_factory.mktemp("planned"), people=60, variants=40, permutations=50, represent=represent
    )  # fmt: skip
    study = Study.read_file(study_file)
    stages.run(study, until="scan")
    return study


@pytest.fixture(scope="module")
def example() -> Study:
    return Study.read_file(ROOT / "examples" / "study.yaml").model_copy(update={"predict": PredictOptions()})


def test_every_part_is_planned(finished: Study) -> None:
    planned = [(job.stage, job.part) for job in planning.jobs(finished)]
    assert planned == [(stage.name, part) for stage in STAGES for part in stage.parts(finished)]


def test_the_disk_of_signals_is_what_they_take(finished: Study) -> None:
    job = next(job for job in planning.jobs(finished) if (job.stage, job.part) == ("read", "0000"))
    note = Note.read(finished.results / "notes" / "read" / "0000.json")
    assert note is not None
    took = sum(int(seen["bytes"]) for seen in note.outputs.values()) / costs.MIB
    assert job.cost.disk_mib == pytest.approx(took, rel=0.05)


def test_second_visits_take_time_and_disk_but_no_more_memory_at_once(finished: Study) -> None:
    counted = planning.size_of(finished)
    assert (counted.recordings, counted.repeats) == (60, 6)
    alone, twice = costs.read(finished, 2000), costs.read(finished, 2000, 200)
    assert twice.disk_mib / alone.disk_mib == pytest.approx(1.1)
    assert twice.cpu_seconds > alone.cpu_seconds
    assert twice.memory_mib == alone.memory_mib


def test_traits_are_counted_as_the_study_gives_them(finished: Study) -> None:
    """At most: features that do not vary, or that most people lack, are left out."""
    names = load_traits(finished).names
    expected = sum(represent.traits_of(options) for options in finished.represent)
    assert 0.7 * expected <= len(names) <= expected
    assert sum(name.startswith("pca.") for name in names) == 12 * 4 == represent.traits_of(finished.represent[1])


def test_what_grows_with_what(example: Study) -> None:
    one, more_variants, more_people = (
        planning.table(planning.jobs(example, size))
        for size in (
            BIOBANK,
            replace(BIOBANK, variants={name: 2 * count for name, count in CHROMOSOMES.items()}),
            replace(BIOBANK, recordings=140_000, tested=140_000),
        )
    )
    place = {name: i for i, name in enumerate(one["stage"])}
    scan, read = place["scan"], place["read"]
    assert more_variants["cpu_hours"][scan] / one["cpu_hours"][scan] == pytest.approx(2, rel=0.05)
    assert more_variants["memory_gib"][scan] < 1.3 * one["memory_gib"][scan]
    # Joining the tables and finding the fiducial points are one job each.
    assert more_people["jobs"][read] == 2 * (one["jobs"][read] - 2) + 2
    assert more_people["memory_gib"][read] == one["memory_gib"][read]
    # A sample of as many people is permuted.
    assert 1 < more_people["cpu_hours"][scan] / one["cpu_hours"][scan] < 1.2


def test_permuting_everyone_grows_with_everyone(example: Study) -> None:
    """Twice, and shuffles are made anew for each block of variants, of which twice as many people make twice as many."""
    options = example.scan.model_copy(update={"permuted_people": "all"})
    study = example.model_copy(update={"scan": options})
    one, twice = (
        costs.scan(study, replace(BIOBANK, recordings=people, tested=people), 384, 400_000).work_seconds
        for people in (70_000, 140_000)
    )
    assert 2 < twice / one < 2.5


def test_blocks_are_planned_as_the_engine_takes_them(example: Study) -> None:
    """No more of a biobank's variants at once than fit, whatever `block` allows; all people in the files count."""
    limit = matrix.block_size(example.scan, people=70_000, variants=400_000, hard=True)
    assert limit < example.scan.block

    def memory(block: int, size: StudySize = BIOBANK) -> float:
        options = example.scan.model_copy(update={"block": block, "threads": 1})
        return costs.scan(example.model_copy(update={"scan": options}), size, 384, 400_000).memory_mib

    assert memory(example.scan.block) == memory(limit) > memory(limit // 2)
    assert memory(example.scan.block, replace(BIOBANK, genotyped=490_000)) < memory(limit)


@pytest.mark.parametrize("dosages", [False, True])
@pytest.mark.parametrize("people", [500, 20_000, 70_000])
def test_the_plan_holds_on_a_machine_of_any_number_of_cores(
    example: Study, monkeypatch: pytest.MonkeyPatch, dosages: bool, people: int
) -> None:
    """Blocks shrink with threads: 64 threads hold little more than two, where eight to thirty-two times as much was held."""
    size = replace(BIOBANK, recordings=people, tested=people, dosages=dosages)

    def memory(cores: int) -> float:
        monkeypatch.setattr(matrix, "threads", lambda asked: asked or cores)
        return costs.scan(example, size, 384, 400_000).memory_mib

    two = memory(2)
    for cores in (4, 16, 64, 128):
        # Of each thread more: its histograms, some correlations with shuffled traits, the strongest tests, and residualised
        # genotypes: of the sample that is permuted, and of everyone, some at a time, whose trait sets are tested.
        correlations = 8 * 1024 * 2048 + strongest.BYTES
        each = (384 * HISTOGRAM_BYTES / 2 + correlations) / costs.MIB
        if people > sample.ALL_UP_TO:
            each += (correlations + 4.25 * (sample.SPAN_BYTES + max_t.OBSERVED_BYTES)) / costs.MIB
        assert memory(cores) <= two + cores * each


def test_blocks_shrink_with_threads_and_never_vanish(example: Study) -> None:
    sizes = [
        matrix.block_size(example.scan, people=1000, variants=400_000, hard=True, workers=workers) for workers in (1, 2, 8, 64)
    ]
    assert sizes == [16_384, 16_384, 4096, 512]
    assert matrix.block_size(example.scan, people=10**9, variants=10, hard=True, workers=500) == 1


def test_other_seeds_are_trained_too(example: Study) -> None:
    plain = next(options for options in example.represent if options.kind == "residual_autoencoder")
    once, thrice = (
        costs.represent(example, plain.model_copy(update={"other_seeds": more}), BIOBANK).cpu_seconds for more in (0, 2)
    )
    assert thrice / once == pytest.approx(3, rel=0.01)


def test_dosages_cost_more_than_hard_calls(example: Study) -> None:
    plain = example.model_copy(update={"scan": example.scan.model_copy(update={"permutations": 0})})
    calls, dosages = (costs.scan(plain, replace(BIOBANK, dosages=some), 384, 400_000) for some in (False, True))
    assert 2 < dosages.cpu_seconds / calls.cpu_seconds < 50
    assert dosages.disk_mib == calls.disk_mib


def test_neighbourhoods_of_loci_are_planned(example: Study) -> None:
    """MAX_TRAITS traits and r² for each of the variants around each locus: 8.8 million variants are 3,034 per megabase."""
    width_mb = 0.5 + example.loci.window_bp / 1e6
    seen = costs.neighbourhood_work(example, BIOBANK)
    assert seen.units["neighbourhood_call"] == pytest.approx(70_000 * width_mb * 22 * 400_000 / 2900, rel=1e-6)
    assert "dosage" not in seen.units
    assert costs.neighbourhood_work(example, replace(BIOBANK, dosages=True)).units["dosage"] == pytest.approx(
        2 * seen.units["neighbourhood_call"]
    )
    # Of more variants than are tested around a locus, the nearest.
    dense = costs.neighbourhood_work(example, replace(BIOBANK, variants={"1": 10**8}))
    assert dense.units["neighbourhood_call"] == 70_000 * neighbourhoods.MAX_VARIANTS

    def planned(loci: int) -> costs.Cost:
        report = example.report.model_copy(update={"max_loci": loci})
        return costs.loci(example.model_copy(update={"report": report}), BIOBANK, 384)

    per_locus = planned(11).cpu_seconds - planned(10).cpu_seconds
    assert per_locus > seen.units["neighbourhood_call"] * costs.CONSTANTS["neighbourhood_call"] > 0
    disk = planned(11).disk_mib - planned(10).disk_mib
    rows = width_mb * 3034.5 * neighbourhoods.MAX_TRAITS
    assert disk == pytest.approx(rows * neighbourhoods.ROW_BYTES / costs.MIB, rel=1e-3)


def test_the_plan_says_who_is_permuted_and_which_threshold_follows(example: Study) -> None:
    def lines(tested: int, threshold: str = "permutation", **options: object) -> str:
        scan = example.scan.model_copy(update={"permutations": 1000, **options})
        loci = example.loci.model_copy(update={"threshold": threshold})
        study, size = example.model_copy(update={"scan": scan, "loci": loci}), replace(BIOBANK, tested=tested)
        return "\n".join(costs_of_permutations.lines(study, size, 384))

    assert "1,000 of all 5,000 participants, " in lines(5_000)
    assert lines(5_000).endswith("order statistic of the permutations")
    assert "1,000 of a random sample of 2,000 of 70,000 participants, " in lines(70_000)
    assert "from the effective number of tests" in lines(70_000)
    assert "1,000 of all 70,000 participants, because relatives are kept, " in lines(70_000, relatives="family")
    assert lines(70_000, threshold="bonferroni").endswith("loci.threshold: bonferroni does not use them")
    assert lines(70_000, permutations=0) == ""


def test_permutations_at_biobank_size_take_less_than_a_hundred_core_hours(example: Study) -> None:
    """384 traits, 10 million variants, 100,000 people, by the plan's constants, which were measured."""
    size = replace(BIOBANK, tested=100_000, recordings=100_000, variants={str(k): 10_000_000 // 22 for k in range(1, 23)})
    hours = []
    for permutations in (1000, 0):
        scan = example.scan.model_copy(update={"permutations": permutations})
        study = example.model_copy(update={"scan": scan})
        hours.append(sum(costs.scan(study, size, 384, count).work_seconds for count in size.variants.values()) / 3600)
    assert 10 < hours[0] - hours[1] < 100


def test_ten_million_variants_and_384_traits_fit_on_a_disk() -> None:
    """Rows above the limit, and a histogram for each trait: a thousandth of the tests."""
    study = Study.read_file(ROOT / "examples" / "study.yaml")
    size = replace(BIOBANK, variants={"1": 10_000_000})
    cost = costs.scan(study, size, 384, 10_000_000)
    assert cost.disk_mib / 1024 < 1
    whole = costs.scan(study.model_copy(update={"scan": study.scan.model_copy(update={"keep_neglog10p": 0.0})}),
                       size, 384, 10_000_000)  # fmt: skip
    assert whole.disk_mib / 1024 > 100


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
def test_a_job_that_cannot_fit_is_refused_with_advice(example: Study, stage: str) -> None:
    jobs = [job for job in planning.jobs(example, BIOBANK) if job.stage == stage]
    largest = max(job.cost.memory_mib for job in jobs)
    with pytest.raises(StudyError, match=f"{stage} .* GiB of memory") as caught:
        planning.refuse_what_cannot_fit(example, jobs, memory_mib=largest - 1, disk_mib=None)
    assert planning.ADVICE[stage] in caught.value.fix
    planning.refuse_what_cannot_fit(example, jobs, memory_mib=largest + 1, disk_mib=None)


def test_results_that_no_disk_can_hold_are_refused(example: Study) -> None:
    dense = example.model_copy(update={"scan": example.scan.model_copy(update={"dense": True})})
    jobs = planning.jobs(dense, BIOBANK)
    with pytest.raises(StudyError, match="GiB of disk, most of it scan") as caught:
        planning.refuse_what_cannot_fit(dense, jobs, memory_mib=None, disk_mib=1024.0)
    assert "dense: false" in caught.value.fix


def test_planned_times_are_sums_of_parts_and_libraries_are_loaded_once(example: Study) -> None:
    jobs = planning.jobs(example, BIOBANK)
    by_stage = planning.table(jobs)
    for row in by_stage.iter_rows(named=True):
        own = [job.cost for job in jobs if job.stage == row["stage"]]
        assert row["cpu_hours"] * 3600 == pytest.approx(sum(cost.cpu_seconds - cost.start_seconds for cost in own))
    with_torch = costs.CONSTANTS["start"] + costs.CONSTANTS["start_torch"]
    assert planning.start_seconds(jobs) == pytest.approx(with_torch)
    assert {job.cost.start_seconds for job in jobs if job.stage == "scan"} == {costs.CONSTANTS["start"]}


def test_planned_times_grow_with_every_input(finished: Study) -> None:
    def seconds(**changes: object) -> float:
        return sum(job.cost.work_seconds for job in planning.jobs(finished, replace(size, **changes)))

    size = planning.size_of(finished)
    more = {"recordings": 120, "tested": 120, "repeats": 12, "variants": {name: 80 for name in size.variants}}
    for name, value in more.items():
        assert seconds(**{name: value}) > seconds()


def test_a_run_is_planned_unless_an_input_is_missing(finished: Study) -> None:
    planned = planning.planned_seconds(finished)
    assert planned is not None
    assert list(planned) == [(stage.name, part) for stage in STAGES for part in stage.parts(finished)]
    assert all(seconds >= 0 for seconds in planned.values())
    without = finished.model_copy(update={"scan": finished.scan.model_copy(update={"genotypes": finished.folder / "nowhere"})})
    assert planning.planned_seconds(without) is None


def test_no_more_hits_are_planned_to_be_audited_than_rows_are_kept(finished: Study) -> None:
    """A study that keeps a few hundred rows does not audit thousands of hits."""
    few, many = (
        costs.loci(finished, replace(planning.size_of(finished), variants={"1": count}), 10) for count in (1000, 10**6)
    )
    audited = costs.CONSTANTS["audited"] * (finished.loci.audit - 10)
    assert many.cpu_seconds - few.cpu_seconds > audited


def test_jobs_ask_for_more_than_is_expected(example: Study) -> None:
    for job in planning.jobs(example, BIOBANK):
        assert job.mem_mb * 1e6 / costs.MIB > job.cost.memory_mib
        assert job.mem_mb >= 600
        assert job.minutes * 60 > job.cost.seconds


def test_free_disk_counts_what_the_study_holds_already(finished: Study, tmp_path: Path) -> None:
    elsewhere = finished.model_copy(update={"results": tmp_path / "not" / "there"})
    assert planning.disk_here_mib(finished) > planning.disk_here_mib(elsewhere) - 1024
    assert planning.memory_here_mib() > 0


def test_kinship_and_components_of_100_000_people_are_planned_within_an_hour_and_8_gib(example: Study) -> None:
    """On 2 cores, with the 20,000 variants of sample QC; more people than are compared without a guard take less time."""
    if not compiled.is_available():
        pytest.skip("the compiled part was not built at install")
    variants = {str(number): 36_000 for number in range(1, 23)}
    cost = costs.traits(example, StudySize(recordings=100_000, tested=100_000, variants=variants), 384)
    assert cost.cpu_seconds < 2 * 3600
    assert cost.memory_mib < 8 * 1024
    guards = example.traits.guards.model_copy(update={"max_kinship": None})
    off = example.model_copy(update={"traits": example.traits.model_copy(update={"guards": guards})})
    most = sample_qc.most_compared()
    fewer, more = (costs.traits(off, StudySize(recordings=n, tested=n, variants=variants), 384) for n in (most, most + 1))
    assert more.cpu_seconds < fewer.cpu_seconds - 60
