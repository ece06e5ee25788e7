"""What one part of the scan costs with relatives: polygenic, with relationship, eigendecomposition and rotation of every variant,
or within families."""

from __future__ import annotations

from ecgwas.mixed import reml
from ecgwas.scan import relatives
from ecgwas.scan.engine import family_denominators
from ecgwas.scan.permutation import max_t
from ecgwas.scan.work import PartSize, Work, block_bytes, testing
from ecgwas.study.scan import Matrix

COMMON = 0.5
"""Share of variants that are common; as on an array."""
AUTOSOMES = 22
IN_FAMILIES = 0.3
"""Share of people with a relative; as in UK Biobank (Bycroft et al. 2018, Nature 562:203)."""
EXTRA_COLUMNS = 20
"""Covariates."""
EIGEN_BYTES = 48
"""Bytes per entry of the relationship matrix at the peak: itself, projected, its eigenvectors, and their workspace, twice."""


def work(options: Matrix, size: PartSize, block: int) -> Work:
    """Work of one part in blocks of `block` variants, if all traits have the same participants.

    Raises InputError for too many participants of a polygenic model.
    """
    if options.relatives == "family":
        return _of_families(options, size, block)
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


def _of_families(options: Matrix, size: PartSize, block: int) -> Work:
    """With a share IN_FAMILIES of the people in families."""
    people, tests = float(size.people), float(size.tests)
    kept = tests * 10.0**-options.keep_neglog10p
    units = testing(size)
    units["family_call"] = size.variants * people
    units["exact_family_person"] = kept * people
    memory = IN_FAMILIES * people * (8.0 * EXTRA_COLUMNS * len(reml.GRID) + 24.0 * size.traits) + 24.0 * people * size.traits
    memory += size.workers * (block_bytes(size, block) + 8.0 * block * size.traits + 4.0 * family_denominators.CHUNK_BYTES)
    if options.permutations:
        values = people * size.traits * options.permutations
        is_kept = 4 * values <= max_t.KEPT_BYTES
        times = 1.0 if is_kept else max(1.0, size.variants / block)
        units["shuffle_value"] = (1 + 4 * IN_FAMILIES) * times * values
        units["shuffle_test_person"] = size.variants * values
        memory += 8 * people * options.permutations
        memory += 4 * values if is_kept else size.workers * 24.0 * max_t.COLUMNS * people
    return Work(units, memory)
