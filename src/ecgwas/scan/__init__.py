"""Association: traits and genotypes in, loci out. One file per engine (matrix.py, plink2.py), and rooms of their own for

    calls/    genotypes as they lie in files and as the scan takes them
    people/   who is tested: covariates, kinship, components, guards
    engine/   what matrix.py is made of: algebra, kernels, missing calls, permutations
    hits/     what becomes of a scan: thresholds, loci, signals, audit, known loci, power

An engine's file offers

    scan(options, traits, covariates, genotypes, *, seed, track=silent, folder=None, ancestry=None) -> ScanResult
    check(options) -> None        raises an EcgwasError if the engine cannot run here

`folder` is where an outside program leaves its own files; `ancestry` (N,) says who is of which group of ancestry.
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
) -> ScanResult:
    """Every variant of one genotype part against every trait, by the engine that `options` names."""
    more = {"seed": seed, "track": track, "folder": folder, "ancestry": ancestry}
    result: ScanResult = _engine(options).scan(options, traits, covariates, genotypes, **more)
    return result


def check(options: ScanOptions) -> None:
    """Raises an EcgwasError if the engine that `options` names cannot run here."""
    _engine(options).check(options)


def _engine(options: ScanOptions) -> ModuleType:
    return import_module(f"ecgwas.scan.{options.kind}")
