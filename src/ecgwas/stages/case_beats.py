"""Mean beats of cases and matched controls, for the page: outcomes with the strongest significant tests."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from ecgwas import report
from ecgwas.outcomes import matching
from ecgwas.outcomes.checks import MISSING
from ecgwas.outcomes.outcome import Outcome
from ecgwas.signals import Signals
from ecgwas.stages import outcomes, traits
from ecgwas.stages.base import seed_of
from ecgwas.study import Study
from ecgwas.tables import files

logger = logging.getLogger(__name__)

MAX_OUTCOMES = 6
"""Outcomes that are drawn."""
NO_ROW = -1
MIN_GROUP = 5
"""Cases, or controls, of which a mean is drawn; with fewer it would be nearly one person's recording."""


def case_beats(study: Study, signals: Signals, min_people: int) -> tuple[report.CaseBeats, ...]:
    """Of at most MAX_OUTCOMES outcomes that have cases and a significant test, the strongest first. Outcomes of which fewer
    than `min_people` or MIN_GROUP cases or controls can be matched are excluded and logged."""
    if study.outcomes is None:
        return ()
    tests = files.OUTCOME_TESTS.read(study.results).frame.filter("significant")
    strongest = tests.unique(["outcome", "analysis"], keep="first", maintain_order=True)
    if strongest.height == 0:
        return ()
    tested = traits.load_traits(study)
    every = {(one.name, one.analysis): one for one in outcomes.read(study, tested.eids)}
    place, lacking = {eid: i for i, eid in enumerate(signals.eids)}, report.lack_beats(signals)
    rows = np.array([place.get(eid, NO_ROW) for eid in tested.eids])
    has_beat = (rows != NO_ROW) & ~lacking[rows]
    adjusted, min_group = traits.load_covariates(study).values, max(min_people, MIN_GROUP)
    drawn: list[report.CaseBeats] = []
    for test in strongest.iter_rows(named=True):
        outcome = every[test["outcome"], test["analysis"]]
        if outcome.cases is None or len(drawn) == MAX_OUTCOMES:
            continue
        sets = _sets(outcome, has_beat, adjusted, seed_of(study, "outcomes"))
        controls = int((sets[:, 1:] != matching.NONE).sum())
        cases = int((outcome.coded[has_beat] == 1).sum())
        if min(len(sets), controls) < min_group:
            logger.info("report: %s (%s) has too few matched cases for a mean beat", outcome.name, outcome.analysis)
            continue
        of_signals = np.where(sets == matching.NONE, NO_ROW, rows[sets])
        matched = report.MatchedOutcome(
            outcome.name, outcome.analysis, test["trait"], test["neglog10p_score"], of_signals, cases - len(sets)
        )
        drawn.append(report.case_beats(signals, matched))
    return tuple(drawn)


def _sets(outcome: Outcome, has_beat: NDArray[np.bool_], covariates: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """(S, C) participants with a beat, matched."""
    return matching.matched(np.where(has_beat, outcome.coded, MISSING).astype(np.int8), covariates, seed=seed)
