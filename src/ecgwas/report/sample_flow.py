"""How many recordings and participants were excluded, at which step and why: counts and reasons, no names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from ecgwas.report.contents import Cohort
from ecgwas.tables import Recordings

SHORTEST_EID = 4
"""Words of fewer characters in a reason are never taken for an eid."""

MAX_REASONS = 20
"""Rarer reasons are counted together."""


@dataclass(frozen=True)
class Step:
    """One box of the flow: what is counted, how many, and (reason, count) of those excluded since the box before."""

    what: str
    count: int
    excluded: tuple[tuple[str, int], ...] = ()


def steps(cohort: Cohort, min_people: int) -> tuple[Step, ...]:
    """Files found, people with a usable recording, people in feature tables, people in the scan.

    Neither reasons of fewer than `min_people` people nor tables of so few are shown.
    """
    eids, what = eids_of(cohort), "features" if cohort.in_tables else "recording"
    tables = [
        Step(f"people in the feature table {name}", count)
        for name, count in cohort.in_tables.items()
        if count >= min_people
    ]  # fmt: skip
    reasons = _reasons(cohort.people.frame, eids, min_people)
    tested = Step(f"people with {what}, genotypes and covariates", cohort.tested, reasons)
    return (*_of_recordings(cohort.recordings, eids, min_people), *tables, tested)


def _of_recordings(recordings: Recordings | None, eids: set[str], min_people: int) -> tuple[Step, ...]:
    if recordings is None:
        return ()
    usable = recordings.frame.filter(pl.col("status") == "kept")["eid"].n_unique()
    return (
        Step("recording files found", len(recordings)),
        Step("people with a usable recording", usable, _reasons(recordings.frame, eids, min_people)),
    )


def eids_of(cohort: Cohort) -> set[str]:
    """Every eid of the study that is long enough to be distinguished from a common word."""
    recorded: Iterable[str | None] = () if cohort.recordings is None else cohort.recordings.frame["eid"]
    return {eid for eid in {*recorded, *cohort.people.frame["eid"]} if eid is not None and len(eid) >= SHORTEST_EID}


def _reasons(frame: pl.DataFrame, eids: set[str], min_people: int) -> tuple[tuple[str, int], ...]:
    """Reason and rows, commonest first; reasons of fewer than `min_people` people are counted together."""
    excluded = frame.filter(pl.col("status") != "kept").with_columns(pl.col("reason").fill_null("no reason given"))
    reasons = [without_numbers(without_eids(reason, eids)) for reason in excluded["reason"]]
    # Files of unknown participants are no group of people: each counts separately.
    who = pl.Series([eid or f"file {row}" for row, eid in enumerate(excluded["eid"])], dtype=pl.String)
    table = pl.DataFrame({"reason": reasons, "who": who}, schema={"reason": pl.String, "who": pl.String})
    counted = table.group_by("reason").agg(pl.len(), people=pl.col("who").n_unique())
    ordered = list(counted.sort("len", "reason", descending=[True, False]).iter_rows())
    common = [row for row in ordered if row[2] >= min_people][:MAX_REASONS]
    rare = [row for row in ordered if row not in common]
    # One rare reason alone, or a few, would still be a small group: the next common one hides it.
    while rare and common and sum(people for _, _, people in rare) < min_people:
        rare.append(common.pop())
    rest = sum(count for _, count, _ in rare)
    return (*((reason, count) for reason, count, _ in common), *([("other reasons", rest)] if rest else []))


def without_numbers(reason: str) -> str:
    """The reason without measured values, which would make a reason of its own for each person: -3.12 SD."""
    return re.sub(r"[-−]?\d+\.\d+", "…", reason)


def without_eids(text: str, eids: set[str]) -> str:
    """The text with every eid replaced by an ellipsis: the page names nobody."""
    return re.sub(r"[A-Za-z0-9]+", lambda word: "…" if word.group() in eids else word.group(), text)
