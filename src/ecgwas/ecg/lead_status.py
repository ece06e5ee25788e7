"""From the noise of the eight independent leads to the status of all twelve, in words, and to their median beats."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.beats import Beats
from ecgwas.ecg.lead_noise import MAD_TO_SD, LeadNoise
from ecgwas.ecg.quality import lead_list
from ecgwas.leads import DERIVED_LEADS, INDEPENDENT, LEADS, derived_lead, predict_unreliable_leads
from ecgwas.signals import ARTEFACTS, GOOD, MISSING, UNUSABLE

Floats = NDArray[np.float64]

DEVIATES_UV, DEVIATES_TIMES = 60.0, 3.0
"""III, aVR, aVL or aVF is unusable if it differs from its derivation from I and II by more than this (robust SD) and so many
times the median unexplained voltage of the independent leads."""
CONTRADICTS_SHARE, CONTRADICTS_UV, EXPLAINED_SHARE = 0.5, 50.0, 0.8
"""A limb lead contradicts I and II if its difference from its derivation exceeds this share of it and so many µV (both root
mean squares), and if I and II, neither of them noise, explain at least this share of the difference. Then leads are swapped,
or one has another scale or sign. Of independent noise in all three leads, I and II explain two thirds."""
REASONS = ("", "artefacts", "noise", "not recorded")


@dataclass(frozen=True)
class LeadStatus:
    """The status of each lead.

    status         (12,) int8, GOOD, ARTEFACTS, UNUSABLE or MISSING
    artefacts      (12,) int64
    unexplained_uv (12,) float64, robust SD of what the other leads do not explain
    contradicting  those of III, aVR, aVL and aVF that contradict I and II
    """

    status: NDArray[np.int8]
    artefacts: NDArray[np.int64]
    unexplained_uv: Floats
    contradicting: tuple[str, ...] = ()

    @classmethod
    def of(cls, noise: LeadNoise, strip: NDArray[np.float32]) -> LeadStatus:
        """From the noise of the eight leads and the cleaned strip (12, S) µV."""
        status = np.full(len(LEADS), GOOD, dtype=np.int8)
        artefacts, unexplained = np.zeros(len(LEADS), dtype=np.int64), np.zeros(len(LEADS))
        status_of_eight = np.where(noise.usable, np.where(noise.reliable, GOOD, ARTEFACTS), UNUSABLE)
        status[INDEPENDENT], artefacts[INDEPENDENT], unexplained[INDEPENDENT] = (
            status_of_eight,
            noise.artefacts,
            noise.unexplained_uv,
        )
        signal, present = strip.astype(np.float64), np.asarray(np.isfinite(strip).all(axis=1))
        usual = float(np.median(noise.unexplained_uv[noise.present])) if noise.present.any() else 0.0
        contradicting = []
        for lead in DERIVED_LEADS:
            k = LEADS.index(lead)
            if not (present[0] and present[1]):
                unexplained[k] = np.nan
                continue
            expected = derived_lead(lead, signal[0], signal[1])
            unexplained[k] = MAD_TO_SD * np.median(np.abs(signal[k] - expected))
            if present[k] and max(status[0], status[1]) < UNUSABLE and _contradicts(signal[k], expected, signal[:2]):
                contradicting.append(lead)
            wrong = unexplained[k] > max(DEVIATES_UV, DEVIATES_TIMES * usual) or lead in contradicting
            status[k] = UNUSABLE if wrong else max(status[0], status[1])
            artefacts[k] = artefacts[0] + artefacts[1]
        status[~present] = MISSING
        return cls(status, artefacts, unexplained, tuple(contradicting))

    def reason(self, lead: str) -> str:
        """Why a lead is not good; empty if it is good."""
        return "contradicts I and II" if lead in self.contradicting else REASONS[self.status[LEADS.index(lead)]]

    def without_noise(self) -> LeadStatus:
        """Every present lead counts as good."""
        return replace(self, status=np.where(self.status == MISSING, MISSING, GOOD).astype(np.int8), contradicting=())

    def with_present_leads(self, present: NDArray[np.bool_]) -> LeadStatus:
        """Leads that are `present` (12,) but were not judged count as good."""
        return replace(self, status=np.where((self.status == MISSING) & present, GOOD, self.status).astype(np.int8))

    @property
    def warning(self) -> str:
        """The unusable leads in words; empty if there is none."""
        noisy = (self.status == UNUSABLE) & ~np.isin(LEADS, self.contradicting)
        words = [f"noise in lead {lead_list(noisy)}"] if noisy.any() else []
        if self.contradicting:
            words.append(f"lead {', '.join(self.contradicting)} contradicts I and II (swapped leads, or another scale or sign)")
        return "; ".join(words)

    def with_predicted_leads(self, beats: Beats) -> Beats:
        """The beats, with the medians of unusable and missing leads predicted from three or more other leads."""
        unusable = self.status >= UNUSABLE
        if not unusable.any():
            return beats
        median, odd, even = (_predicted(beat, unusable) for beat in (beats.median, beats.odd, beats.even))
        return replace(beats, median=median, odd=odd, even=even)


def _contradicts(lead: Floats, expected: Floats, limbs: Floats) -> bool:
    """True if a lead (S,) µV differs from the lead `expected` from I and II, limbs (2, S), by more than an offset or noise."""
    difference = (lead - expected) - np.mean(lead - expected)
    size = float(np.std(difference))
    if size <= CONTRADICTS_UV or size <= CONTRADICTS_SHARE * max(np.std(lead), np.std(expected)):
        return False
    centred = limbs - limbs.mean(axis=1, keepdims=True)
    weights, *_ = np.linalg.lstsq(centred.T, difference, rcond=None)
    return bool(1 - np.var(difference - weights @ centred) / np.var(difference) > EXPLAINED_SHARE)


def _predicted(beat: Floats, unusable: NDArray[np.bool_]) -> Floats:
    out = beat.copy()
    out[INDEPENDENT] = predict_unreliable_leads(beat[INDEPENDENT], ~unusable[INDEPENDENT])
    for lead in DERIVED_LEADS:
        if unusable[LEADS.index(lead)]:
            out[LEADS.index(lead)] = derived_lead(lead, out[0], out[1])
    return out
