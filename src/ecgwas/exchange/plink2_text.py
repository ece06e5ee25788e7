"""PLINK 2's text format .glm.linear, for programs that read it (https://www.cog-genomics.org/plink/2.0/formats#glm_linear).

The columns of `--glm omit-ref log10 cols=chrom,pos,ref,alt,a1freq,nobs,beta,se,tz,p,err` in PLINK 2.00a3, with six
digits, as PLINK prints them. A1 is the effect allele. -log10 p is written, never p, which would underflow.
"""

from __future__ import annotations

import polars as pl

ERROR_CODE = r"^[A-Z0-9_<=>]+$"
"""PLINK's error codes. Other reasons are names of filters, and PLINK does not list the variants that they exclude."""


def rows(tests: pl.DataFrame, excluded: pl.DataFrame) -> pl.DataFrame:
    """One trait's table, all columns text, in the order of chromosome (as given) and position.

    tests: columns of ecgwas.tables.Associations; excluded: columns of ecgwas.tables.LeftOutVariants, rows of this trait and of
    all traits. Variants for which PLINK computes nothing have NA and their error code.
    """
    with_code = excluded.filter(pl.col("reason").str.contains(ERROR_CODE)).rename({"reason": "ERRCODE"})
    joined = pl.concat([tests.with_columns(ERRCODE=pl.lit(".")), with_code.drop("trait")], how="diagonal")
    order = {chrom: rank for rank, chrom in enumerate(joined["chrom"].unique(maintain_order=True))}
    ordered = joined.sort(pl.col("chrom").replace_strict(order, return_dtype=pl.Int64), "pos", maintain_order=True)
    numbers = {"A1_FREQ": "eaf", "BETA": "beta", "SE": "se", "T_STAT": "t", "LOG10_P": "neglog10p"}
    text = {name: pl.col(column).map_elements(number_as_text, return_dtype=pl.String) for name, column in numbers.items()}
    return ordered.select(
        pl.col("chrom").alias("#CHROM"), pl.col("pos").cast(pl.String).alias("POS"), pl.col("variant").alias("ID"),
        pl.col("other_allele").alias("REF"), pl.col("effect_allele").alias("ALT"), pl.col("effect_allele").alias("A1"),
        text["A1_FREQ"].alias("A1_FREQ"), pl.col("n").cast(pl.String).alias("OBS_CT"), text["BETA"].alias("BETA"),
        text["SE"].alias("SE"), text["T_STAT"].alias("T_STAT"), text["LOG10_P"].alias("LOG10_P"), "ERRCODE",
    )  # fmt: skip


def number_as_text(number: float) -> str:
    """The number with six digits, as PLINK prints it."""
    return f"{number:.6g}"


def as_text(frame: pl.DataFrame) -> str:
    """The content of the file."""
    return frame.write_csv(separator="\t", null_value="NA")
