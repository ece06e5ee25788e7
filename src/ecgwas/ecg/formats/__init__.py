"""File formats of recordings: one file each, recognised by their content, never by a file's name.

To add a format, write one module in this folder and enter it in FORMATS below; nothing else in `src` changes. The module has

    NAME: str                                   what people call the format
    sniff(content: bytes) -> bool               True if a file with these bytes is of this format; fast, looks at its beginning
    parse(content: bytes, path: Path) -> Recording
                                                reads the whole file; raises InputError whose problem is a short reason
                                                (`recording.unusable`); `path` is for the message and for companion files
    companions(content: bytes, path: Path) -> tuple[Path, ...]
                                                only if a recording takes more than one file: the other files
    PACKAGES: tuple[str, ...]                   only if it is read with packages of an extra (extras.py): the modules

and must

- return what the file states, in µV at the file's own rate; whether that is usable is judged elsewhere (`quality`);
- compare stated sizes with what the file holds, and never allocate memory merely because a file states a size;
- read nothing about the person (name, date of birth, ids).

`tests/ecg/test_format_contract.py` checks this for every entry of FORMATS; add a small file of the new format to
`tests/ecg/format_files.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from ecgwas import extras
from ecgwas.ecg.formats import (  # fmt: skip
    aecg,
    cardiosoft,
    cardiosoft_exercise,
    dicom,
    edf,
    matlab,
    mortara,
    muse,
    philips,
    scp,
    table,
    wfdb,
)
from ecgwas.ecg.recording import Recording, read_content, unusable
from ecgwas.ecg.unsupported_formats import identify

HEAD_BYTES = 16_384

MIN_HZ, MAX_HZ = 1.0, 100_000.0
"""A rate beyond these limits is a mistake in the file, and would make arithmetic overflow."""


class Format(Protocol):
    """What a module of this folder provides."""

    NAME: str

    def sniff(self, content: bytes) -> bool:
        """True if a file with these bytes is of this format."""

    def parse(self, content: bytes, path: Path) -> Recording:
        """The recording in the bytes of a file."""


@runtime_checkable
class HasCompanions(Protocol):
    """What a module provides in addition if a recording of its format takes more than one file."""

    def companions(self, content: bytes, path: Path) -> tuple[Path, ...]:
        """The other files that the recording needs, whether or not they exist."""


FORMATS: tuple[Format, ...] = (
    cardiosoft_exercise, cardiosoft, muse, aecg, philips, mortara, dicom, scp, edf, matlab, wfdb, table,
)  # fmt: skip
"""Every format, in the order in which they are tried: exercise tests are CardioSoft files, too, and almost any text could be a
table."""


def read(path: Path) -> Recording:
    """The recording in a file of any known format. Raises InputError with a short reason."""
    content = read_content(path)
    return parse_as(recognise(content, path), content, path)


def parse_as(file_format: Format, content: bytes, path: Path) -> Recording:
    """The recording in the bytes of a file of that format. Raises InputError with a short reason."""
    # Impossible scales overflow to infinity, which `quality` refuses.
    with np.errstate(over="ignore", invalid="ignore"):
        recording = file_format.parse(content, path)
    if not MIN_HZ <= recording.rate_hz <= MAX_HZ:
        raise unusable(f"an impossible rate: {recording.rate_hz:g} Hz", path)
    return recording


def recognise(content: bytes, path: Path) -> Format:
    """The format of a file. Raises InputError with a short reason if no format recognises it."""
    for file_format in FORMATS:
        if file_format.sniff(content):
            return file_format
    if not content:
        raise unusable("empty file", path)
    unsupported = identify(content)
    if unsupported is not None:
        raise unusable(unsupported.reason, path, fix=unsupported.fix)
    header = path.with_suffix(".hea")
    if path != header and header.is_file():
        raise unusable("part of a WFDB record, which is read through its header", path, fix=f"use the header, {header.name}")
    if not content.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"<"):
        raise unusable("not a recording: not XML and no other known format", path)
    raise unusable("XML of no known format", path)


def require_packages(path: Path) -> None:
    """Raises ToolError if a file is of a format that is read with a package which is not installed.

    Opens no XML file, and says nothing of a file that cannot be read.
    """
    head = _beginning(path)
    file_format = next((one for one in FORMATS if head and one.sniff(head)), None)
    extras.require(*getattr(file_format, "PACKAGES", ()), by=f"a recording ({getattr(file_format, 'NAME', '')})", where=path)


def companions(path: Path) -> Sequence[Path]:
    """The other files that the recording in `path` needs, whether or not they exist; none if `path` cannot be read.

    XML files have none, so that a cohort's 100,000 files need not be opened to know whether they changed.
    """
    head = _beginning(path)
    for file_format in FORMATS if head else ():
        if isinstance(file_format, HasCompanions) and file_format.sniff(head):
            return file_format.companions(head, path)
    return ()


def _beginning(path: Path) -> bytes:
    """The first bytes of a file that is not XML; none if it cannot be read."""
    if path.suffix.lower() == ".xml":
        return b""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""
