"""Principal components of the genotypes: ancestry, by a randomised singular value decomposition."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.pruned_panel import standardised
from ecgwas.statistics.randomised_svd import leading_space

OVERSAMPLED = 20
ROUNDS = 10
"""Blocks of the Krylov space: behind ancestry the eigenvalues of a homogeneous cohort lie close together."""
DECIMALS = 6
GENOTYPES_PER_STEP = 2**24
"""Genotypes that are standardised at once: of a biobank's people all variants would not fit as numbers."""


def genotype_pcs(codes: NDArray[np.uint8], count: int, *, seed: int) -> NDArray[np.float64]:
    """(N, count) float64 first principal components of N people, each of unit variance; its largest value is positive.

    codes (V, N) as in Panel. Fewer columns if there are fewer people or variants. Randomised block Krylov iteration: all
    blocks are kept, which separates close eigenvalues (randomised_svd.leading_space).
    """
    count = min(count, *(size - 1 for size in codes.shape))
    if count < 1:
        return np.empty((codes.shape[1], 0))
    draws = np.random.default_rng(seed).standard_normal((len(codes), min(count + OVERSAMPLED, *codes.shape)))
    draws = draws.astype(np.float32)
    start = _sum(values.T @ draws[rows] for rows, values in _standardised(codes))

    def gram(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return _sum(values.T @ (values @ scores) for _, values in _standardised(codes))

    basis = leading_space(start, gram, rounds=ROUNDS, keep_blocks=True)
    projections = np.concatenate([values @ basis for _, values in _standardised(codes)])
    _, _, turned = np.linalg.svd(projections, full_matrices=False)
    pcs = basis @ turned[:count].T
    pcs -= pcs.mean(axis=0)
    pcs /= pcs.std(axis=0)
    largest = pcs[np.abs(pcs).argmax(axis=0), np.arange(count)]
    # Rounded, so that the same people give the same covariates whatever linear algebra library computed them.
    return np.asarray(np.round(pcs * np.sign(largest), DECIMALS))


def _standardised(codes: NDArray[np.uint8]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Some variants after the other: which rows of codes (V, N), and these (V', N) standardised."""
    step = max(1, GENOTYPES_PER_STEP // codes.shape[1])
    for start in range(0, len(codes), step):
        rows = slice(start, start + step)
        yield rows, standardised(codes[rows])


def _sum(parts: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(N, C) sum of the parts (N, C)."""
    return reduce(operator.iadd, parts)


def project(
    codes: NDArray[np.uint8], reference: NDArray[np.int64], scores: NDArray[np.float64], others: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(M, C) float64 components of people who had no part in them, on the scale of `scores`.

    codes (V, N); scores (R, C) what `components` gave for the people `reference` (R,); others (M,), places among the N. Each
    person is added to the decomposition alone and the result turned back onto the reference: plainly projected, people who
    are not in the sample lie nearer to 0 than those who are (online augmentation, decomposition and Procrustes, Zhang et al.
    2020, Bioinformatics 36:3439).
    """
    known, new = codes[:, reference], codes[:, others]
    loadings = np.concatenate([values @ scores for _, values in _standardised(known)]) / np.sqrt(len(reference))
    sizes = np.linalg.norm(loadings, axis=0)
    loadings /= sizes
    inside, length = np.zeros((scores.shape[1], len(others))), np.zeros(len(others))
    step = max(1, GENOTYPES_PER_STEP // codes.shape[1])
    for start in range(0, len(codes), step):
        rows = slice(start, start + step)
        values = standardised(new[rows], known[rows])
        inside += loadings[rows].T @ values
        length += np.square(values).sum(axis=0)
    outside = np.sqrt(np.maximum(length - np.square(inside).sum(axis=0), 0.0))
    placed = [_placed(sizes, inside[:, one], float(outside[one])) for one in range(len(others))]
    return np.asarray(np.round(np.reshape(placed, (len(others), -1)) * np.sqrt(len(reference)), DECIMALS))


def _placed(sizes: NDArray[np.float64], inside: NDArray[np.float64], outside: float) -> NDArray[np.float64]:
    """(C,) place of one more person in right singular vectors of a reference with singular values `sizes` (C,).

    inside (C,): the person along the left singular vectors; outside: length of what these do not hold.
    """
    count = len(sizes)
    joint = np.block([[np.diag(sizes), inside[:, None]], [np.zeros((1, count)), np.array([[outside]])]])
    _, values, turned = np.linalg.svd(joint)
    scaled = turned.T[:, :count] * values[:count]
    left, _, right = np.linalg.svd(scaled[:count].T @ np.diag(sizes))
    return np.asarray(scaled[count] @ (left @ right) / sizes)
