"""How far long work has come: a rich bar on a terminal, plain timestamped lines in a batch log."""

from __future__ import annotations

import logging
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Track = Callable[[Iterable[Item], str, int], Iterator[Item]]
"""`track(items, label, total)` yields the items and shows how far the work has come."""

SECONDS_BETWEEN_LINES = 30.0


def track(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """The items, one by one, with progress shown on stderr."""
    if sys.stderr.isatty():
        yield from _bar(items, label, total)
        return
    yield from _lines(items, label, total)


def silent(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """The items, with nothing shown: for libraries and tests."""
    yield from items


def peak_memory_mib() -> float:
    """Largest resident memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _bar(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    columns = (
        TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total)
        for item in items:
            yield item
            progress.advance(task)


def _lines(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last < SECONDS_BETWEEN_LINES:
            continue
        last = now
        left = (now - start) / done * (total - done)
        logger.info("%s: %d of %d, %.0f s left, %.0f MiB", label, done, total, left, peak_memory_mib())
