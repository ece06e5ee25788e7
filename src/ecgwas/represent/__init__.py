"""Representations: from cleaned signals to features. One file per kind.

The file of a kind provides two functions and an encoder:

    fit(options, signals, *, seed, scratch=None, track=silent) -> Encoder
    load(folder) -> Encoder
    meanings(options) -> dict             optional: feature -> what is measured, with its unit
    units(options) -> dict                optional: feature -> its unit: ms, µV, degrees, beats/min
    traits_of(options) -> int             optional: the most traits it provides, if not `feature_count` per lead or in all
    check(options, examples) -> facts     optional: tries the user's files on a few recordings, for `ecgwas check`
    work(options, size) -> Work       optional: what `ecgwas plan` estimates its time, memory and disk from (work.py)

A kind whose features come from a table (`uses_recordings` is False) provides instead of `fit` and `load`

    take(options, *, instance=None, excluded=()) -> VisitFeatures     of each person, at the visit tested and at a repeat visit
    units(options) -> dict              optional: feature -> its unit

`scratch` is a folder that survives an interruption: training keeps its checkpoint there and resumes from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import extras
from ecgwas.leads import LEADS
from ecgwas.progress import silent
from ecgwas.represent.tabular.visit_features import VisitFeatures
from ecgwas.represent.work import CohortSize, Work, default_work
from ecgwas.signals import Signals
from ecgwas.study import Representation
from ecgwas.tables import Features


class Encoder(Protocol):
    """A fitted representation. It does not change after `fit`."""

    @property
    def history(self) -> pl.DataFrame:
        """One row per epoch with columns epoch, train_loss, validation_loss, learning_rate; no rows if not trained.

        No clock times, so that the same study gives the same bytes again.
        """

    @property
    def errors(self) -> pl.DataFrame:
        """On held-out participants: method (self, pca_32, mean), mse, pearson_r, mae_uv; no rows if it cannot reconstruct."""

    def encode(self, signals: Signals) -> Features:
        """One row per participant and lead (or 12L) in the order of `signals`; with column mse if it can reconstruct."""

    def decode(self, features: Features) -> NDArray[np.float32] | None:
        """(N, 12, T) float32 µV reconstructed from features, N participants in order of appearance; None if it cannot."""

    def save(self, folder: Path) -> None:
        """Everything `load` needs, as safetensors and JSON; no pickle."""


@runtime_checkable
class ReconstructingEncoder(Encoder, Protocol):
    """An encoder that reconstructs signals themselves, not only their features."""

    def reconstruct(self, signals: Signals) -> NDArray[np.float32] | None:
        """(N, 12, T or S) float32 µV, whatever the error."""


def fit(
    options: Representation, signals: Signals, *, seed: int, scratch: Path | None = None, track: Callable[..., Any] = silent
) -> Encoder:
    """The encoder of the kind that `options` names, fitted to the signals."""
    encoder: Encoder = _kind(options).fit(options, signals, seed=seed, scratch=scratch, track=track)
    return encoder


def load(options: Representation, folder: Path) -> Encoder:
    """The encoder saved in `folder`."""
    encoder: Encoder = _kind(options).load(folder)
    return encoder


def take(options: Representation, *, instance: int | None = None, excluded: Collection[str] = ()) -> VisitFeatures:
    """The features of a kind without recordings; instance: the visit to use where the options name none.

    excluded: eids on whom the features of others do not depend.
    """
    taken: VisitFeatures = _kind(options).take(options, instance=instance, excluded=excluded)
    return taken


def reconstruct(encoder: Encoder, signals: Signals) -> NDArray[np.float32] | None:
    """(N, 12, T or S) float32 µV: the encoder's reconstruction of the signals, whatever the error; None if it cannot.

    By the encoder's own `reconstruct` if it has one, else decoded from the features: NaN where these are null.
    """
    if isinstance(encoder, ReconstructingEncoder):
        return encoder.reconstruct(signals)
    return encoder.decode(encoder.encode(signals))


def check(options: Representation, examples: Callable[[], Signals | None]) -> Sequence[str]:
    """Facts and warnings in words, by the kind's own `check`; none for a kind without files of the user.

    examples: reads a few recordings when called; None if none is readable. Raises an EcgwasError if a file is wrong or a
    package that it needs is not installed.
    """
    require_packages(options)
    of_kind = getattr(_kind(options), "check", None) if options.input_files else None
    return [] if of_kind is None else list(of_kind(options, examples))


def traits_of(options: Representation) -> int:
    """The most traits that a representation provides, known before it is fitted, for planning.

    By the kind's own `traits_of`; without one, its features per lead, or for all leads together.
    """
    of_kind = getattr(_kind(options), "traits_of", None)
    if of_kind is not None:
        return int(of_kind(options))
    return options.feature_count * (1 if options.joins_leads else len(LEADS))


def meanings(options: Representation) -> dict[str, str]:
    """Feature -> what is measured, with its unit, by the kind's own `meanings`; empty for learned features."""
    of_kind = getattr(_kind(options), "meanings", None)
    return {} if of_kind is None else dict(of_kind(options))


def units(options: Representation) -> dict[str, str]:
    """Feature -> its unit, by the kind's own `units`; features without a unit are absent, as all learned ones are.

    Effects are reported in this unit too. A direction in degrees must be counted from the cohort's mean direction, as
    `vectorcardiogram.around` does: otherwise similar directions may differ by 360 degrees, and means of them are wrong.
    """
    of_kind = getattr(_kind(options), "units", None)
    return {} if of_kind is None else dict(of_kind(options))


def work_of(options: Representation, size: CohortSize) -> Work:
    """How much work it is, for planning: by the kind's own `work`; without one, as much as one projection."""
    of_kind = getattr(_kind(options), "work", default_work)
    work: Work = of_kind(options, size)
    return work


def require_packages(options: Representation) -> None:
    """Raises ToolError if a package that the representation needs (`options.packages`) is not installed."""
    by = f"representation {options.name} (kind: {options.kind})"  # type: ignore[attr-defined]
    extras.require(*options.packages, by=by, otherwise="leave it out of `represent`")


def _kind(options: Representation) -> ModuleType:
    require_packages(options)
    return import_module(f"ecgwas.represent.{options.kind}")  # type: ignore[attr-defined]
