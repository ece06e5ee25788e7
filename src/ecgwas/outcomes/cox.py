"""Survival outcomes: null models by Cox regression on the covariates, and score tests of all features.

The hazard at time t of a participant in stratum s is h_s(t) exp(C a + f b); ties by Efron's method. Time may be years since the
ECG, or age with late entry: entry is then the age at the ECG, and participants are compared at the same age (Korn, Graubard and
Midthune 1997, Am J Epidemiol 145:72).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.outcomes import checks
from ecgwas.outcomes.checks import MISSING, Status
from ecgwas.outcomes.newton import Point, inverse, maximise
from ecgwas.outcomes.risk_sets import RiskSets, risk_sets
from ecgwas.outcomes.score import Means, Null, Scores, fill
from ecgwas.statistics.least_squares import design
from ecgwas.statistics.projection import span

MIN_EVENTS = 20
"""Below this number of events, the normal approximation of the score test is poor."""


@dataclass(frozen=True)
class Survival:
    """D survival outcomes of N participants.

    event   (N, D) int8: 1 an event at the exit, 0 censored at the exit, -1 not in the analysis
    exit    (N, D) float64, time at which follow-up ends; ignored where event is -1
    entry   (N,) or (N, D) float64, time at which follow-up begins; None: everybody from the start
    strata  (N,) int64, baseline hazards that are not compared with each other; None: one for all
    """

    event: NDArray[np.int8]
    exit: NDArray[np.float64]
    entry: NDArray[np.float64] | None = None
    strata: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        checks.binary(self.event)
        if self.exit.shape != self.event.shape:
            raise ValueError(f"exit {self.exit.shape} and event {self.event.shape} differ in shape")
        if self.entry is not None and self.entry.shape not in (self.event.shape, self.event.shape[:1]):
            raise ValueError(f"entry {self.entry.shape} has neither the shape of event {self.event.shape} nor one row each")
        if self.strata is not None and self.strata.shape != self.event.shape[:1]:
            raise ValueError(f"strata {self.strata.shape} for {len(self.event)} participants")

    def sets(self, outcome: int, known: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], RiskSets]:
        """Participants (N,) bool in the analysis of an outcome among those `known`, and their risk sets."""
        rows = (self.event[:, outcome] != MISSING) & known
        strata = None if self.strata is None else self.strata[rows]
        return rows, risk_sets(*self.times(outcome, rows), strata)

    def times(
        self, outcome: int, rows: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.float64], NDArray[np.bool_]]:
        """Entry (None if all begin together), exit and event of the participants `rows` (N,) bool."""
        entry = self.entry if self.entry is None or self.entry.ndim == 1 else self.entry[:, outcome]
        return None if entry is None else entry[rows], self.exit[rows, outcome], self.event[rows, outcome] == 1


def screen(
    features: NDArray[np.float64], outcomes: Survival, covariates: NDArray[np.float64], *, min_events: int = MIN_EVENTS
) -> Scores:
    """Score tests of features (N, F) with the survival outcomes, given covariates (N, C).

    features: float64, missing NaN, as of `logistic.screen`; covariates: complete; min_events: outcomes with fewer events have
    status TOO_FEW and no result. A feature of which all participants in every risk set have the same value is CONSTANT.

    Invalid for related participants, and if censoring depends on the feature; tests the average effect if hazards are not
    proportional. Raises InputError for other codes, missing times, and exits that are not after their entry.
    """
    checks.complete(covariates, len(features), "covariates")
    checks.no_infinity(features, "features")
    scores = Scores.empty(features.shape[1], outcomes.event.shape[1])
    for known, columns in checks.same_missing(features):
        if not known.any():
            scores.status[columns] = Status.TOO_FEW
            continue
        basis = span(covariates[known])
        prepared = design(basis, features[np.ix_(known, columns)])
        fill(scores, columns, prepared, basis[:, 1:], nulls(outcomes, known, basis[:, 1:], min_events=min_events))
    return scores


def nulls(
    outcomes: Survival, known: NDArray[np.bool_], basis: NDArray[np.float64], *, min_events: int = MIN_EVENTS
) -> Iterator[Null]:
    """The null model of each outcome in the participants `known` (N,) bool, of whom basis (sum of known, p) has the
    covariates."""
    for outcome in range(outcomes.event.shape[1]):
        rows, sets = outcomes.sets(outcome, known)
        yield null_model(rows[known], sets, basis, min_events=min_events)


def null_model(rows: NDArray[np.bool_], sets: RiskSets, basis: NDArray[np.float64], *, min_events: int = MIN_EVENTS) -> Null:
    """Maximum partial likelihood on basis (N, p) without intercept; rows (N,): those in the analysis, of the risk sets.

    Under monotone likelihood (separation) the null model is the limit, with status SEPARATED.
    """
    events, people = len(sets.event_person), int(rows.sum())
    if events < max(min_events, 1):
        return Null.without_result(basis.shape, events, people, Status.TOO_FEW)
    x = basis[rows]
    start = np.zeros(x.shape[1])
    best = maximise(lambda at: likelihood(at, x, sets), start)
    if not best.converged:
        return Null.without_result(basis.shape, events, people, Status.NOT_CONVERGED, best.iterations)
    covariance, flat = inverse(best.point.information)
    collinear = inverse(likelihood(start, x, sets).information)[1].shape[1]
    weighted = sets.at(relative_risk(x @ best.coefficients))
    expected = weighted.expected()
    residuals, weights = np.zeros((2, len(rows)))
    residuals[rows], weights[rows] = (sets.own >= 0) - expected, expected

    def means(features: NDArray[np.float64]) -> NDArray[np.float64]:
        return weighted.means(features[rows])

    gives: Means = means
    status = Status.SEPARATED if flat.shape[1] > collinear else Status.TESTED
    return Null(residuals, weights, covariance, weighted.means(x), gives, events, people, best.iterations, status)


def relative_risk(eta: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(eta) up to a common factor, which cancels in every mean; never 0, so that no risk set is empty."""
    return np.asarray(np.exp(np.maximum(eta - eta.max(initial=-np.inf), -600.0)))


def likelihood(at: NDArray[np.float64], x: NDArray[np.float64], sets: RiskSets) -> Point:
    """Log partial likelihood of coefficients (p,) with x (n, p), its score and information."""
    eta = x @ at
    weighted = sets.at(relative_risk(eta))
    top = eta.max(initial=-np.inf)
    # Far from the maximum, rounding may leave a risk set with late entry no risk; such a step is halved.
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float((eta[sets.event_person] - top).sum() - np.log(weighted.denominators).sum())
        expected, means = weighted.expected(), weighted.means(x)
    score = x[sets.event_person].sum(axis=0) - expected @ x
    return Point(value, score, (x * expected[:, None]).T @ x - means.T @ means)
