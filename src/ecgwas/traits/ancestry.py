"""Groups of similar ancestry, from genotypes alone: split while two halves differ in variants that did not split them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.packed import NO_CALL
from ecgwas.traits.genotype_pcs import genotype_pcs

MIN_PEOPLE = 20
"""A smaller group has frequencies too uncertain to judge anybody by; its people stay with those next to them."""
MIN_FST = 0.01
"""Groups differ by this at least: continents by 0.05 to 0.15, the north and the south of Europe by 0.005."""
MIN_GROUP = 10
"""Groups that hold fewer people once everybody has joined the most likely one are dissolved."""
SPLIT_PCS = 4
"""Components along which a split is looked for."""
MAX_VARIANTS = 4_000
"""Evenly spaced: more do not find other groups, but take longer."""


def ancestry_groups(codes: NDArray[np.uint8], reference: NDArray[np.bool_], *, seed: int) -> NDArray[np.int64]:
    """(N,) int64 group of each person: 1 the largest, then 2 ...; all 1 in a cohort of one ancestry.

    codes (V, N) as in Panel, in order of position; reference (N,) bool: unrelated people, from whom groups are made.
    Principal components of one half of the variants split people in two; the split is kept if the two sides hold MIN_PEOPLE
    or more and their Fst in the other half of the variants (Hudson's, Bhatia et al. 2013, Genome Res 23:1514), where chance
    gives 0, is MIN_FST or more. Each side is split again. Then everybody joins the group under whose frequencies their
    genotypes are most likely.
    """
    codes = codes[:: max(1, -(-len(codes) // MAX_VARIANTS))]
    leaves = _split(codes, np.flatnonzero(reference), seed)
    if len(leaves) == 1:
        return np.ones(codes.shape[1], dtype=np.int64)
    likelihood = np.stack([_likelihood(codes, leaf) for leaf in leaves])
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
    """The places of each group's people, ascending, the first group first."""
    return [np.flatnonzero(numbers == number) for number in np.unique(numbers)]


def _split(codes: NDArray[np.uint8], people: NDArray[np.int64], seed: int) -> list[NDArray[np.int64]]:
    """The groups within `people`."""
    best, side = MIN_FST, None
    half = len(codes) // 2
    for fitted, held_out in ((codes[:half], codes[half:]), (codes[half:], codes[:half])):
        scores = genotype_pcs(fitted[:, people], SPLIT_PCS, seed=seed) if len(people) >= 2 * MIN_PEOPLE else np.empty((0, 0))
        for column in scores.T:
            upper = column > _split_point(column)
            distance = fst(held_out[:, people[upper]], held_out[:, people[~upper]])
            if distance >= best:
                best, side = distance, upper
    if side is None:
        return [people]
    return [*_split(codes, people[side], seed), *_split(codes, people[~side], seed)]


def _split_point(values: NDArray[np.float64]) -> float:
    """Where the values (N,) fall into two parts of MIN_PEOPLE or more with the smallest variance within (k-means, k = 2)."""
    ordered = np.sort(values)
    below = np.arange(MIN_PEOPLE, len(ordered) - MIN_PEOPLE + 1)
    left, total = np.cumsum(ordered)[below - 1], ordered.sum()
    between = left**2 / below + (total - left) ** 2 / (len(ordered) - below)
    return float(ordered[below[int(np.argmax(between))] - 1])


def fst(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Hudson's Fst of two groups from (V, N) and (V, M) copies: a ratio of sums over variants, unbiased by small groups."""
    share, alleles = zip(*(_frequencies(codes) for codes in (first, second)), strict=True)
    noise = sum(p * (1 - p) / np.maximum(n - 1, 1) for p, n in zip(share, alleles, strict=True))
    distance = np.square(share[0] - share[1]) - noise
    between = share[0] * (1 - share[1]) + share[1] * (1 - share[0])
    return float(distance.sum() / max(between.sum(), 1e-12))


def _frequencies(codes: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(V,) share of the counted allele and (V,) alleles called."""
    alleles = 2 * (codes != NO_CALL).sum(axis=1)
    copies = (codes == 1).sum(axis=1) + 2 * (codes == 2).sum(axis=1)
    return copies / np.maximum(alleles, 1), alleles


def _likelihood(codes: NDArray[np.uint8], members: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) log likelihood of everybody's genotypes under the members' frequencies."""
    share, alleles = _frequencies(codes[:, members])
    share = (share * alleles + 0.5) / (alleles + 1)
    weights = np.stack([2 * np.log(1 - share), np.log(2 * share * (1 - share)), 2 * np.log(share), np.zeros(len(share))])
    likelihood = np.zeros(codes.shape[1])
    for variant, each in enumerate(codes):
        likelihood += weights[each, variant]
    return likelihood
