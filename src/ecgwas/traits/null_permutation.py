"""Permutes participants' traits and covariates for a null study."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ecgwas.tables import Traits
from ecgwas.traits.join import TraitTables


def permuted(tables: TraitTables, rng: np.random.Generator) -> TraitTables:
    """Assigns each participant's traits and covariates, together, to another participant: the tables of a null study.

    Associations between traits and covariates remain. Associations of either with genotypes are removed.
    """
    order = _order(tables.traits, rng)
    traits = replace(tables.traits, values=tables.traits.values[order])
    covariates = replace(tables.covariates, values=tables.covariates.values[order])
    return replace(
        tables, traits=traits, covariates=covariates, notes=(*tables.notes, "participants are permuted: a null study")
    )


def reordered(traits: Traits, rng: np.random.Generator) -> Traits:
    """Further values of the same participants, permuted as `permuted` does with the same generator."""
    return replace(traits, values=traits.values[_order(traits, rng)])


def _order(traits: Traits, rng: np.random.Generator) -> NDArray[np.int64]:
    """(N,) the participant whose values each participant receives."""
    return rng.permutation(len(traits.eids))
