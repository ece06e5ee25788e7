"""Tests of a block of variants against the traits of one group: a screen of all tests in float32, refits in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.scan.engine import backends
from ecgwas.scan.engine.samples import Group
from ecgwas.scan.engine.screening import HistogramPool, Screened, chi2
from ecgwas.statistics.least_squares import least_t_squared, neglog10p
from ecgwas.study.scan import Matrix

MARGIN = 1e-3
"""Tests whose float32 t squared is below the limit by at most this share are also refitted in float64."""


class Fitter:
    """Fits blocks of variants to the traits of one group."""

    def __init__(
        self, options: Matrix, group: Group, *, hard: bool = True, haploid: bool = False, keep_products: bool = True
    ) -> None:
        """hard, keep_products: see backends.choose; haploid: everyone has one allele, counted as two."""
        self.options, self.group, self.per_allele = options, group, 2.0 if haploid else 1.0
        self.backend = backends.choose(options, group.design, hard=hard, keep_products=keep_products)

    def pool(self) -> HistogramPool:
        """Histograms of this group's tests."""
        return HistogramPool(self.group.design.traits.shape[1], self.backend)

    def candidates(self, block: GenotypeBlock, screened: Screened, t2_histogram: Any) -> NDArray[np.int32]:
        """(H, 2) int32 variant and trait of tests that may reach keep_neglog10p; t2_histogram counts all tests."""
        return self.backend.test(block, screened, self.min_t2(screened), t2_histogram)

    def screen(self, block: GenotypeBlock) -> Screened:
        """Every test, in float32 except where digits would cancel."""
        sums = self.backend.sums(block)
        checks = self.group.plink2_checks
        errors = checks.glm_errors(block, sums.covariate_ss, sums.covariate_projection, sums.genotype_ss)
        arrays = sums.cross_product, sums.genotype_ss, sums.trait_ss, errors, errors == 0, self.df(block)
        return Screened(*arrays, self.group.design.traits.shape[1])

    def chi2(self, block: GenotypeBlock, screened: Screened) -> NDArray[np.float32]:
        """(V, k) float32 t squared of a block and its screen with cross-products; meaningless where it is not computed."""
        return chi2(screened)

    def df(self, block: GenotypeBlock) -> NDArray[np.int64]:
        """(V,) int64, degrees of freedom of each variant's tests."""
        missing = block.missing_calls if self.options.missing == "exact" else np.zeros_like(block.missing_calls)
        return np.asarray(self.group.design.df - missing)

    def min_t2(self, screened: Screened) -> NDArray[np.float64]:
        """(V,) t squared from which a test may reach keep_neglog10p."""
        distinct, index = np.unique(screened.df, return_inverse=True)
        limit = self.options.keep_neglog10p
        each = [least_t_squared(limit, int(df)) if df > 0 else np.inf for df in distinct]
        limits: NDArray[np.float64] = np.array(each)[index] * (1 - MARGIN)
        return limits

    def refit(self, block: GenotypeBlock, candidates: NDArray[np.int32], df: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Those of `fitted` with a -log10 p of at least keep_neglog10p."""
        every = self.fitted(block, candidates, df)
        kept = every["neglog10p"] >= self.options.keep_neglog10p
        return {name: column[kept] for name, column in every.items()}

    def fitted(self, block: GenotypeBlock, candidates: NDArray[np.int32], df: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Fits `candidates` (H, 2), sorted by variant, in float64, and returns (H,) each: variant, trait (indices in block and
        group), eaf, n, beta, se, t, neglog10p."""
        variants, traits = candidates[:, 0].astype(np.int64), candidates[:, 1].astype(np.int64)
        cross_product, genotype_ss, trait_ss = self.backend.refit(block, candidates).T
        df_of_test = df[variants].astype(np.float64)
        residual_ss = np.maximum(genotype_ss * trait_ss - cross_product**2, 0.0)
        scale = (
            np.where(block.minor_is_other[variants], -self.per_allele, self.per_allele)
            * self.group.design.norms[traits]
            / genotype_ss
        )
        beta, se = cross_product * scale, np.sqrt(residual_ss / df_of_test) * np.abs(scale)
        t = np.divide(beta, se, out=np.full(len(beta), np.inf), where=se > 0)
        people = self.people(block)
        return {
            "variant": variants, "trait": traits, "eaf": block.effect_frequency[variants], "n": people[variants],
            "beta": beta, "se": se, "t": t, "neglog10p": neglog10p(t, df_of_test),
        }  # fmt: skip

    def people(self, block: GenotypeBlock) -> NDArray[np.int64]:
        """(V,) int64, number of participants tested."""
        return block.called if self.options.missing == "exact" else np.full(len(block), block.people)

    def effects(self, block: GenotypeBlock, screened: Screened) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """beta and se of every test, (V, k) float32 each; NaN where not computed."""
        cross_product = screened.cross_product[:, : screened.traits]
        genotype_ss = np.where(screened.testable, screened.genotype_ss, np.nan)[:, None]
        trait_ss = 1.0 if screened.trait_ss is None else screened.trait_ss
        residual_ss = np.maximum(trait_ss * genotype_ss - np.square(cross_product, dtype=np.float64), 0.0)
        scale = self.per_allele * self.group.design.norms / genotype_ss
        sign = np.where(block.minor_is_other, -1.0, 1.0)[:, None]
        se = np.sqrt(residual_ss / np.maximum(screened.df, 1)[:, None]) * scale
        return (sign * cross_product * scale).astype(np.float32), se.astype(np.float32)
