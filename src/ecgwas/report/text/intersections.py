"""Which loci are found by which study or representation: exact intersections, and these in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

COUNTED = ("", "one", "two", "three")
MOST_IN_WORDS = 3
"""Most sets whose intersections are also told in a sentence."""


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
    found = [Intersection(members, tuple(loci)) for members, loci in by_members.items()]
    return sorted(found, key=lambda one: (-len(one.loci), len(one.members), [names.index(name) for name in one.members]))


def joined(names: Sequence[str]) -> str:
    """`A, B and C`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def count(number: int, noun: str) -> str:
    """`1 locus`, `1,200 loci`."""
    if noun == "locus":
        noun = "locus" if number == 1 else "loci"
    else:
        noun = noun if number == 1 else f"{noun}s"
    return f"{number:,} {noun}"


def exactly(members: Sequence[str], of: int) -> str:
    """Which sets: `only A`, `A and B, no other`, `both`, `all three`."""
    if len(members) == of and of > 1:
        return "both" if of == 2 else f"all {COUNTED[of] if of < len(COUNTED) else of}"
    return f"only {joined(members)}"


def sentence(sets: Mapping[str, frozenset[int]]) -> str:
    """The Venn diagram of two or three sets in words, every region named; of other numbers of sets the totals alone."""
    everything = frozenset[int]().union(*sets.values())
    if len(sets) not in (2, MOST_IN_WORDS) or not everything:
        return f"{count(len(everything), 'locus')} in all."
    sizes = {one.members: len(one.loci) for one in intersections(sets)}
    names = tuple(sets)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]] if len(names) > 2 else []
    regions = [names, *pairs, *((name,) for name in names)]
    parts = [f"{exactly(members, len(names))} {sizes.get(members, 0):,}" for members in regions]
    return f"{count(len(everything), 'locus')} in all: {'; '.join(parts)}."
