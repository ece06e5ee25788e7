"""Recordings: noise of one or two leads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.ecg import Source, read_recordings
from ecgwas.leads import ALL_LEADS, LEADS
from ecgwas.progress import silent
from ecgwas.represent.intervals import measure
from ecgwas.simulate import simulate_signals
from ecgwas.study import ReadOptions
from tests.bad_input.harness import RIGHT, Case, Ending, ended, put
from tests.factories import make_hearts

Floats = NDArray[np.float64]
NEAR_MS = {"pr_ms": 20.0, "qrs_ms": 15.0, "qt_ms": 30.0, "heart_rate_bpm": 0.5}


def _measured(folder: Path, raw: Floats) -> tuple[dict[str, float], set[str]]:
    """Measurements of all leads together, and the leads that are not good."""
    np.save(folder / "1.npy", raw)
    put(folder / "1.json", '{"rate_hz": 500, "unit": "uV", "leads": ["' + '", "'.join(LEADS) + '"]}')
    batch = read_recordings(ReadOptions(recordings=folder), [Source("1", "2_0", {ALL_LEADS: folder / "1.npy"})], track=silent)
    assert batch.signals is not None
    quality = batch.lead_quality.frame
    named = {row["lead"] for row in quality.iter_rows(named=True) if row["status"] != "good"}
    return measure(with_fiducials(batch.signals), 0)[ALL_LEADS], named


def noisy(what: str, leads: Sequence[str], make: Callable[[np.random.Generator], Floats]) -> Case:
    """PR, QRS, QT and rate stay near those without the noise, and exactly these leads are named."""

    def run(at: Path) -> Ending:
        at.mkdir(parents=True, exist_ok=True)

        def work() -> bool:
            raw = simulate_signals(make_hearts(1, 3), np.random.default_rng(3)).noisy_uv[0].astype(np.float64)
            clean, _ = _measured(at, raw)
            for place, lead in enumerate(leads):
                raw[LEADS.index(lead)] += make(np.random.default_rng(place))
            found, named = _measured(at, raw)
            return named == set(leads) and all(abs(found[name] - clean[name]) <= near for name, near in NEAR_MS.items())

        return ended(work)

    return Case("recordings", what, RIGHT, "", run)


def _jumps(rng: np.random.Generator) -> Floats:
    made = np.zeros(5000)
    for start in (700, 2300, 3900):
        made[start:] += 2500 * np.exp(-np.arange(5000 - start) / 30)
    return made


def _bursts(rng: np.random.Generator) -> Floats:
    shown = np.repeat(rng.permutation([1, 1, 1, 0, 0, 0, 0, 0, 0, 0]), 500)
    return np.asarray(400 * shown * rng.standard_normal(5000), dtype=np.float64)


CASES: list[Case] = [
    noisy("white noise of 200 µV in one chest lead", ["V3"], lambda rng: 200 * rng.standard_normal(5000)),
    noisy("white noise of 500 µV in two chest leads", ["V2", "V5"], lambda rng: 500 * rng.standard_normal(5000)),
    noisy("60 Hz of 400 µV in one lead", ["V4"], lambda rng: 400 * np.sin(2 * np.pi * 60 * np.arange(5000) / 500)),
    noisy("contact lost three times in one chest lead", ["V2"], _jumps),
    noisy("bursts of muscle noise in two leads", ["V1", "V6"], _bursts),
    noisy("slow movement of one electrode", ["V3"], lambda rng: np.cumsum(rng.standard_normal(5000)) * 25),
]
