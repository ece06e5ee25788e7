"""What `draw` returns: hearts with their true parameters, and their recordings with true fiducial points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import LEADS
from ecgwas.signals import FIDUCIAL_POINTS

Floats = NDArray[np.float64]

RATE_HZ = 500.0
SECONDS = 10.0
SAMPLES = int(RATE_HZ * SECONDS)


@dataclass(frozen=True)
class DrawnHearts:
    """Hearts of N people.

    names         P names of parameters, units in the names
    values        (N, P) float64, nothing missing; the parameters that the recordings were made of
    lead_vectors  (N, 8, 3) float64, µV in I, II, V1 to V6 per µV of the heart vector (left, down, back)
    judged        names of the parameters that a representation may be asked for: those of the heart, without noise, breathing
                  and parameters that this kind of heart does not show (P in atrial fibrillation)
    """

    kind: str
    names: tuple[str, ...]
    values: Floats
    lead_vectors: Floats
    judged: tuple[str, ...]

    def __post_init__(self) -> None:
        people = len(self.values)
        if self.values.shape != (people, len(self.names)) or self.lead_vectors.shape != (people, 8, 3):
            raise ValueError(f"values {self.values.shape} and lead vectors {self.lead_vectors.shape} do not fit")
        unknown = set(self.judged) - set(self.names)
        if unknown:
            raise ValueError(f"no such parameter: {', '.join(sorted(unknown))}")

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> Floats:
        """(N,) one parameter of all people."""
        column: Floats = self.values[:, self.names.index(name)]
        return column

    def person(self, i: int) -> dict[str, float]:
        """The parameters of person i by name."""
        return dict(zip(self.names, self.values[i].tolist(), strict=True))

    @property
    def truth(self) -> Floats:
        """(N, J) the judged parameters, in the order of `judged`."""
        return np.column_stack([self[name] for name in self.judged])


@dataclass(frozen=True)
class Recordings:
    """Ten seconds of N people at 500 Hz; S = 5000.

    noisy_uv, clean_uv  (N, 12, S) float32 µV in the order of `ecgwas.leads.LEADS`; noisy_uv is rounded to 5 µV
    r_samples           (N, B) int32, ascending, -1 after the last;  ectopic (N, B) bool
    fiducials_ms        (N, B, 7) float64, ms from the start of the recording, in the order of FIDUCIAL_POINTS; NaN for a wave
                        that the beat does not have, and for all points of beats after the last. Points before the start or
                        after the end of the recording are kept. All NaN for the kind `own`, whose simulator does not return
                        them.
    """

    noisy_uv: NDArray[np.float32]
    clean_uv: NDArray[np.float32]
    r_samples: NDArray[np.int32]
    ectopic: NDArray[np.bool_]
    fiducials_ms: Floats


@dataclass(frozen=True)
class Recording:
    """One person's recording: as `Recordings`, without the first dimension."""

    noisy_uv: NDArray[np.float32]
    clean_uv: NDArray[np.float32]
    r_samples: NDArray[np.int32]
    ectopic: NDArray[np.bool_]
    fiducials_ms: Floats


@dataclass(frozen=True)
class Drawn:
    """Hearts, recorded twice: same hearts and leads, another rhythm and other noise."""

    hearts: DrawnHearts
    first: Recordings
    second: Recordings


def stacked(recordings: list[Recording]) -> Recordings:
    """Recordings of all people; beats are padded to the largest number of beats."""
    people, beats = len(recordings), max((len(one.r_samples) for one in recordings), default=0)
    peaks = np.full((people, beats), -1, dtype=np.int32)
    ectopic = np.zeros((people, beats), dtype=bool)
    points = np.full((people, beats, len(FIDUCIAL_POINTS)), np.nan)
    for i, one in enumerate(recordings):
        count = len(one.r_samples)
        peaks[i, :count], ectopic[i, :count], points[i, :count] = one.r_samples, one.ectopic, one.fiducials_ms
    shape = (people, len(LEADS), SAMPLES)
    noisy, clean = (
        np.array([getattr(one, name) for one in recordings], dtype=np.float32).reshape(shape)
        for name in ("noisy_uv", "clean_uv")
    )
    return Recordings(noisy, clean, peaks, ectopic, points)
