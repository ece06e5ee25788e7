"""What one part of the scan costs with relatives: relationship, eigendecomposition, rotation of every variant, permutations."""

from __future__ import annotations

from ecgwas.scan import relatives
from ecgwas.scan.permutation import max_t
from ecgwas.scan.work import PartSize, Work, block_bytes
from ecgwas.study.scan import Matrix

COMMON = 0.5
"""Share of variants that are common; as on an array."""
AUTOSOMES = 22
EIGEN_BYTES = 48
"""Bytes per entry of the relationship matrix at the peak: itself, projected, its eigenvectors, and their workspace, twice."""


def work(options: Matrix, size: PartSize, block: int) -> Work:
    """Work of one part in blocks of `block` variants, if all traits have the same participants.

    Raises InputError for too many participants.
    """
    relatives.refuse_too_many(size.people)
    people, tests = float(size.people), float(size.tests)
    read = min(size.all_variants or AUTOSOMES * size.variants, relatives.MAX_VARIANTS_READ)
    kept = tests * 10.0**-options.keep_neglog10p
    units = {
        "scan_variant": float(size.variants), "panel_call": read * people, "kinship_product": COMMON * read * people**2,
        "eigen_product": people**3, "mixed_product": size.variants * people**2 + 2 * tests * people,
        "exact_test_person": kept * people,
        "dosage" if size.dosages else "call": size.variants * people,
    }  # fmt: skip
    memory = relatives.rotation_bytes(size.people) + EIGEN_BYTES * people**2
    memory += size.workers * (block_bytes(size, block) + 12.0 * block * people + 8.0 * block * size.traits)
    if options.permutations:
        values = people * size.traits * options.permutations
        is_kept = 4 * values <= max_t.KEPT_BYTES
        times = 1.0 if is_kept else max(1.0, size.variants / block)
        units["mixed_product"] += times * people * values + size.variants * values
        memory += 8 * people * options.permutations
        memory += 4 * values if is_kept else size.workers * 12.0 * max_t.COLUMNS * people
    return Work(units, memory)
