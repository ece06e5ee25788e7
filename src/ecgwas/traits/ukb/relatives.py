"""Related pairs as UK Biobank lists them (ukb_rel.dat: ID1 ID2 HetHet IBS0 Kinship), and the fewest people to exclude."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecgwas.errors import InputError, first_few
from ecgwas.tables.user_table import is_missing, not_numbers, numbers, read_user_table
from ecgwas.traits import families

COLUMNS = ("id1", "id2", "kinship")


@dataclass(frozen=True)
class Unrelated:
    """What follows from the list of related pairs for some participants.

    excluded          eids to exclude, so that no pair above the limit remains; as few as possible
    pairs             pairs of the list of which both are among the participants and kinship exceeds the limit
    redacted          pairs of the list with a negative id: UK Biobank's mark of someone who has withdrawn
    inexact_families  families that are too large for the exact search (families.fewest_exclusions)
    """

    excluded: tuple[str, ...]
    pairs: int
    redacted: int
    inexact_families: int


def unrelated(path: Path, eids: Sequence[str], max_kinship: float) -> Unrelated:
    """The fewest of `eids` to exclude so that no pair of the list with a larger kinship remains.

    Of equally small sets, the one that keeps participants who are earlier in `eids`. Raises InputError for a table without the
    columns ID1, ID2 and Kinship, and for kinship that is not a number.
    """
    table = read_user_table(path, what="related pairs")
    column_of = {name.lower().lstrip("#"): name for name in table.frame.columns}
    absent = [name for name in COLUMNS if name not in column_of]
    if absent:
        problem = f"the list of related pairs has no column {' and '.join(absent)}; it has {first_few(table.frame.columns)}"
        raise InputError(problem, where=path, fix="give ukb_rel.dat as UK Biobank sends it: ID1 ID2 HetHet IBS0 Kinship")
    first, second, kinship = (table.frame[column_of[name]] for name in COLUMNS)
    wrong = np.flatnonzero(not_numbers(kinship) | is_missing(kinship))
    if len(wrong):
        lines = first_few(f"line {table.lines[int(i)]}" for i in wrong)
        raise InputError(f"kinship is not a number: {lines}", where=path, fix="give ukb_rel.dat as UK Biobank sends it")
    place = {eid: i for i, eid in enumerate(eids)}
    close = numbers(kinship) > max_kinship
    redacted = int((first.str.starts_with("-") | second.str.starts_with("-")).sum())
    pairs = [
        (place[one], place[other])
        for one, other, is_close in zip(first, second, close, strict=True)
        if is_close and one in place and other in place and one != other
    ]
    exclusions = families.fewest_exclusions(
        [one for one, _ in pairs], [other for _, other in pairs], np.zeros(len(eids), dtype=np.int64)
    )
    excluded = tuple(eids[i] for i in exclusions.people)
    return Unrelated(excluded, len(pairs), redacted, exclusions.inexact_families)
