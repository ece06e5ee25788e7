"""One recording as its file holds it, and the errors and checks that all formats share."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.leads import LEADS

MAX_BYTES = 64 * 2**20
"""The largest resting recordings have half a MiB. A far larger file is not a recording, and reading it could exhaust memory."""

STANDARD_LEAD = {lead.upper(): lead for lead in LEADS}
"""Upper-case spelling -> standard name."""

NAME_LEADS = "write the file with its leads named I, II, III, aVR, aVL, aVF, V1 to V6 (docs/read.md)"


@dataclass(frozen=True)
class Recording:
    """What one file holds, unchanged: nothing is filtered or derived, and nothing about the person is read.

    leads     standard lead name -> (S,) float64 µV. Leads may differ in length (`quality` refuses that). Where a format keeps
              leads other than the twelve, they have the file's own names
    rate_hz   samples per second, as stated in the file
    device    what the ECG device measured itself: names of DeviceMeasurements -> value; measurements not in the file are absent
    notes     what else the file holds, as text for people
    warning   a short warning about a file that is usable nevertheless; empty as a rule
    """

    leads: Mapping[str, NDArray[np.float64]]
    rate_hz: float
    device: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warning: str = ""

    @property
    def seconds(self) -> float:
        """Length of the longest lead."""
        return max((len(values) for values in self.leads.values()), default=0) / self.rate_hz


def unusable(reason: str, path: Path, *, fix: str = "export the recording again, or exclude the file") -> InputError:
    """The error for one file that cannot be used. `reason` is short, and the same for the same fault in other files."""
    return InputError(reason, where=path, fix=fix)


def read_content(path: Path, what: str = "") -> bytes:
    """The bytes of a file of at most MAX_BYTES. Raises InputError with a short reason that begins with `what`."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise unusable(f"{what}larger than {MAX_BYTES // 2**20} MiB", path)
        if not path.is_file():
            raise unusable(f"{what}not a file", path)
        return path.read_bytes()
    except FileNotFoundError:
        raise unusable(f"{what}no such file", path) from None
    except OSError as error:
        raise unusable(f"{what}cannot be read: {error.strerror}", path) from None


def is_new_lead(lead: str | None, leads: Container[str], path: Path) -> TypeGuard[str]:
    """True for a lead not yet among `leads`, False for None (not one of the twelve). Raises InputError for a repeated lead."""
    if lead is not None and lead in leads:
        raise unusable(f"lead {lead} is given twice", path)
    return lead is not None
