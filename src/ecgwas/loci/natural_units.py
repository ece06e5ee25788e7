"""Effects in natural units: each hit of a measured trait fitted again on untransformed values, by the scan's model.

The scan tests ranked traits, whose effects are in SD and cannot be compared with a paper's ms per allele. The second fit
differs in the values alone: participants, covariates, coding of genotypes and missing calls are the scan's. The standard error
is the model's. Significance remains the scan's: outliers among the values enlarge standard errors, as ranks do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.loci.individual_data import find_variants
from ecgwas.scan import chosen_tests
from ecgwas.scan.chosen_tests import ChosenTests
from ecgwas.study import Matrix
from ecgwas.tables import NATURAL_EFFECT, VARIANT_KEY, Covariates, Traits

TRAITS_AT_ONCE = 256
"""Traits whose untransformed values are in memory at a time."""

SCHEMA = {name: column.dtype for name, column in NATURAL_EFFECT.items()}


def natural_effects(
    hits: pl.DataFrame, units: Mapping[str, str], values_of: Callable[[Sequence[str]], Traits], covariates: Covariates,
    genotypes_of: Callable[[str], Genotypes], engine: Matrix,
) -> pl.DataFrame:  # fmt: skip
    """Columns effect, effect_se, unit of each hit, in their order; null for traits without a unit.

    hits: columns of Associations; units: trait -> unit, without traits that have none; values_of: names of traits -> their
    untransformed values, of the participants of the covariates in the same order; genotypes_of: chromosome -> its genotypes;
    engine: its rule for missing calls.
    """
    effect, error = np.full(hits.height, np.nan), np.full(hits.height, np.nan)
    with_unit = [name for name in hits["trait"].unique(maintain_order=True) if name in units]
    for start in range(0, len(with_unit), TRAITS_AT_ONCE):
        traits = values_of(with_unit[start : start + TRAITS_AT_ONCE])
        rows = hits.with_row_index("row").filter(pl.col("trait").is_in(traits.names))
        for chrom, of_chromosome in rows.group_by("chrom", maintain_order=True):
            genotypes = genotypes_of(str(chrom[0]))
            trait = of_chromosome["trait"].replace_strict({name: k for k, name in enumerate(traits.names)})
            tests = ChosenTests(find_variants(genotypes, of_chromosome), trait.cast(pl.Int64).to_numpy())
            fitted = chosen_tests.fit(engine, traits, covariates, genotypes, tests)
            effect[of_chromosome["row"]], error[of_chromosome["row"]] = fitted.beta, fitted.se
    unit = hits["trait"].replace_strict(units, default=None, return_dtype=pl.String)
    columns = {"effect": effect, "effect_se": error, "unit": unit}
    return pl.DataFrame(columns, schema=SCHEMA).with_columns(pl.col("effect", "effect_se").fill_nan(None))


def of_loci(loci: pl.DataFrame, hits: pl.DataFrame) -> pl.DataFrame:
    """The loci with effect, effect_se and unit of the lead variant on the best trait, from the hits that have them."""
    first = hits.unique([*VARIANT_KEY, "trait"], keep="first", maintain_order=True)
    own = first.select(*VARIANT_KEY, *NATURAL_EFFECT, best_trait="trait")
    return loci.join(own, on=[*VARIANT_KEY, "best_trait"], how="left", maintain_order="left")
