"""Which participants of the features, covariates and genotypes are kept, and why the others are excluded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from ecgwas.tables import Features, People
from ecgwas.traits import overlap
from ecgwas.traits.covariates import CovariateTable
from ecgwas.traits.sample_qc import SampleQc


def list_people(
    table: CovariateTable, genotyped: Sequence[str], features: Mapping[str, Features], absent: str = "no recording"
) -> People:
    """Every participant of any table, kept or excluded before sample QC, with all reasons for the exclusion.

    absent: reason of those who are in none of the features' sources.
    """
    recorded: set[str] = set()
    measured: set[str] = set()
    for one in features.values():
        recorded |= set(one.frame["eid"])
        if one.names:
            any_measured = pl.any_horizontal(pl.col(one.names).is_not_null())
            measured |= set(one.frame.filter(any_measured)["eid"])
    lacking, covered, genotypes = table.missing(), set(table.eids), set(genotyped)
    rows = []
    for eid in sorted(recorded | covered | genotypes):
        reasons = []
        if eid not in recorded:
            reasons.append(absent)
        elif eid not in measured:
            reasons.append("no feature measured")
        if eid not in genotypes:
            reasons.append("no genotypes")
        if eid not in covered:
            reasons.append("no covariates")
        reasons += [f"missing covariate {name}" for name in lacking.get(eid, ())]
        rows.append({"eid": eid, "status": "dropped" if reasons else "kept", "reason": "; ".join(reasons)})
    return People.of(rows)


def exclude_by_sample_qc(people: People, judged: SampleQc) -> People:
    """The participants after sample QC: those whom a guard excludes have its reason."""
    is_excluded = people.frame["eid"].is_in(list(judged.excluded))
    reason = people.frame["eid"].replace_strict(judged.excluded, default="", return_dtype=pl.String)
    status = pl.when(is_excluded).then(pl.lit("dropped")).otherwise(pl.col("status"))
    return People(
        people.frame.with_columns(status=status, reason=pl.when(is_excluded).then(reason).otherwise(pl.col("reason")))
    )


def exclusion_counts(people: People) -> list[tuple[str, int]]:
    """Reasons and numbers of participants, most frequent first.

    Each excluded participant counts once, under the first reason, without its details.
    """
    reasons = people.frame.filter(pl.col("status") != "kept")["reason"]
    first = (overlap.SAMPLE_QC_REASON.sub(r"\1", reason.split("; ")[0]) for reason in reasons)
    return sorted(Counter(first).items(), key=lambda item: (-item[1], item[0]))
