"""Ancestry groups from genotypes alone: a group is split if its halves also differ at variants not used for the split."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.packed import NO_CALL
from ecgwas.genotypes.packed_calls import PackedCalls, packed_calls
from ecgwas.traits.genotype_pcs import genotype_pcs

MIN_PEOPLE = 20
"""Smaller groups are not split off: their allele frequencies are too uncertain to judge anyone by."""
MIN_FST = 0.01
"""Smallest Fst between groups. Continents differ by 0.05 to 0.15, northern and southern Europe by 0.005."""
MIN_GROUP = 10
"""Groups with fewer participants are dissolved after every participant has joined the most likely group."""
SPLIT_PCS = 4
"""Number of principal components that are searched for a split."""
MAX_VARIANTS = 4_000
"""Maximum number of variants used, evenly spaced. More variants take longer and find the same groups."""


def ancestry_groups(
    calls: PackedCalls | NDArray[np.uint8], reference: NDArray[np.bool_], *, seed: int
) -> NDArray[np.int64]:  # fmt: skip
    """(N,) int64 ancestry group of each participant: 1 is the largest, then 2, and so on; all 1 in a cohort of one ancestry.

    calls: packed, or codes (V, N), as in PrunedGenotypes, sorted by position; reference (N,) bool: unrelated participants, from
    whom groups are formed. Principal components of one half of the variants split the participants in two. The split is kept if
    both sides hold at least MIN_PEOPLE and their Fst in the other half of the variants (Hudson's, Bhatia et al. 2013, Genome
    Res 23:1514) is at least MIN_FST. Its expectation is 0 if the split is random. Each side is then split again. Finally, every
    participant joins the group under whose allele frequencies their genotypes are most likely.
    """
    used = packed_calls(calls).of_variants(slice(None, None, max(1, -(-len(calls) // MAX_VARIANTS))))
    leaves = _split(used, np.flatnonzero(reference), seed)
    if len(leaves) == 1:
        return np.ones(used.people, dtype=np.int64)
    likelihood = np.stack([_likelihood(used, leaf) for leaf in leaves])
    while True:
        nearest = np.argmax(likelihood, axis=0)
        sizes = np.bincount(nearest, minlength=len(leaves))
        too_small = (sizes > 0) & (sizes < MIN_GROUP)
        if not too_small.any():
            break
        likelihood[too_small] = -np.inf
    order = np.argsort(-np.bincount(nearest, minlength=len(leaves)), kind="stable")
    return np.asarray(np.argsort(order, kind="stable")[nearest] + 1)


def members_by_group(numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Indices of each group's participants, ascending; groups in the order of their numbers."""
    return [np.flatnonzero(numbers == number) for number in np.unique(numbers)]


def _split(calls: PackedCalls, people: NDArray[np.int64], seed: int) -> list[NDArray[np.int64]]:
    """The groups within `people`, as indices."""
    best, side = MIN_FST, None
    first, second = (calls.of_variants(half) for half in (slice(len(calls) // 2), slice(len(calls) // 2, None)))
    for fitted, held_out in ((first, second), (second, first)):
        scores = (
            genotype_pcs(fitted.select(people), SPLIT_PCS, seed=seed) if len(people) >= 2 * MIN_PEOPLE else np.empty((0, 0))
        )
        for column in scores.T:
            upper = column > _split_point(column)
            distance = fst(*(held_out.unpacked(people=people[half]) for half in (upper, ~upper)))
            if distance >= best:
                best, side = distance, upper
    if side is None:
        return [people]
    return [*_split(calls, people[side], seed), *_split(calls, people[~side], seed)]


def _split_point(values: NDArray[np.float64]) -> float:
    """The cut of the values (N,) into two parts of at least MIN_PEOPLE with the least variance within (k-means, k = 2)."""
    ordered = np.sort(values)
    below = np.arange(MIN_PEOPLE, len(ordered) - MIN_PEOPLE + 1)
    left, total = np.cumsum(ordered)[below - 1], ordered.sum()
    between = left**2 / below + (total - left) ** 2 / (len(ordered) - below)
    return float(ordered[below[int(np.argmax(between))] - 1])


def fst(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Hudson's Fst of two groups from calls (V, N) and (V, M): a ratio of sums over variants, unbiased in small groups."""
    frequency, alleles = zip(*(_frequencies(codes) for codes in (first, second)), strict=True)
    noise = sum(p * (1 - p) / np.maximum(n - 1, 1) for p, n in zip(frequency, alleles, strict=True))
    distance = np.square(frequency[0] - frequency[1]) - noise
    between = frequency[0] * (1 - frequency[1]) + frequency[1] * (1 - frequency[0])
    return float(distance.sum() / max(between.sum(), 1e-12))


def _frequencies(codes: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(V,) frequency of the counted allele and (V,) number of alleles called."""
    alleles = 2 * (codes != NO_CALL).sum(axis=1)
    copies = (codes == 1).sum(axis=1) + 2 * (codes == 2).sum(axis=1)
    return copies / np.maximum(alleles, 1), alleles


def _likelihood(calls: PackedCalls, members: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) log likelihood of every participant's genotypes under the members' allele frequencies."""
    frequency, alleles = _frequencies(calls.unpacked(people=members))
    frequency = (frequency * alleles + 0.5) / (alleles + 1)
    weights = np.column_stack(
        [2 * np.log(1 - frequency), np.log(2 * frequency * (1 - frequency)), 2 * np.log(frequency), np.zeros(len(frequency))]
    )
    likelihood = np.zeros(calls.people)
    for rows in calls.steps():
        for of_variant in calls.replaced(rows, weights[rows]):
            likelihood += of_variant
    return likelihood
