"""Rhythms: when beats occur, where they come from, and what the atria do between them.

Sinus rhythm    RR intervals with the spectrum of McSharry et al., IEEE Trans Biomed Eng 50:289 (2003): two Gaussian bands,
                Mayer waves at 0.1 Hz and breathing, with random phases
Fibrillation    independent RR intervals and f waves after Stridh and Sörnmo, IEEE Trans Biomed Eng 48:105 (2001): a sawtooth of
                a few harmonics whose amplitude and frequency are modulated
AV block        sinus P waves, of which none or every second one is conducted
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.hearts.model import SECONDS
from ecgwas.simulate.waves import direction

Floats = NDArray[np.float64]
Heart = Mapping[str, float]

LF_HZ, BAND_SD_HZ = 0.1, 0.01
LF_HF = 0.5
"""Centre of the low band, SD of both, and ratio of their variances: the paper's values."""
STEP_S, LONG_S = 0.25, 128.0
SHORTEST_S = 0.25
HARMONICS = 5
FIBRILLATION_DIRECTION = np.array([0.25, 0.45, -0.86])
"""Forward and down: f waves are largest in V1, then in II."""
FLUTTER_DIRECTION = np.array([0.1, -0.95, -0.3])
"""Up: the sawtooth is negative in II, III and aVF and positive in V1 (typical flutter)."""


def _no_activity(times_s: Floats) -> Floats:
    return np.zeros((len(times_s), 3))


@dataclass(frozen=True)
class Rhythm:
    """Beats from before to after a recording.

    onsets_s    (B,) s, QRS onset of each beat
    rr_s        (B,) s, the interval before each
    origins     B times "normal", "ventricular" or "atrial"
    atria       times (T,) s -> (T, 3) µV, atrial activity that is not tied to QRS
    """

    onsets_s: Floats
    rr_s: Floats
    origins: tuple[str, ...]
    atria: Callable[[Floats], Floats] = field(default=_no_activity)


def rr_series(mean_s: float, sd_s: float, breath_hz: float, rng: np.random.Generator, *, lf_hf: float = LF_HF) -> Floats:
    """(512,) RR interval, s, every STEP_S over LONG_S: mean and SD as given, spectrum of two Gaussian bands.

    The series is periodic. An interval below 0.25 s is 0.25 s.
    """
    count = round(LONG_S / STEP_S)
    hz = np.fft.rfftfreq(count, STEP_S)
    bands = [np.exp(-0.5 * ((hz - centre) / BAND_SD_HZ) ** 2) for centre in (LF_HZ, breath_hz)]
    power = lf_hf * bands[0] / bands[0].sum() + bands[1] / bands[1].sum()
    power[0] = 0.0
    series = np.fft.irfft(np.sqrt(power) * np.exp(2j * np.pi * rng.random(len(hz))), count)
    return np.maximum(mean_s + sd_s * series / series.std(), SHORTEST_S)


def sinus(heart: Heart, rng: np.random.Generator) -> Rhythm:
    """Sinus rhythm; the recording begins at any point of a beat and of the RR series."""
    mean = 60 / heart["hr_bpm"]
    series = rr_series(mean, heart["rr_sd_ms"] / 1000, heart["resp_bpm"] / 60, rng)
    times, start = STEP_S * np.arange(len(series)), rng.uniform(0, LONG_S)
    onsets, rr = [-3 * mean + rng.uniform(0, mean)], [mean]
    while onsets[-1] < SECONDS + mean:
        rr.append(float(np.interp((start + onsets[-1]) % LONG_S, times, series)))
        onsets.append(onsets[-1] + rr[-1])
    return Rhythm(np.array(onsets), np.array(rr), ("normal",) * len(onsets))


def with_ectopy(
    origin: str, *, share: float, early: float, compensatory: bool
) -> Callable[[Heart, np.random.Generator], Rhythm]:
    """Sinus rhythm in which a share of the beats, never two in succession, occurs early by a share of the RR interval.

    compensatory: the next beat keeps its time (ventricular beats); otherwise the sinus node is reset (atrial beats). At least
    one beat of the recording is ectopic.
    """

    def rhythm(heart: Heart, rng: np.random.Generator) -> Rhythm:
        normal = sinus(heart, rng)
        onsets, count = normal.onsets_s.copy(), len(normal.onsets_s)
        inside = np.flatnonzero((onsets > 1) & (onsets < SECONDS - 1))
        chosen = np.zeros(count, dtype=bool)
        chosen[rng.choice(inside)] = True
        for k in inside:
            if not chosen[max(0, k - 1) : k + 2].any():
                chosen[k] = rng.random() < share
        for k in np.flatnonzero(chosen):
            shift = early * normal.rr_s[k]
            onsets[k : k + 1 if compensatory else count] -= shift
        origins = tuple(origin if is_ectopic else "normal" for is_ectopic in chosen)
        return Rhythm(onsets, np.diff(onsets, prepend=onsets[0] - normal.rr_s[0]), origins)

    return rhythm


def fibrillation(heart: Heart, rng: np.random.Generator) -> Rhythm:
    """Atrial fibrillation: independent lognormal RR intervals with mean 60/hr_bpm and SD rr_sd_ms, at least 0.3 s; f waves of
    f_hz and f_uv (amplitude of the largest harmonic)."""
    mean, variance = 60 / heart["hr_bpm"], (heart["rr_sd_ms"] / 1000) ** 2
    sigma = np.sqrt(np.log1p(variance / mean**2))
    count = int(2.5 * SECONDS / mean) + 10
    rr = np.maximum(np.exp(np.log(mean) - sigma**2 / 2 + sigma * rng.standard_normal(count)), 0.3)
    onsets = np.cumsum(rr) - 3 * mean - rng.uniform(0, mean)
    onsets, rr = onsets[onsets < SECONDS + mean], rr[onsets < SECONDS + mean]
    phases = rng.uniform(0, 2 * np.pi, 3)

    def atria(times_s: Floats) -> Floats:
        angle = 2 * np.pi * heart["f_hz"] * times_s + phases[0] + 1.5 * np.sin(2 * np.pi * 0.11 * times_s + phases[1])
        strength = heart["f_uv"] * (1 + 0.4 * np.sin(2 * np.pi * 0.23 * times_s + phases[2]))
        return _sawtooth(angle, strength)[:, None] * FIBRILLATION_DIRECTION

    return Rhythm(onsets, rr, ("normal",) * len(onsets), atria)


def flutter(heart: Heart, rng: np.random.Generator) -> Rhythm:
    """Atrial flutter: waves at flutter_bpm of flutter_uv, of which every av_ratio-th is conducted."""
    cycle, ratio = 60 / heart["flutter_bpm"], round(heart["av_ratio"])
    start = -rng.uniform(2, 3) * ratio * cycle
    onsets = np.arange(start, SECONDS + ratio * cycle, ratio * cycle)
    return _fluttering(heart, onsets, np.full(len(onsets), ratio * cycle), start)


def changing_flutter(heart: Heart, rng: np.random.Generator) -> Rhythm:
    """Atrial flutter in which two to four waves, in any order, fall between two beats."""
    cycle = 60 / heart["flutter_bpm"]
    rr = cycle * rng.integers(2, 5, size=int(SECONDS / cycle))
    start = -rng.uniform(2, 3) * 4 * cycle
    onsets = start + np.cumsum(rr)
    inside = onsets < SECONDS + 4 * cycle
    return _fluttering(heart, onsets[inside], rr[inside], start)


def _fluttering(heart: Heart, onsets_s: Floats, rr_s: Floats, start_s: float) -> Rhythm:
    """These beats, and flutter waves of which one begins at start_s."""

    def atria(times_s: Floats) -> Floats:
        wave = _sawtooth(2 * np.pi * (times_s - start_s) * heart["flutter_bpm"] / 60, heart["flutter_uv"])
        return wave[:, None] * FLUTTER_DIRECTION

    return Rhythm(onsets_s, rr_s, ("normal",) * len(onsets_s), atria)


def complete_block(heart: Heart, rng: np.random.Generator) -> Rhythm:
    """Complete AV block: an escape rhythm of hr_bpm and SD rr_sd_ms, and sinus P waves at atrial_bpm that do not heed it."""
    escape = sinus(heart, rng)
    atrial = sinus({**heart, "hr_bpm": heart["atrial_bpm"], "rr_sd_ms": heart["atrial_sd_ms"]}, rng)
    return replace(escape, atria=_p_waves(heart, atrial.onsets_s))


def two_to_one_block(heart: Heart, rng: np.random.Generator) -> Rhythm:
    """AV block in which every second P wave is conducted, pr_ms before QRS, and the other one falls midway."""
    conducted = sinus(heart, rng)
    first = conducted.onsets_s - heart["pr_ms"] / 1000
    p_onsets = np.sort(np.concatenate([first, first[:-1] + np.diff(first) / 2]))
    return replace(conducted, atria=_p_waves(heart, p_onsets))


def _p_waves(heart: Heart, onsets_s: Floats) -> Callable[[Floats], Floats]:
    """P waves (right and left atrium, as in `ecgwas.simulate`) that begin at these times."""
    p = heart["p_ms"] / 1000
    split, sd = heart["p_delay"] * p / 2, p / 6.5
    parts = [(-split, 0.0, -22.0), (split, -12.0, 28.0)]

    def atria(times_s: Floats) -> Floats:
        vector = np.zeros((len(times_s), 3))
        for shift, turn, tilt in parts:
            heights = np.exp(-0.5 * ((times_s[:, None] - onsets_s - p / 2 - shift) / sd) ** 2).sum(axis=1)
            towards = direction(heart["p_axis_deg"] + turn, heart["p_tilt_deg"] + tilt)
            vector += 0.62 * heart["p_uv"] * heights[:, None] * np.asarray(towards)
        return vector

    return atria


def _sawtooth(angle: Floats, strength: Floats | float) -> Floats:
    harmonics = np.arange(1, HARMONICS + 1)
    wave: Floats = -strength * (np.sin(np.outer(angle, harmonics)) / harmonics).sum(axis=1)
    return wave
