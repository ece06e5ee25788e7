"""Text files of others, plain, gzipped or zipped, line by line; and which version they are of."""

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
"""What `ecgwas references fetch` notes of the files beside it: name -> url, version, date, bytes, sha256."""


def read_lines(path: Path, what: str, *, named: str | None = None) -> Iterator[tuple[int, str]]:
    """Line number (from 1) and line without its end; empty lines are passed over. Windows line ends are fine.

    named: the file's proper name, which tells how it is packed, where `path` is a temporary one.

    Raises InputError if the file is missing, no text, or a gzip or zip that is damaged or cut short.
    """
    packing = Path(named or path.name).suffix
    try:
        with _opened(path, packing) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except FileNotFoundError:
        raise InputError(f"the {what} is missing", where=path, fix="correct the path in study.yaml") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, RuntimeError):
        packed = {".gz": "gzip"}.get(packing, "zip")
        raise InputError(f"the {what} is a damaged or cut-off {packed} file", where=path, fix="download it again") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the {what} cannot be read: {error}", where=path, fix="give a UTF-8 text file, or .gz") from None


@contextmanager
def _opened(path: Path, packing: str) -> Iterator[TextIO]:
    if packing == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise InputError(f"the zip file holds {len(names)} files", where=path, fix="unpack it and name the one file")
            with archive.open(names[0]) as member:
                yield io.TextIOWrapper(member, encoding="utf-8-sig")
        return
    opener = gzip.open if packing == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", errors="strict", newline=None) as lines:
        yield lines


def version_of(path: Path) -> str:
    """The file's name, with the version that `ecgwas references fetch` noted beside it."""
    try:
        version = json.loads((path.parent / RECORD).read_text())["files"][path.name]["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return path.name
    return f"{path.name} ({version})"
