"""Effects of three methods of baseline removal on ST and T: a figure and numbers, from simulated hearts with known truth.

python -m benchmarks.findings.baseline_picture [docs/baseline.svg] [--quick]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray

from benchmarks.record import recorded
from ecgwas.ecg.beats import find_beats, window_samples
from ecgwas.ecg.clean import remove_baseline
from ecgwas.leads import LEADS
from ecgwas.simulate import draw_hearts, simulate_signals
from ecgwas.study import BeatOptions, HighPass, MovingAverage, Untouched

matplotlib.use("Agg")
from matplotlib import pyplot as plt

PEOPLE, SEED, RATE_HZ = 100, 1, 500.0
LEAD = LEADS.index("V3")
METHODS = {
    "as recorded": (Untouched(), "0.6"),
    "high-pass 0.5 Hz, zero-phase (default)": (HighPass(), "#1f6fb4"),
    "moving average 0.5 s (published preset)": (MovingAverage(), "#c8431a"),
}
Beat = NDArray[np.float64]


def beat_of(method: HighPass | MovingAverage | Untouched, strip: NDArray[np.float32]) -> Beat | None:
    """(12, T) median beat after one method of cleaning, with the PQ segment at zero."""
    cleaned = remove_baseline(method, strip, rate_hz=RATE_HZ).astype(np.float32)
    beats = find_beats(BeatOptions(), cleaned, RATE_HZ).beats
    return None if beats is None else beats.median


def measures(beat: Beat, r_sample: int) -> tuple[float, float]:
    """µV in V3: the value 110 ms after R (ST), and the largest value from 160 to 420 ms after R (T)."""
    return float(beat[LEAD, r_sample + 55]), float(beat[LEAD, r_sample + 80 : r_sample + 210].max())


def main() -> None:
    """Draws participant 1 and prints the errors of all participants."""
    ask = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    ask.add_argument("target", type=Path, nargs="?", default=Path(__file__).resolve().parents[2] / "docs" / "baseline.svg")
    ask.add_argument("--quick", action="store_true", help="ten people, and no picture")
    given = ask.parse_args()
    people = 10 if given.quick else PEOPLE
    simulated = simulate_signals(draw_hearts(people, np.random.default_rng(SEED)), np.random.default_rng(SEED))
    r_sample, _ = window_samples(BeatOptions(), RATE_HZ)
    truths = [beat_of(Untouched(), clean) for clean in simulated.clean_uv]
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    print(f"{people} simulated people, V3, difference from the noise-free beat, µV: mean ± SD over people")
    for name, (method, colour) in METHODS.items():
        beats = [beat_of(method, noisy) for noisy in simulated.noisy_uv]
        pairs = [(b, t) for b, t in zip(beats, truths, strict=True) if b is not None and t is not None]
        errors = np.array([np.subtract(measures(b, r_sample), measures(t, r_sample)) for b, t in pairs])
        (st, t), (st_sd, t_sd) = errors.mean(axis=0), errors.std(axis=0)
        print(f"  {name:42s} ST {st:6.1f} ± {st_sd:4.1f}   T {t:6.1f} ± {t_sd:4.1f}   ({len(pairs)} people)")
        draw(axes, beats[0], r_sample, colour, name)
    draw(axes, truths[0], r_sample, "black", "noise-free")
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.set(
        xlabel="ms from R", ylabel="µV, lead V3, PQ segment = 0", title="One simulated person, median beat", ylim=(-500, 900)
    )
    axes.legend(frameon=False, fontsize=8)
    if not given.quick:
        figure.savefig(given.target, metadata={"Date": None})


def draw(axes: plt.Axes, beat: Beat | None, r_sample: int, colour: str, name: str) -> None:
    """Draws one median beat in V3."""
    if beat is None:
        return
    ms = (np.arange(beat.shape[1]) - r_sample) * 1000 / RATE_HZ
    axes.plot(ms, beat[LEAD], color=colour, label=name, linewidth=1.2)


if __name__ == "__main__":
    matplotlib.rcParams["svg.hashsalt"] = "ecgwas"
    recorded(main, __file__)
