"""Progress of long computations: bars on a terminal, plain timestamped lines in a batch log."""

from __future__ import annotations

import logging
import resource
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Track = Callable[[Iterable[Item], str, int], Iterator[Item]]
"""`track(items, label, total)` yields the items and shows progress."""


Part = tuple[str, str]
"""Stage and part."""

SECONDS_BETWEEN_LINES = 30.0
CONSOLE = Console(stderr=True)
"""For bars and, on a terminal, log lines: one console, so that neither overwrites the other."""

TRUSTED_SECONDS = 10.0
"""Planned seconds that have to pass before measured times count as much as the plan."""

_study: ContextVar[StudyProgress | None] = ContextVar("study", default=None)
"""The running study, if any, with which the steps of its parts are shown."""


class TimeLeft:
    """Time left of a study, from the planned seconds of its parts and the time that finished parts took.

    planned: seconds by the plan of each part that is not fresh, in their order. jobs: parts that run at the same time.
    """

    def __init__(self, planned: Mapping[Part, float], *, jobs: int = 1) -> None:
        self._left, self._jobs = dict(planned), jobs
        self._total = sum(planned.values())
        self._planned_seconds = self._seconds = 0.0

    def computed(self, part: Part, seconds: float) -> None:
        """A part was computed in this time."""
        self._planned_seconds += self._left.pop(part, 0.0)
        self._seconds += seconds

    def skipped(self, part: Part) -> None:
        """A part was fresh after all, because the parts that it reads came out as they were."""
        self._left.pop(part, None)

    @property
    def pace(self) -> float:
        """Seconds that a planned second takes on this machine; 1 before anything has been measured."""
        return (TRUSTED_SECONDS + self._seconds) / (TRUSTED_SECONDS + self._planned_seconds)

    @property
    def share_done(self) -> float:
        """Share of the planned seconds whose parts are finished, 0 to 1."""
        return 1.0 - sum(self._left.values()) / self._total if self._total > 0 else 1.0

    def seconds(self, *, elapsed: float = 0.0, share: float = 0.0, at_rate: float = 0.0) -> float:
        """Seconds until the study is done. Stages wait for each other; parts of a stage share the jobs.

        elapsed: since the first unfinished part began; share: of this part's steps that are done, 0 to 1; at_rate: seconds that
        the others take at the rate so far. The more steps are done, the more their rate counts and the less the plan.
        """
        by_stage: dict[str, list[float]] = {}
        # A copy, because the bars are drawn in another thread.
        for k, ((stage, _), planned) in enumerate(list(self._left.items())):
            expected = planned * self.pace
            if k == 0:
                expected = (1 - share) * max(expected - elapsed, 0.0) + share * at_rate
            by_stage.setdefault(stage, []).append(expected)
        return sum(max(max(parts), sum(parts) / self._jobs) for parts in by_stage.values())


@dataclass
class _Steps:
    """The steps of a part that are being done: when they began, how many are done, and of how many."""

    begun: float
    done: int
    total: int

    @property
    def share(self) -> float:
        """Share of the steps that are done, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    @property
    def seconds_left(self) -> float:
        """At the rate so far; 0 before the first is done."""
        return (time.monotonic() - self.begun) * (self.total - self.done) / self.done if self.done else 0.0


class StudyProgress:
    """How far a study is. parts: the number of its parts; left: None if the study could not be planned."""

    def __init__(self, parts: int, left: TimeLeft | None, bars: Progress | None) -> None:
        self._parts, self._left, self._bars = parts, left, bars
        self._finished, self._begun = 0, time.monotonic()
        self._steps: _Steps | None = None
        self._task: TaskID | None = None
        if bars is not None:
            total = parts if left is None else 1.0
            self._task = bars.add_task("study", total=total, count=self._count, seconds_left=self.seconds_left)

    def begin(self, part: Part) -> None:
        """A part begins."""
        self._begun = time.monotonic()
        self._show(f"study: {label_of(*part)}")

    def end(self, part: Part, seconds: float | None) -> None:
        """A part was computed in this time; None: it was fresh."""
        self._finished += 1
        self._begun, self._steps = time.monotonic(), None
        if self._left is not None and seconds is None:
            self._left.skipped(part)
        elif self._left is not None and seconds is not None:
            self._left.computed(part, seconds)
        self._show(None)

    def seconds_left(self) -> float | None:
        """Of the whole study; None if unknown."""
        if self._left is None:
            return None
        elapsed, steps = time.monotonic() - self._begun, self._steps
        if steps is None:
            return self._left.seconds(elapsed=elapsed)
        return self._left.seconds(elapsed=elapsed, share=steps.share, at_rate=steps.seconds_left)

    def steps(self, items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
        """Yields the items of a part, with a bar below that of the study, or with lines."""
        outer, steps = self._steps, _Steps(time.monotonic(), 0, total)
        self._steps = steps
        shown = _with_lines(items, label, total, self) if self._bars is None else _in_study(self._bars, items, label, total)
        try:
            for item in shown:
                yield item
                steps.done += 1
        finally:
            self._steps = outer

    def _count(self) -> str:
        return f"{self._finished}/{self._parts}"

    def _show(self, label: str | None) -> None:
        if self._bars is None or self._task is None:
            return
        self._bars.update(self._task, completed=self._finished if self._left is None else self._left.share_done)
        if label is not None:
            self._bars.update(self._task, description=label)


@contextmanager
def study_progress(
    parts: int, left: TimeLeft | None = None, *, bars: bool = True, console: Console = CONSOLE
) -> Iterator[StudyProgress]:  # fmt: skip
    """Shows the progress of a study of so many parts: bars on a terminal, lines of its steps elsewhere or without `bars`."""
    drawn = Progress(*_columns(), console=console, transient=True) if bars and console.is_terminal else None
    shown = StudyProgress(parts, left, drawn)
    token = _study.set(shown)
    try:
        with drawn if drawn is not None else nullcontext():
            yield shown
    finally:
        _study.reset(token)


def plan_line(parts: int, stale: int, left: TimeLeft | None) -> str:
    """What a run is going to do: `14 parts, 3 of them fresh, about 2 min`."""
    fresh = f", {parts - stale} of them fresh" if stale < parts else ""
    return f"{parts} parts{fresh}" + ("" if left is None else f", about {duration(left.seconds())}")


def label_of(stage: str, part: str) -> str:
    """`scan 22`; of a stage that is not split, its name."""
    return stage if part == "all" else f"{stage} {part}"


def track(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """Yields the items and shows progress on stderr."""
    study = _study.get()
    if study is not None:
        yield from study.steps(items, label, total)
    elif CONSOLE.is_terminal:
        with Progress(*_columns(), console=CONSOLE) as own_bars:
            yield from _with_bar(own_bars, items, label, total)
    else:
        yield from _with_lines(items, label, total)


def silent(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """Yields the items and shows nothing, for libraries and tests."""
    yield from items


def peak_memory_mib() -> float:
    """Largest resident memory of this process, MiB, since its start or since `reset_peak_memory`."""
    with suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        if "VmHWM" in fields:
            return int(fields["VmHWM"].split()[0]) / 1024
    # In a process just started, this is at least the peak of its parent, so it is only the fallback.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def reset_peak_memory() -> None:
    """Restarts the measurement of peak memory (proc(5), clear_refs); has no effect where the kernel forbids it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def cpu_seconds() -> float:
    """CPU seconds of this process and of its finished children."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


class _Rate(ProgressColumn):
    """Steps per second, or seconds per step if steps are slow; of a study, whose parts differ, nothing."""

    def render(self, task: Task) -> Text:
        return Text("" if "count" in task.fields else rate(task.speed), style="progress.data.speed")


def rate(per_second: float | None) -> str:
    """A speed as text: `12/s`, `3.4 s each`; empty if unknown."""
    if not per_second:
        return ""
    if per_second < 1:
        return f"{1 / per_second:.1f} s each"
    return f"{per_second:.0f}/s" if per_second >= 10 else f"{per_second:.1f}/s"


class _Count(ProgressColumn):
    """Steps done of all; of a study, parts."""

    def render(self, task: Task) -> Text:
        count = task.fields.get("count")
        return Text(f"{task.completed:.0f}/{task.total or 0:.0f}" if count is None else count(), style="progress.download")


class _Left(ProgressColumn):
    """Time left: of a study, from its plan; of other work, from its rate."""

    def render(self, task: Task) -> Text:
        of_study = task.fields.get("seconds_left")
        return Text(left_in_words(task.time_remaining if of_study is None else of_study()), style="progress.remaining")


def left_in_words(seconds: float | None) -> str:
    """`about 12 min left`; empty if unknown."""
    return "" if seconds is None else f"about {duration(seconds)} left"


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3.4 h`, `5.1 days`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 200_000 else f"{seconds / 86_400:.1f} days"


def _columns() -> tuple[ProgressColumn, ...]:
    return (TextColumn("{task.description:<28}"), BarColumn(), _Count(), _Rate(), TimeElapsedColumn(), _Left())


def _in_study(bars: Progress, items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """A bar below the study's, removed at the end."""
    task = bars.add_task(f"  {label}", total=total)
    try:
        for item in items:
            yield item
            bars.advance(task)
    finally:
        bars.remove_task(task)


def _with_bar(bars: Progress, items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    task = bars.add_task(label, total=total)
    for item in items:
        yield item
        bars.advance(task)


def _with_lines(items: Iterable[Item], label: str, total: int, study: StudyProgress | None = None) -> Iterator[Item]:
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last < SECONDS_BETWEEN_LINES:
            continue
        last = now
        speed = done / (now - start)
        left = (total - done) / speed
        of_study = "" if study is None else left_in_words(study.seconds_left())
        logger.info("%s: %d of %d, %s, %.0f s left, %.0f MiB%s", label, done, total, rate(speed), left, peak_memory_mib(),
                    f"; of the study {of_study}" if of_study else "")  # fmt: skip
