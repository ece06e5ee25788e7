"""Effects that change the beat for a few milliseconds in a few leads: who finds them?

    python -m benchmarks.findings.local_effects [--ptbxl DIR] [--sets develop confirm named] [--quick]

The recordings are real (PTB-XL, one of each person), the genotypes simulated. An effect is a bump of the beat per copy of an
allele (frequency 0.2 to 0.5): a Gaussian or its derivative, 5 to 40 ms wide (full width at half maximum of the Gaussian), at a
random time from P onset to T end, of either sign, in one lead or in all leads as a dipole in a random direction. It is added to
every beat of the recording and to the median beats at each person's own time of that moment; waves are then delineated anew.
Five effects at a time are planted in one cohort, each with genotypes of its own.

    oracle           -log10 p of the projection of the aligned beat on the true bump in its leads; the size of an effect is
                     chosen so that this is 10 to 80
    default_before   the strongest trait of `intervals` and `pca` as in preset `calibrated`
    beat_points      the strongest of 100 points of the beat in each lead
    local, local_200 the strongest feature of kind `local`, of 48 and of 200

    LOCAL effect=<n> set= width_ms= t_ms= shape= leads= size_uv= oracle= default_before= beat_points= local= local_200= feature=
    SUMMARY <traits> set= effects= kept= found= threshold= rise= traits=
    RELIABILITY local set= median= tenth=

`kept` counts the effects of which the strongest trait has at least half of the oracle's -log10 p, `found` those beyond the
threshold of these traits: the 5 % point, over permutations of people, of the largest -log10 p of all traits and 1,000 variants,
averaged over the cohorts. `rise` is by how much it exceeds that of the default. RELIABILITY is of correlations between odd and
even heartbeats.

Sets: the effects of `develop` were looked at while kind `local` was written; those of `confirm` were not. `named` are five
effects at places that have a name: a notch in S, a late r' in V1, a U wave, a J wave, a change of T's symmetry.

--quick: five effects of each set, fewer permutations.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

from benchmarks.findings.representations import as_signals, cleaned, wide
from benchmarks.record import recorded
from ecgwas import represent
from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.leads import DOWER, INDEPENDENT_LEADS, twelve_from_eight
from ecgwas.represent.alignment import Alignment, fiducials_with_r
from ecgwas.represent.linear.atoms import in_time_of
from ecgwas.signals import STACKED, Signals, StackedArrays
from ecgwas.study import BeatPoints, Intervals, Local, Pca
from ecgwas.traits.transform import rank_normal
from tests.ecg.wfdb_files import read_signals

Floats = NDArray[np.float64]

SHARED = Path(__file__).resolve().parents[3] / "shared"
FIRST_SEED = {"develop": 0, "confirm": 2000}
"""Effects of a set have the seeds that follow this one."""
TOGETHER, EFFECTS = 5, 20
NAMED: tuple[tuple[str, float, float, str, float], ...] = (
    ("V3", 30.0, 12.0, "gaussian", 35.0), ("V1", 46.0, 14.0, "gaussian", 40.0), ("dipole", 425.0, 60.0, "gaussian", 35.0),
    ("V5", 52.0, 20.0, "gaussian", 30.0), ("dipole", 290.0, 40.0, "derivative", 20.0),
)  # fmt: skip
"""Leads, time in ms of the reference beat, width in ms, shape, -log10 p of the oracle: notch in S, late r', U wave, J wave,
T's symmetry."""
WIDTHS_MS, NEGLOG10P, FREQUENCY = (5.0, 40.0), (10.0, 80.0), (0.2, 0.5)
FWHM_TO_SD = 1 / 2.3548200450309493
VARIANTS, ERROR = 1000, 0.05
LOG_10 = np.log(10.0)


@dataclass(frozen=True)
class Effect:
    """A planted effect on N people.

    pattern (8,) of the independent leads, largest 1 in absolute value; copies (N,) of the allele; size_uv per copy, with sign
    """

    number: int
    width_ms: float
    t_ms: float
    shape: str
    leads: str
    pattern: Floats
    copies: Floats
    target: float
    sign: float
    size_uv: float = 0.0

    @classmethod
    def drawn(cls, seed: int, people: int, first_ms: float, last_ms: float) -> Effect:
        """A random effect, of no size yet, at a time between first_ms and last_ms of the aligned beat."""
        rng = np.random.default_rng([seed, 0x10CA1])
        low, high = np.log(WIDTHS_MS)
        width_ms, t_ms = float(np.exp(rng.uniform(low, high))), float(rng.uniform(first_ms, last_ms))
        shape, single = str(rng.choice(["gaussian", "derivative"])), rng.random() < 0.5
        lead, vector = int(rng.integers(len(INDEPENDENT_LEADS))), rng.standard_normal(3)
        pattern = np.eye(len(INDEPENDENT_LEADS))[lead] if single else DOWER @ vector
        copies = rng.binomial(2, rng.uniform(*FREQUENCY), people).astype(np.float64)
        target, sign = float(rng.uniform(*NEGLOG10P)), float(rng.choice([-1.0, 1.0]))
        leads = INDEPENDENT_LEADS[lead] if single else "dipole"
        return cls(seed, width_ms, t_ms, shape, leads, pattern / np.abs(pattern).max(), copies, target, sign)

    @classmethod
    def named(cls, number: int, people: int, fiducials_ms: Floats) -> Effect:
        """One of NAMED."""
        leads, t_ms, width_ms, shape, target = NAMED[number]
        rng = np.random.default_rng([number, 0xA3E])
        copies = rng.binomial(2, 0.35, people).astype(np.float64)
        pattern = (
            DOWER @ [0.7, 0.6, -0.4] if leads == "dipole" else np.eye(len(INDEPENDENT_LEADS))[INDEPENDENT_LEADS.index(leads)]
        )
        time_ms = float(in_time_of(fiducials_ms, [t_ms])[0])
        return cls(number, width_ms, time_ms, shape, leads, pattern / np.abs(pattern).max(), copies, target, 1.0)

    def bump(self, from_centre_ms: Floats) -> Floats:
        """The bump at times from its centre, largest 1."""
        x = from_centre_ms / (self.width_ms * FWHM_TO_SD)
        gaussian = np.exp(-0.5 * x**2)
        return gaussian if self.shape == "gaussian" else -x * gaussian * np.exp(0.5)


def recordings(folder: Path) -> Signals:
    """Cleaned recordings, the first of each person, with beats and fiducial points; prints the numbers excluded."""
    with (folder / "ptbxl_database.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if (folder / f"{row['filename_hr']}.hea").is_file()]
    first = {row["patient_id"]: row for row in reversed(rows)}
    strips = np.stack([read_signals(folder / f"{row['filename_hr']}.hea") for row in first.values()]).astype(np.float32)
    clean, beats = cleaned(strips)
    kept = np.flatnonzero([one is not None for one in beats])
    print(f"RECORDINGS of={len(rows)} people={len(first)} without_beats={len(first) - len(kept)}")
    return as_signals(clean[kept], [one for one in beats if one is not None])


class Cohort:
    """Recordings in which effects are planted: those of the seeds, or the named ones."""

    def __init__(self, signals: Signals, seeds: Sequence[int] | None) -> None:
        self.alignment = Alignment.fit(signals)
        self.before, self._points_ms = signals, fiducials_with_r(signals)
        aligned = np.asarray(self.alignment.aligned_beats(signals))[:, :-1].astype(np.float64)
        first_ms, last_ms = self.alignment.fiducials_ms[[0, -1]]
        if seeds is None:
            drawn = [Effect.named(k, len(signals), self.alignment.fiducials_ms) for k in range(len(NAMED))]
        else:
            drawn = [Effect.drawn(seed, len(signals), first_ms, last_ms) for seed in seeds]
        self.effects = [replace(effect, size_uv=self._size_uv(effect, aligned)) for effect in drawn]
        self.signals = with_fiducials(self._planted())

    def _centre_ms(self, effect: Effect, person: int) -> float:
        """The effect's time in this person's own beat."""
        own_ms = self.alignment.own_times(self._points_ms[person])
        return float(np.interp(effect.t_ms, self.alignment.beat_times_ms, own_ms))

    def _size_uv(self, effect: Effect, aligned: Floats) -> float:
        """µV per copy with which the oracle has the -log10 p that was drawn."""
        of_copy = np.empty(len(aligned))
        weight = effect.bump(self.alignment.beat_times_ms - effect.t_ms)
        for person in range(len(aligned)):
            own_ms = self.alignment.own_times(self._points_ms[person])
            of_copy[person] = weight @ effect.bump(own_ms - self._centre_ms(effect, person))
        of_copy *= np.square(effect.pattern).sum()
        level = effect.pattern @ aligned @ weight
        small, large = 0.0, 20_000.0
        for _ in range(40):
            size = 0.5 * (small + large)
            reached = best(oracle_trait(level + effect.sign * size * effect.copies * of_copy), effect.copies)[0]
            small, large = (size, large) if reached < effect.target else (small, size)
        return effect.sign * large

    def oracle(self, effect: Effect) -> float:
        """-log10 p of the projection on the true bump, at the times that the waves had before."""
        aligned = np.asarray(self.alignment.aligned_beats(replace(self.signals, fiducials_ms=self.before.fiducials_ms)))[
            :, :-1
        ].astype(np.float64)
        weight = effect.bump(self.alignment.beat_times_ms - effect.t_ms)
        return best(oracle_trait(effect.pattern @ aligned @ weight), effect.copies)[0]

    def _planted(self) -> Signals:
        arrays = {name: np.array(getattr(self.before, name), dtype=np.float32) for name in STACKED}
        beat_ms, step_ms = self.before.beat_times_ms, 1000.0 / self.before.rate_hz
        strip_ms = np.arange(arrays["strips"].shape[2]) * step_ms
        for person in range(len(self.before)):
            peaks_ms = self.before.r_samples[person][self.before.r_samples[person] >= 0] * step_ms
            for effect in self.effects:
                centre_ms = self._centre_ms(effect, person)
                twelve = twelve_from_eight(effect.pattern[:, None])[:, 0] * effect.size_uv * effect.copies[person]
                in_beat = effect.bump(beat_ms - centre_ms)
                in_strip = sum(effect.bump(strip_ms - peak_ms - centre_ms) for peak_ms in peaks_ms)
                for name, array in arrays.items():
                    array[person] += np.outer(twelve, in_strip if name == "strips" else in_beat).astype(np.float32)
        return replace(self.before, **{name: StackedArrays([array]) for name, array in arrays.items()})


def oracle_trait(values: Floats) -> Floats:
    """(N, 1) rank-normalised."""
    return rank_normal(values)[:, None]


def unit_columns(matrix: Floats) -> Floats:
    """Columns of mean zero and length one."""
    centred = matrix - matrix.mean(axis=0)
    return centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-12)


def neglog10p(r: NDArray[np.floating], people: int) -> Floats:
    """-log10 p of correlations."""
    df = people - 2
    t = np.abs(r) * np.sqrt(df / np.maximum(1 - np.square(r), 1e-300))
    result: Floats = -(student_t.logsf(t, df) + np.log(2.0)) / LOG_10
    return result


def best(traits: Floats, copies: Floats) -> tuple[float, int]:
    """The largest -log10 p of the traits (N, P) with the genotypes (N,), and whose it is."""
    r = unit_columns(traits).T @ unit_columns(copies[:, None])[:, 0]
    column = int(np.abs(r).argmax())
    return float(neglog10p(r[column], len(copies))), column


def thresholds(sets: dict[str, list[Floats]], permutations: int, seed: int = 1) -> dict[str, float]:
    """Name -> the -log10 p that the largest of all its traits and VARIANTS variants exceeds with probability ERROR.

    sets: name -> its blocks of traits; a block that several sets share is tested once.
    """
    blocks = {id(block): unit_columns(block).astype(np.float32) for parts in sets.values() for block in parts}
    people = len(next(iter(blocks.values())))
    rng = np.random.default_rng([seed, 0x7E57])
    genotypes = rng.binomial(2, rng.uniform(0.05, 0.5, VARIANTS), (people, VARIANTS)).astype(np.float64)
    units = np.ascontiguousarray(unit_columns(genotypes).astype(np.float32).T)
    largest = {key: np.empty(permutations) for key in blocks}
    for k in range(permutations):
        order = rng.permutation(people)
        for key, block in blocks.items():
            largest[key][k] = np.abs(units @ block[order]).max()
    return {
        name: float(neglog10p(np.quantile(np.max([largest[id(part)] for part in parts], axis=0), 1 - ERROR), people))
        for name, parts in sets.items()
    }


DEFAULT = (Intervals(name="clinical"), Pca(name="pca", features=32, align="waves", criterion="repeatable", rotation="varimax"))
"""As in preset `calibrated` before kind `local`."""
FEW, MANY = 48, 200


@dataclass(frozen=True)
class Tested:
    """A cohort's traits (N, P) by set of traits; names of the features of kind `local`; their r between odd and even beats."""

    traits: dict[str, Floats]
    names: list[str]
    reliability: Floats

    @classmethod
    def of(cls, signals: Signals) -> Tested:
        """Of representations fitted to these recordings."""
        default = np.hstack([traits_of(represent.fit(one, signals, seed=1), signals) for one in DEFAULT])
        points = traits_of(represent.fit(BeatPoints(name="points", points=100), signals, seed=1), signals)
        local = represent.fit(Local(name="local", features=MANY), signals, seed=1)
        whole, odd, even = (traits_of(local, one) for one in (signals, *signals.odd_and_even))
        reliability = (unit_columns(odd) * unit_columns(even)).sum(axis=0)
        traits = {"default": default, "beat_points": points, "local": whole[:, :FEW], "local_200": whole}
        return cls(traits, local.encode(signals).names, reliability)

    def thresholds(self, permutations: int) -> dict[str, float]:
        """Of each set of traits, and of the default with either number of features of kind `local`."""
        sets = {name: [block] for name, block in self.traits.items()}
        both = {f"default+{name}": [self.traits["default"], self.traits[name]] for name in ("local", "local_200")}
        return thresholds(sets | both, permutations)


def traits_of(encoder: represent.Encoder, signals: Signals) -> Floats:
    """(N, P) rank-normalised features; a missing value is 0, the mean."""
    return wide(encoder.encode(signals))


@dataclass
class Counts:
    """Of a set of traits: effects that keep half of the oracle's -log10 p, effects beyond the threshold, thresholds."""

    kept: int = 0
    found: int = 0
    traits: int = 0


def run_set(name: str, signals: Signals, effects: int, permutations: int) -> None:
    """Plants the effects of a set, and prints its lines."""
    seeds_of_set = [] if name == "named" else [FIRST_SEED[name] + 1 + k for k in range(effects)]
    groups = [seeds_of_set[start : start + TOGETHER] for start in range(0, effects, TOGETHER)] if seeds_of_set else [None]
    limits: list[dict[str, float]] = []
    counts: dict[str, Counts] = {}
    reliability = []
    planted = 0
    for seeds in groups:
        cohort = Cohort(signals, seeds)
        tested = Tested.of(cohort.signals)
        limit = tested.thresholds(permutations)
        limits.append(limit)
        reliability.append(tested.reliability[:FEW])
        planted += len(cohort.effects)
        for effect in cohort.effects:
            _count(counts, limit, tested, *_line(name, effect, cohort.oracle(effect), tested))
    mean = {traits: float(np.mean([limit[traits] for limit in limits])) for traits in limits[0]}
    for traits, count in counts.items():
        numbers = f"effects={planted} kept={count.kept} found={count.found} threshold={mean[traits]:.2f}"
        print(f"SUMMARY {traits} set={name} {numbers} rise={mean[traits] - mean['default']:.2f} traits={count.traits}")
    values = np.concatenate(reliability)
    print(f"RELIABILITY local set={name} median={np.median(values):.2f} tenth={np.quantile(values, 0.1):.2f}", flush=True)


def _line(name: str, effect: Effect, oracle: float, tested: Tested) -> tuple[float, dict[str, float]]:
    """Prints an effect's line; the oracle's -log10 p and that of each set of traits."""
    found = {traits: best(block, effect.copies) for traits, block in tested.traits.items()}
    strongest = {traits: value for traits, (value, _) in found.items()}
    about = f"effect={effect.number} set={name} width_ms={effect.width_ms:.0f} t_ms={effect.t_ms:.0f} shape={effect.shape}"
    about += f" leads={effect.leads} size_uv={effect.size_uv:.1f} oracle={oracle:.1f} default_before={strongest['default']:.1f}"
    others = " ".join(f"{traits}={strongest[traits]:.1f}" for traits in ("beat_points", "local", "local_200"))
    print(f"LOCAL {about} {others} feature={tested.names[found['local_200'][1]]}", flush=True)
    for traits in ("local", "local_200"):
        strongest[f"default+{traits}"] = max(strongest["default"], strongest[traits])
    return oracle, strongest


def _count(
    counts: dict[str, Counts], limit: dict[str, float], tested: Tested, oracle: float, strongest: dict[str, float]
) -> None:
    for traits, value in strongest.items():
        count = counts.setdefault(traits, Counts())
        count.kept += value >= oracle / 2
        count.found += value > limit[traits]
        count.traits = sum(tested.traits[part].shape[1] for part in traits.split("+"))


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--ptbxl", type=Path, default=SHARED / "data" / "ecg" / "ptbxl", help="ptbxl_database.csv and records500")
    ask.add_argument("--sets", nargs="+", choices=[*FIRST_SEED, "named"], default=[*FIRST_SEED, "named"])
    ask.add_argument("--quick", action="store_true", help="five effects of each set, 200 permutations")
    given = ask.parse_args()
    if not (given.ptbxl / "ptbxl_database.csv").is_file():
        sys.exit(f"no ptbxl_database.csv in {given.ptbxl}")
    signals = recordings(given.ptbxl)
    for name in given.sets:
        run_set(name, signals, TOGETHER if given.quick else EFFECTS, 200 if given.quick else 400)


if __name__ == "__main__":
    recorded(main, __file__)
