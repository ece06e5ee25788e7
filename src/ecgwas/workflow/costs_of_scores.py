"""What the stage `scores` costs: reading and matching files, sums over variants, and tests of scores and traits."""

from __future__ import annotations

from ecgwas.scores.sums import DOSAGES_AT_ONCE
from ecgwas.stages.scores import FILES
from ecgwas.study import Study
from ecgwas.workflow.costs import BASE_MIB, CONSTANTS, MIB, Cost, StudySize

BYTES_PER_LINE = 60.0
"""A line of a scoring file, unpacked; gzip makes it about a third."""
LINE_BYTES = 600.0
"""One line in memory: as text, and joined with the variants."""
VARIANT_BYTES = 150.0
"""One variant of the genotypes in memory: position, alleles and name, one chromosome at a time."""


def scores(study: Study, size: StudySize, n_traits: int, part: str) -> Cost:
    """Of one part. A file that is not there yet counts as having no variants."""
    options = study.scores
    if options is None or part != FILES:
        return Cost(0.0, BASE_MIB, 0.0)
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
