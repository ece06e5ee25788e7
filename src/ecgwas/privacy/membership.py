"""Membership inference: how well shared statistics distinguish a study's members from others, measured by an attack on them.

Participants are assigned at random to members, whose statistics are shared, a reference panel, and outsiders. The attacker
holds a genome (and perhaps an ECG) and scores members and outsiders in the same way.

Only LD-pruned variants are used (`pruned_panel.ld_pruned`), because both statistics assume independent variants. With all
variants they are less powerful.

    frequencies   log-likelihood ratio of the genotypes under the members' allele frequencies against the panel's, summed over
                  variants: Sankararaman et al. 2009, Nature Genetics 41:965. The statistic of Homer et al. 2008 is a weaker
                  form
    effects       K traits predicted from the genome by the members' own effects, p (K,), contain a share of a member's traits
                  and nothing of anybody else's (Im et al. 2012, Am J Hum Genet 90:591). With S the covariance of predictions
                  in the panel, the score is p'S^-1 p from the genome alone and y'S^-1 p from genome and ECG

Expected rates assume that the variants used are independent, and the traits as well. With m variants, n members and a panel of
r participants, mean scores of members and outsiders are sqrt(m / (n (1 + n / r))) standard deviations apart. With a^2 the sum
of squared correlations over the tests used, per trait, predictions have 1 + a^2 times the variance in members. The score by
genome and ECG is normal with variance |y|^2 and mean a |y|^2 in members, 0 in outsiders; |y|^2 is chi-square with K degrees of
freedom.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, stats

from ecgwas.genotypes import pruned_panel
from ecgwas.genotypes.packed import NO_CALL
from ecgwas.privacy.matching import shrunk_covariance
from ecgwas.statistics.least_squares import least_t_squared
from ecgwas.tables.loci import Membership

SPLITS = 4
"""Number of random assignments; rates are their means."""

MIN_PEOPLE = 60
"""With fewer participants, the groups are too small for a rate."""

WHY_NOTHING = f"fewer than {MIN_PEOPLE} people, or nothing tested"
"""Why there may be nothing to measure."""

MAX_VARIANTS = 100_000
"""Maximum number of variants examined, evenly spaced."""

CALLS_PER_STEP = 2**21
"""Genotypes processed together; each takes ten float64 in intermediate results."""

FALSE_POSITIVE_RATE = 0.05
"""Share of the outsiders who are mistaken for members."""

RANDOM_SCORES = 400
"""Number of random scores from which the limit of chance is estimated."""

GENOME, BOTH = "genome", "genome and ECG"
FREQUENCIES, EFFECTS = "allele frequencies", "effects"
TESTED, KEPT = "everything tested", "rows kept"
AREA, TRUE_POSITIVES = "area under the ROC curve", f"members found with {FALSE_POSITIVE_RATE:.0%} of outsiders"

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class GenotypeCalls:
    """Some variants of one autosome: codes (V, N) uint8, copies of an allele, 3 for a missing call; positions (V,) int64."""

    codes: NDArray[np.uint8]
    positions: NDArray[np.int64]

    def common(self, min_maf: float) -> GenotypeCalls:
        """The variants with at least this minor allele frequency."""
        called = self.codes != NO_CALL
        frequency = np.where(called, self.codes, 0).sum(axis=1) / np.maximum(2 * called.sum(axis=1), 1)
        chosen = np.minimum(frequency, 1 - frequency) >= min_maf
        return GenotypeCalls(self.codes[chosen], self.positions[chosen])


@dataclass(frozen=True)
class SharedStatistics:
    """Which tests a study shares: those with at least this -log10 p, minor allele frequency and minor allele count."""

    keep_neglog10p: float
    min_maf: float
    min_mac: float


def membership(pieces: Iterable[GenotypeCalls], traits: Reals, passed_on: SharedStatistics, *, seed: int) -> Membership:
    """How well members are distinguished from outsiders, with the rates by chance and those that theory expects.

    traits: (N, K) float64, missing NaN, each standard normal, tested here without covariates.
    A third of the participants are members. Among three times as many, each would weigh a third as much and be harder to find.
    Covariates are not fitted again, which changes effects little. Related participants in different groups make rates too low.
    Invalid for fewer than MIN_PEOPLE participants: no rows.
    """
    if len(traits) < MIN_PEOPLE:
        return Membership.empty()
    rng = np.random.default_rng([seed, 3])
    known = np.nan_to_num(traits, nan=0.0)
    attacks = [Attack(rng.permutation(len(traits)), known, passed_on) for _ in range(SPLITS)]
    # Rarer variants of the whole cohort would be shared for none of the thirds, or only for some.
    min_maf = max(passed_on.min_maf, passed_on.min_mac / (2 * len(attacks[0].members)))
    for calls in (piece.common(min_maf) for piece in pieces):
        unlinked = pruned_panel.ld_pruned(calls.codes, calls.positions)
        for attack in attacks:
            attack.add_variants(calls, unlinked)
    limits = _by_chance(len(attacks[0].members), len(attacks[0].outsiders), np.random.default_rng([seed, 4]))
    return Membership.of([row for which in (TESTED, KEPT) for row in _rows(attacks, which, limits)])


class Evidence:
    """Evidence for each participant from one kind of statistics, accumulated over variants."""

    def __init__(self, people: int, traits: int) -> None:
        self.ratio: Reals = np.zeros(people)
        self.predicted: Reals = np.zeros((people, traits))
        self.information: Reals = np.zeros(traits)
        self.variants = self.used = self.tests = 0


class Attack:
    """Participants assigned to members, panel and outsiders by `order` (N,), and the evidence for each."""

    def __init__(self, order: NDArray[np.int64], traits: Reals, passed_on: SharedStatistics) -> None:
        self.members, self.panel, self.outsiders = (np.sort(part) for part in np.array_split(order, 3))
        self.traits, self.passed_on = traits, passed_on
        self.member_traits = _unit(traits[self.members].T).T
        df = len(self.members) - 2
        t2 = least_t_squared(passed_on.keep_neglog10p, df)
        self.min_correlation = float(np.sqrt(t2 / (t2 + df)))
        self.evidence = {which: Evidence(*traits.shape) for which in (TESTED, KEPT)}

    def add_variants(self, calls: GenotypeCalls, unlinked: NDArray[np.bool_]) -> None:
        """Adds the evidence of further variants. unlinked (V,): those in an LD-pruned set."""
        called = calls.codes != NO_CALL
        alleles = 2 * called[:, self.members].sum(axis=1)
        copies = np.where(called, calls.codes, 0).astype(np.float64)
        member_frequency = copies[:, self.members].sum(axis=1) / np.maximum(alleles, 1)
        minor_frequency = np.minimum(member_frequency, 1 - member_frequency)
        tested = (
            (minor_frequency >= self.passed_on.min_maf)
            & (minor_frequency * alleles >= self.passed_on.min_mac)
            & (minor_frequency > 0)
        )
        copies, called, member_frequency = copies[tested], called[tested], member_frequency[tested, None]
        panel_frequency = (copies[:, self.panel].sum(axis=1) + 0.5) / (2 * called[:, self.panel].sum(axis=1) + 1)
        panel_frequency = panel_frequency[:, None]
        ratio = copies * np.log(member_frequency / panel_frequency) + (2 * called - copies) * np.log(
            (1 - member_frequency) / (1 - panel_frequency)
        )
        standardised = np.where(
            called, (copies - 2 * panel_frequency) / np.sqrt(2 * panel_frequency * (1 - panel_frequency)), 0.0
        )
        correlation = _unit(standardised[:, self.members]) @ self.member_traits
        self._add_evidence(TESTED, ratio, standardised, correlation, unlinked[tested], len(member_frequency))
        kept = np.abs(correlation) >= self.min_correlation
        rows = np.flatnonzero(kept.any(axis=1))
        places = np.flatnonzero(tested)[rows]
        independent = np.zeros(len(member_frequency), dtype=bool)
        independent[rows] = pruned_panel.ld_pruned(calls.codes[places], calls.positions[places])
        self._add_evidence(KEPT, ratio, standardised, correlation * kept, independent, len(rows))

    def _add_evidence(
        self, which: str, ratio: Reals, standardised: Reals, effects: Reals, used: NDArray[np.bool_], variants: int
    ) -> None:  # fmt: skip
        """Adds those `used` (V,) of the `variants` shared. ratio, standardised (V, N); effects (V, K), 0 where not shared."""
        evidence, effects = self.evidence[which], effects[used]
        evidence.ratio += ratio[used].sum(axis=0)
        evidence.predicted += standardised[used].T @ effects
        evidence.information += np.square(effects).sum(axis=0)
        evidence.variants += variants
        evidence.used += int(used.sum())
        evidence.tests += int((effects != 0).sum())

    def scores(self, which: str) -> dict[tuple[str, str], Reals]:
        """(statistics, what the attacker knows) -> (N,) scores, higher for likelier members."""
        evidence = self.evidence[which]
        predicted = evidence.predicted - evidence.predicted[self.panel].mean(axis=0)
        spread = predicted[self.panel].std(axis=0)
        predicted = np.divide(predicted, spread, out=np.zeros_like(predicted), where=spread > 0)
        weighted = linalg.solve(shrunk_covariance(predicted[self.panel]), predicted.T, assume_a="pos").T
        scores = {
            (FREQUENCIES, GENOME): evidence.ratio,
            (EFFECTS, GENOME): (predicted * weighted).sum(axis=1),
            (EFFECTS, BOTH): (self.traits * weighted).sum(axis=1),
        }
        return {what: np.round(score, 6) for what, score in scores.items()}  # so that ties survive rounding

    def measured(self, which: str) -> dict[tuple[str, str], tuple[float, float]]:
        """Rates of these scores, as from `rates`."""
        return {what: rates(one[self.members], one[self.outsiders]) for what, one in self.scores(which).items()}

    def expected(self, which: str) -> dict[tuple[str, str], tuple[float, float]]:
        """Rates expected for independent variants and traits; see the module's docstring."""
        evidence, members = self.evidence[which], len(self.members)
        separation = np.sqrt(evidence.used / (members * (1 + members / len(self.panel))))
        count = int((evidence.information > 0).sum())
        strength = evidence.information.sum() / count
        ratio = 1 + strength
        by_genome = stats.f.cdf(ratio, count, count), stats.chi2.sf(stats.chi2.isf(FALSE_POSITIVE_RATE, count) / ratio, count)
        return {
            (FREQUENCIES, GENOME): _rates_of_shift(separation),
            (EFFECTS, GENOME): (float(by_genome[0]), float(by_genome[1])),
            (EFFECTS, BOTH): _rates_by_both(np.sqrt(strength), count),
        }


def _unit(rows: Reals) -> Reals:
    """Rows centred and scaled to unit length; constant rows become 0."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12))


def _rates_of_shift(separation: float) -> tuple[float, float]:
    """Both rates if scores are normal with means `separation` standard deviations apart."""
    return float(stats.norm.cdf(separation / np.sqrt(2))), float(
        stats.norm.sf(stats.norm.isf(FALSE_POSITIVE_RATE) - separation)
    )


def _rates_by_both(strength: float, count: int) -> tuple[float, float]:
    """Both rates of the score by genome and ECG, with |y|^2 at 200 equally likely values."""
    length = stats.chi2.ppf((np.arange(200) + 0.5) / 200, count)
    area = stats.norm.cdf(strength * length / np.sqrt(length + length[:, None])).mean()
    highest = 10 * float(np.sqrt(length[-1]))
    limit = optimize.brentq(lambda at: stats.norm.sf(at / np.sqrt(length)).mean() - FALSE_POSITIVE_RATE, 0.0, highest)
    return float(area), float(stats.norm.sf((limit - strength * length) / np.sqrt(length)).mean())


def rates(members: Reals, outsiders: Reals) -> tuple[float, float]:
    """Area under the ROC curve, and share of the members above a score that FALSE_POSITIVE_RATE of outsiders exceed."""
    count = len(members)
    ranks = stats.rankdata(np.concatenate([members, outsiders]))[:count]
    limit = np.sort(outsiders)[-1 - int(FALSE_POSITIVE_RATE * len(outsiders))]
    return float((ranks.mean() - (count + 1) / 2) / len(outsiders)), float((members > limit).mean())


def _by_chance(members: int, outsiders: int, rng: np.random.Generator) -> Reals:
    """(2,) the limits that rates of random scores exceed in one of 40 cases."""
    drawn = [rates(rng.random(members), rng.random(outsiders)) for _ in range(RANDOM_SCORES)]
    return np.quantile(drawn, 0.975, axis=0)


def _rows(attacks: list[Attack], which: str, limits: Reals) -> list[dict[str, Any]]:
    attacks = [attack for attack in attacks if attack.evidence[which].tests > 0]
    if not attacks:
        return []
    measured, theory = ([getattr(attack, name)(which) for attack in attacks] for name in ("measured", "expected"))
    names = ("variants", "used", "tests")
    variants, used, tests = (round(np.mean([getattr(one.evidence[which], name) for one in attacks])) for name in names)
    rows = []
    for what in measured[0]:
        observed, expected = (np.mean([one[what] for one in each], axis=0) for each in (measured, theory))
        for place, (measure, chance) in enumerate(((AREA, 0.5), (TRUE_POSITIVES, FALSE_POSITIVE_RATE))):
            rows.append({
                "shared": what[0], "extent": which, "variants": variants, "used": used,
                "tests": tests if what[0] == EFFECTS else used, "known": what[1],
                "members": len(attacks[0].members), "outsiders": len(attacks[0].outsiders), "measure": measure,
                "rate": float(observed[place]), "chance": chance, "chance_limit": float(limits[place]),
                "expected": float(expected[place]),
            })  # fmt: skip
    return rows
