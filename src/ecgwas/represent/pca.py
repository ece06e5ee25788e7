"""Kind `pca`: principal components of beats or strips. Deterministic, seconds to fit, the baseline to beat.

Jolliffe, Principal Component Analysis, 2nd ed. 2002. Where both people and samples are many: randomised subspace
iteration, Halko, Martinsson and Tropp, SIAM Review 2011, algorithm 4.4.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from scipy.linalg import eigh, qr

from ecgwas.errors import InputError
from ecgwas.progress import silent
from ecgwas.represent.alignment import CHANNELS, Alignment
from ecgwas.represent.inputs import (
    Floats,
    Index,
    Kind,
    Normaliser,
    Traces,
    alignment_of,
    decoded_beats,
    feature_names,
    split_people,
)
from ecgwas.represent.reconstruction import ERRORS, HISTORY, Reconstruct, error_table, mean_square
from ecgwas.represent.repeatable import AMONG, most_repeatable, turned
from ecgwas.represent.rotation import varimax
from ecgwas.signals import INDEPENDENT_LEADS, LEADS, Signals
from ecgwas.study import Pca
from ecgwas.tables import Features

LARGEST_GRAM = 8192
"""Side of the largest matrix that is decomposed exactly: 512 MiB in float64."""
BASELINE = 32
"""Components of the row `pca_32` of every table of errors."""


@dataclass(frozen=True)
class Components:
    """mean (D,) and directions (F, D), both float32 in normalised units; D = C * L.

    patterns (F, D): what a score of one adds to a trace; of principal components, their directions.
    spread (F,) float32: SD of the scores of the traces that the components were fitted on.
    """

    mean: Floats
    directions: Floats
    patterns: Floats
    spread: Floats

    def scores(self, units: Floats) -> Floats:
        """(B, F) from normalised traces (B, C, L)."""
        centred = units.reshape(len(units), -1) - self.mean
        return np.asarray(centred @ self.directions.T, dtype=np.float32)

    def reconstruct(self, scores: Floats, shape: tuple[int, ...]) -> Floats:
        """(B, C, L) normalised, from scores (B, F)."""
        return (scores @ self.patterns + self.mean).reshape(shape)

    def first(self, count: int) -> Components:
        """The strongest `count` of them."""
        return Components(self.mean, self.directions[:count], self.patterns[:count], self.spread[:count])

    def roundtrip(self, units: Floats, lead: Index) -> Floats:
        """What is left of normalised traces (B, C, L) after passing through the components."""
        return self.reconstruct(self.scores(units), units.shape)


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
        return feature_names("pc", len(self.components.directions))


def fit(
    options: Pca, signals: Signals, *, seed: int, scratch: Path | None = None, track: Callable[..., Any] = silent
) -> PcaEncoder:
    """Components of all people; errors from components of all but `test_share` of the people, on those kept aside.

    What is saved is fitted again on everyone once its error is known: a PCA has nothing to stop early, and more people
    give better components. Scaling `point` divides by the SD between people (at least floor_uv), `none` by one SD.
    Criterion `repeatable` (`repeatable.py`) takes median beats of odd and even heartbeats beside the whole ones.
    The sign of a component is such that its largest entry is positive. `scratch` is not needed.
    Raises InputError where fewer people were given than the features need.
    """
    alignment = alignment_of(options, signals)
    traces = Traces.of(signals, options.input, options.leads, alignment)
    split = split_people(len(signals), options.test_share, seed, validation=False)
    train, everyone = traces.of_people(split.train), np.arange(len(traces))
    steps = iter(track(range(2), f"{options.name}: components", 2))
    next(steps)
    errors = _errors_aside(options, signals, traces, train, traces.of_people(split.test), seed)
    next(steps)
    normaliser = _normaliser(options, traces, everyone)
    components = _components(options, signals, traces, everyone, normaliser, seed)
    next(steps, None)
    return PcaEncoder(options, normaliser, components, alignment, errors)


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
    if options.criterion == "repeatable":
        return _repeatable(options, signals, traces, chosen, normaliser, seed)
    components = principal_components(traces, chosen, normaliser, options.features, seed)
    return rotated(components) if options.rotation == "varimax" else components


def _repeatable(options: Pca, signals: Signals, traces: Traces, chosen: Index, normaliser: Normaliser, seed: int) -> Components:
    # With fewer people than that, the noise would be known in fewer directions than it is asked for.
    among = max(options.features, min(AMONG * options.features, len(chosen) // 2, traces.channels * traces.samples))
    many = principal_components(traces, chosen, normaliser, among, seed)
    halves = (Traces.of(half, options.input, options.leads, traces.alignment) for half in signals.halves)
    scores, odd, even = (_scores(many, each, chosen, normaliser) for each in (traces, *halves))
    found = most_repeatable(scores, odd, even, options.features)
    if options.rotation == "varimax":
        found = turned(found, scores, many.directions.astype(np.float64))
    spread = (scores @ found.axes).std(axis=0)
    order = np.argsort(-spread, kind="stable")
    directions, patterns = (found.axes.T @ many.directions)[order], (found.patterns @ many.patterns)[order]
    signs = _signs(directions)
    arrays = (many.mean, directions * signs, patterns * signs, spread[order])
    return Components(*(array.astype(np.float32) for array in arrays))


def _scores(components: Components, traces: Traces, chosen: Index, normaliser: Normaliser) -> NDArray[np.float64]:
    """(M, F) of the M traces numbered `chosen`."""
    blocks = (normaliser.apply(traces.read(block), traces.lead_of(block)) for block in traces.blocks(chosen))
    return np.concatenate([components.scores(units) for units in blocks]).astype(np.float64)


def _errors_aside(options: Pca, signals: Signals, traces: Traces, train: Index, test: Index, seed: int) -> pl.DataFrame:
    normaliser = _normaliser(options, traces, train)
    wanted = max(options.features, min(BASELINE, len(train) - 1, traces.channels * traces.samples))
    components = principal_components(traces, train, normaliser, wanted, seed)
    repeatable = options.criterion == "repeatable"
    own = _components(options, signals, traces, train, normaliser, seed) if repeatable else components.first(options.features)
    methods = {"self": own.roundtrip}
    if repeatable or options.features != BASELINE:
        methods |= {"pca_32": components.first(BASELINE).roundtrip}
    return error_table(traces, test, normaliser, methods | {"mean": mean_trace(components)})


def baselines(traces: Traces, train: Index, normaliser: Normaliser, seed: int) -> dict[str, Reconstruct]:
    """`pca_32` and `mean` of the training traces, to stand beside a trained network; fewer components if traces are few."""
    count = min(BASELINE, len(train) - 1, traces.channels * traces.samples)
    components = principal_components(traces, train, normaliser, count, seed)
    return {"pca_32": components.roundtrip, "mean": mean_trace(components)}


def mean_trace(components: Components) -> Reconstruct:
    """Answers every trace with the mean of the training traces."""
    return lambda units, lead: np.broadcast_to(components.mean.reshape(1, *units.shape[1:]), units.shape)


def principal_components(traces: Traces, chosen: Index, normaliser: Normaliser, count: int, seed: int) -> Components:
    """The first `count` components of the normalised traces numbered `chosen`, strongest first.

    Exact, from the smaller of the two matrices of products, while its side is at most LARGEST_GRAM (8192); beyond that
    by randomised subspace iteration, seeded. Memory: the traces once as float32 where they are the smaller side, else
    one block of them. Raises InputError where `count` components cannot be found in that many traces.
    """
    if count > min(len(chosen) - 1, traces.channels * traces.samples):
        raise InputError(
            f"{count} components of {len(chosen)} traces cannot be found",
            fix=f"set features to {len(chosen) - 1} or less, or give more recordings",
        )
    passes = _Passes(traces, chosen, normaliser)
    if len(chosen) <= min(passes.width, LARGEST_GRAM):
        directions = _from_people(passes, count)
    elif passes.width <= LARGEST_GRAM:
        directions = _from_samples(passes, count)
    else:
        directions = _randomised(passes, count, seed)
    directions = _upright(directions)
    spread = np.sqrt(sum((np.square(block @ directions.T).sum(axis=0) for block in passes), np.zeros(count)) / len(chosen))
    return Components(*(array.astype(np.float32) for array in (passes.mean, directions, directions, spread)))


def rotated(components: Components) -> Components:
    """The same plane's directions after varimax, those with the largest spread first."""
    rotation = varimax(components.directions.astype(np.float64))
    spread = np.sqrt(np.square(rotation).T @ np.square(components.spread.astype(np.float64)))
    order = np.argsort(-spread, kind="stable")
    directions = _upright((rotation.T @ components.directions)[order])
    turned = directions.astype(np.float32)
    return Components(components.mean, turned, turned, spread[order].astype(np.float32))


def _upright(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row with the sign that makes its largest entry positive."""
    upright: NDArray[np.float64] = directions * _signs(directions)
    return upright


def _signs(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, 1) sign of the largest entry of each row."""
    return np.sign(np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1))


class _Passes:
    """Passes over centred normalised traces, block by block, each block (B, D) float64."""

    def __init__(self, traces: Traces, chosen: Index, normaliser: Normaliser) -> None:
        self.traces, self.chosen, self.normaliser = traces, chosen, normaliser
        self.width = traces.channels * traces.samples
        self.mean: NDArray[np.float64] = np.zeros(self.width)
        self.mean = sum((block.sum(axis=0) for block in self), np.zeros(self.width)) / len(chosen)

    def __iter__(self) -> Iterator[NDArray[np.float64]]:
        for block in self.traces.blocks(self.chosen):
            units = self.normaliser.apply(self.traces.read(block), self.traces.lead_of(block))
            yield units.reshape(len(block), -1) - self.mean


def _from_people(passes: _Passes, count: int) -> NDArray[np.float64]:
    """From the products of traces with traces (M, M), M traces; the case of few people."""
    centred = np.concatenate([block.astype(np.float32) for block in passes])
    products = np.zeros((len(centred), len(centred)))
    step = max(1, (1 << 23) // len(centred))
    for start in range(0, passes.width, step):
        columns = centred[:, start : start + step].astype(np.float64)
        products += columns @ columns.T
    directions = _leading(products, count).T @ centred.astype(np.float32)
    # Division by the root of the eigenvalue would lose the weakest components' length; QR keeps them orthonormal.
    basis, _ = qr(directions.T.astype(np.float64), mode="economic")
    return np.asarray(basis.T)


def _from_samples(passes: _Passes, count: int) -> NDArray[np.float64]:
    """From the products of samples with samples (D, D); the case of many people."""
    products = np.zeros((passes.width, passes.width))
    for block in passes:
        products += block.T @ block
    return _leading(products, count).T


def _leading(products: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(n, count) eigenvectors of the largest eigenvalues, largest first."""
    size = len(products)
    _, vectors = eigh(products, subset_by_index=(size - count, size - 1), overwrite_a=True, check_finite=False)
    return np.asarray(vectors[:, ::-1])


def _randomised(passes: _Passes, count: int, seed: int, *, rounds: int = 8) -> NDArray[np.float64]:
    """Subspace iteration with 16 spare directions; each round is one pass over the traces."""
    basis = np.random.default_rng([seed, 0x9CA]).standard_normal((passes.width, count + 16))
    for _ in range(rounds):
        basis, _ = qr(basis, mode="economic")
        basis = sum((block.T @ (block @ basis) for block in passes), np.zeros_like(basis))
    basis, _ = qr(basis, mode="economic")
    inside = sum(((block @ basis).T @ (block @ basis) for block in passes), np.zeros((count + 16, count + 16)))
    return np.asarray((basis @ _leading(inside, count)).T)
