"""Sums over the participants at risk at each event, with Efron's ties, late entry and strata.

A participant is at risk at time t if entry < t <= exit, in their own stratum. At an event time with d events, the j-th of them
(j = 0 to d - 1) has (Efron 1977, J Am Stat Assoc 72:557)

    denominator   S0 - j/d D0        mean of x   (S1 - j/d D1) / denominator

with S the sums of relative risk and of relative risk times x over the participants at risk, and D those over the d with an
event. All sums take the time to sort and one pass over the participants (Simon et al. 2011, J Stat Softw 39(5), without late
entry).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ecgwas.errors import InputError, first_few


@dataclass(frozen=True)
class RiskSets:
    """n participants, T distinct event times in increasing order within each stratum, m events.

    first, last  (n,) int64: participant i is at risk at the times first[i] to last[i] - 1
    own          (n,) int64: the time of the participant's event, -1 without one
    strata       starts of the strata among the times, and T: (S + 1,) int64
    times        (T,) float64
    event_time   (m,) int64: the time of each event
    event_person (m,) int64: the participant with each event
    tied_share   (m,) float64: j/d
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    own: NDArray[np.int64]
    strata: NDArray[np.int64]
    times: NDArray[np.float64]
    event_time: NDArray[np.int64]
    event_person: NDArray[np.int64]
    tied_share: NDArray[np.float64]

    def at(self, risk: NDArray[np.float64]) -> WeightedRiskSets:
        """With relative risks (n,), greater than zero."""
        return WeightedRiskSets.of(self, risk)


@dataclass(frozen=True)
class WeightedRiskSets:
    """Risk sets with relative risks (n,): how a column is summed over each risk set, and Efron's denominators (m,)."""

    sets: RiskSets
    risk: NDArray[np.float64]
    changes: sparse.csr_array
    dying: sparse.csr_array
    denominators: NDArray[np.float64]

    @classmethod
    def of(cls, sets: RiskSets, risk: NDArray[np.float64]) -> WeightedRiskSets:
        """See `RiskSets.at`."""
        n, times = len(risk), len(sets.times)
        ever = np.flatnonzero(sets.last > sets.first)
        # Sums run from the last time to the first, so that only late entry needs a subtraction.
        begins = np.isin(sets.first, sets.strata)
        late = ever[~begins[ever]]
        rows = np.concatenate([sets.last[ever] - 1, sets.first[late] - 1])
        columns = np.concatenate([ever, late])
        changes = sparse.csr_array((np.concatenate([risk[ever], -risk[late]]), (rows, columns)), shape=(times, n))
        dead = np.flatnonzero(sets.own >= 0)
        dying = sparse.csr_array((risk[dead], (sets.own[dead], dead)), shape=(times, n))
        weighted = cls(sets, risk, changes, dying, np.empty(0))
        ones = np.ones((n, 1))
        denominators = weighted._of_events(weighted._sums(ones), dying @ ones)[:, 0]
        return cls(sets, risk, changes, dying, denominators)

    def means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(m, K) means of the columns of values (n, K) at each event, weighted by relative risk, Efron's."""
        return np.asarray(self._of_events(self._sums(values), self.dying @ values) / self.denominators[:, None])

    def expected(self, per_event: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """(n,) relative risk times the sum over the events at which a participant is at risk of 1 / denominator.

        per_event (m,): multiplies each event's term. Without it, the result is the expected number of events (Breslow's or
        Efron's cumulative hazard times relative risk), and own event minus it is the martingale residual.
        """
        terms = (1.0 if per_event is None else per_event) / self.denominators
        sets, times = self.sets, len(self.sets.times)
        totals = np.concatenate([[0.0], np.cumsum(np.bincount(sets.event_time, terms, minlength=times))])
        hazard = totals[sets.last] - totals[sets.first]
        tied = np.bincount(sets.event_time, terms * sets.tied_share, minlength=times)
        dead = sets.own >= 0
        hazard[dead] -= tied[sets.own[dead]]
        hazard[sets.last <= sets.first] = 0.0
        return np.asarray(self.risk * hazard)

    def _sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(T, K) over the participants at risk."""
        sums = np.asarray(self.changes @ values)
        for start, stop in zip(self.sets.strata[:-1], self.sets.strata[1:], strict=True):
            np.cumsum(sums[start:stop][::-1], axis=0, out=sums[start:stop][::-1])
        return sums

    def _of_events(self, sums: NDArray[np.float64], dying: NDArray[np.float64]) -> NDArray[np.float64]:
        """(m, K) from sums (T, K) of the risk sets and of those with an event."""
        rows = self.sets.event_time
        return np.asarray(sums[rows] - self.sets.tied_share[:, None] * dying[rows])


def risk_sets(
    entry: NDArray[np.float64] | None, exit_: NDArray[np.float64], event: NDArray[np.bool_], strata: NDArray[np.int64] | None
) -> RiskSets:
    """Risk sets of n participants: entry (n,), exit (n,), event (n,), stratum (n,); entry None: all at risk from the start.

    Times are equal only if they are equal to the last bit: round them first. Raises InputError if a time is missing or infinite
    or an exit is not after its entry.
    """
    _check(entry, exit_)
    n = len(exit_)
    group = np.zeros(n, dtype=np.int64) if strata is None else np.unique(strata, return_inverse=True)[1].reshape(-1)
    first, last, own = np.zeros((3, n), dtype=np.int64)
    starts, times = [0], [np.empty(0)]
    for number in range(int(group.max(initial=-1)) + 1):
        people = np.flatnonzero(group == number)
        distinct = np.unique(exit_[people][event[people]])
        offset = starts[-1]
        last[people] = offset + np.searchsorted(distinct, exit_[people], side="right")
        first[people] = offset
        if entry is not None:
            first[people] += np.searchsorted(distinct, entry[people], side="right")
        starts.append(offset + len(distinct))
        times.append(distinct)
    own[:] = np.where(event, last - 1, -1)
    persons = np.flatnonzero(event)
    persons = persons[np.argsort(own[persons], kind="stable")]
    rows = own[persons]
    counts = np.bincount(rows, minlength=starts[-1])
    rank = np.arange(len(rows)) - np.concatenate([[0], np.cumsum(counts)])[rows]
    return RiskSets(first, last, own, np.array(starts), np.concatenate(times), rows, persons, rank / counts[rows])


def _check(entry: NDArray[np.float64] | None, exit_: NDArray[np.float64]) -> None:
    for values, what in ((exit_, "exits"), (entry, "entries")):
        if values is not None and not np.isfinite(values).all():
            problem = f"{int((~np.isfinite(values)).sum())} {what} of participants in the analysis are missing or infinite"
            raise InputError(problem, fix="code these participants as not in the analysis (-1)")
    if entry is not None:
        wrong = np.flatnonzero(exit_ <= entry)
        if len(wrong):
            problem = f"the exit of {len(wrong)} participants is not after their entry (rows {first_few(wrong)})"
            raise InputError(problem, fix="a participant needs follow-up: exclude them, or correct the times")
