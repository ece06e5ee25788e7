"""Inflation and QQ points, compared with NumPy and SciPy on the tests themselves."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from ecgwas.loci import inflation
from ecgwas.tables import CHI2_EDGES, Associations, LeftOutVariants, ScanResult

TESTS = 50_000
PEOPLE = 400


def scanned(t: np.ndarray, keep: float = 3.0) -> ScanResult:
    neglog10p = -(stats.t.logsf(np.abs(t), PEOPLE - 2) + np.log(2)) / np.log(10)
    kept = neglog10p[neglog10p >= keep]
    records = [{name: None for name in Associations.columns} | {"trait": "r.V1.f", "neglog10p": p} for p in kept]
    return ScanResult(
        Associations.of(records), LeftOutVariants.empty(), ("r.V1.f",), np.array([PEOPLE]), np.array([len(t)]),
        np.array([0]), np.histogram(t**2, CHI2_EDGES)[0][None, :].astype(np.int64),
    )  # fmt: skip


def points_of(*results: ScanResult) -> pl.DataFrame:
    return inflation.qq(results, [result.associations.frame.select("trait", "neglog10p") for result in results])


@pytest.mark.parametrize("scale", [0.9, 1.0, 1.5, 4.0])
def test_lambda_is_the_median_over_its_null(scale: float) -> None:
    t = scale * np.random.default_rng(1).standard_normal(TESTS)
    expected = np.median(t**2) / stats.chi2.ppf(0.5, 1)
    assert inflation.lambda_gc(scanned(t).chi2_counts[0]) == pytest.approx(expected, abs=0.005)


def test_lambda_of_no_tests_is_none() -> None:
    assert inflation.lambda_gc(np.zeros(len(CHI2_EDGES) - 1, dtype=np.int64)) is None


def test_lambda_interpolates_in_its_bin() -> None:
    counts = np.zeros(len(CHI2_EDGES) - 1, dtype=np.int64)
    counts[10], counts[200] = 3, 1
    # Median: two thirds into the bin from 0.10 to 0.11.
    assert inflation.lambda_gc(counts) == pytest.approx((0.10 + 0.01 * 2 / 3) / stats.chi2.ppf(0.5, 1))


def test_qq_points_are_the_order_statistics() -> None:
    t = stats.t.rvs(PEOPLE - 2, size=TESTS, random_state=np.random.default_rng(2))
    points = points_of(scanned(t[:20_000]), scanned(t[20_000:]))
    assert points["expected"].is_sorted()
    ordered = np.sort(2 * stats.t.sf(np.abs(t), PEOPLE - 2))
    ranks = np.round(10.0 ** -points["expected"].to_numpy() * TESTS + 0.5).astype(int)
    truth = -np.log10(ordered[ranks - 1])
    tail = points["expected"].to_numpy() > 3.0
    np.testing.assert_allclose(points["observed"].to_numpy()[tail & (truth >= 3)], truth[tail & (truth >= 3)], rtol=1e-9)
    np.testing.assert_allclose(points["observed"].to_numpy(), truth, atol=0.02)


def test_qq_points_of_many_traits_do_not_depend_on_the_batches() -> None:
    """Rows without a p-value, and of traits that were not tested, do not count."""
    rng = np.random.default_rng(5)
    names = ("r.V1.f", "a.V1.g", "r.V2.f")
    t = stats.t.rvs(PEOPLE - 2, size=(3, 2_000), random_state=rng)
    t[1] *= 1.5
    neglog10p = -(stats.t.logsf(np.abs(t), PEOPLE - 2) + np.log(2)) / np.log(10)
    result = ScanResult(
        Associations.empty(), LeftOutVariants.empty(), names, np.full(3, PEOPLE), np.full(3, 2_000), np.zeros(3, np.int64),
        np.array([np.histogram(row**2, CHI2_EDGES)[0] for row in t]),
    )  # fmt: skip
    rows = pl.DataFrame({"trait": np.repeat(names, 2_000), "neglog10p": neglog10p.ravel()}).filter(pl.col("neglog10p") > 1)
    others = pl.DataFrame({"trait": ["r.V1.f", "a.V1.g", "not.tested"], "neglog10p": [None, np.nan, 50.0]})
    rows = pl.concat([rows, others]).sample(fraction=1.0, shuffle=True, seed=1)
    whole = inflation.qq([result], [rows])
    assert inflation.qq([result], rows.iter_slices(100)).equals(whole)
    assert inflation.qq([result], [*rows.sort("trait").iter_slices(7), rows.clear()]).equals(whole)
    for name, all_of_it in zip(names, np.sort(neglog10p)[:, ::-1], strict=True):
        points = whole.filter(pl.col("trait") == name)
        ranks = np.round(10.0 ** -points["expected"].to_numpy() * 2_000 + 0.5).astype(int)
        exact = all_of_it[ranks - 1] > 1
        assert exact.sum() > 20
        np.testing.assert_array_equal(points["observed"].to_numpy()[exact], all_of_it[ranks - 1][exact])


def test_the_band_contains_95_percent_of_null_order_statistics() -> None:
    generator = np.random.default_rng(3)
    t = stats.t.rvs(PEOPLE - 2, size=1000, random_state=generator)
    points = points_of(scanned(t, keep=0.0))
    low, high = points["low"].to_numpy(), points["high"].to_numpy()
    drawn = -np.log10(np.sort(generator.uniform(size=(4000, 1000)), axis=1))
    ranks = np.round(10.0 ** -points["expected"].to_numpy() * 1000 + 0.5).astype(int)
    inside = ((drawn[:, ranks - 1] >= low) & (drawn[:, ranks - 1] <= high)).mean(axis=0)
    np.testing.assert_allclose(inside, 0.95, atol=0.02)


def test_a_strong_hit_is_shown_with_its_own_value() -> None:
    t = np.append(np.random.default_rng(4).standard_normal(1000), 60.0)
    points = points_of(scanned(t))
    assert points["observed"].max() == pytest.approx(-(stats.t.logsf(60, PEOPLE - 2) + np.log(2)) / np.log(10))


def test_a_trait_without_tests_has_no_points() -> None:
    result = scanned(np.empty(0))
    assert points_of(result).height == 0
    assert points_of(result).schema["expected"] == pl.Float64
