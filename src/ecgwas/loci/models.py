"""One trait and the covariates of the participants who have it: regressions on one variant, alone or conditional on others.

`Model` is least squares. `MixedModel` is the scan's linear mixed model of related participants. Analyses at loci work by least
squares on what `given` and `tested` return, which with relatives are whitened values (mixed/whitening.py). The ratio of
variances is estimated with the variants in the model, so that a test of one variant is the scan's (GEMMA's Wald test), and one
conditional on others is GEMMA's with these as covariates. Missing calls then count as the mean, as in the scan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ecgwas.mixed import whitening
from ecgwas.mixed.whitening import Coordinates
from ecgwas.statistics.least_squares import neglog10p
from ecgwas.statistics.projection import row_residuals

BATCH_BYTES = 2**25
"""Float64 genotypes of a region held at a time."""


def mean_imputed(copies: NDArray[Any]) -> NDArray[Any]:
    """(V, N) copies, missing calls replaced by the variant's mean, in the precision given."""
    return np.where(np.isnan(copies), np.nanmean(copies, axis=1, keepdims=True), copies)


@dataclass(frozen=True)
class Fit:
    """One regression of n participants: effect of a copy of the effect allele, its standard error, degrees of freedom."""

    beta: float
    se: float
    df: int
    n: int

    @property
    def t(self) -> float:
        """beta / se."""
        return self.beta / self.se if self.se > 0 else float("inf")

    @property
    def neglog10p(self) -> float:
        """-log10 p of the two-sided t test."""
        return float(neglog10p(np.array([self.t]), float(self.df))[0])


@dataclass(frozen=True)
class Model:
    """One trait, and the covariates of the n participants who have it.

    sample_index  (n,) int64, their index among the N participants tested on the chromosome
    values        (n,) float64, the trait;  basis (n, R) float64, orthonormal, spans intercept and covariates
    """

    sample_index: NDArray[np.int64]
    values: NDArray[np.float64]
    basis: NDArray[np.float64]

    @property
    def residuals(self) -> NDArray[np.float64]:
        """(n,) residuals of the trait on the covariates."""
        return row_residuals(self.values, self.basis)

    def with_calls(self, copies: NDArray[np.floating]) -> tuple[Model, NDArray[np.float64]]:
        """The model of the participants with a call of one variant (N,), and their copies (n',)."""
        genotype = copies[self.sample_index].astype(np.float64)
        called = np.isfinite(genotype)
        if called.all():
            return self, genotype
        basis = np.linalg.qr(self.basis[called])[0]
        return Model(self.sample_index[called], self.values[called], basis), genotype[called]

    def rows(self, copies: NDArray[np.float64]) -> NDArray[np.float64]:
        """(V, n) genotypes that belong to the values, from (V, N) without missing calls."""
        return copies[:, self.sample_index]

    def strips(self, copies: NDArray[np.float32], means: NDArray[np.float64]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Slices of the n participants, each with their part of `rows` of copies (V, N); missing calls get the means (V,)."""
        step = max(1, BATCH_BYTES // (8 * len(copies)))
        for start in range(0, len(self.sample_index), step):
            strip = slice(start, start + step)
            own = copies[:, self.sample_index[strip]].astype(np.float64)
            yield strip, np.where(np.isnan(own), means[:, None], own)

    def with_columns(self, columns: NDArray[np.float64]) -> Self:
        """The model with further columns, rows of (S, n), next to the covariates."""
        if len(columns) == 0:
            return self
        return replace(self, basis=np.linalg.qr(np.column_stack([self.basis, *columns]))[0])

    def given(self, variants: NDArray[np.float64]) -> Model:
        """The model whose values are regressed on `rows` by least squares, with variants (S, N) next to the covariates."""
        return self.with_columns(self.rows(variants))

    def alone(self) -> Model:
        """`given` without variants."""
        return self

    def tested(
        self, copies: NDArray[np.floating], others: Sequence[NDArray[np.floating]] = ()
    ) -> tuple[Model, NDArray[np.float64]]:
        """The model in which one variant (N,) is tested conditional on others, and its genotypes (n',): only participants with
        a call of all."""
        model, _ = self.with_calls(np.sum([*others, copies], axis=0))
        columns = np.array([other[model.sample_index] for other in others]).reshape(len(others), len(model.sample_index))
        return model.with_columns(columns), copies[model.sample_index].astype(np.float64)

    def fit(self, copies: NDArray[np.floating], others: Sequence[NDArray[np.floating]] = ()) -> Fit:
        """The test of a variant conditional on covariates and other variants, (N,) each; see `tested`."""
        model, genotype = self.tested(copies, others)
        residualised, trait = row_residuals(genotype, model.basis), model.residuals
        genotype_ss = float(residualised @ residualised)
        if genotype_ss <= 1e-9 * float(genotype @ genotype):
            return Fit(0.0, float("inf"), 1, len(genotype))
        beta = float(residualised @ trait) / genotype_ss
        df = len(genotype) - model.basis.shape[1] - 1
        error = trait - beta * residualised
        return Fit(beta, float(np.sqrt(error @ error / df / genotype_ss)), df, len(genotype))


@dataclass(frozen=True)
class WhitenedModel(Model):
    """Values whitened with one ratio of variances; basis (n, R): orthonormal, spans the covariates among whitened values."""

    coordinates: Coordinates
    ratio: float

    def rows(self, copies: NDArray[np.float64]) -> NDArray[np.float64]:
        """See Model; whitened."""
        return whitening.whitened(self.coordinates, super().rows(copies), self.ratio)

    def strips(self, copies: NDArray[np.float32], means: NDArray[np.float64]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """See Model; whitening needs all participants together, so that (V, n) is in memory."""
        step = max(1, BATCH_BYTES // (8 * copies.shape[1]))
        whitened = np.empty((len(copies), len(self.sample_index)))
        for start in range(0, len(copies), step):
            batch = slice(start, start + step)
            called = copies[batch].astype(np.float64)
            whitened[batch] = self.rows(np.where(np.isnan(called), means[batch, None], called))
        yield slice(0, len(self.sample_index)), whitened


@dataclass(frozen=True)
class MixedModel(Model):
    """As Model, with the coordinates in which the relationship of the n participants is diagonal."""

    coordinates: Coordinates

    def given(self, variants: NDArray[np.float64]) -> Model:
        """See Model; the ratio of variances is estimated with the variants in the model."""
        rows = super().rows(variants)
        model = self._whitened(rows)
        return model.with_columns(whitening.whitened(self.coordinates, rows, model.ratio))

    def alone(self) -> Model:
        """See Model."""
        return self._whitened(np.empty((0, len(self.sample_index))))

    def tested(
        self, copies: NDArray[np.floating], others: Sequence[NDArray[np.floating]] = ()
    ) -> tuple[Model, NDArray[np.float64]]:
        """See Model; the ratio of variances is estimated with the variant and the others in the model."""
        rows = mean_imputed(np.array([*others, copies], dtype=np.float64)[:, self.sample_index])
        model = self._whitened(rows)
        whitened = whitening.whitened(self.coordinates, rows, model.ratio)
        return model.with_columns(whitened[:-1]), whitened[-1]

    def _whitened(self, variants: NDArray[np.float64]) -> WhitenedModel:
        """The values whitened, with the ratio estimated with variants (S, n) in the model."""
        coordinates = self.coordinates
        turned = coordinates.turned(np.vstack([self.values, variants]))
        ratio = whitening.estimate(coordinates, turned[0], turned[1:])
        (values,) = whitening.whitened(coordinates, self.values[None], ratio)
        return WhitenedModel(self.sample_index, values, coordinates.covariates(self.basis, ratio), coordinates, ratio)
