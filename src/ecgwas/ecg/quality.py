"""Which recordings are usable. Each question gives None, or a short reason that counts well over many recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import INDEPENDENT, LEADS
from ecgwas.study import QualityOptions, ReadOptions

Floats = NDArray[np.float64]

RAIL_RUN = 3
"""Equal samples in a row at a lead's extreme that tell a rail from a peak."""


NOT_FINITE = "NaN or infinity"


def flaw_of_file(options: ReadOptions, leads: Mapping[str, Floats], rate_hz: float) -> str | None:
    """Rate and length of what is used of one file."""
    if rate_hz < options.slowest_hz:
        return f"{rate_hz:g} Hz, less than {options.slowest_hz:g} Hz"
    wanted = round(options.seconds * rate_hz)
    wrong = [lead for lead, values in leads.items() if len(values) != wanted]
    if not wrong:
        return None
    flaw = f"{len(leads[wrong[0]]) / rate_hz:.4g} s, not {options.seconds:g} s"
    return flaw if len(wrong) == len(leads) else f"{flaw}, in lead {names_of([lead in wrong for lead in LEADS])}"


def too_few_leads(options: QualityOptions, present: NDArray[np.bool_]) -> str | None:
    """(12,) leads that are there against `min_leads`."""
    there = int(present[INDEPENDENT].sum())
    if options.min_leads is None:
        return None if present.any() else "no lead is there"
    return f"fewer than {options.min_leads} of the eight independent leads" if there < options.min_leads else None


def flaw_of_leads(options: QualityOptions, raw: Floats, rate_hz: float) -> str | None:
    """Flat, saturated or impossible leads of one recording, (12, S) µV as recorded, NaN where a lead is missing.

    The first flaw found is told; a limit that is None is no limit.
    """
    swing = np.abs(raw - np.median(raw, axis=1, keepdims=True)).max(axis=1)
    limit = options.max_amplitude_uv
    if limit is not None and (swing > limit).any():
        return f"more than {limit / 1000:g} mV in lead {names_of(swing > limit)}"
    there = np.isfinite(swing)
    flat = there & (longest_still(raw) / rate_hz > (np.inf if options.max_flat_s is None else options.max_flat_s))
    if flat.any():
        return f"flat lead {names_of(flat)}"
    saturated = there & (share_at_rails(raw) > (np.inf if options.max_saturated is None else options.max_saturated))
    if saturated.any():
        return f"saturated lead {names_of(saturated)}"
    least = options.min_amplitude_uv
    if least is not None and there.any() and np.nanmax(swing) < least:
        return f"no lead swings by {least:g} uV: no ECG, or another unit than stated"
    return None


def longest_still(raw: Floats) -> NDArray[np.int64]:
    """(L,) int64, samples in the longest stretch of one value in each lead."""
    leads, samples = raw.shape
    longest = np.empty(leads, dtype=np.int64)
    for k in range(leads):
        changes = np.flatnonzero(np.diff(raw[k])) + 1
        edges = np.concatenate([[0], changes, [samples]])
        longest[k] = np.diff(edges).max()
    return longest


def share_at_rails(raw: Floats) -> Floats:
    """(L,) share of a lead's samples that lie at its highest or lowest value, RAIL_RUN or more in a row.

    The larger of the two ends counts. A clipped lead rests on its rail; an ordinary peak passes through.
    """
    shares = np.empty(len(raw))
    for k, lead in enumerate(raw):
        shares[k] = max(_resting(lead == lead.max()), _resting(lead == lead.min()))
    return shares


def _resting(at_rail: NDArray[np.bool_]) -> float:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], at_rail, [False]])))
    runs = edges[1::2] - edges[::2]
    return float(runs[runs >= RAIL_RUN].sum() / len(at_rail))


def names_of(chosen: Sequence[Any] | NDArray[np.bool_]) -> str:
    """The leads that are chosen; many of them are told as a number, so that reasons count well."""
    names = [lead for lead, is_chosen in zip(LEADS, chosen, strict=True) if is_chosen]
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:3])} and {len(names) - 3} more"
