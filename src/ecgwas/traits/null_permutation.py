"""Permutes participants' traits and covariates for a null study."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecgwas.traits.join import TraitTables


def permuted(tables: TraitTables, rng: np.random.Generator) -> TraitTables:
    """Assigns each participant's traits and covariates, together, to another participant: the tables of a null study.

    Associations between traits and covariates remain. Associations of either with genotypes are removed.
    """
    order = rng.permutation(len(tables.traits.eids))
    traits = replace(tables.traits, values=tables.traits.values[order])
    covariates = replace(tables.covariates, values=tables.covariates.values[order])
    return replace(
        tables, traits=traits, covariates=covariates, notes=(*tables.notes, "participants are permuted: a null study")
    )
