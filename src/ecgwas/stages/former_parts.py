"""Recordings in parts of stage `read` that a study no longer has: a last part after withdrawals."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path

from ecgwas.stages.base import Stage, note_path, stage_folder
from ecgwas.store import Note
from ecgwas.study import Study

logger = logging.getLogger(__name__)

ABOUT_PEOPLE = ("read",)
"""Stages whose parts are groups of participants. A representation that is removed keeps its files: it may have been trained."""

LEFT_BY_A_PART = re.compile(r"(?P<part>.+?)\.(json|lock|work|scratch\.[0-9a-f]+)")
"""What lies in the folder of notes."""


def delete_former_parts(study: Study, stage: Stage) -> int:
    """Deletes the files that notes of parts list which the study no longer has, and logs their number, which it returns.

    Only files in the stage's folder, which no note of a part of the study lists. Nothing is deleted of a stage that is linked
    from another study, or whose files hold no single participants.
    """
    folder, notes = stage_folder(study, stage.name), note_path(study, stage.name, "any").parent
    if stage.name not in ABOUT_PEOPLE or folder.is_symlink() or notes.is_symlink() or not notes.is_dir():
        return 0
    known = stage.parts(study)
    left = [(path, match["part"]) for path in sorted(notes.iterdir()) if (match := LEFT_BY_A_PART.fullmatch(path.name))]
    former = [(path, part) for path, part in left if part not in known]
    if not former:
        return 0
    kept = {name for part in known if (note := Note.read(note_path(study, stage.name, part))) for name in note.outputs}
    deleted = 0
    for path, _ in former:
        note = Note.read(path) if path.suffix == ".json" else None
        deleted += sum(_delete(folder, name) for name in (note.outputs if note is not None else ()) if name not in kept)
        # The note goes last: a run that is interrupted before finds the rest.
        _delete_left(path, is_unreadable_note=path.suffix == ".json" and note is None)
    parts = len({part for _, part in former})
    logger.info("%s: %d files of %d parts that the study no longer has are deleted", stage.name, deleted, parts)
    return deleted


def _delete(folder: Path, name: str) -> bool:
    """Deletes a file below the folder, and the folders that are empty without it; False if there is none."""
    path = folder / name
    inside = path.parent.resolve().is_relative_to(folder.resolve())
    if not inside or not (path.is_file() or path.is_symlink()):
        return False
    path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == folder or any(parent.iterdir()):
            break
        parent.rmdir()
    return True


def _delete_left(path: Path, *, is_unreadable_note: bool) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    elif not is_unreadable_note:
        path.unlink(missing_ok=True)
