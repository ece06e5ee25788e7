"""Formats of recordings, one file each, recognised by what is in a file and never by its name.

A format is a module with

    SPELLED: str                                its name for people
    sniff(content: bytes) -> bool               True if a file of these bytes is of this format; cheap, looks at its head
    parse(content: bytes, path: Path) -> Recording
                                                the whole file; raises InputError whose problem is a short reason
                                                (`recording.unusable`); `path` is for that message and for companions

and a place in FORMATS. Where a recording is more than one file, `companions(content, path)` names the others, and the module
has a place in WITH_COMPANIONS, too. Formats give what the file says, in µV at the file's own rate; whether that is usable is
not theirs to judge. Sizes that a file declares are compared with what it holds, never allocated. Nothing about the person
(name, birth date, ids) may be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

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
from ecgwas.ecg.recording import Recording, content_of, unusable
from ecgwas.ecg.unsupported_formats import named

HEAD_BYTES = 16_384

LOWEST_HZ, HIGHEST_HZ = 1.0, 100_000.0
"""Beyond these a rate is a mistake of the file, and would make arithmetic overflow."""


class Format(Protocol):
    """What a module of this folder offers."""

    SPELLED: str

    def sniff(self, content: bytes) -> bool:
        """True if a file of these bytes is of this format."""

    def parse(self, content: bytes, path: Path) -> Recording:
        """The recording in the bytes of a file."""


FORMATS: tuple[Format, ...] = (
    cardiosoft_exercise, cardiosoft, muse, aecg, philips, mortara, dicom, scp, edf, matlab, wfdb, table,
)  # fmt: skip
"""In order of asking: exercise tests are CardioSoft, too, and almost any text could be a table."""

WITH_COMPANIONS = (wfdb, table)


def read(path: Path) -> Recording:
    """The recording in a file of any known format. Raises InputError with a short reason."""
    content = content_of(path)
    return parsed(recognised(content, path), content, path)


def parsed(one: Format, content: bytes, path: Path) -> Recording:
    """The recording in the bytes of a file of that format. Raises InputError with a short reason."""
    # Impossible scales overflow; the infinities that come of it are for `quality` to see.
    with np.errstate(over="ignore", invalid="ignore"):
        recording = one.parse(content, path)
    if not LOWEST_HZ <= recording.rate_hz <= HIGHEST_HZ:
        raise unusable(f"an impossible rate: {recording.rate_hz:g} Hz", path)
    return recording


def recognised(content: bytes, path: Path) -> Format:
    """The format of a file. Raises InputError with a short reason if it is none of those known."""
    for one in FORMATS:
        if one.sniff(content):
            return one
    if not content:
        raise unusable("empty file", path)
    foreign = named(content)
    if foreign is not None:
        raise unusable(foreign.reason, path, fix=foreign.fix)
    header = path.with_suffix(".hea")
    if path != header and header.is_file():
        raise unusable("a file of a WFDB record, whose header says what it holds", path, fix=f"give the header, {header.name}")
    if not content.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"<"):
        raise unusable("not a recording: not XML and no other known format", path)
    raise unusable("XML of no known format", path)


def companions(path: Path) -> Sequence[Path]:
    """Further files that belong to the recording in `path`, whether they are there or not; none if it cannot be read.

    XML has none, so a cohort's 100,000 files need not be opened to know whether they changed.
    """
    if path.suffix.lower() == ".xml":
        return ()
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return ()
    return next((one.companions(head, path) for one in WITH_COMPANIONS if one.sniff(head)), ())
