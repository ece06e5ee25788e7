"""Residuals and squared correlations against NumPy's own least squares and correlations."""

from __future__ import annotations

import numpy as np
import pytest

from ecgwas.statistics.correlation import r2
from ecgwas.statistics.projection import project_rows, residuals, row_residuals, span

RNG = np.random.default_rng(3)
COVARIATES = RNG.standard_normal((60, 4)) * [1.0, 10.0, 0.1, 3.0]
VALUES = RNG.standard_normal((60, 7)) + 5
EXPECTED = VALUES - np.column_stack([np.ones(60), COVARIATES]) @ np.linalg.lstsq(
    np.column_stack([np.ones(60), COVARIATES]), VALUES, rcond=None
)[0]  # fmt: skip


@pytest.mark.parametrize("passes", [1, 2])
def test_residuals_are_those_of_least_squares(passes: int) -> None:
    basis = span(COVARIATES)
    np.testing.assert_allclose(residuals(VALUES, basis, passes=passes), EXPECTED, atol=1e-12)
    np.testing.assert_allclose(residuals(VALUES[:, 0], basis, passes=passes), EXPECTED[:, 0], atol=1e-12)


def test_residuals_may_take_the_place_of_the_values() -> None:
    basis, values = span(COVARIATES), VALUES.copy()
    expected = residuals(VALUES, basis)
    assert residuals(values, basis, out=values) is values
    np.testing.assert_array_equal(values, expected)


def test_residuals_leave_the_values_as_they_are() -> None:
    before = VALUES.copy()
    residuals(VALUES, span(COVARIATES), passes=2)
    row_residuals(VALUES.T, span(COVARIATES))
    np.testing.assert_array_equal(VALUES, before)


def test_rows_and_their_weights_add_up() -> None:
    basis = span(COVARIATES)
    remainder, weights = project_rows(VALUES.T, basis)
    np.testing.assert_allclose(remainder, EXPECTED.T, atol=1e-12)
    np.testing.assert_allclose(remainder + weights @ basis.T, VALUES.T, atol=1e-12)
    np.testing.assert_array_equal(row_residuals(VALUES.T, basis), remainder)


def test_r2_is_the_square_of_the_correlation() -> None:
    rows = np.vstack([VALUES.T, np.full(60, 2.0)])
    expected = [np.corrcoef(row, VALUES[:, 0])[0, 1] ** 2 for row in VALUES.T]
    np.testing.assert_allclose(r2(rows, VALUES[:, 0]), [*expected, 0.0], atol=1e-12)
