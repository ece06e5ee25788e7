"""Meta-analysis: the scans of several studies together, by inverse variance, with what they disagree about.

A study is a table of rows, one per variant (and trait): ecgwas's own (Associations: Parquet or CSV) or GWAS-SSF (.tsv[.gz]).
Rows belong together that have the same trait, chromosome, position and pair of alleles, on either strand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy import special, stats

from ecgwas.associate.calls.alleles import COMPLEMENT, UNCLEAR
from ecgwas.errors import InputError, first_few
from ecgwas.loci_tables import MetaAssociations, MetaDropped

NAMES = {
    "chrom": ("chrom", "chromosome"), "pos": ("pos", "base_pair_location"), "effect_allele": ("effect_allele",),
    "other_allele": ("other_allele",), "eaf": ("eaf", "effect_allele_frequency"), "beta": ("beta",),
    "se": ("se", "standard_error"), "n": ("n",), "variant": ("variant", "rsid", "variant_id"), "trait": ("trait",),
}  # fmt: skip
"""Ours -> headers under which it stands."""
OPTIONAL = ("n", "variant", "trait")
TYPES = {
    "chrom": pl.String, "pos": pl.Int64, "effect_allele": pl.String, "other_allele": pl.String, "eaf": pl.Float64,
    "beta": pl.Float64, "se": pl.Float64, "n": pl.Int64, "variant": pl.String, "trait": pl.String,
}  # fmt: skip
MISSING = ["", "NA", "#NA", "nan"]
FAR_APART = 0.2
"""Frequencies that differ more between two studies are not of the same allele."""
KEY = ("trait", "chrom", "pos", "first", "second")
SITE = ("trait", "chrom", "pos", "variant")


@dataclass(frozen=True)
class Combined:
    """What a meta-analysis gives: rows found in two studies or more, and every row that was dropped, with its reason."""

    associations: MetaAssociations
    dropped: MetaDropped


def read(path: Path) -> pl.DataFrame:
    """Columns of TYPES; trait empty where the table has none. Raises InputError where the file or a column is missing."""
    if not path.is_file():
        raise InputError(
            "the table of associations is missing", where=path, fix="name a file of results/scan or a GWAS-SSF file"
        )
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
    else:
        separator = "," if path.suffix == ".csv" else "\t"
        frame = pl.read_csv(path, separator=separator, infer_schema=False, null_values=MISSING)
    places = {ours: next((name for name in theirs if name in frame.columns), None) for ours, theirs in NAMES.items()}
    absent = [ours for ours, name in places.items() if name is None and ours not in OPTIONAL]
    if absent:
        problem = f"the table lacks columns for {first_few(absent, 10)}; it has {first_few(frame.columns, 15)}"
        raise InputError(problem, where=path, fix="give an ecgwas scan (chrom, pos, effect_allele ...) or a GWAS-SSF file")
    columns = [
        pl.lit(None, TYPES[ours]).alias(ours) if name is None else pl.col(name).cast(TYPES[ours], strict=False).alias(ours)
        for ours, name in places.items()
    ]
    return frame.select(columns).with_columns(
        pl.col("trait").fill_null(""), pl.col("chrom").str.strip_prefix("chr").replace({"23": "X", "24": "Y", "25": "MT"}),
        pl.col("effect_allele").str.to_uppercase(), pl.col("other_allele").str.to_uppercase(),
    )  # fmt: skip


def combine(studies: Sequence[tuple[str, pl.DataFrame]]) -> Combined:
    """studies: name and frame with the columns of TYPES; the first study that has a variant decides its effect allele.

    beta = sum(w beta) / sum(w), w = 1 / se^2; se = sum(w)^-1/2; Q = sum(w (beta_i - beta)^2), chi-square with studies - 1
    degrees of freedom (Cochran 1954); I2 = max(0, 1 - (studies - 1) / Q) (Higgins and Thompson 2002, Stat Med 21:1539).
    Raises InputError with fewer than two studies.
    """
    if len(studies) < 2:
        raise InputError(f"{len(studies)} study is no meta-analysis", fix="name two tables or more")
    usable, dropped = [], []
    for number, (name, frame) in enumerate(studies):
        kept, lost = _usable(frame.with_columns(study=pl.lit(name), order=pl.lit(number)))
        usable.append(kept)
        dropped.append(lost)
    rows = pl.concat(usable).sort("order", maintain_order=True)
    aligned = _aligned(rows)
    fine = aligned.filter(pl.col("reason") == "")
    alone = pl.col("study").n_unique().over(KEY) < 2
    dropped.append(aligned.filter(pl.col("reason") != ""))
    dropped.append(fine.filter(alone).with_columns(reason=pl.lit("in one study only")))
    columns = list(MetaDropped.columns)
    lost = pl.concat([frame.select(columns) for frame in dropped]).sort("study", *SITE, maintain_order=True)
    return Combined(_pooled(fine.filter(~alone)), MetaDropped(lost))


def _usable(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows with an effect, once per variant, with a key of both alleles on the alphabetically first strand."""
    alleles = [pl.col("effect_allele"), pl.col("other_allele")]
    flipped = [_complement(allele) for allele in alleles]
    plain = pl.concat_list(pl.min_horizontal(alleles), pl.max_horizontal(alleles)).list.join(":")
    turned = pl.concat_list(pl.min_horizontal(flipped), pl.max_horizontal(flipped)).list.join(":")
    keyed = frame.with_columns(
        palindromic=_complement(pl.col("effect_allele")) == pl.col("other_allele"), pair=pl.min_horizontal(plain, turned)
    ).with_columns(first=pl.col("pair").str.split(":").list.get(0), second=pl.col("pair").str.split(":").list.get(1))
    twice = pl.len().over(KEY) > 1
    unclear = pl.col("palindromic") & ((pl.col("eaf") - 0.5).abs() < UNCLEAR)
    reason = (
        pl.when(pl.any_horizontal(pl.col("chrom", "pos", "effect_allele", "other_allele").is_null()))
        .then(pl.lit("no place or alleles"))
        .when(~(pl.col("beta").is_finite() & (pl.col("se") > 0) & pl.col("se").is_finite()).fill_null(False))
        .then(pl.lit("no effect or standard error"))
        .when(pl.col("eaf").is_null() & pl.col("palindromic"))
        .then(pl.lit("palindromic, and no frequency to tell the strand"))
        .when(unclear)
        .then(pl.lit("palindromic, with a frequency near one half"))
        .when(twice)
        .then(pl.lit("the same variant twice in one study"))
        .otherwise(pl.lit(""))
    )
    told = keyed.with_columns(reason=reason)
    return told.filter(pl.col("reason") == ""), told.filter(pl.col("reason") != "")


def _complement(allele: pl.Expr) -> pl.Expr:
    """The allele on the other strand."""
    return allele.str.reverse().str.replace_many(list(COMPLEMENT), list(COMPLEMENT.values()))


def _aligned(rows: pl.DataFrame) -> pl.DataFrame:
    """Effects of the first study's allele; rows whose frequency speaks against it get a reason.

    Palindromic variants look alike on both strands, so their frequencies decide.
    """
    lead = {f"lead_{name}": pl.col(name).first().over(KEY) for name in ("effect_allele", "other_allele", "eaf")}
    rows = rows.with_columns(**lead)
    same = (pl.col("effect_allele") == pl.col("lead_effect_allele")) | (
        _complement(pl.col("effect_allele")) == pl.col("lead_effect_allele")
    )
    near = (pl.col("eaf") - pl.col("lead_eaf")).abs() <= (1 - pl.col("eaf") - pl.col("lead_eaf")).abs()
    forward = pl.when(pl.col("palindromic")).then(near).otherwise(same)
    sign = pl.when(forward).then(1.0).otherwise(-1.0)
    rows = rows.with_columns(beta=pl.col("beta") * sign, eaf=pl.when(forward).then("eaf").otherwise(1 - pl.col("eaf")))
    apart = ((pl.col("eaf") - pl.col("lead_eaf")).abs() > FAR_APART).fill_null(False)
    reason = pl.when(apart).then(pl.lit("frequency far from that of the first study")).otherwise(pl.lit(""))
    return rows.with_columns(reason=reason, effect_allele="lead_effect_allele", other_allele="lead_other_allele")


def _pooled(rows: pl.DataFrame) -> MetaAssociations:
    weight = 1 / pl.col("se") ** 2
    summed = rows.group_by(KEY, maintain_order=True).agg(
        pl.col("variant", "effect_allele", "other_allele").first(),
        eaf=(weight * pl.col("eaf")).sum() / weight.sum(), n=pl.col("n").sum(), studies=pl.len().cast(pl.Int64),
        beta=(weight * pl.col("beta")).sum() / weight.sum(), se=1 / weight.sum().sqrt(),
        directions=pl.when(pl.col("beta") > 0).then(pl.lit("+")).otherwise(pl.lit("-")).str.join(""),
        q=((weight * pl.col("beta") ** 2).sum() - (weight * pl.col("beta")).sum() ** 2 / weight.sum()).clip(lower_bound=0.0),
    )  # fmt: skip
    z = (summed["beta"] / summed["se"]).to_numpy()
    degrees = summed["studies"].to_numpy() - 1
    q = summed["q"].to_numpy()
    logs = -(special.log_ndtr(-np.abs(z)) + np.log(2)) / np.log(10)
    shared = np.clip(1 - np.divide(degrees, q, out=np.full(len(q), np.inf), where=q > 0), 0.0, None)
    extra = {"z": z, "neglog10p": logs, "q_p": stats.chi2.sf(q, np.maximum(degrees, 1)), "i2": shared}
    found = summed.with_columns(**{name: pl.Series(values, dtype=pl.Float64) for name, values in extra.items()})
    return MetaAssociations(found.select(list(MetaAssociations.columns)).sort("trait", "chrom", "pos", "effect_allele"))
