"""Components: directions of traces, how they are found, turned and chosen.

Jolliffe, Principal Component Analysis, 2nd ed. 2002. Where both people and samples are many: randomised subspace
iteration, Halko, Martinsson and Tropp, SIAM Review 2011, algorithm 4.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, qr

from ecgwas.errors import InputError
from ecgwas.represent.inputs import Floats, Index, Normaliser, Traces
from ecgwas.statistics.randomised_svd import leading_space

Explained = Callable[[Index], NDArray[np.float64]]
"""Numbers of traces to the part (B, D) of each, in normalised units, that something else explains."""
RIDGE = 0.01
"""Penalty of `effects` for each person."""
LARGEST_GRAM = 8192
"""Side of the largest matrix that is decomposed exactly: 512 MiB in float64."""


@dataclass(frozen=True)
class Components:
    """mean (D,) and directions (F, D), both float32 in normalised units; D = C * L.

    patterns (F, D): what a score of one adds to a trace; of principal components, their directions.
    spread (F,) float32: SD of the scores of the traces that the components were fitted on.
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
        """(B, C, L) normalised, from scores (B, F)."""
        return (scores @ self.patterns + self.mean).reshape(shape)

    def first(self, count: int) -> Components:
        """The strongest `count` of them."""
        return Components(self.mean, self.directions[:count], self.patterns[:count], self.spread[:count])

    def along(self, axes: NDArray[np.float64]) -> Components:
        """Of principal components: scores (B, K) @ axes (K, F) as features, patterns by regression of the traces on them.

        Those that explain most come first; signs make the largest entry of a direction positive.
        """
        variance = np.square(self.spread.astype(np.float64))
        toward = axes.T * variance
        covariance = toward @ axes
        directions, patterns = axes.T @ self.directions, np.linalg.solve(covariance, toward) @ self.patterns
        spread, signs = np.sqrt(np.diag(covariance)), _signs(directions)
        order = np.argsort(-spread * np.linalg.norm(patterns, axis=1), kind="stable")
        arrays = (self.mean, (directions * signs)[order], (patterns * signs)[order], spread[order])
        return Components(*(array.astype(np.float32) for array in arrays))

    def beside(self, other: Components) -> Components:
        """Components of other points of the same traces, after these; each is zero where the other is not."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in ("directions", "patterns", "spread"))
        return Components(self.mean + other.mean, *(np.concatenate(pair) for pair in pairs))

    def scores_of(self, traces: Traces, chosen: Index, normaliser: Normaliser) -> NDArray[np.float64]:
        """(M, F) of the M traces numbered `chosen`."""
        blocks = (normaliser.apply(traces.read(block), traces.lead_of(block)) for block in traces.blocks(chosen))
        return np.concatenate([self.scores(units) for units in blocks]).astype(np.float64)

    def roundtrip(self, units: Floats, _: Index) -> Floats:
        """What is left of normalised traces (B, C, L) after passing through the components."""
        return self.reconstruct(self.scores(units), units.shape)


def principal_components(
    traces: Traces, chosen: Index, normaliser: Normaliser, count: int, seed: int, *, explained: Explained | None = None
) -> Components:
    """The first `count` components of the normalised traces numbered `chosen`, strongest first; of what is left of them
    where something of them is `explained`.

    Exact, from the smaller of the two matrices of products, while its side is at most LARGEST_GRAM (8192); beyond that
    by randomised subspace iteration, seeded. Memory: the traces once as float32 where they are the smaller side, else
    one block of them. Raises InputError where `count` components cannot be found in that many traces.
    """
    if count > min(len(chosen) - 1, traces.channels * traces.samples):
        raise InputError(
            f"{count} components of {len(chosen)} traces cannot be found",
            fix=f"set features to {len(chosen) - 1} or less, or give more recordings",
        )
    passes = _Passes(traces, chosen, normaliser, explained)
    if len(chosen) <= min(passes.width, LARGEST_GRAM):
        directions = _from_people(passes, count)
    elif passes.width <= LARGEST_GRAM:
        directions = _from_samples(passes, count)
    else:
        directions = _randomised(passes, count, seed)
    directions = _upright(directions)
    spread = np.sqrt(sum((np.square(block @ directions.T).sum(axis=0) for block in passes), np.zeros(count)) / len(chosen))
    return Components(*(array.astype(np.float32) for array in (passes.mean, directions, directions, spread)))


def _upright(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row with the sign that makes its largest entry positive."""
    upright: NDArray[np.float64] = directions * _signs(directions)
    return upright


def _signs(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, 1) sign of the largest entry of each row."""
    return np.sign(np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1))


def effects(traces: Traces, chosen: Index, normaliser: Normaliser, given: Floats) -> Floats:
    """(M, D) change of a normalised trace per unit of what is given: ridge regression on `given` (N, M), a row a trace."""
    passes = _Passes(traces, chosen, normaliser)
    inside = given[chosen].astype(np.float64)
    inside -= inside.mean(axis=0)
    start, products = 0, np.zeros((given.shape[1], passes.width))
    for block in passes:
        products += inside[start : start + len(block)].T @ block
        start += len(block)
    penalty = RIDGE * len(chosen) * np.eye(given.shape[1])
    return np.linalg.solve(inside.T @ inside + penalty, products).astype(np.float32)


class _Passes:
    """Passes over centred normalised traces, block by block, each block (B, D) float64."""

    def __init__(self, traces: Traces, chosen: Index, normaliser: Normaliser, explained: Explained | None = None) -> None:
        self.traces, self.chosen, self.normaliser, self.explained = traces, chosen, normaliser, explained
        self.width = traces.channels * traces.samples
        self.mean: NDArray[np.float64] = np.zeros(self.width)
        self.mean = sum((block.sum(axis=0) for block in self), np.zeros(self.width)) / len(chosen)

    def __iter__(self) -> Iterator[NDArray[np.float64]]:
        for block in self.traces.blocks(self.chosen):
            units = self.normaliser.apply(self.traces.read(block), self.traces.lead_of(block))
            left = units.reshape(len(block), -1) - self.mean
            yield left if self.explained is None else left - self.explained(block)


def _from_people(passes: _Passes, count: int) -> NDArray[np.float64]:
    """From the products of traces with traces (M, M), M traces; the case of few people."""
    centred = np.concatenate([block.astype(np.float32) for block in passes])
    products = np.zeros((len(centred), len(centred)))
    step = max(1, (1 << 23) // len(centred))
    for start in range(0, passes.width, step):
        columns = centred[:, start : start + step].astype(np.float64)
        products += columns @ columns.T
    directions = _leading(products, count).T @ centred.astype(np.float32)
    # Division by the root of the eigenvalue would lose the weakest components' length; QR keeps them orthonormal.
    basis, _ = qr(directions.T.astype(np.float64), mode="economic")
    return np.asarray(basis.T)


def _from_samples(passes: _Passes, count: int) -> NDArray[np.float64]:
    """From the products of samples with samples (D, D); the case of many people."""
    products = np.zeros((passes.width, passes.width))
    for block in passes:
        products += block.T @ block
    return _leading(products, count).T


def _leading(products: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(n, count) eigenvectors of the largest eigenvalues, largest first."""
    size = len(products)
    _, vectors = eigh(products, subset_by_index=(size - count, size - 1), overwrite_a=True, check_finite=False)
    return np.asarray(vectors[:, ::-1])


def _randomised(passes: _Passes, count: int, seed: int, *, rounds: int = 8) -> NDArray[np.float64]:
    """Subspace iteration with 16 spare directions; each round is one pass over the traces."""

    def gram(basis: NDArray[np.float64]) -> NDArray[np.float64]:
        return sum((block.T @ (block @ basis) for block in passes), np.zeros_like(basis))

    start = np.random.default_rng([seed, 0x9CA]).standard_normal((passes.width, count + 16))
    basis = leading_space(start, gram, rounds=rounds, keep_blocks=False)
    inside = sum(((block @ basis).T @ (block @ basis) for block in passes), np.zeros((count + 16, count + 16)))
    return np.asarray((basis @ _leading(inside, count)).T)
