"""Which loci are found by which study or representation: exact intersections, and these in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

COUNTED = ("", "one", "two", "three")
MOST_IN_WORDS = 3
"""Most sets whose intersections are also put into a sentence."""


class Intersection(NamedTuple):
    """Loci that exactly these sets contain and no other does; members in the order of the sets."""

    members: tuple[str, ...]
    loci: tuple[int, ...]


def intersections(sets: Mapping[str, frozenset[int]]) -> list[Intersection]:
    """Every combination of sets that contains a locus, the largest first; a locus of any set is in exactly one of them."""
    by_members: dict[tuple[str, ...], list[int]] = {}
    for locus in sorted(frozenset[int]().union(*sets.values())):
        by_members.setdefault(tuple(name for name, loci in sets.items() if locus in loci), []).append(locus)
    names = list(sets)
    exact = [Intersection(members, tuple(loci)) for members, loci in by_members.items()]
    return sorted(exact, key=lambda one: (-len(one.loci), len(one.members), [names.index(name) for name in one.members]))


def joined(names: Sequence[str]) -> str:
    """`A, B and C`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def loci_counted(number: int) -> str:
    """`1 locus`, `1,200 loci`."""
    return f"{number:,} {'locus' if number == 1 else 'loci'}"


def exactly(members: Sequence[str], of: int) -> str:
    """Which sets: `both`, `all three`, `A and B only`."""
    if len(members) == of and of > 1:
        return "both" if of == 2 else f"all {COUNTED[of] if of < len(COUNTED) else of}"
    return f"{joined(members)} only"


def sentence(sets: Mapping[str, frozenset[int]]) -> str:
    """The Venn diagram of two or three sets in words, every region named; of other numbers of sets the total alone."""
    everything = frozenset[int]().union(*sets.values())
    total = loci_counted(len(everything))
    if len(sets) not in (2, MOST_IN_WORDS) or not everything:
        return f"{total} in all."
    sizes = {one.members: len(one.loci) for one in intersections(sets)}
    names = tuple(sets)
    pairs = list(combinations(names, 2)) if len(names) > 2 else []
    regions = [names, *pairs, *((name,) for name in names)]
    counted = [f"{sizes[members]:,} found by {exactly(members, len(names))}" for members in regions if members in sizes]
    empty = [f"by {exactly(members, len(names))}" for members in regions if members not in sizes]
    none = f"; none {joined(empty).replace(' and by ', ' or by ')}" if empty else ""
    return f"{total} in all: {', '.join(counted)}{none}."
