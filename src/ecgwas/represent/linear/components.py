"""Components of traces: principal components, linear combinations of them, and regression of traces on other variables.

Jolliffe, Principal Component Analysis, 2nd ed. 2002. With many participants and many samples: randomised subspace iteration,
Halko, Martinsson and Tropp, SIAM Review 2011, algorithm 4.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, qr, svd

from ecgwas.errors import InputError
from ecgwas.represent.inputs import Floats, Index, Scaler, Traces
from ecgwas.statistics.randomised_svd import leading_space

ExplainedPart = Callable[[Index], NDArray[np.float64]]
"""From numbers of traces (B,) to the part (B, D) of each, in normalised units, that other variables explain."""
RIDGE = 0.01
"""Penalty of `ridge_effects` per trace."""
LARGEST_GRAM = 8192
"""Side of the largest matrix that is decomposed exactly: 512 MiB in float64."""
SMALLEST_SINGULAR_VALUE = 1e-5
"""Share of the largest singular value below which rows of float32 do not vary."""


@dataclass(frozen=True)
class Components:
    """Of traces in normalised units, all arrays float32; D = C * L.

    mean        (D,)
    directions  (F, D), on which traces are projected
    patterns    (F, D), what a score of one adds to a trace; of principal components, their directions
    spread      (F,), SD of the scores of the traces that the components were fitted to
    """

    mean: Floats
    directions: Floats
    patterns: Floats
    spread: Floats

    def scores(self, units: Floats) -> Floats:
        """(B, F) from normalised traces (B, C, L)."""
        centred = units.reshape(len(units), -1) - self.mean
        return np.asarray(centred @ self.directions.T, dtype=np.float32)

    def reconstruct(self, scores: Floats, shape: tuple[int, ...]) -> Floats:
        """(B, C, L) in normalised units from scores (B, F)."""
        return (scores @ self.patterns + self.mean).reshape(shape)

    def first(self, count: int) -> Components:
        """The first `count` of them."""
        return Components(self.mean, self.directions[:count], self.patterns[:count], self.spread[:count])

    def recombined(self, axes: NDArray[np.float64]) -> Components:
        """From K principal components, F others: scores (B, K) @ axes (K, F), patterns by regression of the traces on these.

        In descending order of the variance explained; the largest entry of each direction is positive.
        """
        variance = np.square(self.spread.astype(np.float64))
        covariance_with_old = axes.T * variance
        covariance = covariance_with_old @ axes
        directions = axes.T @ self.directions
        patterns = np.linalg.solve(covariance, covariance_with_old) @ self.patterns
        spread, signs = np.sqrt(np.diag(covariance)), _signs(directions)
        order = np.argsort(-spread * np.linalg.norm(patterns, axis=1), kind="stable")
        arrays = (self.mean, (directions * signs)[order], (patterns * signs)[order], spread[order])
        return Components(*(array.astype(np.float32) for array in arrays))

    def concatenated(self, other: Components) -> Components:
        """These components, then those of other points of the same traces; each is zero where the other is not."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in ("directions", "patterns", "spread"))
        return Components(self.mean + other.mean, *(np.concatenate(pair) for pair in pairs))

    def scores_of(self, traces: Traces, trace_index: Index, scaler: Scaler) -> NDArray[np.float64]:
        """(M, F) of these M traces."""
        blocks = (scaler.apply(traces.read(block), traces.lead_index(block)) for block in traces.blocks(trace_index))
        return np.concatenate([self.scores(units) for units in blocks]).astype(np.float64)

    def roundtrip(self, units: Floats, _: Index) -> Floats:
        """The reconstruction of normalised traces (B, C, L) from their scores."""
        return self.reconstruct(self.scores(units), units.shape)


def principal_components(
    traces: Traces, trace_index: Index, scaler: Scaler, count: int, seed: int, *, explained: ExplainedPart | None = None
) -> Components:
    """The first `count` principal components of these traces, less their `explained` part if given, in normalised units.

    Exact, from the smaller of the two Gram matrices, if its side is at most LARGEST_GRAM (8192); beyond that by seeded
    randomised subspace iteration. Memory: all traces once as float32 if there are fewer traces than samples, else one block.
    Raises InputError if there are too few traces for `count` components.
    """
    if count > min(len(trace_index) - 1, traces.channels * traces.samples):
        raise InputError(
            f"{len(trace_index)} traces are too few for {count} components",
            fix=f"set features to {len(trace_index) - 1} or less, or give more recordings",
        )
    centred = _CentredTraces(traces, trace_index, scaler, explained)
    if len(trace_index) <= min(centred.width, LARGEST_GRAM):
        directions = _from_trace_products(centred, count)
    elif centred.width <= LARGEST_GRAM:
        directions = _from_sample_products(centred, count)
    else:
        directions = _randomised(centred, count, seed)
    directions = directions * _signs(directions)
    sum_of_squares = sum((np.square(block @ directions.T).sum(axis=0) for block in centred), np.zeros(count))
    spread = np.sqrt(sum_of_squares / len(trace_index))
    return Components(*(array.astype(np.float32) for array in (centred.mean, directions, directions, spread)))


def components_of_rows(rows: Floats, count: int) -> Components:
    """At most `count` principal components of rows (N, D) with mean zero: fewer if they vary in fewer directions."""
    _, singular, directions = svd(rows.astype(np.float64), full_matrices=False, check_finite=False)
    varying = int((singular > SMALLEST_SINGULAR_VALUE * singular[0]).sum()) if singular[0] > 0 else 0
    kept = min(count, varying)
    directions = directions[:kept] * _signs(directions[:kept])
    mean, spread = np.zeros(rows.shape[1]), singular[:kept] / np.sqrt(len(rows))
    return Components(*(array.astype(np.float32) for array in (mean, directions, directions, spread)))


def _signs(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, 1) sign of the largest entry of each row."""
    return np.sign(np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1))


def ridge_effects(traces: Traces, trace_index: Index, scaler: Scaler, variables: Floats) -> Floats:
    """(M, D) change of a normalised trace per unit of each variable: ridge regression on `variables` (N, M), rows as traces."""
    centred = _CentredTraces(traces, trace_index, scaler)
    regressors = variables[trace_index].astype(np.float64)
    regressors -= regressors.mean(axis=0)
    start, products = 0, np.zeros((variables.shape[1], centred.width))
    for block in centred:
        products += regressors[start : start + len(block)].T @ block
        start += len(block)
    penalty = RIDGE * len(trace_index) * np.eye(variables.shape[1])
    return np.linalg.solve(regressors.T @ regressors + penalty, products).astype(np.float32)


class _CentredTraces:
    """Centred traces in normalised units, read anew in every iteration, in blocks (B, D) of float64."""

    def __init__(self, traces: Traces, trace_index: Index, scaler: Scaler, explained: ExplainedPart | None = None) -> None:
        self.traces, self.trace_index, self.scaler, self.explained = traces, trace_index, scaler, explained
        self.width = traces.channels * traces.samples
        self.mean: NDArray[np.float64] = np.zeros(self.width)
        self.mean = sum((block.sum(axis=0) for block in self), np.zeros(self.width)) / len(trace_index)

    def __iter__(self) -> Iterator[NDArray[np.float64]]:
        for block in self.traces.blocks(self.trace_index):
            units = self.scaler.apply(self.traces.read(block), self.traces.lead_index(block))
            centred = units.reshape(len(block), -1) - self.mean
            yield centred if self.explained is None else centred - self.explained(block)


def _from_trace_products(centred: _CentredTraces, count: int) -> NDArray[np.float64]:
    """(count, D) directions from the products of traces with traces (M, M): the case of few traces."""
    matrix = np.concatenate([block.astype(np.float32) for block in centred])
    products = np.zeros((len(matrix), len(matrix)))
    step = max(1, (1 << 23) // len(matrix))
    for start in range(0, centred.width, step):
        columns = matrix[:, start : start + step].astype(np.float64)
        products += columns @ columns.T
    directions = _leading_eigenvectors(products, count).T @ matrix.astype(np.float32)
    # Dividing by the root of the eigenvalue would lose the length of the weakest components; QR keeps them orthonormal.
    basis, _ = qr(directions.T.astype(np.float64), mode="economic")
    return np.asarray(basis.T)


def _from_sample_products(centred: _CentredTraces, count: int) -> NDArray[np.float64]:
    """(count, D) directions from the products of samples with samples (D, D): the case of many traces."""
    products = np.zeros((centred.width, centred.width))
    for block in centred:
        products += block.T @ block
    return _leading_eigenvectors(products, count).T


def _leading_eigenvectors(products: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(n, count) eigenvectors of the largest eigenvalues, largest first."""
    size = len(products)
    _, vectors = eigh(products, subset_by_index=(size - count, size - 1), overwrite_a=True, check_finite=False)
    return np.asarray(vectors[:, ::-1])


def _randomised(centred: _CentredTraces, count: int, seed: int, *, iterations: int = 8) -> NDArray[np.float64]:
    """(count, D) directions by subspace iteration with 16 spare directions; each iteration reads all traces once."""

    def gram(basis: NDArray[np.float64]) -> NDArray[np.float64]:
        return sum((block.T @ (block @ basis) for block in centred), np.zeros_like(basis))

    start = np.random.default_rng([seed, 0x9CA]).standard_normal((centred.width, count + 16))
    basis = leading_space(start, gram, rounds=iterations, keep_blocks=False)
    products = sum(((block @ basis).T @ (block @ basis) for block in centred), np.zeros((count + 16, count + 16)))
    return np.asarray((basis @ _leading_eigenvectors(products, count)).T)
