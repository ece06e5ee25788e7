"""One threshold for all tests of several studies, from the maxima of their permutations."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import first_few
from ecgwas.loci.thresholds import GENOME_WIDE, family_wise

PERMUTATION, BONFERRONI = "permutation", "bonferroni"


@dataclass(frozen=True)
class StudyTests:
    """How many traits a study tests, and what its permutations gave.

    maxima        (B,) float64, largest -log10 p over all traits and variants in each permutation; empty: none
    permutations  equal for studies that permute the same participants in the same orders
    """

    name: str
    traits: int
    maxima: NDArray[np.float64]
    permutations: Hashable


@dataclass(frozen=True)
class CommonThreshold:
    """-log10 p that all tests of all studies must exceed.

    error      probability of any false hit in any of the studies
    low, high  95 % Monte-Carlo interval of `neglog10p`, if all studies have the same permutations; otherwise None
    groups     names of the studies that share permutations; kind BONFERRONI: none
    counts     number of permutations of each group
    traits     of all studies together, a trait of two studies twice
    reason     why permutations could not be used; empty if they were
    """

    kind: str
    neglog10p: float
    error: float
    low: float | None
    high: float | None
    groups: tuple[tuple[str, ...], ...]
    counts: tuple[int, ...]
    traits: int
    reason: str = ""


def common_threshold(studies: Sequence[StudyTests], error: float) -> CommonThreshold:
    """The smallest threshold at which the probability of any false hit in any study is at most `error`.

    Studies with the same permutations of the same participants form a group g. In permutation b all their tests are null
    together, so M_g,b, the largest maximum of the group, has the distribution of the largest of all its tests (Westfall and
    Young 1993, max-T): a further one exceeds t with probability p_g(t) = (#{b: M_g,b > t} + 1) / (B_g + 1). Different groups
    may depend on each other in any way (participants in common): P(any false hit) <= sum of p_g(t), whatever the dependence
    (Bonferroni's inequality). The threshold is the smallest t with sum of p_g(t) <= error; with one group this is
    `thresholds.family_wise`. Studies of a group with unequal numbers of permutations share the first ones.

    Assumes exchangeable participants, as each study's own threshold does. If a study made no permutations, or all made too
    few (sum of 1 / (B_g + 1) > error), the threshold is 5e-8 divided by the number of traits of all studies.
    Raises ValueError without a study.
    """
    if not studies:
        raise ValueError("a common threshold needs a study")
    traits = sum(study.traits for study in studies)
    without = [study.name for study in studies if len(study.maxima) == 0]
    if without:
        return _bonferroni(traits, error, f"no permutations in {first_few(without)}")
    members: dict[Hashable, list[StudyTests]] = {}
    for study in studies:
        members.setdefault(study.permutations, []).append(study)
    maxima = [_joint(group) for group in members.values()]
    counts = tuple(len(one) for one in maxima)
    if sum(1 / (count + 1) for count in counts) > error + 1e-12:
        words = ", ".join(f"{count:,}" for count in counts)
        return _bonferroni(traits, error, f"too few permutations for a family-wise error of {error:g}: {words}")
    groups = tuple(tuple(study.name for study in group) for group in members.values())
    if len(maxima) == 1:
        quantile = family_wise(maxima[0], error)
        return CommonThreshold(PERMUTATION, quantile.value, error, quantile.low, quantile.high, groups, counts, traits)
    return CommonThreshold(PERMUTATION, _smallest(maxima, error), error, None, None, groups, counts, traits)


def _joint(group: Sequence[StudyTests]) -> NDArray[np.float64]:
    shared = min(len(study.maxima) for study in group)
    joint: NDArray[np.float64] = np.max([study.maxima[:shared] for study in group], axis=0)
    return joint


def _smallest(maxima: Sequence[NDArray[np.float64]], error: float) -> float:
    """The smallest t at which the groups' probabilities of exceeding it add up to `error` at most."""
    candidates = np.unique(np.concatenate(maxima))
    exceeded = [len(one) - np.searchsorted(np.sort(one), candidates, side="right") for one in maxima]
    total = np.sum([(n + 1) / (len(one) + 1) for n, one in zip(exceeded, maxima, strict=True)], axis=0)
    return float(candidates[np.flatnonzero(total <= error + 1e-12)[0]])


def _bonferroni(traits: int, error: float, reason: str) -> CommonThreshold:
    return CommonThreshold(BONFERRONI, -float(np.log10(GENOME_WIDE / traits)), error, None, None, (), (), traits, reason)
