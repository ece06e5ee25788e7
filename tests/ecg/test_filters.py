"""Filters are those of SciPy, whoever has changed an earlier copy."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter

from ecgwas.ecg.filters import butterworth


def test_a_filter_is_scipys_and_a_changed_copy_does_not_change_the_next() -> None:
    expected = butter(2, (5.0, 25.0), "bandpass", fs=500.0, output="sos")
    first = butterworth(2, (5.0, 25.0), "bandpass", 500.0)
    np.testing.assert_array_equal(first, expected)
    first[:] = 0
    np.testing.assert_array_equal(butterworth(2, (5.0, 25.0), "bandpass", 500.0), expected)
    other_rate = butter(2, (5.0, 25.0), "bandpass", fs=250.0, output="sos")
    np.testing.assert_array_equal(butterworth(2, (5.0, 25.0), "bandpass", 250.0), other_rate)
