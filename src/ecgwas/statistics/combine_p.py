"""One p-value per variant for several traits: ACAT, and an omnibus chi-square test that allows for the traits' correlation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

TINY_LOG10 = 15.0
"""Below p = 1e-15, tan is replaced by its limit 1 / (pi p), as in the paper."""


def acat(neglog10p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Aggregated Cauchy association test of M variants over K traits, equal weights: (M, K) -> (M,), -log10 p, float64.

    For correlated traits, the p-value is valid only in the far tail: twelve normal traits with correlation 0.7 gave 1.18, 1.14
    and 1.18 times the nominal rate at 1e-2, 1e-3 and 1e-4 (2 million null variants). NaN for variants with a missing p-value.
    A p-value of 1 is replaced by 1 - 1e-15. Liu and Xie 2020, J Am Stat Assoc 115:393; Liu et al. 2019, Am J Hum Genet 104:410.
    """
    small = neglog10p > TINY_LOG10
    p = np.clip(10.0**-neglog10p, 1e-300, 1 - 1e-15)
    ordinary = np.tan((0.5 - p) * np.pi)
    log10_terms = neglog10p - np.log10(np.pi)
    # Sums are taken relative to the largest term, so that p below 1e-308 does not overflow.
    largest = np.maximum(np.max(log10_terms, axis=1), 0.0)
    scaled = np.where(small, 10.0 ** (log10_terms - largest[:, None]), ordinary * 10.0 ** -largest[:, None])
    mean = scaled.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        statistic = mean * 10.0**largest
        plain = -np.log10(np.arctan2(1.0, statistic) / np.pi)
        far = np.log10(mean) + largest + np.log10(np.pi)
    combined: NDArray[np.float64] = np.where(far > TINY_LOG10, far, plain)
    return combined


def omnibus(z: NDArray[np.float64], correlation: NDArray[np.float64], *, shrink: float = 0.05) -> NDArray[np.float64]:
    """Chi-square of M variants over K traits, z' R^-1 z with K degrees of freedom: (M, K) -> (M,), -log10 p, float64.

    z (M, K) t or z statistics; correlation (K, K) of the traits under the null. R = (1 - shrink) correlation + shrink I,
    because leads and learned features are nearly linearly dependent. With shrink > 0 the p-value is approximate and must be
    calibrated by the scan's permutations. NaN for variants with a missing z. van der Meer et al. 2020, Nat Commun 11:3512.
    Raises ValueError if R is not positive definite.
    """
    count = z.shape[1]
    regular = (1 - shrink) * correlation + shrink * np.eye(count)
    try:
        factor = np.linalg.cholesky(regular)
    except np.linalg.LinAlgError:
        raise ValueError("the trait correlation is singular; use shrink > 0") from None
    whitened = np.linalg.solve(factor, z.T)
    logs: NDArray[np.float64] = -stats.chi2.logsf(np.sum(whitened**2, axis=0), count) / np.log(10)
    return logs
