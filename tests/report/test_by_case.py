"""Mean beats of cases and matched controls, compared with means by hand; their figure; what may be shared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from ecgwas.report import outcomes as sharing
from ecgwas.report.by_case import NONE, MatchedOutcome, case_beats
from ecgwas.report.figures import cases
from ecgwas.report.mean_beats import CaseBeats
from ecgwas.signals import Signals
from ecgwas.tables import files
from tests.factories import make_signals

SETS = np.array([[0, 1, 2, 3], [4, 5, NONE, NONE], [6, 7, 8, NONE], [9, 10, NONE, NONE], [11, 12, 13, 14]])


@pytest.fixture(scope="module")
def signals() -> Signals:
    return make_signals(15, 3)


@pytest.fixture(scope="module")
def beats(signals: Signals) -> CaseBeats:
    return case_beats(signals, MatchedOutcome("atrial_fibrillation", "incident", "clinical.all.pr_ms", 5.5, SETS, 2))


def test_means_are_those_of_sets(signals: Signals, beats: CaseBeats) -> None:
    each = np.asarray(signals.beats, dtype=np.float64)
    controls = np.stack([each[[i for i in one[1:] if i != NONE]].mean(axis=0) for one in SETS])
    difference = each[SETS[:, 0]] - controls
    np.testing.assert_allclose(beats.mean_uv[0], each[SETS[:, 0]].mean(axis=0), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(beats.mean_uv[1], controls.mean(axis=0), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(beats.difference_uv, difference.mean(axis=0), rtol=1e-9, atol=1e-6)
    half = 1.959964 * difference.std(axis=0, ddof=1) / np.sqrt(len(SETS))
    np.testing.assert_allclose(beats.difference_half_width_uv, half, rtol=1e-5, atol=1e-4)
    assert (beats.cases, beats.controls, beats.unmatched) == (5, 10, 2)


def test_the_figure_has_every_lead_and_the_numbers_behind_it(beats: CaseBeats) -> None:
    ((name, figure),) = cases.figures([beats]).items()
    assert name == "cases_atrial_fibrillation_incident"
    assert "atrial fibrillation (incident)" in figure.title
    assert "2 cases have no control" in figure.caption
    numbers = pl.read_csv(figure.csv.encode())
    assert numbers["lead"].unique().sort().to_list() == sorted(beats.leads)
    row = numbers.filter(pl.col("lead") == "V2").row(40, named=True)
    lead, at = beats.leads.index("V2"), int(np.flatnonzero(beats.times_ms == row["time_ms"])[0])
    assert row["difference_uv"] == pytest.approx(beats.difference_uv[lead, at], rel=1e-5)
    assert row["mean_cases_uv"] - row["mean_controls_uv"] == pytest.approx(row["difference_uv"], abs=1e-3)


def outcomes_table(cases_of_outcome: int | None) -> dict[files.ResultFile, pl.DataFrame]:
    row = {"outcome": "atrial_fibrillation", "analysis": "incident", "cases": cases_of_outcome}
    return {files.OUTCOMES: pl.DataFrame([row], schema={"outcome": pl.String, "analysis": pl.String, "cases": pl.Int64})}


def test_shared_beats_are_of_outcomes_whose_counts_are_shared_and_in_whole_microvolts(beats: CaseBeats) -> None:
    (shared,) = sharing.shareable_beats([beats], outcomes_table(30), 10)
    assert (shared.mean_uv == np.round(shared.mean_uv)).all()
    assert (shared.difference_uv == np.round(shared.difference_uv)).all()
    assert shared.unmatched == 0
    assert sharing.shareable_beats([replace(beats, unmatched=12)], outcomes_table(30), 10)[0].unmatched == 12
    assert sharing.shareable_beats([beats], outcomes_table(None), 10) == ()
    assert sharing.shareable_beats([beats], {}, 10) == ()
