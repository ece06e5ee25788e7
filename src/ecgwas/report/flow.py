"""Where recordings and people went: counts and reasons, no names."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from ecgwas.report.findings import Findings

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


def steps(findings: Findings) -> tuple[Step, ...]:
    """Files found, people with a usable recording, people in the scan."""
    recordings, people = findings.recordings.frame, findings.people.frame
    names = names_of(findings)
    usable = recordings.filter(pl.col("status") == "kept")["eid"].n_unique()
    return (
        Step("recording files found", recordings.height),
        Step("people with a usable recording", usable, _reasons(recordings, names)),
        Step("people with recording, genotypes and covariates", people.filter(pl.col("status") == "kept").height,
             _reasons(people, names)),
    )  # fmt: skip


def names_of(findings: Findings) -> set[str]:
    """Every eid of the study that could be told from a common word."""
    everybody = {*findings.recordings.frame["eid"], *findings.people.frame["eid"]}
    return {name for name in everybody if len(name) >= SHORTEST_NAME}


def _reasons(frame: pl.DataFrame, names: set[str]) -> tuple[tuple[str, int], ...]:
    dropped = frame.filter(pl.col("status") != "kept").with_columns(pl.col("reason").fill_null("no reason given"))
    words = [without_numbers(without_names(reason, names)) for reason in dropped["reason"]]
    counted = pl.DataFrame({"reason": words}, schema={"reason": pl.String}).group_by("reason").len()
    ordered = list(counted.sort("len", "reason", descending=[True, False]).iter_rows())
    rest = sum(count for _, count in ordered[MOST_REASONS:])
    return (*ordered[:MOST_REASONS], *([("other reasons", rest)] if rest else []))


def without_numbers(reason: str) -> str:
    """The reason with measured values blotted out, which would make a reason of its own for each person: -3.12 SD."""
    return re.sub(r"[-−]?\d+\.\d+", "…", reason)


def without_names(reason: str, names: set[str]) -> str:
    """The reason with every eid blotted out: the page names nobody."""
    return re.sub(r"[A-Za-z0-9]+", lambda found: "…" if found.group() in names else found.group(), reason)
