"""Guards over people: who must not be tested, by their genotypes; each with its number, its limit and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.associate.calls.codes import NO_CALL
from ecgwas.associate.people import kinship
from ecgwas.associate.people.components import components
from ecgwas.associate.people.panel import Panel
from ecgwas.study.traits import PersonGuards
from ecgwas.tables import Guards

PASS, WARN, FAIL, OFF = "pass", "warn", "fail", "not judged"
MANY = 0.05
"""A guard that leaves out more than this share of people fails: the data, not some people, are unusual."""
ENOUGH_VARIANTS = 200
"""With fewer independent variants, heterozygosity, kinship and ancestry say little."""
ENOUGH_ON_X = 50
FEMALE_AT_MOST, MALE_AT_LEAST = 0.2, 0.8
"""Inbreeding coefficient on X of women and men, as PLINK's --check-sex."""
DECIMALS = 6
OUTLIER_ROUNDS = 5
"""Outliers are taken away and components computed again at most so often (Price et al. 2006, Nat Genet 38:904)."""


@dataclass(frozen=True)
class Judged:
    """What the guards say.

    reasons     eid -> why the person is left out
    guards      one row per guard
    eids        the people who remain, in their order;  components (N, C) float64, their principal components
    """

    reasons: dict[str, str]
    guards: Guards
    eids: tuple[str, ...]
    components: NDArray[np.float64]


def judge(options: PersonGuards, panel: Panel, sexes: NDArray[np.int8], *, wanted_components: int, seed: int) -> Judged:
    """Call rate, heterozygosity, sex, relatives and ancestry of the people in `panel`, in that order.

    sexes (N,) int8: 1 male, 2 female, 0 unknown. Who fails one guard is not looked at by the next. A limit of None turns
    its guard off.
    """
    rows: list[dict[str, Any]] = []
    reasons: dict[str, str] = {}
    people = np.arange(len(panel.eids))
    for guard in (_call_rate, _heterozygosity, _sex, _relatives):
        row, found = guard(options, panel.of(people), sexes[people])
        rows.append(_verdict(row, found, len(people)))
        reasons |= {panel.eids[people[i]]: reason for i, reason in found.items()}
        people = np.delete(people, sorted(found))
    row, found, kept = _ancestry(options, panel.of(people), wanted_components, seed)
    rows.append(_verdict(row, found, len(people)))
    reasons |= {panel.eids[people[i]]: reason for i, reason in found.items()}
    people = np.delete(people, sorted(found))
    return Judged(reasons, Guards.of(rows), tuple(panel.eids[i] for i in people), kept)


def _verdict(row: dict[str, Any], found: dict[int, str], people: int) -> dict[str, Any]:
    judged = row.pop("judged")
    worst = FAIL if len(found) > MANY * people else WARN if found else PASS
    verdict = {"about": "people", "left_out": len(found), "of": people, "status": worst if judged else OFF}
    return row | verdict


def _row(guard: str, limit: float | None, value: float | None, judged: bool, note: str) -> dict[str, Any]:
    number = None if value is None else round(value, DECIMALS)
    return {"guard": guard, "limit": limit, "value": number, "judged": judged and limit is not None, "note": note}


def _call_rate(options: PersonGuards, panel: Panel, _: NDArray[np.int8]) -> tuple[dict[str, Any], dict[int, str]]:
    limit = options.min_call_rate
    share = panel.called / max(panel.looked_at, 1)
    judged = panel.looked_at > 0
    lowest = float(share.min()) if judged and len(share) else None
    note = f"smallest share of {panel.looked_at} autosomal variants called in a person"
    row = _row("person_call_rate", limit, lowest, judged, note)
    if limit is None or not judged:
        return row, {}
    return row, {int(i): f"call rate {share[i]:.4f}" for i in np.flatnonzero(share < limit)}


def _heterozygosity(options: PersonGuards, panel: Panel, _: NDArray[np.int8]) -> tuple[dict[str, Any], dict[int, str]]:
    limit = options.max_heterozygosity_sd
    called = np.maximum((panel.codes != NO_CALL).sum(axis=0), 1)
    share = (panel.codes == 1).sum(axis=0) / called
    judged = len(panel.codes) >= ENOUGH_VARIANTS and len(share) > 2 and bool(np.ptp(share) > 0)
    away = (share - share.mean()) / share.std() if judged else np.zeros(len(share))
    note = f"largest distance from the mean share of heterozygous calls, in SD, over {len(panel.codes)} variants"
    row = _row("heterozygosity", limit, float(np.abs(away).max()) if judged else None, judged, note)
    if limit is None or not judged:
        return row, {}
    return row, {int(i): f"heterozygosity {away[i]:+.1f} SD" for i in np.flatnonzero(np.abs(away) > limit)}


def _sex(options: PersonGuards, panel: Panel, sexes: NDArray[np.int8]) -> tuple[dict[str, Any], dict[int, str]]:
    """Sex of the .fam against homozygosity on X: 1 - (observed heterozygous) / (expected), about 0 in women, 1 in men."""
    judged = options.check_sex and len(panel.x_codes) >= ENOUGH_ON_X
    found: dict[int, str] = {}
    if judged:
        inbreeding = x_inbreeding(panel.x_codes)
        wrong = ((sexes == 1) & (inbreeding < MALE_AT_LEAST)) | ((sexes == 2) & (inbreeding > FEMALE_AT_MOST))
        words = {1: "male", 2: "female"}
        found = {int(i): f"sex {words[int(sexes[i])]}, but F on X {inbreeding[i]:.2f}" for i in np.flatnonzero(wrong)}
    why = f"{len(panel.x_codes)} common variants of X outside the pseudoautosomal regions"
    note = f"people whose sex in the .fam contradicts X ({FEMALE_AT_MOST} women, {MALE_AT_LEAST} men); {why}"
    row = _row("sex", 0.0 if options.check_sex else None, float(len(found)) if judged else None, judged, note)
    return row, found


def x_inbreeding(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N,) float64 inbreeding coefficient of each person from (W, N) codes of X: (O - E) / (n - E), O homozygous calls of n,

    E expected, each variant's 1 - 2 p q 2m / (2m - 1) with p among its m called people (PLINK 1.9, --check-sex).
    """
    seen = codes != NO_CALL
    people = seen.sum(axis=1)
    p = np.where(seen, codes, 0).sum(axis=1) / np.maximum(2 * people, 1)
    expected_one = 1 - 2 * p * (1 - p) * 2 * people / np.maximum(2 * people - 1, 1)
    expected = expected_one @ seen
    observed = (seen & (codes != 1)).sum(axis=0)
    return np.asarray((observed - expected) / np.maximum(seen.sum(axis=0) - expected, 1e-12))


def _relatives(options: PersonGuards, panel: Panel, _: NDArray[np.int8]) -> tuple[dict[str, Any], dict[int, str]]:
    limit = options.max_kinship
    judged = limit is not None and len(panel.codes) >= ENOUGH_VARIANTS and len(panel.eids) > 1
    if limit is None or not judged:
        return _row("kinship", limit, None, False, f"{len(panel.codes)} independent variants"), {}
    found = kinship.related(panel.codes, limit)
    gone = kinship.left_out(found, panel.called)
    strongest: dict[int, float] = {}
    for first, second, value in zip(found.first.tolist(), found.second.tolist(), found.kinship.tolist(), strict=True):
        for one in (first, second):
            strongest[one] = max(strongest.get(one, -1.0), value)
    note = f"largest kinship beyond the limit; over {len(panel.codes)} variants unrelated pairs have SD {found.spread:.4f}"
    if found.limit > limit:
        note += f", so that chance reaches {found.limit:.3f} and that is the limit, not {limit:g}"
    row = _row("kinship", round(found.limit, 4), max(strongest.values(), default=None), True, note)
    return row, {i: f"related to another person, kinship {strongest[i]:.3f}" for i in gone}


def _ancestry(
    options: PersonGuards, panel: Panel, wanted: int, seed: int
) -> tuple[dict[str, Any], dict[int, str], NDArray[np.float64]]:
    limit = options.max_component_sd
    count = max(wanted, 10 if limit is not None else 0)
    people = np.arange(len(panel.eids))
    if len(panel.codes) < ENOUGH_VARIANTS or count == 0:
        none = np.empty((len(people), 0))
        return _row("ancestry", limit, None, False, f"{len(panel.codes)} independent variants"), {}, none
    found: dict[int, str] = {}
    first: float | None = None
    for _ in range(OUTLIER_ROUNDS):
        scores = components(panel.codes[:, people], count, seed=seed)
        away = np.abs(scores).max(axis=1)
        first = float(away.max()) if first is None else first
        outside = away > (np.inf if limit is None else limit)
        if not outside.any():
            break
        found |= {int(people[i]): f"ancestry outlier, {away[i]:.1f} SD on a component" for i in np.flatnonzero(outside)}
        people = people[~outside]
    else:
        scores = components(panel.codes[:, people], count, seed=seed)
    note = f"largest distance on the first {scores.shape[1]} principal components of {len(panel.codes)} variants, in SD"
    return _row("ancestry", limit, first, True, note), found, scores[:, :wanted]


def nobody(eids: Sequence[str]) -> Judged:
    """Nobody is left out and nothing is judged."""
    return Judged({}, Guards.empty(), tuple(eids), np.empty((len(eids), 0)))


Judge = Callable[[Sequence[str]], Judged]
"""People -> what the guards say of them."""
