"""Columns of numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas.errors import InputError
from ecgwas.outcomes.sources import numeric
from ecgwas.study.outcomes import Numeric
from tests.outcomes.people import cohort, described, written


def test_numbers_and_reasons(tmp_path: Path) -> None:
    table = Numeric(file=written(tmp_path, "eid\tmass\na1\t101.5\na2\t\na4\t90\n"), sex={"mass": "female"})
    (mass,) = numeric.read(table, cohort())
    assert described(mass) == ["OTHER_SEX", "NO_VALUE", "OTHER_SEX", "90", "OTHER_SEX", "OTHER_SEX"]
    assert (mass.model, mass.cases, mass.people, mass.person_time) == ("linear", None, 1, None)


def test_words_among_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"outcome mass is not a number: line 2 .eid a1.: '101,5' .a comma"):
        numeric.read(Numeric(file=written(tmp_path, "eid\tmass\na1\t101,5\n")), cohort())
