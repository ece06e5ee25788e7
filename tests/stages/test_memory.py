"""Memory is bounded: what the stages hold does not grow with the rows that the scan kept."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas import stages
from ecgwas.genotypes import readers
from ecgwas.loci.individual_data import Chromosome
from ecgwas.progress import cpu_seconds, peak_memory_mib, reset_peak_memory
from ecgwas.signals import StackedArrays
from ecgwas.stages import loci, scan, traits
from ecgwas.stages.loci_genotypes import LocusData
from ecgwas.study import Study
from ecgwas.tables import Associations
from tests.cohorts import make_cohort

FEW, MANY = 2 * loci.MAX_CHECKED_ROWS, 10 * loci.MAX_CHECKED_ROWS
"""Of either the guards judge as many rows."""
ROW_MIB = 24 / 2**20
"""Of a kept row the QQ plot holds 8 bytes; in memory as a whole it takes 150."""

CROWD = 6 * scan.ROWS_AT_A_TIME
"""More rows than the page draws one by one: all become pixels. Each of six parts has as many as are read at a time."""
PASSED_ROW_MIB = 20 / 2**20
"""Of a further row report and share hold nothing; drawn from memory it took 380 bytes."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study_file = make_cohort(
        tmp_path_factory.mktemp("memory"), people=60, variants=40, permutations=50,
        represent="  - {kind: pca, name: pca, features: 4}\n",
    )  # fmt: skip
    study = Study.read_file(study_file)
    stages.run(study, until="loci")
    return study


def with_rows(study: Study, count: int) -> None:
    """The parts of the scan keep so many rows together: all traits, each row its own numbers, below every threshold."""
    parts, names = scan.STAGE.parts(study), np.array(scan.load_results(study)[0].traits)
    words = {"effect_allele": "A", "other_allele": "G"}
    between = {"eaf": (0.05, 0.95), "se": (0.05, 0.2), "t": (3.3, 3.6), "neglog10p": (3.0, 3.25)}
    for number, part in enumerate(parts):
        rng, at = np.random.default_rng(number), np.arange(number, count, len(parts))
        numbers = {name: rng.uniform(*limits, len(at)) for name, limits in between.items()}
        frame = pl.DataFrame({"trait": names[at % len(names)], "pos": at, "n": np.full(len(at), 60)} | numbers)
        frame = frame.with_columns(pl.lit(value).alias(name) for name, value in ({"chrom": part} | words).items())
        frame = frame.with_columns(variant=pl.format("{}:{}:A:G", "chrom", "pos"), beta=pl.col("t") * pl.col("se"))
        Associations(frame).write(study.results / "scan" / f"{part}.parquet")


def peak(study: Study, stage: str = "loci") -> float:
    """MiB that a stage takes at most, in a process of its own."""
    command = [sys.executable, "-m", "ecgwas", stage, str(study.folder / "study.yaml"), "--force"]
    subprocess.run(command, check=True, capture_output=True)
    note = json.loads((study.results / "notes" / stage / "all.json").read_text())
    return float(note["made"]["peak_memory_mib"])


def test_rows_come_in_order_and_no_more_than_some_at_a_time(finished: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "ROWS_AT_A_TIME", 3)
    with_rows(finished, 23)
    whole = scan.rows(finished).collect()
    found = list(scan.rows_in_turn(finished, whole.columns))
    assert [len(batch) for batch in found] == [3, 1] * 5 + [3]
    assert pl.concat(found).equals(whole)
    assert pl.concat(scan.rows_in_turn(finished, ("t", "trait"))).equals(whole.select("t", "trait"))


@pytest.mark.parametrize("at_a_time", [1, 3, 1000])
def test_some_rows_are_evenly_spaced(finished: Study, monkeypatch: pytest.MonkeyPatch, at_a_time: int) -> None:
    monkeypatch.setattr(scan, "ROWS_AT_A_TIME", at_a_time)
    with_rows(finished, 23)
    whole = scan.rows(finished).collect()
    assert whole.height == 23
    assert scan.some_rows(finished, 23, whole.columns).equals(whole)
    for most in range(1, 23):
        assert scan.some_rows(finished, most, ("pos", "t")).equals(whole.select("pos", "t").gather_every(-(-23 // most)))


def test_some_of_no_rows_are_none(finished: Study) -> None:
    with_rows(finished, 0)
    found = scan.some_rows(finished, 5, ("trait", "t"))
    assert (found.height, found.schema) == (0, {"trait": pl.String, "t": pl.Float64})


def test_a_peak_is_that_of_its_part() -> None:
    """A large array before the part does not count, one within it does."""
    block = np.ones(100 * 2**17)
    high = peak_memory_mib()
    del block
    reset_peak_memory()
    assert peak_memory_mib() < high - 50
    block = np.ones(100 * 2**17)
    assert peak_memory_mib() > high - 50
    del block


def test_a_peak_is_not_that_of_the_process_which_started_it() -> None:
    program = "from ecgwas.progress import peak_memory_mib; print(peak_memory_mib())"
    block = np.ones(400 * 2**17)
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert float(done.stdout) < 300 < peak_memory_mib()
    del block


def test_a_pass_over_memory_maps_does_not_hold_them(tmp_path: Path) -> None:
    """400 MB of rows read one by one, and their content is what was written, before and after pages are let go."""
    written = np.random.default_rng(1).random((400, 125_000))
    np.save(tmp_path / "rows.npy", written)
    sums = written.sum(axis=1)
    del written
    rows = StackedArrays([np.load(tmp_path / "rows.npy", mmap_mode="r")])
    reset_peak_memory()
    before = peak_memory_mib()
    first = rows[0]
    np.testing.assert_allclose([rows[i].sum() for i in range(len(rows))], sums)
    assert peak_memory_mib() - before < 150
    assert first.sum() == pytest.approx(sums[0])


def test_calls_that_were_read_are_let_go(tmp_path: Path) -> None:
    """200 MB of a .bed read block by block, and its content is what was written, also in a block that is still in use."""
    written = np.random.default_rng(1).integers(0, 256, (2_000, 100_000), dtype=np.uint8)
    (tmp_path / "c.bed").write_bytes(readers.BED_MAGIC + written.tobytes())
    sums = written.sum(axis=1)
    first_row = written[:1].copy()
    del written
    bed = readers.BedReader(tmp_path / "c.bed", variants=2_000, people=400_000)
    reset_peak_memory()
    before = peak_memory_mib()
    first = bed.packed(np.arange(1))
    found = [bed.packed(np.arange(start, start + 50)).sum(axis=1) for start in range(0, 2_000, 50)]
    assert peak_memory_mib() - before < 80
    np.testing.assert_array_equal(np.concatenate(found), sums)
    np.testing.assert_array_equal(first, first_row)


def test_chromosomes_share_the_values_of_their_people(finished: Study) -> None:
    """Twenty-two copies of all traits would be more than all else that loci holds."""
    tested, covariates = traits.load_traits(finished), traits.load_covariates(finished)
    data = LocusData(finished, tested, covariates, scan.load_results(finished))
    opened = list(data.all())
    assert len(opened) > 2
    assert len({id(one.cohort.values) for one in opened}) == 1
    on_x = replace(opened[0].genotypes, chrom="X")
    assert not Chromosome.of(on_x, tested, covariates).cohort.is_same_as(opened[0].cohort)


def test_seconds_of_the_processor_include_programs_waited_for() -> None:
    before = cpu_seconds()
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    assert cpu_seconds() > before


def test_notes_tell_inputs_and_processor_seconds(finished: Study) -> None:
    made = json.loads((finished.results / "notes" / "scan" / "1.json").read_text())["made"]
    assert made["cpu_seconds"] > 0
    assert list(made["inputs"]["parts"]) == ["traits/all"]
    assert {name for name, *_ in made["inputs"]["files"]} == {"cohort.bed", "cohort.bim", "cohort.fam"}
    told = "\n".join(stages.explain(finished, Path(finished.results / "scan" / "1.parquet")))
    assert "cohort.bed" in told
    assert "cpu_seconds" in told


@pytest.mark.slow
def test_loci_hold_hits_and_not_the_scan(finished: Study) -> None:
    with_rows(finished, FEW)
    few = peak(finished)
    with_rows(finished, MANY)
    assert peak(finished) - few < (MANY - FEW) * ROW_MIB


@pytest.fixture
def mapped(finished: Study) -> Study:
    """With genes and outcomes, so that there is a report."""
    stages.run(finished, until="outcomes")
    return finished


@pytest.mark.slow
def test_reports_hold_hits_and_not_the_scan(mapped: Study) -> None:
    assert len(scan.STAGE.parts(mapped)) == 6
    with_rows(mapped, CROWD)
    few = {stage: peak(mapped, stage) for stage in ("report", "share")}
    with_rows(mapped, 2 * CROWD)
    for stage, before in few.items():
        assert peak(mapped, stage) - before < CROWD * PASSED_ROW_MIB, stage
