"""Features of two fits matched one to one, against every permutation and planted ones."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest

from ecgwas.represent.reliability.seed_stability import match_features, matched_to
from ecgwas.tables import Features


def test_the_match_has_the_largest_sum_of_all_permutations() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        first, second = rng.normal(size=(2, 30, 5))
        r = np.corrcoef(first.T, second.T)[:5, 5:]
        best = max(np.abs(r[range(5), list(order)]).sum() for order in itertools.permutations(range(5)))
        found = match_features(first, second)
        assert sorted(found.partner) == list(range(5))
        assert np.abs(found.r).sum() == pytest.approx(best)
        np.testing.assert_allclose(found.r, r[range(5), found.partner])


def test_people_without_values_do_not_count_and_constants_correlate_with_nothing() -> None:
    rng = np.random.default_rng(2)
    first = rng.normal(size=(40, 3))
    second = first[:, [2, 0, 1]].copy()
    second[:, 1] *= -1
    second[:4] = np.nan
    found = match_features(first, second)
    assert found.partner.tolist() == [1, 2, 0]
    np.testing.assert_allclose(found.r, [-1, 1, 1])
    first[:, 0] = 7
    assert match_features(first, second).r[0] == 0
    assert match_features(first[:2], second[:2]).r.tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="same people"):
        match_features(first, second[:, :2])


def test_features_of_another_seed_get_the_names_and_signs_of_the_first() -> None:
    rng = np.random.default_rng(3)
    eids = [str(i) for i in range(50) for _ in range(2)]
    leads = ["I", "II"] * 50
    values = rng.normal(size=(100, 3)).astype(np.float32)
    names = ["f01", "f02", "f03"]
    turned = np.empty_like(values)
    turned[0::2] = values[0::2][:, [1, 2, 0]] * np.float32([-1, 1, 1])
    turned[1::2] = values[1::2][:, [2, 1, 0]] * np.float32([1, -1, -1])
    turned[7] = np.nan

    def table(array: np.ndarray) -> Features:
        columns = pl.from_numpy(array, schema=names).fill_nan(None)
        return Features(pl.DataFrame({"eid": eids, "lead": leads}).hstack(columns).with_columns(mse=pl.lit(0.5)))

    found, match = matched_to(table(values), table(turned), seed=4)
    assert found.frame.columns == ["eid", "lead", *names, "mse"]
    assert found.frame["eid"].to_list() == eids
    assert found.frame.row(7)[2:5] == (None, None, None)
    rest = np.delete(np.arange(100), 7)
    np.testing.assert_allclose(found.frame.select(names).to_numpy()[rest], values[rest])
    assert match.filter(lead="I")["partner"].to_list() == ["f03", "f01", "f02"]
    assert match.filter(lead="I")["r"].round(6).to_list() == [1, -1, 1]
    assert match["seed"].unique().to_list() == [4]
