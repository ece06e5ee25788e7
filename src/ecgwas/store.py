"""Files are written completely or not at all, each with a note of how it was made.

A part of a stage is written into a private folder. Then each file is moved to its place, and last the note is written. The
old note is deleted first, so that after a crash at any moment no note describes a file of another run.
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

from ecgwas.progress import cpu_seconds, peak_memory_mib, reset_peak_memory


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary path in the same folder; it replaces `path` only if the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stem = f".{path.name}.{platform.node()}"
    _remove_abandoned(path.parent, stem)
    temporary = path.with_name(f"{stem}.{os.getpid()}.part")
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _remove_abandoned(folder: Path, stem: str) -> None:
    """Deletes incomplete files of processes of this machine that were killed."""
    for path in folder.glob(f"{glob.escape(stem)}.*.part"):
        process = path.name.removesuffix(".part").rpartition(".")[2]
        if process.isdecimal() and not _is_running(int(process)):
            path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
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
    """SHA-256 of the items as canonical JSON: equal items have equal fingerprints on any machine."""
    text = json.dumps(items, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_stamp(path: Path) -> list[Any]:
    """Name, size and modification time of an input file: enough to notice an edit without reading terabytes."""
    status = path.stat()
    return [path.name, status.st_size, status.st_mtime_ns]


@dataclass(frozen=True)
class Note:
    """How the files of one part were made.

    outputs: file below the stage's folder -> SHA-256, size and modification time. facts: options, seed, versions, inputs and
    what the run cost.
    """

    fingerprint: str
    outputs: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Note | None:
        """The note at `path`; None if it is missing or unreadable."""
        try:
            content = json.loads(path.read_text())
            return cls(content["fingerprint"], content["outputs"], content["made"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def outputs_unchanged(self, folder: Path) -> bool:
        """True if every output still has the content that it was written with."""
        return all(_is_unchanged(folder / name, recorded) for name, recorded in self.outputs.items())

    def digests(self) -> dict[str, str]:
        """Output name -> SHA-256, on which the freshness of later stages depends."""
        return {name: str(recorded["sha256"]) for name, recorded in sorted(self.outputs.items())}


def _is_unchanged(path: Path, recorded: Mapping[str, Any]) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    if status.st_size != recorded["bytes"]:
        return False
    if status.st_mtime_ns == int(recorded["mtime_ns"]):
        return True
    return file_digest(path) == str(recorded["sha256"])


@contextmanager
def writing_part(folder: Path, note: Path, part_fingerprint: str, facts: Mapping[str, Any]) -> Iterator[Path]:
    """Yields a private folder for a part's files; at the end they are moved to `folder` and recorded in the note.

    folder: where the files belong (results/<stage>); note: path of the part's note; part_fingerprint: of its options and
    inputs; facts: further entries of the note (versions, seed, options).
    """
    work = note.with_suffix(".work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, mode=0o700)
    start, cpu = time.monotonic(), cpu_seconds()
    reset_peak_memory()
    try:
        yield work
        old = Note.read(note)
        note.unlink(missing_ok=True)
        outputs = {str(path.relative_to(work)): _move(path, folder / path.relative_to(work)) for path in _files(work)}
        _remove_stale(folder, old, outputs)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    all_facts = {
        **facts,
        "host": platform.node(),
        "seconds": round(time.monotonic() - start, 3),
        "cpu_seconds": round(cpu_seconds() - cpu, 3),
        "peak_memory_mib": round(peak_memory_mib(), 1),
    }
    content = {"fingerprint": part_fingerprint, "outputs": outputs, "made": all_facts}
    with atomic_write(note) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _move(source: Path, target: Path) -> dict[str, Any]:
    _flush(source)
    digest = file_digest(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
    status = target.stat()
    return {"sha256": digest, "bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def _remove_stale(folder: Path, old: Note | None, outputs: Mapping[str, Any]) -> None:
    """Deletes files that the previous run of this part wrote and this one did not."""
    for name in old.outputs if old is not None else {}:
        if name not in outputs:
            (folder / name).unlink(missing_ok=True)
