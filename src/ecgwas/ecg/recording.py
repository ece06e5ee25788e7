"""One recording as it stands in its file, and twelve leads out of it."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.leads import LEADS

LARGEST_BYTES = 64 * 2**20
"""The largest resting recordings have half a MiB; what is far beyond is no recording, and reading it could exhaust memory."""

STANDARD_LEAD = {lead.upper(): lead for lead in LEADS}
"""Upper-case spelling -> standard name."""

NAME_LEADS = "write the file with its leads named I, II, III, aVR, aVL, aVF, V1 to V6 (docs/read.md)"


@dataclass(frozen=True)
class Recording:
    """What one file holds, untouched: nothing filtered, nothing derived, nothing about the person.

    leads     standard lead name -> (S,) float64 µV; leads may differ in length (that is for `quality` to refuse); a lead that
              is none of the twelve, where a format keeps such, has its own name
    rate_hz   samples per second, as the file says
    device    what the recorder measured itself: names of DeviceMeasurements -> value; names that it did not tell are absent
    notes     what else the file holds, in words for people
    doubt     a short reason to doubt the file that is none to leave it out; empty as a rule
    """

    leads: Mapping[str, NDArray[np.float64]]
    rate_hz: float
    device: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def seconds(self) -> float:
        """Length of the longest lead."""
        return max((len(values) for values in self.leads.values()), default=0) / self.rate_hz


def unusable(reason: str, path: Path, *, fix: str = "export the recording again, or leave the file out") -> InputError:
    """The error for one file that cannot be used: `reason` is short, the same for the same mistake in other files."""
    return InputError(reason, where=path, fix=fix)


def content_of(path: Path, what: str = "") -> bytes:
    """The bytes of a file of sensible size. Raises InputError with a short reason, which begins with `what` the file is."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise unusable(f"{what}larger than {LARGEST_BYTES // 2**20} MiB", path)
        if not path.is_file():
            raise unusable(f"{what}not a file", path)
        return path.read_bytes()
    except FileNotFoundError:
        raise unusable(f"{what}no such file", path) from None
    except OSError as error:
        raise unusable(f"{what}cannot be read: {error.strerror}", path) from None


def is_new(lead: str | None, leads: Container[str], path: Path) -> TypeGuard[str]:
    """True for a lead that is not among `leads` yet, False for None (none of the twelve). Raises InputError for the rest."""
    if lead is not None and lead in leads:
        raise unusable(f"lead {lead} is given twice", path)
    return lead is not None
