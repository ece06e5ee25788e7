"""Failures of the machine - disk full, out of memory, no permission, no package - as one clear error with a fix."""

from __future__ import annotations

import errno
import os
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecgwas import extras
from ecgwas.errors import EcgwasError, InputError, MachineError, StudyError

DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
UNREACHABLE = {
    errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG, errno.ESTALE, errno.EIO, errno.ENXIO,
    errno.ETIMEDOUT, errno.ENOTCONN,
}  # fmt: skip
"""A file in place of a folder and the like, and errors of a network disk that is no longer mounted."""

NO_PERMISSION = {errno.EROFS, errno.EACCES, errno.EPERM}
DISK_MESSAGES = ("No space left", "os error 28", "Disk quota", "os error 122", "File too large", "os error 27")
SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")
"""NumPy's message when a disk is full."""

MEMORY_MESSAGES = ("can't allocate memory", "not enough memory", "Cannot allocate memory", "failed to allocate", "os error 12)")

MIN_ADDRESS_SPACE_MIB = 1024
"""Free address space needed. With less, library threads fail without a message or hang: OpenBLAS interrupts the process when it
cannot start a thread, and polars waits for a thread that does not exist."""


def refuse_little_address_space(results: Path) -> None:
    """Raises MachineError if `ulimit -v` leaves less than MIN_ADDRESS_SPACE_MIB."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    statm = Path("/proc/self/statm")
    if limit == resource.RLIM_INFINITY or not statm.exists():
        return
    used = int(statm.read_text().split()[0]) * resource.getpagesize()
    left = (limit - used) / 2**20
    if left < MIN_ADDRESS_SPACE_MIB:
        needed = f"{max(left, 0):.0f} MiB are left, {MIN_ADDRESS_SPACE_MIB} are needed"
        problem = f"the address space is limited (ulimit -v): {needed}"
        raise MachineError(problem, where=results, fix="raise the limit, or `ulimit -v unlimited`; finished parts are kept")


def refuse_unusable_results(results: Path) -> None:
    """Raises StudyError if the results folder is a file, a broken link, or below one of these; MachineError if not writable."""
    fix = "correct `results:` in study.yaml, or make room for the folder there"
    nearest = next(path for path in (results, *results.parents) if _exists(path, follow=False))
    if not _exists(nearest, follow=True):
        link = f"{nearest} -> {nearest.readlink()}"
        problem = f"the results folder is, or lies below, a link to a location that does not exist: {link}"
        raise StudyError(problem, where=results, fix=f"mount or create that location, or {fix}")
    if not nearest.is_dir():
        what = "a file, not a folder" if nearest == results else f"below {nearest}, which is a file"
        raise StudyError(f"the results folder is {what}", where=results, fix=fix)
    if not os.access(nearest, os.W_OK | os.X_OK):
        fix = "choose a `results:` folder that you may write to"
        raise MachineError(f"the results cannot be written: no right to write to {nearest}", where=results, fix=fix)


def _exists(path: Path, *, follow: bool) -> bool:
    """True if the path can be reached; follow: through links."""
    try:
        path.stat(follow_symlinks=follow)
    except OSError:
        return False
    return True


@contextmanager
def explained(results: Path) -> Iterator[None]:
    """Converts failures of the machine inside the block into MachineError or InputError; other exceptions pass unchanged."""
    try:
        yield
    except EcgwasError:
        raise
    except Exception as error:
        explained_error = explanation(error, results)
        if explained_error is None:
            raise
        raise explained_error from error


def explanation(error: Exception, results: Path | None = None) -> EcgwasError | None:
    """An EcgwasError for an exception that a limit of the machine or a missing package caused; None for any other."""
    if isinstance(error, ModuleNotFoundError):
        return extras.explanation(error)
    message = str(error)
    number = error.errno if isinstance(error, OSError) else None
    if number in DISK_FULL or any(words in message for words in DISK_MESSAGES) or SHORT_WRITE.search(message):
        fix = "make room, or choose another `results:` folder, and run the same command again: finished parts are kept"
        return MachineError(f"the disk is full or a file may not grow: {message}", where=results, fix=fix)
    if isinstance(error, MemoryError) or number == errno.ENOMEM or any(words in message for words in MEMORY_MESSAGES):
        fix = "give it more memory, or lower read.people_per_part or scan.memory_mib; finished parts are kept"
        return MachineError(f"there is not enough memory: {message or type(error).__name__}", where=results, fix=fix)
    if number in UNREACHABLE:
        name = getattr(error, "filename", None)
        fix = "check what is there: a file in place of a folder or the reverse, a circular link, or a disk that is not mounted"
        return MachineError(f"a file or folder cannot be reached: {message}", where=name or results, fix=fix)
    if number in NO_PERMISSION or "os error 30" in message or "os error 13" in message:
        return _no_permission(error, results)
    return None


def _no_permission(error: Exception, results: Path | None) -> EcgwasError:
    name = getattr(error, "filename", None)
    path = None if name is None else Path(str(name))
    if path is not None and (results is None or not path.is_relative_to(results)):
        fix = "give yourself permission to read it and the folders above it"
        return InputError(f"a file or folder cannot be read: {error}", where=path, fix=fix)
    fix = "choose a `results:` folder that you may write to"
    return MachineError(f"the results cannot be written: {error}", where=path or results, fix=fix)
