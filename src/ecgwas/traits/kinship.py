"""KING-robust kinship of all pairs of participants. It uses no allele frequencies, so it does not depend on ancestry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.genotypes.packed import NO_CALL

PEOPLE_PER_STEP = 512
"""Number of participants whose pairs are computed together."""
STEP_BYTES = 2**28
"""Bytes that one step's variants take up as float32."""
STRETCHES = 20
"""Number of blocks of neighbouring variants. The noise of a pair is measured between blocks."""
NULL_PAIRS = 2_000
"""Number of pairs from which the noise is estimated."""
EXPECTED_FALSE_PAIRS = 0.05
"""Number of unrelated pairs in the whole cohort that are expected to exceed `chance_limit`."""


@dataclass(frozen=True)
class RelatedPairs:
    """Pairs whose kinship exceeds both `limit` and `chance_limit`.

    first, second  (M,) int64, indices of the participants
    kinship        (M,) float64
    limit          the limit requested
    chance_limit   kinship that EXPECTED_FALSE_PAIRS of all unrelated pairs are expected to exceed
    null_sd        SD of kinship among unrelated pairs that is due to the number of variants alone
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    kinship: NDArray[np.float64]
    limit: float
    chance_limit: float
    null_sd: float

    def above(self, limit: float) -> RelatedPairs:
        """The pairs whose kinship exceeds another limit and `chance_limit`."""
        chosen = self.kinship > max(limit, self.chance_limit)
        return replace(self, first=self.first[chosen], second=self.second[chosen], kinship=self.kinship[chosen], limit=limit)

    def among(self, people: NDArray[np.int64]) -> RelatedPairs:
        """The pairs of which both members are in `people` (ascending), as indices into `people`."""
        chosen = np.isin(self.first, people) & np.isin(self.second, people)
        first, second = (np.searchsorted(people, part[chosen]) for part in (self.first, self.second))
        return replace(self, first=first, second=second, kinship=self.kinship[chosen])


def kinship_rows(codes: NDArray[np.uint8]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """KING-robust kinship from genotype calls (V, N), 3 if missing: successive blocks (n, N) of n participants with everyone,
    each with the index of its first participant; NaN on the diagonal.

    (N_AaAa - 2 N_AAaa) / 2 m + 1/2 - (N_Aa(i) + N_Aa(j)) / 4 m, where m is the smaller of both participants' numbers of
    heterozygous calls. Only variants called in both participants count (Manichaikul et al. 2010, Bioinformatics 26:2867,
    equation 11; as in PLINK 2's --make-king).
    """
    people = codes.shape[1]
    for start in range(0, people, PEOPLE_PER_STEP):
        both, opposite, het_first, het_second = _counts(codes, start, min(start + PEOPLE_PER_STEP, people))
        smaller = np.minimum(het_first, het_second).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            kinship = (both - 2 * opposite) / (2 * smaller) + 0.5 - (het_first + het_second) / (4 * smaller)
        kinship[np.arange(len(kinship)), np.arange(start, start + len(kinship))] = np.nan
        yield start, np.asarray(kinship, dtype=np.float64)


def _counts(codes: NDArray[np.uint8], start: int, stop: int) -> tuple[NDArray[np.float32], ...]:
    """Counts of variants for the pairs of participants start to stop with everyone.

    Returns four arrays (stop - start, N) float32 of whole numbers: variants at which both are heterozygous; at which they are
    opposite homozygotes; and at which one is heterozygous while the other is called (both ways). Variants are processed in
    steps, because all of a biobank's variants would not fit in memory as float32. The sums are exact for any step.
    """
    people = codes.shape[1]
    both, opposite, het_first, het_second = (np.zeros((stop - start, people), dtype=np.float32) for _ in range(4))
    step = max(1, STEP_BYTES // (16 * people))
    for first in range(0, len(codes), step):
        piece = codes[first : first + step]
        one, two, none, called = (part.astype(np.float32) for part in (piece == 1, piece == 2, piece == 0, piece != NO_CALL))
        here = slice(start, stop)
        both += one[:, here].T @ one
        opposite += none[:, here].T @ two + two[:, here].T @ none
        het_first += one[:, here].T @ called
        het_second += called[:, here].T @ one
    return both, opposite, het_first, het_second


def related_pairs(codes: NDArray[np.uint8], limit: float) -> RelatedPairs:
    """Pairs whose kinship exceeds `limit` and what chance reaches among all pairs of unrelated participants (`chance_limit`).

    With few LD-pruned variants the estimate is noisy: from 22 regions of 1 Mb its SD is 0.03, and unrelated participants then
    reach 0.0884. The noise is that of one pair (see `null_distribution`). It is not the spread over all pairs, which in a
    cohort of several ancestries reflects differences between ancestries.
    """
    limit_by_chance, null_sd = chance_limit(codes, codes.shape[1])
    lowest = max(limit, limit_by_chance)
    pairs: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    for start, rows in kinship_rows(codes):
        first, second = np.nonzero(rows > lowest)
        later = second > first + start
        pairs.append((first[later] + start, second[later], rows[first[later], second[later]]))
    first, second, kinship = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return RelatedPairs(first, second, kinship, limit, limit_by_chance, null_sd)


def above_chance_in_groups(related: RelatedPairs, codes: NDArray[np.uint8], groups: NDArray[np.int64]) -> RelatedPairs:
    """The pairs above what chance reaches in every ancestry group (N,).

    Linkage disequilibrium, and so the noise of a pair, may differ between groups.
    """
    each = [chance_limit(codes[:, groups == number], codes.shape[1]) for number in np.unique(groups)]
    limit_by_chance, null_sd = max([(related.chance_limit, related.null_sd), *each])
    return replace(related, chance_limit=limit_by_chance, null_sd=null_sd).above(related.limit)


def chance_limit(codes: NDArray[np.uint8], people: int) -> tuple[float, float]:
    """Kinship that chance reaches among so many unrelated participants, and its SD, from codes (V, N).

    EXPECTED_FALSE_PAIRS of all their pairs are expected to exceed it.
    """
    median, null_sd = null_distribution(codes)
    return median + null_sd * float(stats.norm.isf(EXPECTED_FALSE_PAIRS / max(people * (people - 1) / 2, 1))), null_sd


def null_distribution(codes: NDArray[np.uint8]) -> tuple[float, float]:
    """Median and SD of an unrelated pair's kinship that are due to the variants alone, from genotype calls (V, N).

    Kinship is 1/2 - D / 4 m, where D is the sum of squared differences of calls and m the smaller number of heterozygous calls.
    Its variance is that of D over blocks of neighbouring variants, around the value expected from each block's heterozygous
    calls (a delete-a-block jackknife of the ratio, Busing et al. 1999, Stat Comput 9:3). It includes linkage disequilibrium
    between neighbours. A difference of ancestry, which is the same throughout the genome, cancels. The SD is that of the median
    pair among evenly chosen ones. The median kinship is below 0, since m is the smaller of two numbers.
    """
    first, second = _null_pairs(codes.shape[1])
    differences, heterozygous = [], []
    het_first, het_second = np.zeros(len(first)), np.zeros(len(first))
    for stretch in np.array_split(codes, STRETCHES):
        one, two = stretch[:, first].astype(np.int8), stretch[:, second].astype(np.int8)
        called = (one != NO_CALL) & (two != NO_CALL)
        first_one, second_one = ((part == 1) & called for part in (one, two))
        differences.append((np.square(one - two) * called).sum(axis=0))
        heterozygous.append((first_one.sum(axis=0) + second_one.sum(axis=0)) / 2)
        het_first, het_second = het_first + first_one.sum(axis=0), het_second + second_one.sum(axis=0)
    smaller = np.maximum(np.minimum(het_first, het_second), 1)
    distances, between = np.stack(differences), np.stack(heterozygous)
    deviations = distances - between * (distances.sum(axis=0) / np.maximum(between.sum(axis=0), 1))
    degrees = STRETCHES - 1
    variance = np.square(deviations).sum(axis=0) * STRETCHES / degrees / (16 * smaller**2)
    typical = float(np.median(variance)) * degrees / float(stats.chi2.median(degrees))
    return float(np.median(-np.abs(het_first - het_second) / (4 * smaller))), float(np.sqrt(typical))


def _null_pairs(people: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """About NULL_PAIRS pairs, evenly chosen: each participant is paired with those at several fixed distances in the list."""
    shifts = np.unique(np.linspace(1, max(people // 2, 1), max(1, NULL_PAIRS // people)).astype(np.int64))
    everyone = np.linspace(0, people - 1, min(people, NULL_PAIRS)).astype(np.int64)
    first = np.tile(everyone, len(shifts))
    return first, (first + np.repeat(shifts, len(everyone))) % people
