"""PLINK 2's own text, .glm.linear, for programs that read it (https://www.cog-genomics.org/plink/2.0/formats#glm_linear).

The columns of `--glm omit-ref log10 cols=chrom,pos,ref,alt,a1freq,nobs,beta,se,tz,p,err` in PLINK 2.00a3, six digits as
PLINK prints them. A1 is the effect allele. -log10 p is printed, never p, which would underflow.
"""

from __future__ import annotations

import polars as pl

CODE = r"^[A-Z0-9_<=>]+$"
"""PLINK's error codes; other reasons are names of filters, whose variants PLINK does not list."""


def rows(tests: pl.DataFrame, left_out: pl.DataFrame) -> pl.DataFrame:
    """One trait's table, all columns text, in the order of chromosome (as given) and position.

    tests: columns of ecgwas.tables.Associations; left_out: those of ecgwas.tables.LeftOutVariants, this trait's and those of
    all traits. Variants that PLINK could not compute stand in it with NA and their code.
    """
    lost = left_out.filter(pl.col("reason").str.contains(CODE)).rename({"reason": "ERRCODE"})
    joined = pl.concat([tests.with_columns(ERRCODE=pl.lit(".")), lost.drop("trait")], how="diagonal")
    order = {chrom: place for place, chrom in enumerate(joined["chrom"].unique(maintain_order=True))}
    ordered = joined.sort(pl.col("chrom").replace_strict(order, return_dtype=pl.Int64), "pos", maintain_order=True)
    numbers = {"A1_FREQ": "eaf", "BETA": "beta", "SE": "se", "T_STAT": "t", "LOG10_P": "neglog10p"}
    made = {name: pl.col(ours).map_elements(spelled, return_dtype=pl.String) for name, ours in numbers.items()}
    return ordered.select(
        pl.col("chrom").alias("#CHROM"), pl.col("pos").cast(pl.String).alias("POS"), pl.col("variant").alias("ID"),
        pl.col("other_allele").alias("REF"), pl.col("effect_allele").alias("ALT"), pl.col("effect_allele").alias("A1"),
        made["A1_FREQ"].alias("A1_FREQ"), pl.col("n").cast(pl.String).alias("OBS_CT"), made["BETA"].alias("BETA"),
        made["SE"].alias("SE"), made["T_STAT"].alias("T_STAT"), made["LOG10_P"].alias("LOG10_P"), "ERRCODE",
    )  # fmt: skip


def spelled(number: float) -> str:
    """Six digits."""
    return f"{number:.6g}"


def as_text(frame: pl.DataFrame) -> str:
    """The table as it stands in the file."""
    return frame.write_csv(separator="\t", null_value="NA")
