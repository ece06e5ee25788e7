"""Writes scoring files in the format of the PGS Catalog, 2.0: https://www.pgscatalog.org/downloads/."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from ecgwas.scores.scoring_file import ASSEMBLIES

LINES = {
    "variant": pl.String, "chrom": pl.String, "pos": pl.Int64, "effect_allele": pl.String, "other_allele": pl.String,
    "weight": pl.Float64, "eaf": pl.Float64,
}  # fmt: skip
"""Columns of what is written."""


def text(lines: pl.DataFrame, *, name: str, trait: str, build: str, further: Mapping[str, str]) -> str:
    """The file's text.

    lines: LINES; eaf may be null; name: of the score, its pgs_id;
    build: hg19 | hg38; further: more lines of the header, such as the program that made it.
    """
    header = {
        "format_version": "2.0", "pgs_id": name, "pgs_name": name, "trait_reported": trait, "weight_type": "beta",
        "genome_build": ASSEMBLIES[build], "variants_number": str(lines.height), **further,
    }  # fmt: skip
    table = lines.select(
        pl.when(pl.col("variant").str.contains(r"^rs[0-9]+$")).then(pl.col("variant")).alias("rsID"),
        pl.col("chrom").alias("chr_name"), pl.col("pos").alias("chr_position"), "effect_allele", "other_allele",
        pl.col("weight").alias("effect_weight"), pl.col("eaf").alias("allelefrequency_effect"),
    )  # fmt: skip
    first = "###PGS CATALOG SCORING FILE - see https://www.pgscatalog.org/downloads/#dl_ftp_scoring for additional information"
    comments = [first, *(f"#{key}={' '.join(value.split())}" for key, value in header.items())]
    return "\n".join(comments) + "\n" + table.write_csv(separator="\t", null_value="")


def write(path: Path, content: str) -> None:
    """Writes text, compressed if the name ends in .gz; the same text gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".gz":
        path.write_text(content, encoding="utf-8")
        return
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as file:
        file.write(content.encode())
    path.write_bytes(packed.getvalue())
