"""Records of diagnoses: phecodes, lists of codes, related diagnoses, sex, numbers of dates."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas.errors import InputError
from ecgwas.outcomes.outcome import Outcome
from ecgwas.outcomes.sources import diagnoses
from ecgwas.study.outcomes import Diagnoses, Disease
from tests.outcomes.people import cohort, described, written

RECORDS = """\
eid\tcode\tdate
a1\tI48.0\t2016-01-01
a1\tI489\t2016-05-01
a2\tI47\t2010-01-01
a3\tI471\t2017-01-01
a4\tC61\t2010-01-01
a6\tC61\t
zz\tI48\t2010-01-01
"""
"""a1 has fibrillation after the ECG; a2 a related disease before it, a3 after it; a4 (a woman) and a6 a disease of men."""
MAP = """\
code,phecode,group,sex,name
I48,CV_1,Heart,,Fibrillation
I48.0,CV_1,Heart,,Fibrillation
I489,CV_1,Heart,,Fibrillation
I47,CV_2,Heart,,Tachycardia
I47.1,CV_2,Heart,,Tachycardia
C61,CA_1,Cancer,Male,Prostate cancer
Z99,ZZ_1,Other,,Unused
"""


def read(folder: Path, *, dated: bool = True, **options: object) -> dict[tuple[str, str], Outcome]:
    table = Diagnoses(file=written(folder, RECORDS), **options)
    return {(one.name, one.analysis): one for one in diagnoses.read(table, cohort(folder if dated else None))}


def test_phecodes_with_groups_and_sexes(tmp_path: Path) -> None:
    outcomes = read(tmp_path, map=written(tmp_path, MAP, "map.csv"))
    assert {name for name, _ in outcomes} == {"Fibrillation", "Tachycardia", "Prostate cancer"}
    assert outcomes["Fibrillation", "prevalent"].group == "Heart"
    assert described(outcomes["Fibrillation", "prevalent"]) == ["0", "RELATED", "0", "0", "NO_DATES", "NO_DATES"]
    # A related disease after the ECG excludes nobody who is followed from the ECG.
    assert described(outcomes["Fibrillation", "incident"]) == ["1", "RELATED", "0", "0", "NO_DATES", "NO_DATES"]
    assert described(outcomes["Prostate cancer", "prevalent"]) == ["0", "OTHER_SEX", "0", "OTHER_SEX", "OTHER_SEX", "NO_DATES"]


def test_controls_with_related_diagnoses_on_request(tmp_path: Path) -> None:
    outcomes = read(tmp_path, map=written(tmp_path, MAP, "map.csv"), exclude_related=False)
    assert described(outcomes["Fibrillation", "incident"]) == ["1", "0", "0", "0", "NO_DATES", "NO_DATES"]
    assert outcomes["Fibrillation", "incident"].group == "Heart"


def test_lists_of_codes_by_their_beginning(tmp_path: Path) -> None:
    diseases = [
        Disease(name="fibrillation", codes=("I48",), related=("I47",), group="Heart"),
        Disease(name="cancer", codes=("c61",), sex="male"),
    ]
    outcomes = read(tmp_path, dated=False, diseases=diseases, group="ICD")
    assert described(outcomes["fibrillation", "ever"]) == ["1", "RELATED", "RELATED", "0", "0", "0"]
    assert described(outcomes["cancer", "ever"]) == ["0", "OTHER_SEX", "0", "OTHER_SEX", "OTHER_SEX", "1"]
    assert (outcomes["fibrillation", "ever"].group, outcomes["cancer", "ever"].group) == ("Heart", "ICD")


def test_cases_need_as_many_dates_as_asked_for(tmp_path: Path) -> None:
    fibrillation = [Disease(name="fibrillation", codes=("I48",))]
    twice = read(tmp_path, dated=False, diseases=fibrillation, min_dates=2)
    assert described(twice["fibrillation", "ever"])[0] == "1"
    thrice = read(tmp_path, dated=False, diseases=fibrillation, min_dates=3)
    assert described(thrice["fibrillation", "ever"])[0] == "TOO_FEW_DATES"


def test_faults_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="which codes of the records are which disease"):
        read(tmp_path)
    with pytest.raises(
        InputError, match=r"none of the records' codes is in the map: C61, I47, I471 .+2 more. in the records, 4272 in the map"
    ):
        read(tmp_path, map=written(tmp_path, "code,phecode\n427.2,X\n", "map.csv"))
    with pytest.raises(InputError, match="no column code; did you mean 'codes'"):
        read(tmp_path, map=written(tmp_path, "codes,phecode\nI48,X\n", "map.csv"))
    with pytest.raises(InputError, match="a sex of the phecode map is many"):
        read(tmp_path, map=written(tmp_path, "code,phecode,sex\nI48.0,X,many\n", "map.csv"))
    with pytest.raises(InputError, match="no column ICD"):
        read(tmp_path, diseases=[Disease(name="x", codes=("I48",))], code="ICD")
