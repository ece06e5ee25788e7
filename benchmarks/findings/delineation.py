"""Onsets and ends of P, QRS and T against cardiologists' marks in LUDB and the QT Database (see `delineation_marks`).

    python -m benchmarks.findings.delineation [--ludb DIR] [--qtdb DIR] [--folds FOLDER] [--peers PYTHON] [--quick]

DIR contains the database's records and annotation files. Each recording (in the QT Database: pieces of 10 s around the marked
beats) is cleaned, and its beats are found and delineated as in stage `read`. A marked point is found if a measured one lies
within 150 ms; the error is measured minus marked. PPV counts points between the first and last mark of the recording or piece.

    DELINEATION <point> data=<x> convention=<x> mean=<ms> sd=<ms> sensitivity=<%> ppv=<%>

global    LUDB: one onset and one end of a beat, against the median over the leads in which the wave is marked (at least six)
          QTDB: the same, from both leads, against the annotator q1c, who looked at both leads
per_lead  LUDB: each of the twelve leads' own points against the marks of this lead, every marked beat (the papers' convention)
          QTDB: each lead delineated alone; of its two leads the one nearer to the mark counts (Martinez et al., IEEE Trans
          Biomed Eng 51:570, 2004)

With `folds=5`, each person is delineated by a network that was trained without them and a fifth of the others; FOLDER is
written by `benchmarks.findings.delineation_training`. Without, the network is the one that is installed, which has seen
these people of LUDB. `method=`: another program on the same recordings, lead by lead, its median over leads in the global
convention (--peers; see `delineation_peers`). Further lines:

    QT data=qtdb mean=<ms> sd=<ms> of=<beats>     QT of each marked beat
    ANNOTATORS <point> data=qtdb mean=<ms> sd=<ms> of=<points>     q2c minus q1c

--quick takes every fourth recording.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.findings import delineation_peers
from benchmarks.findings.delineation_marks import ENDS, LUDB_HZ, Marked, Marks, ludb, qtdb
from benchmarks.record import recorded
from ecgwas.delineation.network import Network
from ecgwas.delineation.single_beats import REGULAR, fiducials_by_lead, fiducials_of_beats, fiducials_of_median
from ecgwas.ecg.beats import Beats, find_beats, window_samples
from ecgwas.ecg.clean import highpass
from ecgwas.leads import INDEPENDENT, LEADS, predict_unreliable_leads
from ecgwas.study import BeatOptions

Floats = NDArray[np.float64]
RATE_HZ = LUDB_HZ
STEP_MS = 1000 / RATE_HZ
WITHIN_MS = 150.0


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


@dataclass(frozen=True)
class Delineated:
    """Points of a recording in ms from its start: together (B, 7), by_lead L times (B, 7), in the order of Fiducials'
    fields."""

    together: Floats
    by_lead: Sequence[Floats]


def clean_strip(strip: Floats, rate_hz: float) -> NDArray[np.float32]:
    """(12, S) µV without baseline from (12, S), or from (2, S), which take the places of I and II; the other leads are
    missing."""
    clean = highpass(strip, cutoff_hz=0.5, order=2, rate_hz=rate_hz).astype(np.float32)
    whole = np.full((len(LEADS), strip.shape[1]), np.nan, dtype=np.float32)
    whole[: len(clean)] = clean
    return whole


def measured(
    strip: NDArray[np.float32],
    beats: Beats,
    reliable: NDArray[np.bool_] | None = None,
    *,
    rate_hz: float = RATE_HZ,
    leads: Sequence[int] = INDEPENDENT,
    network: Network | None = None,
) -> Floats:
    """(B, 7) ms from the start of the recording.

    reliable (8,): independent leads without noise; the others are predicted from them, as in stage `read`. None: all are.
    """
    return _measured(strip, beats, reliable, rate_hz, leads, network, of_leads=None).together


def _measured(
    strip: NDArray[np.float32], beats: Beats, reliable: NDArray[np.bool_] | None, rate_hz: float, leads: Sequence[int],
    network: Network | None, of_leads: Sequence[int] | None,
) -> Delineated:  # fmt: skip
    """Also the points of each of the leads of_leads, if given."""
    step_ms = 1000 / rate_hz
    before, after = window_samples(BeatOptions(), rate_hz)
    times_ms = np.arange(-before, after) * step_ms
    median, eight = beats.median[leads], strip[leads].astype(np.float64)
    if reliable is not None:
        median, eight = (predict_unreliable_leads(part, reliable) for part in (median, eight))
    padded = np.pad(eight, ((0, 0), (before, after)), mode="edge")
    cut = np.stack([padded[:, r : r + before + after] for r in beats.r_samples])
    intervals = np.diff(beats.r_samples) * step_ms
    rr_ms, regular = float(np.median(intervals)), bool(intervals.std() <= REGULAR * intervals.mean())
    found = fiducials_of_median(median, cut[beats.normal], times_ms, rr_ms, regular=regular, network=network)
    together = fiducials_of_beats(cut, beats.normal, median, found, times_ms, network) + beats.r_samples[:, None] * step_ms
    if of_leads is None:
        return Delineated(together, ())
    own = fiducials_by_lead(beats.median[of_leads], found, times_ms, rr_ms, network)
    later = own - np.array(astuple(found))
    return Delineated(together, together + np.where(beats.normal[None, :, None], later[:, None], 0.0))


class Scores:
    """Agreement by convention and point, and errors of QT, over recordings."""

    def __init__(self) -> None:
        self.points = {convention: {name: Score() for name in ENDS} for convention in ("global", "per_lead")}
        self.qt: list[float] = []
        self.without: list[str] = []

    def add(self, recording: Marked, found: Delineated, *, one_row_is_a_beat: bool = True) -> None:
        """Adds a recording. QT is known only of rows that are beats."""
        compare(found.together, recording.together, self.points["global"])
        if one_row_is_a_beat:
            self.qt += qt_errors(found.together, recording.together)
        if not recording.by_lead:
            best_of_two(found.by_lead, recording.together, self.points["per_lead"])
        for lead, marks in enumerate(recording.by_lead):
            compare(found.by_lead[lead], marks, self.points["per_lead"])

    def lines(self, data: str, words: str = "") -> Iterator[str]:
        """The lines to print."""
        for convention, scores in self.points.items():
            for name, score in scores.items():
                if score.errors:
                    yield f"DELINEATION {name} data={data} convention={convention}{words} {score.line()}"
        if data == "qtdb" and self.qt:
            yield f"QT data={data}{words} mean={np.mean(self.qt):.1f} sd={np.std(self.qt):.1f} of={len(self.qt)}"


def compare(found: Floats, marks: Marks, scores: dict[str, Score]) -> None:
    """Adds the agreement of points found (B, 7) with marks, between the first and the last mark."""
    every = np.concatenate(list(marks.values()))
    if not len(every):
        return
    for name, (_, _, column) in ENDS.items():
        match(_known(found[:, column]), marks[name], (every.min(), every.max()), scores[name])


def best_of_two(by_lead: Sequence[Floats], marks: Marks, scores: dict[str, Score]) -> None:
    """Adds, for each mark, the nearer of the points of the two leads (2, B, 7); a point of one lead is false if both are."""
    every = np.concatenate(list(marks.values()))
    for name, (_, _, column) in ENDS.items():
        ours = [_known(lead[:, column]) for lead in by_lead]
        merged = [
            min(
                (lead[np.abs(lead - when).argmin()] for lead in ours if len(lead)),
                key=lambda time: abs(time - when),
                default=np.inf,
            )
            for when in marks[name]
        ]
        false = min(ours, key=lambda lead: _false(lead, marks[name]).size)
        points = np.unique(np.concatenate([[time for time in merged if np.isfinite(time)], _false(false, marks[name])]))
        match(points, marks[name], (every.min(), every.max()), scores[name])


def _false(times: Floats, true: Floats) -> Floats:
    return times[[not len(true) or np.abs(true - time).min() > WITHIN_MS for time in times]]


def qt_errors(found: Floats, marks: Marks) -> list[float]:
    """Measured minus marked QT of the beats with both marks, ms."""
    errors = []
    for on in marks["QRS_on"]:
        ends = marks["T_off"][(marks["T_off"] > on) & (marks["T_off"] < on + 700)]
        ours = found[np.abs(found[:, 3] - on) <= WITHIN_MS]
        if len(ends) and len(ours) and np.isfinite(ours[0, 6]):
            errors.append(float(ours[0, 6] - ours[0, 3] - (ends[0] - on)))
    return errors


def _known(times: Floats) -> Floats:
    return times[np.isfinite(times) & (times >= 0)]


def delineated(recording: Marked, network: Network | None = None) -> Delineated | None:
    """What ecgwas finds; None without beats."""
    strip = clean_strip(recording.strip, recording.rate_hz)
    beats = find_beats(BeatOptions(), strip, recording.rate_hz).beats
    if beats is None:
        return None
    rate_hz = recording.rate_hz
    if len(recording.strip) == len(LEADS):
        return _measured(strip, beats, None, rate_hz, INDEPENDENT, network, of_leads=range(len(LEADS)))
    together = measured(strip, beats, rate_hz=rate_hz, leads=[0, 1], network=network)
    alone = [measured(strip, beats, rate_hz=rate_hz, leads=[lead], network=network) for lead in (0, 1)]
    return Delineated(together, alone)


def networks_of(folder: Path) -> tuple[Callable[[str], Network], int]:
    """For a person the network that was trained without them, and the number of folds; from the files in `folder`."""
    folds = [Network.load(path) for path in sorted(folder.glob("fold*.safetensors"))]
    if not folds:
        sys.exit(f"no fold*.safetensors in {folder}: python -m benchmarks.findings.delineation_training --out {folder}")
    of_person = {name: network for network in folds for name in json.loads(network.notes["left_out"])}
    return of_person.__getitem__, len(folds)


def scored(recordings: list[Marked], find: Callable[[Marked], Delineated | None]) -> Scores:
    """Agreement over recordings."""
    scores = Scores()
    for recording in recordings:
        found = find(recording)
        if found is None:
            scores.without.append(recording.name)
        else:
            scores.add(recording, found)
    return scores


def scores_of_peers(recordings: list[Marked], python: Path) -> dict[str, Scores]:
    """Agreement of each method of `delineation_peers`."""
    strips = [clean_strip(recording.strip, recording.rate_hz)[: len(recording.strip)] for recording in recordings]
    points = delineation_peers.points_of(python, strips, [recording.rate_hz for recording in recordings])
    scores = {}
    for method in delineation_peers.METHODS:
        scores[method] = Scores()
        for k, recording in enumerate(recordings):
            leads = range(len(recording.strip))
            by_lead = [{name: points[f"{method}.{k}.{lead}.{name}"] for name in ENDS} for lead in leads]
            joined = {name: delineation_peers.together([lead[name] for lead in by_lead]) for name in ENDS}
            scores[method].add(
                recording, Delineated(_columns(joined), [_columns(lead) for lead in by_lead]), one_row_is_a_beat=False
            )
    return scores


def _columns(points: Marks) -> Floats:
    """(B, 7) in the order of Fiducials' fields, NaN after the last of each kind; points of one row need not be of one beat."""
    table = np.full((max(1, *(len(times) for times in points.values())), 7), np.nan)
    for name, (_, _, column) in ENDS.items():
        table[: len(points[name]), column] = points[name]
    return table


def annotators(recordings: list[Marked]) -> Iterator[str]:
    """The second annotator of the QT Database against the first, where both marked a beat."""
    scores = {name: Score() for name in ENDS}
    for recording in recordings:
        if recording.second:
            for name in ENDS:
                match(recording.second[name], recording.together[name], (-np.inf, np.inf), scores[name])
    for name, score in scores.items():
        if score.errors:
            yield (
                f"ANNOTATORS {name} data=qtdb mean={np.mean(score.errors):.1f} sd={np.std(score.errors):.1f} "
                f"of={len(score.errors)}"
            )


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--ludb", type=Path, help="folder of LUDB, or its data folder")
    ask.add_argument("--qtdb", type=Path, help="folder of the QT Database")
    ask.add_argument("--folds", type=Path, help="networks trained without a fifth of LUDB's people each")
    ask.add_argument("--peers", type=Path, help="a Python with neurokit2 and openecg, for their lines")
    ask.add_argument("--quick", action="store_true")
    given = ask.parse_args()
    if given.ludb is None and given.qtdb is None:
        ask.error("--ludb or --qtdb is needed")
    every = slice(None, None, 4 if given.quick else 1)
    for data, folder, read in (("ludb", given.ludb, ludb), ("qtdb", given.qtdb, qtdb)):
        if folder is None:
            continue
        recordings = list(read(folder))[every]
        if not recordings:
            sys.exit(f"no records of {data} in {folder}")
        report(data, recordings, given.folds, given.peers)


def report(data: str, recordings: list[Marked], folds: Path | None, peers: Path | None) -> None:
    """Prints the lines of one database."""
    start = time.process_time()
    scores = scored(recordings, delineated)
    milliseconds = 1000 * (time.process_time() - start) / len(recordings)
    without = ", ".join(scores.without) or "none"
    print(f"{data}: {len(recordings)} recordings, without beats: {without}; {milliseconds:.0f} ms CPU each")
    print("\n".join(scores.lines(data)), flush=True)
    if data == "ludb" and folds is not None:
        network_of, count = networks_of(folds)
        left_out = scored(recordings, lambda recording: delineated(recording, network_of(recording.name)))
        print("\n".join(left_out.lines(data, f" folds={count}")), flush=True)
    if data == "qtdb":
        print("\n".join(annotators(recordings)), flush=True)
    if peers is not None:
        for method, of_peer in scores_of_peers(recordings, peers).items():
            print("\n".join(of_peer.lines(data, f" method={method}")), flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
