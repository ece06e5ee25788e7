"""Progress of a study whose parts are made by other processes: a part is done when its note is written."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from ecgwas.progress import Part, StudyProgress
from ecgwas.stages import stage_line
from ecgwas.stages.base import note_path
from ecgwas.store import Note
from ecgwas.study import Study

logger = logging.getLogger(__name__)


class Watch:
    """Looks for the notes of the parts that are to be made. Made before the first of them can be written."""

    def __init__(self, study: Study, stale: Sequence[Part], shown: StudyProgress) -> None:
        self._study, self._shown = study, shown
        self._waiting = {part: self._written(part) for part in stale}
        self._made: set[str] = set()
        self._stage_begun = time.monotonic()
        self.computed = 0
        self._begin_next()

    @property
    def waiting(self) -> tuple[Part, ...]:
        """Parts that have not been made."""
        return tuple(self._waiting)

    def look(self) -> None:
        """Counts parts whose notes have been written since, and logs a line about each stage that is done."""
        for part, before in list(self._waiting.items()):
            if self._written(part) in (None, before):
                continue
            del self._waiting[part]
            self.computed += 1
            self._made.add(part[0])
            note = Note.read(note_path(self._study, *part))
            self._shown.end(part, float(note.facts["seconds"]) if note is not None else 0.0)
            if part[0] not in {stage for stage, _ in self._waiting}:
                self._end_of_stage(part[0])

    def end(self) -> None:
        """After the last process has ended well: parts without a new note were fresh after all."""
        self.look()
        for part in self.waiting:
            del self._waiting[part]
            self._shown.end(part, None)
            if part[0] in self._made and part[0] not in {stage for stage, _ in self._waiting}:
                self._end_of_stage(part[0])

    def _end_of_stage(self, stage: str) -> None:
        now = time.monotonic()
        logger.info(stage_line(self._study, stage, now - self._stage_begun))
        self._stage_begun = now
        self._begin_next()

    def _begin_next(self) -> None:
        if self._waiting:
            self._shown.begin((next(iter(self._waiting))[0], "all"))

    def _written(self, part: Part) -> int | None:
        """When the part's note was written, ns; None if there is none."""
        try:
            return note_path(self._study, *part).stat().st_mtime_ns
        except FileNotFoundError:
            return None
