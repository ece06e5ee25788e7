"""Recordings in, cleaned signals and median beats out.

`find_recordings(options) -> Manifest` lists whose files are used; `read_recordings(options, sources, *, track) -> Batch` reads
some of them. File formats are in `formats`, one file each; a new one goes there, too.
"""

from __future__ import annotations

from ecgwas.ecg.discovery import LEAVE_OUT, Manifest, Source, exclusion_reasons, find_recordings, read_eid_list
from ecgwas.ecg.formats import companions
from ecgwas.ecg.reading import Batch, read_recordings
from ecgwas.ecg.recording_files import recordings_table_warnings

__all__ = [
    "LEAVE_OUT", "Batch", "Manifest", "Source", "companions", "exclusion_reasons", "find_recordings", "read_eid_list",
    "read_recordings", "recordings_table_warnings",
]  # fmt: skip
