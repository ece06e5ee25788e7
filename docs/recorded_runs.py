"""Recorded runs of benchmarks, as make_validation.py reads them, and tables in Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.record import RESULTS, rows

Row = Mapping[str, Any]
Lines = Sequence[str]


@dataclass(frozen=True)
class Run:
    """A recorded run of a benchmark."""

    command: str
    date: str
    machine: str
    load: float
    commit: str
    rows: tuple[Row, ...]

    @property
    def caption(self) -> str:
        """Command, date, machine, load and commit in one line."""
        return f"`{self.command}`, {self.date}, {self.machine}, load {self.load:g} at the start, commit {self.commit}:"

    def of(self, kind: str, *words: str) -> list[Row]:
        """Rows of a kind whose words begin with `words`."""
        return [row for row in self.rows if row["kind"] == kind and tuple(row["words"][: len(words)]) == words]


def recorded_run(benchmark: str, arguments: str = "") -> Run | None:
    """The recorded run of a benchmark with these arguments; None if there is none."""
    path = RESULTS / f"{benchmark}.json"
    run = json.loads(path.read_text()).get(arguments) if path.exists() else None
    if run is None:
        return None
    about = {name: run[name] for name in ("command", "date", "machine", "load", "commit")}
    return Run(**about, rows=tuple(rows(run["lines"])))


def joined(runs: Sequence[Run]) -> Run:
    """Several runs of a benchmark as one, whose caption has all commands, dates, machines and commits, and the highest load."""

    def each(name: str) -> str:
        return ", ".join(dict.fromkeys(str(getattr(run, name)) for run in runs))

    first, *others = (run.command for run in runs)
    command = "` and `".join([first, *(other.removeprefix("python -m benchmarks.").split(maxsplit=1)[-1] for other in others)])
    lines = tuple(row for run in runs for row in run.rows)
    return Run(command, each("date"), each("machine"), max(run.load for run in runs), each("commit"), lines)


def table(header: Sequence[str], body: Sequence[Sequence[str]]) -> Lines:
    """A Markdown table."""
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *body)]


def percent(row: Row, places: int = 1) -> str:
    """`5.3 (2.3 to 10.2)`: observed rate and its interval, in %."""
    rate, low, high = (f"{100 * row[name]:.{places}f}" for name in ("observed", "low", "high"))
    return f"{rate} ({low} to {high})"
