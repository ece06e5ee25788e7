"""What every stage is made of, and where its files lie."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ecgwas.store import fingerprint
from ecgwas.study import Study
from ecgwas.tables import Table, files

Needs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Stage:
    """One stage: a section of study.yaml, a command, a folder under results/.

    parts     the names of its parts, known before the first stage has run
    options   what of study.yaml it depends on, as plain JSON values
    needs     (stage, part) whose outputs it reads
    files     the user's files that it reads
    work      makes one part: (study, part, out, scratch); files under `out` move to the stage's folder when all is done,
              `scratch` survives a kill
    check     raises an EcgwasError if an input is wrong, without making anything
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
        """The stage's own version and those of its tables, by name: what a note keeps and freshness rests on."""
        return {self.name: self.version} | {table.__name__: table.version for table in self.tables}


def all_in_one(_: Study) -> tuple[str, ...]:
    """The parts of a stage that is not split."""
    return ("all",)


def no_files(_: Study, __: str) -> Sequence[Path]:
    """For stages that read earlier stages only."""
    return ()


def nothing_to_check(_: Study) -> Sequence[str]:
    """For stages without inputs of the user's."""
    return ()


def stage_folder(study: Study, stage: str) -> Path:
    """results/<stage>."""
    return study.results / stage


def note_path(study: Study, stage: str, part: str) -> Path:
    """Where a part's note lies."""
    return files.NOTE.path(study.results, stage=stage, part=part)


def seed_of(study: Study, *names: str) -> int:
    """A seed of its own for each use, all from the study's: below 2**32."""
    return int(fingerprint(study.seed, *names)[:8], 16)


def write_json(path: Path, content: Any) -> None:
    """Sorted and indented, so that the same content gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def write_array(path: Path, array: Any) -> None:
    """A plain .npy file; object arrays (which would need pickle) are refused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.asarray(array), allow_pickle=False)
