"""Controls matched to cases by the propensity score: the probability of being a case, as the covariates predict it.

Among participants with the same propensity score, cases and controls have the same covariates on average (Rosenbaum and Rubin
1983, Biometrika 70:41). Each case receives the nearest controls within 0.2 SD of the score's logit (Austin 2011, Pharm Stat
10:150), and no control is used twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ecgwas.outcomes import logistic
from ecgwas.outcomes.checks import MISSING, Status
from ecgwas.statistics.projection import span

CONTROLS = 4
"""Controls of a case at most; more hardly narrow the interval of the difference."""
CALIPER = 0.2
"""Largest distance of a control from its case, in SD of the logit of the propensity score."""
ROUNDING = 1e-9
"""Distance within which logits are equal but for rounding."""
NONE = -1


def matched(
    cases: NDArray[np.int8], covariates: NDArray[np.float64], *, seed: int, controls: int = CONTROLS
) -> NDArray[np.int64]:
    """(S, 1 + controls) int64: participants of S sets, a case and its controls; NONE where it has fewer.

    cases (N,): case 1, control 0, not in the analysis -1; covariates (N, C), complete, to which the intercept is added. Cases
    without a control within the caliper are in no set. No set if the covariates separate cases from controls, or if there are
    no cases or no controls.
    """
    logit = _logit(cases, covariates)
    if logit is None:
        return np.empty((0, 1 + controls), dtype=np.int64)
    known = cases != MISSING
    limit = max(CALIPER * float(logit[known].std()), ROUNDING)
    everyone = np.flatnonzero(cases == 0)
    others = everyone[np.argsort(logit[everyone], kind="stable")]
    of_cases = np.random.default_rng(seed).permutation(np.flatnonzero(cases == 1))
    sets = np.full((len(of_cases), 1 + controls), NONE)
    sets[:, 0] = of_cases
    free = _Free(len(others))
    places = np.searchsorted(logit[others], logit[of_cases])
    # Every case receives its first control before any receives its second.
    for number in range(1, 1 + controls):
        for row, place in enumerate(places.tolist()):
            nearest = free.nearest(int(place), logit[others], float(logit[of_cases[row]]))
            if nearest is not None and abs(float(logit[others[nearest]]) - float(logit[of_cases[row]])) <= limit:
                sets[row, number] = others[nearest]
                free.take(nearest)
    sets = sets[sets[:, 1] != NONE]
    return np.asarray(sets[np.argsort(sets[:, 0])])


def _logit(cases: NDArray[np.int8], covariates: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """(N,) logit of the propensity score, 0 outside the analysis; None where it cannot be estimated."""
    known = cases != MISSING
    if not (cases == 1).any() or not (cases == 0).any():
        return None
    basis = span(covariates[known])
    null = logistic.null_model(cases[known], basis, min_cases=1)
    if null.status != Status.TESTED:
        return None
    fitted = np.clip(cases[known] - null.residuals, 1e-12, 1 - 1e-12)
    logit = np.zeros(len(cases))
    logit[known] = special.logit(fitted)
    return logit


class _Free:
    """Which of n sorted controls are free; the next free one on either side is found in nearly constant time."""

    def __init__(self, count: int) -> None:
        self.right, self.left = list(range(count + 1)), list(range(count + 1))
        self.count = count

    def take(self, place: int) -> None:
        self.right[place] = place + 1
        self.left[place + 1] = place

    def nearest(self, place: int, values: NDArray[np.float64], value: float) -> int | None:
        """The free control whose value is nearest; place: of the first value that is not smaller."""
        above, below = self._root(self.right, place), self._root(self.left, place) - 1
        if above == self.count and below < 0:
            return None
        if above == self.count:
            return below
        if below < 0:
            return above
        return above if values[above] - value < value - values[below] else below

    @staticmethod
    def _root(parents: list[int], place: int) -> int:
        root = place
        while parents[root] != root:
            root = parents[root]
        while parents[place] != root:
            parents[place], place = root, parents[place]
        return root
