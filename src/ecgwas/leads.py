"""The twelve standard leads: their names and order, and how each follows from others.

Only eight leads are independent: III, aVR, aVL and aVF follow from I and II by Einthoven's and Goldberger's equations. Every
package that needs an equation between leads takes it from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIMB_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF")
CHEST_LEADS = ("V1", "V2", "V3", "V4", "V5", "V6")
LEADS = (*LIMB_LEADS, *CHEST_LEADS)
"""Standard order."""
INDEPENDENT_LEADS = ("I", "II", *CHEST_LEADS)
INDEPENDENT = [LEADS.index(lead) for lead in INDEPENDENT_LEADS]
"""Positions of the eight independent leads among the twelve: `signal[INDEPENDENT]`."""
DERIVED_LEADS = ("III", "aVR", "aVL", "aVF")
ALL_LEADS = "12L"
"""The lead name of a feature, or of a file, of all leads together."""

FROM_I_AND_II = {
    "I": (1.0, 0.0), "II": (0.0, 1.0), "III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0),
}  # fmt: skip
"""Limb lead -> its weights on I and II (Einthoven 1912, Goldberger 1942)."""

_DOWER = {
    "I": (0.632, -0.235, 0.059), "II": (0.235, 1.066, -0.132), "V1": (-0.515, 0.157, -0.917), "V2": (0.044, 0.164, -1.387),
    "V3": (0.882, 0.098, -1.277), "V4": (1.213, 0.127, -0.601), "V5": (1.125, 0.127, -0.086), "V6": (0.831, 0.076, 0.230),
}  # fmt: skip
DOWER = np.array([_DOWER[lead] for lead in INDEPENDENT_LEADS])
"""(8, 3): I, II, V1-V6 from the heart vector, X (left), Y (down), Z (back): Dower, Machado and Osborne,
Clin Cardiol 3:87, and Dower et al., J Electrocardiol 13:253 (1980)."""


def derived_lead(lead: str, lead_i: NDArray[Any], lead_ii: NDArray[Any]) -> NDArray[Any]:
    """III = II - I, aVR = -(I + II)/2, aVL = I - II/2 or aVF = II - I/2; shape, dtype and unit are those of I and II."""
    on_i, on_ii = FROM_I_AND_II[lead]
    result: NDArray[Any] = on_i * lead_i + on_ii * lead_ii
    return result


def twelve_from_eight(eight: NDArray[Any]) -> NDArray[Any]:
    """(..., 12, S) in the order of LEADS from (..., 8, S), the independent leads; any floating dtype and unit."""
    lead_i, lead_ii = eight[..., 0, :], eight[..., 1, :]
    limbs = [lead_i, lead_ii, *(derived_lead(lead, lead_i, lead_ii) for lead in DERIVED_LEADS)]
    return np.concatenate([np.stack(limbs, axis=-2), eight[..., 2:, :]], axis=-2)


def twelve_leads(leads: Mapping[str, NDArray[np.float64]], *, derive: bool = True) -> NDArray[np.float64]:
    """(12, S) in the order of LEADS from named leads of one length, at least one; NaN for a lead neither given nor derived.

    A given lead is kept as it is. Missing limb leads are derived from I and II. If I or II is missing too, both are first
    estimated from all given limb leads, of which there must be two (least squares; exact where the leads obey Einthoven's and
    Goldberger's equations). Without `derive`, nothing is derived.
    """
    missing = np.full(len(next(iter(leads.values()))), np.nan)
    limbs = {lead: values for lead, values in leads.items() if lead in FROM_I_AND_II}
    i_and_ii = _leads_i_and_ii(limbs) if derive else None
    rows = []
    for lead in LEADS:
        if lead in leads or lead not in FROM_I_AND_II or i_and_ii is None:
            rows.append(leads.get(lead, missing))
            continue
        rows.append(derived_lead(lead, *i_and_ii))
    return np.stack(rows)


def _leads_i_and_ii(limbs: Mapping[str, NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """I and II from the given limb leads; None if these do not determine both."""
    if "I" in limbs and "II" in limbs:
        return limbs["I"], limbs["II"]
    if len(limbs) < 2:
        return None
    weights = np.array([FROM_I_AND_II[lead] for lead in limbs])
    lead_i, lead_ii = np.linalg.pinv(weights) @ np.stack(list(limbs.values()))
    return limbs.get("I", lead_i), limbs.get("II", lead_ii)


def predict_unreliable_leads(eight: NDArray[np.float64], reliable: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(8, ...) independent leads, those that are not reliable (8,) replaced by a prediction from the reliable ones.

    The heart vector is fitted to the reliable leads by least squares. Returns `eight` itself if all leads are reliable, or
    fewer than three.
    """
    if reliable.all() or reliable.sum() < 3:
        return eight
    weights = DOWER[~reliable] @ np.linalg.pinv(DOWER[reliable])
    out = eight.copy()
    out[~reliable] = np.tensordot(weights, eight[reliable], axes=1)
    return out
