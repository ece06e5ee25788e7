"""Related pairs as UK Biobank lists them (ukb_rel.dat: ID1 ID2 HetHet IBS0 Kinship), and the fewest people to exclude."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecgwas.genotypes import related_pairs
from ecgwas.traits import families


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
    columns ID1, ID2 and Kinship, and for kinship that is none.
    """
    listed = related_pairs.listed(path)
    first, second, close = listed["eid1"], listed["eid2"], listed["kinship"] > max_kinship
    place = {eid: i for i, eid in enumerate(eids)}
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
