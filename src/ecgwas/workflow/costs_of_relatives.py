"""What keeping relatives costs and gains, said before a study runs: for each value of `scan.relatives`."""

from __future__ import annotations

from collections.abc import Iterator

from ecgwas.mixed import loco
from ecgwas.progress import duration
from ecgwas.scan import matrix, relatives_work
from ecgwas.scan.work import PartSize
from ecgwas.study import Matrix, ScanOptions, Study
from ecgwas.workflow import costs
from ecgwas.workflow.costs import BASE_MIB, CONSTANTS, MIB, Cost, StudySize

H2 = 0.2
"""Heritability for which the gain is said."""


def predicts(options: ScanOptions, genotyped: int) -> bool:
    """True if the scan first predicts traits from the other chromosomes; genotyped: people in the files."""
    return isinstance(options, Matrix) and options.relatives == "polygenic" and genotyped > options.exact_people


def predictions(study: Study, size: StudySize, n_traits: int) -> Cost:
    """What the other chromosomes predict of every trait: part `polygenic` of stage scan."""
    options = study.scan
    assert isinstance(options, Matrix)
    if size.tested <= options.exact_people:
        return Cost(CONSTANTS["start"], BASE_MIB, 0.0)
    cores = options.thread_limit or matrix.BLOCKS_IN_MEMORY
    workers = options.thread_limit or max(cores, matrix.threads(0))
    part = PartSize(
        size.tested, size.in_files, n_traits, size.largest, size.dosages, workers, size.all_variants
    )  # fmt: skip
    needed = relatives_work.predictions(part, size.largest)
    seconds = sum(number * CONSTANTS[unit] for unit, number in needed.units.items())
    memory = BASE_MIB + (needed.memory_bytes + size.listed_bytes) / MIB
    return Cost(CONSTANTS["start"] + seconds, memory, needed.disk_bytes / MIB, cores=cores)


def expected_gain(people: int) -> str:
    """What a polygenic prediction is expected to explain of a trait with a heritability of H2, and chi2 to gain, in words."""
    r2 = float(loco.expected_r2(people, H2))
    return (
        f"at {people} people and a heritability of {H2:g} the other chromosomes predict about {100 * r2:.2g} % of a trait, so "
        f"that chi2 of true effects grows by {100 * r2 / (1 - r2):.2g} %"
    )


def choices(study: Study, size: StudySize, n_traits: int) -> Iterator[str]:
    """Lines of `ecgwas plan`: core time, largest memory and disk of the scan with each value of scan.relatives; none for other
    engines."""
    if not isinstance(study.scan, Matrix):
        return
    yield f"scan.relatives ({study.scan.relatives} is chosen): {expected_gain(size.tested)}"
    for name in ("drop", "family", "polygenic"):
        options = study.scan.model_copy(update={"relatives": name, "dense": False, "kernel": "auto"})
        own = study.model_copy(update={"scan": options})
        parts = [costs.scan(own, size, n_traits, count) for count in size.variants.values()]
        if predicts(options, size.in_files):
            parts.append(predictions(own, size, n_traits))
        seconds, memory = sum(one.work_seconds for one in parts), max(one.memory_mib for one in parts) / 1024
        disk = sum(one.disk_mib for one in parts) / 1024
        needed = f"{duration(seconds):>9} of one core, {memory:.1f} GiB of memory, {disk:.2f} GiB of disk"
        yield f"  {name:>9}: {needed}; {MEANINGS[name]}"


MEANINGS = {
    "drop": "one of each related pair is excluded",
    "family": "nobody is excluded, valid with relatives",
    "polygenic": "nobody is excluded, valid with relatives, and what other chromosomes explain is taken out",
}
