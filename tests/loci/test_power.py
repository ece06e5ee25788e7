"""Power, compared with statsmodels and with simulated regressions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import FTestPowerF2

from ecgwas.loci import power
from ecgwas.tables import Thresholds


@pytest.mark.parametrize(("share", "p", "people"), [(0.01, 5e-8, 1000), (0.05, 1.3e-10, 466), (0.1, 0.05, 60)])
def test_power_is_that_of_statsmodels(share: float, p: float, people: int) -> None:
    theirs = FTestPowerF2().power(share / (1 - share), df_num=1, df_denom=people - 2, alpha=p, ncc=1)
    assert power.power(share, p, people) == pytest.approx(theirs, rel=1e-6)


def test_power_is_that_of_simulated_regressions() -> None:
    generator = np.random.default_rng(1)
    people, share, p = 200, 0.1, 1e-3
    x = generator.normal(size=people)
    x = (x - x.mean()) / x.std()
    y = np.sqrt(share / (1 - share)) * x[:, None] + generator.normal(size=(people, 4000))
    r = (x[:, None] * (y - y.mean(axis=0))).mean(axis=0) / y.std(axis=0)
    t = r * np.sqrt((people - 2) / (1 - r**2))
    found = (2 * stats.t.sf(np.abs(t), people - 2) < p).mean()
    assert power.power(share, p, people) == pytest.approx(found, abs=0.025)


def test_a_thousand_people_find_4_5_percent_at_the_published_threshold() -> None:
    share = power.smallest_share(5e-8 / 32, 1000)
    assert share == pytest.approx(0.045, abs=0.001)
    assert power.power(share, 5e-8 / 32, 1000) == pytest.approx(0.8, abs=1e-6)
    assert power.power(0.01, 5e-8 / 32, 1000) == pytest.approx(0.002, abs=0.0005)


def test_covariates_use_degrees_of_freedom() -> None:
    few, many = power.smallest_share(1e-8, 100), power.smallest_share(1e-8, 100, covariates=40)
    assert few is not None
    assert many is not None
    assert many > few


def test_too_few_people_find_nothing() -> None:
    assert power.smallest_share(1e-8, 2) is None


def test_the_table_has_a_row_per_threshold() -> None:
    blank = dict.fromkeys(Thresholds.columns)
    given = Thresholds.of([blank | {"kind": "published", "p": 1e-9}, blank | {"kind": "bonferroni", "p": 1e-10}])
    table = power.table(given, 466)
    assert table["kind"].to_list() == ["published", "bonferroni"]
    assert (table["share_at_power_50"] < table["share_at_power_80"]).all()
    assert table["share_at_power_80"][0] < table["share_at_power_80"][1]
    assert power.table(Thresholds.empty(), 466).columns == table.columns


def test_a_threshold_that_noise_passes_needs_no_effect() -> None:
    assert power.smallest_share(0.9, 1000, target=0.8) == 0.0
    assert (power.smallest_share(0.9, 1000, target=0.95) or 0) > 0
