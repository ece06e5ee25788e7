"""Activity of the atria: whether beats share a P wave, waves of flutter, and P waves that are more frequent than QRS.

The waves are slow: everything but the P wave that beats share is sought at 100 samples per second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

import numpy as np
from scipy import fft
from scipy.signal import sosfiltfilt

from ecgwas.delineation.single_beats import coherence
from ecgwas.ecg.filters import butterworth
from ecgwas.ecg.rhythms.heartbeats import Flags, Floats, Heartbeats
from ecgwas.leads import INDEPENDENT_LEADS

COARSE_HZ = 100.0
BAND_HZ = (3.0, 12.0)
FLUTTER_HZ = (3.7, 6.0)
"""240 to 340 per minute are typical; drugs and large atria make flutter slower."""
PEAK_HALF_HZ = 0.35
SHORTEST_PP_MS, LONGEST_PP_SHARE = 400.0, 0.8
"""P waves without QRS are sought at intervals from here to this share of RR."""
BEFORE_QRS_MS, AFTER_T_MS, LATEST_MS = 20.0, 30.0, 400.0
"""QRS and T are removed from BEFORE_QRS_MS before QRS to AFTER_T_MS after T (LATEST_MS after R if there is no T)."""
CLIPPED_SD = 3.0
"""What an ectopic beat leaves is cut to so many robust SDs."""
MAD_TO_SD = 1.4826
MIN_PAIRS_S = 0.5
"""Waves between T and QRS are compared with themselves over at least this time of the recording."""


def p_coherence(heart: Heartbeats) -> float:
    """Mean correlation of what precedes QRS in each normal beat with the others, -1 to 1; NaN without QRS or with two beats.

    Near 1 if each beat has the same P wave, near 0 in fibrillation.
    """
    onset = heart.fiducials.qrs_on
    return float("nan") if np.isnan(onset) else coherence(heart.normal_beats, heart.times_ms, onset)


@dataclass(frozen=True)
class Atria:
    """What is left of a recording between its beats, at about COARSE_HZ.

    rest     (8, C) µV less the median beat's QRS and T at each beat
    between  (C,) True after T and before QRS
    usual_rr_ms  usual RR interval;  rate_hz  samples per second
    """

    rest: Floats
    between: Flags
    usual_rr_ms: float
    rate_hz: float

    @classmethod
    def of(cls, heart: Heartbeats) -> Atria:
        """From the beats of a recording and the fiducial points of their median."""
        points, rest = heart.fiducials, heart.eight.copy()
        samples = rest.shape[1]
        onset = -60.0 if np.isnan(points.qrs_on) else points.qrs_on
        t_off = LATEST_MS if np.isnan(points.t_off) else points.t_off
        before = min(heart.samples(BEFORE_QRS_MS - onset), heart.r_sample)
        after = min(heart.samples(t_off + AFTER_T_MS), heart.median.shape[1] - heart.r_sample)
        between = np.ones(samples, dtype=np.bool_)
        ends = np.append(heart.peaks[1:] - before, samples)
        for peak, end in zip(heart.peaks, ends, strict=True):
            first, last = max(0, int(peak) - before), min(int(peak) + after, int(end), samples)
            if first < last:
                shift = heart.r_sample - int(peak)
                rest[:, first:last] -= heart.median[:, first + shift : last + shift]
                between[first:last] = False
        every = max(1, round(heart.rate_hz / COARSE_HZ))
        whole = samples // every * every
        coarse = rest[:, :whole].reshape(len(rest), -1, every) @ np.full(every, 1 / every)
        return cls(coarse, np.asarray(between[:whole].reshape(-1, every).all(axis=1)), heart.usual_rr_ms, heart.rate_hz / every)

    @cached_property
    def _filtered(self) -> Floats:
        passed: Floats = sosfiltfilt(butterworth(2, BAND_HZ, "bandpass", self.rate_hz), self.rest, axis=1)
        limit = CLIPPED_SD * MAD_TO_SD * np.median(np.abs(passed), axis=1, keepdims=True)
        return np.clip(passed, -limit, limit)

    @cached_property
    def _power(self) -> Floats:
        """(8, F) power of the windowed signal, padded to twice its length."""
        power: Floats = np.abs(fft.rfft(self._filtered * self._window, self._padded, axis=1)) ** 2
        return power

    @property
    def _window(self) -> Floats:
        return np.hanning(self.rest.shape[1])

    @property
    def _padded(self) -> int:
        return int(fft.next_fast_len(2 * self.rest.shape[1], real=True))

    @cached_property
    def flutter(self) -> tuple[float, float, float]:
        """The strongest regular waves of II, V1 or all leads: frequency in Hz, the share of the power from 3 to 12 Hz that lies
        within 0.35 Hz of it, and root mean square in µV from 3 to 12 Hz."""
        hz = fft.rfftfreq(self._padded, 1 / self.rate_hz)
        near, band = (hz >= FLUTTER_HZ[0]) & (hz <= FLUTTER_HZ[1]), (hz >= BAND_HZ[0]) & (hz <= BAND_HZ[1])
        candidates = []
        for leads in ([INDEPENDENT_LEADS.index("II")], [INDEPENDENT_LEADS.index("V1")], list(range(len(self.rest)))):
            power = self._power[leads].sum(axis=0)
            at = float(hz[near][power[near].argmax()])
            share = power[np.abs(hz - at) <= PEAK_HALF_HZ].sum() / max(float(power[band].sum()), 1e-12)
            candidates.append((at, float(share), float(np.sqrt((self._filtered[leads] ** 2).mean()))))
        return max(candidates, key=itemgetter(1))

    @cached_property
    def waves_between(self) -> tuple[float, float]:
        """Waves after T and before QRS that repeat themselves at the rate of flutter: frequency in Hz and correlation of the
        leads with themselves one wave later, where neither belongs to QRS or T. NaN if too little of the recording remains."""
        lags = range(round(self.rate_hz / FLUTTER_HZ[1]), round(self.rate_hz / FLUTTER_HZ[0]) + 1)
        pairs = {lag: self.between[lag:] & self.between[:-lag] for lag in lags}
        pairs = {lag: both for lag, both in pairs.items() if both.sum() >= MIN_PAIRS_S * self.rate_hz}
        candidates = []
        for lag, both in pairs.items():
            first, second = self._filtered[:, :-lag], self._filtered[:, lag:]
            product = (first * second).sum(axis=0) @ both
            size = np.sqrt(((first**2).sum(axis=0) @ both) * ((second**2).sum(axis=0) @ both))
            candidates.append((self.rate_hz / lag, float(product / max(size, 1e-12))))
        return max(candidates, key=itemgetter(1)) if candidates else (float("nan"), float("nan"))

    @cached_property
    def p_waves(self) -> tuple[float, float]:
        """P waves more frequent than QRS: the interval shorter than RR, in ms, after which all leads repeat themselves best,
        and their correlation with themselves then; NaN in a rhythm too fast for such an interval."""
        first = round(SHORTEST_PP_MS / 1000 * self.rate_hz)
        last = round(LONGEST_PP_SHARE * self.usual_rr_ms / 1000 * self.rate_hz)
        repeat = fft.irfft(self._power.sum(axis=0), self._padded)
        last = min(last, len(repeat) // 4)
        if last <= first or repeat[0] <= 0:
            return float("nan"), float("nan")
        of_window = fft.irfft(np.abs(fft.rfft(self._window, self._padded)) ** 2, self._padded)
        similarity = repeat[first:last] / repeat[0] * of_window[0] / of_window[first:last]
        best = int(similarity.argmax())
        return (first + best) * 1000 / self.rate_hz, float(similarity[best])
