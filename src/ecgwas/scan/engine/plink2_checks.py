"""Regressions that PLINK 2 does not compute, with its error codes.

A correlation above 0.999 of two predictors (covariates and genotype) gives CORR_TOO_HIGH. A variance inflation factor above 50
gives VIF_TOO_HIGH (https://www.cog-genomics.org/plink/2.0/assoc#glm, --max-corr and --vif). PLINK rejects a study whose
covariates alone exceed these limits; here only the effect of the genotype is judged.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import GenotypeBlock

MAX_CORRELATION = 0.999
MAX_VIF = 50.0
NEAR_CORRELATION = 0.98
NEAR_VIF = 20.0
"""Beyond these limits a variant is judged exactly, in the participants with a call. The quick formulas count missing calls as
0."""
FEW_MISSING = 0.05
"""With a larger share of missing calls, a variant is judged exactly."""

GLM_ERRORS = ("", "SAMPLE_CT<=PREDICTOR_CT", "CONST_OMITTED_ALLELE", "VIF_INFINITE", "CORR_TOO_HIGH", "VIF_TOO_HIGH")
"""PLINK's error codes; the first means no error."""


CovariateProjection = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""Indices of S variants in a block -> (S, R - 1), their genotypes times the basis without the intercept's column."""


class Plink2Checks:
    """covariates (N, C) float64, without columns that are constant or combinations of others in these participants."""

    def __init__(self, basis: NDArray[np.float64], covariates: NDArray[np.float64]) -> None:
        """basis (N, 1 + C): orthonormal, intercept first."""
        self.covariates = covariates - covariates.mean(axis=0)
        self.projection = basis[:, 1:].T @ self.covariates
        self.norms = np.linalg.norm(self.covariates, axis=0)
        self.inverse = np.linalg.inv(self.projection)
        self.vif = variance_inflation(self.covariates)
        self.has_correlated = _largest_correlation(self.covariates) > MAX_CORRELATION

    def glm_errors(
        self,
        block: GenotypeBlock,
        projected_ss: NDArray[np.float64],
        projection: CovariateProjection,
        genotype_ss: NDArray[np.float64],
    ) -> NDArray[np.int8]:
        """(V,) int8 index in GLM_ERRORS: PLINK's error code, or 0. projected_ss (V,): sum of squares of each variant's
        `projection`; genotype_ss (V,) = g'Mg.
        """
        errors = np.zeros(len(block), dtype=np.int8)
        scarce = block.called <= len(self.projection) + 2
        constant = block.is_constant & ~scarce
        errors[scarce] = GLM_ERRORS.index("SAMPLE_CT<=PREDICTOR_CT")
        errors[constant] = GLM_ERRORS.index("CONST_OMITTED_ALLELE")
        is_open = ~(scarce | constant)
        for i in np.flatnonzero(is_open & self._near(block, projected_ss, projection, genotype_ss)):
            errors[i] = GLM_ERRORS.index(self._exactly(block, int(i)))
        # Variants that passed although the covariates explain the whole genotype.
        errors[is_open & ~(genotype_ss > 0) & (errors == 0)] = GLM_ERRORS.index("VIF_INFINITE")
        return errors

    def _near(
        self,
        block: GenotypeBlock,
        projected_ss: NDArray[np.float64],
        projection: CovariateProjection,
        genotype_ss: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """(V,) bool: the variant must be judged exactly.

        The part that the covariates explain bounds every correlation (Cauchy and Schwarz) and every inflation factor: with
        E = |Q'g|^2 and G = g'Mg, correlation^2 <= E / (E + G), VIF <= VIF without the genotype * (1 + E / G).
        """
        ss = np.maximum(genotype_ss, 1e-12)
        judged = np.asarray(block.missing_calls > FEW_MISSING * block.people)
        within = np.where(self.vif > MAX_VIF, 1.0, self.vif).max(initial=1.0)
        possible = within * (1 + projected_ss / ss) > min(NEAR_VIF, 1 / (1 - NEAR_CORRELATION**2))
        candidates = np.flatnonzero(possible & ~judged)
        judged[candidates] = self._each(block.select(candidates), projection(candidates), ss[candidates])
        return judged

    def _each(
        self, block: GenotypeBlock, projection: NDArray[np.float64], genotype_ss: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """(V,) bool: an inflation factor or a correlation of any covariate is near its limit."""
        with np.errstate(divide="ignore", invalid="ignore"):
            centred = block.raw_ss - block.minor_alleles**2 / block.called
            inflated = centred / genotype_ss > NEAR_VIF
            correlation = np.abs(projection @ self.projection) / (self.norms * np.sqrt(centred)[:, None])
            grown = (self.norms * (projection @ self.inverse.T)) ** 2 / genotype_ss[:, None]
        limit = np.where(self.vif > MAX_VIF, np.inf, NEAR_VIF)
        return np.asarray(np.any(self.vif + grown > limit, axis=1) | np.any(correlation > NEAR_CORRELATION, axis=1) | inflated)

    def _exactly(self, block: GenotypeBlock, i: int) -> str:
        called = np.ones(block.people, dtype=bool)
        called[block.samples_missing(i)] = False
        genotype = block.minor_copies_of(i)
        covariates = self.covariates[called]
        if np.any(np.ptp(covariates, axis=0) == 0):
            return "VIF_INFINITE"
        predictors = np.column_stack([genotype[called], covariates])
        predictors -= predictors.mean(axis=0)
        if not self.has_correlated and _largest_correlation(predictors) > MAX_CORRELATION:
            return "CORR_TOO_HIGH"
        if self.has_correlated and _largest_correlation(predictors, first_only=True) > MAX_CORRELATION:
            return "CORR_TOO_HIGH"
        judged = np.append(True, self.vif <= MAX_VIF)
        factors = variance_inflation(predictors)
        return "VIF_TOO_HIGH" if np.any(~(factors <= MAX_VIF) & judged) else ""


def error_names(codes: NDArray[np.int8]) -> NDArray[np.object_]:
    """(V,) names of the codes that Plink2Checks.glm_errors returns."""
    return np.array(GLM_ERRORS, dtype=object)[codes]


def variance_inflation(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,) variance inflation factors of centred columns (N, C); infinite where a column is a combination of the others."""
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
