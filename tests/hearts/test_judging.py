"""Benchmarks that use other hearts: representations, delineation under faults, probes of PTB-XL."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import mannwhitneyu

from benchmarks.findings import delineation_faults, probes
from benchmarks.findings.delineation import Score, match
from benchmarks.findings.representations import on_simulated, simulated
from benchmarks.hearts import draw
from benchmarks.record import rows
from ecgwas.study import Intervals, Pca
from tests.conftest import SHARED

PTBXL = SHARED / "data" / "ecg" / "ptbxl"


def test_representations_are_judged_on_other_hearts(capsys: pytest.CaptureFixture[str]) -> None:
    cohort = simulated(40, 2, without_noise=False, hearts="ecgsyn")
    assert cohort.truth.shape == (40, len(cohort.names))
    assert "t_strength" in cohort.names
    found = on_simulated("both", (Intervals(name="clinical"), Pca(name="pca", features=4)), cohort)
    assert found.r2["hr_bpm"] > 0.2
    (line,) = [row for row in rows(capsys.readouterr().out.splitlines()) if row["kind"] == "R2"]
    assert (line["words"], line["hearts"], line["features"]) == (["both"], "ecgsyn", found.features)


def test_points_are_matched_and_false_and_missed_ones_counted() -> None:
    score = Score()
    match(np.array([110.0, 395.0, 700.0, 1000.0]), np.array([100.0, 405.0, 2000.0]), (400.0, 3000.0), score)
    assert score.errors == [-10.0]  # 100 is outside the span
    assert (score.missed, score.invented) == (1, 2)
    assert delineation_faults.shares(score) == pytest.approx((50.0, 100 / 3))


def test_delineation_of_plain_hearts_is_good_and_fibrillation_has_no_true_p() -> None:
    plain = delineation_faults.scores_of(draw("plain", 2, 1).first)
    lines = {row.get("fiducial", row["kind"]): row for row in rows(list(plain.lines("plain")))}
    assert lines["BEATS"]["sensitivity"] == 100
    assert abs(lines["QRS_on"]["bias"]) < 8
    assert lines["T_off"]["sensitivity"] > 95
    without_p = delineation_faults.scores_of(draw("fibrillation", 2, 1).first)
    found = {row.get("fiducial"): row for row in rows(list(without_p.lines("fibrillation")))}
    assert np.isnan(found["P_on"]["sensitivity"])
    assert found["QRS_on"]["sensitivity"] > 95


def test_a_recording_without_beats_misses_every_point() -> None:
    scores = delineation_faults.Scores()
    true = np.full((3, 7), 5000.0) + np.arange(3)[:, None] * 800
    scores.add(np.zeros((12, 5000), dtype=np.float32), np.array([5000.0, 5800.0, 6600.0]), true)
    assert (scores.without, scores.beats.missed, scores.points["P_on"].missed) == (1, 3, 3)


def test_area_under_the_curve_is_mann_whitneys() -> None:
    rng = np.random.default_rng(1)
    scores, positive = np.rint(3 * rng.standard_normal(60)), rng.random(60) < 0.3
    u = mannwhitneyu(scores[positive], scores[~positive]).statistic
    assert probes.auc(scores, positive) == pytest.approx(u / positive.sum() / (~positive).sum())
    assert np.isnan(probes.auc(scores, np.zeros(60, dtype=bool)))


@pytest.mark.parametrize("penalty", [0.1, 30.0])
def test_logistic_regression_is_the_minimum_of_its_loss(penalty: float) -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((80, 5))
    y = rng.random(80) < 1 / (1 + np.exp(1 - 3 * x[:, 0]))

    def loss(weights: np.ndarray) -> float:
        scores = weights[0] + x @ weights[1:]
        return float(np.log1p(np.exp(-np.where(y, 1, -1) * scores)).sum() + penalty / 2 * (weights[1:] ** 2).sum())

    expected = minimize(loss, np.zeros(6), method="BFGS", options={"gtol": 1e-7}).x
    np.testing.assert_allclose(probes.logistic(x, y, penalty), expected, atol=1e-4)


def test_ridge_regression_without_penalty_is_least_squares() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((50, 3)) + 5, rng.standard_normal(50)
    expected = np.linalg.lstsq(np.column_stack([np.ones(50), x]), y, rcond=None)[0]
    np.testing.assert_allclose(probes.ridge_regression(x, y, 0.0), expected, atol=1e-9)


def test_probes_find_a_label_and_never_split_a_person() -> None:
    rng = np.random.default_rng(4)
    person = np.array([str(i // 2) for i in range(240)])
    fold = probes.folds_by_person(person, 5)
    assert sorted(set(fold.tolist())) == [0, 1, 2, 3, 4]
    assert all(len(set(fold[person == one])) == 1 for one in set(person))
    x = rng.standard_normal((240, 10))
    label, age = x[:, 3] + 0.5 * rng.standard_normal(240) > 0, 50 + 10 * x[:, 1] + rng.standard_normal(240)
    train = fold != 0
    assert probes.auc(probes.predicted(x, label, person, train)[~train], label[~train]) > 0.85
    assert np.abs(probes.predicted(x, age, person, train) - age)[~train].mean() < 2
    chance = rng.random(240) < 0.5
    assert 0.2 < probes.auc(probes.predicted(x, chance, person, train)[~train], chance[~train]) < 0.8


def test_superclasses_of_statements() -> None:
    assert probes.superclasses_of("{'NORM': 100.0, 'SR': 0.0}") == {"NORM"}
    assert probes.superclasses_of("{'IMI': 50.0, 'LVH': 100.0, 'ISC_': 0.0}") == {"MI", "HYP", "STTC"}
    assert probes.superclasses_of("{'SR': 0.0, 'PVC': 100.0}") == set()
    codes = [code for members in probes.SUPERCLASSES.values() for code in members]
    assert len(codes) == len(set(codes)) == 44


def test_recordings_without_labels_are_excluded_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [
        ("1", "56", "1", "{'NORM': 100.0}"), ("1", "57", "1", "{'LVH': 100.0}"), ("2", "", "0", "{'NORM': 100.0}"),
        ("3", "300", "0", "{'NORM': 100.0}"), ("4", "40", "0", "{'SR': 0.0}"), ("5", "41", "0", "{'IMI': 80.0}"),
    ]  # fmt: skip
    with (tmp_path / "ptbxl_database.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient_id", "age", "sex", "scp_codes", "filename_hr"])
        writer.writerows((*row, f"records500/{i}_hr") for i, row in enumerate(records))
    (tmp_path / "records500").mkdir()
    for i in range(5):
        (tmp_path / "records500" / f"{i}_hr.hea").touch()
    paths, labels = probes.labelled(tmp_path)
    assert [path.stem for path in paths] == ["0_hr", "1_hr"]
    assert labels.superclasses["HYP"].tolist() == [False, True]
    assert labels.male.tolist() == [False, False]  # 1 is female in PTB-XL
    assert "of=6 kept=2 not_here=1 no_diagnosis=1 no_age_or_sex=2" in capsys.readouterr().out


@pytest.mark.real
@pytest.mark.skipif(not PTBXL.is_dir(), reason="no PTB-XL in ../shared/data/ecg/ptbxl")
def test_probes_of_a_few_real_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (PTBXL / "ptbxl_database.csv").open(newline="") as file:
        header, *lines = file.read().splitlines()[:61]
    (tmp_path / "ptbxl_database.csv").write_text("\n".join([header, *lines]) + "\n")
    (tmp_path / "records500").symlink_to(PTBXL / "records500")
    monkeypatch.setattr("sys.argv", ["probes.py", "--ptbxl", str(tmp_path), "--only", "intervals", "--folds", "2"])
    probes.main()
    found = {row.get("label"): row for row in rows(capsys.readouterr().out.splitlines()) if row["words"] == ["intervals"]}
    assert set(found) == {*probes.SUPERCLASSES, "sex", "age"}
    assert 0 <= found["sex"]["auc"] <= 1
    assert found["age"]["error_years"] < 40
