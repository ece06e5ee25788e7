from __future__ import annotations

import mpmath
import numpy as np
import pytest

from ecgwas.statistics.least_squares import least_t_squared, neglog10p

mpmath.mp.dps = 60

CASES = [
    (4e-5, 50), (1e-3, 900), (0.4999, 900), (0.5001, 3), (1.0, 3), (2, 30), (5, 466), (7, 7), (29.9, 900), (38, 500_000),
    (40, 1_000_000), (60, 900), (134.5, 50_000), (230.6, 1_000), (600, 1_000), (3_000, 1_000), (36_000, 1_000), (1e9, 12),
]  # fmt: skip


def exactly(t: float, df: int) -> float:
    """-log10 of the two-sided p with 60 digits."""
    half, square = mpmath.mpf(df) / 2, mpmath.mpf(t) ** 2
    p = mpmath.betainc(half, mpmath.mpf(1) / 2, 0, df / (df + square), regularized=True)
    return float(-mpmath.log10(p))


@pytest.mark.parametrize(("t", "df"), CASES)
def test_p_to_ten_digits_however_small(t: float, df: int) -> None:
    assert float(neglog10p(np.array(t), df)) == pytest.approx(exactly(t, df), rel=1e-10)


def test_p_of_ten_to_the_minus_3900() -> None:
    found = float(neglog10p(np.array(228.0), 9_969))
    assert 3_900 < found < 4_000
    assert found == pytest.approx(exactly(228.0, 9_969), rel=1e-10)


def test_no_effect_and_shapes() -> None:
    np.testing.assert_array_equal(neglog10p(np.zeros((2, 3)), np.array([10.0, 20.0, 30.0])), np.zeros((2, 3)))
    assert neglog10p(np.empty((0, 4)), 5.0).shape == (0, 4)


@pytest.mark.parametrize(("limit", "df"), [(3.0, 40), (7.3, 1_000), (50.0, 200)])
def test_the_least_t_reaches_its_limit(limit: float, df: int) -> None:
    t = np.sqrt(least_t_squared(limit, df))
    assert float(neglog10p(np.array(t), df)) == pytest.approx(limit, rel=1e-6)
