"""The effective number of tests at each -log10 p, by importance sampling: how many independent tests would have this maximum.

The expected number of tests beyond x is known, T 10^-x for T calibrated tests. They come in clusters, of correlated traits and
of variants in linkage disequilibrium, and a maximum beyond x needs a cluster. If C(x) tests of a cluster are beyond x, then

    P(maximum > x) = 1 - exp(-M(x) 10^-x)        M(x) = T E[1 / C(x) | a test drawn at random is beyond x]

since each cluster is counted once, by the share 1 / C of each of its tests (Naiman and Priebe 2001, J Comput Graph Stat 10:296;
Adler, Blanchet and Liu 2012, Ann Appl Probab 22:1167; with permutations of a GWAS: Kimmel and Shamir 2006, Am J Hum Genet
79:481). No permutation needs to reach x by chance: a test (variant v, trait k) is drawn, its correlation r* beyond x is drawn
from the null distribution, and the permuted traits are moved along the genotype g_v until g_v'y_k = r*. Correlations with all
neighbouring variants u and all traits j then follow from those of the permutation, r, the linkage disequilibrium g_u'g_v and
the correlation of traits c_jk:

    a_u = r* g_u'g_v + sqrt((1 - r*^2) / (1 - r_vk^2)) (r_uk - g_u'g_v r_vk)        r'_uj = c_jk a_u + r_uj - c_jk r_uk

M grows with x, because moderately correlated tests are less and less often beyond x together. A tail fitted to maxima with a
constant M would be anti-conservative.

Invalid if single tests are not calibrated at x, as with heavy-tailed traits: their maxima must be permuted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ecgwas.scan.permutation.max_t import ResidualisedVariants, Shuffles
from ecgwas.statistics.projection import residuals

LEVELS = np.arange(2.0, 14.01, 0.5)
"""-log10 p at which tests are counted."""

DRAWS = 400
"""Tests drawn on each chromosome; 22 of them give log10 M a standard error of about 0.005."""

MAX_PROBABILITY = 0.99

MIN_PERMUTATIONS = 20
"""With fewer, which no threshold needs, tests are not drawn."""

NEIGHBOURS = 1000
"""Variants on either side of the one drawn in which a cluster is counted."""


def effective_tests(
    shuffles: Shuffles, variants: ResidualisedVariants, draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(2, L) float64: effective number of tests of neighbouring variants at each of LEVELS, and the variance of its estimate.

    `shuffles`: of the participants of `variants`; draws: 2 or more. Zeros without variants.
    """
    count = len(variants.norm)
    if count == 0:
        return np.zeros((2, len(LEVELS)))
    shares = np.stack([_shares(shuffles, variants, rng) for _ in range(draws)])
    share, variance = shares.mean(axis=0), shares.var(axis=0, ddof=1) / draws
    # C counts all tests of the neighbourhood, so T p E[1 / C] is its probability P of a maximum beyond x; M p is -log(1 - P).
    nearby = min(count, 2 * NEIGHBOURS + 1) * shuffles.traits
    probability = np.minimum(nearby * 10.0**-LEVELS * share, MAX_PROBABILITY)
    tests = count * shuffles.traits * -np.log1p(-probability) / probability
    return np.stack([tests * share, tests**2 * variance])


def _shares(shuffles: Shuffles, variants: ResidualisedVariants, rng: np.random.Generator) -> NDArray[np.float64]:
    """(L,) 1 / C of a test drawn at random, made to be beyond each of LEVELS."""
    drawn, trait = int(rng.integers(len(variants.norm))), int(rng.integers(shuffles.traits))
    first = max(0, drawn - NEIGHBOURS)
    genotypes = variants.genotypes[first : drawn + NEIGHBOURS + 1]
    permuted = shuffles.values[rng.permutation(len(shuffles.values))]
    residuals(permuted, shuffles.basis.astype(np.float32), out=permuted)
    permuted /= np.linalg.norm(permuted, axis=0)
    r, of_traits = genotypes @ permuted, permuted.T @ permuted[:, trait]
    linkage = genotypes @ genotypes[drawn - first]
    own = r[:, trait].copy()
    at_drawn = float(own[drawn - first])
    r -= own[:, None] * of_traits
    limits, beyond = _correlations(LEVELS, shuffles.df), _correlations(LEVELS - np.log10(rng.uniform()), shuffles.df)
    shares = np.empty(len(LEVELS))
    for level, (limit, drawn_r) in enumerate(zip(limits, beyond, strict=True)):
        moved = drawn_r * linkage + np.sqrt((1 - drawn_r**2) / (1 - at_drawn**2)) * (own - linkage * at_drawn)
        size = int((np.abs(r + moved.astype(np.float32)[:, None] * of_traits) > limit * (1 - 1e-6)).sum())
        shares[level] = 1 / max(1, size)
    return shares


def _correlations(neglog10p: NDArray[np.float64], df: int) -> NDArray[np.float64]:
    """Correlations with this two-sided -log10 p."""
    t = -special.stdtrit(df, 0.5 * 10.0**-neglog10p)
    return np.asarray(t / np.sqrt(t**2 + df))
