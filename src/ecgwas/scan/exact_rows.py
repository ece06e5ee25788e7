"""Rows of the mixed models: Wald's tests, with lambda estimated with the variant in the model, of what a screen passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.mixed.variant_tests import ExactTests
from ecgwas.scan.engine.family_denominators import filled
from ecgwas.scan.engine.regression import Fitter
from ecgwas.statistics.least_squares import neglog10p

Exact = Callable[[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]], ExactTests]
"""Tests of H pairs: copies (V, n) float64 without missing values, and the row of a copy (H,) and the trait (H,) of each."""


def exact_rows(
    fitter: Fitter, block: GenotypeBlock, candidates: NDArray[np.int32], df: NDArray[np.int64], exact: Exact, *, at_once: int
) -> dict[str, NDArray[Any]]:
    """What `Fitter.fitted` returns, by `exact`; at_once: variants in memory as float64."""
    variants, traits = candidates[:, 0].astype(np.int64), candidates[:, 1].astype(np.int64)
    beta, se = np.empty(len(variants)), np.empty(len(variants))
    distinct = np.unique(variants)
    for start in range(0, len(distinct), at_once):
        chosen = distinct[start : start + at_once]
        rows = slice(*np.searchsorted(variants, [chosen[0], chosen[-1] + 1]))
        copies = filled(block.select(chosen)).astype(np.float64)
        tests = exact(copies, np.searchsorted(chosen, variants[rows]), traits[rows])
        beta[rows], se[rows] = tests.beta, tests.se
    scale = fitter.group.design.norms[traits] * fitter.per_allele
    t = np.divide(beta, se, out=np.full(len(beta), np.inf), where=se > 0)
    sign = np.where(block.minor_is_other[variants], -1.0, 1.0)
    return {
        "variant": variants, "trait": traits, "eaf": block.effect_frequency[variants], "n": fitter.people(block)[variants],
        "beta": sign * beta * scale, "se": se * scale, "t": sign * t,
        "neglog10p": neglog10p(t, df[variants].astype(np.float64)),
    }  # fmt: skip
