"""Permutes participants' traits and covariates for a null study."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ecgwas.tables import Traits
from ecgwas.traits.join import TraitTables


def permuted(tables: TraitTables, rng: np.random.Generator) -> TraitTables:
    """Assigns each participant's traits and covariates, together, to another of the same ancestry group: a null study.

    Associations between traits and covariates remain, and so do means and variances of the ancestry groups. Other associations
    of either with genotypes are removed.
    """
    order = _order(tables.ancestry.frame["ancestry_group"].to_numpy(), rng)
    traits = replace(tables.traits, values=tables.traits.values[order])
    covariates = replace(tables.covariates, values=tables.covariates.values[order])
    return replace(
        tables, traits=traits, covariates=covariates, notes=(*tables.notes, "participants are permuted: a null study")
    )


def reordered(traits: Traits, ancestry: NDArray[np.int64], rng: np.random.Generator) -> Traits:
    """Further values of the same participants, permuted as `permuted` does with the same generator; ancestry (N,): groups."""
    return replace(traits, values=traits.values[_order(ancestry, rng)])


def _order(ancestry: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """(N,) the participant whose values each participant receives."""
    order = np.empty(len(ancestry), dtype=np.int64)
    for number in np.unique(ancestry):
        members = np.flatnonzero(ancestry == number)
        order[members] = members[rng.permutation(len(members))]
    return order
