"""Sums over eigenvalues of families, compressed to a few nodes whatever the number of people.

The likelihood needs sums of f(s_j) a_j b_j over coordinates j, with f(s) = 1 / (lambda s + 1) or log(lambda s + 1), for many
lambda. On an interval [c, 2c] both are analytic but for s <= -1 / lambda < 0, so that their interpolation in n Chebyshev nodes
has an error of order 5.8^-n for every lambda >= 0 (Trefethen 2019, Approximation Theory and Approximation Practice, theorem
8.2). With l_m the polynomials of Lagrange,

    sum_j f(s_j) a_j b_j = sum_m f(node_m) (sum_j l_m(s_j) a_j b_j)

whose second sums do not depend on lambda. The people without relatives all have s = 1, which is the first node.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NODES = 14
"""Nodes per interval: an error below 1e-10, relative to the largest term."""
SMALLEST = 2.0**-40
"""Eigenvalues below count as 0: lambda s is then below 1e-7 for every lambda."""
SAME = 1e-10
"""Eigenvalues that differ by a smaller share are one."""


@dataclass(frozen=True)
class Spectrum:
    """nodes (M,) float64, of which the first is 1, that of people without relatives; shares (J, M - 1) float64: l_m(s_j)."""

    nodes: NDArray[np.float64]
    shares: NDArray[np.float64]


def spectrum(values: NDArray[np.float64]) -> Spectrum:
    """The spectrum of eigenvalues (J,), at least 0. An interval with fewer different ones than NODES keeps them all."""
    settled = np.where(values < SMALLEST, 0.0, values)
    octave = np.full(len(settled), np.iinfo(np.int64).min)
    positive = settled > 0
    octave[positive] = np.floor(np.log2(settled[positive])).astype(np.int64)
    nodes, shares = [np.ones(1)], []
    for number in np.unique(octave):
        own = np.flatnonzero(octave == number)
        different, which = np.unique(settled[own], return_inverse=True)
        if different[-1] - different[0] < SAME * different[0]:
            points, own_shares = different[:1], np.ones((len(own), 1))
        elif len(different) <= NODES:
            points, own_shares = different, np.eye(len(different))[which]
        else:
            points = chebyshev(different[0], different[-1], NODES)
            own_shares = lagrange(points, settled[own])
        column = np.zeros((len(settled), len(points)))
        column[own] = own_shares
        nodes.append(points)
        shares.append(column)
    joined = np.hstack(shares) if shares else np.empty((0, 0))
    return Spectrum(np.concatenate(nodes), joined)


def chebyshev(low: float, high: float, count: int) -> NDArray[np.float64]:
    """(count,) Chebyshev nodes of the first kind in [low, high]."""
    angles = (2 * np.arange(count) + 1) * np.pi / (2 * count)
    return np.asarray((low + high) / 2 - (high - low) / 2 * np.cos(angles))


def lagrange(nodes: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P, M) the polynomials of Lagrange of nodes (M,), all different, at points (P,), by the barycentric formula."""
    apart = nodes[:, None] - nodes
    np.fill_diagonal(apart, 1.0)
    scale = (nodes.max() - nodes.min()) / 4 or 1.0
    weights = 1 / np.prod(apart / scale, axis=1)
    distance = at[:, None] - nodes
    exact = distance == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = weights / distance
        values = terms / terms.sum(axis=1, keepdims=True)
    hit = exact.any(axis=1)
    values[hit] = exact[hit]
    return np.asarray(values)
