"""Markov clustering of a weighted network (van Dongen, Graph clustering by flow simulation, Utrecht 2000).

Flow along edges is alternately expanded (the matrix is squared) and inflated (each entry is raised to the power `inflation`,
and columns are scaled to sum to one) until it no longer changes; nodes that are still connected form a cluster. Larger
inflation gives smaller clusters. The clusters are those of the program mcl with its defaults
(tests/genes/network/test_mcl.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

PRUNE = 1e-4
"""Entries of an expanded column below this are set to zero before it is inflated, as mcl does (-P 10000)."""
TOLERANCE = 1e-6
MAX_STEPS = 200
COLUMNS_PER_STEP = 512


def cluster(names: Sequence[str], pairs: Sequence[tuple[str, str, float]], inflation: float) -> list[list[str]]:
    """Clusters of the nodes `names`, each sorted, the largest first (then by first name).

    pairs: (node, node, weight > 0), undirected; a pair given twice counts once, with its larger weight. A node without an
    edge is a cluster by itself.
    """
    if len(names) == 0:
        return []
    labels = _labels(_matrix(names, pairs), inflation)
    groups: dict[int, list[str]] = {}
    for name, label in zip(names, labels, strict=True):
        groups.setdefault(int(label), []).append(name)
    return sorted((sorted(group) for group in groups.values()), key=lambda group: (-len(group), group[0]))


def _matrix(names: Sequence[str], pairs: Sequence[tuple[str, str, float]]) -> sparse.csc_matrix:
    """(N, N) symmetric weights; each node has a loop with the weight of its heaviest edge (1 for a node without edges)."""
    index = {name: k for k, name in enumerate(names)}
    weights: dict[tuple[int, int], float] = {}
    for a, b, weight in pairs:
        if a != b:
            key = (min(index[a], index[b]), max(index[a], index[b]))
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
    for _ in range(MAX_STEPS):
        before = flow
        flow = _inflated(_expanded(flow), inflation)
        difference = abs(flow - before)
        if difference.nnz == 0 or difference.max() < TOLERANCE:
            break
    return np.asarray(connected_components(flow, directed=False)[1])


def _expanded(flow: sparse.csc_matrix) -> sparse.csc_matrix:
    """The square, pruned, columns summing to one; a few columns at a time, because before pruning it may be nearly full."""
    starts = range(0, flow.shape[1], COLUMNS_PER_STEP)
    pieces = [_scaled(_pruned((flow @ flow[:, start : start + COLUMNS_PER_STEP]).tocsc())) for start in starts]
    return sparse.hstack(pieces, format="csc")


def _scaled(matrix: sparse.csc_matrix) -> sparse.csc_matrix:
    """The matrix with each column divided by its sum."""
    sums = np.asarray(matrix.sum(axis=0)).ravel()
    scaled = matrix.tocsc(copy=True)
    scaled.data /= np.repeat(sums, np.diff(scaled.indptr))
    return scaled


def _inflated(matrix: sparse.csc_matrix, inflation: float) -> sparse.csc_matrix:
    raised = matrix.tocsc(copy=True)
    raised.data **= inflation
    return _scaled(raised)


def _pruned(matrix: sparse.csc_matrix) -> sparse.csc_matrix:
    """Without entries below PRUNE, except the largest of each column. No column is empty, because each node has a loop."""
    # matrix.max would sort the entries first, which takes as long as the product.
    largest = np.maximum.reduceat(matrix.data, matrix.indptr[:-1])
    column_largest = np.repeat(largest, np.diff(matrix.indptr))
    matrix.data[(matrix.data < PRUNE) & (matrix.data < column_largest)] = 0.0
    matrix.eliminate_zeros()
    return matrix
