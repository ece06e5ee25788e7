"""What the stage `share` costs: the page again, and what genomes tell, for which loci are found anew without some people."""

from __future__ import annotations

from dataclasses import replace

from ecgwas.privacy import matching, membership
from ecgwas.stages import scan as scan_stage
from ecgwas.study import Matrix, Study
from ecgwas.workflow import costs
from ecgwas.workflow.costs import BASE_MIB, CONSTANTS, MIB, READ_ROW_BYTES, ROW_BYTES, Need, Size

FEW = 7.0
"""-log10 p near which thresholds lie: next to no row is kept."""
CHOSEN = 0.05
"""Processor seconds of one fold's tables of loci on one chromosome."""


def share(study: Study, size: Size, count: int) -> Need:
    """The page again, without rare alleles, the rows of the scan, as they are read, and how people could be matched."""
    kept = size.all_variants * count * 10.0**-study.scan.keep_neglog10p
    page = costs.report(study, size, count)
    looked = min(size.all_variants, membership.MOST_VARIANTS) * min(size.tested, matching.MOST_PEOPLE)
    calls = looked if study.share.membership else 0
    share_of_largest = kept * size.largest / max(size.all_variants, 1)
    held = min(share_of_largest, scan_stage.ROWS_AT_A_TIME) * READ_ROW_BYTES + 60.0 * min(calls, membership.CALLS)
    cpu = page.cpu_seconds + calls * CONSTANTS["membership_call"]
    alone = Need(cpu, page.memory_mib + held / MIB, page.disk_mib + kept * ROW_BYTES / MIB)
    if not study.share.matching or size.tested < matching.LEAST_PEOPLE:
        return alone
    again = scans(study, size, count)
    pairs = CONSTANTS["matched_pair"] * min(size.tested, matching.MOST_PEOPLE) ** 2
    # The loci are found before the page is drawn, but what that has gathered is there.
    memory = alone.memory_mib + again.memory_mib - BASE_MIB
    return Need(alone.cpu_seconds + again.cpu_seconds + pairs, memory, alone.disk_mib, cores=again.cores)


def scans(study: Study, size: Size, count: int) -> Need:
    """Every chromosome scanned without shuffles, and traits made anew, once for each fold of the people who are matched."""
    folds = matching.count_of_folds(size.tested)
    engine = study.scan.model_dump(exclude={"kind", "program", "memory_mib"}) | {"keep_neglog10p": FEW}
    quiet = Matrix.model_construct(**engine | {"permutations": 0, "dense": False})
    other = study.model_copy(update={"scan": quiet})
    each = [costs.scan(other, size, count, variants) for variants in size.variants.values()]
    cpu = sum(need.cpu_seconds - CONSTANTS["start"] for need in each)
    cpu += CHOSEN * len(each) + count * (CONSTANTS["trait"] + size.tested * CONSTANTS["trait_value"])
    # Everybody's features as they are, and each fold's traits, covariates' ranks among them.
    held = 8.0 * size.tested * count * (4 + folds)
    largest = max(each, key=lambda need: need.memory_mib, default=Need(0.0, BASE_MIB, 0.0))
    return replace(largest, cpu_seconds=folds * cpu, memory_mib=largest.memory_mib + held / MIB, disk_mib=0.0)
