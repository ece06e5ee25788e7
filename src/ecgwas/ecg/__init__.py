"""Recordings in, cleaned signals and median beats out.

`find_recordings(options) -> Manifest` lists whose files are used; `read_recordings(options, sources, *, track) -> Batch` reads
some of them. File formats are in `formats`, one file each; a new one goes there, too.
"""

from __future__ import annotations

from ecgwas.ecg.discovery import WITHDRAWN, Manifest, Source, find_recordings, leave_out_reasons, read_eid_list, withdrawn_eids
from ecgwas.ecg.formats import companions
from ecgwas.ecg.reading import Batch, read_recordings
from ecgwas.ecg.recording_files import recordings_table_warnings

__all__ = [
    "WITHDRAWN", "Batch", "Manifest", "Source", "companions", "find_recordings", "leave_out_reasons", "read_eid_list",
    "read_recordings", "recordings_table_warnings", "withdrawn_eids",
]  # fmt: skip
