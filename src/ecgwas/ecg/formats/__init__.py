"""Formats of recordings, one file each, recognised by what is in a file and never by its name.

A format is a module with

    SPELLED: str                                its name for people
    sniff(head: bytes) -> bool                  True if a file that begins like this (HEAD_BYTES) is of this format
    parse(content: bytes, path: Path) -> Recording
                                                the whole file; raises InputError whose problem is a short reason
                                                (`recording.unusable`); `path` is for that message only

and a place in FORMATS. Formats give what the file says, in µV at the file's own rate; whether that is usable is not theirs
to judge. Nothing about the person (name, birth date, ids) may be read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ecgwas.ecg.formats import cardiosoft
from ecgwas.ecg.recording import Recording, unusable

HEAD_BYTES = 4096
LARGEST_BYTES = 64 * 2**20
"""The largest resting recordings have half a MiB; what is far beyond is no recording, and reading it could exhaust memory."""


class Format(Protocol):
    """What a module of this folder offers."""

    SPELLED: str

    def sniff(self, head: bytes) -> bool:
        """True if a file that begins like this is of this format."""

    def parse(self, content: bytes, path: Path) -> Recording:
        """The recording in the bytes of a file."""


FORMATS: tuple[Format, ...] = (cardiosoft,)


def read(path: Path) -> Recording:
    """The recording in a file of any known format. Raises InputError with a short reason."""
    content = _content(path)
    head = content[:HEAD_BYTES]
    for one in FORMATS:
        if one.sniff(head):
            return one.parse(content, path)
    if not head:
        raise unusable("empty file", path)
    if b"<" not in head:
        raise unusable("not XML and no other known format", path)
    raise unusable("XML of no known format", path)


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise unusable(f"larger than {LARGEST_BYTES // 2**20} MiB", path)
        if not path.is_file():
            raise unusable("not a file", path)
        return path.read_bytes()
    except FileNotFoundError:
        raise unusable("no such file", path) from None
    except OSError as error:
        raise unusable(f"cannot be read: {error.strerror}", path) from None
