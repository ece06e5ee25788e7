"""Ridge predictions: the equations in float64, null and planted traits, memory, and what the theory expects."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgwas.mixed import loco, ridge
from ecgwas.statistics.projection import span


@dataclass(frozen=True)
class Dense:
    """Variants of a chromosome as an array (V, N), in blocks of `size`."""

    x: NDArray[np.float32]
    size: int

    def __len__(self) -> int:
        return -(-len(self.x) // self.size)

    def block(self, number: int, start: int, stop: int) -> NDArray[np.float32]:
        return self.x[number * self.size : (number + 1) * self.size, start:stop].copy()


def standardised(variants: int, people: int, rng: np.random.Generator) -> NDArray[np.float32]:
    copies = rng.binomial(2, rng.uniform(0.05, 0.5, (variants, 1)), (variants, people)).astype(float)
    return ((copies - copies.mean(axis=1, keepdims=True)) / copies.std(axis=1, keepdims=True)).astype(np.float32)


def cohort_of(
    values: NDArray[np.float64], covariates: NDArray[np.float64], chromosomes: Sequence[Dense], *, probes: int = 0
) -> ridge.Cohort:  # fmt: skip
    """values (N, K), missing NaN."""
    people, seen = len(values), ~np.isnan(values)
    traits = np.zeros(values.shape)
    for k in range(values.shape[1]):
        basis = span(covariates[seen[:, k]])
        own = values[seen[:, k], k]
        traits[seen[:, k], k] = own - basis @ (basis.T @ own)
        traits[:, k] /= np.sqrt(np.square(traits[:, k]).sum() / seen[:, k].sum())
    basis = span(covariates)
    signs = np.random.default_rng(9).choice([-1.0, 1.0], (people, probes))
    signs -= basis @ (basis.T @ signs)
    return ridge.Cohort(
        np.ascontiguousarray(traits.T, np.float32), None if seen.all() else seen.T.copy(), basis.astype(np.float32),
        ridge.folds(people), np.ascontiguousarray(signs.T, np.float32),
        sum(len(each.x) for each in chromosomes), sum(len(each) for each in chromosomes),
    )  # fmt: skip


def by_the_equations(made: Dense, cohort: ridge.Cohort, trait: int) -> tuple[NDArray[np.float64], bool]:
    """(N,) the prediction of one trait, in float64, from the formulas of the module, and whether it is level 1's."""
    basis = cohort.basis.astype(float)
    x = made.x.astype(float)
    x -= (x @ basis) @ basis.T
    y, folds = cohort.traits[trait].astype(float), np.searchsorted(cohort.folds, np.arange(x.shape[1]), side="right") - 1
    seen = np.ones(len(y), dtype=bool) if cohort.observed is None else cohort.observed[trait]
    shares = np.zeros((ridge.FOLDS, len(made) * len(ridge.HERITABILITIES), len(y)))  # By the fold whose traits are used.
    column = 0
    for b in range(len(made)):
        own = x[b * made.size : (b + 1) * made.size]
        for h in ridge.HERITABILITIES:
            for f in range(ridge.FOLDS):
                out, inside = folds != f, folds == f
                left = own[:, out] @ own[:, out].T + cohort.variants * (1 - h) / h * np.eye(len(own))
                for g in set(range(ridge.FOLDS)) - {f}:
                    shares[g, column, inside] = own[:, inside].T @ np.linalg.solve(left, own[:, folds == g] @ y[folds == g])
            column += 1
    w, base = shares.sum(axis=0), np.arange(column) % len(ridge.HERITABILITIES) == ridge.BASE
    variance = np.square(y[seen]).mean()
    q = w[base].sum(axis=0)
    plain, level1 = np.zeros_like(y), np.zeros((len(ridge.SHARES), len(y)))
    for f in range(ridge.FOLDS):
        out, inside = (folds != f) & seen, folds == f
        honest = (w - shares[f]) * (ridge.FOLDS - 1) / (ridge.FOLDS - 2)  # What does not know the traits of fold f.
        plain[inside] = max(honest[base].sum(axis=0)[out] @ y[out] / (q[out] @ q[out]), 0) * q[inside]
        z = np.vstack([w, q])
        whole = z[:, out] @ z[:, out].T
        right = np.append(honest @ (y * out), honest[base].sum(axis=0) @ (y * out))
        for place, share in enumerate(ridge.SHARES):
            penalty = np.append(np.full(column, column * (1 - share) / share / len(y)), ridge.TINY)
            solved = np.linalg.solve(whole + np.diag(penalty * np.diag(whole)), right)
            level1[place, inside] = solved @ z[:, inside]

    def error(p: NDArray[np.float64]) -> float:
        return float(np.square(y - p)[seen].sum())

    gains = [error(plain) - error(p) - 2 * ridge.MIN_Z * np.sqrt(variance * np.square(p - plain)[seen].sum()) for p in level1]
    best = int(np.argmax(gains))
    return (level1[best], True) if gains[best] > 0 else (q, False)


def test_predictions_are_those_of_the_equations() -> None:
    rng = np.random.default_rng(1)
    people, traits = 403, 6
    made = Dense(standardised(70, people, rng), 20)
    values = (rng.standard_normal((traits, 70)) / 20 @ made.x).T + rng.standard_normal((people, traits))
    values[:, 1] += made.x[7]
    values[:, 2] += made.x[65] * 0.9
    values[10:60, 2], values[300, 3] = np.nan, np.nan
    cohort = cohort_of(values, rng.standard_normal((people, 3)) + made.x[:3].T, [made])
    found = ridge.prediction(made, cohort)
    expected = [by_the_equations(made, cohort, k) for k in range(traits)]
    assert found.is_stacked.tolist() == [level1 for _, level1 in expected]
    assert found.is_stacked[1]
    assert not found.is_stacked[0]
    for k, (own, _) in enumerate(expected):
        np.testing.assert_allclose(found.values[k], own, rtol=0, atol=2e-4 * own.std())


def test_batches_of_traits_and_threads_give_the_same() -> None:
    rng = np.random.default_rng(2)
    made = Dense(standardised(50, 400, rng), 25)
    cohort = cohort_of(rng.standard_normal((400, 5)) + made.x[:5].T * 0.6, rng.standard_normal((400, 1)), [made], probes=3)
    whole = ridge.prediction(made, cohort)
    with ThreadPoolExecutor(2) as pool:
        threaded = ridge.prediction(made, cohort, pool.map)
    np.testing.assert_array_equal(threaded.values, whole.values)
    batches = ridge.prediction(made, cohort, traits_at_once=2)
    np.testing.assert_allclose(batches.values, whole.values, atol=1e-5)
    np.testing.assert_allclose(batches.squares, whole.squares, rtol=1e-4)
    np.testing.assert_allclose(batches.probed, whole.probed, rtol=1e-3, atol=1e-2)
    assert batches.is_stacked.tolist() == whole.is_stacked.tolist()


def genome(people: int, variants: int, rng: np.random.Generator, count: int = 11) -> list[Dense]:
    return [Dense(standardised(variants // count, people, rng), 40) for _ in range(count)]


def totals_of(chromosomes: Sequence[Dense], cohort: ridge.Cohort) -> tuple[list[ridge.Prediction], loco.Totals]:
    each, totals = [ridge.prediction(one, cohort) for one in chromosomes], loco.Totals(*cohort.traits.shape)
    for one in each:
        totals.add(one.values, one.is_stacked)
    return each, totals


def test_null_traits_are_not_predicted_and_planted_ones_as_theory_expects() -> None:
    rng = np.random.default_rng(3)
    people, h2 = 2500, np.repeat([0.0, 0.25, 0.6], 12)
    made = genome(people, 2200, rng)
    effects = rng.standard_normal((36, 2200)) / np.sqrt(2200)
    genetic = (effects @ np.concatenate([one.x for one in made])).T
    values = genetic * np.sqrt(h2) + rng.standard_normal((people, 36)) * np.sqrt(1 - h2)
    values[:, 24:26] += made[4].x[3:5].T * 0.5  # Two traits also have a strong variant.
    values[rng.random(people) < 0.1, ::2] = np.nan
    cohort = cohort_of(values, rng.standard_normal((people, 2)), made, probes=30)
    each, totals = totals_of(made, cohort)
    r2 = loco.explained(totals.prediction(cohort.traits, cohort.observed, cohort.folds), cohort.traits, cohort.observed)
    assert np.abs(r2[:12]).max() < 0.005
    expected = loco.expected_r2(0.8 * 0.95 * people, np.array([0.25, 0.6]), 2200)
    assert r2[12:24].mean() == pytest.approx(expected[0], rel=0.2)
    assert r2[26:].mean() == pytest.approx(expected[1], rel=0.2)
    assert r2[24:26].min() > expected[1] + 0.1
    assert [bool(one.is_stacked[24:26].all()) for one in each] == [number == 4 for number in range(len(made))]
    assert np.mean([one.is_stacked[:24] for one in each]) < 0.01
    sums = loco.GenomeSums(
        np.sum([one.squares for one in each], axis=0), sum(one.trace for one in each),
        np.sum([one.probed for one in each], axis=0), 2200,
    )  # fmt: skip
    estimates = loco.heritability(sums, cohort.traits, cohort.observed, cohort.basis.shape[1])
    for number, true in enumerate((0.0, 0.25)):
        assert estimates[12 * number : 12 * number + 12].mean() == pytest.approx(true, abs=0.05)
    assert estimates[26:].mean() == pytest.approx(0.6, abs=0.07)


def test_a_chromosome_has_no_influence_on_the_prediction_it_is_tested_with() -> None:
    rng = np.random.default_rng(4)
    made = genome(600, 440, rng)
    values = np.sum([one.x[:6].T for one in made], axis=0) / 4 + rng.standard_normal((600, 6))
    cohort = cohort_of(values, rng.standard_normal((600, 2)), made)

    def without_first(chromosomes: Sequence[Dense]) -> NDArray[np.float32]:
        each, totals = totals_of(chromosomes, cohort)
        others = totals.without(each[0].values, each[0].is_stacked)
        return others.prediction(cohort.traits, cohort.observed, cohort.folds)

    before = without_first(made)
    assert before.std() > 0.05
    changed = [Dense(rng.permuted(made[0].x, axis=1), made[0].size), *made[1:]]
    # Totals are sums in float32, from which the chromosome's own prediction is subtracted.
    np.testing.assert_allclose(without_first(changed), before, atol=2e-6)
    moved = [made[0], Dense(rng.permuted(made[1].x, axis=1), made[1].size), *made[2:]]
    assert np.abs(without_first(moved) - before).max() > 0.05


def test_weights_are_least_squares_that_are_not_negative() -> None:
    rng = np.random.default_rng(5)
    people, folds = 400, ridge.folds(400)
    totals = loco.Totals(4, people)
    traits = rng.standard_normal((4, people)).astype(np.float32)
    totals.sums[:] = rng.standard_normal((2, 4, people))
    totals.sums[0] += traits * np.array([[1], [1], [-1], [-1]])
    totals.sums[1] += traits * np.array([[0.5], [-1], [1], [-1]])
    totals.sums[1, 0] += totals.sums[0, 0] / 3
    found = totals.prediction(traits, None, folds)
    for fold in range(ridge.FOLDS):
        inside = np.zeros(people, dtype=bool)
        inside[folds[fold] : folds[fold + 1]] = True
        both = np.linalg.lstsq(totals.sums[:, 0, ~inside].T, traits[0, ~inside], rcond=None)[0]
        np.testing.assert_allclose(found[0, inside], both @ totals.sums[:, 0, inside], rtol=1e-4, atol=1e-5)
        for k, kind in ((1, 0), (2, 1)):
            own = totals.sums[kind, k]
            weight = own[~inside] @ traits[k, ~inside] / np.square(own[~inside]).sum()
            np.testing.assert_allclose(found[k, inside], weight * own[inside], rtol=1e-4, atol=1e-5)
    assert not found[3].any()
    assert not loco.Totals(4, people).prediction(traits, None, folds).any()


def test_expected_share_of_variance() -> None:
    shares = loco.expected_r2(np.array([1_000, 10_000, 40_000, 100_000]), 0.2)
    np.testing.assert_allclose(shares, [0.00066, 0.00645, 0.0235, 0.05], rtol=0.01)
    assert loco.expected_r2(10_000, -0.1) == 0


def test_folds_begin_at_whole_bytes_and_need_people() -> None:
    edges = ridge.folds(1003)
    assert edges[0] == 0
    assert edges[-1] == 1003
    assert all(edge % 4 == 0 for edge in edges[:-1])
    assert np.diff(edges).max() - np.diff(edges).min() <= 8
    with pytest.raises(ValueError, match="too few"):
        ridge.folds(15)


def test_memory_does_not_grow_with_predictors_of_all_people() -> None:
    rng = np.random.default_rng(6)
    people, traits = 6144, 48
    made = Dense(standardised(400, people, rng), 100)
    cohort = cohort_of(rng.standard_normal((people, traits)), np.empty((people, 0)), [made])
    cohort = replace(cohort, probes=cohort.probes[:0])
    predictors = 4 * traits * len(made) * len(ridge.HERITABILITIES) * people
    tracemalloc.start()
    ridge.prediction(made, cohort)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < predictors / 2
