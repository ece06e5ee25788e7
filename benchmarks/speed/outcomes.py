"""Speed and memory of the score tests of features with outcomes, of the fits of chosen ones, and of permutations.

    python -m benchmarks.speed.outcomes [--quick]

OUTCOMES kind   `logistic.screen` or `cox.screen` (late entry, Efron's ties), one thread. gib: growth of the peak resident
                memory, which excludes the input; statsmodels_ratio: CPU seconds of one model of statsmodels at the same number
                of people (logistic: median of three; Cox: one), times features times outcomes, over ours
PREDICTED kind  CPU minutes at 384 features, 1,500 outcomes and 50,000 people: products and sums in risk sets take time
                proportional to people x features x outcomes, null models to people x outcomes, each measured on its own
FIT kind        CPU seconds of one fit with its tests and intervals, median of three
PERMUTATION     CPU seconds of one permutation of logistic outcomes, and at full size, in proportion to people x features x
                outcomes

A twentieth of the people are cases. CPU seconds, so that other work on the machine matters little.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.record import recorded
from ecgwas.outcomes import cox, cox_fit, logistic, logistic_fit, permutation
from ecgwas.outcomes.cox import Survival
from ecgwas.progress import peak_memory_mib, reset_peak_memory
from ecgwas.statistics.projection import span

FULL = (384, 1_500, 50_000)
"""Features, outcomes, people."""
COVARIATES = 15
CASES = 0.05


def seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def median(calls: list[Callable[[], object]]) -> float:
    return float(np.median([seconds(call) for call in calls]))


def drawn(
    features: int, outcomes: int, people: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int8], Survival]:
    """Features, covariates, binary outcomes and survival outcomes on the age scale, times in days."""
    rng = np.random.default_rng(1)
    covariates = rng.standard_normal((people, COVARIATES))
    values = rng.standard_normal((people, features)) + covariates[:, :1]
    liability = 0.5 * covariates[:, :1] + rng.standard_normal((people, outcomes))
    cases = (liability > np.quantile(liability, 1 - CASES, axis=0)).astype(np.int8)
    cases[rng.random(cases.shape) < 0.05] = -1
    entry = 45 + np.round(35 * rng.random(people), 2)
    exit_ = entry[:, None] + np.round(8 * rng.random((people, outcomes)) + 0.01, 2)
    return values, covariates, cases, Survival(cases, exit_, entry)


def screened(
    kind: str, screen: Callable[[], object], null_models: Callable[[], object], model: float, shape: tuple[int, int, int]
) -> Iterator[str]:
    reset_peak_memory()
    before = peak_memory_mib()
    whole = seconds(screen)
    gib = (peak_memory_mib() - before) / 1024
    alone = seconds(null_models)
    features, outcomes, people = shape
    yield (
        f"OUTCOMES {kind} features={features} outcomes={outcomes} people={people} cpu_seconds={whole:.2f} gib={gib:.3f} "
        f"statsmodels_ratio={model * features * outcomes / whole:.0f}"
    )
    by_people = FULL[1] * FULL[2] / (outcomes * people)
    full = by_people * (alone + max(whole - alone, 0.0) * FULL[0] / features)
    yield f"PREDICTED {kind} features={FULL[0]} outcomes={FULL[1]} people={FULL[2]} cpu_minutes={full / 60:.1f}"


def theirs(
    values: NDArray[np.float64], covariates: NDArray[np.float64], cases: NDArray[np.int8], survival: Survival
) -> Iterator[float]:
    """CPU seconds of one logistic and of one Cox model of statsmodels."""
    logit, hazard = [], []
    for k in range(3):
        rows = cases[:, k] >= 0
        x, y = np.column_stack([values[rows, k], covariates[rows]]), cases[rows, k]
        entry = survival.entry[rows] - 0.001
        logit.append(lambda x=x, y=y: sm.Logit(y, sm.add_constant(x)).fit(disp=0))
        hazard.append(
            lambda x=x, y=y, entry=entry, t=survival.exit[rows, k]: sm.PHReg(t, x, y, entry=entry, ties="efron").fit(disp=0)
        )
    yield median(logit)
    yield median(hazard[:1])


def compared(shape: tuple[int, int, int]) -> Iterator[str]:
    values, covariates, cases, survival = drawn(*shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logit, hazard = theirs(values, covariates, cases, survival)
    basis, everybody = span(covariates), np.ones(len(values), dtype=bool)
    yield from screened(
        "logistic", lambda: logistic.screen(values, cases, covariates),
        lambda: [logistic.null_model(outcome, basis) for outcome in cases.T], logit, shape,
    )  # fmt: skip
    yield from screened(
        "cox", lambda: cox.screen(values, survival, covariates),
        lambda: list(cox.nulls(survival, everybody, basis[:, 1:])), hazard, shape,
    )  # fmt: skip
    for kind, fit in (
        ("likelihood", lambda k: logistic_fit.maximum_likelihood(values[:, k], cases[:, k], covariates)),
        ("firth", lambda k: logistic_fit.firth(values[:, k], cases[:, k], covariates)),
        ("cox", lambda k: cox_fit.fit(values[:, k], survival, covariates, outcome=k)),
    ):
        each = median([lambda k=k, fit=fit: fit(k) for k in range(3)])
        yield f"FIT {kind} people={len(values)} covariates={COVARIATES} cpu_seconds={each:.3f}"
    yield permuted(values, covariates, [logistic.null_model(outcome, basis) for outcome in cases.T], shape)


def permuted(
    values: NDArray[np.float64],
    covariates: NDArray[np.float64],
    nulls: list[logistic.Null],
    shape: tuple[int, int, int],
    count: int = 5,
) -> str:
    basis, residuals = span(covariates), permutation.residualised(values, covariates)
    begin = seconds(lambda: permutation.maxima(residuals, basis, nulls, count=0, seed=1))
    each = max(seconds(lambda: permutation.maxima(residuals, basis, nulls, count=count, seed=1)) - begin, 0.0) / count
    scale = np.prod(FULL, dtype=float) / np.prod(shape, dtype=float)
    return f"PERMUTATION logistic people={len(values)} cpu_seconds={each:.3f} cpu_seconds_at_full_size={each * scale:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one small case, under a minute")
    given = parser.parse_args()
    with threadpool_limits(1):
        for shape in ((64, 32, 5_000),) if given.quick else ((64, 32, 5_000), (192, 32, 20_000), (384, 16, 50_000)):
            for line in compared(shape):
                print(line, flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
