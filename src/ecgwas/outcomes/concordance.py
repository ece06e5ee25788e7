"""Harrell's C index of scores for a survival outcome, with ties and late entry, in the time of a few sorts.

Two participants are comparable if one has an event at time t and the other is at risk at t and has no event at t: entry < t,
and exit > t or censored at t (Harrell, Lee and Mark 1996, Stat Med 15:361). C is the share of comparable pairs in which the
one with the event has the higher score, equal scores counting one half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError


@dataclass(frozen=True)
class Concordance:
    """Numbers of comparable pairs by order of score and time. A pair of two events at one time is not comparable."""

    concordant: int
    discordant: int
    tied_score: int

    @property
    def c(self) -> float:
        """0.5 for a score without information, 1 for a perfect one; NaN without comparable pairs."""
        pairs = self.concordant + self.discordant + self.tied_score
        return (self.concordant + self.tied_score / 2) / pairs if pairs else float("nan")


def concordance(
    scores: NDArray[np.float64], exit_: NDArray[np.float64], event: NDArray[np.bool_], entry: NDArray[np.float64] | None = None
) -> Concordance:
    """Of scores (N,), higher for earlier events, exits (N,), events (N,) bool and entries (N,); None: all from the start.

    Raises InputError if a value is missing or infinite or an exit is not after its entry.
    """
    for values in (scores, exit_, entry):
        if values is not None and not np.isfinite(values).all():
            raise InputError("a score, entry or exit is missing or infinite", fix="exclude participants without it")
    if entry is not None and (exit_ <= entry).any():
        problem = f"the exit of {int((exit_ <= entry).sum())} participants is not after their entry"
        raise InputError(problem, fix="a participant needs follow-up: exclude them, or correct the times")
    rank = np.unique(scores, return_inverse=True)[1].reshape(-1)
    time, query = exit_[event], rank[event]
    pairs = np.zeros(2, dtype=np.int64)  # below or equal, and below, the score of the one with the event
    total = 0
    # At risk at t are those with exit >= t, less those with entry >= t, less those with an event at t.
    for points, sign in ((exit_, 1), (entry, -1)):
        if points is None:
            continue
        position, size = _from(points, time)
        pairs += sign * np.array([_count_below(rank[position], size, query + more) for more in (1, 0)])
        total += sign * int(size.sum())
    tied = _pairs_at_one_time(time, query)
    below_or_equal, below = (int(value) for value in pairs - tied[:2])
    total -= int(tied[2])
    return Concordance(below, total - below_or_equal, below_or_equal - below)


def _from(points: NDArray[np.float64], time: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order of points (N,) from the last to the first, and the number of points >= time (m,)."""
    position = np.argsort(-points, kind="stable")
    return position, np.searchsorted(-points[position], -time, side="right")


def _count_below(ranks: NDArray[np.int64], size: NDArray[np.int64], limit: NDArray[np.int64]) -> int:
    """Number of pairs of a query k and one of the first size[k] of ranks (N,) that is below limit[k].

    The first size[k] are a union of blocks whose lengths are powers of 2, one for each binary digit; ranks are sorted in
    blocks.
    """
    width = int(ranks.max(initial=0)) + 2
    total, length = 0, len(ranks)
    positions = np.arange(length)
    for digit in range(length.bit_length()):
        asks = (size >> digit) & 1 == 1
        if not asks.any():
            continue
        keys = np.sort((positions >> digit) * width + ranks)
        block = (size[asks] >> digit) - 1
        total += int((np.searchsorted(keys, block * width + limit[asks], side="left") - (block << digit)).sum())
    return total


def _pairs_at_one_time(time: NDArray[np.float64], ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ordered pairs of events at one time, oneself included: with a rank not above one's own, below it, and all."""
    group = np.unique(time, return_inverse=True)[1].reshape(-1)
    ordered = np.lexsort((ranks, group))
    g, r = group[ordered], ranks[ordered]
    width = int(r.max(initial=0)) + 2
    start = np.searchsorted(g, g, side="left")
    keys = g * width + r
    up_to = np.searchsorted(keys, keys, side="right") - start
    below = np.searchsorted(keys, keys, side="left") - start
    counts = np.bincount(group) if len(group) else np.zeros(0, dtype=np.int64)
    return np.array([up_to.sum(), below.sum(), (counts.astype(np.int64) ** 2).sum()], dtype=np.int64)
