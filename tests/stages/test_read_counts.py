"""Counts of recordings by rhythm: of participants, kept and excluded, and a participant with two rhythms in both."""

from __future__ import annotations

from ecgwas.ecg.rhythms import NAMES, SINUS
from ecgwas.stages.read_counts import UNDETERMINED, counts_in_words, rhythm_counts
from ecgwas.tables import Recordings

ROWS = [
    ("1", "kept", "sinus_rhythm", ""), ("2", "kept", "sinus_rhythm, bradycardia", ""), ("3", "kept", None, ""),
    ("4", "left_out", "atrial_fibrillation, paced", "atrial fibrillation (read.rhythms.exclude)"),
    ("5", "left_out", None, "flat lead V3"), ("6", "duplicate", "sinus_rhythm", "duplicate"),
    ("7", "kept", "sinus_rhythm", ""), ("7", "kept", "sinus_rhythm", ""),
]  # fmt: skip
"""eid, status, rhythm, reason; the two rows of 7 are one-lead files."""


def recordings() -> Recordings:
    names = ("eid", "status", "rhythm", "reason")
    return Recordings.of([dict.fromkeys(Recordings.columns) | dict(zip(names, row, strict=True)) for row in ROWS])


def test_each_participant_counts_once_for_each_rhythm() -> None:
    counts = {name: (kept, excluded) for name, kept, excluded in rhythm_counts(recordings()).frame.iter_rows()}
    assert tuple(counts) == (SINUS, *NAMES, UNDETERMINED)
    some = {SINUS: (3, 0), "bradycardia": (1, 0), UNDETERMINED: (1, 0), "atrial_fibrillation": (0, 1), "paced": (0, 1)}
    assert {name: count for name, count in counts.items() if count != (0, 0)} == some


def test_counts_in_words_leave_out_what_nobody_has() -> None:
    assert counts_in_words(rhythm_counts(recordings())) == (
        "sinus_rhythm 3, atrial_fibrillation 0 (1 excluded), paced 0 (1 excluded), bradycardia 1, undetermined 1"
    )


def test_no_recordings_have_no_rhythm() -> None:
    assert rhythm_counts(Recordings.empty()).frame.select("recordings", "excluded").sum().row(0) == (0, 0)
