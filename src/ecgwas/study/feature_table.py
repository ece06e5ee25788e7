"""Kind `table` of section `represent`: features made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ecgwas.study.base import StudyPath, option
from ecgwas.study.representation import Representation


class FeatureTable(Representation):
    """Features made elsewhere, from a table: embeddings of another model, measurements of a device or of another program, any
    quantitative phenotypes."""

    kind: Literal["table"] = "table"
    file: StudyPath
    """Table (.tsv or .csv, also .gz, or .parquet) with a column eid, optionally lead and visit (or instance), and one column
    per feature."""
    features: tuple[str, ...] | None = option(None, min_length=1)
    """Columns to use as features; none: all columns of numbers."""
    units: dict[str, str] = {}
    """Unit of each feature, such as `qt: ms`; it may also follow the column's name, as in `qt [ms]`."""
    instance: int | None = option(None, ge=0)
    """The visit to use when a person has several; none: that of section `read`, or without `read` the first."""
    leave_out: StudyPath | None = None
    """A file of eids, one per line, to exclude everywhere (withdrawn consent), in a study without section `read`; in others
    it is an option of that section."""

    @property
    def uses_recordings(self) -> bool:
        """Its features come from a table."""
        return False

    @property
    def input_files(self) -> tuple[Path, ...]:
        """The table."""
        return (self.file,)

    @property
    def described(self) -> str:
        """The file's name."""
        return f"the table {self.file.name}"

    @property
    def has_traversals(self) -> bool:
        """Nothing can be decoded from it."""
        return False
