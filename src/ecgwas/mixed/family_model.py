"""The mixed model of families, for traits and for chosen variants, with sums over the nodes of a spectrum (spectrum.py).

V = lambda G + I with G of families.py, Q (n, R) an orthonormal basis of intercept and covariates. With the weights
w_m = 1 / (lambda node_m + 1) and sums <a, b>_m over the coordinates of families and over the people without relatives,

    a'V^-1 b = sum_m w_m <a, b>_m        log |V| = sum_m <1, 1>_m log(lambda node_m + 1)

so that for a design X (Q alone, or Q and a variant) the restricted likelihood is, up to constants,

    -2 l = d log(min_c |y - X c|^2_V) + log |V| + log |X'V^-1 X|        d = n - columns of X

(Patterson and Thompson 1971, Biometrika 58:545). Its derivatives in log lambda follow from w' = -w (1 - w), w'' = w (1 - w)
(1 - 2 w). Covariates are not rotated away, as in rotation.py, which would need a dense basis.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecgwas.mixed.families import Families
from ecgwas.mixed.reml import GRID, ROUNDS, TOLERANCE
from ecgwas.mixed.spectrum import Spectrum, spectrum
from ecgwas.mixed.variant_tests import ExactTests

ROWS = 32
"""Rows of every product whose bits must not depend on the other rows: always as many."""
PAIRS = 256
"""Pairs of a variant and a trait that are tested together."""


@dataclass(frozen=True)
class Covered:
    """People and covariates of one group.

    basis     (n, R) float64, orthonormal;  own_basis (J, R): the members' coordinates of it
    outer     (M, R, R): <Q, Q>_m;  counts (M,): <1, 1>_m
    """

    families: Families
    spectrum: Spectrum
    basis: NDArray[np.float64]
    own_basis: NDArray[np.float64]
    outer: NDArray[np.float64]
    counts: NDArray[np.float64]

    @property
    def df(self) -> int:
        """Degrees of freedom of a test of one variant: n - R - 1."""
        people, rank = self.basis.shape
        return int(people - rank - 1)

    def sums(self, one: NDArray[np.float64], other: NDArray[np.float64], apart: NDArray[np.float64]) -> NDArray[np.float64]:
        """(H, M) of coordinates one, other (H, J), and what the people without relatives add, apart (H,)."""
        return np.column_stack([apart, _rows_times(one * other, self.spectrum.shares)])

    def with_basis(self, coordinates: NDArray[np.float64], members: NDArray[np.float64]) -> NDArray[np.float64]:
        """(H, M, R) <a, Q>_m of vectors orthogonal to Q, from their coordinates and their members' values, (H, J) each."""
        rank = self.basis.shape[1]
        found = np.empty((len(coordinates), len(self.spectrum.nodes), rank))
        found[:, 0] = -_rows_times(members, self.basis[self.families.members])
        for column in range(rank):
            found[:, 1:, column] = _rows_times(coordinates * self.own_basis[:, column], self.spectrum.shares)
        return found


def covered(families: Families, basis: NDArray[np.float64]) -> Covered:
    """The model's sums of an orthonormal basis (n, R) of intercept and covariates; families of the same n people."""
    people, rank = basis.shape
    own = spectrum(families.values)
    of_members = basis[families.members]
    own_basis = families.turned(of_members)
    outer = np.empty((len(own.nodes), rank, rank))
    outer[0] = np.eye(rank) - of_members.T @ of_members
    for row in range(rank):
        outer[1:, row] = own.shares.T @ (own_basis * own_basis[:, row : row + 1])
    counts = np.concatenate([[people - len(families.members)], own.shares.sum(axis=0)])
    return Covered(families, own, basis, own_basis, outer, counts)


@dataclass(frozen=True)
class Vectors:
    """H vectors (H, n) orthogonal to Q: coordinates (H, J), squares (H, M) and with_basis (H, M, R), their sums."""

    values: NDArray[np.float64]
    coordinates: NDArray[np.float64]
    squares: NDArray[np.float64]
    with_basis: NDArray[np.float64]


def vectors(model: Covered, values: NDArray[np.float64]) -> Vectors:
    """Of rows (H, n), residuals on Q."""
    members = values[:, model.families.members]
    coordinates = np.ascontiguousarray(model.families.turned(members.T).T)
    apart = np.einsum("hn,hn->h", values, values) - np.einsum("hn,hn->h", members, members)
    return Vectors(values, coordinates, model.sums(coordinates, coordinates, apart), model.with_basis(coordinates, members))


@dataclass(frozen=True)
class FamilyTraits:
    """K traits of one group, residuals on Q of unit length: vectors; lambdas (K,) float64, estimated without a variant."""

    model: Covered
    vectors: Vectors
    lambdas: NDArray[np.float64]


def family_traits(model: Covered, traits: NDArray[np.float64]) -> FamilyTraits:
    """Traits (n, K), residuals on Q, with lambda by restricted maximum likelihood."""
    rows = vectors(model, np.ascontiguousarray(traits.T))
    empty = FamilyTraits(model, rows, np.ones(len(rows.values)))
    everyone = np.arange(len(rows.values))
    return replace(empty, lambdas=_estimates(_Likelihood.of_traits(empty, everyone)))


def exact(
    variants: NDArray[np.float64], index: NDArray[np.int64], trait: NDArray[np.int64], traits: FamilyTraits
) -> ExactTests:
    """Wald's test with lambda estimated with the variant in the model (`gemma -lmm 1`), of H pairs: rows `index` (H,) of
    variants (V, n) float64 without missing values, and `trait` (H,).

    Each row has the same bits whatever the other pairs are.
    """
    basis = traits.model.basis
    own = vectors(traits.model, variants - _rows_times(_rows_times(variants, basis), np.ascontiguousarray(basis.T)))
    beta, se, lambdas = np.empty(len(index)), np.empty(len(index)), np.empty(len(index))
    for start in range(0, len(index), PAIRS):
        pairs = slice(start, start + PAIRS)
        likelihood = _Likelihood.of_pairs(traits, own, index[pairs], trait[pairs])
        lambdas[pairs] = _estimates(likelihood)
        weights = 1 / (lambdas[pairs][:, None] * traits.model.spectrum.nodes + 1)
        design, product, trait_ss = likelihood.weighted(weights)
        effects = np.linalg.solve(design, product[:, :, None])[:, :, 0]
        inverse = np.linalg.inv(design)[:, -1, -1]
        rest = trait_ss - np.einsum("hp,hp->h", effects, product)
        beta[pairs] = effects[:, -1]
        se[pairs] = np.sqrt(np.maximum(rest, 0.0) / traits.model.df * inverse)
    return ExactTests(beta, se, lambdas)


@dataclass(frozen=True)
class _Likelihood:
    """-2 l of H traits, alone or each with its variant: <X, X>_m as the part of Q, which all share, and the variants' (None
    without); <X, y>_m (H, M, P); <y, y>_m (H, M); df: d."""

    model: Covered
    with_basis: NDArray[np.float64] | None
    squares: NDArray[np.float64] | None
    products: NDArray[np.float64]
    trait_squares: NDArray[np.float64]
    df: int

    @classmethod
    def of_traits(cls, traits: FamilyTraits, trait: NDArray[np.int64]) -> _Likelihood:
        """Of some traits without a variant."""
        own = traits.vectors
        return cls(traits.model, None, None, own.with_basis[trait], own.squares[trait], traits.model.df + 1)

    @classmethod
    def of_pairs(
        cls, traits: FamilyTraits, own: Vectors, index: NDArray[np.int64], trait: NDArray[np.int64]
    ) -> _Likelihood:
        """Of pairs of a variant and a trait, (H,) each."""
        model, other = traits.model, traits.vectors
        members = model.families.members
        values, of_trait = own.values[index], other.values[trait]
        apart = np.einsum("hn,hn->h", values, of_trait)
        apart -= np.einsum("hn,hn->h", values[:, members], of_trait[:, members])
        product = model.sums(own.coordinates[index], other.coordinates[trait], apart)
        products = np.concatenate([other.with_basis[trait], product[:, :, None]], axis=2)
        return cls(model, own.with_basis[index], own.squares[index], products, other.squares[trait], model.df)

    def weighted(self, w: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """X'X (H, P, P), X'y (H, P) and y'y (H,) with weights (H, M)."""
        rank = self.model.basis.shape[1]
        design = np.empty((len(w), self.products.shape[2], self.products.shape[2]))
        design[:, :rank, :rank] = _rows_times(w, self.model.outer.reshape(len(self.model.outer), -1)).reshape(-1, rank, rank)
        if self.with_basis is not None and self.squares is not None:
            design[:, rank, :rank] = design[:, :rank, rank] = np.einsum("hm,hmr->hr", w, self.with_basis)
            design[:, rank, rank] = np.einsum("hm,hm->h", w, self.squares)
        return design, np.einsum("hm,hmp->hp", w, self.products), np.einsum("hm,hm->h", w, self.trait_squares)

    def select(self, rows: NDArray[np.int64]) -> _Likelihood:
        """Some of the H."""
        own = {name: getattr(self, name) for name in ("with_basis", "squares", "products", "trait_squares")}
        return replace(self, **{name: None if array is None else array[rows] for name, array in own.items()})

    def value(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """(H,) -2 l at log lambda (H,)."""
        w = 1 / (np.exp(at)[:, None] * self.model.spectrum.nodes + 1)
        design, product, trait_ss = self.weighted(w)
        effects = np.linalg.solve(design, product[:, :, None])[:, :, 0]
        rest = np.maximum(trait_ss - np.einsum("hp,hp->h", effects, product), np.finfo(float).tiny)
        determinant = -np.einsum("hm,m->h", np.log(w), self.model.counts)
        return np.asarray(self.df * np.log(rest) + determinant + np.linalg.slogdet(design)[1])

    def slopes(self, at: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """First and second derivative of -2 l at log lambda (H,)."""
        w = 1 / (np.exp(at)[:, None] * self.model.spectrum.nodes + 1)
        falling = w * (1 - w)
        (a0, b0, y0), (a1, b1, y1), (a2, b2, y2) = map(self.weighted, (w, -falling, falling * (1 - 2 * w)))
        solved = np.linalg.solve(a0, np.concatenate([b0[:, :, None], a1, a2], axis=2))
        effects, first, second = solved[:, :, 0], *np.split(solved[:, :, 1:], 2, axis=2)
        rest = y0 - _dot(effects, b0)
        along = b1 - np.einsum("hpq,hq->hp", a1, effects)
        slope = y1 - 2 * _dot(effects, b1) + np.einsum("hp,hpq,hq->h", effects, a1, effects)
        bend = y2 - 2 * _dot(effects, b2) + np.einsum("hp,hpq,hq->h", effects, a2, effects)
        bend -= 2 * _dot(along, np.linalg.solve(a0, along[:, :, None])[:, :, 0])
        share = slope / rest
        counts = self.model.counts
        gradient = self.df * share + np.einsum("hm,m->h", 1 - w, counts) + np.einsum("hpp->h", first)
        curvature = self.df * (bend / rest - share**2) + np.einsum("hm,m->h", falling, counts)
        curvature += np.einsum("hpp->h", second) - np.einsum("hpq,hqp->h", first, first)
        return gradient, curvature


def _estimates(likelihood: _Likelihood) -> NDArray[np.float64]:
    """(H,) lambda at the minimum of -2 l: the best of a grid, then Newton's method between its neighbours, as reml.py."""
    count = len(likelihood.trait_squares)
    best, smallest = np.zeros(count, dtype=np.int64), np.full(count, np.inf)
    for place, point in enumerate(GRID):
        value = likelihood.value(np.full(count, point))
        better = value < smallest
        best[better], smallest[better] = place, value[better]
    low, high = GRID[np.maximum(best - 1, 0)], GRID[np.minimum(best + 1, len(GRID) - 1)]
    at, running = GRID[best].copy(), np.arange(count)
    for _ in range(ROUNDS):
        gradient, curvature = likelihood.select(running).slopes(at[running])
        rising = gradient > 0
        high[running[rising]], low[running[~rising]] = at[running[rising]], at[running[~rising]]
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = at[running] - gradient / curvature
        inside = (curvature > 0) & (newton > low[running]) & (newton < high[running])
        following = np.where(inside, newton, (low[running] + high[running]) / 2)
        moved = np.abs(following - at[running])
        at[running] = following
        running = running[moved > TOLERANCE]
        if len(running) == 0:
            break
    return np.asarray(np.exp(at))


def _dot(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("hp,hp->h", one, other))


def _rows_times(rows: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H, C) rows (H, J) times matrix (J, C), ROWS at a time, so that the bits of one do not depend on the others."""
    result = np.empty((len(rows), matrix.shape[1]))
    padded = np.zeros((ROWS, rows.shape[1]))
    for start in range(0, len(rows), ROWS):
        chunk = rows[start : start + ROWS]
        padded[: len(chunk)] = chunk
        result[start : start + ROWS] = (padded @ matrix)[: len(chunk)]
    return result
