"""What the machine refuses - room on the disk, memory, the right to write - as one clear error with its cure."""

from __future__ import annotations

import errno
import os
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecgwas.errors import EcgwasError, InputError, MachineError, StudyError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
MISPLACED = {
    errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG, errno.ESTALE, errno.EIO, errno.ENXIO,
    errno.ETIMEDOUT, errno.ENOTCONN,
}  # fmt: skip
"""A file where a folder should be and the like, and what a network disk says when it has gone away."""

FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}
SAID_OF_DISKS = ("No space left", "os error 28", "Disk quota", "os error 122", "File too large", "os error 27")
SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")
"""What NumPy says when a disk is full."""

SAID_OF_MEMORY = ("can't allocate memory", "not enough memory", "Cannot allocate memory", "failed to allocate", "os error 12)")

LEAST_ADDRESSES_MIB = 1024
"""Address space beyond what is taken. With less, the threads of libraries end without a word, with a signal or never: OpenBLAS
interrupts the process where it gets no thread, polars waits for one that is gone."""


def refuse_little_address_space(results: Path) -> None:
    """Raises MachineError where `ulimit -v` leaves less than LEAST_ADDRESSES_MIB."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    statm = Path("/proc/self/statm")
    if limit == resource.RLIM_INFINITY or not statm.exists():
        return
    taken = int(statm.read_text().split()[0]) * resource.getpagesize()
    left = (limit - taken) / 2**20
    if left < LEAST_ADDRESSES_MIB:
        problem = f"the address space is limited (ulimit -v): {max(left, 0):.0f} MiB are left, {LEAST_ADDRESSES_MIB} are needed"
        raise MachineError(problem, where=results, fix="raise the limit, or `ulimit -v unlimited`; finished parts are kept")


def refuse_unusable_results(results: Path) -> None:
    """Raises StudyError where the results folder is a file, a link to nowhere or below one; MachineError if not writable."""
    fix = "correct `results:` in study.yaml, or make room for the folder there"
    there = next(path for path in (results, *results.parents) if _is_there(path, follow=False))
    if not _is_there(there, follow=True):
        problem = f"the results folder is, or lies below, a link to a place that is not there: {there} -> {there.readlink()}"
        raise StudyError(problem, where=results, fix=f"mount or make that place, or {fix}")
    if not there.is_dir():
        what = "a file, not a folder" if there == results else f"below {there}, which is a file"
        raise StudyError(f"the results folder is {what}", where=results, fix=fix)
    if not os.access(there, os.W_OK | os.X_OK):
        fix = "choose a `results:` folder that you may write to"
        raise MachineError(f"the results cannot be written: no right to write to {there}", where=results, fix=fix)


def _is_there(path: Path, *, follow: bool) -> bool:
    """True if something of that name can be reached; follow: what a link leads to, and not the link itself."""
    try:
        path.stat(follow_symlinks=follow)
    except OSError:
        return False
    return True


@contextmanager
def explained(results: Path) -> Iterator[None]:
    """Turns what the machine refuses inside the block into MachineError or InputError; all else goes on as it is."""
    try:
        yield
    except EcgwasError:
        raise
    except Exception as error:
        known = understood(error, results)
        if known is None:
            raise
        raise known from error


def understood(error: Exception, results: Path | None = None) -> EcgwasError | None:
    """The error as one of the family, if the machine's limits are behind it; None for any other."""
    said = str(error)
    number = error.errno if isinstance(error, OSError) else None
    if number in FULL or any(words in said for words in SAID_OF_DISKS) or SHORT_WRITE.search(said):
        fix = "make room, or choose another `results:` folder, and run the same command again: finished parts are kept"
        return MachineError(f"the disk is full or a file may not grow: {said}", where=results, fix=fix)
    if isinstance(error, MemoryError) or number == errno.ENOMEM or any(words in said for words in SAID_OF_MEMORY):
        fix = "give it more memory, or lower read.people_per_part or scan.memory_mib; finished parts are kept"
        return MachineError(f"there is not enough memory: {said or type(error).__name__}", where=results, fix=fix)
    if number in MISPLACED:
        name = getattr(error, "filename", None)
        fix = "see what lies there: a file for a folder, a folder for a file, a link in circles, or a disk that is gone"
        return MachineError(f"a file or folder cannot be reached: {said}", where=name or results, fix=fix)
    if number in FORBIDDEN or "os error 30" in said or "os error 13" in said:
        return _forbidden(error, results)
    return None


def _forbidden(error: Exception, results: Path | None) -> EcgwasError:
    name = getattr(error, "filename", None)
    place = None if name is None else Path(str(name))
    if place is not None and (results is None or not place.is_relative_to(results)):
        fix = "give yourself the right to read it, and the folders above it"
        return InputError(f"a file or folder cannot be read: {error}", where=place, fix=fix)
    fix = "choose a `results:` folder that you may write to"
    return MachineError(f"the results cannot be written: {error}", where=place or results, fix=fix)
