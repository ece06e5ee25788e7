"""Names of UK Biobank's columns: field, instance and array, as each exporter spells them.

31-0.0                          ukbconv csv and txt; header style UKB-FORMAT of the Research Analysis Platform (RAP)
X31.0.0                         the same, as R's read.csv changes it
f.31.0.0                        ukbconv r
n_31_0_0, s_, ts_, f_, x31_0_0  ukbconv stata (by type of the value), and scripts that make such names
sex_f31_0_0                     ukbtools
p31, p21003_i2, p22009_a1       RAP: dx extract_dataset, table-exporter, Spark; optionally behind `participant.`
Sex, Age when attended assessment centre | Instance 2
                                RAP: header style FIELD-TITLE, for the fields in TITLES
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

SPELLINGS = (
    re.compile(r"(?:participant[._])?p(?P<field>\d+)(?:_i(?P<instance>\d+))?(?:_a(?P<array>\d+))?", re.IGNORECASE),
    re.compile(r"(?P<field>\d+)-(?P<instance>\d+)\.(?P<array>\d+)"),
    re.compile(r"X(?P<field>\d+)\.(?P<instance>\d+)\.(?P<array>\d+)"),
    re.compile(r"(?:f[._]|(?:n|s|ts|x)_|x)(?P<field>\d+)[._](?P<instance>\d+)[._](?P<array>\d+)", re.IGNORECASE),
    re.compile(r"\w+_f(?P<field>\d+)_(?P<instance>\d+)_(?P<array>\d+)", re.IGNORECASE),
)
"""Patterns of a whole column name, with the groups field and, optionally, instance and array."""

EID_NAMES = frozenset(
    {"eid", "f.eid", "f_eid", "n_eid", "x_eid", "xeid", "participant.eid", "participant_eid", "participant id"}
)
"""Names of the column of participants' ids, in lower case."""

TITLES = {
    31: "Sex", 34: "Year of birth", 52: "Month of birth", 53: "Date of attending assessment centre",
    54: "UK Biobank assessment centre", 21003: "Age when attended assessment centre", 22000: "Genotype measurement batch",
    22001: "Genetic sex", 22009: "Genetic principal components", 22019: "Sex chromosome aneuploidy",
    22020: "Used in genetic principal components", 22021: "Genetic kinship to other participants",
    22027: "Outliers for heterozygosity or missing rate",
}  # fmt: skip
"""Titles of the fields that are read, as in UK Biobank's Showcase."""

WITHOUT_INSTANCES = frozenset({31, 34, 52, 189, 21022, 22182, 22189, *range(22000, 22029), *range(26201, 26291)})
"""Fields with one value per participant that are often added: the RAP names their columns without `_i`. Sex, birth, Townsend
index (189 is retired, 22189 replaces it), age at recruitment, genotyping and its PCs, polygenic risk scores. Public extraction
commands on the RAP use these names for 31, 34, 21022, 22000, 22001, 22006, 22009, 22019 to 22021, 22027, 22182, 22189 and
several of 26206 to 26285; the others belong to the same categories. It matters for `ecgwas covariates fields` alone: `parse`
reads names with and without `_i`."""

NO_ANSWER = {-1: "do not know", -3: "prefer not to answer", -121: "do not know", -818: "prefer not to answer"}
"""Codes that mean missing in fields of questionnaires; the latter two in those of mental health online."""

OF_BIRTH = {33: "date of birth", 34: "year of birth", 52: "month of birth"}
"""Fields that results and tables of covariates must not hold: with them, a participant is easier to recognise."""

BARE_FIELD_OF_BIRTH = re.compile(
    rf"(?:participant\.)?(?:f\.|p|n_|x)?(?:{'|'.join(map(str, OF_BIRTH))})(?:[-_.][ia]?\d+)*", re.IGNORECASE
)
"""A field of OF_BIRTH without an exporter's whole spelling, as in 34 or x34; `parse` knows whole ones."""

TITLE = re.compile(r"(?P<title>[^|]+?)(?: \| Instance (?P<instance>\d+))?(?: \| Array (?P<array>\d+))?")
FIELD_OF_TITLE = {title.lower(): field for field, title in TITLES.items()}


@dataclass(frozen=True)
class FieldColumn:
    """One column of an export. instance, array: 0 where the name states none."""

    name: str
    field: int
    instance: int = 0
    array: int = 0


def parse(name: str) -> FieldColumn | None:
    """The field, instance and array that a column's name states; None for other names."""
    bare = name.strip().strip('"')
    for spelling in SPELLINGS:
        match = spelling.fullmatch(bare)
        if match:
            groups = match.groupdict()
            return FieldColumn(name, int(groups["field"]), int(groups["instance"] or 0), int(groups["array"] or 0))
    title = TITLE.fullmatch(bare)
    field = FIELD_OF_TITLE.get(title["title"].lower()) if title else None
    if title is None or field is None:
        return None
    return FieldColumn(name, field, int(title["instance"] or 0), int(title["array"] or 0))


def is_of_birth(name: str) -> bool:
    """True for the name of a column with a field of OF_BIRTH, in an exporter's spelling or a shorter one."""
    column = parse(name)
    return (column is not None and column.field in OF_BIRTH) or BARE_FIELD_OF_BIRTH.fullmatch(name) is not None


def eid_column(names: Sequence[str]) -> str | None:
    """The column of participants' ids; None if there is none."""
    return next((name for name in names if name.strip().strip('"').lower() in EID_NAMES), None)


def is_title(name: str) -> bool:
    """True for a column that is recognised by its field's title (header style FIELD-TITLE)."""
    match = TITLE.fullmatch(name.strip().strip('"'))
    return match is not None and match["title"].lower() in FIELD_OF_TITLE


def label(field: int) -> str:
    """`field 31 (Sex)`, or the number alone for a field without a title here."""
    return f"field {field} ({TITLES[field]})" if field in TITLES else f"field {field}"
