"""An association track of LocusZoom.js (Boughton et al. 2021, Bioinformatics 37:3017), to be read as static JSON.

The rows have the fields of its standard association layer: variant `3:38767315_C/T`, chromosome, position, ref_allele,
log_pvalue (-log10 p), beta, se. Without the genome's alleles, the other allele stands in for ref_allele.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl


def region(
    tests: pl.DataFrame, *, trait: str, chrom: str, start: int, stop: int, lead_variant: str, build: str
) -> Mapping[str, Any]:
    """One region of one trait: what is drawn, and what it is of. start, stop: both included."""
    inside = tests.filter((pl.col("chrom") == chrom) & pl.col("pos").is_between(start, stop)).sort("pos", "variant")
    data = [
        {
            "id": row["variant"], "variant": f"{row['chrom']}:{row['pos']}_{row['other_allele']}/{row['effect_allele']}",
            "chromosome": row["chrom"], "position": row["pos"], "ref_allele": row["other_allele"],
            "log_pvalue": row["neglog10p"], "beta": row["beta"], "se": row["se"], "ref_allele_freq": 1 - row["eaf"],
        }
        for row in inside.iter_rows(named=True)
    ]  # fmt: skip
    state = {"chr": chrom, "start": start, "end": stop, "lead_variant": lead_variant, "trait": trait, "build": build}
    return {"state": state, "data": data, "lastPage": None}
