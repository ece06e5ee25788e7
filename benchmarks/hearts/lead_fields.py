"""Lead fields: how the heart vector appears in I, II, V1 to V6, by published matrices and for torsos that differ.

Kors          Kors, van Herpen, Sittig and van Bemmel, Eur Heart J 11:1083 (1990): regression of X, Y, Z on the eight leads. Its
              pseudoinverse, the shortest lead vectors from which it recovers X, Y, Z, gives leads that differ from
              Dower's by 8 (V6) to 58 degrees (V5)
Dower         Dower, Machado and Osborne, Clin Cardiol 3:87 (1980), as in `ecgwas.leads`; the simulator's leads. The inverse
              Dower matrix of Edenbrandt and Pahlm, J Electrocardiol 21:361 (1988), is its pseudoinverse: the same leads.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import DOWER, INDEPENDENT_LEADS

Floats = NDArray[np.float64]

_KORS = {
    "I": (0.38, -0.07, 0.11), "II": (-0.07, 0.93, -0.23), "V1": (-0.13, 0.06, -0.43), "V2": (0.05, -0.02, -0.06),
    "V3": (-0.01, -0.05, -0.14), "V4": (0.14, 0.06, -0.20), "V5": (0.06, -0.17, -0.11), "V6": (0.54, 0.13, 0.31),
}  # fmt: skip
KORS = np.array([_KORS[lead] for lead in INDEPENDENT_LEADS]).T
"""(3, 8): X (left), Y (down), Z (back) from I, II, V1-V6."""

FIELDS: Mapping[str, Floats] = {"dower": DOWER, "kors": np.linalg.pinv(KORS)}
"""Name -> (8, 3) mean lead vectors."""

HIGH_CHEST_DEG, HIGH_CHEST_GAIN = 30.0, 0.9
"""V1 and V2 placed too high: their lead vectors point further up and are shorter. Chosen, not published: enough for a deeper or
inverted P and T in V1."""


def lead_vectors(field: str, people: int, rng: np.random.Generator, *, spread: float) -> Floats:
    """(N, 8, 3) lead vectors of `people` torsos.

    spread: root mean square departure of each lead's vector from the mean vector, as a share of the mean vector's length
    (0.25: 25 %), equal in all directions and independent between leads.
    """
    mean = FIELDS[field]
    lengths = np.linalg.norm(mean, axis=1)[:, None]
    departures: Floats = mean + spread / np.sqrt(3) * lengths * rng.standard_normal((people, *mean.shape))
    return departures


def with_high_v1_v2(vectors: Floats) -> Floats:
    """(N, 8, 3) lead vectors with V1 and V2 placed one to two interspaces too high: turned up by HIGH_CHEST_DEG."""
    angle = np.deg2rad(HIGH_CHEST_DEG)
    moved = vectors.copy()
    for lead in ("V1", "V2"):
        vector = vectors[:, INDEPENDENT_LEADS.index(lead)]
        length = np.linalg.norm(vector, axis=1, keepdims=True)
        up = np.broadcast_to([0.0, -1.0, 0.0], vector.shape)
        normal = up - (up * vector).sum(axis=1, keepdims=True) * vector / length**2
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        turned = np.cos(angle) * vector + np.sin(angle) * length * normal
        moved[:, INDEPENDENT_LEADS.index(lead)] = HIGH_CHEST_GAIN * turned
    return moved
