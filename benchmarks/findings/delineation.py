"""Onsets and ends of P, QRS and T against a cardiologist's annotation of LUDB (Kalyakulina et al., IEEE Access 8:186181, 2020).

    python -m benchmarks.findings.delineation --ludb DIR [--quick]

DIR contains LUDB's data/*.hea, *.dat and one annotation file per lead. Each detected beat is compared with the cardiologist's
annotation of that beat. ecgwas judges all leads together and assigns a beat one onset and one end. The reference is therefore
the median over the leads in which the wave is annotated (at least six). An annotated point is found if a measured one lies
within 150 ms; the error is measured minus annotated. PPV counts points between the first and last annotation of the recording.
The table before the last lines contains the same errors for two halves of the participants, and against each lead's own
annotation, which differs between leads. --quick takes every fourth participant.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import recorded
from ecgwas.delineation.single_beats import REGULAR, fiducials_of_beats, fiducials_of_median
from ecgwas.ecg.beats import Beats, find_beats, window_samples
from ecgwas.ecg.clean import highpass
from ecgwas.leads import INDEPENDENT, LEADS, predict_unreliable_leads
from ecgwas.study import BeatOptions
from tests.ecg.wfdb_files import read_signals, read_waves

Floats = NDArray[np.float64]
RATE_HZ = 500.0
STEP_MS = 1000 / RATE_HZ
WITHIN_MS = 150.0
ENDS = {"P_on": ("p", 0, 0), "P_off": ("p", 2, 2), "QRS_on": ("N", 0, 3), "QRS_off": ("N", 2, 4), "T_off": ("t", 2, 6)}
"""Name -> kind of wave in the annotation, column of the annotated points, column of the fiducials."""
APART_MS = {"p": 100.0, "N": 100.0, "t": 150.0}
LEAST_LEADS = 6


@dataclass
class Score:
    """Errors (ms) of the points found, number missed, and number of false ones."""

    errors: list[float] = field(default_factory=list)
    missed: int = 0
    invented: int = 0

    def line(self) -> str:
        found = len(self.errors)
        return (
            f"mean={np.mean(self.errors):.1f} sd={np.std(self.errors):.1f} "
            f"sensitivity={100 * found / (found + self.missed):.1f} ppv={100 * found / (found + self.invented):.1f}"
        )


def marks_of(record: Path) -> dict[str, Floats]:
    """Kind -> (W, L + 1, 3) ms: onset, peak, end of each wave in each lead (NaN: none); last row: median over leads."""
    found = {}
    for kind, apart in APART_MS.items():
        marks = [
            (w.peak, k, w.onset, w.offset)
            for k, lead in enumerate(LEADS)
            for w in read_waves(record.with_suffix(f".{lead.lower()}"))
            if w.kind == kind
        ]
        found[kind] = _by_wave(sorted(marks), apart / STEP_MS)
    return found


def _by_wave(marks: list[tuple[int, int, int, int]], apart: float) -> Floats:
    waves: list[list[tuple[int, int, int, int]]] = []
    for mark in marks:
        if waves and mark[0] - np.median([peak for peak, *_ in waves[-1]]) < apart / 2:
            waves[-1].append(mark)
        else:
            waves.append([mark])
    rows = []
    for wave in waves:
        table = np.full((len(LEADS) + 1, 3), np.nan)
        for peak, lead, onset, offset in wave:
            table[lead] = [x * STEP_MS if x >= 0 else np.nan for x in (onset, peak, offset)]
        if np.isfinite(table[:, 1]).sum() >= LEAST_LEADS:
            table[-1] = np.nanmedian(table[:-1], axis=0)
            rows.append(table)
    return np.array(rows).reshape(-1, len(LEADS) + 1, 3)


def measured(strip: NDArray[np.float32], beats: Beats, reliable: NDArray[np.bool_] | None = None) -> Floats:
    """(B, 7) ms from the start of the recording.

    reliable (8,): independent leads without noise; the others are predicted from them, as in stage `read`. None: all are.
    """
    reliable = np.ones(len(INDEPENDENT), dtype=bool) if reliable is None else reliable
    before, after = window_samples(BeatOptions(), RATE_HZ)
    times_ms = np.arange(-before, after) * STEP_MS
    median = predict_unreliable_leads(beats.median[INDEPENDENT], reliable)
    eight = predict_unreliable_leads(strip[INDEPENDENT].astype(np.float64), reliable)
    padded = np.pad(eight, ((0, 0), (before, after)), mode="edge")
    cut = np.stack([padded[:, r : r + before + after] for r in beats.r_samples])
    intervals = np.diff(beats.r_samples) * STEP_MS
    rr_ms, regular = float(np.median(intervals)), bool(intervals.std() <= REGULAR * intervals.mean())
    found = fiducials_of_median(median, cut[beats.normal], times_ms, rr_ms, regular=regular)
    return fiducials_of_beats(cut, beats.normal, median, found, times_ms) + beats.r_samples[:, None] * STEP_MS


def compare(found: Floats, marks: dict[str, Floats], lead: int, score: dict[str, Score]) -> None:
    """Adds a recording's agreement with the annotation of `lead` (-1: median over leads)."""
    every = np.concatenate([table[:, lead].ravel() for table in marks.values()])
    if not np.isfinite(every).any():
        return
    first, last = np.nanmin(every), np.nanmax(every)
    for name, (kind, mark, column) in ENDS.items():
        true = marks[kind][:, lead, mark]
        here = found[:, column]
        match(here[np.isfinite(here) & (here >= 0)], true[np.isfinite(true)], (first, last), score[name])


def match(here: Floats, true: Floats, span: tuple[float, float], score: Score) -> None:
    """Adds the agreement of the points found (F,) with the true ones (T,), ms. True points outside the span explain points
    found, but are not scored."""
    used = np.zeros(len(here), dtype=bool)
    for when in true:
        scored = span[0] <= when <= span[1]
        nearest = int(np.abs(here - when).argmin()) if len(here) else -1
        if nearest < 0 or abs(here[nearest] - when) > WITHIN_MS:
            score.missed += scored
            continue
        used[nearest] = True
        if scored:
            score.errors.append(float(here[nearest] - when))
    score.invented += int(((here >= span[0]) & (here <= span[1]) & ~used).sum())


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--ludb", type=Path, required=True, help="folder of LUDB, or its data folder")
    ask.add_argument("--quick", action="store_true")
    given = ask.parse_args()
    folder = given.ludb / "data" if (given.ludb / "data").is_dir() else given.ludb
    records = sorted(folder.glob("*.hea"), key=lambda path: int(path.stem))
    if not records:
        sys.exit(f"no LUDB records (*.hea) in {folder}")
    records = records[::4] if given.quick else records
    scores = {name: {end: Score() for end in ENDS} for name in ("all", "odd people", "even people", "each lead alone")}
    seconds, without = 0.0, []
    for i, record in enumerate(records):
        strip = highpass(read_signals(record), cutoff_hz=0.5, order=2, rate_hz=RATE_HZ).astype(np.float32)
        beats = find_beats(BeatOptions(), strip, RATE_HZ).beats
        if beats is None:
            without.append(record.stem)
            continue
        start = time.process_time()
        found = measured(strip, beats)
        seconds += time.process_time() - start
        marks = marks_of(record)
        compare(found, marks, -1, scores["all"])
        compare(found, marks, -1, scores["odd people" if i % 2 == 0 else "even people"])
        for lead in range(len(LEADS)):
            compare(found, marks, lead, scores["each lead alone"])
    print(f"{len(records)} people, {len(without)} without beats ({', '.join(without) or 'none'})")
    print(f"{1000 * seconds / len(records):.1f} ms CPU per recording for all its beats")
    for name in ("odd people", "even people", "each lead alone"):
        for end, score in scores[name].items():
            print(f"{name:<16} {end:<8} {score.line()}")
    for end, score in scores["all"].items():
        print(f"DELINEATION {end} {score.line()}")


if __name__ == "__main__":
    recorded(main, __file__)
