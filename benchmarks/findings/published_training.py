"""The source study's chosen network (table 2, row 4), fully trained on a cohort with one file per participant and lead.

    python -m benchmarks.findings.published_training OUT [--cohort FOLDER] [--epochs E] [--people N] [--quick]

The run is `ecgwas run --until represent` on examples/experiments/table2_row4.yaml. If it is interrupted and started again with
the same OUT, it continues after the last complete epoch. One line each follows, with the study's own number if it reports one:

    EPOCHS     trained, of the best validation loss, learning rate at the end
    LOSS       training, validation, and on held-out participants with and without penalty (the study: 1.28); PCA-32 and mean
    LIMIT      share of signals whose reconstruction error is above 0.4 (the study: about 3 %), best error (0.0012)
    REPEATS    of each feature: mean ICC(2,1) of two visits of one participant, and correlation between first and second half of
               one recording, each half repeated once
    STEP       seconds and GFLOP/s of one training step of 32 signals, and of a product of two matrices (sgemm) on this machine

FOLDER is as in benchmarks/findings/experiments.py; without it, --people are simulated. --quick: one epoch, 20 participants.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.findings.experiments import ROWS, ecgwas, simulated, written
from benchmarks.record import recorded
from ecgwas import represent
from ecgwas.represent.inputs import THREADS
from ecgwas.represent.neural.encoder import torch_threads
from ecgwas.represent.neural.network import Autoencoder, convolution_weights, weight_penalty
from ecgwas.represent.neural.training import device
from ecgwas.signals import Signals, StackedArrays
from ecgwas.stages import read
from ecgwas.stages.represent import reliability
from ecgwas.study import ResidualAutoencoder, Study

SIDE = 2048
"""Rows and columns of the matrices of the product."""
HALVES_OF = 100
"""Number of participants whose recordings are encoded half by half."""


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("out", type=Path)
    ask.add_argument("--cohort", type=Path, help="a study folder; default: simulated")
    ask.add_argument("--people", type=int, default=200, help="to simulate")
    ask.add_argument("--epochs", type=int, help="at most; default: the row's")
    ask.add_argument("--quick", action="store_true", help="one epoch, 20 people where they are simulated")
    given = ask.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    cohort = given.cohort or simulated(given.out / "cohort", 20 if given.quick else given.people)
    file = written(ROWS / "table2_row4.yaml", given.out, cohort.resolve(), 1 if given.quick else given.epochs)
    start = time.perf_counter()
    ecgwas("run", str(file), "--until", "represent")
    study = Study.read_file(file)
    (options,) = study.represent
    assert isinstance(options, ResidualAutoencoder)
    print(f"TRAINED row 2.4 device={device()} seconds_of_this_run={time.perf_counter() - start:.0f}", flush=True)
    for line in (*of_files(study, options), repeats(study, options), step(options)):
        print(line, flush=True)


def of_files(study: Study, options: ResidualAutoencoder) -> list[str]:
    """Lines from the run's tables."""
    folder = study.results / "represent" / options.name
    history, errors = pl.read_csv(folder / "history.csv"), pl.read_csv(folder / "errors.csv")
    best = history.row(int(np.argmin(history["validation_loss"].to_numpy())), named=True)
    by = {row["method"]: row for row in errors.iter_rows(named=True)}
    table = pl.read_parquet(folder / "features.parquet")
    mse = table["mse"].drop_nulls().drop_nans()
    others = " ".join(f"{name}_mse={by[name]['mse']:.4g}" for name in ("pca_32", "mean"))
    own = by["self"]
    return [
        f"EPOCHS trained={history.height} of={options.epochs} best={best['epoch']} last_rate={history['learning_rate'][-1]:g}",
        f"LOSS train={best['train_loss']:.4g} validation={best['validation_loss']:.4g} test={own['loss']:.4g} "
        f"test_mse={own['mse']:.4g} r={own['pearson_r']:.4f} {others} (the study: test 1.28)",
        f"LIMIT people={table['eid'].n_unique()} signals={len(mse)} beyond_0.4={(mse > 0.4).mean():.3f} "
        f"kept={int((mse <= 0.4).sum())} best_mse={mse.min():.4g} (the study: about 0.03, 10,783, 0.0012)",
    ]


def repeats(study: Study, options: ResidualAutoencoder) -> str:
    """Agreement of features between two visits, and between the halves of a recording, including signals above the limit."""
    encoder = represent.load(
        options.model_copy(update={"max_mse": None}), study.results / "represent" / options.name / "encoder"
    )
    path = study.results / "represent" / options.name / "reliability.csv"
    visits = pl.read_csv(path)["icc"].drop_nulls() if path.exists() else pl.Series([], dtype=pl.Float64)
    signals = read.load_signals(study)
    some = signals.select(np.arange(min(len(signals), HALVES_OF)))
    first, second = (
        replace(encoder, options=options.model_copy(update={"max_mse": None})).encode(half) for half in halves(some)
    )
    within = reliability(first, second)["r"]
    icc = f"{np.mean(visits.to_numpy()):.3f}" if len(visits) else "none"
    r = f"{np.mean(within.to_numpy()):.3f}" if len(within) else "none"
    return f"REPEATS visits_mean_icc={icc} features_with_icc={len(visits)} halves_mean_r={r} people_of_halves={len(some)}"


def halves(signals: Signals) -> tuple[Signals, Signals]:
    """The recordings with their first half repeated, and with their second half repeated, of unchanged length."""
    strips = np.asarray(signals.strips[: len(signals)])
    middle = strips.shape[2] // 2
    parts = (strips[:, :, :middle], strips[:, :, -middle:])
    first, second = (np.concatenate([part, part, part], axis=2)[:, :, : strips.shape[2]] for part in parts)
    return replace(signals, strips=StackedArrays([first])), replace(signals, strips=StackedArrays([second]))


def step(options: ResidualAutoencoder) -> str:
    """Seconds and operations of a training step of one batch, and of a matrix product, with the threads of training."""
    torch.manual_seed(1)
    network = Autoencoder(options, 1, 5000).to(device()).train()
    adam = torch.optim.Adam(network.parameters(), options.learning_rate)
    traces, side = torch.randn(options.batch, 1, 5000, device=device()), torch.randn(SIDE, SIDE, device=device())

    def once() -> None:
        adam.zero_grad()
        loss = (network(traces) - traces).square().mean() + weight_penalty(convolution_weights(network), options.l1, options.l2)
        loss.backward()
        adam.step()

    with torch_threads(THREADS["strip"]):
        with FlopCounterMode(display=False) as counter:
            once()
        work = counter.get_total_flops()
        seconds, product = fastest(once), fastest(lambda: side @ side)
    peak = 2 * SIDE**3 / product
    return (
        f"STEP signals={options.batch} seconds={seconds:.3f} gflop={work / 1e9:.1f} gflops={work / seconds / 1e9:.1f} "
        f"sgemm_gflops={peak / 1e9:.1f} share={work / seconds / peak:.2f}"
    )


def fastest(what: Callable[[], object], times: int = 5) -> float:
    """Wall seconds, the minimum of several runs."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        what()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return min(taken)


if __name__ == "__main__":
    recorded(main, __file__)
