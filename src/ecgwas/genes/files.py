"""Text files of others, plain or gzipped, line by line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from ecgwas.errors import InputError


def read_lines(path: Path, what: str) -> Iterator[tuple[int, str]]:
    """Line number (from 1) and line without its end; empty lines are passed over. Windows line ends are fine.

    Raises InputError if the file is missing, no text, or a gzip that is cut short.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", errors="strict", newline=None) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except FileNotFoundError:
        raise InputError(f"the {what} is missing", where=path, fix="correct the path in study.yaml") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(f"the {what} is a damaged or cut-off gzip file", where=path, fix="download it again") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the {what} cannot be read: {error}", where=path, fix="give a UTF-8 text file, or .gz") from None
