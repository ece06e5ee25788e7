"""An association track of LocusZoom.js (Boughton et al. 2021, Bioinformatics 37:3017), as static JSON.

The rows have the fields of its standard association layer: variant `3:38767315_C/T`, chromosome, position, ref_allele,
log_pvalue (-log10 p), beta, se. As the reference genome's alleles are unknown here, ref_allele is the other allele.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from ecgwas.tables import VARIANT_KEY


def region(
    tests: pl.DataFrame, *, trait: str, chrom: str, start: int, stop: int, lead: Mapping[str, Any], build: str,
    effect_unit: str,
) -> Mapping[str, Any]:  # fmt: skip
    """One region of one trait: the associations, and the state that describes them.

    tests: columns of Associations, or those of Neighbourhoods; start, stop: both included; lead: a row of loci.csv.
    state.lead_variant is the lead variant's name, state.ldrefvar its `variant` among the rows, state.effect_unit the unit of
    beta and se.
    """
    inside = tests.filter((pl.col("chrom") == chrom) & pl.col("pos").is_between(start, stop)).sort(VARIANT_KEY)
    data = [
        {
            "id": row["variant"], "variant": _variant_name(row),
            "chromosome": row["chrom"], "position": row["pos"], "ref_allele": row["other_allele"],
            "log_pvalue": row["neglog10p"], "beta": row["beta"], "se": row["se"], "ref_allele_freq": 1 - row["eaf"],
        }
        for row in inside.iter_rows(named=True)
    ]  # fmt: skip
    state = {
        "chr": chrom, "start": start, "end": stop, "lead_variant": lead["lead_variant"], "ldrefvar": _variant_name(lead),
        "trait": trait, "build": build, "effect_unit": effect_unit,
    }  # fmt: skip
    return {"state": state, "data": data, "lastPage": None}


def _variant_name(row: Mapping[str, Any]) -> str:
    """The name that LocusZoom gives a variant."""
    return f"{row['chrom']}:{row['pos']}_{row['other_allele']}/{row['effect_allele']}"
