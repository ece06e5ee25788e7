"""How far long work has come: rich bars on a terminal, plain timestamped lines in a batch log."""

from __future__ import annotations

import logging
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar

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
"""`track(items, label, total)` yields the items and shows how far the work has come."""

SECONDS_BETWEEN_LINES = 30.0
CONSOLE = Console(stderr=True)
"""Where bars and, on a terminal, the lines of the log go: one console, so that neither writes over the other."""

_shown: ContextVar[Progress | None] = ContextVar("shown", default=None)
"""The bars of the study that runs, if one does: the bars of its parts join them."""


@contextmanager
def course(total: int, *, console: Console = CONSOLE) -> Iterator[Callable[[str], None]]:
    """Shows how far a study of `total` parts has come. Gives a function that is told the name of each part as it begins."""
    if not console.is_terminal:
        yield _steps_as_lines(total)
        return
    with Progress(*_columns(), console=console, transient=True) as bars:
        task = bars.add_task("study", total=total)
        token = _shown.set(bars)
        begun = 0

        def begin(label: str) -> None:
            nonlocal begun
            bars.update(task, completed=begun, description=f"study: {label}")
            begun += 1

        try:
            yield begin
            bars.update(task, completed=total, description="study")
        finally:
            _shown.reset(token)


def track(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """The items, one by one, with progress shown on stderr."""
    bars = _shown.get()
    if bars is not None:
        yield from _within(bars, items, label, total)
    elif CONSOLE.is_terminal:
        with Progress(*_columns(), console=CONSOLE) as alone:
            yield from _advanced(alone, items, label, total)
    else:
        yield from _lines(items, label, total)


def silent(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """The items, with nothing shown: for libraries and tests."""
    yield from items


def peak_memory_mib() -> float:
    """Largest resident memory of this process, MiB, so far or since `forget_peak_memory`."""
    with suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        told = dict(line.split(":", 1) for line in lines if ":" in line)
        if "VmHWM" in told:
            return int(told["VmHWM"].split()[0]) / 1024
    # Of a process just started it is no less than what the one that started it had, so it is asked last.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def forget_peak_memory() -> None:
    """From now on the peak is counted anew (proc(5), clear_refs); where the kernel does not let us, it stays that of before."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def cpu_seconds() -> float:
    """Processor seconds of this process and of the programs that it has waited for."""
    mine, theirs = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime


class _Rate(ProgressColumn):
    """Steps a second, or seconds a step where those are slow."""

    def render(self, task: Task) -> Text:
        return Text(rate(task.speed), style="progress.data.speed")


def rate(per_second: float | None) -> str:
    """A speed in words: `12/s`, `3.4 s each`; empty where it is not known."""
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


def _within(bars: Progress, items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """A bar below the study's, gone when its work is done."""
    task = bars.add_task(f"  {label}", total=total)
    try:
        for item in items:
            yield item
            bars.advance(task)
    finally:
        bars.remove_task(task)


def _advanced(bars: Progress, items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    task = bars.add_task(label, total=total)
    for item in items:
        yield item
        bars.advance(task)


def _steps_as_lines(total: int) -> Callable[[str], None]:
    """One plain line as each part begins."""
    start = time.monotonic()
    begun = 0

    def begin(label: str) -> None:
        nonlocal begun
        begun += 1
        logger.info("part %d of %d, %.0f s so far: %s", begun, total, time.monotonic() - start, label)

    return begin


def _lines(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
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
