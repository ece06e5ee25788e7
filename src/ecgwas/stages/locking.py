"""One process at a time computes a part. The kernel holds the lock, so it ends with its process, however that ends."""

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

ATTEMPTS, PAUSE_S = 50, 0.02


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Holds the lock file at `path` while the block runs; the file names the process.

    Raises StudyError, naming process and machine, if another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _acquire(path, what)
    with handle:
        handle.truncate(0)
        handle.write(f"process {os.getpid()} on {platform.node()}\n")
        handle.flush()
        try:
            yield
        finally:
            # Deleted while the lock is still held, so that a file locked by another process is never deleted.
            path.unlink(missing_ok=True)


def _acquire(path: Path, what: str) -> TextIO:
    """The lock file, locked. Waits briefly for a holder that has not yet written its name or has just finished."""
    holder = ""
    for _ in range(ATTEMPTS):
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
            # Some cluster file systems have no locks; files there are complete nevertheless.
            logger.warning("%s cannot be locked (%s): make sure that only one run computes it", path, error)
            return handle
        else:
            if _is_same_file(path, handle):
                return handle
            handle.close()
        time.sleep(PAUSE_S)
    problem = f"{what} is being made by another run: {holder or 'its process is not yet known'}"
    raise StudyError(problem, where=path, fix="wait for it, or stop it")


def _is_same_file(path: Path, handle: TextIO) -> bool:
    """False if the locked file is no longer the one at `path`, because its holder deleted it meanwhile."""
    try:
        return path.stat().st_ino == os.fstat(handle.fileno()).st_ino
    except FileNotFoundError:
        return False
