"""Where recordings and people went: counts and reasons, no names."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from ecgwas.report.contents import ReportContents

SHORTEST_NAME = 4
"""Words of fewer characters in a reason are never taken for an eid."""


MOST_REASONS = 20
"""Rarer ones are counted together."""


@dataclass(frozen=True)
class Step:
    """One box of the flow: what, how many, and what was left out on the way from the box before."""

    what: str
    count: int
    left_out: tuple[tuple[str, int], ...] = ()

    @property
    def lost(self) -> int:
        """How many were left out."""
        return sum(count for _, count in self.left_out)


def steps(contents: ReportContents) -> tuple[Step, ...]:
    """Files found, people with a usable recording, people in the scan."""
    recordings, people = contents.recordings.frame, contents.people.frame
    names, least = lead_list(contents), contents.min_people
    usable = recordings.filter(pl.col("status") == "kept")["eid"].n_unique()
    return (
        Step("recording files found", recordings.height),
        Step("people with a usable recording", usable, _reasons(recordings, names, least)),
        Step("people with recording, genotypes and covariates", people.filter(pl.col("status") == "kept").height,
             _reasons(people, names, least)),
    )  # fmt: skip


def lead_list(contents: ReportContents) -> set[str]:
    """Every eid of the study that could be told from a common word."""
    everybody = {*contents.recordings.frame["eid"], *contents.people.frame["eid"]}
    return {name for name in everybody if len(name) >= SHORTEST_NAME}


def _reasons(frame: pl.DataFrame, names: set[str], least: int) -> tuple[tuple[str, int], ...]:
    """Reason and rows, commonest first; reasons of fewer than `least` people are counted together."""
    dropped = frame.filter(pl.col("status") != "kept").with_columns(pl.col("reason").fill_null("no reason given"))
    words = [without_numbers(without_names(reason, names)) for reason in dropped["reason"]]
    # Files of nobody known are no group of people: each counts by itself.
    who = pl.Series([eid or f"file {row}" for row, eid in enumerate(dropped["eid"])], dtype=pl.String)
    table = pl.DataFrame({"reason": words, "who": who}, schema={"reason": pl.String, "who": pl.String})
    counted = table.group_by("reason").agg(pl.len(), people=pl.col("who").n_unique())
    ordered = list(counted.sort("len", "reason", descending=[True, False]).iter_rows())
    common = [row for row in ordered if row[2] >= least][:MOST_REASONS]
    rare = [row for row in ordered if row not in common]
    # One rare reason alone, or a few, would still be a small group: the next common one hides it.
    while rare and common and sum(people for _, _, people in rare) < least:
        rare.append(common.pop())
    rest = sum(count for _, count, _ in rare)
    return (*((reason, count) for reason, count, _ in common), *([("other reasons", rest)] if rest else []))


def without_numbers(reason: str) -> str:
    """The reason with measured values blotted out, which would make a reason of its own for each person: -3.12 SD."""
    return re.sub(r"[-−]?\d+\.\d+", "…", reason)


def without_names(reason: str, names: set[str]) -> str:
    """The reason with every eid blotted out: the page names nobody."""
    return re.sub(r"[A-Za-z0-9]+", lambda found: "…" if found.group() in names else found.group(), reason)
