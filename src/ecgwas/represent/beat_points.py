"""Kind `beat_points`: the beat's voltage at regular times, the 'whole cardiac cycle' phenotype.

Verweij et al., Cell Systems 11:229 (2020): the median beat, aligned at R, each time point a trait. With `stretch` the part
before R is scaled so that P begins at the same time in everyone, and the part after R so that T ends at the same time. P and T
are found here, not taken from `Signals.fiducials_ms`: a P that the single beats do not share is accepted.
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
from ecgwas.delineation.single_beats import mean_rr_ms, median_beat
from ecgwas.leads import LEADS
from ecgwas.progress import silent
from ecgwas.represent.inputs import feature_names
from ecgwas.represent.reliability.reconstruction import ERRORS_SCHEMA, HISTORY_SCHEMA
from ecgwas.signals import Signals
from ecgwas.study import BeatPoints
from ecgwas.tables import Features

Floats = NDArray[np.float64]

STRETCHED_SHARES = (0.9, 0.75)
"""If stretched, P begins at the first share of the window before R, and T ends at the second share of the window after R."""


@dataclass(frozen=True)
class BeatPointsEncoder:
    """Samples the beat at points.

    times_ms       (P,) from R, of the points; with `stretch`, in a beat that needs no stretching
    beat_times_ms  (T,) from R, of the samples of a median beat
    """

    options: BeatPoints
    times_ms: Floats
    beat_times_ms: Floats

    @property
    def history(self) -> pl.DataFrame:
        """No rows: nothing is trained."""
        return pl.DataFrame(schema=HISTORY_SCHEMA)

    @property
    def errors(self) -> pl.DataFrame:
        """No rows: the features are the beat itself."""
        return pl.DataFrame(schema=ERRORS_SCHEMA)

    def encode(self, signals: Signals) -> Features:
        """t001.. in µV, a row for each of the twelve leads.

        Null in unusable and missing leads and, with `stretch`, before R without a P and after R without an end of T.
        """
        points = len(self.times_ms)
        values = np.full((len(signals), len(LEADS), points), np.nan)
        for i in range(len(signals)):
            beat = np.asarray(signals.beats[i], dtype=np.float64)
            times_ms = self._own_times_ms(signals, i)
            known = np.isfinite(times_ms)
            values[i, :, known] = np.stack([np.interp(times_ms[known], signals.beat_times_ms, lead) for lead in beat], axis=1)
        values[signals.without_features] = np.nan
        columns: dict[str, Any] = {
            "eid": [eid for eid in signals.eids for _ in LEADS],
            "lead": list(LEADS) * len(signals),
        }
        flat = values.reshape(-1, points)
        columns |= {name: flat[:, k] for k, name in enumerate(feature_names("t", points))}
        return Features(pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None)))

    def _own_times_ms(self, signals: Signals, participant: int) -> Floats:
        """(P,) ms from R at which this participant's beat is sampled; NaN where that is unknown."""
        if not self.options.stretch:
            return self.times_ms
        fiducials = delineate(median_beat(signals, participant), signals.beat_times_ms, mean_rr_ms(signals, participant))
        before_r = fiducials.p_on / (STRETCHED_SHARES[0] * signals.beat_times_ms[0])
        after_r = fiducials.t_off / (STRETCHED_SHARES[1] * signals.beat_times_ms[-1])
        own_times_ms: Floats = np.where(self.times_ms < 0, self.times_ms * before_r, self.times_ms * after_r)
        return own_times_ms

    def decode(self, features: Features) -> NDArray[np.float32] | None:
        """(N, 12, T) µV, straight lines between the points, NaN where null; None with `stretch`: the times are not known."""
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
    """Nothing is fitted: the points divide the beat's window evenly, including its first and last sample."""
    return _encoder(options, signals.beat_times_ms)


def _encoder(options: BeatPoints, beat_times_ms: Floats) -> BeatPointsEncoder:
    return BeatPointsEncoder(options, np.linspace(beat_times_ms[0], beat_times_ms[-1], options.points), beat_times_ms)


def units(options: BeatPoints) -> dict[str, str]:
    """Every point is a voltage."""
    return dict.fromkeys(feature_names("t", options.points), "µV")


def traits_of(options: BeatPoints) -> int:
    """Points times leads."""
    return len(LEADS) * options.points


def load(folder: Path) -> BeatPointsEncoder:
    """The encoder that `save` wrote."""
    about = json.loads((folder / "encoder.json").read_text())
    return _encoder(BeatPoints.model_validate(about["options"]), np.array(about["beat_times_ms"]))
