"""What the noise of the eight independent leads means for all twelve: their status, in words, and their median beats."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.beats import EIGHT, Beats
from ecgwas.ecg.lead_noise import MAD_TO_SD, LeadNoise
from ecgwas.ecg.quality import names_of
from ecgwas.ecg.recording import DERIVED, derived
from ecgwas.signals import ARTEFACTS, GOOD, LEADS, MISSING, UNUSABLE, filled

Floats = NDArray[np.float64]

DIFFERENT_UV, DIFFERENT_TIMES = 60.0, 3.0
"""III, aVR, aVL or aVF is unusable where it lies so far (robust SD) from what I and II make of it, and so many times the median
of what is unexplained in the independent leads."""
REASONS = ("", "artefacts", "noise", "not recorded")


@dataclass(frozen=True)
class LeadStatus:
    """status (12,) int8, GOOD, ARTEFACTS or UNUSABLE;  artefacts (12,) int64;  unexplained_uv (12,) float64, robust SD of what
    the other leads do not explain."""

    status: NDArray[np.int8]
    artefacts: NDArray[np.int64]
    unexplained_uv: Floats

    @classmethod
    def of(cls, noise: LeadNoise, strip: NDArray[np.float32]) -> LeadStatus:
        """From the noise of the eight leads and the cleaned strip (12, S) µV."""
        status = np.full(len(LEADS), GOOD, dtype=np.int8)
        artefacts, unexplained = np.zeros(len(LEADS), dtype=np.int64), np.zeros(len(LEADS))
        of_eight = np.where(noise.usable, np.where(noise.reliable, GOOD, ARTEFACTS), UNUSABLE)
        status[EIGHT], artefacts[EIGHT], unexplained[EIGHT] = of_eight, noise.artefacts, noise.unexplained_uv
        signal, present = strip.astype(np.float64), np.asarray(np.isfinite(strip).all(axis=1))
        usual = float(np.median(noise.unexplained_uv[noise.present])) if noise.present.any() else 0.0
        for lead in DERIVED:
            k = LEADS.index(lead)
            if not (present[0] and present[1]):
                unexplained[k] = np.nan
                continue
            unexplained[k] = MAD_TO_SD * np.median(np.abs(signal[k] - derived(lead, signal[0], signal[1])))
            status[k] = UNUSABLE if unexplained[k] > max(DIFFERENT_UV, DIFFERENT_TIMES * usual) else max(status[0], status[1])
            artefacts[k] = artefacts[0] + artefacts[1]
        status[~present] = MISSING
        return cls(status, artefacts, unexplained)

    def without_noise(self) -> LeadStatus:
        """Every lead that is there counts as good."""
        return replace(self, status=np.where(self.status == MISSING, MISSING, GOOD).astype(np.int8))

    def with_leads(self, there: NDArray[np.bool_]) -> LeadStatus:
        """Leads (12,) that are there and were not judged count as good."""
        return replace(self, status=np.where((self.status == MISSING) & there, GOOD, self.status).astype(np.int8))

    @property
    def doubt(self) -> str:
        """The unusable leads in words; empty without any."""
        unusable = self.status == UNUSABLE
        return f"noise in lead {names_of(unusable)}" if unusable.any() else ""

    def completed(self, beats: Beats) -> Beats:
        """The beats with the median of each unusable or missing lead replaced by what three or more other leads say of it."""
        unusable = self.status >= UNUSABLE
        if not unusable.any():
            return beats
        median, odd, even = (_completed(beat, unusable) for beat in (beats.median, beats.odd, beats.even))
        return replace(beats, median=median, odd=odd, even=even)


def _completed(beat: Floats, unusable: NDArray[np.bool_]) -> Floats:
    out = beat.copy()
    out[EIGHT] = filled(beat[EIGHT], ~unusable[EIGHT])
    for lead in DERIVED:
        if unusable[LEADS.index(lead)]:
            out[LEADS.index(lead)] = derived(lead, out[0], out[1])
    return out
