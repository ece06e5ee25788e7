"""The median over a few beats is NumPy's, to the last bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ecgwas.ecg.medians import median_over_first


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=3, max_side=9), elements=st.floats(-1e6, 1e6) | st.just(np.nan)))
def test_it_is_numpys_median(values: np.ndarray) -> None:
    np.testing.assert_array_equal(median_over_first(values), np.median(values, axis=0))
