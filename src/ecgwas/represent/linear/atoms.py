"""Atoms: short waveforms in a group of leads at a time of the aligned beat, on which the beat is projected.

The waveform is a second derivative of a Gaussian (Ricker's wavelet, the Mexican hat): voltage at the centre less voltage on
either side. Participants differ much in slow waves and little in curvature, so that a small local effect stands out of the
differences between participants in such a projection, and not in the voltage itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ecgwas.delineation.vectorcardiogram import INVERSE_DOWER
from ecgwas.leads import CHEST_LEADS, INDEPENDENT_LEADS

Floats = NDArray[np.float64]

NEIGHBOURS = tuple(pairwise(CHEST_LEADS))
"""V1 and V2, ..., V5 and V6."""
FWHM_PER_SD = 2.0 * np.sqrt(2.0 * np.log(2.0))


def _mean_of(*leads: str) -> Floats:
    return np.array([float(lead in leads) / len(leads) for lead in INDEPENDENT_LEADS])


GROUPS: Mapping[str, Floats] = {
    **{lead: _mean_of(lead) for lead in INDEPENDENT_LEADS},
    **{"".join(pair): _mean_of(*pair) for pair in NEIGHBOURS},
    "IandII": _mean_of("I", "II"), "V1to3": _mean_of("V1", "V2", "V3"), "V4to6": _mean_of("V4", "V5", "V6"),
    "X": INVERSE_DOWER[0], "Y": INVERSE_DOWER[1], "Z": INVERSE_DOWER[2],
}  # fmt: skip
"""Group -> weights (8,) of the independent leads: a lead, the mean of neighbouring leads, or an axis of the heart vector (X
left, Y down, Z back; inverse Dower)."""

GROUP_WORDS: Mapping[str, str] = {
    **{"".join(pair): f"mean of leads {' and '.join(pair)}" for pair in NEIGHBOURS},
    "IandII": "mean of leads I and II", "V1to3": "mean of leads V1, V2 and V3", "V4to6": "mean of leads V4, V5 and V6",
    "X": "heart vector to the left", "Y": "heart vector down", "Z": "heart vector backward",
}  # fmt: skip

REFERENCE_MS = (-203.0, -145.0, -87.0, -40.0, 0.0, 44.0, 254.0, 335.0)
"""The reference beat, which is the same for all cohorts: P onset, peak and end; QRS onset, R, QRS end; T peak and end. Medians
of 466 people of PTB-XL, with whom the atoms were chosen."""
MARGIN_MS = 500.0
"""Before P onset and after T end, a cohort's time is that of the reference beat, shifted."""


@dataclass(frozen=True)
class Atom:
    """A place, a time and a width.

    group     name in GROUPS
    t_ms      centre, ms from R of the reference beat
    width_ms  full width at half maximum of the Gaussian
    """

    group: str
    t_ms: float
    width_ms: float

    @classmethod
    def named(cls, name: str) -> Atom:
        """From its name: group, time and width, such as V1V2_minus48ms_w12 or X_124ms_w18."""
        group, time, width = name.split("_")
        return cls(group, float(time.removesuffix("ms").replace("minus", "-")), float(width.removeprefix("w")))

    @property
    def name(self) -> str:
        """As `named` takes it; times and widths are whole ms."""
        return f"{self.group}_{self.t_ms:.0f}ms_w{self.width_ms:.0f}".replace("-", "minus")

    @property
    def meaning(self) -> str:
        """In words, with the unit."""
        where = GROUP_WORDS.get(self.group, f"lead {self.group}")
        moment = f"{abs(self.t_ms):.0f} ms {'before' if self.t_ms < 0 else 'after'} R of the reference beat"
        return f"{where}, {moment}: voltage less that on either side, {self.width_ms:.0f} ms wide (µV)"


def hats(t_ms: Floats, width_ms: Floats, times_ms: Floats) -> Floats:
    """(K, T) weights of K hats at the samples' times (T,): their sum is zero, that of the positive ones is one."""
    x = (times_ms - t_ms[:, None]) / (width_ms[:, None] / FWHM_PER_SD)
    gaussian = np.exp(-0.5 * x**2)
    hat = (1.0 - x**2) * gaussian
    # Of a sampled hat, part of which may lie outside of the beat, the sum is not quite zero.
    hat -= gaussian * (hat.sum(axis=1, keepdims=True) / gaussian.sum(axis=1, keepdims=True))
    weights: Floats = hat / np.maximum(hat, 0.0).sum(axis=1, keepdims=True)
    return weights


def weights_of(atoms: Sequence[Atom], fiducials_ms: Floats, times_ms: Floats) -> Floats:
    """(K, 8, T) weights with which beats, µV, that are aligned to these fiducial points are summed to features, µV."""
    over_time = hats(
        in_time_of(fiducials_ms, [atom.t_ms for atom in atoms]), np.array([atom.width_ms for atom in atoms]), times_ms
    )
    over_leads = np.stack([GROUPS[atom.group] for atom in atoms])
    weights: Floats = over_leads[:, :, None] * over_time[:, None]
    return weights


def in_time_of(fiducials_ms: Floats, reference_ms: Sequence[float] | Floats) -> Floats:
    """Times (K,) of the reference beat as times of a beat with these fiducial points (8,), piece by piece."""
    reference = np.array([REFERENCE_MS[0] - MARGIN_MS, *REFERENCE_MS, REFERENCE_MS[-1] + MARGIN_MS])
    own = np.array([fiducials_ms[0] - MARGIN_MS, *fiducials_ms, fiducials_ms[-1] + MARGIN_MS])
    times: Floats = np.interp(reference_ms, reference, own)
    return times


NAMES = """
X_148ms_w27 X_224ms_w18 X_296ms_w12 X_84ms_w12 X_minus68ms_w18 X_minus176ms_w18 X_52ms_w8 Z_356ms_w18 Z_132ms_w27
Z_260ms_w8 X_192ms_w12 X_minus132ms_w12 Y_minus32ms_w12 V2V3_minus80ms_w18 V2V3_minus188ms_w12 X_316ms_w8 Y_68ms_w18
V4to6_360ms_w18 Z_208ms_w18 Z_minus112ms_w8 V1V2_28ms_w8 Z_292ms_w12 V3V4_minus160ms_w18 X_minus12ms_w8 V1to3_60ms_w12
V6_minus48ms_w8 Y_124ms_w27 V4V5_minus104ms_w18 Y_240ms_w18 Y_332ms_w18 Y_minus172ms_w18 X_168ms_w18 Y_minus60ms_w12
II_8ms_w8 V4to6_minus140ms_w8 X_112ms_w18 V3V4_minus80ms_w12 V4to6_264ms_w8 V5V6_minus188ms_w27 V1V2_minus92ms_w18
V1to3_92ms_w12 V2V3_316ms_w8 V3V4_minus32ms_w8 V4to6_68ms_w8 Y_minus116ms_w12 V6_minus68ms_w12 IandII_48ms_w8
V4to6_344ms_w12 V4to6_148ms_w18 V3V4_232ms_w12 V1_12ms_w8 V1to3_minus196ms_w18 Z_172ms_w18 I_minus68ms_w18 X_36ms_w8
V5_minus60ms_w8 V3_minus96ms_w18 IandII_minus12ms_w8 X_312ms_w8 I_minus156ms_w27 Z_minus164ms_w8 I_216ms_w40
V1V2_248ms_w8 V1V2_minus136ms_w8 V6_minus28ms_w8 V4_minus64ms_w8 V5V6_280ms_w8 Y_minus80ms_w18 V6_208ms_w18
V4_minus168ms_w27 V1V2_332ms_w12 V4to6_116ms_w12 V3_minus16ms_w8 Y_276ms_w12 V6_364ms_w27 V5V6_56ms_w8 V4_minus48ms_w12
V2V3_72ms_w8 V1V2_minus28ms_w8 V1_48ms_w8 V3V4_minus116ms_w8 V3_244ms_w8 V1_minus56ms_w8 V4to6_176ms_w18 I_72ms_w27
Y_minus196ms_w18 Y_368ms_w27 V1to3_108ms_w8 V5_minus12ms_w18 V6_minus84ms_w18 V1V2_minus120ms_w8 I_320ms_w27
V3V4_340ms_w12 V1to3_148ms_w18 Y_92ms_w18 V3_minus156ms_w18 V1V2_8ms_w8 I_minus16ms_w8 V1_304ms_w18 IandII_32ms_w8
V5_minus88ms_w27 Y_minus136ms_w12 V4to6_minus200ms_w18 V4_minus12ms_w12 I_minus184ms_w40 V2_minus148ms_w8
V2_minus80ms_w18 V3_minus116ms_w27 V6_16ms_w8 Y_minus108ms_w12 V6_268ms_w12 V1V2_180ms_w18 V1_minus92ms_w8 V5V6_96ms_w18
V4_144ms_w12 V6_244ms_w12 V2_36ms_w8 V6_minus160ms_w27 V1V2_272ms_w8 V3V4_minus104ms_w8 V4_256ms_w8 I_minus44ms_w8
Y_192ms_w27 V4_minus132ms_w12 V6_minus108ms_w18 V4_minus80ms_w12 V2V3_116ms_w18 V5_328ms_w12 V1_minus72ms_w8 Y_52ms_w8
V3_20ms_w8 V1_minus24ms_w8 V3_minus12ms_w8 V4to6_minus148ms_w8 V4to6_32ms_w8 V4V5_352ms_w18 I_minus128ms_w18
V6_304ms_w12 V1V2_minus8ms_w8 I_160ms_w40 V1V2_80ms_w8 V1V2_256ms_w8 V3_minus52ms_w18 Z_minus180ms_w12 Y_minus160ms_w18
II_minus12ms_w18 V1to3_352ms_w18 V4V5_204ms_w12 V2_minus108ms_w18 V1_minus132ms_w27 V4_minus84ms_w8 V6_52ms_w8
V3V4_minus192ms_w18 II_84ms_w12 I_360ms_w40 V6_minus8ms_w12 V1_196ms_w12 Y_16ms_w8 V4_0ms_w8 V4_48ms_w8 V1_108ms_w18
V3_260ms_w8 V2V3_312ms_w8 V6_minus72ms_w18 Z_228ms_w12 I_minus80ms_w27 V3V4_96ms_w12 V1_32ms_w8 V1_minus96ms_w18
Y_minus40ms_w8 V3_52ms_w8 V1V2_minus116ms_w8 V4_minus96ms_w18 V5V6_minus180ms_w27 V4V5_minus152ms_w12 Z_284ms_w8
V2_minus96ms_w12 V2_minus56ms_w8 I_16ms_w8 V5V6_84ms_w12 V5V6_172ms_w18 V4to6_minus120ms_w8 V2V3_minus168ms_w8
V4_220ms_w18 V6_356ms_w27 Y_36ms_w8 I_332ms_w27 V5_minus68ms_w18 I_56ms_w12 Y_minus48ms_w27 V3_168ms_w18 V1_364ms_w40
X_128ms_w18 V2V3_112ms_w12 Y_minus132ms_w12 V1_212ms_w18 V4_172ms_w18 I_228ms_w27 V3_minus44ms_w8 V5_36ms_w8
"""
ATOMS = tuple(Atom.named(name) for name in NAMES.split())
"""The atoms that together reveal most of many simulated local effects, the most useful ones first, as
`python -m benchmarks.findings.local_atoms` chooses them."""
