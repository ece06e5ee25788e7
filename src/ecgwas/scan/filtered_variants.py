"""Which variants the study's filters exclude, for engines that do not read genotypes block by block themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes import dosages, variant_filters
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.scan.block_scan import select_men
from ecgwas.scan.engine.samples import Cohort, strata
from ecgwas.study.scan import Scan

CHECKED_AT_ONCE = 4096
"""Variants per block when the reasons for leaving variants out are looked up."""


def reasons(options: Scan, genotypes: Genotypes, cohort: Cohort) -> NDArray[np.object_]:
    """(V,) the first filter that each variant fails, or empty."""
    return judged(
        partial(variant_filters.failed_filters, options), genotypes, cohort, groups=strata(cohort, len(genotypes.eids))
    )


def judged(
    judge: Callable[..., NDArray[Any]],
    genotypes: Genotypes,
    cohort: Cohort,
    having: NDArray[np.int64] | None = None,
    groups: Sequence[tuple[SampleSelector, SampleSelector | None]] = (),
) -> NDArray[np.object_]:
    """(V,) what `judge`, a function of variant_filters.py, says of each variant.

    having: indices of some of the cohort's people, None: all; groups: those of ancestry that `judge` tests separately.
    """
    total = len(genotypes.eids)
    chosen = np.arange(len(cohort.fam_index)) if having is None else having
    all_samples, men = SampleSelector(cohort.fam_index[chosen], total), select_men(cohort, chosen, total)
    verdicts = np.full(len(genotypes), "", dtype=object)
    for start in range(0, len(genotypes), CHECKED_AT_ONCE):
        stop = min(start + CHECKED_AT_ONCE, len(genotypes))
        of = dosages.block_reader(genotypes, start, stop)
        blocks = of(all_samples), None if men is None else of(men)
        more: dict[str, Any] = (
            {} if judge is variant_filters.minor_allele_count else {"stated": genotypes.file_info[start:stop]}
        )
        if groups:
            more["groups"] = [(of(own), None if own_men is None else of(own_men)) for own, own_men in groups]
        verdicts[start:stop] = judge(*blocks, haploid=cohort.haploid, **more)
    return verdicts
