"""What the stage `scores` costs: reading and matching files, sums over variants, tests, and own scores out of fold."""

from __future__ import annotations

from ecgwas.mixed import ridge
from ecgwas.scan.polygenic import MAX_VARIANTS
from ecgwas.scores.diseases import PENALTIES
from ecgwas.scores.own import THRESHOLD, TRAITS_AT_ONCE
from ecgwas.scores.sums import DOSAGES_AT_ONCE
from ecgwas.stages.scores import FILES
from ecgwas.study import OwnScores, ScoreOptions, Study
from ecgwas.workflow import costs_of_outcomes
from ecgwas.workflow.costs import BASE_MIB, CONSTANTS, MIB, Cost, StudySize

BYTES_PER_LINE = 60.0
"""A line of a scoring file, unpacked; gzip makes it about a third."""
LINE_BYTES = 600.0
"""One line in memory: as text, and joined with the variants."""
VARIANT_BYTES = 150.0
"""One variant of the genotypes in memory: position, alleles and name, one chromosome at a time."""


FIT_STEPS = 4
"""Steps of Newton in a regression that begins at that of another penalty."""


def scores(study: Study, size: StudySize, n_traits: int, part: str) -> Cost:
    """Of one part."""
    options = study.scores
    if options is None:
        return Cost(0.0, BASE_MIB, 0.0)
    if part == FILES:
        own = _files(options, size, n_traits)
        return own if study.outcomes is None else _both(own, costs_of_outcomes.outcomes(study, size, len(options.files)))
    return Cost(0.0, BASE_MIB, 0.0) if options.own is None else _own(options.own, size, n_traits, _diseases(study))


def _diseases(study: Study) -> int:
    """Tables of diseases, each of which counts as one; twice, of each representation and all."""
    return 0 if study.outcomes is None else 2 * len(study.outcomes.tables)


def _both(own: Cost, tests: Cost) -> Cost:
    """Of scores and, as of so many traits, of their tests with outcomes."""
    return Cost(own.cpu_seconds + tests.cpu_seconds, max(own.memory_mib, tests.memory_mib), own.disk_mib + tests.disk_mib)


def _files(options: ScoreOptions, size: StudySize, n_traits: int) -> Cost:
    """A file that is not there yet counts as having no variants."""
    lines = sum(_lines(path.stat().st_size, path.suffix == ".gz") for path in options.files if path.exists())
    pairs = len(options.files) * n_traits
    cpu = CONSTANTS["start"] + lines * CONSTANTS["score_line"] + size.all_variants * CONSTANTS["score_variant"]
    cpu += lines * size.tested * CONSTANTS["score_dosage"]
    cpu += options.permutations * pairs * size.tested * CONSTANTS["score_permutation"]
    memory = lines * LINE_BYTES + max(size.variants.values(), default=0) * VARIANT_BYTES + 5 * 8 * DOSAGES_AT_ONCE
    memory += size.tested * (n_traits + len(options.files)) * 24
    return Cost(cpu, BASE_MIB + memory / MIB, (size.tested * len(options.files) * 8 + lines * 40) / MIB + 0.1)


def _lines(size: int, zipped: bool) -> float:
    return size * (3 if zipped else 1) / BYTES_PER_LINE


def _own(options: OwnScores, size: StudySize, n_traits: int, diseases: int) -> Cost:
    """All variants count as common. Ridge multiplies and inverts blocks of variants once for each batch of traits."""
    columns = n_traits * (1 + options.permutations)
    batches = max(1, -(-columns // TRAITS_AT_ONCE))
    variants, limits = min(size.all_variants, MAX_VARIANTS), len(options.p_values) if THRESHOLD in options.methods else 0
    block = min(ridge.VARIANTS_PER_BLOCK, variants)
    solved = options.folds * len(ridge.HERITABILITIES) * block**2 / 3
    products = variants * (batches * (size.tested * block + solved) + columns * size.tested * (limits + 3 + options.folds))
    clumps = variants * columns * options.folds if limits else 0
    cpu = CONSTANTS["start"] + products * CONSTANTS["own_score_product"] + clumps * CONSTANTS["own_score_clump"]
    if options.diseases:
        pairs = options.folds * (options.folds + 1) / 2
        cpu += variants * n_traits * (pairs * CONSTANTS["own_score_clump"] + size.tested * CONSTANTS["own_score_product"] * 2)
        fits = (1 + options.disease_permutations) * options.folds**2 * len(PENALTIES) * diseases
        cpu += fits * FIT_STEPS * size.tested * n_traits**2 * CONSTANTS["own_score_product"]
    together = min(columns, TRAITS_AT_ONCE)
    chromosome = max(size.variants.values(), default=0)
    memory = size.tested * columns * (limits + 3) * 4 + chromosome * (
        size.tested / 4 + together * (limits + options.folds + 4) * 4
    )
    return Cost(cpu, BASE_MIB + memory / MIB, size.tested * n_traits * (limits + 1) * 8 / MIB + 0.1)
