"""Principal components of the genotypes, which describe ancestry, by randomised singular value decomposition."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.packed_calls import PackedCalls, packed_calls
from ecgwas.genotypes.pruned_panel import standard_values
from ecgwas.statistics.randomised_svd import leading_space

OVERSAMPLED = 20
ROUNDS = 10
"""Blocks of the Krylov space. After the components of ancestry, the eigenvalues of a homogeneous cohort lie close together."""
DECIMALS = 6
GENOTYPES_PER_STEP = 2**24
"""Number of genotypes standardised together. As floating-point numbers, all variants of a biobank would not fit in memory."""


def genotype_pcs(calls: PackedCalls | NDArray[np.uint8], count: int, *, seed: int) -> NDArray[np.float64]:
    """(N, count) float64 first principal components of N participants, of unit variance; the largest value is positive.

    calls: packed, or codes (V, N), as in PrunedGenotypes. GENOTYPES_PER_STEP of them are standardised at a time, in each of
    ROUNDS + 2 passes: as floating-point numbers, those of a biobank would not fit in memory. There are fewer columns if
    participants or variants are too few. Uses randomised block Krylov iteration that keeps all blocks, which separates close
    eigenvalues (randomised_svd.leading_space).
    """
    codes = packed_calls(calls)
    count = min(count, *(size - 1 for size in codes.shape))
    if count < 1:
        return np.empty((codes.people, 0))
    draws = np.random.default_rng(seed).standard_normal((len(codes), min(count + OVERSAMPLED, *codes.shape)))
    draws = draws.astype(np.float32)
    numbers = _values_of_codes(codes)
    start = _sum(values.T @ draws[rows] for rows, values in _standardised(codes, numbers))

    def gram(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return _sum(values.T @ (values @ scores) for _, values in _standardised(codes, numbers))

    basis = leading_space(start, gram, rounds=ROUNDS, keep_blocks=True)
    projections = np.concatenate([values @ basis for _, values in _standardised(codes, numbers)])
    _, _, right_vectors = np.linalg.svd(projections, full_matrices=False)
    pcs = basis @ right_vectors[:count].T
    pcs -= pcs.mean(axis=0)
    pcs /= pcs.std(axis=0)
    largest = pcs[np.abs(pcs).argmax(axis=0), np.arange(count)]
    # Rounded, so that the same participants have the same covariates with any linear algebra library.
    return np.asarray(np.round(pcs * np.sign(largest), DECIMALS))


def _values_of_codes(calls: PackedCalls) -> NDArray[np.float64]:
    """(V, 4) what each variant's four codes are standardised to."""
    return np.concatenate([standard_values(codes) for _, codes in calls.blocks(GENOTYPES_PER_STEP)])


def _standardised(calls: PackedCalls, numbers: NDArray[np.float64]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Successive blocks of variants: their rows, and their calls (V', N) as numbers (V, 4)."""
    return ((rows, calls.replaced(rows, numbers[rows])) for rows in calls.steps(GENOTYPES_PER_STEP))


def _sum(parts: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(N, C) sum of the parts (N, C)."""
    return reduce(operator.iadd, parts)


def project(
    calls: PackedCalls | NDArray[np.uint8], reference: NDArray[np.int64], scores: NDArray[np.float64], others: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(M, C) float64 principal components of participants who were not used to compute them, on the scale of `scores`.

    calls: packed, or codes (V, N); scores (R, C) from `genotype_pcs` for the participants `reference` (R,); others (M,),
    indices among the N.
    Each participant is added to the decomposition alone, and the result is rotated back onto the reference. With a plain
    projection, participants outside the reference would lie nearer to 0 than those in it (online augmentation, decomposition
    and Procrustes, Zhang et al. 2020, Bioinformatics 36:3439).
    """
    known, new = (packed_calls(calls).select(people) for people in (reference, others))
    numbers = _values_of_codes(known)
    loadings = np.concatenate([values @ scores for _, values in _standardised(known, numbers)]) / np.sqrt(len(reference))
    singular_values = np.linalg.norm(loadings, axis=0)
    loadings /= singular_values
    inside, squared_length = np.zeros((scores.shape[1], len(others))), np.zeros(len(others))
    for rows in known.steps(GENOTYPES_PER_STEP * len(reference) // (len(reference) + len(others))):
        values = new.replaced(rows, numbers[rows])
        inside += loadings[rows].T @ values
        squared_length += np.square(values).sum(axis=0)
    outside = np.sqrt(np.maximum(squared_length - np.square(inside).sum(axis=0), 0.0))
    positions = [_placed(singular_values, inside[:, one], float(outside[one])) for one in range(len(others))]
    return np.asarray(np.round(np.reshape(positions, (len(others), -1)) * np.sqrt(len(reference)), DECIMALS))


def _placed(singular_values: NDArray[np.float64], inside: NDArray[np.float64], outside: float) -> NDArray[np.float64]:
    """(C,) position of one further participant in right singular vectors of a reference with `singular_values` (C,).

    inside (C,): the participant's components along the left singular vectors; outside: length of the part outside their span.
    """
    count = len(singular_values)
    joint = np.block([[np.diag(singular_values), inside[:, None]], [np.zeros((1, count)), np.array([[outside]])]])
    _, values, right_vectors = np.linalg.svd(joint)
    scaled = right_vectors.T[:, :count] * values[:count]
    left, _, right = np.linalg.svd(scaled[:count].T @ np.diag(singular_values))
    return np.asarray(scaled[count] @ (left @ right) / singular_values)
