"""Sums over risk sets against their definition, participant by participant."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgwas.errors import InputError
from ecgwas.outcomes.risk_sets import risk_sets


@given(people=st.integers(1, 30), late=st.booleans(), strata=st.integers(1, 3), seed=st.integers(0, 10**6))
@settings(max_examples=80, deadline=None)
def test_means_and_expected_events_by_definition(people: int, late: bool, strata: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    entry = rng.integers(0, 4, people).astype(float) if late else None
    exit_ = (0 if entry is None else entry) + rng.integers(1, 5, people).astype(float)
    event, stratum = rng.random(people) < 0.6, rng.integers(0, strata, people)
    risk, x = rng.uniform(0.1, 3, people), rng.standard_normal((people, 2))
    sets = risk_sets(entry, exit_, event, stratum)
    weighted = sets.at(risk)
    means, expected, weight = weighted.means(x), np.zeros(people), rng.standard_normal(int(event.sum()))
    row, times_weight = 0, np.zeros(people)
    assert len(sets.event_person) == event.sum()
    for s in np.unique(stratum):
        for time in np.unique(exit_[event & (stratum == s)]):
            at_risk = (exit_ >= time) & (stratum == s) & (True if entry is None else entry < time)
            dying = at_risk & event & (exit_ == time)
            for j in range(int(dying.sum())):
                counts = risk * (at_risk - j / dying.sum() * dying)
                assert sets.times[sets.event_time[row]] == time
                assert dying[sets.event_person[row]]
                assert weighted.denominators[row] == pytest.approx(counts.sum())
                np.testing.assert_allclose(means[row], counts @ x / counts.sum(), rtol=1e-9, atol=1e-12)
                expected += counts / counts.sum()
                times_weight += weight[row] * counts / counts.sum()
                row += 1
    np.testing.assert_allclose(weighted.expected(), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(weighted.expected(weight), times_weight, rtol=1e-9, atol=1e-12)
    assert expected.sum() == pytest.approx(event.sum())


def test_exit_at_entry_and_missing_times_are_refused_in_words() -> None:
    entry, exit_, event = np.array([0.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.5]), np.ones(3, dtype=bool)
    with pytest.raises(InputError, match=r"exit of 2 participants is not after their entry \(rows 1, 2\)"):
        risk_sets(entry, exit_, event, None)
    with pytest.raises(InputError, match="1 entries of participants in the analysis are missing or infinite"):
        risk_sets(np.array([np.nan, 0.0, 0.0]), exit_, event, None)
    with pytest.raises(InputError, match="1 exits"):
        risk_sets(None, np.array([1.0, np.inf, 2.0]), event, None)
