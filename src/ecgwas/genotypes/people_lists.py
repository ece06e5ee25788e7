"""Reads lists of samples: .fam, .psam, .sample. IID (ID_2 of a .sample) identifies a participant; FID is only a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.genotypes import list_lines

MALE, FEMALE = 1, 2
"""Codes of sex in all formats; 0 is unknown."""

SEX_CODES = {"1": MALE, "2": FEMALE, "m": MALE, "f": FEMALE, "male": MALE, "female": FEMALE}
"""Code of sex in lower case -> MALE or FEMALE. Files may use upper or lower case."""
UNKNOWN_SEX_CODES = frozenset({"0", "-9", "na", "nan", "u", "unknown", ".", ""})

COLUMNS = (
    "lines FID IID PAT MAT SEX [PHENO] separated by tabs or blanks, or a header line that begins with #FID or #IID above them"
)
COLUMN_TYPES = frozenset("0DCPB")
"""Types in the second line of a .sample: 0 for identifiers and missing; D, C, P and B for the other columns."""


@dataclass(frozen=True)
class SampleList:
    """The samples of a genotype file, in the order of the list.

    eids               (P,) text
    families           (P,) text, 0 where there is none
    sexes              (P,) int8: 1 male, 2 female, 0 unknown
    unknown_sex_codes  unrecognised codes of sex in the file, which count as unknown
    """

    eids: tuple[str, ...]
    families: tuple[str, ...]
    sexes: NDArray[np.int8]
    unknown_sex_codes: tuple[str, ...] = ()

    def select(self, places: Sequence[int] | NDArray[np.int64]) -> SampleList:
        """A subset of the samples, in the order of `places`."""
        eids, families = tuple(self.eids[i] for i in places), tuple(self.families[i] for i in places)
        return SampleList(eids, families, self.sexes[np.asarray(places, dtype=np.int64)], self.unknown_sex_codes)


def read_psam(path: Path) -> SampleList:
    """Reads a .psam or, if there is no header line, a .fam with five or six columns. Raises InputError for malformed files.

    https://www.cog-genomics.org/plink/2.0/formats#psam and #fam.
    """
    rows = [row for row in list_lines.split_lines(path) if not row[0].startswith("##")]
    if rows[0][0].startswith("#"):
        return _with_header(path, rows)
    if [name.upper() for name in rows[0][:2]] == ["FID", "IID"] or rows[0][0].upper() == "IID":
        problem = f"the first line looks like a header but does not begin with #: {' '.join(rows[0][:6])}"
        raise InputError(problem, where=path, fix=f"write # before it: #{' '.join(rows[0][:6])}")
    count = 5 if len(rows[0]) == 5 else 6
    columns = list_lines.columns(rows, path, count, fix=COLUMNS)
    return _sample_list(columns[0], columns[1], columns[4])


def _with_header(path: Path, rows: list[list[str]]) -> SampleList:
    header = [name.lstrip("#") for name in rows[0]]
    if header[0] not in ("FID", "IID") or "IID" not in header:
        problem = f"the header line must begin with #FID or #IID and name IID; it is {' '.join(rows[0])}"
        raise InputError(problem, where=path, fix=COLUMNS)
    fix = "one cell per column of the header line"
    columns = dict(zip(header, list_lines.columns(rows[1:], path, len(header), first_line=2, fix=fix), strict=True))
    eids = columns["IID"]
    return _sample_list(columns.get("FID", ["0"] * len(eids)), eids, columns.get("SEX", ["0"] * len(eids)))


def read_sample(path: Path) -> SampleList:
    """Reads a .sample: two header lines; ID_2 is the individual ID, ID_1 the family ID. A single column ID serves as both.

    https://www.cog-genomics.org/plink/2.0/formats#sample. Raises InputError for malformed files.
    """
    rows = list_lines.split_lines(path)
    header = [name.lower() for name in rows[0]]
    if header[:2] == ["id_1", "id_2"]:
        ids = ("id_1", "id_2")
    elif header[0] == "id":
        ids = ("id", "id")
    else:
        problem = f"the first columns must be ID_1 and ID_2; the first line is {' '.join(rows[0][:4])}"
        raise InputError(problem, where=path, fix="write a .sample file of BGEN 1.2: ID_1 ID_2 missing, 0 0 0, then people")
    if len(rows) < 2 or set(rows[1][: len(set(ids))]) != {"0"} or not set(rows[1]) <= COLUMN_TYPES:
        second = " ".join(rows[1][:6]) if len(rows) > 1 else "missing"
        problem = f"the second line must hold the types of the columns (0 0 0 D); it is {second}"
        fix = "write the line of types below the header: 0 for ID_1, ID_2 and missing, D, C, P or B for the others"
        raise InputError(problem, where=path, fix=fix)
    cells = list_lines.columns(rows, path, len(header), fix="as many cells as the first line has columns")
    columns = {name: column[2:] for name, column in zip(header, cells, strict=True)}
    eids = columns[ids[1]]
    return _sample_list(columns[ids[0]], eids, columns.get("sex", ["0"] * len(eids)))


def _sample_list(families: Sequence[str], eids: Sequence[str], sexes: Sequence[str]) -> SampleList:
    known = {code: SEX_CODES.get(code.lower(), 0) for code in sorted(set(sexes))}
    odd = tuple(code for code, sex in known.items() if sex == 0 and code.lower() not in UNKNOWN_SEX_CODES)
    return SampleList(tuple(eids), tuple(families), np.array([known[code] for code in sexes], dtype=np.int8), odd)
