"""Reading marks of cardiologists, and the convention of the better of two leads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.findings.delineation import Score, Scores, best_of_two, qt_errors
from benchmarks.findings.delineation_marks import ENDS, Marked, medians_over_leads, pieces, qtdb, read_format_212
from benchmarks.findings.delineation_peers import together
from tests.conftest import SHARED
from tests.ecg.wfdb_files import Wave

QTDB = SHARED / "data" / "ecg" / "qtdb"


def test_format_212_is_two_numbers_of_twelve_bits_in_three_bytes(tmp_path: Path) -> None:
    numbers = np.array([[0, 1, -1, 2047, -2048], [5, -7, 300, -300, 1024]])
    packed = bytearray()
    for first, second in numbers.T & 0xFFF:
        packed += bytes([first & 0xFF, (first >> 8) | ((second >> 8) << 4), second & 0xFF])
    (tmp_path / "r.dat").write_bytes(bytes(packed))
    (tmp_path / "r.hea").write_text("r 2 250 5\nr.dat 212 200 12 0 0 0 0 MLII\nr.dat 212 100(0) 12 0 0 0 0 V5\n")
    np.testing.assert_allclose(read_format_212(tmp_path / "r.hea"), numbers * np.array([[5.0], [10.0]]))


@pytest.mark.real
def test_the_qt_database_is_read_as_the_wfdb_package_reads_it() -> None:
    wfdb = pytest.importorskip("wfdb")
    theirs = wfdb.rdrecord(str(QTDB / "sel100")).p_signal.T * 1000
    ours = read_format_212(QTDB / "sel100.hea")
    np.testing.assert_allclose(ours - ours[:, :1], theirs - theirs[:, :1], atol=1e-6)


def test_pieces_hold_runs_of_marked_beats() -> None:
    qrs_on = np.concatenate([np.arange(10) * 800.0 + 5000, [30_000.0, 30_800.0]])
    found = pieces(qrs_on)
    assert len(found) == 3  # ten beats are longer than a piece less its margins; the last two lie elsewhere
    assert found[-1][0] == 28_500.0
    for start, stop in found:
        assert stop - start <= 10_000.0


def test_a_wave_marked_in_few_leads_has_no_median() -> None:
    leads = [[Wave("N", 480 + 2 * lead, 500, 520)] for lead in range(7)]
    np.testing.assert_allclose(medians_over_leads(leads, "N"), [[972.0, 1000.0, 1040.0]])
    assert len(medians_over_leads(leads[:5], "N")) == 0


def test_of_two_leads_the_nearer_counts() -> None:
    marks = {name: np.array([1000.0, 2000.0]) for name in ENDS}
    leads = [np.full((2, 7), 1030.0), np.full((2, 7), 1990.0)]
    scores = {name: Score() for name in ENDS}
    best_of_two(leads, marks, scores)
    assert scores["T_off"].errors == [30.0, -10.0]
    assert (scores["T_off"].missed, scores["T_off"].invented) == (0, 0)


def test_qt_and_lines_of_scores() -> None:
    found = np.tile(np.array([[850.0, 900.0, 950.0, 990.0, 1080.0, 1250.0, 1390.0]]), (1, 1))
    marks = {"P_on": np.array([840.0]), "P_off": np.array([950.0]), "QRS_on": np.array([1000.0]), "QRS_off": np.array([1080.0]),
             "T_off": np.array([1380.0])}  # fmt: skip
    assert qt_errors(found, marks) == [20.0]
    scores = Scores()
    scores.add(
        Marked("1", np.zeros((2, 1)), 250.0, marks, (), {}), type("D", (), {"together": found, "by_lead": [found, found]})()
    )
    lines = list(scores.lines("qtdb"))
    assert "DELINEATION P_on data=qtdb convention=global mean=10.0 sd=0.0 sensitivity=100.0 ppv=100.0" in lines
    assert lines[-1] == "QT data=qtdb mean=20.0 sd=0.0 of=1"


def test_peers_need_half_of_the_leads() -> None:
    by_lead = [np.array([100.0, 900.0]), np.array([120.0]), np.array([110.0]), np.array([])]
    np.testing.assert_allclose(together(by_lead), [110.0])


@pytest.mark.real
def test_records_of_the_qt_database_have_marks_in_their_pieces() -> None:
    recording = next(qtdb(QTDB))
    assert recording.strip.shape == (2, 2500)
    assert len(recording.together["QRS_on"]) >= 5
    assert recording.second
