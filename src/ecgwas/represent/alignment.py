"""Beats aligned wave by wave, so that differences in amplitude are separate from differences in timing.

A beat whose T is 20 ms later differs from another along the whole of T; components and networks spend several features on it,
and none of them is QT. Here each participant's time is stretched piecewise so that onset, peak and end of P, QRS and T coincide
in everyone, and the amount of stretching becomes one more channel next to the leads: amplitude and phase of functional data
(Ramsay and Li, J R Stat Soc B 60:351, 1998; Tucker, Wu and Srivastava, Comput Stat Data Anal 61:50, 2013).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.leads import INDEPENDENT, INDEPENDENT_LEADS
from ecgwas.signals import FIDUCIAL_POINTS, Signals, StackedArrays

Floats = NDArray[np.float64]

CHANNELS = (*INDEPENDENT_LEADS, "time")
UV_PER_MS = 10.0
"""The time channel is in µV, too, so that one scaling serves all channels: 10 µV for each ms that a participant is late."""
TIME_WEIGHT = 2.0
"""Weight of the time channel relative to one lead, if each point is scaled by its SD between participants."""
MARGIN_MS = 500.0
"""Before the first and after the last fiducial point, time is shifted, not stretched."""
MIN_STEP_MS = 1.0
REACH_SDS, MAD_TO_SD = 3.0, 1.4826
"""Reach in SDs, which are estimated from the median absolute deviation."""


@dataclass(frozen=True)
class Alignment:
    """The fiducial points to which everyone is aligned.

    fiducials_ms   (8,) P onset, peak, end; QRS onset; R; QRS end; T peak, end
    reach_ms       (8,) a participant's points are taken to be at most this far from them, so that a wave mistaken for another
                   does not tear the beat
    beat_times_ms  (T,) of the beats
    """

    fiducials_ms: Floats
    reach_ms: Floats
    beat_times_ms: Floats

    @classmethod
    def fit(cls, signals: Signals) -> Alignment:
        """The median points of the participants who have them. Raises InputError if nobody has one of the waves."""
        fiducials_ms = fiducials_with_r(signals)
        if np.isnan(fiducials_ms).all(axis=0).any():
            problem = "beats cannot be aligned: a wave (P, QRS or T) is found in nobody"
            raise InputError(problem, fix="set align: none, or look at the recordings' cleaning under read")
        medians = np.nanmedian(fiducials_ms, axis=0)
        sds = MAD_TO_SD * np.nanmedian(np.abs(fiducials_ms - medians), axis=0)
        return cls(_increasing(medians), REACH_SDS * sds, signals.beat_times_ms)

    def arrays(self) -> dict[str, Floats]:
        """What `of_arrays` needs, by name."""
        return {"moments_ms": self.fiducials_ms, "reach_ms": self.reach_ms, "beat_times_ms": self.beat_times_ms}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Any]) -> Alignment | None:
        """From saved arrays or tensors; None if they hold no alignment."""
        if "moments_ms" not in arrays:
            return None
        return cls(*(np.asarray(arrays[name]) for name in ("moments_ms", "reach_ms", "beat_times_ms")))

    def aligned_beats(self, signals: Signals) -> AlignedBeats:
        """(N, 9, T) beats of these participants, aligned when they are read."""
        return AlignedBeats(signals.beats, self, fiducials_with_r(signals))

    def own_times(self, own_fiducials_ms: Floats) -> Floats:
        """(T,) ms: the participant's own time at each sample of the aligned beat; an absent wave moves with its neighbour."""
        known = np.isfinite(own_fiducials_ms)
        within_reach = np.clip(own_fiducials_ms - self.fiducials_ms, -self.reach_ms, self.reach_ms)
        delays = np.interp(self.fiducials_ms, self.fiducials_ms[known], within_reach[known]) if known.any() else 0.0
        own = _increasing(self.fiducials_ms + delays)
        times: Floats = np.interp(self.beat_times_ms, _with_margins(self.fiducials_ms), _with_margins(own))
        return times

    def align(self, beat: NDArray[np.floating[Any]], own_fiducials_ms: Floats) -> NDArray[np.float32]:
        """(9, T) from one participant's beat (12, T) µV."""
        own = self.own_times(own_fiducials_ms)
        aligned = np.empty((len(CHANNELS), len(own)), dtype=np.float32)
        for channel, lead in enumerate(INDEPENDENT):
            aligned[channel] = np.interp(own, self.beat_times_ms, beat[lead])
        aligned[-1] = (own - self.beat_times_ms) * UV_PER_MS
        return aligned

    def unalign(self, aligned: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 8, T) µV in each participant's own time, from (N, 9, T); NaN stays NaN."""
        beats = np.full((len(aligned), len(INDEPENDENT), aligned.shape[2]), np.nan, dtype=np.float32)
        for i, channels in enumerate(aligned):
            if np.isnan(channels).any():
                continue
            own = _increasing(self.beat_times_ms + channels[-1] / UV_PER_MS, step_ms=1e-3)
            beats[i] = [np.interp(self.beat_times_ms, own, lead) for lead in channels[:-1]]
        return beats


class AlignedBeats(StackedArrays):
    """Beats of N participants, aligned one by one when read: (N, 9, T) float32."""

    def __init__(self, beats: StackedArrays, alignment: Alignment, fiducials_ms: Floats) -> None:
        self.beats, self.alignment, self.fiducials_ms = beats, alignment, fiducials_ms
        super().__init__(beats.parts)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.beats), len(CHANNELS), self.beats.shape[2])

    def __getitem__(self, index: int | slice | NDArray[np.integer]) -> NDArray[Any]:
        if isinstance(index, (int, np.integer)):
            return self.alignment.align(self.beats[int(index)], self.fiducials_ms[int(index)])
        return np.stack([self[int(i)] for i in np.arange(len(self))[index]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)


def wave_slices(fiducials_ms: Floats, beat_times_ms: Floats) -> dict[str, slice]:
    """p, qrs, t -> samples: P's part ends halfway between P's end and QRS onset, that of QRS at QRS end."""
    first = int(np.searchsorted(beat_times_ms, (fiducials_ms[2] + fiducials_ms[3]) / 2))
    second = int(np.searchsorted(beat_times_ms, fiducials_ms[5]))
    return {"p": slice(0, first), "qrs": slice(first, second), "t": slice(second, len(beat_times_ms))}


def fiducials_with_r(signals: Signals) -> Floats:
    """(N, 8) ms from R: P onset, peak, end; QRS onset; R (0); QRS end; T peak, end. NaN where absent.

    Raises ValueError if the signals' fiducial points have not been found.
    """
    return np.insert(signals.beat_fiducials_ms, FIDUCIAL_POINTS.index("qrs_off"), 0.0, axis=1)


def _with_margins(times_ms: Floats) -> Floats:
    return np.concatenate([[times_ms[0] - MARGIN_MS], times_ms, [times_ms[-1] + MARGIN_MS]])


def _increasing(times_ms: Floats, *, step_ms: float = MIN_STEP_MS) -> Floats:
    """The same times, each at least `step_ms` after the one before."""
    steps = np.arange(len(times_ms)) * step_ms
    increasing: Floats = np.maximum.accumulate(times_ms - steps) + steps
    return increasing
