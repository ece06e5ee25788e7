"""What every learned representation takes in: traces out of signals, their normalisation, the split of people.

A trace is what a model sees at once: one lead of one person (`leads: each`, C = 1, twelve traces a person) or the eight
independent leads of one person (`leads: together`, C = 8). Traces are numbered person by person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.leads import ALL_LEADS, INDEPENDENT_LEADS, LEADS, twelve_from_eight
from ecgwas.represent.alignment import CHANNELS, TIME_WEIGHT, Alignment
from ecgwas.signals import MISSING, Rows, Signals
from ecgwas.study import Learned
from ecgwas.tables import Features

Floats = NDArray[np.float32]
Index = NDArray[np.int64]
BLOCK = 1 << 24
"""Samples held at a time when all traces are passed over: 64 MiB of float32."""


@dataclass(frozen=True)
class Traces:
    """The traces of N people, read from memory-mapped signals only when asked for.

    rows      (N, 12, L) float32 µV, beats or strips; aligned beats (N, 9, L)
    eids      N people
    leads     names of the leads that are used, in order
    together  True: one trace of C = len(leads) channels a person; False: one trace of C = 1 per person and lead
    alignment what beats were aligned by, if they were
    unusable  (N, P) bool, traces with a lead that is unusable or missing: they have no features
    missing   (N, P) bool, traces with a lead that is missing: nothing is learned from them either
    """

    rows: Rows
    eids: tuple[str, ...]
    all_leads: tuple[str, ...]
    leads: tuple[str, ...]
    together: bool
    alignment: Alignment | None = None
    unusable: NDArray[np.bool_] | None = None
    missing: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, signals: Signals, input: str, leads: str, alignment: Alignment | None = None) -> Traces:
        """The traces that options `input` (beat | strip) and `leads` (each | together) name."""
        together = alignment is not None or leads == "together"
        unusable, missing = signals.without_features, signals.lead_status == MISSING
        if together:
            unusable, missing = _of_eight(signals, unusable), _of_eight(signals, missing)
        if alignment is not None:
            return cls(alignment.aligned_beats(signals), signals.eids, CHANNELS, CHANNELS, True, alignment, unusable, missing)
        rows = signals.beats if input == "beat" else signals.strips
        names = INDEPENDENT_LEADS if together else signals.leads
        return cls(rows, signals.eids, signals.leads, names, together, unusable=unusable, missing=missing)

    @property
    def per_person(self) -> int:
        """Traces of one person."""
        return 1 if self.together else len(self.leads)

    @property
    def channels(self) -> int:
        """C, leads in one trace."""
        return len(self.leads) if self.together else 1

    @property
    def samples(self) -> int:
        """L, samples of a trace."""
        return self.rows.shape[2]

    def __len__(self) -> int:
        return len(self.eids) * self.per_person

    def of_people(self, people: Index) -> Index:
        """Numbers of the traces of these people, in their order, without those of missing leads."""
        traces = (people[:, None] * self.per_person + np.arange(self.per_person)).ravel()
        return traces if self.missing is None else traces[~self.missing.ravel()[traces]]

    def read(self, traces: Index) -> Floats:
        """(B, C, L) float32 µV, a new array."""
        places = np.array([self.all_leads.index(lead) for lead in self.leads])
        out = np.empty((len(traces), self.channels, self.samples), dtype=np.float32)
        for i, trace in enumerate(traces):
            person, lead = divmod(int(trace), self.per_person)
            out[i] = self.rows[person][places if self.together else places[lead : lead + 1]]
        return out

    def in_own_time(self, traces: Floats) -> Floats:
        """(B, C, L) µV of leads alone, each person's beat in its own time; the traces themselves if they are not aligned."""
        return traces if self.alignment is None else self.alignment.unalign(traces)

    @property
    def weights(self) -> Floats:
        """(C,) what a channel weighs beside the others where each point is scaled by its SD."""
        weights = np.ones(self.channels, dtype=np.float32)
        if self.alignment is not None:
            weights[-1] = TIME_WEIGHT
        return weights

    def lead_of(self, traces: Index) -> Index:
        """(B,) place of the trace's lead within `leads`; 0 where all leads are in one trace."""
        return traces % self.per_person

    def blocks(self, traces: Index) -> Iterator[Index]:
        """The numbers in runs that fit in memory."""
        size = max(1, BLOCK // (self.channels * self.samples))
        for start in range(0, len(traces), size):
            yield traces[start : start + size]

    def table(self, names: list[str], values: NDArray[Any], mse: NDArray[Any], max_mse: float | None) -> Features:
        """Features from values (len(self), F) and mse (len(self),).

        Null beyond `max_mse` and where a lead is unusable or missing; a missing lead's mse is null, too.
        """
        labels = (ALL_LEADS,) if self.together else self.leads
        columns: dict[str, Any] = {
            "eid": np.repeat(np.array(self.eids, dtype=object), self.per_person).tolist(),
            "lead": list(labels) * len(self.eids),
        }
        columns |= {name: values[:, k].astype(np.float64) for k, name in enumerate(names)}
        frame = pl.DataFrame(columns).with_columns(pl.Series("mse", mse.astype(np.float64)))
        if max_mse is not None:
            kept = pl.col("mse") <= max_mse
            frame = frame.with_columns(pl.when(kept).then(pl.col(name)).alias(name) for name in names)
        if self.unusable is not None and self.unusable.any():
            usable = pl.Series(~self.unusable.ravel())
            frame = frame.with_columns(pl.when(usable).then(pl.col(name)).alias(name) for name in names)
        if self.missing is not None and self.missing.any():
            frame = frame.with_columns(pl.when(pl.Series(~self.missing.ravel())).then(pl.col("mse")).alias("mse"))
        return Features(frame)


def _of_eight(signals: Signals, leads: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N, 1) people of whom one of the independent leads is among `leads` (N, 12)."""
    places = [signals.leads.index(lead) for lead in INDEPENDENT_LEADS]
    return np.asarray(leads[:, places].any(axis=1, keepdims=True))


Kind = Literal["global", "per_signal", "none", "point"]


@dataclass(frozen=True)
class Normaliser:
    """From µV to the units that a model sees, and back.

    `global` one mean and SD; `per_signal` each trace's own; `none` µV as they are; `point` mean and SD between people of
    each lead and time (the SD over the channel's weight). mean and sd are float32 of shape (P, C, L), (1, 1, 1) or unused; P is
    traces per person.
    """

    kind: Kind
    mean: Floats
    sd: Floats

    @classmethod
    def fit(cls, kind: Kind, traces: Traces, chosen: Index, *, floor_uv: float = 0.0) -> Normaliser:
        """From the traces numbered `chosen` alone. floor_uv is the smallest SD of `point`."""
        if kind not in ("global", "point"):
            return cls(kind, np.zeros((1, 1, 1), np.float32), np.ones((1, 1, 1), np.float32))
        mean, square, counts = _moments(traces, chosen)
        if kind == "global":
            share = counts / counts.mean()  # 1 where no lead is missing
            mean, square = (mean * share).mean(keepdims=True), ((square + mean**2) * share).mean(keepdims=True)
            square -= mean**2
        sd = np.sqrt(np.maximum(square, 0.0))
        sd = np.maximum(sd, floor_uv if kind == "point" else np.finfo(np.float32).eps)
        if kind == "point":
            sd = sd / traces.weights[:, None]
        return cls(kind, mean.astype(np.float32), sd.astype(np.float32))

    def apply(self, microvolts: Floats, lead: Index) -> Floats:
        """(B, C, L) in model units; lead (B,) as `Traces.lead_of` gives it."""
        mean, sd = self._scales(microvolts, lead)
        return (microvolts - mean) / sd

    def within(self, inside: slice, samples: int) -> Normaliser:
        """The same for some of the samples of a trace; the others are zero in model units, and nothing comes back from them."""
        shape = np.broadcast_shapes(self.sd.shape, (1, 1, samples))
        sd = np.full(shape, np.inf, dtype=np.float32)
        sd[..., inside] = np.broadcast_to(self.sd, shape)[..., inside]
        return Normaliser(self.kind, np.broadcast_to(self.mean, shape), sd)

    def restore(self, units: Floats, lead: Index, microvolts: Floats | None = None) -> Floats:
        """(B, C, L) µV; `per_signal` needs the traces themselves, whose mean and SD it takes."""
        mean, sd = self._scales(units if microvolts is None else microvolts, lead)
        return units * sd + mean

    def _scales(self, microvolts: Floats, lead: Index) -> tuple[Floats, Floats]:
        if self.kind == "per_signal":
            # A flat trace has no SD; a thousandth of a µV keeps it at zero.
            sd = microvolts.std(axis=(1, 2), keepdims=True)
            return microvolts.mean(axis=(1, 2), keepdims=True), np.maximum(sd, np.float32(1e-3))
        if len(self.mean) == 1:
            return self.mean, self.sd
        return self.mean[lead], self.sd[lead]


def _moments(traces: Traces, chosen: Index) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(P, C, L) mean and variance between people, (P, 1, 1) of how many; zero for a lead that nobody has.

    Two passes, because one pass loses digits in float64 sums of squares.
    """
    shape = (traces.per_person, traces.channels, traces.samples)
    counts = np.bincount(traces.lead_of(chosen), minlength=traces.per_person).astype(np.float64)[:, None, None]
    count = np.maximum(counts, 1.0)
    mean, square = np.zeros(shape), np.zeros(shape)
    for block in traces.blocks(chosen):
        np.add.at(mean, traces.lead_of(block), traces.read(block))
    mean /= count
    for block in traces.blocks(chosen):
        lead = traces.lead_of(block)
        np.add.at(square, lead, (traces.read(block) - mean[lead]) ** 2)
    return mean, square / count, counts


@dataclass(frozen=True)
class Split:
    """Numbers of people, ascending: each person is in one group with all leads."""

    train: Index
    validation: Index
    test: Index


def split_people(n: int, share: float, seed: int, *, validation: bool) -> Split:
    """N people by chance: `share` of them (at least one) for the test, as many again for validation if wanted.

    Raises InputError where fewer than two people would be left to learn from.
    """
    kept_aside = max(1, round(share * n))
    valid = kept_aside if validation else 0
    if n - kept_aside - valid < 2:
        raise InputError(
            f"{n} people are too few to learn from: {kept_aside + valid} are kept aside",
            fix="a learned representation needs more recordings; measurements (kind: intervals) need none",
        )
    order = np.random.default_rng([seed, 0x5917]).permutation(n)
    parts = np.split(order, [kept_aside, kept_aside + valid])
    test, chosen, train = (np.sort(part) for part in parts)
    return Split(train, chosen, test)


def feature_names(prefix: str, count: int) -> list[str]:
    """f01, f02, ... with as many digits as the last one needs, at least two."""
    width = max(2, len(str(count)))
    return [f"{prefix}{i:0{width}d}" for i in range(1, count + 1)]


def alignment_of(options: Learned, signals: Signals) -> Alignment | None:
    """The alignment that the options ask for, fitted to these people."""
    return Alignment.fit(signals) if options.align == "waves" else None


def decoded_beats(microvolts: Floats, together: bool, alignment: Alignment | None) -> Floats:
    """(N, 12, T) µV from decoded traces: (N, 8, T), (N, 9, T) aligned, or (12 N, 1, T) one per lead."""
    if not together:
        return microvolts.reshape(-1, len(LEADS), microvolts.shape[2])
    return twelve_from_eight(microvolts if alignment is None else alignment.unalign(microvolts))
