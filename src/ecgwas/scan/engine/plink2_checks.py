"""PLINK 2's rules on when a regression is not computed, with its error codes.

A pair of predictors (covariates and genotype) whose correlation exceeds 0.999 gives CORR_TOO_HIGH, a variance inflation
factor above 50 VIF_TOO_HIGH (https://www.cog-genomics.org/plink/2.0/assoc#glm, --max-corr and --vif). PLINK refuses a
study whose covariates alone are beyond these limits; here only what the genotype does is judged.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import AnyBlock

MAX_CORRELATION = 0.999
MAX_INFLATION = 50.0
NEAR_CORRELATION = 0.98
NEAR_INFLATION = 20.0
"""Beyond these a variant is judged exactly, on the people called; the quick formulas take missing calls as 0."""
FEW_MISSING = 0.05
"""With more missing calls than this share a variant is judged exactly."""

CODES = ("", "SAMPLE_CT<=PREDICTOR_CT", "CONST_OMITTED_ALLELE", "VIF_INFINITE", "CORR_TOO_HIGH", "VIF_TOO_HIGH")
"""PLINK's error codes by their number here; the first is none."""


CovariateProjection = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""Places of S variants in a block -> (S, R - 1): their genotypes times the basis without the intercept's column."""


class Rules:
    """covariates (N, C) float64, without columns that are constant or combinations of others among these people."""

    def __init__(self, basis: NDArray[np.float64], covariates: NDArray[np.float64]) -> None:
        """basis (N, 1 + C): orthonormal, intercept first."""
        self.covariates = covariates - covariates.mean(axis=0)
        self.projection = basis[:, 1:].T @ self.covariates
        self.lengths = np.linalg.norm(self.covariates, axis=0)
        self.inverse = np.linalg.inv(self.projection)
        self.before = inflation(self.covariates)
        self.correlated = _largest_correlation(self.covariates) > MAX_CORRELATION

    def codes(
        self,
        block: AnyBlock,
        projected_ss: NDArray[np.float64],
        projection: CovariateProjection,
        genotype_ss: NDArray[np.float64],
    ) -> NDArray[np.int8]:
        """(V,) int8 places in CODES: PLINK's error code, or 0. projected_ss (V,): sum of squares of each variant's
        `projection`; genotype_ss (V,) = g'Mg.
        """
        found = np.zeros(len(block), dtype=np.int8)
        few = block.called <= len(self.projection) + 2
        constant = block.constant & ~few
        found[few], found[constant] = CODES.index("SAMPLE_CT<=PREDICTOR_CT"), CODES.index("CONST_OMITTED_ALLELE")
        open_ones = ~(few | constant)
        for i in np.flatnonzero(open_ones & self._near(block, projected_ss, projection, genotype_ss)):
            found[i] = CODES.index(self._exactly(block, int(i)))
        # What is still to be computed although nothing of the genotype remains.
        found[open_ones & ~(genotype_ss > 0) & (found == 0)] = CODES.index("VIF_INFINITE")
        return found

    def _near(
        self,
        block: AnyBlock,
        projected_ss: NDArray[np.float64],
        projection: CovariateProjection,
        genotype_ss: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """(V,) bool: to be judged exactly.

        What the covariates explain bounds every correlation (Cauchy and Schwarz) and every factor: with E = |Q'g|^2 of the
        covariates and rest = g'Mg, correlation^2 <= E / (E + rest), factor <= factor before * (1 + E / rest).
        """
        rest = np.maximum(genotype_ss, 1e-12)
        judged = np.asarray(block.missing > FEW_MISSING * block.people)
        within = np.where(self.before > MAX_INFLATION, 1.0, self.before).max(initial=1.0)
        possible = within * (1 + projected_ss / rest) > min(NEAR_INFLATION, 1 / (1 - NEAR_CORRELATION**2))
        some = np.flatnonzero(possible & ~judged)
        judged[some] = self._each(block.pick(some), projection(some), rest[some])
        return judged

    def _each(self, block: AnyBlock, projection: NDArray[np.float64], rest: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(V,) bool: a factor or a correlation is near its limit, covariate by covariate."""
        with np.errstate(divide="ignore", invalid="ignore"):
            centred = block.raw_ss - block.minor**2 / block.called
            inflated = centred / rest > NEAR_INFLATION
            correlation = np.abs(projection @ self.projection) / (self.lengths * np.sqrt(centred)[:, None])
            grown = (self.lengths * (projection @ self.inverse.T)) ** 2 / rest[:, None]
        limit = np.where(self.before > MAX_INFLATION, np.inf, NEAR_INFLATION)
        return np.asarray(
            np.any(self.before + grown > limit, axis=1) | np.any(correlation > NEAR_CORRELATION, axis=1) | inflated
        )

    def _exactly(self, block: AnyBlock, i: int) -> str:
        called = np.ones(block.people, dtype=bool)
        called[block.absent(i)] = False
        genotype = block.one(i)
        covariates = self.covariates[called]
        if np.any(np.ptp(covariates, axis=0) == 0):
            return "VIF_INFINITE"
        predictors = np.column_stack([genotype[called], covariates])
        predictors -= predictors.mean(axis=0)
        if not self.correlated and _largest_correlation(predictors) > MAX_CORRELATION:
            return "CORR_TOO_HIGH"
        if self.correlated and _largest_correlation(predictors, first_only=True) > MAX_CORRELATION:
            return "CORR_TOO_HIGH"
        judged = np.append(True, self.before <= MAX_INFLATION)
        found = inflation(predictors)
        return "VIF_TOO_HIGH" if np.any(~(found <= MAX_INFLATION) & judged) else ""


def named(codes: NDArray[np.int8]) -> NDArray[np.object_]:
    """(V,) text of what Rules.codes gives."""
    return np.array(CODES, dtype=object)[codes]


def inflation(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,) variance inflation factors of centred columns (N, C); infinite where a column is a combination of others."""
    if centred.shape[1] == 0:
        return np.empty(0)
    unit = centred / np.linalg.norm(centred, axis=0)
    try:
        factors: NDArray[np.float64] = np.diag(np.linalg.inv(unit.T @ unit)).copy()
    except np.linalg.LinAlgError:
        return np.full(centred.shape[1], np.inf)
    factors[~(factors >= 1 - 1e-6)] = np.inf
    return factors


def _largest_correlation(centred: NDArray[np.float64], *, first_only: bool = False) -> float:
    if centred.shape[1] < 2:
        return 0.0
    unit = centred / np.linalg.norm(centred, axis=0)
    correlation = np.abs((unit[:, :1] if first_only else unit).T @ unit)
    np.fill_diagonal(correlation, 0.0)
    return float(correlation.max())
