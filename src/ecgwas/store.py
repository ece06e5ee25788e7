"""A file appears whole or not at all, with a note of how it was made.

A part of a stage is written into a private folder, then each file is moved to its place, then the note is written.
The old note is deleted first: after a crash at any moment no note vouches for a file that it did not see made.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecgwas.progress import cpu_seconds, forget_peak_memory, peak_memory_mib


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; what is written there becomes `path` only if the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stem = f".{path.name}.{platform.node()}"
    _sweep(path.parent, stem)
    temporary = path.with_name(f"{stem}.{os.getpid()}.part")
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sweep(folder: Path, stem: str) -> None:
    """Takes away what processes of this machine left half-written when they were killed."""
    for path in folder.glob(f"{glob.escape(stem)}.*.part"):
        holder = path.name.removesuffix(".part").rpartition(".")[2]
        if holder.isdecimal() and not _runs(int(holder)):
            path.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(*items: Any) -> str:
    """SHA-256 of the items as canonical JSON: equal things give equal fingerprints on any machine."""
    text = json.dumps(items, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def stamp(path: Path) -> list[Any]:
    """Name, size and time of change of an input file: enough to see an edit without reading terabytes."""
    status = path.stat()
    return [path.name, status.st_size, status.st_mtime_ns]


@dataclass(frozen=True)
class Note:
    """How the files of one part were made."""

    fingerprint: str
    outputs: Mapping[str, Mapping[str, Any]]
    made: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Note | None:
        """The note at `path`, or None where there is none that can be read."""
        try:
            content = json.loads(path.read_text())
            return cls(content["fingerprint"], content["outputs"], content["made"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def vouches_for(self, folder: Path) -> bool:
        """True if every output is there with the content that the note saw."""
        return all(_unchanged(folder / name, seen) for name, seen in self.outputs.items())

    def digests(self) -> dict[str, str]:
        """Output name -> SHA-256: what a later stage's freshness rests on."""
        return {name: str(seen["sha256"]) for name, seen in sorted(self.outputs.items())}


def _unchanged(path: Path, seen: Mapping[str, Any]) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    if status.st_size != seen["bytes"]:
        return False
    if status.st_mtime_ns == int(seen["mtime_ns"]):
        return True
    return file_digest(path) == str(seen["sha256"])


@contextmanager
def part_written(folder: Path, note: Path, mark: str, facts: Mapping[str, Any]) -> Iterator[Path]:
    """A private folder to write a part's files into; at the end they move under `folder` and `note` tells of them.

    folder: where the files belong (results/<stage>); note: path of the part's note; mark: the part's fingerprint;
    facts: what else the note shall tell (versions, seed, options).
    """
    work = note.with_suffix(".work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, mode=0o700)
    start, cpu = time.monotonic(), cpu_seconds()
    forget_peak_memory()
    try:
        yield work
        old = Note.read(note)
        note.unlink(missing_ok=True)
        outputs = {str(path.relative_to(work)): _place(path, folder / path.relative_to(work)) for path in _files(work)}
        _remove_stale(folder, old, outputs)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    made = {
        **facts,
        "host": platform.node(),
        "seconds": round(time.monotonic() - start, 3),
        "cpu_seconds": round(cpu_seconds() - cpu, 3),
        "peak_memory_mib": round(peak_memory_mib(), 1),
    }
    with whole(note) as temporary:
        temporary.write_text(json.dumps({"fingerprint": mark, "outputs": outputs, "made": made}, indent=1, sort_keys=True))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _place(source: Path, target: Path) -> dict[str, Any]:
    _flush(source)
    digest = file_digest(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
    status = target.stat()
    return {"sha256": digest, "bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def _remove_stale(folder: Path, old: Note | None, outputs: Mapping[str, Any]) -> None:
    """Files that the last run of this part made and this one did not would speak of a study that is no more."""
    for name in old.outputs if old is not None else {}:
        if name not in outputs:
            (folder / name).unlink(missing_ok=True)
