"""The fewest participants whose exclusion leaves no related pair: an exact maximum independent set in each family."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LARGEST_EXACT = 200
"""Families (participants connected by related pairs) with more members are solved by a heuristic."""
MAX_BRANCHES = 20_000
"""Maximum number of branches of the exact search of one family. Beyond it, the heuristic is used."""

Graph = dict[int, set[int]]


@dataclass(frozen=True)
class Exclusions:
    """people: the participants to exclude, ascending; inexact_families: number of families too large for the exact search."""

    people: tuple[int, ...]
    inexact_families: int


class _TooManyStepsError(Exception):
    """The exact search of a family took more than MAX_BRANCHES branches."""


def fewest_exclusions(first: Sequence[int], second: Sequence[int], called: NDArray[np.int64]) -> Exclusions:
    """The participants to exclude so that no pair (first[i], second[i]) remains.

    The set is as small as possible. Among the smallest sets, the one that keeps most genotype calls is chosen (`called`, by
    participant), then the one that keeps earlier participants. The solution is exact for families of up to LARGEST_EXACT
    members that take at most MAX_BRANCHES branches; the other families are counted.
    """
    graph: Graph = {}
    for one, other in zip(first, second, strict=True):
        graph.setdefault(int(one), set()).add(int(other))
        graph.setdefault(int(other), set()).add(int(one))
    excluded: list[int] = []
    inexact_families = 0
    for family in _families(graph):
        kept = _exact(family, called)
        if kept is None:
            kept = _greedy(family, called)
            inexact_families += 1
        excluded += family.keys() - kept
    return Exclusions(tuple(sorted(excluded)), inexact_families)


def _exact(family: Graph, called: NDArray[np.int64]) -> set[int] | None:
    """The largest set of unrelated members, or None if the family is too large."""
    if len(family) > LARGEST_EXACT:
        return None
    members = sorted(family)
    # One more participant outweighs all calls together; one more call outweighs all positions in the list.
    places = {person: len(members) - place for place, person in enumerate(members)}
    scale = len(members) ** 2 + 1
    total = sum(int(called[person]) for person in members) + len(members)
    weights = {person: scale * (total + int(called[person])) + places[person] for person in members}
    try:
        return _Search().best(family, weights)
    except _TooManyStepsError:
        return None


class _Search:
    """Branch and bound for the independent set with the largest weight."""

    def __init__(self) -> None:
        self.steps = 0

    def best(self, graph: Graph, weights: Mapping[int, int]) -> set[int]:
        """The independent set with the largest weight, found in each connected component."""
        kept: set[int] = set()
        for part in _families(graph):
            kept |= self._connected(part, weights)
        return kept

    def _connected(self, graph: Graph, weights: Mapping[int, int]) -> set[int]:
        """The same for a connected graph: branches on the participant with most relatives, who is either kept or excluded."""
        if len(graph) == 1:
            return set(graph)
        leaf = min((person for person in graph if len(graph[person]) == 1), default=None)
        if leaf is not None:
            return self._folded(graph, weights, leaf)
        self.steps += 1
        if self.steps > MAX_BRANCHES:
            raise _TooManyStepsError
        hub = min(graph, key=lambda person: (-len(graph[person]), person))
        with_hub = {hub} | self.best(_without(graph, graph[hub] | {hub}), weights)
        # A clique holds at most one participant who is kept. If this bound is no better, the other branch is skipped.
        rest = _without(graph, {hub})
        if _bound(rest, weights) <= _weight(with_hub, weights):
            return with_hub
        without_hub = self.best(rest, weights)
        return max(with_hub, without_hub, key=lambda kept: _weight(kept, weights))

    def _folded(self, graph: Graph, weights: Mapping[int, int], leaf: int) -> set[int]:
        """Solves a graph in which `leaf` has one relative.

        The leaf is kept if the relative is not. The relative's weight becomes what is gained by keeping the relative instead.
        """
        (relative,) = graph[leaf]
        gain = weights[relative] - weights[leaf]
        if gain <= 0:
            return {leaf} | self.best(_without(graph, {leaf, relative}), weights)
        kept = self.best(_without(graph, {leaf}), {**weights, relative: gain})
        return kept if relative in kept else kept | {leaf}


def _bound(graph: Graph, weights: Mapping[int, int]) -> int:
    """Upper bound on the weight of an independent set, from a cover by cliques."""
    cliques: list[set[int]] = []
    total = 0
    for person in sorted(graph, key=lambda one: (-weights[one], one)):
        for clique in cliques:
            if clique <= graph[person]:
                clique.add(person)
                break
        else:
            cliques.append({person})
            total += weights[person]
    return total


def _weight(kept: Iterable[int], weights: Mapping[int, int]) -> int:
    return sum(weights[person] for person in kept)


def _without(graph: Graph, people: set[int]) -> Graph:
    """The graph without these participants."""
    return {person: others - people for person, others in graph.items() if person not in people}


def _families(graph: Graph) -> list[Graph]:
    """The connected components, in the order of their first participant."""
    families, assigned = [], set[int]()
    for start in sorted(graph):
        if start in assigned:
            continue
        family, to_visit = {start}, [start]
        while to_visit:
            new = graph[to_visit.pop()] - family
            family |= new
            to_visit += new
        assigned |= family
        families.append({person: graph[person] for person in sorted(family)})
    return families


def _greedy(family: Graph, called: NDArray[np.int64]) -> set[int]:
    """The unrelated members that a heuristic keeps.

    Members with the most relatives are excluded first (ties: fewer calls, then the later participant). Members of whom no
    relative is kept are then restored.
    """
    remaining = {person: set(others) for person, others in family.items()}
    removed: list[int] = []
    while any(remaining.values()):
        worst = max(remaining, key=lambda person: (len(remaining[person]), -int(called[person]), person))
        for other in remaining.pop(worst):
            remaining[other].discard(worst)
        removed.append(worst)
    kept = set(remaining)
    for person in reversed(removed):
        if not family[person] & kept:
            kept.add(person)
    return kept
