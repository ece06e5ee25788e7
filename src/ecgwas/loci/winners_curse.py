"""Winner's curse: effects selected for being significant are too large; estimates that account for the selection.

A hit passed the study's threshold: `corrected`. A lead variant is also the strongest of all variants of its locus on all
traits: `corrected_lead`. The second selection is the stronger one, about 1.3 standard errors among twenty traits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

BOUND_ERROR = 0.005
"""Part of the 5 % error spent on noise beyond the bound of a lead variant's interval: a tenth of it."""


@dataclass(frozen=True)
class Corrected:
    """z corrected for the selection, and its 95 % interval."""

    z: float
    low: float
    high: float


@dataclass(frozen=True)
class CompetingTests:
    """Tests of which a lead variant is the strongest.

    tests      their number, its own included
    min_abs_z  |z| (0 or more) that it had to exceed to be the strongest, given the independent noise of the others
    """

    tests: int
    min_abs_z: float


def corrected(z: float, threshold: float) -> Corrected:
    """Maximum of the likelihood of mu given z ~ N(mu, 1) and |z| > threshold (Zhong and Prentice 2008, Biostatistics 9:621).

    The interval contains each mu for which neither tail of z, given the selection, is below 2.5 %. Far above the threshold
    it is z -+ 1.96; just above it the estimate is near 0. Symmetric in the sign of z. Invalid for |z| <= threshold, and for a
    z selected as the largest of several (`corrected_lead`).
    """
    size = abs(z)

    def loss(mu: float) -> float:
        return 0.5 * (size - mu) ** 2 + _log_selected(mu, threshold)

    best = float(optimize.minimize_scalar(loss, bounds=(0.0, size + 1.0), method="bounded", options={"xatol": 1e-9}).x)
    return _signed(z, best, _mu_with_tail(size, threshold, 0.025), _mu_with_tail(size, threshold, 0.975))


def corrected_lead(z: float, threshold: float, competitors: CompetingTests) -> Corrected:
    """mu of a z that is beyond the threshold and the largest of the tests of a locus: median-unbiased, with a 95 % interval.

    Given what remains of the other tests once their correlation with z is removed, z ~ N(mu, 1) is known to exceed
    max(threshold, competitors.min_abs_z): a truncated normal, whose quantiles give exact limits (Lee et al. 2016, Ann Stat
    44:907). Where another test comes close, these limits diverge; so mu is kept within `bound` of z, which costs a tenth of
    the 5 % (the hybrid of Andrews, Kitagawa and McCloskey 2024, Q J Econ 139:305). Invalid for |z| <= threshold. A locus
    without any effect is covered only where the threshold is so lenient that such loci are common (see `bound`).
    """
    size, max_distance = abs(z), bound(threshold, competitors.tests)
    truncation = min(max(threshold, competitors.min_abs_z), size)
    tail = (0.05 - BOUND_ERROR) / (1 - BOUND_ERROR) / 2

    def upper_tail(mu: float) -> float:
        """Probability of a z this large or larger, given that it exceeds `truncation` and is within `max_distance` of mu."""
        beyond = special.ndtr(-max_distance)
        at_least = special.ndtr(mu - max(truncation, mu - max_distance)) - beyond
        return float((special.ndtr(mu - size) - beyond) / max(at_least, 1e-300))

    limits = [_solved(lambda mu, p=p: upper_tail(mu) - p, size, max_distance) for p in (0.5, tail, 1 - tail)]  # type: ignore[misc]
    return _signed(z, *limits)


def bound(threshold: float, tests: int) -> float:
    """|z - mu| that the noise of any test of a locus exceeds with probability BOUND_ERROR.

    By Bonferroni over the tests. Where that is above the threshold, chance alone makes loci; then the bound is the one that
    noise which passed the threshold exceeds with probability BOUND_ERROR.
    """
    bonferroni = float(stats.norm.isf(BOUND_ERROR / (2 * tests)))
    return bonferroni if bonferroni < threshold else float(stats.norm.isf(BOUND_ERROR * stats.norm.sf(threshold)))


def _solved(increasing: Callable[[float], float], size: float, max_distance: float) -> float:
    """The zero of an increasing function within `max_distance` of `size`; if there is none, the end nearer to it.

    That end is the limit of the quantiles as another test comes ever closer.
    """
    low, high = size - max_distance + 1e-9, size + max_distance - 1e-9
    if increasing(low) >= 0:
        return low
    if increasing(high) <= 0:
        return high
    return float(optimize.brentq(increasing, low, high, xtol=1e-9))


def _signed(z: float, best: float, low: float, high: float) -> Corrected:
    """Estimate and limits for |z| with the sign of z."""
    return Corrected(best, low, high) if z >= 0 else Corrected(-best, -high, -low)


def _log_selected(mu: float, threshold: float) -> float:
    """Log probability that |z| passes the threshold."""
    return float(np.logaddexp(special.log_ndtr(mu - threshold), special.log_ndtr(-threshold - mu)))


def _mu_with_tail(size: float, threshold: float, p: float) -> float:
    """The mu for which z exceeds `size`, given the selection, with probability p."""

    def excess(mu: float) -> float:
        return float(np.exp(special.log_ndtr(mu - size) - _log_selected(mu, threshold))) - p

    return float(optimize.brentq(excess, -size - 20.0, size + 20.0, xtol=1e-9))
