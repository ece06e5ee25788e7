"""Names of traits that a user gives."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ecgwas.errors import StudyError, first_few
from ecgwas.tables import files

MOST_OFFERED = 3


def refuse_unknown(names: Sequence[str], tested: Sequence[str], *, where: object = None) -> None:
    """Raises StudyError if one of `names` is not among the traits tested, with the most similar ones."""
    unknown = [name for name in names if name not in tested]
    if not unknown:
        return
    near = similar(unknown[0], tested)
    listed = f"traits are listed in {files.TRAIT_REPORT.place}: {first_few(tested)}"
    fix = f"did you mean {' or '.join(near)}? All {listed}" if near else listed
    raise StudyError(f"the study has no trait {first_few(unknown)}", where=where, fix=fix)


def similar(name: str, tested: Sequence[str]) -> list[str]:
    """The traits most similar to a name, best first: spelled alike, or with the name as a part, or with a similar feature."""
    by_lower: dict[str, str] = {}
    for trait in tested:
        by_lower.setdefault(trait.lower(), trait)
    lower_name = name.lower()
    close = difflib.get_close_matches(lower_name, by_lower, n=MOST_OFFERED, cutoff=0.7)
    within = [lower for lower in by_lower if len(lower_name) > 1 and lower_name in lower]
    features: dict[str, list[str]] = {}
    for lower in by_lower:
        features.setdefault(lower.split(".", 2)[-1], []).append(lower)
    alike = difflib.get_close_matches(lower_name.split(".")[-1], features, n=MOST_OFFERED, cutoff=0.7)
    by_feature = [lower for feature in alike for lower in features[feature]]
    return [by_lower[lower] for lower in dict.fromkeys([*close, *within, *by_feature])][:MOST_OFFERED]
