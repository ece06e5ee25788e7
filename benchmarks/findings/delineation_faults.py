"""Delineation of abnormal hearts and faulty recordings, against the true onsets and ends of simulated waves.

    python -m benchmarks.findings.delineation_faults [--people N] [--seed S] [--only FAULT ...] [--quick]

Hearts are those of `benchmarks.hearts` (not of `ecgwas.simulate`): noise of single leads, swapped and misplaced electrodes,
mains, bundle branch blocks, pacing, pre-excitation, low T, U and J waves, fibrillation and flutter, ectopic beats, 30 to 220
beats per minute. Recordings are cleaned, beats found and delineated as in stage `read`. A true point is found if a measured one
lies within 150 ms; bias and SD are those of measured minus true. Points in the first and last half second of a recording are
not scored. All beats count, ectopic ones too. Without a true wave (P in fibrillation), sensitivity does not exist (nan), and
false_per_100 says how many points are found for 100 beats where there are none.

    BEATS fault=<x> of=<beats> sensitivity=<%> ppv=<%> without=<recordings without beats>
    ROBUSTNESS fault=<x> fiducial=<x> bias=<ms> sd=<ms> sensitivity=<%> ppv=<%> false_per_100=<n>

True onsets follow the model's definition (2.2 SDs from a Gaussian's peak), so that a bias shared by all faults (`plain`) is one
of definition. --quick: 6 people, a few faults.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.findings.delineation import RATE_HZ, STEP_MS, Score, match, measured
from benchmarks.findings.delineation_marks import ENDS
from benchmarks.hearts import KINDS, Recordings, draw
from benchmarks.record import recorded
from ecgwas.ecg.beats import find_beats
from ecgwas.ecg.clean import highpass
from ecgwas.study import BeatOptions

Floats = NDArray[np.float64]

FAULTS = tuple(name for name, kind in KINDS.items() if kind.model == "waves")
QUICK = ("plain", "noise_v2_v5", "swapped_arms", "paced", "fibrillation", "rate_30", "rate_180")
EDGE_MS, LENGTH_MS = 500.0, 10_000.0
SPAN_MS = (EDGE_MS, LENGTH_MS - EDGE_MS)


class Scores:
    """Agreement of the beats and of each fiducial point of one fault."""

    def __init__(self) -> None:
        self.beats = Score()
        self.points = {name: Score() for name in ENDS}
        self.without = 0
        self.true_beats = 0

    def add(self, strip: NDArray[np.float32], r_ms: Floats, true: Floats) -> None:
        """Adds a recording (12, S) µV as recorded, with true R peaks (B,) and fiducial points (B, 7), ms from its start."""
        clean = highpass(strip.astype(np.float64), cutoff_hz=0.5, order=2, rate_hz=RATE_HZ).astype(np.float32)
        search = find_beats(BeatOptions(), clean, RATE_HZ)
        self.without += search.beats is None
        self.true_beats += int(((r_ms >= SPAN_MS[0]) & (r_ms <= SPAN_MS[1])).sum())
        beats = search.beats
        found = np.empty((0, true.shape[1])) if beats is None else measured(clean, beats, search.noise.reliable)
        match(np.empty(0) if beats is None else beats.r_samples * STEP_MS, r_ms, SPAN_MS, self.beats)
        for name, (_, _, column) in ENDS.items():
            match(_known(found[:, column]), _known(true[:, column]), SPAN_MS, self.points[name])

    def lines(self, fault: str) -> Iterator[str]:
        """The lines to print."""
        sensitivity, ppv = shares(self.beats)
        yield (
            f"BEATS fault={fault} of={self.true_beats} sensitivity={sensitivity:.1f} ppv={ppv:.1f} without={self.without}"
        )  # fmt: skip
        for name, score in self.points.items():
            sensitivity, ppv = shares(score)
            bias, sd = (np.mean(score.errors), np.std(score.errors)) if score.errors else (np.nan, np.nan)
            false = 100 * score.invented / max(1, self.true_beats)
            yield (
                f"ROBUSTNESS fault={fault} fiducial={name} bias={bias:.1f} sd={sd:.1f} sensitivity={sensitivity:.1f} "
                f"ppv={ppv:.1f} false_per_100={false:.1f}"
            )


def shares(score: Score) -> tuple[float, float]:
    """Sensitivity and positive predictive value in %; NaN if there is no true point, or none was found."""
    found = len(score.errors)
    true, measured_points = found + score.missed, found + score.invented
    return (100 * found / true if true else np.nan, 100 * found / measured_points if measured_points else np.nan)


def _known(times: Floats) -> Floats:
    return times[np.isfinite(times) & (times >= 0) & (times <= LENGTH_MS)]


def scores_of(recordings: Recordings) -> Scores:
    """Agreement over all recordings of a fault."""
    scores = Scores()
    for strip, r_samples, true in zip(recordings.noisy_uv, recordings.r_samples, recordings.fiducials_ms, strict=True):
        scores.add(strip, r_samples[r_samples >= 0] * STEP_MS, true[r_samples >= 0])
    return scores


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--people", type=int, default=30, help="of each fault; the same hearts for all")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--only", nargs="+", choices=FAULTS, metavar="FAULT", help=", ".join(FAULTS))
    ask.add_argument("--quick", action="store_true", help="6 people, a few faults")
    given = ask.parse_args()
    people, faults = (6, QUICK) if given.quick else (given.people, FAULTS)
    for fault in given.only or faults:
        scores = scores_of(draw(fault, people, given.seed).first)
        print("\n".join(scores.lines(fault)), flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
