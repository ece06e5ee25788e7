"""The randomised iteration against NumPy's full decomposition."""

from __future__ import annotations

import numpy as np
import pytest

from ecgwas.statistics.randomised_svd import leading_space


@pytest.mark.parametrize(("keep_blocks", "columns"), [(False, 9), (True, 9 * 7)])
def test_the_space_holds_the_leading_singular_vectors(keep_blocks: bool, columns: int) -> None:
    rng = np.random.default_rng(2)
    matrix = rng.standard_normal((120, 80)) * 0.6 ** np.arange(80)
    space = leading_space(
        rng.standard_normal((80, 9)), lambda basis: matrix.T @ (matrix @ basis), rounds=6, keep_blocks=keep_blocks
    )
    assert space.shape == (80, columns)
    np.testing.assert_allclose(space.T @ space, np.eye(columns), atol=1e-10)
    leading = np.linalg.svd(matrix)[2][:4].T
    np.testing.assert_allclose(space @ (space.T @ leading), leading, atol=1e-6)
