"""The vectorcardiogram: the heart vector on three axes from eight leads, and the angles used in electrocardiography."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import INDEPENDENT_LEADS, derived_lead

Floats = NDArray[np.float64]

_BY_LEAD = {
    "V1": (-0.172, 0.057, -0.229), "V2": (-0.074, -0.019, -0.310), "V3": (0.122, -0.106, -0.246),
    "V4": (0.231, -0.022, -0.063), "V5": (0.239, 0.041, 0.055), "V6": (0.194, 0.048, 0.108),
    "I": (0.156, -0.227, 0.022), "II": (-0.010, 0.887, 0.102),
}  # fmt: skip
INVERSE_DOWER = np.array([_BY_LEAD[lead] for lead in INDEPENDENT_LEADS]).T
"""(3, 8): X (left), Y (down), Z (back) from I, II, V1-V6: Edenbrandt and Pahlm, J Electrocardiol 21:361 (1988)."""


def frontal_axis_deg(one_uv: Floats, two_uv: Floats) -> Floats:
    """Frontal axis in degrees, -180 to 180, from net deflections in leads I and II: 0 points left (I), 90 down (aVF).

    aVF = II - I/2 is multiplied by 2/sqrt(3), because Goldberger's leads are shorter than Einthoven's.
    """
    down = derived_lead("aVF", one_uv, two_uv) * (2 / np.sqrt(3))
    axis: Floats = np.degrees(np.arctan2(down, one_uv))
    return axis


def circular_mean_deg(angles: Floats) -> float:
    """Mean direction of angles in degrees, ignoring missing ones (NaN); 0 if there is none."""
    known = np.radians(angles[np.isfinite(angles)])
    if len(known) == 0:
        return 0.0
    return float(np.degrees(np.arctan2(np.sin(known).mean(), np.cos(known).mean())))


def around(angles: Floats, centre: float) -> Floats:
    """The same angles counted from centre - 180 to centre + 180, so that no two neighbours lie 360 degrees apart."""
    return centre + (angles - centre + 180.0) % 360.0 - 180.0
