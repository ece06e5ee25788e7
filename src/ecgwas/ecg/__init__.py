"""Recordings in, cleaned signals and median beats out.

`find(options) -> Manifest` lists whose files are used; `read(options, sources, *, track) -> Batch` reads some of them.
File formats live in `formats`, one file each.
"""

from __future__ import annotations

from ecgwas.ecg.discovery import WITHDRAWN, Manifest, Source, find, listed, withdrawn
from ecgwas.ecg.formats import companions
from ecgwas.ecg.reading import Batch, read
from ecgwas.ecg.recording_files import doubts_of_table

__all__ = ["WITHDRAWN", "Batch", "Manifest", "Source", "companions", "doubts_of_table", "find", "listed", "read", "withdrawn"]
