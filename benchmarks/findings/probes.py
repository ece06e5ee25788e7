"""What representations know of real people: linear probes of diagnoses, age and sex on PTB-XL, split by person.

    python -m benchmarks.findings.probes --ptbxl DIR [--only KIND ...] [--folds 5] [--quick]

DIR contains ptbxl_database.csv and records500/ (Wagner et al., Sci Data 7:154, 2020). Labels are the five diagnostic
superclasses (each against all other recordings with a diagnosis), sex and age. For each fold, a representation is fitted to the
recordings of the other folds' people, without labels. Its features, rank-normalised over all recordings as in stage `traits`,
predict the label by a ridge-penalised logistic regression (age: ridge regression). The penalty is chosen on a quarter of the
training people. No person is in two folds. Recordings without beats, diagnosis, sex or age are excluded and counted.

    PROBE <kind> label=<NORM|MI|STTC|CD|HYP|sex> auc=<mean over folds> sd=<of folds> positive=<n> of=<n>
    PROBE <kind> label=age error_years=<mean absolute error> r=<correlation> of=<n>
    PROBE none label=age error_years=<of the median age> of=<n>

--quick: every fourth recording and two folds.
"""

from __future__ import annotations

import argparse
import ast
import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata

from benchmarks.findings.representations import as_signals, cleaned, kinds, wide
from benchmarks.record import recorded
from ecgwas import represent
from ecgwas.signals import Signals
from ecgwas.study import Representation
from tests.ecg.wfdb_files import read_signals

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SUPERCLASSES: Mapping[str, tuple[str, ...]] = {
    "NORM": ("NORM",),
    "MI": ("IMI", "ASMI", "ILMI", "AMI", "ALMI", "INJAS", "LMI", "INJAL", "IPLMI", "IPMI", "INJIN", "INJLA", "PMI", "INJIL"),
    "STTC": ("NDT", "NST_", "DIG", "LNGQT", "ISC_", "ISCAL", "ISCIN", "ISCIL", "ISCAS", "ISCLA", "ANEUR", "EL", "ISCAN"),
    "CD": ("LAFB", "IRBBB", "1AVB", "IVCD", "CRBBB", "CLBBB", "LPFB", "WPW", "ILBBB", "3AVB", "2AVB"),
    "HYP": ("LVH", "LAO/LAE", "RVH", "RAO/RAE", "SEHYP"),
}
"""Diagnostic class of each diagnostic statement, as in PTB-XL's scp_statements.csv."""
PENALTIES = np.logspace(-1, 4, 6)
OLDEST = 120
"""PTB-XL's first versions give 300 for ages above 89."""
QUICK_KINDS = ("default", "learned", "pca32")


@dataclass(frozen=True)
class Labels:
    """Of N recordings: person (N,) text; superclass -> (N,) bool; male (N,) bool; age (N,) years."""

    person: NDArray[np.str_]
    superclasses: Mapping[str, Flags]
    male: Flags
    age: Floats


def superclasses_of(codes: str) -> set[str]:
    """Superclasses of PTB-XL's column scp_codes, a dict of statements as text."""
    statements = ast.literal_eval(codes)
    return {name for name, members in SUPERCLASSES.items() if any(code in members for code in statements)}


def labelled(folder: Path, *, every: int = 1) -> tuple[list[Path], Labels]:
    """Headers of recordings with a diagnosis, a sex and an age, and their labels; prints the numbers excluded."""
    with (folder / "ptbxl_database.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[::every]
    kept, excluded = [], {"not_here": 0, "no_diagnosis": 0, "no_age_or_sex": 0}
    for row in rows:
        path = folder / f"{row['filename_hr']}.hea"
        if not path.is_file():
            excluded["not_here"] += 1
        elif not superclasses_of(row["scp_codes"]):
            excluded["no_diagnosis"] += 1
        elif not row["age"] or float(row["age"]) > OLDEST or row["sex"] not in ("0", "1"):
            excluded["no_age_or_sex"] += 1
        else:
            kept.append((path, row))
    print(f"RECORDINGS of={len(rows)} kept={len(kept)} " + " ".join(f"{name}={count}" for name, count in excluded.items()))
    classes = [superclasses_of(row["scp_codes"]) for _, row in kept]
    return [path for path, _ in kept], Labels(
        person=np.array([row["patient_id"] for _, row in kept]),
        superclasses={name: np.array([name in one for one in classes]) for name in SUPERCLASSES},
        male=np.array([row["sex"] == "0" for _, row in kept]),
        age=np.array([float(row["age"]) for _, row in kept]),
    )


def folds_by_person(person: NDArray[np.str_], folds: int, seed: int = 1) -> NDArray[np.int64]:
    """(N,) fold of each recording, 0 to folds - 1; all recordings of a person are in one fold."""
    people, index = np.unique(person, return_inverse=True)
    fold_of_person = np.random.default_rng(seed).permutation(len(people)) % folds
    return np.asarray(fold_of_person[index], dtype=np.int64)


def logistic(x: Floats, y: Flags, penalty: float) -> Floats:
    """(F + 1,) intercept and weights of a logistic regression with penalty / 2 times the weights' sum of squares.

    Newton's method with halved steps; the intercept is not penalised.
    """
    design = np.column_stack([np.ones(len(x)), x])
    ridge = np.full(design.shape[1], penalty)
    ridge[0] = 1e-9
    weights = np.zeros(design.shape[1])
    loss = _loss(design, y, weights, ridge)
    for _ in range(50):
        chance = expit(design @ weights)
        slope = design.T @ (chance - y) + ridge * weights
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(ridge)
        step, share = np.linalg.solve(curvature, slope), 1.0
        while (new := _loss(design, y, weights - share * step, ridge)) > loss and share > 1e-6:
            share /= 2
        weights = weights - share * step
        if loss - new <= 1e-10 * abs(loss):
            break
        loss = new
    return weights


def _loss(design: Floats, y: Flags, weights: Floats, ridge: Floats) -> float:
    scores = design @ weights
    return float(np.logaddexp(0, scores).sum() - scores[y].sum() + 0.5 * (ridge * weights**2).sum())


def ridge_regression(x: Floats, y: Floats, penalty: float) -> Floats:
    """(F + 1,) intercept and weights of a least-squares regression with penalty times the weights' sum of squares."""
    mean, level = x.mean(axis=0), y.mean()
    weights = np.linalg.solve((x - mean).T @ (x - mean) + penalty * np.eye(x.shape[1]), (x - mean).T @ (y - level))
    return np.concatenate([[level - mean @ weights], weights])


def auc(scores: Floats, positive: Flags) -> float:
    """Area under the ROC curve: the share of pairs of a positive and a negative in which the positive's score is higher (ties:
    one half). NaN without both."""
    count = int(positive.sum())
    if count in (0, len(positive)):
        return float("nan")
    return float((rankdata(scores)[positive].sum() - count * (count + 1) / 2) / (count * (len(positive) - count)))


def predicted(x: Floats, y: NDArray[np.generic], person: NDArray[np.str_], train: Flags) -> Floats:
    """(N,) scores of the probe (of age: years), fitted on `train`, with the penalty that is best on a quarter of its people."""
    inner = folds_by_person(person, 4, seed=2)
    fitted, choose = train & (inner != 0), train & (inner == 0)
    is_label = y.dtype == bool
    fit = logistic if is_label else ridge_regression

    def quality(penalty: float) -> float:
        scores = _scores(fit(x[fitted], y[fitted], penalty), x[choose])
        return auc(scores, y[choose]) if is_label else -float(np.square(scores - y[choose]).mean())

    best = max(PENALTIES, key=lambda penalty: np.nan_to_num(quality(penalty), nan=-np.inf))
    return _scores(fit(x[train], y[train], float(best)), x)


def _scores(weights: Floats, x: Floats) -> Floats:
    scores: Floats = weights[0] + x @ weights[1:]
    return scores


def features_of(options: Sequence[Representation], signals: Signals, train: Flags) -> Floats:
    """(N, F) rank-normalised features of all recordings, of representations fitted to those of `train`."""
    chosen = signals.select(np.flatnonzero(train))
    return np.hstack([wide(represent.fit(one, chosen, seed=1).encode(signals)) for one in options])


def probed(name: str, options: Sequence[Representation], signals: Signals, labels: Labels, folds: int) -> None:
    """Prints the lines PROBE of one representation."""
    fold = folds_by_person(labels.person, folds)
    classes = {**labels.superclasses, "sex": labels.male}
    areas: dict[str, list[float]] = {label: [] for label in classes}
    age = np.full(len(fold), np.nan)
    for k in range(folds):
        train = fold != k
        x = features_of(options, signals, train)
        for label, positive in classes.items():
            scores = predicted(x, positive, labels.person, train)
            areas[label].append(auc(scores[~train], positive[~train]))
        age[~train] = predicted(x, labels.age, labels.person, train)[~train]
    for label, found in areas.items():
        numbers = f"auc={np.nanmean(found):.3f} sd={np.nanstd(found):.3f} positive={classes[label].sum()} of={len(fold)}"
        print(f"PROBE {name} label={label} {numbers}")
    r = np.corrcoef(age, labels.age)[0, 1]
    print(f"PROBE {name} label=age error_years={np.abs(age - labels.age).mean():.2f} r={r:.3f} of={len(fold)}", flush=True)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--ptbxl", type=Path, required=True, help="folder of ptbxl_database.csv and records500")
    ask.add_argument("--only", nargs="+", help="names of representations")
    ask.add_argument("--folds", type=int, default=5)
    ask.add_argument("--epochs", type=int, default=8, help="of networks of beats")
    ask.add_argument("--quick", action="store_true", help="every fourth recording, two folds")
    given = ask.parse_args()
    if not (given.ptbxl / "ptbxl_database.csv").is_file():
        sys.exit(f"no ptbxl_database.csv in {given.ptbxl}")
    paths, labels = labelled(given.ptbxl, every=4 if given.quick else 1)
    clean, beats = cleaned(np.stack([read_signals(path) for path in paths]).astype(np.float32))
    kept = np.flatnonzero([one is not None for one in beats])
    print(f"EXCLUDED recordings={len(paths) - len(kept)} reason=no_beats")
    labels = Labels(
        labels.person[kept], {name: flags[kept] for name, flags in labels.superclasses.items()}, labels.male[kept],
        labels.age[kept],
    )  # fmt: skip
    signals = as_signals(clean[kept], [beats[i] for i in kept])
    every = kinds(given.epochs, 1)
    print(f"PROBE none label=age error_years={np.abs(labels.age - np.median(labels.age)).mean():.2f} of={len(kept)}")
    for name in given.only or QUICK_KINDS:
        probed(name, every[name], signals, labels, 2 if given.quick else given.folds)


if __name__ == "__main__":
    recorded(main, __file__)
