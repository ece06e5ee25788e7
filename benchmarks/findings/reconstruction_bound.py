"""What limits the reconstruction of real beats: the noise of the beats, the number of features, the number of participants.

    python -m benchmarks.findings.reconstruction_bound --study STUDY.yaml [--quick]

STUDY.yaml is a study whose stage `read` has run. A tenth of the participants are held out. Principal components (unscaled, of
beats without alignment and aligned wave by wave) are fitted to a quarter, a half and all of the others, and reconstruct those
held out. Lines: `NOISE halves_r=<r> mae_uv=<x>` (median beats of odd and of even beats; the noise of the median of all) and
`CURVE align=<a> features=<n> people=<n> r=<r> mae_uv=<x>`: mean over participants and the eight independent leads.
--quick omits the aligned beats.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import recorded
from ecgwas import represent
from ecgwas.leads import INDEPENDENT
from ecgwas.represent.inputs import split_participants
from ecgwas.signals import Signals
from ecgwas.stages import read
from ecgwas.study import Pca, Study

Beats = NDArray[np.float32]
FEATURES = (32, 64, 128)


def mean_r(first: Beats, second: Beats) -> float:
    """Mean over participants and leads of the correlation over samples of (N, C, T)."""
    a, b = (beats - beats.mean(axis=2, keepdims=True) for beats in (first, second))
    return float(np.mean((a * b).sum(axis=2) / np.sqrt(np.square(a).sum(axis=2) * np.square(b).sum(axis=2))))


def print_noise(signals: Signals) -> None:
    odd, even = (np.asarray(half.beats)[:, INDEPENDENT] for half in signals.odd_and_even)
    # The halves differ by the noise of both; half of that difference remains in their mean.
    print(f"NOISE halves_r={mean_r(odd, even):.4f} mae_uv={np.abs(odd - even).mean() / 2:.1f}")


def print_curve(signals: Signals, align: Literal["none", "waves"]) -> None:
    split = split_participants(len(signals), 0.1, 1, validation=False)
    others, order = signals.select(split.test), np.random.default_rng(1).permutation(split.train)
    true = np.asarray(others.beats)[:, INDEPENDENT]
    for people in (len(order) // 4, len(order) // 2, len(order)):
        known = signals.select(order[:people])
        for features in (count for count in FEATURES if count < 0.9 * people):
            options = Pca(name="pca", features=features, scaling="none", align=align)
            encoder = represent.fit(options, known, seed=1)
            decoded = encoder.decode(encoder.encode(others))
            assert decoded is not None
            again = decoded[:, INDEPENDENT]
            error = f"r={mean_r(true, again):.4f} mae_uv={np.abs(again - true).mean():.1f}"
            print(f"CURVE align={align} features={features} people={people} {error}", flush=True)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--study", type=Path, required=True, help="study.yaml whose stage read has run")
    ask.add_argument("--quick", action="store_true", help="without aligned beats")
    given = ask.parse_args()
    signals = read.load_signals(Study.read_file(given.study))
    print_noise(signals)
    print_curve(signals, "none")
    if not given.quick:
        print_curve(signals, "waves")


if __name__ == "__main__":
    recorded(main, __file__)
