"""Small in-memory inputs for tests, made by the simulator or by chance; the same arguments give the same arrays.

| maker | gives | shapes and types | missing | meaning |
|---|---|---|---|---|
| `make_hearts(n, seed)` | Hearts | values (n, 36) float64 | none | the true parameters behind `make_signals(n, seed)` |
| `make_signals(n, seed)` | Signals | strips (n, 12, 5000), beats (n, 12, 475) float32 µV; 500 Hz | r_samples -1 | R at 175 |
| `make_delineated(n, seed)` | Signals | as `make_signals` | r_samples -1 | and with fiducial points |
| `make_clean_beats(n, seed)` | array | (n, 12, 475) float32 µV | none | the noise-free beats behind `make_signals` |
| `make_traits(n, k, seed)` | Traits | values (n, k) float64 | NaN, share `missing` | standard normal |
| `make_covariates(n, c, seed)` | Covariates | values (n, c) float64 | none | standard normal |
| `make_dosage(n, v, seed)` | array | (n, v) int8, copies 0-2 | -127, share `missing` | frequencies 0.05-0.5 |
| `make_bed(path, ...)` | array (as make_dosage) | writes .bed .bim .fam beside `path` | -127 | chromosome 1, 1 kb apart |

People are named by `make_eids(n)`: "1000001", "1000008", ...
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from bed_reader import to_bed
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.represent import Encoder
from ecgwas.represent.linear.components import Components
from ecgwas.represent.pca import PcaEncoder
from ecgwas.signals import Signals, StackedArrays
from ecgwas.simulate import Hearts, clean_beats, draw_hearts, simulate_signals
from ecgwas.tables import Covariates, Table, Traits

R_SAMPLE, BEAT_SAMPLES = 175, 475
MISSING = -127


def make_eids(n: int) -> tuple[str, ...]:
    return tuple(str(1_000_001 + 7 * i) for i in range(n))


def make_hearts(n: int, seed: int = 1) -> Hearts:
    return draw_hearts(n, np.random.default_rng([seed, 1]))


def make_clean_beats(n: int, seed: int = 1) -> NDArray[np.float32]:
    return clean_beats(make_hearts(n, seed))


def make_signals(n: int, seed: int = 1) -> Signals:
    simulated = simulate_signals(make_hearts(n, seed), np.random.default_rng([seed, 2]))
    high_pass = butter(2, 0.5, "highpass", fs=500, output="sos")
    strips = sosfiltfilt(high_pass, simulated.noisy_uv, axis=2).astype(np.float32)
    peaks = simulated.r_samples
    whole = (peaks >= R_SAMPLE) & (peaks < 5000 - BEAT_SAMPLES + R_SAMPLE)
    normal = whole & ~simulated.ectopic
    shape = (n, 12, BEAT_SAMPLES)
    beats, odd, even, noise = np.empty(shape), np.empty(shape), np.empty(shape), np.empty((n, 12))
    for i in range(n):
        cut = _cut(strips[i], peaks[i][normal[i]])
        beats[i], odd[i], even[i] = np.median(cut, 0), np.median(cut[::2], 0), np.median(cut[1::2], 0)
        noise[i] = (cut - beats[i]).std(axis=(0, 2))
    rows = [StackedArrays([array.astype(np.float32)]) for array in (strips, beats, odd, even)]
    return Signals(make_eids(n), 500.0, R_SAMPLE, rows[0], rows[1], rows[2], rows[3], noise.astype(np.float32), peaks, normal)


def components_of(encoder: Encoder) -> Components:
    """The components of an encoder of kind pca."""
    assert isinstance(encoder, PcaEncoder)
    return encoder.components


def make_delineated(n: int, seed: int = 1) -> Signals:
    return with_fiducials(make_signals(n, seed))


def with_beats(signals: Signals, beats: NDArray[np.float32] | StackedArrays) -> Signals:
    """The same people with other median beats (n, 12, T), whose fiducial points have not been found."""
    stacked = beats if isinstance(beats, StackedArrays) else StackedArrays([beats])
    return replace(signals, beats=stacked, fiducials_ms=np.empty((0, *signals.fiducials_ms.shape[1:])))


def make_traits(n: int, k: int, seed: int = 1, *, missing: float = 0.0) -> Traits:
    rng = np.random.default_rng([seed, 3])
    values = rng.standard_normal((n, k))
    values[rng.random((n, k)) < missing] = np.nan
    return Traits(make_eids(n), tuple(f"made.12L.f{j + 1:02d}" for j in range(k)), values)


def make_covariates(n: int, c: int, seed: int = 1) -> Covariates:
    values = np.random.default_rng([seed, 4]).standard_normal((n, c))
    return Covariates(make_eids(n), tuple(f"covariate{j + 1}" for j in range(c)), values)


def make_dosage(n: int, v: int, seed: int = 1, *, missing: float = 0.0) -> NDArray[np.int8]:
    rng = np.random.default_rng([seed, 5])
    dosage = rng.binomial(2, rng.uniform(0.05, 0.5, v), size=(n, v)).astype(np.int8)
    dosage[rng.random((n, v)) < missing] = MISSING
    return dosage


def make_bed(path: Path, n: int, v: int, seed: int = 1, *, missing: float = 0.0) -> NDArray[np.int8]:
    """Writes path (.bed), .bim and .fam; allele 1 (G) is the one counted, allele 2 is A; sexes alternate 1, 2."""
    dosage = make_dosage(n, v, seed, missing=missing)
    eids = list(make_eids(n))
    to_bed(
        path,
        dosage,
        properties={
            "fid": eids, "iid": eids, "sex": [1 + i % 2 for i in range(n)], "sid": [f"v{j + 1}" for j in range(v)],
            "chromosome": ["1"] * v, "bp_position": [1000 * (j + 1) for j in range(v)],
            "allele_1": ["G"] * v, "allele_2": ["A"] * v,
        },
    )  # fmt: skip
    return dosage


def _cut(strip: NDArray[np.float32], peaks: NDArray[np.int32]) -> NDArray[np.float32]:
    """(B, 12, T) beats around the peaks, the mean of the 20 ms before QRS (60-40 ms before R) as zero line."""
    around = peaks[:, None] + np.arange(-R_SAMPLE, BEAT_SAMPLES - R_SAMPLE)
    beats = strip[:, around].transpose(1, 0, 2)
    return beats - beats[:, :, R_SAMPLE - 30 : R_SAMPLE - 20].mean(axis=2, keepdims=True)


def with_all_columns(table: type[Table], text: str) -> Table:
    """A table from the lines of a CSV; columns that the text does not have are null."""
    types = {name: column.dtype for name, column in (table.columns | table.further).items()}
    frame = pl.read_csv(text.encode(), schema_overrides=types)
    return table(frame.with_columns(pl.lit(None).alias(name) for name in table.columns if name not in frame.columns))
