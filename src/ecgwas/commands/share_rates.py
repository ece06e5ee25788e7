"""The rates that stage `share` measured, as one table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import polars as pl

from ecgwas.commands.terminal import print_table
from ecgwas.errors import first_few
from ecgwas.privacy import membership
from ecgwas.privacy.matching import beyond_chance
from ecgwas.stages import matching
from ecgwas.study import Study
from ecgwas.tables import files

COLUMNS = {
    "attack": pl.String, "by": pl.String, "measure": pl.String, "rate": pl.Float64, "by chance": pl.Float64,
    "limit": pl.Float64, "people": pl.Int64, "beyond chance": pl.String,
}  # fmt: skip


def rates(results: Path) -> pl.DataFrame:
    """One row per rate of matching.csv and membership.csv, with COLUMNS; without rows if nothing was measured."""
    matched = files.MATCHING.read(results).frame if files.MATCHING.exists(results) else pl.DataFrame()
    members = files.MEMBERSHIP.read(results).frame if files.MEMBERSHIP.exists(results) else pl.DataFrame()
    rows = [_row(one["matched"], one["predictors"], one["people"], one) for one in matched.iter_rows(named=True)]
    rows += [
        _row("who took part", f"{one['shared']} ({one['extent']}) and {one['known']}", one["members"], one)
        for one in members.iter_rows(named=True)
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _row(attack: str, by: str, people: int, rate: dict[str, Any]) -> tuple[Any, ...]:
    beyond = {True: "yes", False: "no", None: ""}[beyond_chance(rate)]
    return attack, by, rate["measure"], rate["rate"], rate["chance"], rate["chance_limit"], people, beyond


def lines(study: Study, table: pl.DataFrame) -> Iterator[str]:
    """What follows the table of `rates`: what was not measured, and why; how many rates are beyond chance."""
    for is_on, file, option, why in (
        (study.share.matching, files.MATCHING, "share.matching", matching.WHY_NOTHING),
        (study.share.membership, files.MEMBERSHIP, "share.membership", membership.WHY_NOTHING),
    ):
        if not is_on:
            yield f"not measured: {option} is false"
        elif file.exists(study.results) and len(file.read(study.results)) == 0:
            yield f"not measured: {option} ({why})"
    stated = {"licence": study.share.licence, "authors": study.share.authors, "published": study.share.published}
    lacking = [f"share.{name}" for name, value in stated.items() if not value]
    if lacking:
        yield f"{files.SHARED_CRATE.name} does not state what the study file does not: {first_few(lacking)}"
    beyond = int((table["beyond chance"] == "yes").sum())
    if table.height:
        yield f"{beyond} of {table.height} rates are beyond what chance gives in one of 40 cases; docs/share.md explains them"


def print_rates(study: Study) -> None:
    """Prints what stage share measured, as a table and in words."""
    measured = rates(study.results)
    if measured.height:
        print_table(measured)
    for line in lines(study, measured):
        click.echo(line)
