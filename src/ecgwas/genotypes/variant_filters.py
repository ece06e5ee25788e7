"""Variant QC in the participants tested: call rate, MAF, MAC, imputation quality and Hardy-Weinberg equilibrium."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.genotypes.packed import PackedBlock
from ecgwas.study.scan import Scan

TIE = 1e-9
"""Configurations count as equally likely if the relative difference of their probabilities is at most this."""

CLEARLY_ABOVE = 30.0
"""The exact test is skipped if the p-value of the chi-square test is above this multiple of the limit and above 5 %."""

FILTERS = ("", "call_rate", "maf", "mac", "info", "hwe")
"""Filters in the order in which they apply. The empty name is that of variants that pass all."""

TAIL_SD = 14.0
"""Counts more than this many standard deviations from their mean have negligible weight in double precision."""


def failed_filters(
    options: Scan, block: GenotypeBlock, males: GenotypeBlock | None = None, *,
    haploid: bool = False, stated: NDArray[np.float64] | None = None,
    groups: Sequence[tuple[GenotypeBlock, GenotypeBlock | None]] = (),
) -> NDArray[np.object_]:  # fmt: skip
    """(V,) text: the first of FILTERS that each variant fails, or empty.

    block    all participants tested
    males    on X, the men among them: each man has one allele in frequencies and enters the Hardy-Weinberg test with one
             allele (Graffelman and Weir 2016); his heterozygous calls count as half
    haploid  for Y and MT: all participants have one allele, and there is no Hardy-Weinberg test
    stated   (V,) float64, imputation quality stated in the file; NaN if not stated
    groups   all participants and men of each ancestry group. Hardy-Weinberg is tested within each group, and a variant
             fails if it fails in one; if empty, it is tested among all participants. Across several ancestries, a variant
             fails because its frequency differs between them (Wahlund 1928, Hereditas 11:65)
    """
    alleles, minor = _alleles(block, males, haploid=haploid)
    with np.errstate(invalid="ignore", divide="ignore"):
        frequency = np.where(alleles > 0, minor / alleles, 0.0)
    failed = [
        block.called < options.min_call_rate * block.people,
        frequency < options.min_maf,
        minor < options.min_mac,
        poorly_imputed(options, block, males, haploid=haploid, stated=stated),
    ]
    first = np.select(failed, list(range(1, len(failed) + 1)), 0)
    for own, own_males in () if haploid else groups or [(block, males)]:
        unsure = np.flatnonzero((first == 0) & ~_clearly_in_equilibrium(options, own, own_males))
        first[unsure[[not _in_equilibrium(options, own, own_males, int(i)) for i in unsure]]] = FILTERS.index("hwe")
    return np.asarray(np.array(FILTERS, dtype=object)[first])


def _alleles(
    block: GenotypeBlock, males: GenotypeBlock | None, *, haploid: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(V,) alleles called and (V,) minor alleles. A man has one allele on X, and so has every haploid participant."""
    alleles, minor = 2 * block.called, block.minor_alleles.astype(np.float64)
    if males is not None:
        alleles = alleles - males.called
        minor = minor - _minor_alleles_of_males(block, males) / 2
    if haploid:
        alleles, minor = block.called, minor / 2
    return alleles, np.minimum(minor, alleles - minor)


def minor_allele_count(
    block: GenotypeBlock, males: GenotypeBlock | None = None, *, haploid: bool = False
) -> NDArray[np.float64]:
    """(V,) minor allele count. A man has one allele on X, as has every haploid participant. Arguments: see failed_filters."""
    return _alleles(block, males, haploid=haploid)[1]


def poorly_imputed(
    options: Scan, block: GenotypeBlock, males: GenotypeBlock | None = None, *,
    haploid: bool = False, stated: NDArray[np.float64] | None = None,
) -> NDArray[np.bool_]:  # fmt: skip
    """(V,) bool: variants whose imputation quality, measured or stated, is below `min_info`. Arguments: see failed_filters."""
    with np.errstate(invalid="ignore"):
        low = imputation_quality(block, males, haploid=haploid) < options.min_info
        return low if stated is None else low | (stated < options.min_info)


def imputation_quality(
    block: GenotypeBlock, males: GenotypeBlock | None = None, *, haploid: bool = False
) -> NDArray[np.float64]:
    """(V,) float64: variance of dosages over that of genotypes in Hardy-Weinberg equilibrium at the same frequency.

    1 for certain genotypes and 0 if all participants have the mean dosage. This is r² of MaCH (Li et al. 2010, Genet Epidemiol
    34:816), as in PLINK 2's --mach-r2-filter, which does not apply to X. One allele counted twice (haploid, or X in men)
    has twice the variance. NaN for hard calls, which hold no information on imputation quality, and for constant variants.
    """
    if isinstance(block, PackedBlock):
        return np.full(len(block), np.nan)
    alleles, minor = _alleles(block, males, haploid=haploid)
    single = 0 if males is None else males.called
    people = np.maximum(block.called, 1)
    doubled = 2 * people if haploid else people + single
    with np.errstate(invalid="ignore", divide="ignore"):
        frequency = minor / alleles
        expected = 2 * frequency * (1 - frequency) * doubled / people
        return np.asarray(
            (block.raw_ss / people - (block.minor_alleles / people) ** 2) / np.where(expected > 0, expected, np.nan)
        )


def _minor_alleles_of_males(block: GenotypeBlock, males: GenotypeBlock) -> NDArray[np.float64]:
    """(V,) the men's copies of the allele that is minor among all participants."""
    same = males.minor_is_other == block.minor_is_other
    return np.where(same, males.minor_alleles, 2 * males.called - males.minor_alleles).astype(np.float64)


def _clearly_in_equilibrium(options: Scan, block: GenotypeBlock, males: GenotypeBlock | None) -> NDArray[np.bool_]:
    """(V,) bool: variants that pass the Hardy-Weinberg filter without an exact test."""
    if options.min_hwe_p <= 0:
        return np.ones(len(block), dtype=bool)
    if males is not None:
        return np.zeros(len(block), dtype=bool)
    p = hwe_chi_square_p(block.ones, block.twos, block.hard_calls - block.ones - block.twos)
    return np.asarray(p > max(0.05, CLEARLY_ABOVE * options.min_hwe_p))


def _in_equilibrium(options: Scan, block: GenotypeBlock, males: GenotypeBlock | None, i: int) -> bool:
    limit = options.min_hwe_p
    het, rare, called = int(block.ones[i]), int(block.twos[i]), int(block.hard_calls[i])
    if males is None:
        return hwe_mid_p(het, rare, called - het - rare) >= limit
    same = bool(males.minor_is_other[i] == block.minor_is_other[i])
    men_with = int(males.twos[i]) if same else int(males.hard_calls[i] - males.ones[i] - males.twos[i])
    men = int(males.hard_calls[i] - males.ones[i])
    women_het = het - int(males.ones[i])
    women_rare = rare - men_with
    women = called - int(males.hard_calls[i])
    return hwe_mid_p_x(women_het, women_rare, women - women_het - women_rare, men_with, men - men_with) >= limit


def hwe_chi_square_p(het: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """(V,) p-value of the chi-square test of Hardy-Weinberg equilibrium from genotype counts (V,); 1 if an allele is absent."""
    people = np.maximum(het + first + second, 1)
    share = (2 * first + het) / (2 * people)
    observed = np.stack([het, first, second])
    expected = np.stack([2 * share * (1 - share), share**2, (1 - share) ** 2]) * people
    terms = np.divide((observed - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0)
    p: NDArray[np.float64] = stats.chi2.sf(terms.sum(axis=0), 1)
    return p


def hwe_mid_p(het: int, first: int, second: int) -> float:
    """Exact mid-p-value of Hardy-Weinberg equilibrium, from genotype counts (Wigginton 2005; Graffelman and Moreno 2013)."""
    people, alleles = het + first + second, het + 2 * min(first, second)
    if alleles == 0:
        return 0.5
    hets = np.arange(alleles % 2, alleles + 1, 2)
    return _two_sided(_log_weights(hets, alleles, people), int(np.searchsorted(hets, het)))


def hwe_mid_p_x(het: int, first: int, second: int, men_first: int, men_second: int) -> float:
    """Exact mid-p-value on X, from women's genotypes and men's alleles together (Graffelman and Weir 2016)."""
    women, men = het + first + second, men_first + men_second
    carried = het + 2 * first + men_first
    if carried == 0 or carried == 2 * women + men:
        return 0.5
    mean, sd = _hypergeometric(men, 2 * women + men, carried)
    near = _near(mean, sd, max(0, carried - 2 * women), min(men, carried), men_first)
    logs, places, here = [], 0, -1
    for with_allele in near:
        rest = carried - int(with_allele)
        hets = np.arange(rest % 2, min(rest, 2 * women - rest) + 1, 2)
        ways = special.gammaln(men + 1) - special.gammaln(with_allele + 1) - special.gammaln(men - with_allele + 1)
        logs.append(_log_weights(hets, rest, women) + ways)
        if with_allele == men_first:
            here = places + int(np.searchsorted(hets, het))
        places += len(hets)
    return _two_sided(np.concatenate(logs), here)


def _hypergeometric(drawn: int, total: int, marked: int) -> tuple[float, float]:
    share = marked / total
    spread = drawn * share * (1 - share) * (total - drawn) / max(total - 1, 1)
    return drawn * share, float(np.sqrt(spread))


def _near(mean: float, sd: float, low: int, high: int, observed: int) -> NDArray[np.int64]:
    start = max(low, min(int(mean - TAIL_SD * sd) - 1, observed))
    stop = min(high, max(int(mean + TAIL_SD * sd) + 1, observed))
    return np.arange(start, stop + 1)


def _log_weights(hets: NDArray[np.int64], alleles: int, people: int) -> NDArray[np.float64]:
    """Log weights of the possible numbers of heterozygotes if `people` participants carry `alleles` copies in total."""
    first = (alleles - hets) // 2
    second = people - hets - first
    ways = special.gammaln(people + 1) - special.gammaln(hets + 1) - special.gammaln(first + 1) - special.gammaln(second + 1)
    return np.asarray(ways + hets * np.log(2.0))


def _two_sided(logs: NDArray[np.float64], here: int) -> float:
    weights = np.exp(logs - logs.max())
    observed = weights[here]
    rarer = weights[weights < observed * (1 - TIE)].sum()
    tied = weights[np.abs(weights - observed) <= observed * TIE].sum()
    return float((rarer + tied / 2) / weights.sum())
