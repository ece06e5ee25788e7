"""Regional associations of each separate signal of a locus: every variant around, conditional on all other signals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.loci.conditional import residualise
from ecgwas.loci.individual_data import Region, r2_with
from ecgwas.loci.models import Model
from ecgwas.statistics.least_squares import neglog10p
from ecgwas.tables.loci import SignalNeighbourhoods

Floats = NDArray[np.float64]


def conditional_on_others(model: Model, region: Region, signals: Sequence[int], around: NDArray[np.int64]) -> pl.DataFrame:
    """Columns of SignalNeighbourhoods without locus and trait: for each signal, each variant of `around`.

    signals: indices in the region of the signals' variants, two or more, in the order of their steps; around: indices of the
    variants tested. The model of signal i has the covariates and the variants of all other signals, missing calls at the mean;
    where no call is missing, its own row equals `neglog10p_joint` of conditional.csv. Variants that `conditional.residualise`
    calls not testable are not tested.
    """
    copies_of_signals = region.pick(np.array(signals)).mean_imputed
    tested = region.pick(around)
    keys = pl.DataFrame([tested.variant_row(i) for i in range(len(tested))])
    frames = [SignalNeighbourhoods.empty().frame.drop("locus", "trait")]
    for i in range(len(signals)):
        others = np.delete(copies_of_signals, i, axis=0)
        frame = _tests(model, tested, others).with_columns(
            signal=pl.lit(i + 1, dtype=pl.Int64), r2_with_signal=pl.Series(r2_with(tested, copies_of_signals[i]))
        )
        frames.append(pl.concat([keys, frame], how="horizontal").select(frames[0].columns))
    return pl.concat(frames)


def _tests(model: Model, tested: Region, others: Floats) -> pl.DataFrame:
    """Columns beta, se, neglog10p of each variant; others (S, N): copies of the variants in the model."""
    own = model.given(others)
    trait = own.residuals
    trait_ss, df = float(trait @ trait), len(trait) - own.basis.shape[1] - 1
    beta, se = np.full(len(tested), np.nan), np.full(len(tested), np.nan)
    for batch, all_copies in tested.batches():
        residualised, genotype_ss, testable = residualise(own.rows(all_copies), own.basis)
        slopes = np.where(testable, residualised @ trait / np.where(testable, genotype_ss, 1.0), np.nan)
        residual_ss = np.maximum(trait_ss - slopes**2 * genotype_ss, 0)
        beta[batch], se[batch] = slopes, np.sqrt(residual_ss / df / np.where(testable, genotype_ss, 1.0))
    strength = neglog10p(beta / se, float(df))
    return pl.DataFrame({"beta": beta, "se": se, "neglog10p": strength}).fill_nan(None)
