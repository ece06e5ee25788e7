"""Simulated outcomes: statsmodels finds the planted effects, and none where none is planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from ecgwas.simulate import Hearts, SimulatedOutcomes, draw_hearts, draw_outcomes
from ecgwas.simulate.outcomes import AGE_EFFECT, END, MALE_EFFECT, PLANTED, write_outcomes

PEOPLE = 3000
EFFECT = {one.outcome: one.effect for one in PLANTED}
Drawn = tuple[Hearts, NDArray[np.int64], NDArray[np.bool_], SimulatedOutcomes]
PARAMETER = {one.outcome: one.parameter for one in PLANTED}


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    rng = np.random.default_rng(4)
    male = rng.random(PEOPLE) < 0.46
    age = np.rint(np.clip(rng.normal(56, 8, PEOPLE), 40, 75)).astype(np.int64)
    hearts = draw_hearts(PEOPLE, rng, age_sd=(age - 56) / 8, male=male)
    return hearts, age, male, draw_outcomes(hearts, age, male, rng)


def design(drawn: Drawn, parameter: str) -> NDArray[np.float64]:
    hearts, age, male, _ = drawn
    values = hearts[parameter]
    return np.column_stack([(values - values.mean()) / values.std(), male, (age - 56) / 8]).astype(float)


def near(found: float, se: float, true: float) -> bool:
    return abs(found - true) < 3.5 * se


def test_log_odds(drawn: Drawn) -> None:
    for name, true in (("conduction_disease", EFFECT["conduction_disease"]), ("myopia", 0.0)):
        fit = sm.Logit(drawn[3].diseases[name].astype(float), sm.add_constant(design(drawn, "pr_ms"))).fit(disp=0)
        assert near(fit.params[1], fit.bse[1], true)
        assert near(fit.params[2], fit.bse[2], MALE_EFFECT)
        assert near(fit.params[3], fit.bse[3], AGE_EFFECT)


def test_log_hazards_after_the_ecg(drawn: Drawn) -> None:
    outcomes = drawn[3]
    end = np.fmin(outcomes.death, END)
    assert (np.isnat(outcomes.death) | (outcomes.death > outcomes.ecg)).all()
    assert (outcomes.birth < outcomes.ecg).all()
    for name, true in (("arrhythmia", EFFECT["arrhythmia"]), ("eczema", 0.0)):
        onset = outcomes.onset[name]
        here = ~(onset <= outcomes.ecg)
        event = ~np.isnat(onset[here])
        exit_ = np.where(event, onset[here], end[here])
        times = [(each - outcomes.birth[here]).astype("timedelta64[D]").astype(float) / 365.25
                 for each in (exit_, outcomes.ecg[here])]  # fmt: skip
        x = design(drawn, PARAMETER["arrhythmia"])[here, :2]
        fit = sm.PHReg(times[0], x, status=event.astype(int), entry=times[1] + 1e-9, ties="efron").fit()
        assert near(fit.params[0], fit.bse[0], true)
        assert near(fit.params[1], fit.bse[1], MALE_EFFECT)
        assert 0.1 < event.mean() < 0.5


def test_measurements(drawn: Drawn) -> None:
    for name, true in (("lv_mass_g", EFFECT["lv_mass_g"]), ("vital_capacity_l", 0.0)):
        fit = sm.OLS(drawn[3].measurements[name], sm.add_constant(design(drawn, "r_uv"))).fit()
        assert near(fit.params[1], fit.bse[1], true)


def test_files(drawn: Drawn, tmp_path: Path) -> None:
    write_outcomes(tmp_path, [str(k) for k in range(PEOPLE)], drawn[3])
    names = {path.name: path.read_text().splitlines() for path in (tmp_path / "outcomes").iterdir()}
    assert set(names) == {"follow_up.tsv", "first_occurrences.tsv", "diseases.tsv", "measurements.tsv"}
    assert all(len(lines) == PEOPLE + 1 for lines in names.values())
    truth = (tmp_path / "outcomes_truth.tsv").read_text().splitlines()
    assert truth[1].split("\t") == ["conduction_disease", "binary", "pr_ms", "0.9", "log odds ratio"]
