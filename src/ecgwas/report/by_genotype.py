"""Mean beats by genotype, for all loci in one pass over the recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ecgwas.report.mean_beats import GenotypeBeats
from ecgwas.signals import MISSING, Signals

BLOCK = 500
NORMAL_95 = 1.959964


@dataclass(frozen=True)
class LeadVariant:
    """A locus' lead variant, or any variant (locus None).

    dosage  (N,) float64, copies of the effect allele in the order of the signals, missing NaN
    pooled  0 or 2, a genotype of few participants, who count as having one copy; None: none is
    """

    locus: int | None
    variant: str
    effect_allele: str
    other_allele: str
    dosage: NDArray[np.float64]
    pooled: int | None = None


def pooled(variant: LeadVariant, min_people: int) -> LeadVariant | None:
    """The variant without a genotype of fewer people: if homozygotes are too few, they count as having one copy.

    Their mean is then neither shown nor computable from the others; the effect is that of the pooled copies, too. None where
    no two groups of that size can be formed.
    """
    copies = np.round(variant.dosage)
    people = [int((copies == k).sum()) for k in range(3)]
    rare = [k for k in (0, 2) if 0 < people[k] < min_people]
    if rare:
        copies = np.where(np.isin(copies, rare), 1.0, copies)
        people = [int((copies == k).sum()) for k in range(3)]
    if len(rare) == 2 or sum(count >= min_people for count in people) < 2 or any(0 < count < min_people for count in people):
        return None
    return replace(variant, dosage=copies, pooled=rare[0]) if rare else variant


def genotype_beats(signals: Signals, variants: Sequence[LeadVariant]) -> tuple[GenotypeBeats, ...]:
    """Mean beat of each rounded genotype and slope on the dosage, sample by sample, for each variant.

    Participants without a call are excluded from that variant. Nothing is adjusted for. Intervals and p-values are those of
    ordinary least squares with the normal distribution, valid from about 50 participants.
    """
    if not variants:
        return ()
    dosages = np.stack([variant.dosage for variant in variants], axis=1)
    sums = _sums(signals, dosages)
    return tuple(_beats_of(signals, variant, i, sums) for i, variant in enumerate(variants))


def without_missing_beats(signals: Signals, variants: Sequence[LeadVariant]) -> list[LeadVariant]:
    """The variants without the dosages of participants who lack a median beat, in one lead or all."""
    lacking = lack_beats(signals)
    return [replace(variant, dosage=np.where(lacking, np.nan, variant.dosage)) for variant in variants]


def lack_beats(signals: Signals) -> NDArray[np.bool_]:
    """(N,) True for participants whose median beat is missing in a lead."""
    doubtful = (signals.lead_status == MISSING).any(axis=1) | ~signals.normal.any(axis=1)
    return np.array([bool(doubt) and not np.isfinite(signals.beats[i]).all() for i, doubt in enumerate(doubtful)])


@dataclass(frozen=True)
class _Sums:
    """Sums per genotype: people (3, L), total and square (3, L, 12*T) of beats; weighted (L, 12*T): of dosage times beat."""

    people: NDArray[np.float64]
    total: NDArray[np.float64]
    square: NDArray[np.float64]
    weighted: NDArray[np.float64]


def _sums(signals: Signals, dosages: NDArray[np.float64]) -> _Sums:
    points = int(np.prod(signals.beats.shape[1:]))
    genotypes = np.stack([np.round(dosages) == k for k in range(3)]).astype(np.float64)  # (3, N, L)
    called = np.nan_to_num(dosages, nan=0.0)
    shape = (3, dosages.shape[1], points)
    total, square, weighted = np.zeros(shape), np.zeros(shape), np.zeros(shape[1:])
    for start in range(0, len(signals), BLOCK):
        rows = slice(start, start + BLOCK)
        beats = np.nan_to_num(np.asarray(signals.beats[rows], dtype=np.float64).reshape(-1, points), nan=0.0)
        squares = beats**2
        for k in range(3):
            total[k] += genotypes[k, rows].T @ beats
            square[k] += genotypes[k, rows].T @ squares
        weighted += called[rows].T @ beats
    return _Sums(genotypes.sum(axis=1), total, square, weighted)


def _beats_of(signals: Signals, variant: LeadVariant, i: int, sums: _Sums) -> GenotypeBeats:
    shape = signals.beats.shape[1:]
    people = sums.people[:, i]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums.total[:, i] / people[:, None]
        variance = np.maximum(sums.square[:, i] / people[:, None] - mean**2, 0) * (people / (people - 1))[:, None]
        half = NORMAL_95 * np.sqrt(variance / people[:, None])
        slope, error, neglog10p = _slope(variant.dosage, sums, i)
    return GenotypeBeats(
        variant.locus, variant.variant, variant.effect_allele, variant.other_allele, signals.beat_times_ms,
        people.astype(np.int64), mean.reshape(3, *shape), half.reshape(3, *shape), slope.reshape(shape),
        (NORMAL_95 * error).reshape(shape), neglog10p.reshape(shape), signals.leads, pooled=variant.pooled,
    )  # fmt: skip


def _slope(dosage: NDArray[np.float64], sums: _Sums, i: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Slope, its standard error and -log10 p of beat on dosage, (12*T,) each."""
    known = dosage[np.isfinite(dosage)]
    count, mean = len(known), known.mean()
    dosage_ss = float(((known - mean) ** 2).sum())
    total, square = sums.total[:, i].sum(axis=0), sums.square[:, i].sum(axis=0)
    slope = (sums.weighted[i] - mean * total) / dosage_ss
    residual_ss = np.maximum(square - total**2 / count - slope**2 * dosage_ss, 0)
    error = np.sqrt(residual_ss / (count - 2) / dosage_ss)
    # In log space: the two-sided p of 40 standard errors would be 0.
    neglog10p = -(special.log_ndtr(-np.abs(slope / error)) + np.log(2)) / np.log(10)
    return slope, error, neglog10p
