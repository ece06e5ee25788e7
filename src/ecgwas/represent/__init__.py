"""Representations: from cleaned signals to features. One file per kind.

A kind's file offers two functions and an encoder:

    fit(options, signals, *, seed, scratch=None, track=silent) -> Encoder
    load(folder) -> Encoder
    meanings(options) -> dict      optional: feature -> what is measured, with its unit
    traits_of(options) -> int      optional: the most traits it gives, where they are not `features` per lead or in all
    work(options, given) -> Work   optional: what `ecgwas plan` counts its time, memory and disk by (represent/work.py)

`scratch` is a folder that survives a kill: training keeps its checkpoint there and goes on from it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.leads import LEADS
from ecgwas.progress import silent
from ecgwas.represent import work
from ecgwas.signals import Signals
from ecgwas.study import Representation
from ecgwas.tables import Features


class Encoder(Protocol):
    """A fitted representation: nothing about it changes after `fit`."""

    @property
    def history(self) -> pl.DataFrame:
        """One row per epoch with columns epoch, train_loss, validation_loss, learning_rate; no rows if not trained.

        No clock times: the same study gives the same bytes again.
        """

    @property
    def errors(self) -> pl.DataFrame:
        """On people kept aside: method (self, pca_32, mean), mse, pearson_r, mae_uv; no rows if it cannot reconstruct."""

    def encode(self, signals: Signals) -> Features:
        """One row per person and lead (or 12L) in the order of `signals`; column mse where it can reconstruct."""

    def decode(self, features: Features) -> NDArray[np.float32] | None:
        """(N, 12, T) float32 µV reconstructed from features, N people in order of appearance; None if it cannot."""

    def save(self, folder: Path) -> None:
        """Everything `load` needs, as safetensors and JSON; no pickle."""


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


def reconstruct(encoder: Encoder, signals: Signals) -> NDArray[np.float32] | None:
    """(N, 12, T or S) float32 µV: what the encoder makes of the signals, whatever the error; None if it cannot reconstruct.

    By the encoder's own `reconstruct`, where it has one; else decoded from the features, NaN where these are null.
    """
    own = getattr(encoder, "reconstruct", None)
    found: NDArray[np.float32] | None = encoder.decode(encoder.encode(signals)) if own is None else own(signals)
    return found


def traits_of(options: Representation) -> int:
    """The most traits that a representation gives, known before it is fitted: what a plan counts with.

    By the kind's own `traits_of`; without one `features`, or one where there is no such option, per lead unless the leads go
    together.
    """
    counted = getattr(_kind(options), "traits_of", None)
    if counted is not None:
        return int(counted(options))
    leads = 1 if getattr(options, "leads", "each") == "together" else len(LEADS)
    return int(getattr(options, "features", 1)) * leads


def meanings(options: Representation) -> dict[str, str]:
    """Feature -> what is measured, with its unit, by the kind's own `meanings`; nothing for learned features."""
    named = getattr(_kind(options), "meanings", None)
    return {} if named is None else dict(named(options))


def work_of(options: Representation, given: work.Given) -> work.Work:
    """How much work it is, by the kind's own `work`: what a plan counts with; without one, as much as one projection."""
    counted = getattr(_kind(options), "work", work.usual)
    found: work.Work = counted(options, given)
    return found


def _kind(options: Representation) -> ModuleType:
    return import_module(f"ecgwas.represent.{options.kind}")  # type: ignore[attr-defined]
