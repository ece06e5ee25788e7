"""How well each representation captures the heart: held-out R2 of true parameters, reliability, reconstruction, time.

    python -m benchmarks.findings.representations [--people N] [--seeds 11 21 31] [--study STUDY.yaml] [--write PAGE.md]
                                                  [--quick] [--only KIND ...] [--hearts own torsos ecgsyn ...]

Participants are simulated (`ecgwas.simulate`), recorded twice with different noise, and cleaned as in stage `read`. Features
are rank-normalised as in stage `traits`. A ridge regression predicts each of the heart's parameters (all 29 that do not concern
noise or breathing) from a representation's features. It is fitted on 60 % of the participants, its penalty is chosen on 20 %,
and R2 is measured on the last 20 %. `retest` is the mean correlation of a feature between the two recordings. `ceiling` is the
R2 of the same features of the same hearts recorded without noise. `refitted`, not available for networks, is the R2 of the
representation fitted to those recordings. The published configuration (32 features of each lead's strip) is trained on
--published-trained participants and judged on --published-people. --study adds the recordings of a study whose stage `read` has
run: correlation of features between odd and even beats, ICC between visits of participants with two, and the reconstruction
error of held-out participants.
--hearts adds other hearts (`benchmarks.hearts`): other leads, torsos that differ more, other waves and rhythms, another model.
Each kind has parameters of its own, so that mean R2 is comparable between representations rather than between hearts.
Participants without beats are excluded and counted; a representation that cannot be fitted is listed with the reason.
`preset` is what `preset: calibrated` has: `default` and 48 local details.
--seeds simulates other participants for each further seed and repeats the default and its learned part (with noise only).
--write writes the tables into a page, between its comments `representations:kinds` (or `representations:seeds`) and
`representations:end`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.findings import representation_tables as tables
from benchmarks.findings.representation_tables import Found, OnReal
from benchmarks.hearts import KINDS, Drawn, draw
from benchmarks.record import recorded
from ecgwas import represent
from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.ecg.beats import Beats, find_beats
from ecgwas.ecg.clean import highpass
from ecgwas.errors import InputError
from ecgwas.represent.inputs import split_participants
from ecgwas.represent.neural.network import Autoencoder
from ecgwas.represent.reliability.between_visits import between_visits
from ecgwas.signals import Signals, StackedArrays
from ecgwas.stages import read
from ecgwas.stages.represent import reliability
from ecgwas.study import BeatOptions, BeatPoints, Intervals, Local, Pca, Representation, ResidualAutoencoder, Study, Vae
from ecgwas.tables import Features
from ecgwas.traits.transform import rank_normal

Floats = NDArray[np.float64]
RATE_HZ, R_SAMPLE = 500.0, 175
PENALTIES = np.logspace(-1, 4, 11)
SEED = 11
TRAINED = (ResidualAutoencoder, Vae)


def kinds(epochs: int, published_epochs: int) -> dict[str, tuple[Representation, ...]]:
    """Name -> the representations whose features are used together."""
    measured, by_variance = Intervals(name="clinical"), Pca(name="pca", features=32, align="waves", scaling="none")
    aligned = Pca(name="pca", features=32, align="waves", criterion="repeatable", rotation="varimax")
    beats = ResidualAutoencoder(name="ae", leads="together", features=32, dropout=0.0, epochs=epochs)
    return {
        "default": (measured, aligned),
        "preset": (measured, aligned, Local(name="local")),
        "intervals": (measured,),
        "beat_points": (BeatPoints(name="points", points=10, stretch=True),),
        "pca32": (Pca(name="pca", features=32),),
        "pca32_unscaled": (Pca(name="pca", features=32, scaling="none"),),
        "learned": (aligned,),
        "pca32_aligned": (by_variance,),
        "vae32": (Vae(name="vae", features=32, epochs=epochs),),
        "vae64": (Vae(name="vae", features=64, epochs=epochs),),
        "vae128_aligned": (Vae(name="vae", features=128, align="waves", point_weights="none", beta=0.001, epochs=epochs),),
        "vae32_conditioned": (Vae(name="vae", features=32, epochs=epochs, condition_on="measurements"),),
        "vae32_aligned": (Vae(name="vae", features=32, align="waves", epochs=epochs),),
        "residual_autoencoder32_beats": (beats,),
        "published": (ResidualAutoencoder(name="strips", input="strip", epochs=published_epochs),),
    }


def cleaned(strips: NDArray[np.float32]) -> tuple[NDArray[np.float32], list[Beats | None]]:
    """(N, 12, S) µV as cleaned in stage `read`, and the beats found."""
    clean = highpass(strips.astype(np.float64), cutoff_hz=0.5, order=2, rate_hz=RATE_HZ).astype(np.float32)
    return clean, [find_beats(BeatOptions(), strip, RATE_HZ).beats for strip in clean]


def as_signals(clean: NDArray[np.float32], beats: Sequence[Beats]) -> Signals:
    """Signals as from stage `read`, from cleaned recordings (N, 12, S) µV and their beats."""
    most = max(len(one.r_samples) for one in beats)
    peaks, normal = np.full((len(beats), most), -1, dtype=np.int32), np.zeros((len(beats), most), dtype=bool)
    for i, one in enumerate(beats):
        peaks[i, : len(one.r_samples)] = one.r_samples
        normal[i, : len(one.normal)] = one.normal
    stacks = [np.stack([getattr(one, name) for one in beats]).astype(np.float32) for name in ("median", "odd", "even")]
    noise = np.stack([one.noise for one in beats]).astype(np.float32)
    eids = tuple(str(i) for i in range(len(beats)))
    rows = [StackedArrays([array]) for array in (clean, *stacks)]
    return with_fiducials(Signals(eids, RATE_HZ, R_SAMPLE, rows[0], rows[1], rows[2], rows[3], noise, peaks, normal))


def wide(features: Features) -> Floats:
    """(N, F): rank-normalised features of all leads, of those that most participants have; missing values are 0, the mean."""
    columns = []
    for lead in features.frame["lead"].unique(maintain_order=True):
        rows = features.frame.filter(pl.col("lead") == lead)
        for name in features.names:
            values = rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            if np.isfinite(values).mean() > 0.5:
                known = np.isfinite(values)
                ranked = np.zeros(len(values))
                ranked[known] = rank_normal(values[known])
                columns.append(ranked)
    return np.column_stack(columns)


def held_out_r2(x: Floats, y: Floats) -> Floats:
    """(P,) R2 of each column of y (N, P) predicted from x (N, F), on the last fifth of the participants."""
    n = len(x)
    train, choose, test = np.split(np.arange(n), [int(0.6 * n), int(0.8 * n)])
    mean, sd = x[train].mean(axis=0), np.maximum(x[train].std(axis=0), 1e-12)
    z, level = (x - mean) / sd, y[train].mean(axis=0)
    left, sizes, right = np.linalg.svd(z[train], full_matrices=False)
    inside = left.T @ (y[train] - level)
    guesses = [level + z @ (right.T @ (inside * (sizes / (sizes**2 + p))[:, None])) for p in PENALTIES]
    best = np.argmin([np.square(y[choose] - guess[choose]).mean(axis=0) for guess in guesses], axis=0)
    error = np.stack([np.square(y[test] - guess[test]).mean(axis=0) for guess in guesses])[best, np.arange(y.shape[1])]
    return 1 - error / y[test].var(axis=0)


def retest(first: Floats, second: Floats) -> float:
    """Mean correlation of corresponding columns."""
    a, b = ((x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-12) for x in (first, second))
    return float((a * b).mean(axis=0).mean())


class Cohort:
    """Simulated participants: recorded, recorded again, and optionally without noise. Fitted representations are reused.

    hearts: kind of hearts;  names: of the parameters, the columns of truth (N, P)
    """

    def __init__(self, people: Sequence[Signals], truth: Floats, names: Sequence[str], hearts: str) -> None:
        self.people, self.truth, self.names, self.hearts = people, truth, tuple(names), hearts
        self._kept: dict[str, tuple[represent.Encoder, float, Floats, Floats]] = {}
        self._clean: dict[str, Floats] = {}

    def select(self, index: NDArray[np.integer]) -> Cohort:
        """The same cohort with some of the participants."""
        return Cohort([signals.select(index) for signals in self.people], self.truth[index], self.names, self.hearts)

    def fitted(self, one: Representation, few: int | None) -> tuple[represent.Encoder, float, Floats, Floats]:
        """Encoder, seconds to fit it, features of the first and second recordings; few: number of participants fitted to."""
        mark = f"{few} {one.model_dump_json()}"
        if mark not in self._kept:
            start = time.process_time()
            chosen = self.people[0] if few is None else self.people[0].select(np.arange(few))
            encoder = represent.fit(one, chosen, seed=1)
            seconds = time.process_time() - start
            first, second = (wide(encoder.encode(signals)) for signals in self.people[:2])
            self._kept[mark] = (encoder, seconds, first, second)
        return self._kept[mark]

    def ceiling(self, options: Sequence[Representation], few: int | None) -> tuple[float, float]:
        """Mean R2 without noise, of the encoders as fitted and of those fitted again. Both are NaN without such recordings, the
        second also for networks."""
        if len(self.people) < 3:
            return float("nan"), float("nan")
        clean = np.hstack([wide(self.fitted(one, few)[0].encode(self.people[2])) for one in options])
        same = float(held_out_r2(clean, self.truth).mean())
        if any(isinstance(one, TRAINED) for one in options):
            return same, float("nan")
        for one in (one for one in options if one.model_dump_json() not in self._clean):
            self._clean[one.model_dump_json()] = wide(represent.fit(one, self.people[2], seed=1).encode(self.people[2]))
        again = [self._clean[one.model_dump_json()] for one in options]
        return same, float(held_out_r2(np.hstack(again), self.truth).mean())


def on_simulated(name: str, options: Sequence[Representation], cohort: Cohort, few: int | None = None) -> Found:
    """Results on simulated participants. few: number of participants fitted to; None: all."""
    fits = [cohort.fitted(one, few) for one in options]
    first, second = np.hstack([fit[2] for fit in fits]), np.hstack([fit[3] for fit in fits])
    seconds, r2 = sum(fit[1] for fit in fits), held_out_r2(first, cohort.truth)
    each = " ".join(f"{parameter}={value:.2f}" for parameter, value in zip(cohort.names, r2, strict=True))
    print(f"{name}, hearts {cohort.hearts}: {seconds:.0f} s CPU to fit on {few or len(cohort.truth)} people; {each}")
    again = retest(first, second) if first.shape == second.shape else float("nan")
    ceiling, refitted = cohort.ceiling(options, few)
    if np.isfinite(ceiling):
        print(f"CEILING {name} hearts={cohort.hearts} mean={ceiling:.3f} refitted={refitted:.3f}")
    errors = [row for fit in fits for row in fit[0].errors.iter_rows(named=True)]
    for row in errors:
        error = f"r={row['pearson_r']:.4f} mae_uv={row['mae_uv']:.1f}"
        print(f"RECONSTRUCTION {name} {row['method']} hearts={cohort.hearts} {error}")
    known, best = (r2 >= 0.7).sum(), np.sort(r2)[-25:].mean()
    print(f"KNOWN {name} hearts={cohort.hearts} of={len(r2)} at_least_0.70={known} best_25_mean={best:.3f}")
    print(f"R2 {name} hearts={cohort.hearts} features={first.shape[1]} mean={r2.mean():.3f} retest={again:.3f}", flush=True)
    own = next((row for row in errors if row["method"] == "self"), {"pearson_r": None, "mae_uv": None})
    return Found(
        features=first.shape[1], people=few or len(cohort.truth), seconds=seconds,
        r2=dict(zip(cohort.names, r2.tolist(), strict=True)), ceiling=ceiling, again=again,
        r=own["pearson_r"], mae_uv=own["mae_uv"],
    )  # fmt: skip


def compression(name: str, one: Representation, signals: Signals) -> dict[str, float]:
    """Percentage root mean square difference of held-out reconstructions, samples per feature; PCA and VAE only."""
    if not isinstance(one, (Pca, Vae)):
        return {}
    split = split_participants(len(signals), 0.2, 2, validation=False)
    others = signals.select(split.test)
    encoder = represent.fit(one, signals.select(split.train), seed=1)
    decoded = encoder.decode(encoder.encode(others))
    beats = np.asarray(others.beats)
    if decoded is None:
        return {}
    prd = 100 * np.sqrt(np.square(decoded - beats).sum(axis=(1, 2)) / np.square(beats).sum(axis=(1, 2)))
    ratio = 8 * beats.shape[2] / one.features
    print(f"COMPRESSION {name} {one.name} prd_percent={np.mean(prd):.1f} median={np.median(prd):.1f} ratio={ratio:.0f}")
    return {"prd_percent": float(np.mean(prd)), "ratio": ratio}


def print_peak() -> None:
    """Prints the share of the processor's measured float32 peak that a training step of the beats' autoencoder reaches."""
    torch.manual_seed(1)
    network = Autoencoder(ResidualAutoencoder(name="ae", dropout=0.0), 8, 475)
    traces, adam = torch.randn(32, 8, 475), torch.optim.Adam(network.parameters())

    def step() -> None:
        adam.zero_grad()
        (network(traces) - traces).square().mean().backward()
        adam.step()

    side = torch.randn(1536, 1536)
    with FlopCounterMode(display=False) as counter:
        step()
    work = counter.get_total_flops()
    seconds, peak = _fastest(step), 2 * 1536**3 / _fastest(lambda: side @ side)
    share = work / seconds / peak
    print(f"PEAK step_gflop={work / 1e9:.1f} step_s={seconds:.3f} sgemm_gflops={peak / 1e9:.0f} share={share:.2f}", flush=True)


def _fastest(what: Callable[[], object], times: int = 7) -> float:
    """Minimum wall seconds of several runs."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        what()
        taken.append(time.perf_counter() - start)
    return min(taken)


def of_others(one: Representation, signals: Signals) -> tuple[float, float]:
    """Mean reliability, of values and of ranks, in each fifth of the participants, of features fitted to the other four."""
    found = []
    for others in np.array_split(np.random.default_rng(0).permutation(len(signals)), 5):
        encoder = represent.fit(one, signals.select(np.setdiff1d(np.arange(len(signals)), others)), seed=1)
        odd, even = (encoder.encode(half) for half in signals.select(others).odd_and_even)
        ranked = retest(wide(odd), wide(even))
        found.append((float(reliability(odd, even)["r"].to_numpy().mean()), ranked))
    plain, ranks = np.mean(found, axis=0)
    return float(plain), float(ranks)


def on_real(name: str, options: Sequence[Representation], signals: Signals, repeats: Signals | None) -> list[OnReal]:
    """Results of each representation on real recordings."""
    return [_on_real(name, one, signals, repeats) for one in options]


def _on_real(name: str, one: Representation, signals: Signals, repeats: Signals | None) -> OnReal:
    start = time.process_time()
    encoder = represent.fit(one, signals, seed=1)
    print(f"REAL {name} {one.name} seconds={time.process_time() - start:.0f} people={len(signals)}")
    seen: dict[str, float] = {}
    if getattr(one, "input", "beat") == "beat":
        r = reliability(*(encoder.encode(half) for half in signals.odd_and_even))
        seen["odd_even"] = float(r["r"].to_numpy().mean())
        low = r.sort("r").head(3)
        weakest = ", ".join(f"{lead}.{feature} {value:.2f}" for lead, feature, value in low.iter_rows())
        print(f"RELIABILITY {name} {one.name} mean={seen['odd_even']:.3f} median={r['r'].median():.3f} weakest: {weakest}")
        if isinstance(one, Pca):
            others, of_ranks = of_others(one, signals)
            print(f"RELIABILITY_OF_OTHERS {name} {one.name} mean={others:.3f} of_ranks={of_ranks:.3f}", flush=True)
        seen |= compression(name, one, signals)
    if repeats is not None:
        icc = between_visits(encoder.encode(signals), encoder.encode(repeats))["icc"].to_numpy()
        seen["icc"] = float(icc.mean())
        print(f"VISITS {name} {one.name} people={len(repeats)} mean_icc={icc.mean():.3f} median={np.median(icc):.3f}")
    for row in encoder.errors.iter_rows(named=True):
        print(f"REAL {name} {row['method']} r={row['pearson_r']:.4f} mae_uv={row['mae_uv']:.1f}", flush=True)
        seen |= {"r": row["pearson_r"], "mae_uv": row["mae_uv"]} if row["method"] == "self" else {}
    return OnReal(one.name, **seen)


def simulated(people: int, seed: int, *, without_noise: bool, hearts: str = "own") -> Cohort:
    """Participants with hearts of a kind of `benchmarks.hearts`. Those without beats in any of the recordings are excluded."""
    drawn: Drawn = draw(hearts, people, seed)
    strips = [drawn.first.noisy_uv, drawn.second.noisy_uv, *([drawn.first.clean_uv] if without_noise else [])]
    recordings = [cleaned(traces) for traces in strips]
    kept = np.flatnonzero([all(beats[i] is not None for _, beats in recordings) for i in range(people)])
    if len(kept) < people:
        print(f"EXCLUDED hearts={hearts} people={people - len(kept)} of={people} reason=no_beats")
    signals = [as_signals(clean[kept], [beats[i] for i in kept]) for clean, beats in recordings]
    return Cohort(signals, drawn.hearts.truth[kept], drawn.hearts.judged, hearts)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--people", type=int, default=800, help="simulated people; 0: none")
    ask.add_argument("--seeds", type=int, nargs="+", default=[SEED], help="of the simulated people; others: OVER_SEEDS alone")
    ask.add_argument("--epochs", type=int, default=8, help="of networks of beats")
    ask.add_argument("--published-epochs", type=int, default=2)
    ask.add_argument("--published-trained", type=int, default=50)
    ask.add_argument("--published-people", type=int, default=150)
    ask.add_argument("--study", type=Path, help="study.yaml whose stage read has run")
    ask.add_argument("--only", nargs="*", help="names of representations")
    ask.add_argument("--hearts", nargs="+", default=["own"], choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    ask.add_argument("--quick", action="store_true", help="300 people, no networks")
    ask.add_argument("--write", type=Path, help="page whose tables are made anew")
    given = ask.parse_args()
    if given.quick:
        given.people = min(given.people, 300)
    every = kinds(given.epochs, given.published_epochs)
    chosen = {name: every[name] for name in given.only or (QUICK if given.quick else USUAL)}
    print_peak()
    by_hearts = {hearts: everybody(chosen, given, given.seeds[0], hearts) for hearts in given.hearts if given.people}
    found = by_hearts.pop("own", {})
    real = {} if given.study is None else recordings(chosen, Study.read_file(given.study))
    if found or real:
        put(given, "kinds", tables.of_kinds(found, real))
    if found and len(given.seeds) > 1:
        several = {name: chosen[name] for name in OVER_SEEDS if name in chosen}
        again = [everybody(several, given, seed) for seed in given.seeds[1:]]
        put(given, "seeds", tables.of_seeds(given.seeds, [{name: found[name] for name in several}, *again]))
    if by_hearts:
        put(given, "hearts", tables.of_hearts({"own": found, **by_hearts} if found else by_hearts))


def put(given: argparse.Namespace, block: str, text: str) -> None:
    """Prints the text and, if a page is given, writes it there."""
    print(text, flush=True)
    if given.write is not None:
        tables.write(given.write, block, f"{said(given)}\n\n{text}")


OVER_SEEDS = ("default", "learned")
QUICK = ("default", "intervals", "pca32", "learned")
USUAL = ("default", "intervals", "learned", "pca32", "pca32_aligned", "beat_points", "vae32", "residual_autoencoder32_beats",
         "published")  # fmt: skip


def said(given: argparse.Namespace) -> str:
    """A description of the data of the tables."""
    published = (
        f"`published` for {given.published_epochs} on {given.published_trained} people, judged on {given.published_people}"
    )
    networks = f"networks of beats trained for {given.epochs} epochs, {published}"
    return f"{given.people:,} simulated people of each seed (the first table: {given.seeds[0]}); {networks}."


def recordings(chosen: Mapping[str, tuple[Representation, ...]], study: Study) -> dict[str, list[OnReal]]:
    """Results on the real recordings of a study, without the published configuration, which takes hours on them."""
    signals, repeats = read.load_signals(study), read.load_repeats(study)
    return {name: on_real(name, options, signals, repeats) for name, options in chosen.items() if name != "published"}


def everybody(
    chosen: Mapping[str, tuple[Representation, ...]], given: argparse.Namespace, seed: int, hearts: str = "own"
) -> dict[str, Found]:
    """Results on the simulated participants of one seed, of the representations that could be fitted."""
    print(f"SEED value={seed} people={given.people} hearts={hearts}")
    cohort = simulated(given.people, seed, without_noise=seed == given.seeds[0] and hearts == "own", hearts=hearts)
    found = {}
    for name, options in chosen.items():
        if name == "published":
            some = cohort.select(np.arange(min(len(cohort.truth), given.published_people)))
            found[name] = on_simulated(name, options, some, min(len(some.truth), given.published_trained))
            continue
        try:
            found[name] = on_simulated(name, options, cohort)
        except InputError as error:  # such as an alignment by P in atrial fibrillation
            print(f"UNFITTED {name} hearts={hearts} reason={'_'.join(error.problem.split())}", flush=True)
    return found


if __name__ == "__main__":
    recorded(main, __file__)
