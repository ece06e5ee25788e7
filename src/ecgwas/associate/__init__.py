"""Association: traits and genotypes in, loci out. One file per engine.

An engine's file offers `scan(options, traits, covariates, genotypes, *, seed, track=silent) -> ScanResult`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ecgwas.progress import silent
from ecgwas.study import Scan
from ecgwas.tables import Covariates, ScanResult, Traits

if TYPE_CHECKING:
    from ecgwas.associate.genotypes import Genotypes


def scan(
    options: Scan,
    traits: Traits,
    covariates: Covariates,
    genotypes: Genotypes,
    *,
    seed: int,
    track: Callable[..., Any] = silent,
) -> ScanResult:
    """Every variant of one genotype part against every trait, by the engine that `options` names."""
    engine = import_module(f"ecgwas.associate.{options.kind}")  # type: ignore[attr-defined]
    result: ScanResult = engine.scan(options, traits, covariates, genotypes, seed=seed, track=track)
    return result
