"""Net benefit of acting on risks (Vickers and Elkin 2006, Med Decis Making 26:565).

    net benefit = true positives / N - false positives / N * t / (1 - t)

of acting on everyone with a risk of t or more: to act from t on is to weigh a false positive as t / (1 - t) of a true one. A
model is of use at t if its net benefit exceeds that of acting on everyone and 0, that of acting on nobody.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = np.arange(1, 100) / 100


def net_benefit(risks: NDArray[np.float64], cases: NDArray[np.bool_], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) of risks (N,) in 0 to 1 at thresholds (T,) between 0 and 1."""
    acted = risks[:, None] >= thresholds
    odds = thresholds / (1 - thresholds)
    return np.asarray(((acted & cases[:, None]).sum(axis=0) - (acted & ~cases[:, None]).sum(axis=0) * odds) / len(cases))


def rows(risks: NDArray[np.float64], cases: NDArray[np.bool_]) -> Iterator[dict[str, float]]:
    """Threshold and net benefit, up to the first threshold from which on the risks call for no action."""
    used = THRESHOLDS[max(float(risks.max()), THRESHOLDS[0]) >= THRESHOLDS]
    for threshold, benefit in zip(used, net_benefit(risks, cases, used), strict=True):
        yield {"threshold": float(threshold), "net_benefit": float(benefit)}


def of_everyone(cases: NDArray[np.bool_]) -> Iterator[dict[str, float]]:
    """The same of acting on everyone, up to the share of cases, where it is 0."""
    used = THRESHOLDS[max(float(cases.mean()), THRESHOLDS[0]) >= THRESHOLDS]
    for threshold, benefit in zip(used, net_benefit(np.ones(len(cases)), cases, used), strict=True):
        yield {"threshold": float(threshold), "net_benefit": float(benefit)}
