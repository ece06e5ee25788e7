"""Tests of variants in rotated coordinates: all traits of a block by two products, chosen pairs exactly.

With x~ = B'x, w_k = 1 / (lambda_k s + 1) and lambda_k estimated without a variant,

    numerator = sum w_k x~ y~_k        denominator = sum w_k x~^2        t^2 = numerator^2 df / (denominator ss_k - numerator^2)

where ss_k = sum w_k y~_k^2 and df = N - R - 1: the products X~ (w o Y~) and (X~ o X~) w of a block of variants and all traits.
The exact test is Wald's with lambda estimated again with the variant in the model, as `gemma -lmm 1`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.mixed import reml
from ecgwas.mixed.rotation import Rotation

MIN_UNEXPLAINED = np.float32(1e-6)
"""Share of a trait's variance that always counts as unexplained."""
VARIANTS_AT_ONCE = 32
"""Variants that are rotated together in float64. Always as many, so that the bits of one do not depend on the others."""
PAIRS_BYTES = 2**25
"""Memory of one array of pairs that are tested together."""


@dataclass(frozen=True)
class RotatedTraits:
    """K traits in rotated coordinates.

    traits     (K, n) float64, y~; lambdas (K,) float64, estimated without a variant
    weights32  (n, K) float32, w;  weighted32 (n, K) float32, w y~ divided by the root of ss, so that ss is 1
    """

    rotation: Rotation
    traits: NDArray[np.float64]
    lambdas: NDArray[np.float64]
    weights32: NDArray[np.float32]
    weighted32: NDArray[np.float32]


def rotated(rotation: Rotation, traits: NDArray[np.float64], lambdas: NDArray[np.float64] | None = None) -> RotatedTraits:
    """Traits (N, K) float64 without missing values in rotated coordinates. lambdas (K,): given instead of estimated.

    A trait that the covariates explain entirely is invalid.
    """
    own = np.ascontiguousarray((rotation.basis.T @ traits).T)
    if lambdas is None:
        lambdas = reml.estimates(rotation.values, own)
    weights = reml.weights(rotation.values, lambdas)
    ss = np.einsum("kn,kn,kn->k", weights, own, own)
    weighted = weights * own / np.sqrt(ss)[:, None]
    return RotatedTraits(rotation, own, lambdas, *(np.ascontiguousarray(each.T, np.float32) for each in (weights, weighted)))


def screen(rotated_variants: NDArray[np.float32], traits: RotatedTraits) -> NDArray[np.float32]:
    """(V, K) float32 t squared of rotated variants (V, n) float32 with every trait. NaN for a variant that is all 0."""
    square = np.square(rotated_variants @ traits.weighted32)
    denominator = np.square(rotated_variants) @ traits.weights32
    rest = np.maximum(denominator - square, denominator * MIN_UNEXPLAINED)
    with np.errstate(divide="ignore", invalid="ignore"):
        t2: NDArray[np.float32] = square / rest * np.float32(traits.rotation.df)
    return t2


@dataclass(frozen=True)
class ExactTests:
    """H pairs of a variant and a trait, (H,) float64 each: effect of one copy in units of the trait, its standard error, and
    lambda with the variant in the model."""

    beta: NDArray[np.float64]
    se: NDArray[np.float64]
    lambdas: NDArray[np.float64]


def exact(
    variants: NDArray[np.float64], index: NDArray[np.int64], trait: NDArray[np.int64], traits: RotatedTraits
) -> ExactTests:
    """Tests H pairs: rows `index` (H,) of rotated variants (V, n) float64, and rows `trait` (H,) of the traits."""
    beta, se, lambdas = np.empty(len(index)), np.empty(len(index)), np.empty(len(index))
    values, df = traits.rotation.values, traits.rotation.df
    step = max(1, PAIRS_BYTES // (8 * len(values)))
    for start in range(0, len(index), step):
        pairs = slice(start, start + step)
        x, y = variants[index[pairs]], traits.traits[trait[pairs]]
        lambdas[pairs] = reml.estimates(values, y, x)
        w = reml.weights(values, lambdas[pairs])
        x_ss = np.einsum("hn,hn,hn->h", w, x, x)
        beta[pairs] = np.einsum("hn,hn,hn->h", w, x, y) / x_ss
        rest = y - beta[pairs][:, None] * x
        se[pairs] = np.sqrt(np.einsum("hn,hn,hn->h", w, rest, rest) / df / x_ss)
    return ExactTests(beta, se, lambdas)


def rotate(variants: NDArray[np.float64], rotation: Rotation) -> NDArray[np.float64]:
    """(V, n) float64 of variants (V, N) float64 without missing values."""
    result = np.empty((len(variants), len(rotation.values)))
    for start in range(0, len(variants), VARIANTS_AT_ONCE):
        chunk = variants[start : start + VARIANTS_AT_ONCE]
        padded = np.zeros((VARIANTS_AT_ONCE, variants.shape[1]))
        padded[: len(chunk)] = chunk
        result[start : start + VARIANTS_AT_ONCE] = (padded @ rotation.basis)[: len(chunk)]
    return result
