"""Mean median beats of groups of participants: by genotype, and of cases and controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import LEADS


@dataclass(frozen=True)
class GenotypeBeats:
    """Median beats of the participants with 0, 1 and 2 copies of the effect allele of a locus, or of any variant (locus None).

    people   (3,) int64
    mean_uv  (3, 12, T) float64, NaN where nobody has the genotype;  half_width_uv  (3, 12, T), of the 95 % interval
    slope_uv (12, T) float64, least-squares effect of one copy, unadjusted;  slope_half_width_uv  (12, T)
    neglog10p (12, T) float64, of the slope, normal approximation; NaN where it is undefined
    decoded  representation -> (12, T) float32 µV, effect of one copy as its decoder draws it from the effects on its features
    pooled   0 or 2: a genotype of so few participants that they are counted as having one copy; None: none is
    """

    locus: int | None
    variant: str
    effect_allele: str
    other_allele: str
    times_ms: NDArray[np.float64]
    people: NDArray[np.int64]
    mean_uv: NDArray[np.float64]
    half_width_uv: NDArray[np.float64]
    slope_uv: NDArray[np.float64]
    slope_half_width_uv: NDArray[np.float64]
    neglog10p: NDArray[np.float64]
    leads: tuple[str, ...] = LEADS
    decoded: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    pooled: int | None = None


@dataclass(frozen=True)
class CaseBeats:
    """Median beats of the cases of an outcome and of controls that are matched to them by the covariates.

    trait              the one with the strongest test;  neglog10p: of its score test
    cases, controls    participants in matched sets;  unmatched: cases without a control that is near enough
    mean_uv            (2, 12, T) float64: of the cases, and of the controls of each case, averaged over cases
    half_width_uv      (2, 12, T), of the 95 % intervals of these means
    difference_uv      (12, T), mean over the sets of case minus controls;  difference_half_width_uv (12, T)
    """

    outcome: str
    analysis: str
    trait: str
    neglog10p: float
    cases: int
    controls: int
    unmatched: int
    times_ms: NDArray[np.float64]
    mean_uv: NDArray[np.float64]
    half_width_uv: NDArray[np.float64]
    difference_uv: NDArray[np.float64]
    difference_half_width_uv: NDArray[np.float64]
    leads: tuple[str, ...] = LEADS
