"""All measurements of one recording on which its rhythm is judged, each made when a rule first asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ecgwas.ecg.rhythms.atria import Atria, p_coherence
from ecgwas.ecg.rhythms.conduction import Conduction, conduction
from ecgwas.ecg.rhythms.ectopy import Ectopy, ectopy
from ecgwas.ecg.rhythms.heartbeats import Floats, Heartbeats
from ecgwas.ecg.rhythms.pacing import MIN_HEIGHT_UV, spikes_of_beats


@dataclass(frozen=True)
class Evidence:
    """The measurements of one recording."""

    heart: Heartbeats

    @property
    def beats(self) -> int:
        """All beats that were found."""
        return len(self.heart.peaks)

    @cached_property
    def irregularity(self) -> float:
        """RMSSD over mean of RR between successive beats of the usual shape; NaN for fewer than two differences."""
        return float(np.sqrt(np.mean(self._steps**2))) if len(self._steps) > 1 else float("nan")

    @cached_property
    def usual_step(self) -> float:
        """Median change of RR from one interval to the next, over mean RR, of the same intervals."""
        return float(np.median(np.abs(self._steps))) if len(self._steps) > 1 else float("nan")

    @cached_property
    def _steps(self) -> Floats:
        """Changes from one RR interval to the next, over mean RR, between beats of the usual shape."""
        same, rr = self.heart.same_shape, self.heart.rr_ms.copy()
        rr[~(same[1:] & same[:-1])] = np.nan
        steps = np.diff(rr)
        return steps[np.isfinite(steps)] / np.nanmean(rr) if np.isfinite(steps).any() else np.empty(0)

    @cached_property
    def coherence(self) -> float:
        """`atria.p_coherence`."""
        return p_coherence(self.heart)

    @property
    def has_p(self) -> bool:
        """True if the median beat has a P wave that the normal beats share."""
        return bool(np.isfinite(self.heart.fiducials.p_peak))

    @cached_property
    def atria(self) -> Atria:
        """What is left between the beats."""
        return Atria.of(self.heart)

    @cached_property
    def conduction(self) -> Conduction:
        """`conduction.conduction`."""
        return conduction(self.heart)

    @cached_property
    def ectopy(self) -> Ectopy:
        """`ectopy.ectopy`."""
        return ectopy(self.heart)

    @cached_property
    def paced_beats(self) -> int:
        """Beats that follow a pacing spike."""
        heights, _ = spikes_of_beats(self.heart)
        return int((heights >= MIN_HEIGHT_UV).sum())
