"""Sample QC: guards that exclude participants by their genotypes, each with a number, a limit and a verdict.

Relatives and ancestry groups are found first. The guards on heterozygosity, sex and ancestry compare a participant with others
of the same ancestry group, and principal components are computed from unrelated participants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.packed import NO_CALL
from ecgwas.genotypes.packed_calls import PackedCalls, packed_calls
from ecgwas.genotypes.pruned_panel import PrunedGenotypes
from ecgwas.native import compiled
from ecgwas.progress import Track, silent
from ecgwas.study.traits import PersonGuards
from ecgwas.tables import Guards
from ecgwas.traits import ancestry, families, kinship
from ecgwas.traits.genotype_pcs import genotype_pcs, project
from ecgwas.traits.kinship import RelatedPairs

PASS, WARN, FAIL, NOT_JUDGED = "pass", "warn", "fail", "not judged"
MAX_SHARE = 0.05
"""A guard that excludes more than this share of participants fails: the data, not a few participants, are then unusual."""
MIN_VARIANTS = 200
"""With fewer LD-pruned variants, heterozygosity, kinship and ancestry cannot be judged."""
MIN_X_VARIANTS = 50
FEMALE_AT_MOST, MALE_AT_LEAST = 0.2, 0.8
"""Limits of the inbreeding coefficient on X for women and for men, as in PLINK's --check-sex."""
FIRST_DEGREE = 0.177
"""Parents, children and full siblings have a kinship above this (Manichaikul et al. 2010). A higher limit misses them."""
THIRD_DEGREE = 0.0442
"""Principal components are computed from participants who are not related even in the third degree."""
MAX_COMPARED, MAX_COMPARED_BY_PRODUCTS = 100_000, 10_000
"""If the guard on kinship is off, larger cohorts are not compared pair by pair for the sake of principal components, because
that would take up to an hour on a core; the second limit is that without the compiled part."""
CALLS_PER_STEP = 2**23
"""Calls on X that are taken together: their sums are products in float64."""
DECIMALS = 6
OUTLIER_ROUNDS = 5
"""Outliers are excluded and components recomputed at most this many times (Price et al. 2006, Nat Genet 38:904)."""


@dataclass(frozen=True)
class SampleQc:
    """Result of sample QC.

    excluded         eid -> reason for the exclusion
    guards           one row per guard
    eids             the participants who remain, in their order
    genotype_pcs     (N, C) float64, their principal components
    ancestry_groups  (N,) int64, their ancestry groups: 1 the largest, then 2, and so on
    sexes            (N,) int8, 1 male, 2 female, 0 unknown
    families         their related pairs, indices of eids, down to `least_kinship`; None if these were not searched for
    """

    excluded: dict[str, str]
    guards: Guards
    eids: tuple[str, ...]
    genotype_pcs: NDArray[np.float64]
    ancestry_groups: NDArray[np.int64]
    sexes: NDArray[np.int8]
    families: RelatedPairs | None = None


@dataclass(frozen=True)
class Cohort:
    """Participants who are judged together.

    genotypes        their LD-pruned genotypes
    sexes            (N,) int8
    ancestry_groups  (N,) int64
    related_pairs    their related pairs; None if these were not searched for
    families         the same and more distant ones, if the scan asks for these
    """

    genotypes: PrunedGenotypes
    sexes: NDArray[np.int8]
    ancestry_groups: NDArray[np.int64]
    related_pairs: RelatedPairs | None
    families: RelatedPairs | None = None

    def select(self, people: NDArray[np.int64]) -> Cohort:
        """The participants at the indices `people`, which ascend."""
        related, more = (None if pairs is None else pairs.among(people) for pairs in (self.related_pairs, self.families))
        return Cohort(self.genotypes.select(people), self.sexes[people], self.ancestry_groups[people], related, more)


def run(
    options: PersonGuards, panel: PrunedGenotypes, sexes: NDArray[np.int8], *, wanted_components: int, seed: int,
    keep_relatives: bool = False, least_kinship: float | None = None, workers: int = 1, track: Track[Any] = silent,
) -> SampleQc:  # fmt: skip
    """Checks call rate, heterozygosity, sex, kinship and ancestry of the participants in `panel`, in that order.

    sexes (N,) int8: 1 male, 2 female, 0 unknown. A participant whom one guard excludes is not judged by the next. A limit of
    None turns its guard off. keep_relatives: the scan allows for them, so that the guard on kinship counts them only; genotype
    PCs are computed from unrelated participants all the same. least_kinship: also find pairs above it, for SampleQc.families;
    workers: threads that compare pairs.
    """
    people = np.arange(len(panel.eids))
    row, excluded = _call_rate(options, panel)
    rows = [_verdict(row, excluded, len(people))]
    reasons = {panel.eids[i]: reason for i, reason in excluded.items()}
    people = np.delete(people, sorted(excluded))
    cohort = _grouped(options, panel.select(people), sexes[people], seed, least_kinship, workers, track)
    for guard in (_heterozygosity, _sex, _relatives_kept if keep_relatives else _relatives):
        row, excluded = guard(options, cohort)
        rows.append(_verdict(row, excluded, len(cohort.genotypes.eids)))
        reasons |= {cohort.genotypes.eids[i]: reason for i, reason in excluded.items()}
        cohort = cohort.select(np.delete(np.arange(len(cohort.genotypes.eids)), sorted(excluded)))
    row, excluded, pcs = _ancestry(options, cohort, wanted_components, seed)
    rows.append(_verdict(row, excluded, len(cohort.genotypes.eids)))
    reasons |= {cohort.genotypes.eids[i]: reason for i, reason in excluded.items()}
    cohort = cohort.select(np.delete(np.arange(len(cohort.genotypes.eids)), sorted(excluded)))
    guards = Guards.of(rows)
    return SampleQc(reasons, guards, cohort.genotypes.eids, pcs, cohort.ancestry_groups, cohort.sexes, cohort.families)


def most_compared() -> int:
    """Participants among whom relatives are found though the guard on kinship is off."""
    return MAX_COMPARED if compiled.is_available() else MAX_COMPARED_BY_PRODUCTS


def _grouped(
    options: PersonGuards, panel: PrunedGenotypes, sexes: NDArray[np.int8], seed: int, least_kinship: float | None,
    workers: int, track: Track[Any],
) -> Cohort:  # fmt: skip
    """The participants with their related pairs and ancestry groups, as far as the number of variants allows."""
    count = len(panel.eids)
    one_group = np.ones(count, dtype=np.int64)
    if len(panel.codes) < MIN_VARIANTS or count < 2:
        return Cohort(panel, sexes, one_group, None)
    limit = options.max_kinship
    if limit is None and count > most_compared():
        return Cohort(panel, sexes, ancestry.ancestry_groups(panel.codes, one_group == 1, seed=seed), None)
    usual = min(THIRD_DEGREE, limit or THIRD_DEGREE)
    lowest = usual if least_kinship is None else min(usual, least_kinship)
    more = kinship.related_pairs(panel.codes, lowest, workers=workers, track=track)
    related = more.above(usual)
    groups = ancestry.ancestry_groups(panel.codes, _unrelated(panel, related), seed=seed)
    if len(np.unique(groups)) > 1:
        more = kinship.above_chance_in_groups(more, panel.codes, groups)
        related = more.above(usual)
    return Cohort(panel, sexes, groups, related, None if least_kinship is None else more)


def _unrelated(panel: PrunedGenotypes, related: RelatedPairs | None) -> NDArray[np.bool_]:
    """(N,) bool: the largest set of participants of whom no two are related."""
    kept = np.ones(len(panel.eids), dtype=bool)
    if related is not None:
        kept[list(families.fewest_exclusions(related.first.tolist(), related.second.tolist(), panel.calls).people)] = False
    return kept


def _verdict(row: dict[str, Any], excluded: dict[int, str], people: int) -> dict[str, Any]:
    """The guard's row, completed with its verdict and the numbers of participants excluded and judged."""
    judged, unsure = row.pop("judged"), row.pop("unsure", False)
    worst = FAIL if unsure or len(excluded) > MAX_SHARE * people else WARN if excluded else PASS
    verdict = {"about": "people", "left_out": len(excluded), "of": people, "status": worst if judged else NOT_JUDGED}
    return row | verdict


def _row(guard: str, limit: float | None, value: float | None, judged: bool, note: str) -> dict[str, Any]:
    """A guard's row before the verdict; value in the units of the limit, None if nothing was measured."""
    number = None if value is None else round(value, DECIMALS)
    return {"guard": guard, "limit": limit, "value": number, "judged": judged and limit is not None, "note": note}


def _call_rate(options: PersonGuards, panel: PrunedGenotypes) -> tuple[dict[str, Any], dict[int, str]]:
    limit = options.min_call_rate
    share = panel.calls / max(panel.variants_read, 1)
    judged = panel.variants_read > 0
    lowest = float(share.min()) if judged and len(share) else None
    note = f"smallest share of {panel.variants_read} autosomal variants called in a person"
    row = _row("person_call_rate", limit, lowest, judged, note)
    if limit is None or not judged:
        return row, {}
    return row, {int(i): f"call rate {share[i]:.4f}" for i in np.flatnonzero(share < limit)}


def _groups_note(groups: NDArray[np.int64]) -> str:
    count = len(np.unique(groups))
    return f", within {count} ancestry groups" if count > 1 else ""


def _heterozygosity(options: PersonGuards, cohort: Cohort) -> tuple[dict[str, Any], dict[int, str]]:
    """Compares participants within ancestry groups, which differ in heterozygosity by more than contamination adds."""
    limit, codes = options.max_heterozygosity_sd, cohort.genotypes.codes
    called, heterozygous = np.zeros(codes.people, dtype=np.int64), np.zeros(codes.people, dtype=np.int64)
    for _, block in codes.blocks():
        called += (block != NO_CALL).sum(axis=0)
        heterozygous += (block == 1).sum(axis=0)
    share = heterozygous / np.maximum(called, 1)
    judged = len(codes) >= MIN_VARIANTS and len(share) > 2 and bool(np.ptp(share) > 0)
    distance = np.zeros(len(share))
    for people in ancestry.members_by_group(cohort.ancestry_groups) if judged else ():
        distance[people] = (share[people] - share[people].mean()) / max(float(share[people].std()), 1e-12)
    note = f"largest distance from the mean share of heterozygous calls, in SD, over {len(codes)} variants"
    note += _groups_note(cohort.ancestry_groups)
    row = _row("heterozygosity", limit, float(np.abs(distance).max()) if judged else None, judged, note)
    if limit is None or not judged:
        return row, {}
    return row, {int(i): f"heterozygosity {distance[i]:+.1f} SD" for i in np.flatnonzero(np.abs(distance) > limit)}


def _sex(options: PersonGuards, cohort: Cohort) -> tuple[dict[str, Any], dict[int, str]]:
    """Compares sex in the .fam with homozygosity on X: 1 - (observed heterozygous) / (expected), about 0 in women, 1 in men.

    The expectation is that of the ancestry group. With allele frequencies of all groups together, women of each seem inbred.
    """
    codes, sexes = cohort.genotypes.x_codes, cohort.sexes
    judged = options.check_sex and len(codes) >= MIN_X_VARIANTS
    excluded: dict[int, str] = {}
    if judged:
        inbreeding = np.empty(len(sexes))
        for people in ancestry.members_by_group(cohort.ancestry_groups):
            inbreeding[people] = x_inbreeding(codes.select(people))
        wrong = ((sexes == 1) & (inbreeding < MALE_AT_LEAST)) | ((sexes == 2) & (inbreeding > FEMALE_AT_MOST))
        words = {1: "male", 2: "female"}
        excluded = {int(i): f"sex {words[int(sexes[i])]}, but F on X {inbreeding[i]:.2f}" for i in np.flatnonzero(wrong)}
    why = f"{len(codes)} common variants of X outside the pseudoautosomal regions{_groups_note(cohort.ancestry_groups)}"
    note = f"people whose sex in the .fam contradicts X ({FEMALE_AT_MOST} women, {MALE_AT_LEAST} men); {why}"
    row = _row("sex", 0.0 if options.check_sex else None, float(len(excluded)) if judged else None, judged, note)
    return row, excluded


def x_inbreeding(calls: PackedCalls | NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N,) float64 inbreeding coefficient of each participant, (O - E) / (n - E), from genotype calls on X (W, N).

    O is the number of homozygous calls among n calls. E is the number expected: the sum over variants of 1 - 2 p q 2m / (2m -
    1), where p is the frequency among the variant's m called participants (PLINK 1.9, --check-sex).
    """
    packed = packed_calls(calls)
    expected, observed, variants = (np.zeros(packed.people) for _ in range(3))
    for _, codes in packed.blocks(CALLS_PER_STEP):
        called = codes != NO_CALL
        people = called.sum(axis=1)
        p = np.where(called, codes, 0).sum(axis=1) / np.maximum(2 * people, 1)
        expected_one = 1 - 2 * p * (1 - p) * 2 * people / np.maximum(2 * people - 1, 1)
        expected += expected_one @ called
        observed += (called & (codes != 1)).sum(axis=0)
        variants += called.sum(axis=0)
    return np.asarray((observed - expected) / np.maximum(variants - expected, 1e-12))


def _relatives(options: PersonGuards, cohort: Cohort) -> tuple[dict[str, Any], dict[int, str]]:
    limit, panel = options.max_kinship, cohort.genotypes
    if limit is None or cohort.related_pairs is None:
        return _row("kinship", limit, None, False, f"{len(panel.codes)} independent variants"), {}
    pairs = cohort.related_pairs.above(limit)
    exclusions = families.fewest_exclusions(pairs.first.tolist(), pairs.second.tolist(), panel.calls)
    strongest: dict[int, float] = {}
    for first, second, value in zip(pairs.first.tolist(), pairs.second.tolist(), pairs.kinship.tolist(), strict=True):
        for one in (first, second):
            strongest[one] = max(strongest.get(one, -1.0), value)
    applied_limit = max(limit, pairs.chance_limit)
    row = _row(
        "kinship", round(applied_limit, 4), max(strongest.values(), default=None), True, _kinship_note(panel, pairs, exclusions)
    )
    reasons = {i: f"related to another person, kinship {strongest[i]:.3f}" for i in exclusions.people}
    return row | {"unsure": applied_limit > FIRST_DEGREE}, reasons


def _relatives_kept(options: PersonGuards, cohort: Cohort) -> tuple[dict[str, Any], dict[int, str]]:
    """Counts the related participants, of whom nobody is excluded: the guard has no limit."""
    limit, variants = options.max_kinship, len(cohort.genotypes.codes)
    if limit is None or cohort.related_pairs is None:
        return _row("kinship", None, None, False, f"relatives are kept; {variants} independent variants"), {}
    pairs = cohort.related_pairs.above(limit)
    people = len(np.union1d(pairs.first, pairs.second))
    note = f"largest kinship; {people} people in {len(pairs.first)} pairs above {max(limit, pairs.chance_limit):.3g} are kept "
    note += f"(scan.relatives), over {variants} variants"
    return _row("kinship", None, max(pairs.kinship.tolist(), default=None), False, note) | {"judged": True}, {}


def _kinship_note(panel: PrunedGenotypes, pairs: RelatedPairs, exclusions: families.Exclusions) -> str:
    """The note of the guard on kinship."""
    note = f"largest kinship beyond the limit; over {len(panel.codes)} variants unrelated pairs have SD {pairs.null_sd:.4f}"
    if pairs.chance_limit > pairs.limit:
        note += f", so that chance alone reaches {pairs.chance_limit:.3f}, the limit used instead of {pairs.limit:g}"
    if max(pairs.chance_limit, pairs.limit) > FIRST_DEGREE:
        note += f"; parents, children and siblings may lie below it ({FIRST_DEGREE} and more): not all relatives are excluded"
    if exclusions.inexact_families:
        note += f"; {exclusions.inexact_families} families were too large to find the fewest people exactly"
    return note


def _ancestry(
    options: PersonGuards, cohort: Cohort, wanted_components: int, seed: int
) -> tuple[dict[str, Any], dict[int, str], NDArray[np.float64]]:
    """Computes components of unrelated participants and projects the others: components of a family would describe only it."""
    limit = options.max_component_sd
    count = max(wanted_components, 10 if limit is not None else 0)
    people = np.arange(len(cohort.genotypes.eids))
    if len(cohort.genotypes.codes) < MIN_VARIANTS or count == 0:
        none = np.empty((len(people), 0))
        return _row("ancestry", limit, None, False, f"{len(cohort.genotypes.codes)} independent variants"), {}, none
    excluded: dict[int, str] = {}
    first: float | None = None
    for _ in range(OUTLIER_ROUNDS):
        scores, unrelated = _scores(cohort.select(people), count, seed)
        distance = _distance(scores, cohort.ancestry_groups[people])
        first = float(distance.max()) if first is None else first
        is_outlier = distance > (np.inf if limit is None else limit)
        if not is_outlier.any():
            break
        excluded |= {
            int(people[i]): f"ancestry outlier, {distance[i]:.1f} SD on a component" for i in np.flatnonzero(is_outlier)
        }
        people = people[~is_outlier]
    else:
        scores, unrelated = _scores(cohort.select(people), count, seed)
    variants = len(cohort.genotypes.codes)
    note = f"largest distance on the first {scores.shape[1]} principal components of {variants} variants, in SD"
    note += f", of {unrelated} unrelated people, others projected" if unrelated < len(people) else ""
    groups = np.bincount(cohort.ancestry_groups[people])[1:]
    note += f"; ancestry groups: {', '.join(str(size) for size in groups)} people" if len(groups) > 1 else ""
    return _row("ancestry", limit, first, True, note), excluded, scores[:, :wanted_components]


def _distance(scores: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) largest distance on a component (N, C) from the mean of the participant's group.

    In SD of all participants or, if larger, of the group. Later components describe differences within a minority, whose
    members would then all lie far from the mean of all participants.
    """
    if len(np.unique(groups)) == 1:
        return np.asarray(np.abs(scores).max(axis=1))
    distance = np.zeros(len(scores))
    for people in ancestry.members_by_group(groups):
        own = scores[people]
        distance[people] = np.abs((own - own.mean(axis=0)) / np.maximum(own.std(axis=0), 1.0)).max(axis=1)
    return distance


def _scores(cohort: Cohort, count: int, seed: int) -> tuple[NDArray[np.float64], int]:
    """(N, C) components, and the number of unrelated participants from whom they were computed."""
    codes, unrelated = cohort.genotypes.codes, _unrelated(cohort.genotypes, cohort.related_pairs)
    reference, others = np.flatnonzero(unrelated), np.flatnonzero(~unrelated)
    if len(others) == 0:
        return genotype_pcs(codes, count, seed=seed), len(reference)
    own = genotype_pcs(codes.select(reference), count, seed=seed)
    scores = np.empty((len(unrelated), own.shape[1]))
    scores[reference], scores[others] = own, project(codes, reference, own, others)
    return scores, len(reference)


def unjudged(eids: Sequence[str]) -> SampleQc:
    """The result without sample QC: no participant is excluded and no guard is judged."""
    one_group, unknown = np.ones(len(eids), dtype=np.int64), np.zeros(len(eids), dtype=np.int8)
    return SampleQc({}, Guards.empty(), tuple(eids), np.empty((len(eids), 0)), one_group, unknown)


RunSampleQc = Callable[[Sequence[str]], SampleQc]
"""Function from participants' eids to the result of their sample QC."""
