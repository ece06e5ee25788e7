"""Markov clustering of a weighted network (van Dongen, Graph clustering by flow simulation, Utrecht 2000).

Flow along edges is spread (the matrix is squared) and sharpened (each entry is raised to the inflation, columns are scaled
to sum one) by turns until nothing changes; what still flows together is a cluster. Larger inflation, smaller clusters.
Gives the clusters of the program mcl with its defaults; tests/genes/network/test_mcl.py compares them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

PRUNE = 1e-4
"""Entries of an expanded column below this are set to zero before it is inflated, as mcl does (-P 10000)."""
SETTLED = 1e-6
MOST_STEPS = 200
COLUMNS = 512


def cluster(names: Sequence[str], pairs: Sequence[tuple[str, str, float]], inflation: float) -> list[list[str]]:
    """Clusters of the nodes `names`, each sorted, the largest first (then by first name).

    pairs: (node, node, weight > 0), undirected; a pair given twice counts once, with its larger weight. Nodes without an
    edge are clusters of their own.
    """
    if len(names) == 0:
        return []
    labels = _labels(_matrix(names, pairs), inflation)
    groups: dict[int, list[str]] = {}
    for name, label in zip(names, labels, strict=True):
        groups.setdefault(int(label), []).append(name)
    return sorted((sorted(group) for group in groups.values()), key=lambda group: (-len(group), group[0]))


def _matrix(names: Sequence[str], pairs: Sequence[tuple[str, str, float]]) -> sparse.csc_matrix:
    """(N, N) symmetric weights; the loop of each node weighs as its heaviest edge (1 for a node without edges)."""
    place = {name: k for k, name in enumerate(names)}
    weights: dict[tuple[int, int], float] = {}
    for a, b, weight in pairs:
        if a != b:
            key = (min(place[a], place[b]), max(place[a], place[b]))
            weights[key] = max(weight, weights.get(key, 0.0))
    rows = np.array([key[0] for key in weights], dtype=np.int64)
    columns = np.array([key[1] for key in weights], dtype=np.int64)
    half = sparse.coo_matrix((np.array(list(weights.values())), (rows, columns)), shape=(len(names), len(names)))
    both = (half + half.T).tocsc()
    loops = both.max(axis=0).toarray().ravel()
    loops[loops == 0] = 1.0
    return (both + sparse.diags(loops)).tocsc()


def _labels(matrix: sparse.csc_matrix, inflation: float) -> NDArray[np.int32]:
    """(N,) cluster of each node."""
    flow = _scaled(matrix)
    for _ in range(MOST_STEPS):
        before = flow
        flow = _inflated(_expanded(flow), inflation)
        difference = abs(flow - before)
        if difference.nnz == 0 or difference.max() < SETTLED:
            break
    return np.asarray(connected_components(flow, directed=False)[1])


def _expanded(flow: sparse.csc_matrix) -> sparse.csc_matrix:
    """The square, pruned, columns of sum one; made a few columns at a time, because unpruned it may be nearly full."""
    starts = range(0, flow.shape[1], COLUMNS)
    pieces = [_scaled(_pruned((flow @ flow[:, start : start + COLUMNS]).tocsc())) for start in starts]
    return sparse.hstack(pieces, format="csc")


def _scaled(matrix: sparse.csc_matrix) -> sparse.csc_matrix:
    """Columns of sum one."""
    sums = np.asarray(matrix.sum(axis=0)).ravel()
    scaled = matrix.tocsc(copy=True)
    scaled.data /= np.repeat(sums, np.diff(scaled.indptr))
    return scaled


def _inflated(matrix: sparse.csc_matrix, inflation: float) -> sparse.csc_matrix:
    raised = matrix.tocsc(copy=True)
    raised.data **= inflation
    return _scaled(raised)


def _pruned(matrix: sparse.csc_matrix) -> sparse.csc_matrix:
    """Small entries gone, each column's largest kept. No column is empty: each node has a loop."""
    # Not matrix.max: it sorts the entries first, which costs as much as the product.
    tallest = np.maximum.reduceat(matrix.data, matrix.indptr[:-1])
    heights = np.repeat(tallest, np.diff(matrix.indptr))
    matrix.data[(matrix.data < PRUNE) & (matrix.data < heights)] = 0.0
    matrix.eliminate_zeros()
    return matrix
