"""Mean beats of cases and matched controls of outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.report.by_genotype import NORMAL_95
from ecgwas.report.mean_beats import CaseBeats
from ecgwas.signals import Signals

SETS = 100
"""Matched sets whose beats are in memory together."""
NONE = -1


@dataclass(frozen=True)
class MatchedOutcome:
    """An outcome's trait with the strongest test and its -log10 p; sets (S, 1 + C) int64: rows of the signals, a case and its
    controls, NONE where it has fewer; unmatched: cases that are in no set."""

    outcome: str
    analysis: str
    trait: str
    neglog10p: float
    sets: NDArray[np.int64]
    unmatched: int


def case_beats(signals: Signals, matched: MatchedOutcome) -> CaseBeats:
    """Means of two or more sets, of cases and of their controls' means, and of the differences within sets.

    Intervals are those of the normal distribution, from the variance between sets.
    """
    points = int(np.prod(signals.beats.shape[1:]))
    total, square = np.zeros((3, points)), np.zeros((3, points))
    for start in range(0, len(matched.sets), SETS):
        values = _values(signals, matched.sets[start : start + SETS], points)
        total += values.sum(axis=1)
        square += np.square(values).sum(axis=1)
    count = len(matched.sets)
    mean = total / count
    variance = np.maximum(square - count * mean**2, 0.0) / (count - 1)
    half = NORMAL_95 * np.sqrt(variance / count)
    mean, half = (each.reshape(3, *signals.beats.shape[1:]) for each in (mean, half))
    return CaseBeats(
        matched.outcome, matched.analysis, matched.trait, matched.neglog10p, count,
        int((matched.sets[:, 1:] != NONE).sum()), matched.unmatched, signals.beat_times_ms, mean[:2], half[:2], mean[2],
        half[2], signals.leads,
    )  # fmt: skip


def _values(signals: Signals, sets: NDArray[np.int64], points: int) -> NDArray[np.float64]:
    """(3, s, points): the beat of each case, the mean of its controls, and the difference."""
    people, place = np.unique(sets[sets != NONE], return_inverse=True)
    beats = np.asarray(signals.beats[people], dtype=np.float64).reshape(len(people), points)
    row = np.full(sets.shape, NONE)
    row[sets != NONE] = place
    cases, controls = beats[row[:, 0]], np.zeros((len(sets), points))
    for column in row[:, 1:].T:
        controls[column != NONE] += beats[column[column != NONE]]
    controls /= (row[:, 1:] != NONE).sum(axis=1)[:, None]
    return np.stack([cases, controls, cases - controls])
