"""From the heart vector to twelve recorded leads by way of nine electrodes, which are swapped, misplaced and noisy.

Noise arises at an electrode and therefore reaches several leads: noise at the left arm appears in I, III, aVL and, by Wilson's
terminal, a third of it in every chest lead. Einthoven's and Goldberger's equations hold whatever happens to an electrode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.hearts.model import RATE_HZ, SAMPLES
from ecgwas.leads import CHEST_LEADS, twelve_from_eight
from ecgwas.simulate.waves import UV_PER_COUNT, twelve_leads_of_counts

Floats = NDArray[np.float64]
Heart = Mapping[str, float]

ELECTRODES = ("RA", "LA", "LL", *CHEST_LEADS)


def _potentials() -> Floats:
    """(9, 8): potentials from I, II, V1 to V6; Wilson's terminal, the mean of the limbs, is zero."""
    matrix = np.zeros((9, 8))
    matrix[0, :2], matrix[1, :2], matrix[2, :2] = (-1 / 3, -1 / 3), (2 / 3, -1 / 3), (-1 / 3, 2 / 3)
    matrix[3:, 2:] = np.eye(6)
    return matrix


def _leads() -> Floats:
    """(8, 9): I, II, V1 to V6 from potentials at any reference."""
    matrix = np.zeros((8, 9))
    matrix[0, [0, 1]], matrix[1, [0, 2]] = (-1, 1), (-1, 1)
    matrix[2:, :3] = -1 / 3
    matrix[2:, 3:] = np.eye(6)
    return matrix


POTENTIALS, LEADS_OF_ELECTRODES = _potentials(), _leads()


@dataclass(frozen=True)
class Electrodes:
    """Faults of the recording.

    swapped     pairs of electrodes connected in place of each other
    muscle_uv   electrode -> SD of additional muscle noise
    mains       frequency in Hz and amplitude in µV of additional mains in all electrodes
    """

    swapped: tuple[tuple[str, str], ...] = ()
    muscle_uv: Mapping[str, float] = field(default_factory=dict)
    mains: tuple[float, float] = (50.0, 0.0)

    def recorded(
        self, eight: Floats, heart: Heart, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(12, S) float32 µV with noise, rounded to 5 µV (III = II - I exactly), and without, from eight true leads (8, S)."""
        potentials = (POTENTIALS @ eight)[self._order()]
        noisy = LEADS_OF_ELECTRODES @ (potentials + self._noise(heart, rng))
        counts = twelve_leads_of_counts(np.rint(noisy / UV_PER_COUNT).astype(np.int32))
        clean = twelve_from_eight(LEADS_OF_ELECTRODES @ potentials)
        return (counts * UV_PER_COUNT).astype(np.float32), clean.astype(np.float32)

    def _order(self) -> list[int]:
        order = list(range(len(ELECTRODES)))
        for one, other in self.swapped:
            i, j = ELECTRODES.index(one), ELECTRODES.index(other)
            order[i], order[j] = order[j], order[i]
        return order

    def _noise(self, heart: Heart, rng: np.random.Generator) -> Floats:
        """(9, S) µV. The heart's SDs are those of a lead between two electrodes: each electrode has a half of the variance."""
        white = heart["white_uv"] * rng.standard_normal((len(ELECTRODES), SAMPLES))
        muscle = heart["muscle_uv"] * _coloured(rng, _muscle) * _bursts(rng)
        wander = heart["wander_uv"] * _coloured(rng, _wander)
        noise: Floats = (white + muscle + wander) / np.sqrt(2)
        hz, amplitude = self.mains
        if amplitude == 0:
            hz, amplitude = 50.0, heart["mains_uv"]
        angle = 2 * np.pi * hz * np.arange(SAMPLES) / RATE_HZ + rng.uniform(0, 2 * np.pi)
        noise += amplitude * rng.uniform(0.3, 1.7, (len(ELECTRODES), 1)) * np.sin(angle)
        for electrode, sd in self.muscle_uv.items():
            noise[ELECTRODES.index(electrode)] += sd * _coloured(rng, _muscle)[0]
        return noise


def _coloured(rng: np.random.Generator, weight: Callable[[Floats], Floats]) -> Floats:
    """(9, S) noise of SD 1 in each row, with amplitudes of the spectrum proportional to `weight` of the frequency in Hz."""
    count = 2 * SAMPLES  # the second half is not used, so that the end does not continue in the beginning
    hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    shape = (len(ELECTRODES), len(hz))
    spectrum = weight(hz) * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
    spectrum[:, 0] = 0.0
    noise = np.fft.irfft(spectrum, count)
    scaled: Floats = noise[:, :SAMPLES] / noise.std(axis=1, keepdims=True)
    return scaled


def _muscle(hz: Floats) -> Floats:
    return ((hz > 20) & (hz < 150)).astype(np.float64)


def _wander(hz: Floats) -> Floats:
    return ((hz > 0.04) & (hz < 0.4)) / np.maximum(hz, 0.04)


def _bursts(rng: np.random.Generator) -> Floats:
    """(S,) strength of muscle noise, which waxes and wanes; mean square about 1."""
    knots = np.linspace(0, SAMPLES - 1, 9)
    strength: Floats = np.interp(np.arange(SAMPLES), knots, rng.gamma(2.0, 0.45, 9))
    return strength
