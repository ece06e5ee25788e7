"""What a stage consists of, and where its files are."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ecgwas.errors import StudyError
from ecgwas.store import fingerprint
from ecgwas.study import Study
from ecgwas.tables import Table, files

Needs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Stage:
    """One stage: a section of study.yaml, a command, a folder under results/.

    parts     names of its parts, known before the first stage has run
    options   the options of study.yaml on which a part depends, as plain JSON values
    needs     (stage, part) pairs whose outputs a part reads
    files     the user's files that a part reads
    work      computes one part: (study, part, out, scratch); files in `out` move to the stage's folder at the end, `scratch`
              survives an interruption
    check     raises an EcgwasError if an input is wrong, without writing anything
    version   raised by every change that gives other bytes for the same inputs; results of another version are stale
    """

    name: str
    meaning: str
    parts: Callable[[Study], tuple[str, ...]]
    options: Callable[[Study, str], Any]
    needs: Callable[[Study, str], Needs]
    files: Callable[[Study, str], Sequence[Path]]
    work: Callable[[Study, str, Path, Path], None]
    check: Callable[[Study], Sequence[str]]
    version: int

    @property
    def tables(self) -> tuple[type[Table], ...]:
        """The declared tables among its files; each has its own version, raised when its columns change."""
        return files.tables_of(self.name)

    @property
    def versions(self) -> dict[str, int]:
        """Versions of the stage and its tables, by name; recorded in notes, and part of freshness."""
        return {self.name: self.version} | {table.__name__: table.version for table in self.tables}


def all_in_one(_: Study) -> tuple[str, ...]:
    """The only part of a stage that is not split."""
    return ("all",)


def nothing_to_check(_: Study) -> Sequence[str]:
    """For stages without input files."""
    return ()


def stage_folder(study: Study, stage: str) -> Path:
    """results/<stage>."""
    return study.results / stage


def note_path(study: Study, stage: str, part: str) -> Path:
    """Path of a part's note."""
    return files.NOTE.path(study.results, stage=stage, part=part)


def absent_section(study: Study, stage: str) -> StudyError:
    """Of a stage whose section the study does not have."""
    if stage == "read":
        fix = "run the other stages; a section `read` would name a folder of recordings"
        return StudyError("the study has no stage read: all its features come from tables", where=study.folder, fix=fix)
    fix = f"run the other stages, or write a section `{stage}` (docs/{stage}.md)"
    return StudyError(f"the study has no section {stage}", where=study.folder, fix=fix)


def seed_of(study: Study, *names: str) -> int:
    """A separate seed for each use, derived from the study's; below 2**32."""
    return int(fingerprint(study.seed, *names)[:8], 16)


def write_json(path: Path, content: Any) -> None:
    """Writes JSON, sorted and indented, so that the same content gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def write_array(path: Path, array: Any) -> None:
    """Writes a plain .npy file; refuses object arrays, which would need pickle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.asarray(array), allow_pickle=False)
