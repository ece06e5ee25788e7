"""The rhythm of one recording: its names and the measurements that decided, as columns of recordings.parquet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecgwas.ecg.rhythms.heartbeats import Flags
from ecgwas.study import RHYTHMS

NAMES = tuple(RHYTHMS)
SINUS = "sinus_rhythm"


@dataclass(frozen=True)
class Finding:
    """The rhythm of a recording.

    names      in the order of NAMES; SINUS is first if a P wave precedes every QRS and nothing else controls the ventricles
    reason     the measurements that decided, or why there is no rhythm
    ectopic    (B,) ectopic beats;  premature (B,) those of them that have the usual shape. None without rhythm
    """

    names: tuple[str, ...]
    reason: str
    ectopic: Flags
    premature: Flags

    def first_of(self, chosen: Collection[str]) -> str | None:
        """The first of its names that is among the chosen ones; None if none is."""
        return next((name for name in self.names if name in chosen), None)

    @property
    def columns(self) -> dict[str, Any]:
        """Column of recordings.parquet -> value; null where there is no rhythm."""
        beats = len(self.ectopic) if self.names else 0
        return {
            "rhythm": ", ".join(self.names) or None, "rhythm_reason": self.reason or None,
            "ectopic_beats": int(self.ectopic.sum()) if beats else None,
            "ectopic_share": float(self.ectopic.mean()) if beats else None,
        }  # fmt: skip


def undetermined(reason: str, beats: int = 0) -> Finding:
    """No rhythm, for a reason, of a recording with so many beats."""
    return Finding((), reason, np.zeros(beats, dtype=np.bool_), np.zeros(beats, dtype=np.bool_))


NO_RHYTHM = undetermined("")
