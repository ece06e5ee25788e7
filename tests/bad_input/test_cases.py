"""The table of bad input, case by case: never a traceback, a hang, or a person silently lost."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.bad_input.cases import CASES
from tests.bad_input.harness import EITHER, LEFT_OUT, REFUSED, RIGHT, Case

LONGEST_S = 20.0


def name_of(case: Case) -> str:
    return f"{case.group}: {case.what}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_it_ends_as_the_table_says(case: Case, tmp_path: Path) -> None:
    begun = time.process_time()
    end = case.run(tmp_path)
    assert time.process_time() - begun < LONGEST_S
    if case.how == EITHER:
        assert end.how in (RIGHT, LEFT_OUT), end
    else:
        assert end.how == case.how, end
    assert case.says in end.words
    if end.error is not None:
        assert end.error.fix
        assert end.error.where is not None
        assert str(tmp_path) in end.error.where
        assert len(str(end.error)) < 5000, "an error that nobody reads"
    if case.how == LEFT_OUT:
        assert end.words.strip(" ;"), "no reason"


def test_the_table_is_large_and_names_each_case_once() -> None:
    assert len(CASES) >= 120
    assert max(Counter(name_of(case) for case in CASES).values()) == 1
    assert {case.how for case in CASES} == {RIGHT, LEFT_OUT, REFUSED, EITHER}
