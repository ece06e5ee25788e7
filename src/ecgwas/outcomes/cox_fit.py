"""Fits of chosen tests of survival outcomes: maximum partial likelihood, and the test of proportional hazards.

The test of proportional hazards (Grambsch and Therneau 1994, Biometrika 81:515) is the score test of a coefficient that changes
with g(t): with s_k the Schoenfeld residual of event k, its covariates minus their mean in the risk set, and V_k the covariates'
covariance there,

    U = sum g_k s_k        I = [ sum V_k      sum g_k V_k   ]        chi2 = U_j' (I^-1)_jj U_j
                               [ sum g_k V_k  sum g_k^2 V_k ]

with the exact V_k instead of their average (as in Therneau's survival 3, `cox.zph`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.errors import InputError
from ecgwas.outcomes import checks
from ecgwas.outcomes.checks import Status, neglog10p
from ecgwas.outcomes.cox import Survival, likelihood, relative_risk
from ecgwas.outcomes.logistic_fit import CONFIDENCE, INVOLVED, Fit
from ecgwas.outcomes.newton import Maximum, inverse, maximise
from ecgwas.outcomes.risk_sets import RiskSets
from ecgwas.statistics.least_squares import design
from ecgwas.statistics.projection import span

Transform = Literal["km", "rank", "identity", "log"]
"""g(t): one minus the Kaplan-Meier estimate before t, the rank of t among the events, t, or log t."""

DIVERGED = 100.0
"""Log hazard ratio of two participants by the feature alone at which its coefficient is on its way to infinity."""


@dataclass(frozen=True)
class CoxFit(Fit):
    """A `Fit` of a hazard ratio: beta is its logarithm per unit of the feature, chi2 the partial likelihood ratio.

    score_chi2   score test, 1 degree of freedom
    ph_chi2      test that the feature's hazard ratio does not change with time, 1 degree of freedom
    ph_z         its sign: positive if the log hazard ratio grows with time
    person_time  sum of exit minus entry, or of exit without entry
    """

    score_chi2: float = float("nan")
    ph_chi2: float = float("nan")
    ph_z: float = float("nan")
    person_time: float = float("nan")

    @property
    def score_neglog10p(self) -> float:
        """-log10 p of the score test."""
        return float(neglog10p(np.sqrt(self.score_chi2)))

    @property
    def ph_neglog10p(self) -> float:
        """-log10 p of the test of proportional hazards."""
        return float(neglog10p(self.ph_z))


def fit(
    feature: NDArray[np.float64], outcomes: Survival, covariates: NDArray[np.float64], *,
    outcome: int = 0, transform: Transform = "km",
) -> CoxFit:  # fmt: skip
    """Cox regression of one survival outcome on feature (N,) and covariates (N, C).

    feature: missing NaN, such participants are not in the analysis; covariates: complete; transform: g of the test of
    proportional hazards, of which `log` needs times above 0. The status is INFINITE under monotone likelihood of the feature.
    Raises InputError as `cox.screen` does.
    """
    checks.complete(covariates, len(feature), "covariates")
    checks.no_infinity(feature, "feature")
    rows, sets = outcomes.sets(outcome, ~np.isnan(feature))
    events, people = len(sets.event_person), int(rows.sum())
    counts = (events, people)
    if events < 1:
        return CoxFit.without_result(*counts, 0, Status.TOO_FEW)
    basis = span(covariates[rows])
    values = feature[rows]
    if design(basis, values[:, None]).norms[0] == 0:
        return CoxFit.without_result(*counts, 0, Status.CONSTANT)
    # Not residualised: a residual times g(t) is not the feature times g(t).
    scale = float(values.std())
    x = np.column_stack([(values - values.mean()) / scale, basis[:, 1:] * np.sqrt(people)])
    start = np.zeros(x.shape[1])
    full = maximise(lambda at: likelihood(at, x, sets), start)
    null = maximise(lambda at: likelihood(at, x, sets), start, free=np.arange(len(start)) > 0)
    status = _status(x, full, null, inverse(likelihood(start, x, sets).information)[1])
    if not status.has_result:
        return CoxFit.without_result(*counts, full.iterations, status)
    entry, exit_, event = outcomes.times(outcome, rows)
    g = transformed(transform, entry, exit_, event, sets.times[sets.event_time])
    ph_z = float(proportional_hazards(full.coefficients, x, sets, g)[0])
    beta, se = float(full.coefficients[0]) / scale, float(np.sqrt(inverse(full.point.information)[0][0, 0])) / scale
    half = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * se
    chi2 = max(2 * (full.point.value - null.point.value), 0.0)
    score = null.point.score @ inverse(null.point.information)[0] @ null.point.score
    return CoxFit(
        beta, se, beta - half, beta + half, chi2, *counts, full.iterations, status,
        score_chi2=float(score), ph_chi2=ph_z**2, ph_z=ph_z,
        person_time=float(exit_.sum() - (0.0 if entry is None else entry.sum())),
    )  # fmt: skip


def _status(x: NDArray[np.float64], full: Maximum, null: Maximum, collinear: NDArray[np.float64]) -> Status:
    """Of a fit with x (n, p); collinear (p, s): directions without information from the start."""
    flat = inverse(full.point.information)[1]
    if (np.abs(collinear[0]) > INVOLVED).any():
        return Status.CONSTANT
    if (np.abs(flat[0]) > INVOLVED).any() or np.ptp(x[:, 0]) * abs(full.coefficients[0]) > DIVERGED:
        return Status.INFINITE
    if not (full.converged and null.converged):
        return Status.NOT_CONVERGED
    return Status.SEPARATED if flat.shape[1] > collinear.shape[1] else Status.TESTED


def proportional_hazards(
    coefficients: NDArray[np.float64], x: NDArray[np.float64], sets: RiskSets, g: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(p,) signed square roots of chi2, 1 degree of freedom each, at the fitted coefficients (p,) of x (n, p); g (m,).

    NaN for a column whose coefficient cannot change with g: g is the same at all events, or the column is constant.
    """
    g = g - g.mean()
    spread = np.sqrt(np.mean(g**2))
    if spread <= 1e-12:
        return np.full(len(coefficients), np.nan)
    g = g / spread
    weighted = sets.at(relative_risk(x @ coefficients))
    means = weighted.means(x)
    schoenfeld = x[sets.event_person] - means
    score = g @ schoenfeld
    v0, v1, v2 = (
        (x * weighted.expected(power)[:, None]).T @ x - (means * power[:, None]).T @ means
        for power in (np.ones_like(g), g, g**2)
    )
    # What remains of column j's own time-dependent coefficient, given all constant coefficients.
    rest = np.diag(v2) - np.einsum("pj,pq,qj->j", v1, inverse(v0)[0], v1)
    variable = rest > 1e-9 * np.diag(v2)
    return np.where(variable, score / np.sqrt(np.where(variable, rest, 1.0)), np.nan)


def transformed(
    transform: Transform, entry: NDArray[np.float64] | None, exit_: NDArray[np.float64], event: NDArray[np.bool_],
    times: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """(m,) g(t) at the event times (m,), of participants (n,) of all strata together.

    With late entry few participants may be at risk early, and the Kaplan-Meier estimate may then fall to 0 at the first events;
    `rank` is preferable on the age scale. Raises InputError if `log` is asked of a time that is not above 0.
    """
    if transform == "identity":
        return times
    if transform == "rank":
        return np.asarray(stats.rankdata(times))
    if transform == "log":
        if times.min() <= 0:
            raise InputError("events at time 0 or before have no logarithm", fix="choose another transformation: rank or km")
        return np.asarray(np.log(times))
    distinct, deaths = np.unique(exit_[event], return_counts=True)
    at_risk = len(exit_) - np.searchsorted(np.sort(exit_), distinct, side="left")
    if entry is not None:
        at_risk = at_risk - (len(entry) - np.searchsorted(np.sort(entry), distinct, side="left"))
    before = np.concatenate([[1.0], np.cumprod(1 - deaths / at_risk)[:-1]])
    return np.asarray(1 - before[np.searchsorted(distinct, times)])
