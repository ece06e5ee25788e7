"""Beats laid over each other wave by wave: what differs in size apart from what differs in time.

A beat whose T comes 20 ms later differs from another along the whole of T; components and networks spend several features on
it, and none of them is QT. Here each person's time is stretched piecewise so that onset, peak and end of P, QRS and T fall on
the same moments in everyone, and how far it was stretched becomes one more channel beside the leads: amplitude and phase of
functional data (Ramsay and Li, J R Stat Soc B 60:351, 1998; Tucker, Wu and Srivastava, Comput Stat Data Anal 61:50, 2013).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.leads import INDEPENDENT, INDEPENDENT_LEADS
from ecgwas.signals import FIDUCIAL_POINTS, Rows, Signals

Floats = NDArray[np.float64]

CHANNELS = (*INDEPENDENT_LEADS, "time")
UV_PER_MS = 10.0
"""The time channel is in µV, too, so that one scaling serves all channels: 10 µV for each ms that a person is late."""
TIME_WEIGHT = 2.0
"""What the time channel weighs beside one lead where each point is scaled by its SD between people."""
FAR_MS = 500.0
"""Beyond the first and last wave time is shifted, not stretched."""
LEAST_STEP_MS = 1.0
REACH_SDS, MAD_TO_SD = 3.0, 1.4826
"""Reach, in SDs as the median absolute deviation gives them."""


@dataclass(frozen=True)
class Alignment:
    """What everyone is laid over.

    moments_ms (8,): P onset, peak, end; QRS onset; R; QRS end; T peak, end. reach_ms (8,): a person's moments are taken to lie
    no further from these, so that a wave mistaken for another does not tear the beat. beat_times_ms (T,) of the beats.
    """

    moments_ms: Floats
    reach_ms: Floats
    beat_times_ms: Floats

    @classmethod
    def fit(cls, signals: Signals) -> Alignment:
        """The median moments of people in whom they are known. Raises InputError where a wave is found in nobody."""
        moments = moments_of(signals)
        if np.isnan(moments).all(axis=0).any():
            problem = "beats cannot be aligned: a wave (P, QRS or T) is found in nobody"
            raise InputError(problem, fix="set align: none, or look at the recordings' cleaning under read")
        usual = np.nanmedian(moments, axis=0)
        spread = MAD_TO_SD * np.nanmedian(np.abs(moments - usual), axis=0)
        return cls(_ascending(usual), REACH_SDS * spread, signals.beat_times_ms)

    def arrays(self) -> dict[str, Floats]:
        """What `of_arrays` needs, by name."""
        return {"moments_ms": self.moments_ms, "reach_ms": self.reach_ms, "beat_times_ms": self.beat_times_ms}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Any]) -> Alignment | None:
        """From saved arrays or tensors; None if there is no alignment among them."""
        if "moments_ms" not in arrays:
            return None
        return cls(*(np.asarray(arrays[name]) for name in ("moments_ms", "reach_ms", "beat_times_ms")))

    def rows(self, signals: Signals) -> AlignedRows:
        """(N, 9, T) beats of these people, aligned when they are read."""
        return AlignedRows(signals.beats, self, moments_of(signals))

    def warp(self, moments_ms: Floats) -> Floats:
        """(T,) ms: the person's own time at each sample of the aligned beat; an absent wave stays beside its neighbour."""
        known = np.isfinite(moments_ms)
        within = np.clip(moments_ms - self.moments_ms, -self.reach_ms, self.reach_ms)
        late = np.interp(self.moments_ms, self.moments_ms[known], within[known]) if known.any() else 0.0
        own = _ascending(self.moments_ms + late)
        common = np.concatenate([[self.moments_ms[0] - FAR_MS], self.moments_ms, [self.moments_ms[-1] + FAR_MS]])
        times: Floats = np.interp(self.beat_times_ms, common, np.concatenate([[own[0] - FAR_MS], own, [own[-1] + FAR_MS]]))
        return times

    def aligned(self, beat: NDArray[np.floating[Any]], moments_ms: Floats) -> NDArray[np.float32]:
        """(9, T) from one person's beat (12, T) µV."""
        own = self.warp(moments_ms)
        out = np.empty((len(CHANNELS), len(own)), dtype=np.float32)
        for channel, lead in enumerate(INDEPENDENT):
            out[channel] = np.interp(own, self.beat_times_ms, beat[lead])
        out[-1] = (own - self.beat_times_ms) * UV_PER_MS
        return out

    def restored(self, aligned: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 8, T) µV in each person's own time, from (N, 9, T); NaN stays NaN."""
        out = np.full((len(aligned), len(INDEPENDENT), aligned.shape[2]), np.nan, dtype=np.float32)
        for person, channels in enumerate(aligned):
            if np.isnan(channels).any():
                continue
            own = _ascending(self.beat_times_ms + channels[-1] / UV_PER_MS, least=1e-3)
            out[person] = [np.interp(self.beat_times_ms, own, lead) for lead in channels[:-1]]
        return out


class AlignedRows(Rows):
    """Beats of N people, aligned one by one when asked for: (N, 9, T) float32."""

    def __init__(self, beats: Rows, alignment: Alignment, moments_ms: Floats) -> None:
        self.beats, self.alignment, self.moments_ms = beats, alignment, moments_ms
        super().__init__(beats.parts)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.beats), len(CHANNELS), self.beats.shape[2])

    def __getitem__(self, index: int | slice | NDArray[np.integer]) -> NDArray[Any]:
        if isinstance(index, (int, np.integer)):
            return self.alignment.aligned(self.beats[int(index)], self.moments_ms[int(index)])
        return np.stack([self[int(i)] for i in np.arange(len(self))[index]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)


def waves_apart(moments_ms: Floats, beat_times_ms: Floats) -> dict[str, slice]:
    """p, qrs, t -> samples: P's stretch ends halfway from P's end to QRS' onset, that of QRS with QRS."""
    first = int(np.searchsorted(beat_times_ms, (moments_ms[2] + moments_ms[3]) / 2))
    second = int(np.searchsorted(beat_times_ms, moments_ms[5]))
    return {"p": slice(0, first), "qrs": slice(first, second), "t": slice(second, len(beat_times_ms))}


def moments_of(signals: Signals) -> Floats:
    """(N, 8) ms from R: P onset, peak, end; QRS onset; R (0); QRS end; T peak, end. NaN where absent.

    Raises ValueError where the signals' fiducial points have not been found.
    """
    return np.insert(signals.beat_fiducials_ms, FIDUCIAL_POINTS.index("qrs_off"), 0.0, axis=1)


def _ascending(times_ms: Floats, *, least: float = LEAST_STEP_MS) -> Floats:
    """The same times, each at least `least` ms after the one before."""
    steps = np.arange(len(times_ms)) * least
    ascending: Floats = np.maximum.accumulate(times_ms - steps) + steps
    return ascending
