"""What one part of the scan costs with relatives: polygenic, with the relationship of everybody, its eigendecomposition and the
rotation of every variant; or within families."""

from __future__ import annotations

from ecgwas.mixed import reml, ridge
from ecgwas.scan import polygenic, relatives
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
    """Work of one part in blocks of `block` variants, if all traits have the same participants."""
    if options.relatives == "family" or size.people > options.exact_people:
        return _of_families(options, size, block)
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


def predictions(size: PartSize, largest: int) -> Work:
    """Work of the polygenic predictions (polygenic.py) of all chromosomes; largest: variants of the largest one.

    Multiplications of N people and M common variants in blocks of V, for K traits and H ridge parameters in J folds: M N V / 2
    for products of variants, M N K (H + 2) for traits, and M J H (V^2 / 6 + 2 V K) for factors and solutions.
    """
    people, traits = float(size.people), float(min(size.traits, ridge.TRAITS_AT_ONCE))
    batches = size.traits / traits if size.traits else 0.0
    read = min(size.all_variants, polygenic.MAX_VARIANTS)
    variants, block = COMMON * read, ridge.VARIANTS_PER_BLOCK
    parameters, folds = len(ridge.HERITABILITIES), ridge.FOLDS
    per_variant = people * (block / 2 + traits * (parameters + 2)) + folds * parameters * (block**2 / 6 + 2 * block * traits)
    units = {"mixed_product": batches * variants * per_variant, "panel_call": 2.0 * read * people}
    own = variants * largest / max(size.all_variants, 1)
    predictors = own / block * parameters
    memory = own * people / 4 + own * folds * traits * 4 * (parameters + 1) + 12.0 * folds * traits * predictors**2
    memory += people * (size.traits * 40.0 + 8.0 * EXTRA_COLUMNS)
    memory += size.workers * 4.0 * ridge.PEOPLE_AT_ONCE * (3.0 * block + traits * predictors)
    memory += size.workers * 4.0 * folds * block * (block + 4 * traits)
    return Work(units, memory, 4.0 * people * size.traits * (AUTOSOMES + 1))


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
