"""Does prediction out of fold find nothing where there is nothing, what there is, and say how sure it is?

    python -m benchmarks.findings.prediction [--quick] [--studies 200]

Studies of 300 participants, 40 features, of which covariates are in some, and a binary target. PREDICTION lines:

    noise        the mean area of the model `ECG`, where nothing has an effect; low, high: 95 % of such means lie there if it is
                 0.5
    noise_in     the same, judged by the participants to whom the model was fitted: the contrast
    gain_p       p of Kolmogorov and Smirnov's test that the p-values of permutations are uniform where the ECG adds nothing
                 to covariates that have an effect
    gain_error   share of these studies with p <= 0.05
    coverage     share of studies with an effect whose 95 % interval of the area contains that of the fitted models in 10,000
                 other participants, mean over folds
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from benchmarks.record import recorded
from ecgwas.outcomes import measures, prediction, ridge_logistic

PEOPLE, FEATURES, OTHERS = 300, 40, 10_000

Floats = NDArray[np.float64]
Data = tuple[Floats, Floats, NDArray[np.bool_]]


def drawn(rng: np.random.Generator, people: int, of_covariates: float, of_features: float) -> Data:
    """Features (n, FEATURES), covariates (n, 3) and cases; a third of the features contain the first covariate."""
    covariates, features = rng.standard_normal((people, 3)), rng.standard_normal((people, FEATURES))
    features[:, ::3] += covariates[:, :1]
    eta = of_covariates * covariates[:, 0] + of_features * features[:, 1:4].sum(axis=1) - 0.8
    return features, covariates, rng.random(people) < special.expit(eta)


def noise(studies: int) -> Iterator[str]:
    """Nothing has an effect."""
    out, within = [], []
    for study in range(studies):
        features, covariates, cases = drawn(np.random.default_rng(study), PEOPLE, 0.0, 0.0)
        out.append(prediction.predict(features, covariates, cases, seed=study).areas[1].value)
        everyone, ones = np.ones(PEOPLE, dtype=bool), np.ones((PEOPLE, 1))
        x = prediction.standardised(features, everyone)
        fitted = ridge_logistic.fit(ones, x, cases, prediction.TESTED)
        within.append(measures.auroc(np.hstack([ones, x]) @ fitted, cases).value)
    half = 1.96 * np.std(out) / np.sqrt(studies)
    yield line("noise", float(np.mean(out)), 0.5 - half, 0.5 + half, "0.5")
    yield line("noise_in", float(np.mean(within)), np.nan, np.nan, "above")


def gains(studies: int) -> Iterator[str]:
    """Covariates have an effect, and the ECG has what they have."""
    p = np.array([
        prediction.predict(*drawn(np.random.default_rng(10_000 + study), PEOPLE, 0.8, 0.0), permutations=39, seed=study).p
        for study in range(studies)
    ])  # fmt: skip
    jittered = p - np.random.default_rng(1).random(studies) / 40
    yield line("gain_p", float(stats.kstest(jittered, "uniform").pvalue), 0.05, 1.0, "above_0.05")
    low, high = stats.binom.interval(0.95, studies, 0.05)
    yield line("gain_error", float((p <= 0.05).mean()), low / studies, high / studies, "0.05")


def coverage(studies: int) -> Iterator[str]:
    """Three features have an effect."""
    inside = 0
    for study in range(studies):
        rng = np.random.default_rng(20_000 + study)
        features, covariates, cases = drawn(rng, PEOPLE, 0.5, 0.4)
        fitted = prediction.predict(features, covariates, cases, seed=study)
        inside += (
            fitted.areas[1].low <= _true_area(fitted, features, cases, drawn(rng, OTHERS, 0.5, 0.4)) <= fitted.areas[1].high
        )
    low, high = stats.binom.interval(0.95, studies, 0.95)
    yield line("coverage", inside / studies, low / studies, high / studies, "0.93_or_more")


def _true_area(fitted: prediction.Prediction, features: Floats, cases: NDArray[np.bool_], others: Data) -> float:
    """Mean over folds of the area of the model `ECG` in other participants."""
    areas, ones = [], np.ones((PEOPLE, 1))
    for fold in range(int(fitted.folds.max()) + 1):
        train = np.append(fitted.folds != fold, np.zeros(OTHERS, dtype=bool))
        x = prediction.standardised(np.vstack([features, others[0]]), train)
        own = ridge_logistic.fit(
            ones[train[:PEOPLE]], x[:PEOPLE][train[:PEOPLE]], cases[train[:PEOPLE]], fitted.variances[fold, 1]
        )
        areas.append(measures.auroc(x[PEOPLE:] @ own[1:], others[2]).value)
    return float(np.mean(areas))


def line(name: str, value: float, low: float, high: float, target: str) -> str:
    return f"PREDICTION {name} value={value:.4f} low={low:.4f} high={high:.4f} target={target}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="40 studies")
    parser.add_argument("--studies", type=int, default=200)
    given = parser.parse_args()
    for piece in (noise, gains, coverage):
        for text in piece(40 if given.quick else given.studies):
            print(text, flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
