"""KING-robust kinship of all pairs of participants. It uses no allele frequencies, so it does not depend on ancestry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.genotypes.packed import NO_CALL
from ecgwas.genotypes.packed_calls import PackedCalls, packed_calls
from ecgwas.native import compiled
from ecgwas.progress import Track, silent
from ecgwas.traits.pair_counts import in_strips, pairs_above

PEOPLE_PER_STEP = 512
"""Number of participants whose pairs are computed together without the compiled part."""
STEP_BYTES = 2**28
"""Bytes that one step's variants take up as float32."""
MOST_IN_FULL = 20_000
"""In larger cohorts, pairs that some of the variants show to be unrelated are not compared over the others."""
SCREEN_SDS = 6.0
"""How far below the limit such a pair lies, in SD of the difference between some variants and all."""
NOISY_SHARE = 0.99
"""The screen assumes the noise of a pair that is noisier than this share of pairs, if noise differs between pairs."""
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


Calls = PackedCalls | NDArray[np.uint8]
"""Genotype calls of V variants and N participants, packed or as codes (V, N), 3 where missing."""


def kinship_rows(calls: Calls) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """KING-robust kinship from genotype calls (V, N): successive blocks (n, N) of n participants with everyone, each with the
    index of its first participant; NaN on the diagonal. For few participants, or without the compiled part.
    """
    packed = packed_calls(calls)
    for start in range(0, packed.people, PEOPLE_PER_STEP):
        kinship = king_robust(*_counts(packed, start, min(start + PEOPLE_PER_STEP, packed.people)))
        kinship[np.arange(len(kinship)), np.arange(start, start + len(kinship))] = np.nan
        yield start, kinship


def king_robust(
    both: NDArray[Any], opposite: NDArray[Any], het_first: NDArray[Any], het_second: NDArray[Any]
) -> NDArray[np.float64]:  # fmt: skip
    """Kinship from counts of variants called in both participants, all of one shape: both are heterozygous; they are opposite
    homozygotes; the first is heterozygous; the second is. NaN or minus infinity if either has no heterozygous call.

    (N_AaAa - 2 N_AAaa) / 2 m + 1/2 - (N_Aa(i) + N_Aa(j)) / 4 m, where m is the smaller of both participants' numbers of
    heterozygous calls (Manichaikul et al. 2010, Bioinformatics 26:2867, equation 11; as in PLINK 2's --make-king).
    """
    smaller = np.minimum(het_first, het_second).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        kinship = (both - 2 * opposite) / (2 * smaller) + 0.5 - (het_first + het_second) / (4 * smaller)
    return np.asarray(kinship, dtype=np.float64)


def _counts(calls: PackedCalls, start: int, stop: int) -> tuple[NDArray[np.float32], ...]:
    """Counts of variants for the pairs of participants start to stop with everyone, as `king_robust` takes them.

    Returns four arrays (stop - start, N) float32 of whole numbers. Variants are processed in steps, because all of a biobank's
    variants would not fit in memory as float32. The sums are exact for any step.
    """
    people = calls.people
    both, opposite, het_first, het_second = (np.zeros((stop - start, people), dtype=np.float32) for _ in range(4))
    for _, piece in calls.blocks(STEP_BYTES // 16):
        one, two, none, called = (part.astype(np.float32) for part in (piece == 1, piece == 2, piece == 0, piece != NO_CALL))
        here = slice(start, stop)
        both += one[:, here].T @ one
        opposite += none[:, here].T @ two + two[:, here].T @ none
        het_first += one[:, here].T @ called
        het_second += called[:, here].T @ one
    return both, opposite, het_first, het_second


def related_pairs(calls: Calls, limit: float, *, workers: int = 1, track: Track[Any] = silent) -> RelatedPairs:
    """Pairs whose kinship exceeds `limit` and what chance reaches among all pairs of unrelated participants (`chance_limit`).

    With few LD-pruned variants the estimate is noisy: from 22 regions of 1 Mb its SD is 0.03, and unrelated participants then
    reach 0.0884. The noise is that of one pair (see `null_distribution`). It is not the spread over all pairs, which in a
    cohort of several ancestries reflects differences between ancestries.

    In cohorts of up to MOST_IN_FULL every pair is compared over all variants. In larger ones a pair is given up when the
    variants so far (strips of up to 5,120, spread evenly over the genome) put it SCREEN_SDS below the limit. A pair at the
    limit is lost by this with a probability of 1e-9 in each strip but the last, one above it with less (`screen`); the
    kinship of a pair that is found is that over all variants. workers: threads, on which the result does not depend.
    """
    packed = packed_calls(calls)
    limit_by_chance, null_sd = chance_limit(packed, packed.people)
    lowest = max(limit, limit_by_chance)
    if compiled.is_available():
        first, second, kinship = _by_bits(packed, lowest, workers, track)
    else:
        first, second, kinship = _by_products(packed, lowest, track)
    return RelatedPairs(first, second, kinship, limit, limit_by_chance, null_sd)


PairKinship = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
"""First and second participants of pairs, in order, and their kinship."""


def _by_bits(calls: PackedCalls, lowest: float, workers: int, track: Track[Any]) -> PairKinship:
    strips = in_strips(calls)
    noise = noisy_sd(calls) if calls.people > MOST_IN_FULL else np.inf
    first, second, counts = pairs_above(strips, screen(strips.variants, lowest, noise), workers=workers, track=track)
    return first, second, king_robust(*counts)


def _by_products(calls: PackedCalls, lowest: float, track: Track[Any]) -> PairKinship:
    pairs: list[PairKinship] = [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))]
    for start, rows in track(kinship_rows(calls), "kinship", -(-calls.people // PEOPLE_PER_STEP)):
        first, second = np.nonzero(rows > lowest)
        later = second > first + start
        pairs.append((first[later] + start, second[later], rows[first[later], second[later]]))
    first, second, kinship = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return first, second, kinship


def screen(variants: NDArray[np.int64], lowest: float, sd: float) -> NDArray[np.float64]:
    """(S,) kinship below which a pair is given up after each strip of `variants` (S,); after the last strip, `lowest`.

    The strips so far are judged by the estimate within families, (N_AaAa - 2 N_AAaa) / (N_Aa(i) + N_Aa(j)) (Manichaikul et al.
    2010, equation 9). Over the same variants it is never below that of `king_robust`, which is lower the fewer variants there
    are, since it takes the smaller of two numbers. sd: of a pair's kinship over all variants, due to their number. The estimate
    over a share f of the variants, evenly spread, differs from that over all of them by noise of SD sd sqrt(1 / f - 1): the
    variance over the share, sd^2 / f, less that over all. Linkage disequilibrium makes this an upper bound, since it is weaker
    between variants further apart. The noise of related pairs is smaller than that of unrelated ones, to which `sd` applies.
    """
    share = np.cumsum(variants) / max(int(variants.sum()), 1)
    limits = np.full(len(variants), lowest)
    if np.isinf(sd):
        limits[:-1] = -np.inf
        return limits
    limits[:-1] -= SCREEN_SDS * sd * np.sqrt(np.maximum(1 / share[:-1] - 1, 0.0))
    return limits


def above_chance_in_groups(related: RelatedPairs, calls: Calls, groups: NDArray[np.int64]) -> RelatedPairs:
    """The pairs above what chance reaches in every ancestry group (N,).

    Linkage disequilibrium, and so the noise of a pair, may differ between groups.
    """
    packed = packed_calls(calls)
    each = [chance_limit(packed, packed.people, np.flatnonzero(groups == number)) for number in np.unique(groups)]
    limit_by_chance, null_sd = max([(related.chance_limit, related.null_sd), *each])
    return replace(related, chance_limit=limit_by_chance, null_sd=null_sd).above(related.limit)


def chance_limit(calls: Calls, people: int, members: NDArray[np.int64] | None = None) -> tuple[float, float]:
    """Kinship that chance reaches among so many unrelated participants, and its SD, from the calls of `members` (indices).

    EXPECTED_FALSE_PAIRS of all their pairs are expected to exceed it.
    """
    median, null_sd = null_distribution(calls, members)
    return median + null_sd * float(stats.norm.isf(EXPECTED_FALSE_PAIRS / max(people * (people - 1) / 2, 1))), null_sd


def null_distribution(calls: Calls, members: NDArray[np.int64] | None = None) -> tuple[float, float]:
    """Median and SD of an unrelated pair's kinship that are due to the variants alone, from genotype calls of `members`.

    Kinship is 1/2 - D / 4 m, where D is the sum of squared differences of calls and m the smaller number of heterozygous calls.
    Its variance is that of D over blocks of neighbouring variants, around the value expected from each block's heterozygous
    calls (a delete-a-block jackknife of the ratio, Busing et al. 1999, Stat Comput 9:3). It includes linkage disequilibrium
    between neighbours. A difference of ancestry, which is the same throughout the genome, cancels. The SD is that of the median
    pair among evenly chosen ones. The median kinship is below 0, since m is the smaller of two numbers.
    """
    median, variances = _null_variances(packed_calls(calls), members)
    return median, float(np.sqrt(_typical(variances, 0.5)))


def noisy_sd(calls: Calls) -> float:
    """SD of an unrelated pair's kinship, as in `null_distribution`, but of one that is noisier than NOISY_SHARE of pairs.

    More than the SD of the median pair where pairs differ by more than chance, as if one ancestry has few heterozygous calls.
    """
    _, variances = _null_variances(packed_calls(calls), None)
    return float(np.sqrt(max(_typical(variances, share) for share in (0.5, NOISY_SHARE))))


def _typical(variances: NDArray[np.float64], share: float) -> float:
    """The variance of all pairs that would make this share of the estimated ones (M,) smaller than they are."""
    degrees = STRETCHES - 1
    middle = np.median(variances) if share == 0.5 else np.quantile(variances, share)
    return float(middle) * degrees / float(stats.chi2.ppf(share, degrees))


def _null_variances(calls: PackedCalls, members: NDArray[np.int64] | None) -> tuple[float, NDArray[np.float64]]:
    """The median kinship of unrelated pairs, and the estimated variances of some of them."""
    first, second = _null_pairs(calls.people if members is None else len(members))
    if members is not None:
        first, second = members[first], members[second]
    if len(first) == 0:
        return 0.0, np.zeros(1)
    differences, heterozygous = [], []
    het_first, het_second = np.zeros(len(first)), np.zeros(len(first))
    for stretch in np.array_split(np.arange(len(calls)), STRETCHES):
        rows = slice(int(stretch[0]), int(stretch[-1]) + 1) if len(stretch) else slice(0, 0)
        one, two = (calls.unpacked(rows, people).astype(np.int8) for people in (first, second))
        called = (one != NO_CALL) & (two != NO_CALL)
        first_one, second_one = ((part == 1) & called for part in (one, two))
        differences.append((np.square(one - two) * called).sum(axis=0))
        heterozygous.append((first_one.sum(axis=0) + second_one.sum(axis=0)) / 2)
        het_first, het_second = het_first + first_one.sum(axis=0), het_second + second_one.sum(axis=0)
    smaller = np.maximum(np.minimum(het_first, het_second), 1)
    distances, between = np.stack(differences), np.stack(heterozygous)
    deviations = distances - between * (distances.sum(axis=0) / np.maximum(between.sum(axis=0), 1))
    variances = np.square(deviations).sum(axis=0) * STRETCHES / (STRETCHES - 1) / (16 * smaller**2)
    return float(np.median(-np.abs(het_first - het_second) / (4 * smaller))), variances


def _null_pairs(people: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """About NULL_PAIRS pairs, evenly chosen: each participant is paired with those at several fixed distances in the list."""
    shifts = np.unique(np.linspace(1, max(people // 2, 1), max(1, NULL_PAIRS // max(people, 1))).astype(np.int64))
    everyone = np.linspace(0, people - 1, min(people, NULL_PAIRS)).astype(np.int64)
    first = np.tile(everyone, len(shifts))
    return first, (first + np.repeat(shifts, len(everyone))) % people
