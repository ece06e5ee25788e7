"""Which groups of leads in a file are the recording: a file may also hold median beats and excerpts, in any order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgwas.ecg.recording import unusable
from ecgwas.leads import DERIVED_LEADS, LEADS

MAX_GROUPS = 64
"""A file with more groups is faulty; DICOM allows five for twelve leads."""


@dataclass(frozen=True)
class LeadGroup:
    """Leads that were recorded together, as a file groups them.

    leads     standard names of those of the twelve leads that it holds
    rate_hz   samples per second; infinite if the file does not state it, so that such a group comes last
    samples   number of samples of each lead
    start     text that identifies when it began: groups of equal start, rate and length belong to one recording
    """

    leads: frozenset[str]
    rate_hz: float
    samples: float
    start: str = ""

    @property
    def seconds(self) -> float:
        """Length in seconds; 0 if the rate is not positive."""
        return self.samples / self.rate_hz if self.rate_hz > 0 else 0.0


def best_groups(groups: Sequence[LeadGroup], path: Path) -> list[int]:
    """Indices of the groups that make up the recording, in the order of the file; empty if none holds a standard lead.

    Groups with the same start, rate and length and with different leads belong together. Of the resulting sets the one with
    the most of the twelve leads (present, or derivable from I and II) is chosen; among equals the longest, then the one with
    the most present leads, then the first. Raises InputError for more than MAX_GROUPS groups, and if the file holds all twelve
    leads but did not record them together: then no set is the recording.
    """
    if len(groups) > MAX_GROUPS:
        raise unusable(f"more than {MAX_GROUPS} groups of leads", path)
    sets = [_with_others(first, groups) for first in range(len(groups)) if groups[first].leads]
    chosen = max(sets, key=lambda group_set: _rank(group_set, groups), default=[])
    if _obtainable(chosen, groups) < _obtainable(range(len(groups)), groups) == len(LEADS):
        raise unusable("twelve leads, but in groups that differ in start, rate or length", path)
    return chosen


def _with_others(first: int, groups: Sequence[LeadGroup]) -> list[int]:
    chosen, leads = [first], set(groups[first].leads)
    for index, group in enumerate(groups):
        if group.leads and _is_same_time(group, groups[first]) and leads.isdisjoint(group.leads):
            chosen.append(index)
            leads |= group.leads
    return sorted(chosen)


def _is_same_time(group: LeadGroup, other: LeadGroup) -> bool:
    return (group.rate_hz, group.samples, group.start) == (other.rate_hz, other.samples, other.start)


def _rank(chosen: Sequence[int], groups: Sequence[LeadGroup]) -> tuple[int, float, int]:
    present = sum(len(groups[index].leads) for index in chosen)
    return _obtainable(chosen, groups), groups[chosen[0]].seconds, present


def _obtainable(chosen: Iterable[int], groups: Sequence[LeadGroup]) -> int:
    """How many of the twelve leads are present or can be derived from I and II."""
    leads = frozenset[str]().union(*(groups[index].leads for index in chosen))
    has_i_and_ii = "I" in leads and "II" in leads
    return sum(lead in leads or (has_i_and_ii and lead in DERIVED_LEADS) for lead in LEADS)
