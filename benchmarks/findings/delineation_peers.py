"""Other delineators on the same recordings, run by another Python: they are no dependencies of ecgwas.

    python3 -m venv /tmp/delineators; /tmp/delineators/bin/pip install neurokit2 openecg onnxruntime
    python -m benchmarks.findings.delineation --ludb DIR --peers /tmp/delineators/bin/python

neurokit2  `ecg_delineate` (dwt) of each lead, after its `ecg_clean`, at its own R peaks
openecg    the codec that its wheel contains, of each lead; it was trained on LUDB and the QT Database, so its errors here
           are those of people whom it has seen

They judge each lead on its own. In the global convention the median over the leads that have a point within 75 ms of each
other, at least half of them, is compared.

This file is also the program that the other Python runs: `delineation_peers.py IN.npz OUT.npz`, with leads `0`, `1`, ... (L,
S) in µV and `rates` in Hz, returns points `<method>.<recording>.<lead>.<point>` in ms.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

METHODS = ("neurokit2", "openecg")
ENDS = ("P_on", "P_off", "QRS_on", "QRS_off", "T_off")
TOGETHER_MS = 75.0
OPENECG_HZ = 500
OPENECG_WAVES = ("nothing", "P", "T", "QRS")


def points_of(python: Path, strips: list[Any], rates: list[float]) -> dict[str, Any]:
    """What the methods find: `<method>.<recording>.<lead>.<point>` -> (M,) ms; strips (L, S) µV."""
    with tempfile.TemporaryDirectory() as folder:
        sent, back = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(sent, rates=np.array(rates), **{str(k): strip for k, strip in enumerate(strips)})
        subprocess.run([python, __file__, sent, back], check=True)
        with np.load(back) as found:
            return dict(found)


def together(by_lead: list[Any]) -> Any:
    """(M,) medians of points (of each lead, ms) that lie within TOGETHER_MS of their neighbour, in at least half of the
    leads."""
    every = np.sort(np.concatenate(by_lead))
    groups = np.split(every, np.flatnonzero(np.diff(every) > TOGETHER_MS) + 1)
    return np.array([np.median(group) for group in groups if len(group) >= max(1, len(by_lead) / 2)])


def neurokit2_points(lead: Any, rate_hz: float) -> dict[str, Any]:
    import neurokit2  # type: ignore[import-not-found]

    names = {"P_on": "ECG_P_Onsets", "P_off": "ECG_P_Offsets", "QRS_on": "ECG_R_Onsets", "QRS_off": "ECG_R_Offsets",
             "T_off": "ECG_T_Offsets"}  # fmt: skip
    clean = neurokit2.ecg_clean(lead, sampling_rate=int(rate_hz))
    _, peaks = neurokit2.ecg_peaks(clean, sampling_rate=int(rate_hz))
    _, waves = neurokit2.ecg_delineate(clean, peaks["ECG_R_Peaks"], sampling_rate=int(rate_hz), method="dwt")
    return {end: np.array(waves[name], dtype=float) * 1000 / rate_hz for end, name in names.items()}


def openecg_points(lead: Any, rate_hz: float) -> dict[str, Any]:
    import openecg  # type: ignore[import-not-found]

    samples = np.arange(0, len(lead) / rate_hz, 1 / OPENECG_HZ)
    at_its_rate = np.interp(samples, np.arange(len(lead)) / rate_hz, lead)
    kinds = np.clip(openecg.encode(at_its_rate, fs=OPENECG_HZ, model=openecg.load_codec_onnx()).unified, 0, 3)
    found: dict[str, list[float]] = {end: [] for end in ENDS}
    edges = np.flatnonzero(np.diff(kinds)) + 1
    for start, stop in zip(np.append(0, edges), np.append(edges, len(kinds)), strict=True):
        wave = OPENECG_WAVES[kinds[start]]
        for end, sample in ((f"{wave}_on", start), (f"{wave}_off", stop)):
            if end in found:
                found[end].append(sample * 1000 / OPENECG_HZ)
    return {end: np.array(times) for end, times in found.items()}


def answer(sent: Path, back: Path) -> None:
    """Runs in the other Python."""
    with np.load(sent) as leads:
        strips = [leads[str(k)] for k in range(len(leads["rates"]))]
        rates = leads["rates"]
    found = {}
    for method, points in (("neurokit2", neurokit2_points), ("openecg", openecg_points)):
        for k, (strip, rate_hz) in enumerate(zip(strips, rates, strict=True)):
            for lead, signal in enumerate(strip):
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        of_lead = points(signal, float(rate_hz))
                except (ValueError, IndexError, KeyError, TypeError, ZeroDivisionError) as error:
                    print(f"{method}: nothing in lead {lead} of recording {k}: {error!r}", file=sys.stderr)
                    of_lead = {}
                for end in ENDS:
                    times = of_lead.get(end, np.empty(0))
                    found[f"{method}.{k}.{lead}.{end}"] = times[np.isfinite(times)]
    np.savez(back, **found)


if __name__ == "__main__":
    answer(Path(sys.argv[1]), Path(sys.argv[2]))
