"""Effects that are looked at because they are significant are too large; what the selection leaves of them.

A hit passed the study's threshold: `corrected`. A lead variant is, on top of it, the strongest of all variants of its locus and
of all traits: `corrected_lead`. The second selection is the larger one, some 1.3 standard errors among twenty traits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

OUTSIDE = 0.005
"""Chance, of the 5 %, that is given to noise beyond the bound of a lead variant's interval: a tenth of the whole."""


@dataclass(frozen=True)
class Corrected:
    """z without the selection, and its 95 % interval."""

    z: float
    low: float
    high: float


@dataclass(frozen=True)
class Rivals:
    """Tests of which a lead variant is the strongest.

    tests  how many, itself included;  least: |z| (0 or more) that it had to exceed to be the strongest, the others' own noise
    being what it was
    """

    tests: int
    least: float


def corrected(z: float, threshold: float) -> Corrected:
    """Maximum of the likelihood of mu given z ~ N(mu, 1) and |z| > threshold (Zhong and Prentice 2008, Biostatistics 9:621).

    The interval holds the mu under which neither tail of z, given the selection, is below 2.5 %. For |z| far above the
    threshold it is z and z -+ 1.96; just above it the estimate is near 0. Signs are mirrored. Invalid for |z| <= threshold,
    and for a z chosen as the largest of several: `corrected_lead`.
    """
    size = abs(z)

    def loss(mu: float) -> float:
        return 0.5 * (size - mu) ** 2 + _log_selected(mu, threshold)

    best = float(optimize.minimize_scalar(loss, bounds=(0.0, size + 1.0), method="bounded", options={"xatol": 1e-9}).x)
    return _signed(z, best, _where(size, threshold, 0.025), _where(size, threshold, 0.975))


def corrected_lead(z: float, threshold: float, rivals: Rivals) -> Corrected:
    """mu of a z that is beyond the threshold and the largest of the tests of a locus: median-unbiased, with a 95 % interval.

    Given what is left of the other tests when their correlation with z is taken out, z ~ N(mu, 1) is known to lie above
    max(threshold, rivals.least): a truncated normal, whose quantiles give exact limits (Lee et al. 2016, Ann Stat 44:907).
    Where another test comes close, these limits run away; so mu is held within `bound` of z, which costs a tenth of the
    5 % (the hybrid of Andrews, Kitagawa and McCloskey 2024, Q J Econ 139:305). Invalid for |z| <= threshold. A locus
    without any effect is covered only where the threshold is so lenient that such loci are common (see `bound`).
    """
    size, reach = abs(z), bound(threshold, rivals.tests)
    least = min(max(threshold, rivals.least), size)
    tail = (0.05 - OUTSIDE) / (1 - OUTSIDE) / 2

    def beyond(mu: float) -> float:
        """Chance of a z this large or larger, given that it lies above `least` and within `reach` of mu."""
        end = special.ndtr(-reach)
        return float((special.ndtr(mu - size) - end) / max(special.ndtr(mu - max(least, mu - reach)) - end, 1e-300))

    limits = [_solved(lambda mu, share=share: beyond(mu) - share, size, reach) for share in (0.5, tail, 1 - tail)]  # type: ignore[misc]
    return _signed(z, *limits)


def bound(threshold: float, tests: int) -> float:
    """|z - mu| that the noise of no test of a locus exceeds but with chance OUTSIDE.

    By Bonferroni over the tests. Where that is above the threshold, chance alone makes loci, and the bound is one that noise,
    given that it passed the threshold, exceeds with chance OUTSIDE.
    """
    of_all = float(stats.norm.isf(OUTSIDE / (2 * tests)))
    return of_all if of_all < threshold else float(stats.norm.isf(OUTSIDE * stats.norm.sf(threshold)))


def _solved(lacking: Callable[[float], float], size: float, reach: float) -> float:
    """Where the increasing `lacking` is zero within `reach` of `size`; the nearer end where it is not within.

    That end is the limit that the quantiles run to as another test comes as close as can be.
    """
    low, high = size - reach + 1e-9, size + reach - 1e-9
    if lacking(low) >= 0:
        return low
    if lacking(high) <= 0:
        return high
    return float(optimize.brentq(lacking, low, high, xtol=1e-9))


def _signed(z: float, best: float, low: float, high: float) -> Corrected:
    """Estimate and limits of |z| turned to the side of z."""
    return Corrected(best, low, high) if z >= 0 else Corrected(-best, -high, -low)


def _log_selected(mu: float, threshold: float) -> float:
    """Log chance that |z| passes the threshold."""
    return float(np.logaddexp(special.log_ndtr(mu - threshold), special.log_ndtr(-threshold - mu)))


def _where(size: float, threshold: float, share: float) -> float:
    """The mu under which z exceeds `size`, given the selection, with chance `share`."""

    def lacking(mu: float) -> float:
        return float(np.exp(special.log_ndtr(mu - size) - _log_selected(mu, threshold))) - share

    return float(optimize.brentq(lacking, -size - 20.0, size + 20.0, xtol=1e-9))
