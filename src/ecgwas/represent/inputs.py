"""The input of every learned representation: traces from signals, their scaling, and the split of participants.

A trace is one input of a model: one lead of one participant (`leads: each`, C = 1, twelve traces per participant) or the eight
independent leads of one participant (`leads: together`, C = 8). Traces are numbered participant by participant; `trace_index`
is an array of such numbers.
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
from ecgwas.signals import MISSING, Signals, StackedArrays
from ecgwas.study import Learned
from ecgwas.tables import Features

Floats = NDArray[np.float32]
Index = NDArray[np.int64]
BLOCK_SAMPLES = 1 << 24
"""Samples in memory at a time while all traces are read: 64 MiB of float32."""
THREADS = {"beat": 1, "strip": 2}
"""CPU threads of a network by its input, whatever the machine has: sums over a different number of threads end in different
digits. Networks on beats gain little from a second thread; on whole recordings, ten times as long, they do."""
TRACES_PER_BATCH = 64
"""Traces that pass through a network together when it only encodes or decodes."""


@dataclass(frozen=True)
class Traces:
    """The traces of N participants, read from memory-mapped signals when needed.

    rows       (N, 12, L) float32 µV, beats or strips; aligned beats (N, 9, L)
    eids       of the N participants
    all_leads  names of the leads of `rows`
    leads      names of the leads that are used, in order
    together   True: one trace of C = len(leads) channels per participant; False: one trace of C = 1 per participant and lead
    alignment  of beats that are aligned
    unusable   (N, P) bool, traces with an unusable or missing lead: they have no features; P traces per participant
    missing    (N, P) bool, traces with a missing lead: they are not used for fitting, either
    """

    rows: StackedArrays
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
            unusable, missing = _in_any_independent_lead(signals, unusable), _in_any_independent_lead(signals, missing)
        if alignment is not None:
            return cls(alignment.aligned_beats(signals), signals.eids, CHANNELS, CHANNELS, True, alignment, unusable, missing)
        rows = signals.beats if input == "beat" else signals.strips
        names = INDEPENDENT_LEADS if together else signals.leads
        return cls(rows, signals.eids, signals.leads, names, together, unusable=unusable, missing=missing)

    @property
    def per_participant(self) -> int:
        """P, traces of one participant."""
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
        return len(self.eids) * self.per_participant

    def trace_index(self, participants: Index) -> Index:
        """Numbers of the traces of these participants, in their order, without those of missing leads."""
        traces = (participants[:, None] * self.per_participant + np.arange(self.per_participant)).ravel()
        return traces if self.missing is None else traces[~self.missing.ravel()[traces]]

    def read(self, trace_index: Index) -> Floats:
        """(B, C, L) float32 µV, a new array."""
        lead_rows = np.array([self.all_leads.index(lead) for lead in self.leads])
        traces = np.empty((len(trace_index), self.channels, self.samples), dtype=np.float32)
        for i, trace in enumerate(trace_index):
            participant, lead = divmod(int(trace), self.per_participant)
            traces[i] = self.rows[participant][lead_rows if self.together else lead_rows[lead : lead + 1]]
        return traces

    def unaligned(self, traces: Floats) -> Floats:
        """(B, C, L) µV of leads alone, each participant's beat in its own time; `traces` themselves if they are not aligned."""
        return traces if self.alignment is None else self.alignment.unalign(traces)

    @property
    def channel_weights(self) -> Floats:
        """(C,) weight of each channel if each point is scaled by its SD."""
        weights = np.ones(self.channels, dtype=np.float32)
        if self.alignment is not None:
            weights[-1] = TIME_WEIGHT
        return weights

    def lead_index(self, trace_index: Index) -> Index:
        """(B,) position of each trace's lead in `leads`; 0 if all leads are in one trace."""
        return trace_index % self.per_participant

    def blocks(self, trace_index: Index) -> Iterator[Index]:
        """The numbers in blocks that fit in memory."""
        size = max(1, BLOCK_SAMPLES // (self.channels * self.samples))
        for start in range(0, len(trace_index), size):
            yield trace_index[start : start + size]

    def features(self, names: list[str], values: NDArray[Any], mse: NDArray[Any], max_mse: float | None) -> Features:
        """Features from values (len(self), F) and mse (len(self),).

        Null if mse is above `max_mse` and where a lead is unusable or missing; the mse of a missing lead is null, too.
        """
        labels = (ALL_LEADS,) if self.together else self.leads
        columns: dict[str, Any] = {
            "eid": np.repeat(np.array(self.eids, dtype=object), self.per_participant).tolist(),
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


def _in_any_independent_lead(signals: Signals, leads: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N, 1) True if `leads` (N, 12) is True for an independent lead."""
    lead_rows = [signals.leads.index(lead) for lead in INDEPENDENT_LEADS]
    return np.asarray(leads[:, lead_rows].any(axis=1, keepdims=True))


ScalingKind = Literal["global", "per_signal", "none", "point"]


@dataclass(frozen=True)
class Scaler:
    """From µV to the normalised units of a model, and back.

    `global`: one mean and SD. `per_signal`: each trace's own. `none`: µV as they are. `point`: mean and SD between participants
    of each lead and time (the SD divided by the channel's weight). mean and sd are float32 of shape (P, C, L), (1, 1, 1) or
    unused; P is traces per participant.
    """

    kind: ScalingKind
    mean: Floats
    sd: Floats

    @classmethod
    def fit(cls, kind: ScalingKind, traces: Traces, trace_index: Index, *, floor_uv: float = 0.0) -> Scaler:
        """From these traces alone. floor_uv: the smallest SD of `point`."""
        if kind not in ("global", "point"):
            return cls(kind, np.zeros((1, 1, 1), np.float32), np.ones((1, 1, 1), np.float32))
        mean, variance, counts = _mean_and_variance(traces, trace_index)
        if kind == "global":
            share = counts / counts.mean()  # 1 where no lead is missing
            mean, variance = (mean * share).mean(keepdims=True), ((variance + mean**2) * share).mean(keepdims=True)
            variance -= mean**2
        sd = np.sqrt(np.maximum(variance, 0.0))
        sd = np.maximum(sd, floor_uv if kind == "point" else np.finfo(np.float32).eps)
        if kind == "point":
            sd = sd / traces.channel_weights[:, None]
        return cls(kind, mean.astype(np.float32), sd.astype(np.float32))

    def apply(self, microvolts: Floats, lead_index: Index) -> Floats:
        """(B, C, L) in normalised units; lead_index (B,) from `Traces.lead_index`."""
        mean, sd = self._mean_and_sd(microvolts, lead_index)
        return (microvolts - mean) / sd

    def restricted(self, part: slice, samples: int) -> Scaler:
        """The same for a part of a trace's samples; the others are zero in normalised units and cannot be restored."""
        shape = np.broadcast_shapes(self.sd.shape, (1, 1, samples))
        sd = np.full(shape, np.inf, dtype=np.float32)
        sd[..., part] = np.broadcast_to(self.sd, shape)[..., part]
        return Scaler(self.kind, np.broadcast_to(self.mean, shape), sd)

    def restore(self, units: Floats, lead_index: Index, microvolts: Floats | None = None) -> Floats:
        """(B, C, L) µV; `per_signal` needs the traces themselves for their mean and SD."""
        mean, sd = self._mean_and_sd(units if microvolts is None else microvolts, lead_index)
        return units * sd + mean

    def _mean_and_sd(self, microvolts: Floats, lead_index: Index) -> tuple[Floats, Floats]:
        if self.kind == "per_signal":
            # The SD of a flat trace is 0; a thousandth of a µV keeps the trace at zero.
            sd = microvolts.std(axis=(1, 2), keepdims=True)
            return microvolts.mean(axis=(1, 2), keepdims=True), np.maximum(sd, np.float32(1e-3))
        if len(self.mean) == 1:
            return self.mean, self.sd
        return self.mean[lead_index], self.sd[lead_index]


def _mean_and_variance(
    traces: Traces, trace_index: Index
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(P, C, L) mean and variance between participants, and (P, 1, 1) their number; zero for a lead that nobody has.

    Two passes, because one pass over sums of squares loses digits.
    """
    shape = (traces.per_participant, traces.channels, traces.samples)
    counts = np.bincount(traces.lead_index(trace_index), minlength=traces.per_participant)
    counts_by_lead = counts.astype(np.float64)[:, None, None]
    divisor = np.maximum(counts_by_lead, 1.0)
    mean, squares = np.zeros(shape), np.zeros(shape)
    for block in traces.blocks(trace_index):
        np.add.at(mean, traces.lead_index(block), traces.read(block))
    mean /= divisor
    for block in traces.blocks(trace_index):
        lead = traces.lead_index(block)
        np.add.at(squares, lead, (traces.read(block) - mean[lead]) ** 2)
    return mean, squares / divisor, counts_by_lead


@dataclass(frozen=True)
class Split:
    """Indices of participants, ascending. Each participant is in one group with all leads."""

    train: Index
    validation: Index
    test: Index


def split_participants(n: int, share: float, seed: int, *, validation: bool) -> Split:
    """N participants at random: `share` of them (at least one) for the test, as many again for validation if wanted.

    Raises InputError if fewer than two are left for training.
    """
    n_test = max(1, round(share * n))
    n_validation = n_test if validation else 0
    if n - n_test - n_validation < 2:
        raise InputError(
            f"{n} people are too few to learn from: {n_test + n_validation} are held out",
            fix="a learned representation needs more recordings; measurements (kind: intervals) need none",
        )
    order = np.random.default_rng([seed, 0x5917]).permutation(n)
    parts = np.split(order, [n_test, n_test + n_validation])
    test, validation_index, train = (np.sort(part) for part in parts)
    return Split(train, validation_index, test)


def feature_names(prefix: str, count: int) -> list[str]:
    """f01, f02, ... with as many digits as the last one needs, but at least two."""
    width = max(2, len(str(count)))
    return [f"{prefix}{i:0{width}d}" for i in range(1, count + 1)]


def alignment_of(options: Learned, signals: Signals) -> Alignment | None:
    """The alignment fitted to these participants; None if the options name none."""
    return Alignment.fit(signals) if options.aligns_waves else None


def all_leads_of(microvolts: Floats, together: bool, alignment: Alignment | None) -> Floats:
    """(N, 12, T) µV from traces: (N, 8, T), (N, 9, T) aligned, or (12 N, 1, T) one per lead."""
    if not together:
        return microvolts.reshape(-1, len(LEADS), microvolts.shape[2])
    return twelve_from_eight(microvolts if alignment is None else alignment.unalign(microvolts))
