"""Rhythms found by stage `read` against labels of cardiologists and simulated rhythms.

    python -m benchmarks.findings.rhythms --ptbxl DIR --ludb DIR --qtdb DIR [--quick]

ptbxl_develop, ptbxl_confirm  the people of PTB-XL (Wagner et al., Sci Data 7:154, 2020) in two halves: limits that no source
                              states were chosen on the first, every second person by number, and only applied to the second
ludb                          LUDB (Kalyakulina et al., IEEE Access 8:186181, 2020): rhythms of its headers; not used for
                              choices
hearts                        benchmarks.hearts: simulated fibrillation, flutter, pacing, pre-excitation, blocks, ectopic beats
qtdb                          QTDB (Laguna et al., Comput Cardiol 24:673, 1997): two leads; the ten seconds with most annotated
                              P waves of each record in which every annotated beat has one, so that neither fibrillation nor
                              flutter nor absent P waves are right

A rhythm is compared with the labels of LABELS. Intervals are exact binomial ones (95 %). `none` without cases. --quick takes
every fourth recording and five hearts of each kind. Without a folder its data are not judged.
"""

from __future__ import annotations

import argparse
import ast
import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly
from scipy.stats import binomtest

from benchmarks.hearts import draw
from benchmarks.record import recorded
from ecgwas.ecg.beats import find_beats
from ecgwas.ecg.reading import resampled_and_cleaned
from ecgwas.ecg.rhythms import NAMES, Finding, rhythm_of
from ecgwas.ecg.rhythms.rules import FAST_BPM, FREQUENT, SLOW_BPM
from ecgwas.leads import LEADS
from ecgwas.study import ReadOptions
from tests.ecg.wfdb_files import read_marks, read_signals

Floats = NDArray[np.float64]
OPTIONS = ReadOptions(recordings=Path())
RATE_HZ = OPTIONS.rate_hz
ANY_ECTOPY, ANY_BROAD = "ectopic_beats", "any_broad_qrs"
"""At least one ectopic beat, and any of the three names of a broad QRS; everything else is a name of `read.rhythms`."""
BROAD = ("left_bundle_branch_block", "right_bundle_branch_block", "broad_qrs")

PTBXL: Mapping[str, Collection[str]] = {
    "atrial_fibrillation": {"AFIB"}, "atrial_flutter": {"AFLT"}, "paced": {"PACE"}, "pre_excitation": {"WPW"},
    "left_bundle_branch_block": {"CLBBB"}, "right_bundle_branch_block": {"CRBBB"}, ANY_BROAD: {"CLBBB", "CRBBB"},
    "first_degree_av_block": {"1AVB", "LPR"}, "bradycardia": {"SBRAD"}, "tachycardia": {"STACH", "SVTAC", "PSVT"},
    ANY_ECTOPY: {"PVC", "PAC", "BIGU", "TRIGU", "extra beats"},
}  # fmt: skip
LUDB: Mapping[str, Collection[str]] = {
    "atrial_fibrillation": {"Rhythm: Atrial fibrillation"}, "atrial_flutter": {"Rhythm: Atrial flutter"},
    "paced": {"UNIpolar", "BIpolar", "Biventricular pacing"}, "left_bundle_branch_block": {"Complete left bundle"},
    "right_bundle_branch_block": {"Complete right bundle"}, ANY_BROAD: {"Complete left", "Complete right"},
    "first_degree_av_block": {"I degree AV block"}, "bradycardia": {"Rhythm: Sinus bradycardia"},
    "tachycardia": {"Rhythm: Sinus tachycardia"}, ANY_ECTOPY: {"Ventricular extrasystole", "Atrial extrasystole"},
}  # fmt: skip
"""Name -> beginnings of the header's lines."""
HEARTS: Mapping[str, Collection[str]] = {
    "atrial_fibrillation": {"fibrillation"}, "atrial_flutter": {"flutter", "changing_flutter"}, "paced": {"paced"},
    "pre_excitation": {"pre_excited"}, "high_degree_av_block": {"complete_av_block", "two_to_one_av_block"},
    "left_bundle_branch_block": {"left_block"}, "right_bundle_branch_block": {"right_block"},
    "first_degree_av_block": {"long_pr"}, "bradycardia": {"rate_45"}, "tachycardia": {"rate_150"},
    ANY_ECTOPY: {"ventricular_beats", "atrial_beats"},
}  # fmt: skip
"""Name -> kinds of hearts."""
FALSE_ON_QTDB = ("atrial_fibrillation", "atrial_flutter", "no_p_waves", "paced")
FIBRILLATION_WORDS = ("vorhofflimmern", "rmaksflimmer", "atrial fibrillation")
"""PTB-XL: in the report of some recordings without the code AFIB."""
HEARTS_OF_A_KIND = 40
QTDB_HZ, WFDB_GAIN = 250.0, 200.0
"""A header's gain of 0 means 200 (WFDB's header(5))."""
JUDGED_ON: Mapping[str, Collection[str]] = {
    "ptbxl_develop": PTBXL, "ptbxl_confirm": PTBXL, "ludb": LUDB, "hearts": {*HEARTS, "frequent_ectopy"}, "qtdb": FALSE_ON_QTDB,
}  # fmt: skip
NAMED = (*NAMES, ANY_BROAD, ANY_ECTOPY)


@dataclass(frozen=True)
class Judged:
    """A recording: the labels it has, by the keys of a mapping as above, and what was found."""

    labels: frozenset[str]
    finding: Finding

    def has(self, name: str) -> bool:
        """True if the rhythm was found."""
        if name == ANY_ECTOPY:
            return bool(self.finding.ectopic.any())
        return any(one in self.finding.names for one in (BROAD if name == ANY_BROAD else (name,)))


def judged(signals: Floats) -> Finding:
    """The rhythm of (12, S) µV at RATE_HZ, NaN in missing leads, as stage `read` judges it."""
    raw, strip = resampled_and_cleaned(OPTIONS, signals, RATE_HZ)
    search = find_beats(OPTIONS.beats, strip, RATE_HZ)
    return rhythm_of(OPTIONS, raw, strip, search)


def line(name: str, data: str, recordings: list[Judged]) -> str:
    """`RHYTHM name data=... positives=... of=... sensitivity=% (low-high) specificity=% (low-high)`."""
    found = np.array([one.has(name) for one in recordings])
    true = np.array([name in one.labels for one in recordings])
    shares = [_share(int((found & true).sum()), int(true.sum())), _share(int((~found & ~true).sum()), int((~true).sum()))]
    return (
        f"RHYTHM {name} data={data} positives={int(true.sum())} of={len(recordings)} sensitivity={shares[0]} "
        f"specificity={shares[1]}"
    )


def _share(seen: int, of: int) -> str:
    """`93.8 (69.8-99.8)`: per cent with the exact binomial interval."""
    if of == 0:
        return "none (-)"
    interval = binomtest(seen, of).proportion_ci(method="exact")
    return f"{100 * seen / of:.1f} ({100 * interval.low:.1f}-{100 * interval.high:.1f})"


def ptbxl(folder: Path, every: int) -> Iterator[tuple[str, Judged]]:
    """Half and recording. Halves alternate over people by their number."""
    with (folder / "ptbxl_database.csv").open(encoding="utf-8") as file:
        about = {Path(row["filename_hr"]).name: row for row in csv.DictReader(file)}
    paths = sorted(folder.glob("records500/*/*.hea"))
    people = sorted({float(about[path.stem]["patient_id"]) for path in paths})
    half = {person: ("ptbxl_develop", "ptbxl_confirm")[k % 2] for k, person in enumerate(people)}
    for path in paths[::every]:
        row = about[path.stem]
        codes = set(ast.literal_eval(row["scp_codes"])) | ({"extra beats"} if row["extra_beats"].strip() else set())
        codes |= {"AFIB"} if any(word in row["report"].lower() for word in FIBRILLATION_WORDS) else set()
        labels = frozenset(name for name, wanted in PTBXL.items() if codes & set(wanted))
        yield half[float(row["patient_id"])], Judged(labels, judged(read_signals(path)))


def ludb(folder: Path, every: int) -> Iterator[Judged]:
    """Its people, in the order of their numbers."""
    for path in sorted((folder / "data").glob("*.hea"), key=lambda path: int(path.stem))[::every]:
        lines = [text[1:].strip() for text in path.read_text().splitlines() if text.startswith("#")]
        labels = frozenset(
            name for name, starts in LUDB.items() if any(text.startswith(start) for text in lines for start in starts)
        )
        yield Judged(labels, judged(read_signals(path)))


def hearts(people: int) -> Iterator[Judged]:
    """So many of each kind. Rate and frequent ectopic beats are labelled by the simulated beats, whatever the kind."""
    kinds = [*dict.fromkeys(kind for of_name in HEARTS.values() for kind in sorted(of_name)), "plain", "late_r", "notched"]
    for kind in kinds:
        drawn = draw(kind, people, seed=1)
        for peaks, ectopic, signals in zip(drawn.first.r_samples, drawn.first.ectopic, drawn.first.noisy_uv, strict=True):
            inside = peaks >= 0
            rate = 60 * RATE_HZ / float(np.diff(peaks[inside]).mean())
            is_labelled = {name: kind in of_name for name, of_name in HEARTS.items()} | {
                "frequent_ectopy": float(ectopic[inside].mean()) >= FREQUENT,
                "bradycardia": rate < SLOW_BPM, "tachycardia": rate > FAST_BPM,
            }  # fmt: skip
            labels = frozenset(name for name, is_true in is_labelled.items() if is_true)
            yield Judged(labels, judged(signals.astype(np.float64)))


def qtdb(folder: Path, every: int) -> Iterator[Judged]:
    """Ten seconds of each record; no labels: none of FALSE_ON_QTDB is right where every annotated beat has a P wave."""
    for path in sorted(folder.glob("*.hea"))[::every]:
        start = _seconds_with_p(path.with_suffix(".q1c"))
        if start is not None:
            yield Judged(frozenset(), judged(_two_leads(path, start)))


def _seconds_with_p(annotation: Path) -> float | None:
    """Start of the ten seconds with most annotated P waves, s; None if an annotated beat of the record lacks one."""
    marks = [(sample / QTDB_HZ, symbol) for sample, symbol in read_marks(annotation)]
    p, qrs = (np.array([when for when, symbol in marks if symbol == wanted]) for wanted in ("p", "N"))
    if len(p) < len(qrs) or len(qrs) == 0:
        return None
    counts = [((p >= when) & (p < when + OPTIONS.seconds)).sum() for when in p]
    return float(p[int(np.argmax(counts))] - 1.0)


def _two_leads(header: Path, start_s: float) -> Floats:
    """(12, S) µV at RATE_HZ: the record's two leads as II and V2, the others NaN. Format 212 (docs of WFDB, signal(5))."""
    lines = [text.split() for text in header.read_text().splitlines()[1:3]]
    raw = np.fromfile(header.with_suffix(".dat"), dtype=np.uint8).reshape(-1, 3).astype(np.int64)
    counts = np.stack([raw[:, 0] | (raw[:, 1] & 0x0F) << 8, raw[:, 2] | (raw[:, 1] & 0xF0) << 4])
    counts -= 4096 * (counts > 2047)
    first = max(0, round(start_s * QTDB_HZ))
    signals = np.full((len(LEADS), round(OPTIONS.seconds * RATE_HZ)), np.nan)
    for lead, row, fields in zip(("II", "V2"), counts, lines, strict=True):
        gain, zero = float(fields[2].split("(")[0]) or WFDB_GAIN, float(fields[4])
        piece = (row[first : first + round(OPTIONS.seconds * QTDB_HZ)] - zero) / gain * 1000
        signals[LEADS.index(lead)] = resample_poly(piece, round(RATE_HZ / QTDB_HZ), 1)
    return signals


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("ptbxl", "ludb", "qtdb"):
        ask.add_argument(f"--{name}", type=Path, help=f"folder of {name.upper()}")
    ask.add_argument("--quick", action="store_true")
    given = ask.parse_args()
    every = 4 if given.quick else 1
    recordings: dict[str, list[Judged]] = {}
    if given.ptbxl is not None:
        recordings = {half: [] for half in ("ptbxl_develop", "ptbxl_confirm")}
        for half, one in ptbxl(given.ptbxl, every):
            recordings[half].append(one)
    if given.ludb is not None:
        recordings["ludb"] = list(ludb(given.ludb, every))
    recordings["hearts"] = list(hearts(5 if given.quick else HEARTS_OF_A_KIND))
    if given.qtdb is not None:
        recordings["qtdb"] = list(qtdb(given.qtdb, every))
    for data, of_data in recordings.items():
        without = sum(not one.finding.names for one in of_data)
        print(f"{data}: {len(of_data)} recordings, {without} without a rhythm (too few beats)")
    for name in NAMED:
        for data, of_data in recordings.items():
            if name in JUDGED_ON[data]:
                print(line(name, data, of_data))


if __name__ == "__main__":
    recorded(main, __file__)
