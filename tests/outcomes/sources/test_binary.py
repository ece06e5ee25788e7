"""Columns of 0 and 1."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas.errors import InputError
from ecgwas.outcomes.outcome import Outcome
from ecgwas.outcomes.sources import binary, read_all
from ecgwas.study.outcomes import Binary
from tests.outcomes.people import cohort, described, written

TABLE = "eid\tgout\tprostate\na1\t1\t1\na2\t0\t0\na3\t\t0\na4\tNA\t1\na5\t0\t1\nzz\t1\t1\n"


def read(folder: Path, text: str = TABLE, **options: object) -> list[Outcome]:
    return binary.read(Binary(file=written(folder, text), **options), cohort())


def test_columns_become_outcomes_and_everybody_without_a_value_has_a_reason(tmp_path: Path) -> None:
    gout, prostate = read(tmp_path, sex={"prostate": "male"}, names={"prostate": "prostate cancer"}, group="Other")
    assert (gout.name, gout.analysis, gout.model, gout.group) == ("gout", "binary", "logistic", "Other")
    assert described(gout) == ["1", "0", "NO_VALUE", "NO_VALUE", "0", "NOT_IN_TABLE"]
    assert (gout.cases, gout.people) == (1, 3)
    assert prostate.name == "prostate cancer"
    assert described(prostate) == ["1", "OTHER_SEX", "0", "OTHER_SEX", "OTHER_SEX", "NOT_IN_TABLE"]
    assert prostate.exclusions() == {"other or unknown sex": 3, "not in the table": 1}


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("eid\tgout\na1\t2\n", {}, "outcome gout has other values than 0 and 1: 2"),
        ("eid\tgout\na1\tyes\n", {}, "outcome gout is not a number: line 2 .eid a1.: 'yes'"),
        ("eid\tgout\na1\t1\na1\t0\n", {}, "people listed more than once: eid a1"),
        ("person\tgout\na1\t1\n", {}, "has no column eid"),
        ("eid\tgout\nb1\t1\n", {}, "none of the 6 participants tested is in the outcome table: a1, a2 .*b1 in the table"),
        ("eid\na1\n", {}, "no column but eid"),
        (TABLE, {"columns": ["goat"]}, "no column goat; did you mean 'gout'"),
        (TABLE, {"sex": {"prostata": "male"}}, "no column prostata; did you mean 'prostate'"),
    ],
)
def test_faulty_tables_are_refused_in_words(tmp_path: Path, text: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(tmp_path, text, **options)


def test_two_outcomes_of_one_name_are_refused(tmp_path: Path) -> None:
    table = Binary(file=written(tmp_path, TABLE))
    with pytest.raises(InputError, match="same name: gout, prostate"):
        read_all([table, table], cohort())
