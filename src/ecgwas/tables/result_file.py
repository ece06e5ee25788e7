"""One file, or a family of files, below results/<stage>, and how its table is read and written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

PLACEHOLDER = re.compile(r"\{(\w+)\}")
ANY_DEPTH = ("visits", "rest")
"""Placeholders that stand for a path, not for a name."""

SHARED_TABLES = "tables"
"""Folder of results/share that holds the shared copies of tables."""


@dataclass(frozen=True)
class ResultFile:
    """A file, or a family of files, below results/<stage>.

    name           below the stage's folder; placeholders such as {part} stand for a name, {visits} and {rest} for a path of
                   any depth; {rest} may be omitted, for the folder itself
    about_people   it has participants' ids, rows, signals or figures, or a model fitted to them, and is never shared
    shared         stage `share` writes a redacted copy, without any one participant and without small groups
    note           when it is written, if not always, or which rows of the table it holds
    meaning        what it holds, for files without a declared table; whatever is shared is described
    """

    stage: str
    name: str
    about_people: bool = True
    shared: bool = field(default=False, kw_only=True)
    note: str = field(default="", kw_only=True)
    meaning: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        if self.shared and self.about_people:
            raise ValueError(f"{self.stage}/{self.name} is about people and cannot be shared")
        if self.shared and not self.described:
            raise ValueError(f"{self.stage}/{self.name} is shared and needs a meaning")

    @property
    def described(self) -> str:
        """What it holds, in a sentence."""
        return self.meaning

    def within(self, folder: Path, /, **names: str | int) -> Path:
        """Its path below a stage's folder, or below the folder that stands for it while a part is being written."""
        return folder / self.name.format(**{"rest": "", **names})

    def path(self, results: Path, /, **names: str | int) -> Path:
        """Its path below a study's results folder."""
        return self.within(results / self.stage, **names)

    def exists(self, results: Path, /, **names: str | int) -> bool:
        """True if the file is there."""
        return self.path(results, **names).exists()

    def matches(self, name: str) -> bool:
        """True if a path below the stage's folder is this file, or one of this family."""
        return self._pattern.fullmatch(name) is not None

    def all_names(self, results: Path) -> list[dict[str, str]]:
        """Values of the placeholders of each existing file of this family, in order of paths."""
        folder = results / self.stage
        last = PLACEHOLDER.sub("*", Path(self.name).name)
        below = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob(last)))
        return [match.groupdict() for name in below if (match := self._pattern.fullmatch(name))]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """The name as a regular expression, with a group for each placeholder."""
        pieces = PLACEHOLDER.split(self.name)
        groups = (f"(?P<{name}>{'.+' if name in ANY_DEPTH else '[^/]+'})" for name in pieces[1::2])
        fixed = (re.escape(piece) for piece in pieces[::2])
        return re.compile("".join(piece for both in zip_longest(fixed, groups, fillvalue="") for piece in both))

    @property
    def place(self) -> str:
        """results/<stage>/<name>, for messages and docs."""
        return "/".join(piece for piece in ("results", self.stage, self.name) if piece)

    @property
    def shared_copy(self) -> ResultFile:
        """The copy in results/share. Raises ValueError for a file that may not be shared."""
        if not self.shared:
            raise ValueError(f"{self.stage}/{self.name} may not be shared")
        if self.stage == "share":
            return self
        name = f"{SHARED_TABLES}/{self.stage}/{self.name}"
        return ResultFile("share", name, about_people=False, shared=True, meaning=self.described)


class Readable(Protocol):
    """A class of tables that are read from a path and written to one."""

    @classmethod
    def read(cls, path: Path) -> Self: ...

    def write(self, path: Path) -> None: ...


T = TypeVar("T", bound=Readable)


@dataclass(frozen=True)
class TableFile(ResultFile, Generic[T]):
    """A results file with a declared table, whose class has its columns and their version."""

    table: type[T] = field(kw_only=True)

    @property
    def described(self) -> str:
        """What its table holds: the first paragraph of the docstring."""
        return self.meaning or " ".join((self.table.__doc__ or "").strip().split("\n\n")[0].split())

    def read(self, results: Path, /, **names: str | int) -> T:
        """The table. Raises InputError if another version of ecgwas wrote other columns, OSError if there is no file."""
        return self.table.read(self.path(results, **names))

    def write(self, table: T, folder: Path, /, **names: str | int) -> None:
        """Below the stage's folder, or the one that stands for it while a part is being written."""
        path = self.within(folder, **names)
        path.parent.mkdir(parents=True, exist_ok=True)
        table.write(path)
