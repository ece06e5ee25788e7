"""What each representation of a study found, side by side; the command `compare` says the same on the terminal."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ecgwas.report.contents import ReportContents, RepresentationResults
from ecgwas.report.figures.hits import loci_of_traits
from ecgwas.report.page import table_views

SPELLING = {
    "representation": ("representation", ""), "kind": ("kind", ""), "traits": ("traits", ",d"),
    "significant": ("significant variant–trait pairs", ",d"), "loci": ("loci", ",d"), "alone": ("loci it alone finds", ",d"),
    "best_trait": ("strongest trait", ""), "neglog10p": ("−log10 p", ".2f"), "lambda_gc": ("median λ", ".3f"),
    "repeatability": ("mean repeatability", ".3f"), "between_visits": ("mean ICC of two visits", ".3f"),
}  # fmt: skip


def representations(contents: ReportContents) -> table_views.View | None:
    """One row per representation; None where there is only one, or none."""
    if len(contents.representations) < 2:
        return None
    touched = loci_of_traits(contents)
    loci = {
        one.name: {locus for trait, found in touched.items() if trait.startswith(f"{one.name}.") for locus in found}
        for one in contents.representations
    }
    rows = [_row(contents, one, loci) for one in contents.representations]
    real = dict.fromkeys(("neglog10p", "lambda_gc", "repeatability", "between_visits"), pl.Float64)
    table = pl.DataFrame(rows, schema_overrides={"best_trait": pl.String, **real})
    if table["between_visits"].is_null().all():
        table = table.drop("between_visits")
    return table_views.view("compared", "What each representation found", table, SPELLING)


def _row(contents: ReportContents, one: RepresentationResults, loci: dict[str, set[int]]) -> dict[str, Any]:
    mine = pl.col("trait").str.starts_with(f"{one.name}.")
    traits = contents.summary.frame.filter(mine)
    hits = contents.hits.frame.filter(mine).sort("neglog10p", "trait", descending=[True, False])
    others = set[int]().union(*(found for name, found in loci.items() if name != one.name))
    inflation = traits["lambda_gc"].drop_nulls().to_numpy()
    repeated, visits = (one.reliability[name].drop_nulls().to_numpy() for name in ("r", "icc"))
    return {
        "representation": one.name, "kind": one.kind.replace("_", " "), "traits": traits.height, "significant": hits.height,
        "loci": len(loci[one.name]), "alone": len(loci[one.name] - others),
        "best_trait": hits["trait"][0] if hits.height else None, "neglog10p": hits["neglog10p"][0] if hits.height else None,
        "lambda_gc": float(np.median(inflation)) if len(inflation) else None,
        "repeatability": float(np.mean(repeated)) if len(repeated) else None,
        "between_visits": float(np.mean(visits)) if len(visits) else None,
    }  # fmt: skip
