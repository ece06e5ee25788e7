"""Which of the groups of leads in one file are the recording: files hold median beats and pieces beside it, in any order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgwas.ecg.recording import unusable
from ecgwas.leads import DERIVED_LEADS, LEADS

MOST_GROUPS = 64
"""More in one file are a mistake; DICOM allows five for twelve leads."""


@dataclass(frozen=True)
class Group:
    """Leads that were recorded together, as a file groups them.

    leads     standard names of those of the twelve that it holds
    rate_hz   samples per second; infinite where the file does not say, so that such a group comes last
    samples   of each lead
    start     whatever tells when it began: groups of equal start, rate and length are of one recording
    """

    leads: frozenset[str]
    rate_hz: float
    samples: float
    start: str = ""

    @property
    def seconds(self) -> float:
        """Length in seconds; 0 where the rate is none."""
        return self.samples / self.rate_hz if self.rate_hz > 0 else 0.0


def best(groups: Sequence[Group], path: Path) -> list[int]:
    """Positions of the groups that make up the recording, in the order of the file; empty if none holds a standard lead.

    Groups of one start, rate and length whose leads differ belong together. Of the sets that result, the one with the most
    of the twelve leads (given, or derivable from I and II) counts; among equals the longest, then the one with the most
    leads that need no deriving, then the first. Raises InputError for more groups than a recorder writes, and where a file
    holds all twelve leads, but not recorded together: then no set of them is the recording.
    """
    if len(groups) > MOST_GROUPS:
        raise unusable(f"more than {MOST_GROUPS} groups of leads", path)
    sets = [_with_others(first, groups) for first in range(len(groups)) if groups[first].leads]
    chosen = max(sets, key=lambda one: _rank(one, groups), default=[])
    if _obtainable(chosen, groups) < _obtainable(range(len(groups)), groups) == len(LEADS):
        raise unusable("twelve leads, but in groups of different time, rate or length", path)
    return chosen


def _with_others(first: int, groups: Sequence[Group]) -> list[int]:
    chosen, leads = [first], set(groups[first].leads)
    for place, group in enumerate(groups):
        if group.leads and _of_one_time(group, groups[first]) and leads.isdisjoint(group.leads):
            chosen.append(place)
            leads |= group.leads
    return sorted(chosen)


def _of_one_time(one: Group, other: Group) -> bool:
    return (one.rate_hz, one.samples, one.start) == (other.rate_hz, other.samples, other.start)


def _rank(chosen: Sequence[int], groups: Sequence[Group]) -> tuple[int, float, int]:
    given = sum(len(groups[place].leads) for place in chosen)
    return _obtainable(chosen, groups), groups[chosen[0]].seconds, given


def _obtainable(chosen: Iterable[int], groups: Sequence[Group]) -> int:
    """How many of the twelve leads are given or can be derived from I and II."""
    leads = frozenset[str]().union(*(groups[place].leads for place in chosen))
    limbs = "I" in leads and "II" in leads
    return sum(lead in leads or (limbs and lead in DERIVED_LEADS) for lead in LEADS)
