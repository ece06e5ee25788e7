"""What one part of the scan costs: what an engine's `work` says, in units whose seconds `ecgwas.workflow.costs` knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecgwas.genotypes import dosages
from ecgwas.study import ScanOptions
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
    all_variants    of all parts; 0: unknown
    workers          threads that test blocks of variants at the same time
    """

    people: int
    people_in_files: int
    traits: int
    variants: int
    dosages: bool
    workers: int
    all_variants: int = 0

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


def block_bytes(size: PartSize, variants: int) -> float:
    """One thread's block of variants: calls of the file, of the people tested, of the variants tested; all its tests."""
    read = min(2.0 * dosages.BLOCK_BYTES, 2.0 * dosages.BYTES_PER_DOSAGE * variants * size.people_in_files)
    calls = read if size.dosages else variants * (size.people_in_files + 2 * size.people) / 4
    return calls + variants * size.traits * 8 + size.traits * HISTOGRAM_BYTES / 2
