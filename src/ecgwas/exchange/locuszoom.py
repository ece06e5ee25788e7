"""An association track of LocusZoom.js (Boughton et al. 2021, Bioinformatics 37:3017), to be read as static JSON.

The rows have the fields of its standard association layer: variant `3:38767315_C/T`, chromosome, position, ref_allele,
log_pvalue (-log10 p), beta, se. Without the genome's alleles, the other allele stands in for ref_allele.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from ecgwas.tables import VARIANT_KEY


def region(
    tests: pl.DataFrame, *, trait: str, chrom: str, start: int, stop: int, lead: Mapping[str, Any], build: str
) -> Mapping[str, Any]:
    """One region of one trait: what is drawn, and what it is of. start, stop: both included; lead: a locus of loci.csv.

    state.lead_variant is the lead variant's name, state.ldrefvar tells it among the rows' `variant`.
    """
    inside = tests.filter((pl.col("chrom") == chrom) & pl.col("pos").is_between(start, stop)).sort(VARIANT_KEY)
    data = [
        {
            "id": row["variant"], "variant": _spelled(row),
            "chromosome": row["chrom"], "position": row["pos"], "ref_allele": row["other_allele"],
            "log_pvalue": row["neglog10p"], "beta": row["beta"], "se": row["se"], "ref_allele_freq": 1 - row["eaf"],
        }
        for row in inside.iter_rows(named=True)
    ]  # fmt: skip
    state = {
        "chr": chrom, "start": start, "end": stop, "lead_variant": lead["lead_variant"], "ldrefvar": _spelled(lead),
        "trait": trait, "build": build,
    }  # fmt: skip
    return {"state": state, "data": data, "lastPage": None}


def _spelled(row: Mapping[str, Any]) -> str:
    """LocusZoom's name of a variant."""
    return f"{row['chrom']}:{row['pos']}_{row['other_allele']}/{row['effect_allele']}"
