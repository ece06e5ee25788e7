"""The atoms of kind `local`, chosen by the local effects that they reveal: makes the list of `represent/linear/atoms.py`.

    python -m benchmarks.findings.local_atoms [--ptbxl DIR] [--count 200] [--min-reliability 0.5] [--halves] [--quick]
    python -m benchmarks.findings.local_atoms --listed DIR

A random local effect adds a bump b to the beat of each carrier: some milliseconds wide, anywhere from P to after T, in one lead
or in all leads as a dipole has it. A feature w'x of the beat x sees it with a signal-to-noise ratio (w'b)^2 / var(w'x); the
noise is its variance between participants. The ratio to that of the projection on the bump itself (w = b), which nobody knows
beforehand, is the share of the information that the feature keeps. From all atoms those are chosen, one after another, that
raise most the sum over effects of log(1 + share / 0.3) of each effect's best atom. This sum is submodular: the greedy choice
reaches at least 63 % of the best (Nemhauser, Wolsey and Fisher, Math Program 14:265, 1978), and a gain needs to be computed
again only for an atom that may be the next (Minoux, in: Optimization Techniques, Springer 1978, 234).

    REFERENCE <fiducial points of the reference beat, ms>
    ATOMS <names, in the order of their choice>
    SHARE people=<chosen_on|others|listed> atoms=<n> half=<share of fresh effects of which half of the information is kept>

--halves chooses on half of the people and also measures on the others. --listed chooses none: it measures the listed atoms on
the recordings (WFDB) in another folder, such as LUDB's. --quick: 500 effects instead of 4,000, 50 atoms.
"""

from __future__ import annotations

import argparse
import heapq
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.findings.local_effects import SHARED, recordings
from benchmarks.findings.representations import as_signals, cleaned
from benchmarks.record import recorded
from ecgwas.leads import DOWER, INDEPENDENT_LEADS
from ecgwas.represent.alignment import Alignment
from ecgwas.represent.linear.atoms import ATOMS, FWHM_PER_SD, GROUPS, Atom, hats, weights_of
from ecgwas.signals import Signals
from tests.ecg.wfdb_files import read_signals

Floats = NDArray[np.float64]

EFFECTS, QUICK_EFFECTS, QUICK_ATOMS = 4000, 500, 50
EFFECT_WIDTHS_MS = (5.0, 40.0)
"""Effects' widths are log-uniform in this range."""
ATOM_WIDTHS_MS = (8.0, 12.0, 18.0, 27.0, 40.0)
STEP_MS = 4.0
"""Between the centres of atoms."""
AFTER_T_MS = 40.0
"""Effects and atoms begin at P onset and end this long after T."""
HALF_SHARE, LARGEST_SHARE = 0.3, 4.0
"""Of an effect, the first HALF_SHARE of the information counts as much as the step to three times as much; beyond LARGEST_SHARE
nothing is gained."""


@dataclass(frozen=True)
class RandomEffects:
    """E random local effects on the aligned beat: pattern (E, 8) over leads times bump (E, T) over time."""

    patterns: Floats
    bumps: Floats

    @classmethod
    def drawn(cls, times_ms: Floats, first_ms: float, last_ms: float, seed: int, *, count: int = EFFECTS) -> RandomEffects:
        """Gaussians and their derivatives, half of them in one lead, the others of a dipole."""
        rng = np.random.default_rng([seed, 0xA705])
        width_ms = np.exp(rng.uniform(*np.log(EFFECT_WIDTHS_MS), count))
        x = (times_ms - rng.uniform(first_ms, last_ms, count)[:, None]) / (width_ms[:, None] / FWHM_PER_SD)
        bumps = np.exp(-0.5 * x**2)
        bumps = np.where(rng.random((count, 1)) < 0.5, bumps, -x * bumps)
        single = np.eye(len(INDEPENDENT_LEADS))[rng.integers(len(INDEPENDENT_LEADS), size=count)]
        dipoles = rng.standard_normal((count, 3)) @ DOWER.T
        return cls(np.where(rng.random((count, 1)) < 0.5, single, dipoles), bumps)

    def information(self, beats: NDArray[np.float32]) -> Floats:
        """(E,) signal-to-noise ratio, per squared size, of the projection on the effect itself, among beats (N, 8, T)."""
        in_time = beats @ self.bumps.T.astype(np.float32)  # (N, 8, E)
        projections = np.einsum("el,nle->ne", self.patterns, in_time, optimize=True)
        energy = np.square(self.patterns).sum(axis=1) * np.square(self.bumps).sum(axis=1)
        information: Floats = energy**2 / np.maximum(projections.var(axis=0), np.finfo(float).tiny)
        return information


@dataclass(frozen=True)
class Aligned:
    """(N, 8, T) float32 µV: aligned beats, less their mean, and the same of odd and of even heartbeats."""

    whole: NDArray[np.float32]
    odd: NDArray[np.float32]
    even: NDArray[np.float32]

    @classmethod
    def of(cls, signals: Signals, alignment: Alignment) -> Aligned:
        """Of these people."""
        whole, odd, even = (np.asarray(alignment.aligned_beats(one))[:, :-1] for one in (signals, *signals.odd_and_even))
        return cls(*(beats - whole.mean(axis=0) for beats in (whole, odd, even)))

    def select(self, people: NDArray[np.integer]) -> Aligned:
        """Some of them."""
        return Aligned(self.whole[people], self.odd[people], self.even[people])


@dataclass(frozen=True)
class Candidates:
    """K atoms; variance (K,) of their features between participants; reliability (K,), r between odd and even heartbeats;
    shares (K, E) float32 of the information on each effect that they keep."""

    atoms: tuple[Atom, ...]
    reliability: Floats
    shares: NDArray[np.float32]


def candidates(beats: Aligned, effects: RandomEffects, times_ms: Floats, first_ms: float, last_ms: float) -> Candidates:
    """All atoms between first_ms and last_ms."""
    information = effects.information(beats.whole)
    centres, widths = (
        grid.ravel() for grid in np.meshgrid(np.arange(np.ceil(first_ms / STEP_MS) * STEP_MS, last_ms, STEP_MS), ATOM_WIDTHS_MS)
    )
    over_time = hats(centres, widths, times_ms)
    on_bumps = over_time @ effects.bumps.T  # (K, E)
    whole, odd, even = (half @ over_time.T.astype(np.float32) for half in (beats.whole, beats.odd, beats.even))  # (N, 8, K)
    atoms, reliability, shares = [], [], []
    for group, weights in GROUPS.items():
        atoms += [Atom(group, float(t), float(w)) for t, w in zip(centres, widths, strict=True)]
        reliability.append(_correlations(_over_leads(weights, odd), _over_leads(weights, even)))
        noise = np.maximum(_over_leads(weights, whole).var(axis=0), np.finfo(float).tiny)
        signal = np.square(on_bumps * (effects.patterns @ weights))
        shares.append((signal / (noise[:, None] * information)).astype(np.float32))
    return Candidates(tuple(atoms), np.concatenate(reliability), np.concatenate(shares))


def _over_leads(weights: Floats, in_time: NDArray[np.float32]) -> Floats:
    """(N, K) float64 sums over leads of (N, 8, K)."""
    return np.einsum("l,nlk->nk", weights, in_time, optimize=True)


def _correlations(first: Floats, second: Floats) -> Floats:
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    norm = np.sqrt(np.square(a).sum(axis=0) * np.square(b).sum(axis=0))
    correlations: Floats = (a * b).sum(axis=0) / np.maximum(norm, np.finfo(float).tiny)
    return correlations


def chosen(found: Candidates, count: int, min_reliability: float) -> list[Atom]:
    """At most `count` atoms of at least that reliability, in the order of their choice; none is chosen that adds nothing."""
    usable = np.flatnonzero(found.reliability >= min_reliability)
    gains = np.log1p(np.minimum(found.shares[usable], LARGEST_SHARE) / HALF_SHARE)
    reached = np.zeros(gains.shape[1], dtype=np.float32)
    queue = [(-float(gain), row) for row, gain in enumerate(gains.sum(axis=1, dtype=np.float64))]
    heapq.heapify(queue)
    rows: list[int] = []
    while queue and len(rows) < count:
        _, row = heapq.heappop(queue)
        gain = float(np.maximum(gains[row] - reached, 0.0).sum(dtype=np.float64))
        if queue and gain < -queue[0][0]:
            heapq.heappush(queue, (-gain, row))
            continue
        if gain <= 0.0:
            break
        rows.append(row)
        np.maximum(reached, gains[row], out=reached)
    return [found.atoms[usable[row]] for row in rows]


def listed(folder: Path) -> None:
    """Prints the shares that the atoms of `represent/linear/atoms.py` keep in other recordings."""
    clean, beats = cleaned(np.stack([read_signals(path) for path in sorted(folder.rglob("*.hea"))]).astype(np.float32))
    kept = np.flatnonzero([one is not None for one in beats])
    signals = as_signals(clean[kept], [beats[i] for i in kept])
    alignment = Alignment.fit(signals)
    beats_of, times_ms = Aligned.of(signals, alignment).whole, alignment.beat_times_ms
    effects = RandomEffects.drawn(times_ms, alignment.fiducials_ms[0], alignment.fiducials_ms[-1] + AFTER_T_MS, seed=2)
    weights = weights_of(ATOMS, alignment.fiducials_ms, times_ms)
    noise = np.einsum("nlt,klt->nk", beats_of, weights, optimize=True).var(axis=0)
    on_effects = np.einsum("klt,el,et->ke", weights, effects.patterns, effects.bumps, optimize=True)
    print(f"RECORDINGS of={len(clean)} people={len(signals)} without_beats={len(clean) - len(signals)}")
    print_shares("listed", on_effects**2 / (noise[:, None] * effects.information(beats_of)))


def print_shares(people: str, shares: NDArray[np.floating]) -> None:
    """Lines SHARE of the shares (K, E) of atoms in the order of their choice."""
    for count in (25, 50, 75, 100, 150, 200):
        half = (shares[:count].max(axis=0) >= 0.5).mean()
        print(f"SHARE people={people} atoms={count} half={half:.3f}", flush=True)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--ptbxl", type=Path, default=SHARED / "data" / "ecg" / "ptbxl")
    ask.add_argument("--count", type=int, default=200)
    ask.add_argument("--min-reliability", type=float, default=0.5, help="r between odd and even heartbeats")
    ask.add_argument("--halves", action="store_true")
    ask.add_argument("--quick", action="store_true")
    ask.add_argument("--listed", type=Path, help="folder of other recordings")
    given = ask.parse_args()
    if given.listed is not None:
        listed(given.listed)
        return
    signals = recordings(given.ptbxl)
    alignment = Alignment.fit(signals)
    print("REFERENCE " + " ".join(f"{moment:.0f}" for moment in alignment.fiducials_ms))
    everyone = Aligned.of(signals, alignment)
    order = np.random.default_rng(1).permutation(len(signals))
    groups = {"chosen_on": order[::2], "others": order[1::2]} if given.halves else {"chosen_on": order}
    times_ms, (first_ms, last_ms) = alignment.beat_times_ms, alignment.fiducials_ms[[0, -1]]
    last_ms += AFTER_T_MS
    effects, atoms_wanted = (QUICK_EFFECTS, QUICK_ATOMS) if given.quick else (EFFECTS, given.count)
    to_choose, fresh = (RandomEffects.drawn(times_ms, first_ms, last_ms, seed, count=effects) for seed in (1, 2))
    found = candidates(everyone.select(groups["chosen_on"]), to_choose, times_ms, first_ms, last_ms)
    atoms = chosen(found, atoms_wanted, given.min_reliability)
    print("ATOMS " + " ".join(atom.name for atom in atoms))
    rows = [found.atoms.index(atom) for atom in atoms]
    for name, people in groups.items():
        print_shares(name, candidates(everyone.select(people), fresh, times_ms, first_ms, last_ms).shares[rows])


if __name__ == "__main__":
    recorded(main, __file__)
