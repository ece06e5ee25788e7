"""What one part of the scan costs: what an engine's `work` says, in units whose seconds `ecgwas.workflow.costs` knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecgwas.genotypes import dosages
from ecgwas.scan.permutation import max_t
from ecgwas.study import Matrix, ScanOptions
from ecgwas.tables import CHI2_EDGES

HISTOGRAM_BYTES = 8 * (len(CHI2_EDGES) - 1)
"""Histogram of one trait's tests in one part of the scan."""
USUAL_BLOCK = 4096
"""Variants that an engine without `work` is planned to hold per thread."""


@dataclass(frozen=True)
class PartSize:
    """Size of one part of the scan.

    people           tested;  people_in_files: with genotypes, tested or not
    traits, variants numbers of them;  dosages: whether genotypes are dosages rather than hard calls
    workers          threads that test blocks of variants at the same time
    """

    people: int
    people_in_files: int
    traits: int
    variants: int
    dosages: bool
    workers: int

    @property
    def tests(self) -> int:
        """Variants times traits."""
        return self.variants * self.traits


@dataclass(frozen=True)
class Work:
    """units: name of a constant of costs -> how many; bytes of memory, and on disk, beyond traits and kept rows."""

    units: Mapping[str, float]
    memory_bytes: float
    disk_bytes: float = 0.0


def usual(options: ScanOptions, size: PartSize) -> Work:
    """Work of an engine without `work`: every variant read and tested once, in blocks of USUAL_BLOCK variants."""
    return Work(testing(size), size.workers * block_bytes(size, min(USUAL_BLOCK, size.variants)))


def testing(size: PartSize) -> dict[str, float]:
    """Units of reading every variant and testing it with every trait, missing calls included."""
    genotypes = float(size.variants) * size.people
    test, read = ("dosage_test_person", "dosage") if size.dosages else ("scan_test_person", "call")
    return {"scan_variant": size.variants, test: float(size.tests) * size.people, read: genotypes}


def block_bytes(size: PartSize, variants: int, *, permuted: bool = False) -> float:
    """One thread's block of variants: calls of the file, of the people tested, of the variants tested; all its tests."""
    read = min(2.0 * dosages.BLOCK_BYTES, 2.0 * dosages.BYTES_PER_DOSAGE * variants * size.people_in_files)
    calls = read if size.dosages else variants * (size.people_in_files + 2 * size.people) / 4
    total = calls + variants * size.traits * 8 + size.traits * HISTOGRAM_BYTES / 2
    if permuted:
        # Residualised genotypes of unit length, float32; correlations of some variants with some permuted traits, twice.
        total += 12.0 * variants * size.people + 8.0 * min(variants, max_t.ROWS) * max_t.COLUMNS
    return total


def permutation_units(options: Matrix, size: PartSize, block: int) -> dict[str, float]:
    """Units of testing permuted traits; those that are not kept are permuted again for each block of variants."""
    values = float(size.people) * size.traits * options.permutations
    times = 1.0 if _kept_bytes(options, size) <= max_t.KEPT_BYTES else max(1.0, size.variants / block)
    with_sets = 2 if options.sets_of_traits else 1
    return {"shuffle_value": times * values, "shuffle_test_person": size.variants * values * with_sets}


def permutation_bytes(options: Matrix, size: PartSize) -> float:
    """The orders of the people, and all permuted traits if they are kept, otherwise some of them."""
    if options.permutations == 0:
        return 0.0
    kept, partial = _kept_bytes(options, size), 6.0 * 4 * max_t.COLUMNS * size.people
    return 8.0 * size.people * options.permutations + (kept if kept <= max_t.KEPT_BYTES else partial)


def _kept_bytes(options: Matrix, size: PartSize) -> float:
    """Permuted traits, and as many components of trait sets."""
    return 4.0 * size.people * size.traits * options.permutations * (2 if options.sets_of_traits else 1)
