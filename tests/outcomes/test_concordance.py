"""Harrell's C by definition, pair by pair, and against R's survival."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgwas.errors import InputError
from ecgwas.outcomes.concordance import concordance
from tests.outcomes import r
from tests.outcomes.cohorts import drawn


@given(people=st.integers(1, 40), late=st.booleans(), levels=st.integers(1, 30), seed=st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_pairs_are_those_of_the_definition(people: int, late: bool, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, people).astype(float)
    entry = rng.integers(0, 5, people).astype(float) if late else None
    exit_ = (0 if entry is None else entry) + rng.integers(1, 8, people)
    exit_, event = np.asarray(exit_, dtype=float), rng.random(people) < 0.6
    counts = {1.0: 0, -1.0: 0, 0.0: 0}
    for i in np.flatnonzero(event):
        for j in range(people):
            after = exit_[j] > exit_[i] or (exit_[j] == exit_[i] and not event[j])
            if after and (entry is None or entry[j] < exit_[i]):
                counts[float(np.sign(scores[i] - scores[j]))] += 1
    pairs = concordance(scores, exit_, event, entry)
    assert (pairs.concordant, pairs.discordant, pairs.tied_score) == (counts[1.0], counts[-1.0], counts[0.0])
    if sum(counts.values()) == 0:
        assert np.isnan(pairs.c)


@pytest.mark.parametrize("late", [False, True])
def test_c_is_that_of_r(late: bool, tmp_path: Path) -> None:
    cohort = drawn(300, decimals=0)
    scores = np.round(cohort.features[:, 0], 1)
    entry = cohort.entry if late else np.zeros(300)
    script = """
x <- concordance(Surv(d$a, d$b, d$e) ~ f, d, reverse = TRUE, timefix = FALSE)
write(c(x$concordance, x$count[c("concordant", "discordant", "tied.x")]), stdout(), ncolumns = 1)
"""
    expected = r.survival(script, tmp_path, a=entry, b=cohort.exit, e=cohort.event, f=scores)
    pairs = concordance(scores, cohort.exit, cohort.event == 1, cohort.entry if late else None)
    assert pairs.c == pytest.approx(expected[0], rel=1e-9)
    assert (pairs.concordant, pairs.discordant, pairs.tied_score) == tuple(expected[1:])
    assert pairs.c > 0.6


def test_refusals_in_words() -> None:
    ones, event = np.ones(2), np.ones(2, dtype=bool)
    with pytest.raises(InputError, match="exit of 2 participants is not after"):
        concordance(ones, ones, event, ones)
    with pytest.raises(InputError, match="missing or infinite"):
        concordance(np.array([1.0, np.nan]), ones, event)
