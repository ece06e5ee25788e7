"""Tables of every learned kind: the history of its training, and its reconstruction errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.represent.inputs import Floats, Index, Scaler, Traces

Reconstruct = Callable[[Floats, Index], Floats]
"""From normalised traces (B, C, L) and their numbers (B,) to their reconstruction, in the same shape and units."""

HISTORY_SCHEMA = {
    "epoch": pl.Int64(), "train_loss": pl.Float64(), "validation_loss": pl.Float64(), "learning_rate": pl.Float64(),
}  # fmt: skip
ERRORS_SCHEMA = {
    "method": pl.String(), "mse": pl.Float64(), "pearson_r": pl.Float64(), "mae_uv": pl.Float64(), "loss": pl.Float64(),
}  # fmt: skip


def mean_square(residual: Floats) -> NDArray[np.float64]:
    """(B,) float64, mean over leads and samples of the squared residual (B, C, L)."""
    return np.asarray(np.square(residual).mean(axis=(1, 2), dtype=np.float64))


def error_table(
    traces: Traces, test: Index, scaler: Scaler, methods: dict[str, Reconstruct], penalty: float | None = None
) -> pl.DataFrame:  # fmt: skip
    """One row per method over the traces numbered `test`.

    mse        in normalised units, mean over traces
    pearson_r  in µV over the samples of each lead, mean over the leads and traces where it is defined (neither side is flat);
               null if it never is
    mae_uv     mean absolute error in µV
    loss       of method `self` with a penalty on weights: mse + penalty (the test loss of Keras' `evaluate`); else null
    """
    rows = [{"method": name, **_errors(traces, test, scaler, method), "loss": None} for name, method in methods.items()]
    for row in rows:
        if penalty is not None and row["method"] == "self":
            row["loss"] = row["mse"] + penalty
    return pl.DataFrame(rows, schema=ERRORS_SCHEMA)


def _errors(traces: Traces, test: Index, scaler: Scaler, reconstruct: Reconstruct) -> dict[str, Any]:
    mse, r, mae = [], [], []
    for block in traces.blocks(test):
        lead_index, microvolts = traces.lead_index(block), traces.read(block)
        units = scaler.apply(microvolts, lead_index)
        reconstruction = reconstruct(units, block)
        mse.append(mean_square(reconstruction - units))
        reconstructed = traces.unaligned(scaler.restore(reconstruction, lead_index, microvolts))
        microvolts = traces.unaligned(microvolts)
        mae.append(np.abs(reconstructed - microvolts).mean(axis=(1, 2), dtype=np.float64))
        r.append(_correlations(microvolts, reconstructed))
    all_r = np.concatenate(r)
    defined = all_r[np.isfinite(all_r)]
    pearson = float(defined.mean()) if len(defined) else None
    return {"mse": float(np.concatenate(mse).mean()), "pearson_r": pearson, "mae_uv": float(np.concatenate(mae).mean())}


def _correlations(first: Floats, second: Floats) -> NDArray[np.float64]:
    """(B * C,) Pearson r over the samples of each lead; NaN if one of the two is flat."""
    a = first.reshape(-1, first.shape[-1]).astype(np.float64)
    b = second.reshape(-1, second.shape[-1]).astype(np.float64)
    a -= a.mean(axis=1, keepdims=True)
    b -= b.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.einsum("bl,bl->b", a, a) * np.einsum("bl,bl->b", b, b))
    # After rounding, a flat float32 trace deviates from its mean by some 1e-7 of it.
    flat = norms <= 1e-6
    return np.where(flat, np.nan, np.einsum("bl,bl->b", a, b) / np.where(flat, 1.0, norms))
