"""Traits and covariates given to other people, for a null study."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecgwas.traits.join import TraitTables


def permuted(tables: TraitTables, rng: np.random.Generator) -> TraitTables:
    """Each person's traits and covariates given, together, to another person: the null twin of the tables.

    What traits and covariates have to do with each other stays; what they have to do with genotypes is gone.
    """
    order = rng.permutation(len(tables.traits.eids))
    traits = replace(tables.traits, values=tables.traits.values[order])
    covariates = replace(tables.covariates, values=tables.covariates.values[order])
    return replace(tables, traits=traits, covariates=covariates, notes=(*tables.notes, "people are shuffled: a null study"))
