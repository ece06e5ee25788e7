"""Kind `pca`: principal components of beats or strips. Deterministic, fitted in seconds, the baseline for learned kinds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from ecgwas.leads import INDEPENDENT_LEADS, LEADS
from ecgwas.progress import silent
from ecgwas.represent.alignment import CHANNELS, Alignment, wave_slices
from ecgwas.represent.inputs import (
    Index,
    Scaler,
    ScalingKind,
    Traces,
    alignment_of,
    all_leads_of,
    feature_names,
    split_participants,
)
from ecgwas.represent.linear.components import LARGEST_GRAM, Components, principal_components
from ecgwas.represent.linear.noise_fraction import CANDIDATES_PER_COMPONENT, most_repeatable_axes
from ecgwas.represent.linear.rotation import fast_ica, varimax, whitening
from ecgwas.represent.reliability.reconstruction import ERRORS_SCHEMA, HISTORY_SCHEMA, Reconstruct, error_table, mean_square
from ecgwas.represent.work import CohortSize, Work
from ecgwas.signals import Signals
from ecgwas.study import Pca
from ecgwas.tables import Features

BASELINE_COMPONENTS = 32
"""Components of row `pca_32` of every table of errors."""


@dataclass(frozen=True)
class PcaEncoder:
    """Fitted components."""

    options: Pca
    scaler: Scaler
    components: Components
    alignment: Alignment | None
    errors: pl.DataFrame

    @property
    def history(self) -> pl.DataFrame:
        """No rows: there is no training."""
        return pl.DataFrame(schema=HISTORY_SCHEMA)

    def encode(self, signals: Signals) -> Features:
        """Columns eid, lead, pc01.. (scores in normalised units), mse (normalised units)."""
        traces = Traces.of(signals, self.options.input, self.options.leads, self.alignment)
        scores = np.empty((len(traces), len(self.components.directions)), dtype=np.float32)
        mse = np.empty(len(traces))
        for block in traces.blocks(np.arange(len(traces))):
            units = self.scaler.apply(traces.read(block), traces.lead_index(block))
            scores[block] = self.components.scores(units)
            mse[block] = mean_square(self.components.reconstruct(scores[block], units.shape) - units)
        return traces.features(self._names, scores, mse, self.options.max_mse)

    def decode(self, features: Features) -> NDArray[np.float32] | None:
        """(N, 12, T) µV of median beats, NaN where features are null; None for input strip."""
        if self.options.input == "strip":
            return None
        scores = features.frame.select(self._names).fill_null(float("nan")).to_numpy().astype(np.float32)
        together = self.options.leads == "together"
        channels = 1 if not together else len(INDEPENDENT_LEADS if self.alignment is None else CHANNELS)
        units = self.components.reconstruct(scores, (len(scores), channels, -1))
        lead_index = np.arange(len(scores)) % (1 if together else len(LEADS))
        microvolts = self.scaler.restore(units, lead_index)
        return all_leads_of(microvolts, together, self.alignment)

    def save(self, folder: Path) -> None:
        """encoder.safetensors (mean, directions, scaling) and encoder.json (options, errors)."""
        arrays: dict[str, NDArray[Any]] = {
            "mean": self.components.mean, "directions": self.components.directions, "patterns": self.components.patterns,
            "spread": self.components.spread,
            "scaling_mean": self.scaler.mean, "scaling_sd": self.scaler.sd,
        }  # fmt: skip
        if self.alignment is not None:
            arrays |= self.alignment.arrays()
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "encoder.safetensors")
        about = {"options": self.options.model_dump(mode="json"), "errors": self.errors.to_dicts()}
        (folder / "encoder.json").write_text(json.dumps(about, indent=1))

    @property
    def _names(self) -> list[str]:
        count = len(self.components.directions)
        if self.options.waves == "together":
            return feature_names("pc", count)
        return [name for wave, number in features_per_wave(count).items() for name in feature_names(wave, number)]


def fit(
    options: Pca, signals: Signals, *, seed: int, scratch: Path | None = None, track: Callable[..., Any] = silent
) -> PcaEncoder:
    """Components of all participants, with errors on held-out participants from components of the others.

    The saved components are fitted again to everyone once the error is known: a PCA does not stop early, and more participants
    give better components. With `waves: apart`, P, QRS and T have components of their own, p01.., qrs01.., t01... Scaling
    `point` divides by the SD between participants (at least floor_uv), `none` by one SD. Criterion `repeatable`
    (`noise_fraction.py`) also uses the median beats of odd and even heartbeats. The largest entry of a component is positive.
    `scratch` is not used.
    Raises InputError if there are fewer participants than the features need.
    """
    alignment = alignment_of(options, signals)
    traces = Traces.of(signals, options.input, options.leads, alignment)
    split = split_participants(len(signals), options.test_share, seed, validation=False)
    train, everyone = traces.trace_index(split.train), traces.trace_index(np.arange(len(signals)))
    steps = iter(track(range(2), f"{options.name}: components", 2))
    next(steps)
    errors = _held_out_errors(options, signals, traces, train, traces.trace_index(split.test), seed)
    next(steps)
    scaler = _scaler(options, traces, everyone)
    components = _components(options, signals, traces, everyone, scaler, seed)
    next(steps, None)
    return PcaEncoder(options, scaler, components, alignment, errors)


def work(options: Pca, size: CohortSize) -> Work:
    """Exact from the smaller of the two Gram matrices, or by iteration if both are larger than LARGEST_GRAM."""
    people, samples = size.people, size.samples(options)
    traces, columns = (people, 8 * samples) if options.joins_leads else (12 * people, samples)
    side = min(traces, columns, LARGEST_GRAM)
    units = {
        "align_person": size.aligned(options),
        "pca_person": 3 * traces,
        "pca_product": traces * columns * side + 20 * side**3,
    }  # fmt: skip
    trace_bytes = traces * columns * 4 if traces <= columns else 2**26 * 4
    return Work(units, min(trace_bytes, 2.0**31) + 4 * side**2 * 8, (options.features + 2) * columns * 4)


def load(folder: Path) -> PcaEncoder:
    """The encoder that `save` wrote."""
    about = json.loads((folder / "encoder.json").read_text())
    arrays = load_file(folder / "encoder.safetensors")
    options = Pca.model_validate(about["options"])
    scaler = Scaler(_scaling_kind(options), arrays["scaling_mean"], arrays["scaling_sd"])
    errors = pl.DataFrame(about["errors"], schema=ERRORS_SCHEMA)
    components = Components(*(arrays[name] for name in ("mean", "directions", "patterns", "spread")))
    return PcaEncoder(options, scaler, components, Alignment.of_arrays(arrays), errors)


def _scaling_kind(options: Pca) -> ScalingKind:
    return "point" if options.scaling == "point" else "global"


def _scaler(options: Pca, traces: Traces, trace_index: Index) -> Scaler:
    return Scaler.fit(_scaling_kind(options), traces, trace_index, floor_uv=options.smallest_sd_uv)


def _components(options: Pca, signals: Signals, traces: Traces, trace_index: Index, scaler: Scaler, seed: int) -> Components:
    """Of these traces, with the criterion, rotation and waves that the options name."""
    if options.waves == "together":
        return _rotated(options, signals, traces, trace_index, scaler, seed, options.features)
    alignment = traces.alignment or Alignment.fit(signals)
    parts = []
    for wave, part in wave_slices(alignment.fiducials_ms, signals.beat_times_ms).items():
        count = features_per_wave(options.features)[wave]
        of_wave = scaler.restricted(part, traces.samples)
        parts.append(_rotated(options, signals, traces, trace_index, of_wave, seed, count))
    return reduce(Components.concatenated, parts)


def _rotated(
    options: Pca, signals: Signals, traces: Traces, trace_index: Index, scaler: Scaler, seed: int, count: int
) -> Components:
    """`count` components chosen by the criterion and rotated."""
    repeatable = options.criterion == "repeatable"
    # With fewer than twice as many participants, noise would be known in fewer directions than are needed.
    max_candidates = min(CANDIDATES_PER_COMPONENT * count, len(trace_index) // 2, traces.channels * traces.samples)
    n_candidates = max(count, max_candidates) if repeatable else count
    candidates = principal_components(traces, trace_index, scaler, n_candidates, seed)
    if not repeatable and options.rotation == "none":
        return candidates
    axes, between = np.eye(n_candidates, count), np.diag(np.square(candidates.spread.astype(np.float64)))
    if repeatable:
        halves = (Traces.of(half, options.input, options.leads, traces.alignment) for half in signals.odd_and_even)
        odd, even = (candidates.scores_of(half, trace_index, scaler) for half in halves)
        axes = most_repeatable_axes(between, odd, even, count)
    if options.rotation == "varimax":
        axes = axes @ varimax(axes.T @ candidates.directions)
    if options.rotation == "ica":
        axes = axes @ whitening(axes.T @ between @ axes)
        axes = axes @ fast_ica(candidates.scores_of(traces, trace_index, scaler) @ axes)
    return candidates.recombined(axes)


def features_per_wave(features: int) -> dict[str, int]:
    """p, qrs, t -> number of its features."""
    return {wave: (features + 2 - k) // 3 for k, wave in enumerate(("p", "qrs", "t"))}


def _held_out_errors(options: Pca, signals: Signals, traces: Traces, train: Index, test: Index, seed: int) -> pl.DataFrame:
    scaler = _scaler(options, traces, train)
    count = max(options.features, min(BASELINE_COMPONENTS, len(train) - 1, traces.channels * traces.samples))
    components = principal_components(traces, train, scaler, count, seed)
    # A rotation alone does not change the reconstruction.
    is_plain = options.criterion == "variance" and options.waves == "together"
    own = components.first(options.features) if is_plain else _components(options, signals, traces, train, scaler, seed)
    methods = {"self": own.roundtrip}
    if not is_plain or options.features != BASELINE_COMPONENTS:
        methods |= {"pca_32": components.first(BASELINE_COMPONENTS).roundtrip}
    return error_table(traces, test, scaler, methods | {"mean": mean_trace(components)})


def baselines(traces: Traces, train: Index, scaler: Scaler, seed: int) -> dict[str, Reconstruct]:
    """`pca_32` and `mean` of the training traces, to compare a network with; fewer components if there are few traces."""
    count = min(BASELINE_COMPONENTS, len(train) - 1, traces.channels * traces.samples)
    components = principal_components(traces, train, scaler, count, seed)
    return {"pca_32": components.roundtrip, "mean": mean_trace(components)}


def mean_trace(components: Components) -> Reconstruct:
    """Reconstructs every trace as the mean of the training traces."""
    return lambda units, _: np.broadcast_to(components.mean.reshape(1, *units.shape[1:]), units.shape)
