"""Progress of long computations: bars on a terminal, plain timestamped lines in a batch log."""

from __future__ import annotations

import logging
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Track = Callable[[Iterable[Item], str, int], Iterator[Item]]
"""`track(items, label, total)` yields the items and shows progress."""


class Begin(Protocol):
    """Called with the label of each part of a study as it begins; of a part that is fresh, nothing is shown."""

    def __call__(self, label: str, *, fresh: bool = False) -> None: ...


SECONDS_BETWEEN_LINES = 30.0
CONSOLE = Console(stderr=True)
"""For bars and, on a terminal, log lines: one console, so that neither overwrites the other."""

_study_bars: ContextVar[Progress | None] = ContextVar("study_bars", default=None)
"""The bars of the running study, if any, to which the bars of its parts are added."""


@contextmanager
def study_progress(total: int, *, console: Console = CONSOLE) -> Iterator[Begin]:
    """Shows the progress of a study of `total` parts. Yields a function to call with the label of each part as it begins."""
    if not console.is_terminal:
        yield _steps_as_lines(total)
        return
    with Progress(*_columns(), console=console, transient=True) as bars:
        task = bars.add_task("study", total=total)
        token = _study_bars.set(bars)
        parts_begun = 0

        def begin(label: str, *, fresh: bool = False) -> None:
            nonlocal parts_begun
            bars.update(task, completed=parts_begun, description=f"study: {label}")
            parts_begun += 1

        try:
            yield begin
            bars.update(task, completed=total, description="study")
        finally:
            _study_bars.reset(token)


def track(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """Yields the items and shows progress on stderr."""
    bars = _study_bars.get()
    if bars is not None:
        yield from _in_study(bars, items, label, total)
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
    """Steps per second, or seconds per step if steps are slow."""

    def render(self, task: Task) -> Text:
        return Text(rate(task.speed), style="progress.data.speed")


def rate(per_second: float | None) -> str:
    """A speed as text: `12/s`, `3.4 s each`; empty if unknown."""
    if not per_second:
        return ""
    if per_second < 1:
        return f"{1 / per_second:.1f} s each"
    return f"{per_second:.0f}/s" if per_second >= 10 else f"{per_second:.1f}/s"


def _columns() -> tuple[ProgressColumn, ...]:
    return (
        TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeElapsedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip


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


def _steps_as_lines(total: int) -> Begin:
    """Logs one plain line as each part begins."""
    start = time.monotonic()
    parts_begun = 0

    def begin(label: str, *, fresh: bool = False) -> None:
        nonlocal parts_begun
        parts_begun += 1
        if not fresh:
            logger.info("part %d of %d, %.0f s so far: %s", parts_begun, total, time.monotonic() - start, label)

    return begin


def _with_lines(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last < SECONDS_BETWEEN_LINES:
            continue
        last = now
        speed = done / (now - start)
        left = (total - done) / speed
        logger.info("%s: %d of %d, %s, %.0f s left, %.0f MiB", label, done, total, rate(speed), left, peak_memory_mib())
