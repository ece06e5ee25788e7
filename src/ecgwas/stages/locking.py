"""One process at a time makes a part. The lock is the kernel's, so it ends with its holder, however that dies."""

from __future__ import annotations

import fcntl
import logging
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ecgwas.errors import StudyError

logger = logging.getLogger(__name__)

TRIES, PAUSE_S = 50, 0.02


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Holds the lock file at `path` for as long as the block runs; the file names its holder.

    Raises StudyError, with process and machine, if another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _taken(path, what)
    with handle:
        handle.truncate(0)
        handle.write(f"process {os.getpid()} on {platform.node()}\n")
        handle.flush()
        try:
            yield
        finally:
            # While the lock is still held: a file that another process has locked is never taken away.
            path.unlink(missing_ok=True)


def _taken(path: Path, what: str) -> TextIO:
    """The lock file, locked. A holder that has not yet written its name, or has just gone, is waited for a moment."""
    holder = ""
    for _ in range(TRIES):
        handle = path.open("a+")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().strip()
            handle.close()
            if holder:
                break
        except OSError as error:
            # File systems without locks are met on clusters; the files there are whole all the same.
            logger.warning("%s cannot be locked (%s): see to it that only one run makes it", path, error)
            return handle
        else:
            if _is_there(path, handle):
                return handle
            handle.close()
        time.sleep(PAUSE_S)
    problem = f"{what} is being made by another run: {holder or 'its name is not yet known'}"
    raise StudyError(problem, where=path, fix="wait for it, or stop it")


def _is_there(path: Path, handle: TextIO) -> bool:
    """False if the file that was locked is no longer the one of that name: its holder took it away in between."""
    try:
        return path.stat().st_ino == os.fstat(handle.fileno()).st_ino
    except FileNotFoundError:
        return False
