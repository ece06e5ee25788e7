"""Reads the WFDB files of test data: format-16 signals and MIT annotations (https://physionet.org/physiotools/wag/)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import LEADS

SYMBOL = {1: "N", 24: "p", 27: "t", 39: "(", 40: ")"}
SKIP, NUM, SUB, CHN, AUX = 59, 60, 61, 62, 63


@dataclass(frozen=True)
class Wave:
    """One wave of one lead, samples; onset and offset are -1 where the cardiologist set none."""

    kind: str
    onset: int
    peak: int
    offset: int


def read_signals(header: Path) -> NDArray[np.float64]:
    """(12, S) µV in the standard order of leads."""
    lines = header.read_text().splitlines()
    channels = int(lines[0].split()[1])
    counts = np.fromfile(header.with_suffix(".dat"), dtype="<i2").reshape(-1, channels).T
    signals = {}
    for row, line in zip(counts, lines[1 : channels + 1], strict=True):
        fields = line.split()
        gain, baseline = re.match(r"([\d.]+)(?:\((-?\d+)\))?", fields[2]).groups()
        signals[fields[-1].lower()] = (row - float(baseline or 0)) / float(gain) * 1000
    return np.stack([signals[lead.lower()] for lead in LEADS])


def read_marks(path: Path) -> list[tuple[int, str]]:
    """(sample, symbol) of an annotation file."""
    words = np.fromfile(path, dtype="<u2")
    marks, sample, i = [], 0, 0
    while i < len(words):
        code, step = int(words[i]) >> 10, int(words[i]) & 0x3FF
        i += 1
        if code == 0 and step == 0:
            break
        if code == SKIP:
            sample += (int(words[i]) << 16) + int(words[i + 1])
            i += 2
        elif code == AUX:
            i += (step + 1) // 2
        elif code not in (NUM, SUB, CHN):
            sample += step
            marks.append((sample, SYMBOL.get(code, str(code))))
    return marks


def read_waves(path: Path) -> list[Wave]:
    """P (p), QRS (N) and T (t) of one lead, in time."""
    waves = []
    marks = read_marks(path)
    for k, (sample, symbol) in enumerate(marks):
        if symbol not in ("p", "N", "t"):
            continue
        onset = marks[k - 1][0] if k > 0 and marks[k - 1][1] == "(" else -1
        offset = marks[k + 1][0] if k + 1 < len(marks) and marks[k + 1][1] == ")" else -1
        waves.append(Wave(symbol, onset, sample, offset))
    return waves
