"""Meta-analysis: the scans of several studies combined by inverse variance, with their heterogeneity.

Rows are matched by trait, chromosome, position and pair of alleles, on either strand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special, stats

from ecgwas.errors import InputError
from ecgwas.genotypes.alleles import AMBIGUOUS_WITHIN, COMPLEMENT
from ecgwas.tables.loci import MetaAssociations, MetaDropped

MAX_FREQUENCY_DIFFERENCE = 0.2
"""Frequencies that differ more between two studies are not of the same allele."""
KEY = ("trait", "chrom", "pos", "first", "second")
SITE = ("trait", "chrom", "pos", "variant")


@dataclass(frozen=True)
class Combined:
    """The result: variants in two studies or more, and every row that was dropped, with its reason."""

    associations: MetaAssociations
    dropped: MetaDropped


def combine(studies: Sequence[tuple[str, pl.DataFrame]]) -> Combined:
    """Fixed and random effects of each variant and trait in two studies or more.

    studies: name and frame with the columns of meta_studies.TYPES; the first study that has a variant decides its effect
    allele.

    Fixed effect: beta = sum(w beta) / sum(w), w = 1 / se^2; se = sum(w)^-1/2; Q = sum(w (beta_i - beta)^2), chi-square with
    studies - 1 degrees of freedom (Cochran 1954); I2 = max(0, 1 - (studies - 1) / Q) (Higgins and Thompson 2002, Stat Med
    21:1539). Random effects: tau2 = max(0, (Q - (studies - 1)) / (sum(w) - sum(w^2) / sum(w))), weights 1 / (se^2 + tau2)
    (DerSimonian and Laird 1986, Control Clin Trials 7:177). Studies must not share participants: effects are assumed to
    be independent. Raises InputError with fewer than two studies.
    """
    if len(studies) < 2:
        raise InputError(f"a meta-analysis needs two studies or more, not {len(studies)}", fix="name two tables or more")
    usable, dropped = [], []
    for number, (name, frame) in enumerate(studies):
        kept, rejected = _usable(frame.with_columns(study=pl.lit(name), order=pl.lit(number)))
        usable.append(kept)
        dropped.append(rejected)
    rows = pl.concat(usable).sort("order", maintain_order=True)
    aligned = _aligned(rows)
    agreeing = aligned.filter(pl.col("reason") == "")
    in_one_study = pl.col("study").n_unique().over(KEY) < 2
    dropped.append(aligned.filter(pl.col("reason") != ""))
    dropped.append(agreeing.filter(in_one_study).with_columns(reason=pl.lit("in one study only")))
    columns = list(MetaDropped.columns)
    all_dropped = pl.concat([frame.select(columns) for frame in dropped]).sort("study", *SITE, maintain_order=True)
    return Combined(_combined(agreeing.filter(~in_one_study)), MetaDropped(all_dropped))


def _usable(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows with an effect, once per variant, and those rejected, with the reason; KEY has both alleles on the strand that comes
    first in the alphabet."""
    alleles = [pl.col("effect_allele"), pl.col("other_allele")]
    complements = [_complement(allele) for allele in alleles]
    as_given = pl.concat_list(pl.min_horizontal(alleles), pl.max_horizontal(alleles)).list.join(":")
    other_strand = pl.concat_list(pl.min_horizontal(complements), pl.max_horizontal(complements)).list.join(":")
    keyed = frame.with_columns(
        palindromic=_complement(pl.col("effect_allele")) == pl.col("other_allele"),
        pair=pl.min_horizontal(as_given, other_strand),
    ).with_columns(first=pl.col("pair").str.split(":").list.get(0), second=pl.col("pair").str.split(":").list.get(1))
    is_repeated = pl.len().over(KEY) > 1
    is_near_half = pl.col("palindromic") & ((pl.col("eaf") - 0.5).abs() < AMBIGUOUS_WITHIN)
    reason = (
        pl.when(pl.any_horizontal(pl.col("chrom", "pos", "effect_allele", "other_allele").is_null()))
        .then(pl.lit("no place or alleles"))
        .when(~(pl.col("beta").is_finite() & (pl.col("se") > 0) & pl.col("se").is_finite()).fill_null(False))
        .then(pl.lit("no effect or standard error"))
        .when(pl.col("eaf").is_null() & pl.col("palindromic"))
        .then(pl.lit("palindromic, and no frequency to tell the strand"))
        .when(is_near_half)
        .then(pl.lit("palindromic, with a frequency near one half"))
        .when(is_repeated)
        .then(pl.lit("the same variant twice in one study"))
        .otherwise(pl.lit(""))
    )
    judged = keyed.with_columns(reason=reason)
    return judged.filter(pl.col("reason") == ""), judged.filter(pl.col("reason") != "")


def _complement(allele: pl.Expr) -> pl.Expr:
    """The allele on the other strand."""
    return allele.str.reverse().str.replace_many(list(COMPLEMENT), list(COMPLEMENT.values()))


def _aligned(rows: pl.DataFrame) -> pl.DataFrame:
    """Effects of the first study's effect allele; rows whose frequency contradicts it get a reason.

    Palindromic variants have the same alleles on both strands, so their frequencies decide.
    """
    of_first_study = {f"lead_{name}": pl.col(name).first().over(KEY) for name in ("effect_allele", "other_allele", "eaf")}
    rows = rows.with_columns(**of_first_study)
    same = (pl.col("effect_allele") == pl.col("lead_effect_allele")) | (
        _complement(pl.col("effect_allele")) == pl.col("lead_effect_allele")
    )
    is_closer = (pl.col("eaf") - pl.col("lead_eaf")).abs() <= (1 - pl.col("eaf") - pl.col("lead_eaf")).abs()
    forward = pl.when(pl.col("palindromic")).then(is_closer).otherwise(same)
    sign = pl.when(forward).then(1.0).otherwise(-1.0)
    rows = rows.with_columns(beta=pl.col("beta") * sign, eaf=pl.when(forward).then("eaf").otherwise(1 - pl.col("eaf")))
    is_far = ((pl.col("eaf") - pl.col("lead_eaf")).abs() > MAX_FREQUENCY_DIFFERENCE).fill_null(False)
    reason = pl.when(is_far).then(pl.lit("frequency far from that of the first study")).otherwise(pl.lit(""))
    return rows.with_columns(reason=reason, effect_allele="lead_effect_allele", other_allele="lead_other_allele")


def _combined(rows: pl.DataFrame) -> MetaAssociations:
    """Fixed and random effects, heterogeneity and their p-values; rows are aligned and in two studies or more."""
    beta, weight = pl.col("beta"), 1 / pl.col("se") ** 2
    q = ((weight * beta**2).sum() - (weight * beta).sum() ** 2 / weight.sum()).clip(lower_bound=0.0)
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    tau2 = ((q - (pl.len() - 1)) / scale).clip(lower_bound=0.0)
    random_weight = 1 / (pl.col("se") ** 2 + tau2)
    generated_name = pl.concat_str(["chrom", "pos", "other_allele", "effect_allele"], separator=":")
    all_have_n = pl.col("n").is_not_null().all()
    sums = rows.group_by(KEY, maintain_order=True).agg(
        pl.col("effect_allele", "other_allele").first(),
        variant=pl.coalesce(pl.col("variant").drop_nulls().first(), generated_name.first()),
        eaf=(weight * pl.col("eaf")).sum() / weight.filter(pl.col("eaf").is_not_null()).sum(),
        n=pl.when(all_have_n).then(pl.col("n").sum()),
        studies=pl.len().cast(pl.Int64), beta=(weight * beta).sum() / weight.sum(), se=1 / weight.sum().sqrt(),
        directions=pl.when(beta > 0).then(pl.lit("+")).when(beta < 0).then(pl.lit("-")).otherwise(pl.lit("0")).str.join(""),
        q=q, tau2=tau2, beta_random=(random_weight * beta).sum() / random_weight.sum(),
        se_random=1 / random_weight.sum().sqrt(),
    )  # fmt: skip
    z = (sums["beta"] / sums["se"]).to_numpy()
    df = sums["studies"].to_numpy() - 1
    q_values = sums["q"].to_numpy()
    i2 = np.clip(1 - np.divide(df, q_values, out=np.full(len(q_values), np.inf), where=q_values > 0), 0.0, None)
    extra = {
        "z": z, "neglog10p": _neglog10p(z), "q_p": stats.chi2.sf(q_values, np.maximum(df, 1)), "i2": i2,
        "neglog10p_random": _neglog10p((sums["beta_random"] / sums["se_random"]).to_numpy()),
    }  # fmt: skip
    table = sums.with_columns(**{name: pl.Series(values, dtype=pl.Float64) for name, values in extra.items()})
    return MetaAssociations(table.select(list(MetaAssociations.columns)).sort("trait", "chrom", "pos", "effect_allele"))


def _neglog10p(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """-log10 of the two-sided p of a standard normal z, in log space."""
    return np.asarray(-(special.log_ndtr(-np.abs(z)) + np.log(2)) / np.log(10))
