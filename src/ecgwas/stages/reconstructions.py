"""What the report shows of a representation's reconstructions: the example, several anonymous signals, the layers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import report, represent
from ecgwas.ecg.clean import remove_baseline
from ecgwas.leads import ALL_LEADS
from ecgwas.signals import Signals
from ecgwas.stages.represent import ERROR_LIMIT_REASON, Fitted
from ecgwas.study import ReadOptions, Study
from ecgwas.tables import Features, files

N_EXAMPLES = 5
"""Number of signals with features that are drawn with their reconstruction, evenly spaced by rank of their error."""

DRAWN_LEAD = "II"
"""The lead that is drawn of signals of all leads together."""


def baseline_removed(options: ReadOptions, raw_uv: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """(12, S) float32 µV: the recording after removal of its baseline and before denoising; None if these are not two
    steps."""
    if "none" in (options.baseline.kind, options.denoise.kind):
        return None
    return remove_baseline(options.baseline, raw_uv, rate_hz=options.rate_hz).astype(np.float32)


def reconstruction_fields(study: Study, fitted: Fitted, signals: Signals, *, example: int = 0) -> dict[str, Any]:
    """The fields of RepresentationResults about reconstruction.

    example: the row of the example among the signals. Of whole recordings, the example and several
    signals, also beyond max_mse, are reconstructed again; of median beats, the example is decoded from its features.
    """
    options, encoder, features = fitted.options, fitted.encoder, fitted.features
    folder = files.ENCODER.path(study.results, representation=options.name)
    fields = {"max_mse": options.error_limit, "architecture": _architecture(folder), **_counts(study, options.name)}
    if not options.uses_strips:
        return fields | {"reconstruction": _decoded(encoder, features, signals.eids[example])}
    rebuilt = _reconstructed(encoder, signals, example)
    if rebuilt is None:
        return fields
    rows = features.frame.filter(pl.col("eid") == signals.eids[example]).select("lead", "mse")
    return fields | {
        "reconstruction": rebuilt, "example_mse": dict(rows.iter_rows()), "signals": _several(encoder, features, signals),
        "rate_hz": signals.rate_hz,
    }  # fmt: skip


def _counts(study: Study, representation: str) -> dict[str, int]:
    """How many signals have features, and how many were excluded because of their reconstruction error."""
    kept = files.WITH_FEATURES.read(study.results, representation=representation)
    excluded = files.WITHOUT_FEATURES.read(study.results, representation=representation).frame
    beyond = excluded.filter(pl.col("reason").str.starts_with(ERROR_LIMIT_REASON))
    return {"signals_kept": len(kept), "signals_excluded": beyond.height}


def _architecture(folder: Path) -> tuple[Mapping[str, Any], ...]:
    path = folder / "encoder.json"
    return tuple(json.loads(path.read_text()).get("architecture", ())) if path.exists() else ()


def _decoded(encoder: represent.Encoder, features: Features, eid: str) -> NDArray[np.float32] | None:
    """(12, T) float32 µV, the example decoded from its features; None if they are missing or cannot be decoded."""
    rows = features.frame.filter(pl.col("eid") == eid)
    if rows.height == 0 or rows.select(features.names).null_count().sum_horizontal().sum() > 0:
        return None
    decoded = encoder.decode(Features(rows))
    return None if decoded is None else decoded[0]


def _reconstructed(encoder: represent.Encoder, signals: Signals, person: int) -> NDArray[np.float32] | None:
    """(12, S) float32 µV, NaN in leads that cannot be reconstructed; None if none can."""
    decoded = represent.reconstruct(encoder, signals.select(np.array([person])))
    return None if decoded is None or not np.isfinite(decoded).any() else decoded[0]


def _several(encoder: represent.Encoder, features: Features, signals: Signals) -> tuple[report.ReconstructedSignal, ...]:
    """Signals with features from the smallest to the largest error, and the median one of those beyond the limit."""
    has_features = ~pl.all_horizontal(pl.col(name).is_null() for name in features.names)
    finite = features.frame.filter(pl.col("mse").is_finite()).with_columns(kept=has_features).sort("mse", "eid", "lead")
    kept, beyond = finite.filter("kept"), finite.filter(~pl.col("kept"))
    places = np.unique(np.linspace(0, kept.height - 1, N_EXAMPLES).round().astype(int)) if kept.height else np.empty(0, int)
    chosen = pl.concat([kept[places], beyond[beyond.height // 2 : beyond.height // 2 + 1]])
    person = {eid: row for row, eid in enumerate(signals.eids)}
    pairs = [_pair(encoder, signals, person[row["eid"]], row) for row in chosen.iter_rows(named=True)]
    return tuple(pair for pair in pairs if pair is not None)


def _pair(
    encoder: represent.Encoder, signals: Signals, person: int, row: Mapping[str, Any]
) -> report.ReconstructedSignal | None:
    rebuilt = _reconstructed(encoder, signals, person)
    lead = DRAWN_LEAD if row["lead"] == ALL_LEADS else row["lead"]
    place = signals.leads.index(lead)
    if rebuilt is None or not np.isfinite(rebuilt[place]).all():
        return None
    return report.ReconstructedSignal(lead, row["mse"], row["kept"], np.array(signals.strips[person][place]), rebuilt[place])
