"""What the stage `share` costs: the shared page, and the scans of matching, which find loci without some of the people."""

from __future__ import annotations

from dataclasses import replace

from ecgwas.privacy import matching, membership
from ecgwas.stages import scan as scan_stage
from ecgwas.study import Matrix, Study
from ecgwas.workflow import costs
from ecgwas.workflow.costs import BASE_MIB, CONSTANTS, MIB, READ_ROW_BYTES, ROW_BYTES, Cost, StudySize

KEEP_NEGLOG10P = 7.0
"""keep_neglog10p of these scans, near usual thresholds: almost no rows are kept."""
LOCI_SECONDS = 0.03
"""Processor seconds of one fold's tables of loci on one chromosome."""


def share(study: Study, size: StudySize, n_traits: int) -> Cost:
    """The page without rare alleles, the rows of the scan, membership inference, and matching of ECGs and genomes."""
    kept = size.all_variants * n_traits * 10.0**-study.scan.keep_neglog10p
    page = costs.report(study, size, n_traits)
    used = min(size.all_variants, membership.MAX_VARIANTS) * min(size.tested, matching.MAX_PEOPLE)
    calls = used if study.share.membership else 0
    rows_of_largest = kept * size.largest / max(size.all_variants, 1)
    memory = min(rows_of_largest, scan_stage.ROWS_AT_A_TIME) * READ_ROW_BYTES + 60.0 * min(calls, membership.CALLS_PER_STEP)
    cpu = page.cpu_seconds + calls * CONSTANTS["membership_call"]
    without_matching = Cost(cpu, page.memory_mib + memory / MIB, page.disk_mib + kept * ROW_BYTES / MIB)
    if not study.share.matching or size.tested < matching.MIN_PEOPLE:
        return without_matching
    matching_scans = scans(study, size, n_traits)
    pairs = CONSTANTS["matched_pair"] * min(size.tested, matching.MAX_PEOPLE) ** 2
    return Cost(
        without_matching.cpu_seconds + matching_scans.cpu_seconds + pairs,
        # Loci are found before the page is drawn, but the page's tables are in memory already.
        without_matching.memory_mib + matching_scans.memory_mib - BASE_MIB,
        without_matching.disk_mib,
        cores=matching_scans.cores,
    )


def scans(study: Study, size: StudySize, n_traits: int) -> Cost:
    """Every chromosome scanned without permutations, and traits built, once per fold of the people to be matched."""
    folds = matching.count_of_folds(size.tested)
    engine = study.scan.model_dump(exclude={"kind", "program", "memory_mib"}) | {"keep_neglog10p": KEEP_NEGLOG10P}
    options = Matrix.model_construct(**engine | {"permutations": 0, "dense": False})
    without_permutations = study.model_copy(update={"scan": options})
    each = [costs.scan(without_permutations, size, n_traits, variants) for variants in size.variants.values()]
    cpu = sum(cost.cpu_seconds - CONSTANTS["start"] for cost in each)
    cpu += LOCI_SECONDS * len(each) + n_traits * (CONSTANTS["trait"] + size.tested * CONSTANTS["trait_value"])
    # Features of all people, and each fold's traits, with ranks of covariates.
    memory = 8.0 * size.tested * n_traits * (4 + folds)
    largest = max(each, key=lambda cost: cost.memory_mib, default=Cost(0.0, BASE_MIB, 0.0))
    return replace(largest, cpu_seconds=folds * cpu, memory_mib=largest.memory_mib + memory / MIB, disk_mib=0.0)
