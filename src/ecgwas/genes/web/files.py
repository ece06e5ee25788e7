"""Reference files, as plain text, gzip or zip, read line by line; and their versions."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ecgwas.errors import InputError

RECORD = "references.json"
"""Written by `ecgwas references fetch`: file in the same folder -> url, version, date, bytes, sha256."""


def read_lines(path: Path, what: str, *, named: str | None = None) -> Iterator[tuple[int, str]]:
    """Line number (from 1) and line without its line end (Unix or Windows); empty lines are skipped.

    named: the file's proper name, which shows its compression, if `path` is a temporary name.

    Raises InputError if the file is missing, not text, or a damaged or truncated gzip or zip.
    """
    suffix = Path(named or path.name).suffix
    try:
        with _opened(path, suffix) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except FileNotFoundError:
        raise InputError(f"the {what} is missing", where=path, fix="correct the path in study.yaml") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, RuntimeError):
        kind = {".gz": "gzip"}.get(suffix, "zip")
        raise InputError(f"the {what} is a damaged or cut-off {kind} file", where=path, fix="download it again") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the {what} cannot be read: {error}", where=path, fix="give a UTF-8 text file, or .gz") from None


@contextmanager
def _opened(path: Path, suffix: str) -> Iterator[TextIO]:
    if suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise InputError(f"the zip file holds {len(names)} files", where=path, fix="unpack it and name the one file")
            with archive.open(names[0]) as member:
                yield io.TextIOWrapper(member, encoding="utf-8-sig")
        return
    opener = gzip.open if suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", errors="strict", newline=None) as lines:
        yield lines


def version_of(path: Path) -> str:
    """The file's name, with the version that `ecgwas references fetch` recorded."""
    try:
        version = json.loads((path.parent / RECORD).read_text())["files"][path.name]["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return path.name
    return f"{path.name} ({version})"
