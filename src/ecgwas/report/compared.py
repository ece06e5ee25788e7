"""What each representation of a study found, side by side; the command `compare` says the same on the terminal."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ecgwas.report import views
from ecgwas.report.figures.hits import loci_of_traits
from ecgwas.report.findings import Findings, RepresentationFindings

SPELLING = {
    "representation": ("representation", ""), "kind": ("kind", ""), "traits": ("traits", ",d"),
    "significant": ("significant variant–trait pairs", ",d"), "loci": ("loci", ",d"), "alone": ("loci it alone finds", ",d"),
    "best_trait": ("strongest trait", ""), "neglog10p": ("−log10 p", ".2f"), "lambda_gc": ("median λ", ".3f"),
    "repeatability": ("mean repeatability", ".3f"),
}  # fmt: skip


def representations(findings: Findings) -> views.View | None:
    """One row per representation; None where there is only one, or none."""
    if len(findings.representations) < 2:
        return None
    touched = loci_of_traits(findings)
    loci = {
        one.name: {locus for trait, found in touched.items() if trait.startswith(f"{one.name}.") for locus in found}
        for one in findings.representations
    }
    rows = [_row(findings, one, loci) for one in findings.representations]
    schema = {"best_trait": pl.String, "neglog10p": pl.Float64, "lambda_gc": pl.Float64, "repeatability": pl.Float64}
    return views.view("compared", "What each representation found", pl.DataFrame(rows, schema_overrides=schema), SPELLING)


def _row(findings: Findings, one: RepresentationFindings, loci: dict[str, set[int]]) -> dict[str, Any]:
    mine = pl.col("trait").str.starts_with(f"{one.name}.")
    traits = findings.summary.frame.filter(mine)
    hits = findings.hits.frame.filter(mine).sort("neglog10p", "trait", descending=[True, False])
    others = set[int]().union(*(found for name, found in loci.items() if name != one.name))
    inflation = traits["lambda_gc"].drop_nulls().to_numpy()
    repeated = one.reliability["r"].to_numpy() if one.reliability.height else np.empty(0)
    return {
        "representation": one.name, "kind": one.kind.replace("_", " "), "traits": traits.height, "significant": hits.height,
        "loci": len(loci[one.name]), "alone": len(loci[one.name] - others),
        "best_trait": hits["trait"][0] if hits.height else None, "neglog10p": hits["neglog10p"][0] if hits.height else None,
        "lambda_gc": float(np.median(inflation)) if len(inflation) else None,
        "repeatability": float(np.mean(repeated)) if len(repeated) else None,
    }  # fmt: skip
