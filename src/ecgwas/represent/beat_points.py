"""Kind `beat_points`: the beat's voltage at regular times, the 'whole cardiac cycle' phenotype.

Verweij et al., Cell Systems 11:229 (2020): the median beat, aligned at R, each time point a trait. With `stretch` the part
before R is scaled so that P begins at the same place in everyone, and the part after R so that T ends at the same place.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.delineation.fiducials import delineate
from ecgwas.delineation.single_beats import reliable, usual_rr_ms
from ecgwas.leads import INDEPENDENT, LEADS, predict_unreliable_leads
from ecgwas.progress import silent
from ecgwas.represent.inputs import feature_names
from ecgwas.represent.reliability.reconstruction import ERRORS, HISTORY
from ecgwas.signals import Signals
from ecgwas.study import BeatPoints
from ecgwas.tables import Features

Floats = NDArray[np.float64]

REACH = (0.9, 0.75)
"""Stretched: P begins at this share of the window before R, T ends at this share of the window after R."""


@dataclass(frozen=True)
class BeatPointsEncoder:
    """Samples the beat; times_ms (P,) from R, of the points (with `stretch`, of a beat that needs none), among beat_times_ms
    (T,), the times of a median beat."""

    options: BeatPoints
    times_ms: Floats
    beat_times_ms: Floats

    @property
    def history(self) -> pl.DataFrame:
        """No rows: nothing is trained."""
        return pl.DataFrame(schema=HISTORY)

    @property
    def errors(self) -> pl.DataFrame:
        """No rows: the beat itself is kept."""
        return pl.DataFrame(schema=ERRORS)

    def encode(self, signals: Signals) -> Features:
        """t001.. in µV, a row for each of the twelve leads; null for people without P or T end where `stretch` needs them,
        and in unusable and missing leads."""
        points = len(self.times_ms)
        values = np.full((len(signals), len(LEADS), points), np.nan)
        for i in range(len(signals)):
            beat = np.asarray(signals.beats[i], dtype=np.float64)
            when = self._when(signals, i, beat)
            known = np.isfinite(when)
            values[i, :, known] = np.stack([np.interp(when[known], signals.beat_times_ms, lead) for lead in beat], axis=1)
        values[signals.without_features] = np.nan
        columns: dict[str, Any] = {
            "eid": [eid for eid in signals.eids for _ in LEADS],
            "lead": list(LEADS) * len(signals),
        }
        flat = values.reshape(-1, points)
        columns |= {name: flat[:, k] for k, name in enumerate(feature_names("t", points))}
        return Features(pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None)))

    def _when(self, signals: Signals, person: int, beat: Floats) -> Floats:
        """(P,) ms from R at which this person's beat is read; NaN where that is unknown."""
        if not self.options.stretch:
            return self.times_ms
        found = delineate(
            predict_unreliable_leads(beat[INDEPENDENT], reliable(signals, person)),
            signals.beat_times_ms,
            usual_rr_ms(signals, person),
        )
        before = found.p_on / (REACH[0] * signals.beat_times_ms[0])
        after = found.t_off / (REACH[1] * signals.beat_times_ms[-1])
        when: Floats = np.where(self.times_ms < 0, self.times_ms * before, self.times_ms * after)
        return when

    def decode(self, features: Features) -> NDArray[np.float32] | None:
        """(N, 12, T) µV between the points by straight lines, NaN where null; None with `stretch`, which forgets the times."""
        if self.options.stretch:
            return None
        values = features.frame.select(features.names).fill_null(float("nan")).to_numpy()
        beats = np.stack([np.interp(self.beat_times_ms, self.times_ms, row) for row in values])
        return beats.reshape(-1, len(LEADS), len(self.beat_times_ms)).astype(np.float32)

    def save(self, folder: Path) -> None:
        """encoder.json: options and times."""
        about = {"options": self.options.model_dump(mode="json"), "beat_times_ms": self.beat_times_ms.tolist()}
        (folder / "encoder.json").write_text(json.dumps(about, indent=1))


def fit(
    options: BeatPoints, signals: Signals, *, seed: int, scratch: Path | None = None, track: Callable[..., Any] = silent
) -> BeatPointsEncoder:
    """Nothing is fitted; the points divide the beat's window evenly, first and last sample included."""
    return _encoder(options, signals.beat_times_ms)


def _encoder(options: BeatPoints, beat_times_ms: Floats) -> BeatPointsEncoder:
    return BeatPointsEncoder(options, np.linspace(beat_times_ms[0], beat_times_ms[-1], options.points), beat_times_ms)


def traits_of(options: BeatPoints) -> int:
    """Every point in every lead."""
    return len(LEADS) * options.points


def load(folder: Path) -> BeatPointsEncoder:
    """The encoder that `save` wrote."""
    about = json.loads((folder / "encoder.json").read_text())
    return _encoder(BeatPoints.model_validate(about["options"]), np.array(about["beat_times_ms"]))
