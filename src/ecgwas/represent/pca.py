"""Kind `pca`: principal components of beats or strips. Deterministic, seconds to fit, the baseline to beat."""

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
from ecgwas.represent.inputs import Index, Kind, Normaliser, Traces, alignment_of, decoded_beats, feature_names, split_people
from ecgwas.represent.linear.components import LARGEST_GRAM, Components, principal_components
from ecgwas.represent.linear.noise_fraction import AMONG, most_repeatable
from ecgwas.represent.linear.rotation import independent, varimax, whitening
from ecgwas.represent.reliability.reconstruction import ERRORS, HISTORY, Reconstruct, error_table, mean_square
from ecgwas.represent.work import Given, Work
from ecgwas.signals import Signals
from ecgwas.study import Pca
from ecgwas.tables import Features

BASELINE = 32
"""Components of the row `pca_32` of every table of errors."""


@dataclass(frozen=True)
class PcaEncoder:
    """Fitted components; see `fit` for what they were fitted on."""

    options: Pca
    normaliser: Normaliser
    components: Components
    alignment: Alignment | None
    errors: pl.DataFrame

    @property
    def history(self) -> pl.DataFrame:
        """No rows: nothing is trained step by step."""
        return pl.DataFrame(schema=HISTORY)

    def encode(self, signals: Signals) -> Features:
        """Columns eid, lead, pc01.. (scores in normalised units), mse (normalised units)."""
        traces = Traces.of(signals, self.options.input, self.options.leads, self.alignment)
        scores = np.empty((len(traces), len(self.components.directions)), dtype=np.float32)
        mse = np.empty(len(traces))
        for block in traces.blocks(np.arange(len(traces))):
            units = self.normaliser.apply(traces.read(block), traces.lead_of(block))
            scores[block] = self.components.scores(units)
            mse[block] = mean_square(self.components.reconstruct(scores[block], units.shape) - units)
        return traces.table(self._names, scores, mse, self.options.max_mse)

    def decode(self, features: Features) -> NDArray[np.float32] | None:
        """(N, 12, T) µV of median beats, NaN where features are null; None for input strip."""
        if self.options.input == "strip":
            return None
        scores = features.frame.select(self._names).fill_null(float("nan")).to_numpy().astype(np.float32)
        together = self.options.leads == "together"
        channels = 1 if not together else len(INDEPENDENT_LEADS if self.alignment is None else CHANNELS)
        units = self.components.reconstruct(scores, (len(scores), channels, -1))
        per_person = 1 if together else len(LEADS)
        microvolts = self.normaliser.restore(units, np.arange(len(scores)) % per_person)
        return decoded_beats(microvolts, together, self.alignment)

    def save(self, folder: Path) -> None:
        """encoder.safetensors (mean, directions, scaling) and encoder.json (options, errors)."""
        arrays: dict[str, NDArray[Any]] = {
            "mean": self.components.mean, "directions": self.components.directions, "patterns": self.components.patterns,
            "spread": self.components.spread,
            "scaling_mean": self.normaliser.mean, "scaling_sd": self.normaliser.sd,
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
        return [name for wave, some in of_waves(count).items() for name in feature_names(wave, some)]


def fit(
    options: Pca, signals: Signals, *, seed: int, scratch: Path | None = None, track: Callable[..., Any] = silent
) -> PcaEncoder:
    """Components of all people; errors from components of all but `test_share` of the people, on those kept aside.

    What is saved is fitted again on everyone once its error is known: a PCA has nothing to stop early, and more people
    give better components. With `waves: apart`, P, QRS and T have
    components of their own, p01.., qrs01.., t01... Scaling `point` divides by the SD between people (at least floor_uv),
    `none` by one SD.
    Criterion `repeatable` (`noise_fraction.py`) takes median beats of odd and even heartbeats beside the whole ones.
    The sign of a component is such that its largest entry is positive. `scratch` is not needed.
    Raises InputError where fewer people were given than the features need.
    """
    alignment = alignment_of(options, signals)
    traces = Traces.of(signals, options.input, options.leads, alignment)
    split = split_people(len(signals), options.test_share, seed, validation=False)
    train, everyone = traces.of_people(split.train), traces.of_people(np.arange(len(signals)))
    steps = iter(track(range(2), f"{options.name}: components", 2))
    next(steps)
    errors = _errors_aside(options, signals, traces, train, traces.of_people(split.test), seed)
    next(steps)
    normaliser = _normaliser(options, traces, everyone)
    components = _components(options, signals, traces, everyone, normaliser, seed)
    next(steps, None)
    return PcaEncoder(options, normaliser, components, alignment, errors)


def work(options: Pca, given: Given) -> Work:
    """Exact from the smaller of the two matrices of products, beyond LARGEST_GRAM by iteration."""
    people, samples = given.people, given.samples(options)
    traces, columns = (people, 8 * samples) if options.joins_leads else (12 * people, samples)
    side = min(traces, columns, LARGEST_GRAM)
    units = {
        "align_person": given.aligned(options),
        "pca_person": 3 * traces,
        "pca_product": traces * columns * side + 20 * side**3,
    }  # fmt: skip
    whole = traces * columns * 4 if traces <= columns else 2**26 * 4
    return Work(units, min(whole, 2.0**31) + 4 * side**2 * 8, (options.features + 2) * columns * 4)


def load(folder: Path) -> PcaEncoder:
    """The encoder that `save` wrote."""
    about = json.loads((folder / "encoder.json").read_text())
    arrays = load_file(folder / "encoder.safetensors")
    options = Pca.model_validate(about["options"])
    normaliser = Normaliser(_kind(options), arrays["scaling_mean"], arrays["scaling_sd"])
    errors = pl.DataFrame(about["errors"], schema=ERRORS)
    components = Components(*(arrays[name] for name in ("mean", "directions", "patterns", "spread")))
    return PcaEncoder(options, normaliser, components, Alignment.of_arrays(arrays), errors)


def _kind(options: Pca) -> Kind:
    return "point" if options.scaling == "point" else "global"


def _normaliser(options: Pca, traces: Traces, chosen: Index) -> Normaliser:
    return Normaliser.fit(_kind(options), traces, chosen, floor_uv=options.floor_uv)


def _components(options: Pca, signals: Signals, traces: Traces, chosen: Index, normaliser: Normaliser, seed: int) -> Components:
    """Of the traces numbered `chosen`, as the options ask for them."""
    if options.waves == "together":
        return _turned(options, signals, traces, chosen, normaliser, seed, options.features)
    alignment = traces.alignment or Alignment.fit(signals)
    stretches = wave_slices(alignment.fiducials_ms, signals.beat_times_ms)
    scalings = [normaliser.within(stretch, traces.samples) for stretch in stretches.values()]
    counts = of_waves(options.features).values()
    parts = [
        _turned(options, signals, traces, chosen, scaling, seed, count) for scaling, count in zip(scalings, counts, strict=True)
    ]
    return reduce(Components.beside, parts)


def _turned(
    options: Pca, signals: Signals, traces: Traces, chosen: Index, normaliser: Normaliser, seed: int, count: int
) -> Components:
    """`count` components chosen by the criterion and turned by the rotation."""
    repeatable = options.criterion == "repeatable"
    # With fewer people than twice that, the noise would be known in fewer directions than it is asked for.
    among = max(count, min(AMONG * count, len(chosen) // 2, traces.channels * traces.samples)) if repeatable else count
    many = principal_components(traces, chosen, normaliser, among, seed)
    if not repeatable and options.rotation == "none":
        return many
    axes, between = np.eye(among, count), np.diag(np.square(many.spread.astype(np.float64)))
    if repeatable:
        halves = (Traces.of(half, options.input, options.leads, traces.alignment) for half in signals.halves)
        odd, even = (many.scores_of(half, chosen, normaliser) for half in halves)
        axes = most_repeatable(between, odd, even, count)
    if options.rotation == "varimax":
        axes = axes @ varimax(axes.T @ many.directions)
    if options.rotation == "ica":
        axes = axes @ whitening(axes.T @ between @ axes)
        axes = axes @ independent(many.scores_of(traces, chosen, normaliser) @ axes)
    return many.along(axes)


def of_waves(features: int) -> dict[str, int]:
    """p, qrs, t -> how many of the features are its own."""
    return {wave: (features + 2 - k) // 3 for k, wave in enumerate(("p", "qrs", "t"))}


def _errors_aside(options: Pca, signals: Signals, traces: Traces, train: Index, test: Index, seed: int) -> pl.DataFrame:
    normaliser = _normaliser(options, traces, train)
    wanted = max(options.features, min(BASELINE, len(train) - 1, traces.channels * traces.samples))
    components = principal_components(traces, train, normaliser, wanted, seed)
    # A rotation alone changes nothing of what is given back.
    plain = options.criterion == "variance" and options.waves == "together"
    own = components.first(options.features) if plain else _components(options, signals, traces, train, normaliser, seed)
    methods = {"self": own.roundtrip}
    if not plain or options.features != BASELINE:
        methods |= {"pca_32": components.first(BASELINE).roundtrip}
    return error_table(traces, test, normaliser, methods | {"mean": mean_trace(components)})


def baselines(traces: Traces, train: Index, normaliser: Normaliser, seed: int) -> dict[str, Reconstruct]:
    """`pca_32` and `mean` of the training traces, to stand beside a trained network; fewer components if traces are few."""
    count = min(BASELINE, len(train) - 1, traces.channels * traces.samples)
    components = principal_components(traces, train, normaliser, count, seed)
    return {"pca_32": components.roundtrip, "mean": mean_trace(components)}


def mean_trace(components: Components) -> Reconstruct:
    """Answers every trace with the mean of the training traces."""
    return lambda units, _: np.broadcast_to(components.mean.reshape(1, *units.shape[1:]), units.shape)
