"""What each representation of a study found, row by row; the command `compare` prints the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from ecgwas.report.contents import LociResults, RepresentationResults
from ecgwas.report.page.table_view import ShownTable, shown
from ecgwas.report.page.table_views import REPRESENTATIONS
from ecgwas.report.queries import loci_of_traits
from ecgwas.tables import Summary


def representations(
    compared: Sequence[RepresentationResults], results: LociResults, summary: Summary
) -> ShownTable | None:  # fmt: skip
    """One row per representation; None where there is only one, or none."""
    if len(compared) < 2:
        return None
    numbers = loci_of_traits(results.loci, results.hits)
    loci = {
        one.name: {locus for trait, trait_loci in numbers.items() if trait.startswith(f"{one.name}.") for locus in trait_loci}
        for one in compared
    }
    rows = [_row(one, results, summary, loci) for one in compared]
    real = dict.fromkeys(("neglog10p", "lambda_gc", "repeatability", "between_visits"), pl.Float64)
    return shown(REPRESENTATIONS, pl.DataFrame(rows, schema_overrides={"best_trait": pl.String, **real}))


def _row(
    one: RepresentationResults, results: LociResults, summary: Summary, loci: dict[str, set[int]]
) -> dict[str, Any]:  # fmt: skip
    of_this = pl.col("trait").str.starts_with(f"{one.name}.")
    traits = summary.frame.filter(of_this)
    hits = results.hits.frame.filter(of_this).sort("neglog10p", "trait", descending=[True, False])
    others = set[int]().union(*(numbers for name, numbers in loci.items() if name != one.name))
    inflation = traits["lambda_gc"].drop_nulls().to_numpy()
    r, icc = (one.reliability[name].drop_nulls().to_numpy() for name in ("r", "icc"))
    return {
        "representation": one.name, "kind": one.kind.replace("_", " "), "traits": traits.height, "significant": hits.height,
        "loci": len(loci[one.name]), "alone": len(loci[one.name] - others),
        "best_trait": hits["trait"][0] if hits.height else None, "neglog10p": hits["neglog10p"][0] if hits.height else None,
        "lambda_gc": float(np.median(inflation)) if len(inflation) else None,
        "repeatability": float(np.mean(r)) if len(r) else None,
        "between_visits": float(np.mean(icc)) if len(icc) else None,
    }  # fmt: skip
