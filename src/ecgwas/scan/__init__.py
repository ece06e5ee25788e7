"""Association: every variant tested with every trait. One file per engine (matrix.py, plink2.py), and folders for

    engine/       what matrix.py is made of: samples, screen, refits, results of a block; engine/backends/ computes them
    permutation/  family-wise error by permutation, for traits and trait sets

An engine's file provides

    scan(options, traits, covariates, genotypes, *, seed, track=silent, folder=None, ancestry=None,
         predictions=None) -> ScanResult
    check(options) -> None        raises an EcgwasError if the engine cannot run here
    work(options, size) -> Work   optional: what `ecgwas plan` computes its time, memory and disk from (work.py)

`folder` is where an external program leaves its files; `ancestry` (N,) is each participant's ancestry group; `predictions`
(N, K) are what the other chromosomes predict of the traits, which only matrix.py subtracts.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.progress import silent
from ecgwas.scan import work
from ecgwas.study import ScanOptions
from ecgwas.tables import Covariates, ScanResult, Traits

if TYPE_CHECKING:
    from ecgwas.genotypes.chromosomes import Genotypes


def scan(
    options: ScanOptions,
    traits: Traits,
    covariates: Covariates,
    genotypes: Genotypes,
    *,
    seed: int,
    track: Callable[..., Any] = silent,
    folder: Path | None = None,
    ancestry: NDArray[np.int64] | None = None,
    predictions: NDArray[np.float64] | None = None,
) -> ScanResult:
    """Tests every variant of one genotype part with every trait, by the engine that `options` names.

    predictions (N, K): subtracted from the traits; only by the built-in engine.
    """
    more: dict[str, Any] = {"seed": seed, "track": track, "folder": folder, "ancestry": ancestry}
    if predictions is not None:
        more["predictions"] = predictions
    result: ScanResult = _engine(options).scan(options, traits, covariates, genotypes, **more)
    return result


def check(options: ScanOptions) -> None:
    """Raises an EcgwasError if the engine that `options` names cannot run here."""
    _engine(options).check(options)


def work_of(options: ScanOptions, size: work.PartSize) -> work.Work:
    """How much work one part is: the engine's `work`, or the usual if it has none."""
    estimate = getattr(_engine(options), "work", work.usual)
    estimated: work.Work = estimate(options, size)
    return estimated


def _engine(options: ScanOptions) -> ModuleType:
    return import_module(f"ecgwas.scan.{options.kind}")
