"""The mixed model of families: lambda of traits, and Wald tests of chosen variants with lambda estimated again.

V = lambda G + I with G of families.py, Q (n, R) an orthonormal basis of intercept and covariates. Vectors orthogonal to Q are
held as the values of the people without relatives and the coordinates of the others, so that with w = 1 / (lambda s + 1)

    a'V^-1 b = (sum over people without relatives of a b) / (lambda + 1) + sum over coordinates of w a b

Covariates are not rotated away, as in rotation.py, which would need a dense basis: with L L' = Q'V^-1 Q and a | b = a'V^-1 b -
(L^-1 Q'V^-1 a)'(L^-1 Q'V^-1 b), the restricted likelihood of a trait y, and of y with a variant x (Patterson and Thompson 1971,
Biometrika 58:545), is up to constants

    -2 l = (n - R) log y|y + log |V| + log |Q'V^-1 Q|
    -2 l = (n - R - 1) log(y|y - (x|y)^2 / x|x) + log x|x + log |V| + log |Q'V^-1 Q|

All of these are analytic functions of log lambda in the strip of height 2 pi around the real axis, since the zeros and poles
of y|y, x|x and |Q'V^-1 Q| are real and negative. Between two points of reml.GRID they are therefore polynomials through a few
Chebyshev nodes, to about 1e-7 (Trefethen 2019, Approximation Theory and Approximation Practice, theorem 8.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ecgwas.mixed.families import Families
from ecgwas.mixed.reml import GRID, ROUNDS, TOLERANCE
from ecgwas.mixed.variant_tests import ExactTests

NODES = 8
"""Points of a polynomial over two steps of the grid."""
FEW_MEMBERS = 500
"""With fewer people who have relatives, the likelihood may have several maxima, and the whole grid is searched for each test.
With more, its maximum with the variant is sought from that without it."""
ROWS = 32
"""Rows of every product whose bits must not depend on the other rows: always as many."""
KEPT_BYTES = 2**28
"""Memory of what is kept of the nodes around all points of the grid."""
PAIRS_BYTES = 2**25
"""Memory of one array of pairs that are tested together."""


@dataclass(frozen=True, eq=False)
class Covered:
    """People and covariates of one group: basis (n, R) float64, orthonormal; unrelated (S,) int64, people without relatives;
    own_basis (J, R): the coordinates of the basis."""

    families: Families
    basis: NDArray[np.float64]
    unrelated: NDArray[np.int64]
    own_basis: NDArray[np.float64]
    kept: dict[int, _Points] = field(default_factory=dict, repr=False)

    def around(self, bracket: int) -> _Points:
        """The nodes around a point of the grid, kept if all of them fit into KEPT_BYTES."""
        if bracket in self.kept:
            return self.kept[bracket]
        points = _points(self, _nodes(bracket))
        if points.columns.nbytes * len(GRID) <= KEPT_BYTES:
            self.kept[bracket] = points
        return points

    @property
    def df(self) -> int:
        """Degrees of freedom of a test of one variant: n - R - 1."""
        people, rank = self.basis.shape
        return int(people - rank - 1)


def covered(families: Families, basis: NDArray[np.float64]) -> Covered:
    """Of an orthonormal basis (n, R) of intercept and covariates; families of the same n people."""
    unrelated = np.setdiff1d(np.arange(len(basis)), families.members)
    return Covered(families, basis, unrelated, families.turned(basis[families.members]))


@dataclass(frozen=True)
class Vectors:
    """H vectors orthogonal to Q: of_unrelated (H, S), values of people without relatives; coordinates (H, J); of_basis (H, R):
    what the former add to Q'a."""

    of_unrelated: NDArray[np.float64]
    coordinates: NDArray[np.float64]
    of_basis: NDArray[np.float64]

    def select(self, rows: NDArray[np.int64]) -> Vectors:
        """Some of them."""
        return Vectors(self.of_unrelated[rows], self.coordinates[rows], self.of_basis[rows])


def vectors(model: Covered, values: NDArray[np.float64], *, are_residuals: bool = True) -> Vectors:
    """Of the residuals on Q of rows (H, n), which these may already be."""
    members = model.families.members
    coordinates, of_basis = np.empty((len(values), len(members))), np.empty((len(values), model.basis.shape[1]))
    of_unrelated, basis = np.empty((len(values), len(model.unrelated))), model.basis[members]
    whole, turned = model.basis, np.ascontiguousarray(model.basis.T)
    # As many rows at a time as stay in the cache.
    for start in range(0, len(values), 2 * ROWS):
        rows = slice(start, start + 2 * ROWS)
        residuals = values[rows] if are_residuals else values[rows] - _rows_times(_rows_times(values[rows], whole), turned)
        own = np.ascontiguousarray(residuals.T)
        of_members = own[members]
        coordinates[rows] = model.families.turned(of_members).T
        of_basis[rows] = -_rows_times(of_members.T, basis)
        of_unrelated[rows] = own[model.unrelated].T
    return Vectors(of_unrelated, coordinates, of_basis)


@dataclass(frozen=True)
class FamilyTraits:
    """K traits of one group: values (n, K), residuals on Q, and the same as vectors; lambdas (K,) float64,
    estimated without a variant; brackets (K,) int64, the point of the grid nearest to each."""

    model: Covered
    values: NDArray[np.float64]
    vectors: Vectors
    lambdas: NDArray[np.float64]
    brackets: NDArray[np.int64]
    kept: dict[int, dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]] = field(default_factory=dict, repr=False)

    def around(self, bracket: int, trait: NDArray[np.int64]) -> _Reduced:
        """Some of the traits at the nodes around a point of the grid. What was computed is kept."""
        kept = self.kept.setdefault(bracket, {})
        new = np.array([k for k in trait.tolist() if k not in kept], dtype=np.int64)
        if len(new):
            reduced = _reduced(self.model.around(bracket), self.vectors.select(new))
            kept.update(zip(new.tolist(), zip(reduced.squares, reduced.with_basis, strict=True), strict=True))
        return _Reduced(*(np.stack([kept[k][part] for k in trait.tolist()]) for part in (0, 1)))


def family_traits(model: Covered, traits: NDArray[np.float64]) -> FamilyTraits:
    """Traits (n, K), residuals on Q, with lambda by restricted maximum likelihood."""
    own = vectors(model, np.ascontiguousarray(traits.T))
    grid = _points(model, GRID)
    squares = _reduced(grid, own).squares
    df = model.df + 1
    brackets = np.argmin(df * np.log(squares) + grid.determinant, axis=1)
    at = np.empty(len(brackets))
    for bracket in np.unique(brackets):
        rows = np.flatnonzero(brackets == bracket)
        points = model.around(int(bracket))
        value = df * np.log(_reduced(points, own.select(rows)).squares) + points.determinant
        at[rows] = _on_line(_lowest(value), bracket)
    nearest = np.abs(at[:, None] - GRID).argmin(axis=1)
    return FamilyTraits(model, traits, own, np.exp(at), nearest)


def exact(
    variants: NDArray[np.float64], index: NDArray[np.int64], trait: NDArray[np.int64], traits: FamilyTraits
) -> ExactTests:
    """Wald's test with lambda estimated with the variant in the model (`gemma -lmm 1`), of H pairs: rows `index` (H,) of
    variants (V, n) float64 without missing values, and `trait` (H,).

    Each row has the same bits whatever the other pairs are.
    """
    model = traits.model
    own = vectors(model, variants, are_residuals=False)
    tests = np.empty((3, len(index)))
    step = max(1, PAIRS_BYTES // (8 * len(model.basis)))
    for start in range(0, len(index), step):
        pairs = np.arange(start, min(start + step, len(index)))
        product = _Product.of(own, traits.vectors, index[pairs], trait[pairs])
        brackets = traits.brackets[trait[pairs]]
        if len(model.families.members) < FEW_MEMBERS:
            different, place = np.unique(product.trait, return_inverse=True)
            grid = _points(model, GRID)
            y = _reduced(grid, traits.vectors.select(different))
            brackets = np.argmin(_Curves.of(grid, own, y, place, product).likelihood(model.df), axis=1)
        tests[:, pairs] = _tests(traits, own, product, brackets)
    return ExactTests(*tests)


def _tests(traits: FamilyTraits, own: Vectors, product: _Product, brackets: NDArray[np.int64]) -> NDArray[np.float64]:
    """(3, H) effect, standard error and lambda of pairs, from the points of the grid (H,) around which lambda is sought."""
    model, brackets = traits.model, brackets.copy()
    tests, open_pairs = np.empty((3, len(brackets))), np.arange(len(brackets))
    came_from = np.full(len(brackets), -1)
    while len(open_pairs):
        moved: list[NDArray[np.int64]] = []
        for bracket in np.unique(brackets[open_pairs]):
            pairs = open_pairs[brackets[open_pairs] == bracket]
            chosen = product.select(pairs)
            different, of_pair = np.unique(chosen.trait, return_inverse=True)
            y = traits.around(int(bracket), different)
            curves = _Curves.of(model.around(int(bracket)), own, y, of_pair, chosen)
            place = _lowest(curves.likelihood(model.df))
            tests[:, pairs] = curves.test(place, _on_line(place, bracket), model.df)
            # At an end of the bracket that is none of the grid the search goes on around the next point.
            following = np.clip(bracket + 2 * np.trunc(place).astype(np.int64), 0, len(GRID) - 1)
            inside = (following == bracket) | (following == came_from[pairs])
            came_from[pairs], brackets[pairs] = bracket, np.where(inside, bracket, following)
            moved.append(pairs[~inside])
        open_pairs = np.sort(np.concatenate(moved))
    return tests


@dataclass(frozen=True)
class _Points:
    """T values of lambda: w (T, J) of the coordinates and w_unrelated (T,) of people without relatives; lower (T, R, R): L^-1;
    columns (J, T R): w times the coordinates of the basis; determinant (T,): log |V| + log |Q'V^-1 Q|."""

    w: NDArray[np.float64]
    w_unrelated: NDArray[np.float64]
    lower: NDArray[np.float64]
    columns: NDArray[np.float64]
    determinant: NDArray[np.float64]


def _points(model: Covered, at: NDArray[np.float64]) -> _Points:
    """Of log lambda (T,)."""
    ratio = np.exp(at)
    w, w_unrelated = 1 / (ratio[:, None] * model.families.values + 1), 1 / (ratio + 1)
    rank, own = model.basis.shape[1], model.own_basis
    of_members = model.basis[model.families.members]
    outer = np.eye(rank) - of_members.T @ of_members
    columns = w.T[:, :, None] * own[:, None, :]  # (J, T, R)
    design = w_unrelated[:, None, None] * outer + np.tensordot(columns, own, axes=(0, 0))
    root = np.linalg.cholesky(design)
    of_root = 2 * np.log(np.einsum("trr->tr", root)).sum(axis=1)
    determinant = of_root - np.log(w).sum(axis=1) - len(model.unrelated) * np.log(w_unrelated)
    return _Points(w, w_unrelated, np.linalg.inv(root), columns.reshape(len(own), len(at) * rank), determinant)


@dataclass(frozen=True)
class _Reduced:
    """squares (H, T): a|a;  with_basis (H, T, R): L^-1 Q'V^-1 a."""

    squares: NDArray[np.float64]
    with_basis: NDArray[np.float64]


def _reduced(points: _Points, own: Vectors) -> _Reduced:
    """Of H vectors at T points."""
    squares = _rows_times(np.square(own.coordinates), points.w.T)
    squares += _each("hs,hs->h", own.of_unrelated, own.of_unrelated)[:, None] * points.w_unrelated
    with_basis = _rows_times(own.coordinates, points.columns).reshape(*squares.shape, own.of_basis.shape[1])
    with_basis += points.w_unrelated[:, None] * own.of_basis[:, None, :]
    with_basis = _each("htr,tsr->hts", with_basis, points.lower)
    return _Reduced(squares - _each("htr,htr->ht", with_basis, with_basis), with_basis)


@dataclass(frozen=True)
class _Product:
    """H pairs of a variant (H,) and a trait (H,): of_unrelated (H,), a'b of people without relatives; coordinates (H, J): their
    products."""

    index: NDArray[np.int64]
    trait: NDArray[np.int64]
    of_unrelated: NDArray[np.float64]
    coordinates: NDArray[np.float64]

    @classmethod
    def of(cls, own: Vectors, traits: Vectors, index: NDArray[np.int64], trait: NDArray[np.int64]) -> _Product:
        """Of rows of both."""
        of_unrelated = _each("hs,hs->h", own.of_unrelated[index], traits.of_unrelated[trait])
        return cls(index, trait, of_unrelated, own.coordinates[index] * traits.coordinates[trait])

    def select(self, pairs: NDArray[np.int64]) -> _Product:
        """Some of the H."""
        return _Product(self.index[pairs], self.trait[pairs], self.of_unrelated[pairs], self.coordinates[pairs])


@dataclass(frozen=True)
class _Curves:
    """x|x, x|y, y|y (H, T) of pairs at T points, and the points' determinants (T,)."""

    xx: NDArray[np.float64]
    xy: NDArray[np.float64]
    yy: NDArray[np.float64]
    determinant: NDArray[np.float64]

    @classmethod
    def of(
        cls, points: _Points, own: Vectors, y: _Reduced, trait: NDArray[np.int64], product: _Product
    ) -> _Curves:  # fmt: skip
        """y: different traits at the points, and trait (H,): the one of each pair."""
        variants, index = np.unique(product.index, return_inverse=True)
        x = _reduced(points, own.select(variants))
        xy = _rows_times(product.coordinates, points.w.T) + product.of_unrelated[:, None] * points.w_unrelated
        xy -= _each("htr,htr->ht", x.with_basis[index], y.with_basis[trait])
        return cls(x.squares[index], xy, y.squares[trait], points.determinant)

    def likelihood(self, df: int) -> NDArray[np.float64]:
        """(H, T) -2 l with the variant in the model; infinite for a variant that the covariates explain."""
        tiny = np.finfo(float).tiny
        xx = np.maximum(self.xx, tiny)
        return np.asarray(df * np.log(np.maximum(self.yy - self.xy**2 / xx, tiny)) + np.log(xx) + self.determinant)

    def test(self, place: NDArray[np.float64], at: NDArray[np.float64], df: int) -> NDArray[np.float64]:
        """(3, H) effect, standard error and lambda, at `place` (H,) in [-1, 1] of the points' interval: log lambda `at`."""
        xx, xy, yy = (
            _each("ht,ht->h", _each("ht,tu->hu", each, TO_POWERS), _powers(place)) for each in (self.xx, self.xy, self.yy)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            beta = xy / xx
            se = np.sqrt(np.maximum(yy - xy * beta, 0.0) / df / xx)
        return np.stack([beta, se, np.exp(at)])


CHEBYSHEV = -np.cos((2 * np.arange(NODES) + 1) * np.pi / (2 * NODES))
"""Nodes in [-1, 1]."""
TO_POWERS = np.ascontiguousarray(np.linalg.inv(np.vander(CHEBYSHEV, increasing=True)).T)
"""Values at the nodes (H, T) times this are coefficients of powers."""


def _powers(place: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.vander(place, NODES, increasing=True)


def _ends(bracket: int) -> tuple[float, float]:
    return float(GRID[max(bracket - 1, 0)]), float(GRID[min(bracket + 1, len(GRID) - 1)])


def _nodes(bracket: int) -> NDArray[np.float64]:
    """(T,) log lambda of the nodes around a point of the grid."""
    return _on_line(CHEBYSHEV, bracket)


def _on_line(place: NDArray[np.float64], bracket: int) -> NDArray[np.float64]:
    """log lambda of places in [-1, 1] around a point of the grid."""
    low, high = _ends(bracket)
    return (low + high) / 2 + (high - low) / 2 * place


def _lowest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H,) place in [-1, 1] of a minimum of the polynomials with values (H, T) at the nodes: Newton's method from the lowest
    node, halving where it leaves the interval."""
    powers = _each("ht,tu->hu", values - values.min(axis=1, keepdims=True), TO_POWERS)
    slope = powers[:, 1:] * np.arange(1, NODES)
    bend = slope[:, 1:] * np.arange(1, NODES - 1)
    lowest = np.argmin(values, axis=1)
    at, low, high = CHEBYSHEV[lowest], np.full(len(lowest), -1.0), np.ones(len(lowest))
    at_start = (lowest == 0) & (_horner(slope, low) >= 0)
    at_end = (lowest == NODES - 1) & (_horner(slope, high) <= 0)
    ended = at_start | at_end
    at = np.where(at_start, low, np.where(at_end, high, at))
    for _ in range(ROUNDS):
        gradient, curvature = _horner(slope, at), _horner(bend, at)
        high, low = np.where(gradient > 0, at, high), np.where(gradient > 0, low, at)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = at - gradient / curvature
        inside = (curvature > 0) & (newton > low) & (newton < high)
        following = np.where(gradient == 0, at, np.where(inside, newton, (low + high) / 2))
        ended |= np.abs(following - at) <= TOLERANCE
        at = np.where(ended, at, following)
        if ended.all():
            break
    return at


def _horner(coefficients: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H,) polynomials (H, P), lowest power first, each at its own place (H,)."""
    value = np.zeros(len(at))
    for power in range(coefficients.shape[1] - 1, -1, -1):
        value = value * at + coefficients[:, power]
    return value


def _each(subscripts: str, *arrays: NDArray[np.float64]) -> NDArray[np.float64]:
    """np.einsum of arrays of which some have a first axis h, as the result has: the bits of a row do not depend on the others.

    A single row, or one that is not contiguous, would be summed in another order.
    """
    terms = subscripts.split("->")[0].split(",")
    rows = next(len(array) for term, array in zip(terms, arrays, strict=True) if term.startswith("h"))
    arrays = tuple(np.ascontiguousarray(array) for array in arrays)
    if rows != 1:
        return np.asarray(np.einsum(subscripts, *arrays))
    doubled = [
        np.repeat(array, 2, axis=0) if term.startswith("h") else array for term, array in zip(terms, arrays, strict=True)
    ]
    return np.asarray(np.einsum(subscripts, *doubled))[:1]


def _rows_times(rows: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H, C) rows (H, J) times matrix (J, C), ROWS at a time, so that the bits of one do not depend on the others."""
    rows, result = np.ascontiguousarray(rows), np.empty((len(rows), matrix.shape[1]))
    whole = len(rows) // ROWS * ROWS
    for start in range(0, whole, ROWS):
        np.matmul(rows[start : start + ROWS], matrix, out=result[start : start + ROWS])
    if whole < len(rows):
        padded = np.zeros((ROWS, rows.shape[1]))
        padded[: len(rows) - whole] = rows[whole:]
        result[whole:] = (padded @ matrix)[: len(rows) - whole]
    return result
