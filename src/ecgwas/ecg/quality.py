"""Which recordings are usable. Each check returns None, or a short reason that is the same for the same fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import INDEPENDENT, LEADS
from ecgwas.study import QualityOptions, ReadOptions

Floats = NDArray[np.float64]

MIN_SATURATED_RUN = 3
"""Equal consecutive samples at a lead's highest or lowest value that mean saturation rather than a peak."""


NOT_FINITE = "NaN or infinity"


def file_flaw(options: ReadOptions, leads: Mapping[str, Floats], rate_hz: float) -> str | None:
    """Checks rate and length of the used part of one file."""
    if rate_hz < options.slowest_hz:
        return f"{rate_hz:g} Hz, less than {options.slowest_hz:g} Hz"
    n_samples = round(options.seconds * rate_hz)
    wrong = [lead for lead, values in leads.items() if len(values) != n_samples]
    if not wrong:
        return None
    flaw = f"{len(leads[wrong[0]]) / rate_hz:.4g} s, not {options.seconds:g} s"
    return flaw if len(wrong) == len(leads) else f"{flaw}, in lead {lead_list([lead in wrong for lead in LEADS])}"


def too_few_leads(options: QualityOptions, present: NDArray[np.bool_]) -> str | None:
    """Compares the present leads (12,) with `min_leads`."""
    count = int(present[INDEPENDENT].sum())
    if options.min_leads is None:
        return None if present.any() else "no lead is present"
    return f"fewer than {options.min_leads} of the eight independent leads" if count < options.min_leads else None


def signal_flaw(options: QualityOptions, raw: Floats, rate_hz: float) -> str | None:
    """Flat, saturated or impossible leads of one recording, (12, S) µV as recorded, NaN in missing leads.

    Returns the first flaw. A limit of None is not checked.
    """
    swing = np.abs(raw - np.median(raw, axis=1, keepdims=True)).max(axis=1)
    limit = options.max_amplitude_uv
    if limit is not None and (swing > limit).any():
        return f"more than {limit / 1000:g} mV in lead {lead_list(swing > limit)}"
    present = np.isfinite(swing)
    flat = present & (longest_flat_run(raw) / rate_hz > (np.inf if options.max_flat_s is None else options.max_flat_s))
    if flat.any():
        return f"flat lead {lead_list(flat)}"
    saturated = present & (saturated_share(raw) > (np.inf if options.max_saturated is None else options.max_saturated))
    if saturated.any():
        return f"saturated lead {lead_list(saturated)}"
    lowest = options.min_amplitude_uv
    if lowest is not None and present.any() and np.nanmax(swing) < lowest:
        return f"no lead reaches {lowest:g} uV: not an ECG, or the stated unit is wrong"
    return None


def longest_flat_run(raw: Floats) -> NDArray[np.int64]:
    """(L,) int64, samples in each lead's longest run of one value."""
    leads, samples = raw.shape
    longest = np.empty(leads, dtype=np.int64)
    for k in range(leads):
        changes = np.flatnonzero(np.diff(raw[k])) + 1
        edges = np.concatenate([[0], changes, [samples]])
        longest[k] = np.diff(edges).max()
    return longest


def saturated_share(raw: Floats) -> Floats:
    """(L,) share of a lead's samples at its highest or lowest value, whichever is larger, in runs of MIN_SATURATED_RUN or more.

    A clipped lead stays at its extreme value; an ordinary peak passes through it.
    """
    shares = np.empty(len(raw))
    for k, lead in enumerate(raw):
        shares[k] = max(_share_in_runs(lead == lead.max()), _share_in_runs(lead == lead.min()))
    return shares


def _share_in_runs(at_rail: NDArray[np.bool_]) -> float:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], at_rail, [False]])))
    runs = edges[1::2] - edges[::2]
    return float(runs[runs >= MIN_SATURATED_RUN].sum() / len(at_rail))


def lead_list(chosen: Sequence[Any] | NDArray[np.bool_]) -> str:
    """The chosen leads as text; beyond three only their number, so that reasons remain few."""
    names = [lead for lead, is_chosen in zip(LEADS, chosen, strict=True) if is_chosen]
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:3])} and {len(names) - 3} more"
