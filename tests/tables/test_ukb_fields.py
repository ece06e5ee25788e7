"""Names of UK Biobank's columns in every exporter's spelling."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ecgwas.tables import numeric_columns
from ecgwas.tables.ukb_fields import NO_ANSWER, FieldColumn, eid_column, parse
from ecgwas.traits.ukb import values


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("31-0.0", (31, 0, 0)), ("21003-2.0", (21003, 2, 0)), ("22009-0.10", (22009, 0, 10)), ("X31.0.0", (31, 0, 0)),
        ("f.31.0.0", (31, 0, 0)), ("f.22009.0.1", (22009, 0, 1)), ("f_31_0_0", (31, 0, 0)), ("n_31_0_0", (31, 0, 0)),
        ("ts_53_2_0", (53, 2, 0)), ("s_40001_0_0", (40001, 0, 0)), ("x31_0_0", (31, 0, 0)), ("x_31_0_0", (31, 0, 0)),
        ("sex_f31_0_0", (31, 0, 0)), ("genetic_principal_components_f22009_0_7", (22009, 0, 7)), ("p31", (31, 0, 0)),
        ("p21003_i2", (21003, 2, 0)), ("p22009_a1", (22009, 0, 1)), ("p20002_i2_a3", (20002, 2, 3)),
        ("participant.p31", (31, 0, 0)), ("participant.p22009_a40", (22009, 0, 40)), ("Sex", (31, 0, 0)),
        ("Age when attended assessment centre | Instance 2", (21003, 2, 0)),
        ("Genetic principal components | Array 3", (22009, 0, 3)), ('"31-0.0"', (31, 0, 0)),
    ],
)  # fmt: skip
def test_a_spelling_states_field_instance_and_array(name: str, expected: tuple[int, int, int]) -> None:
    assert parse(name) == FieldColumn(name, *expected)


@pytest.mark.parametrize(
    "name", ["eid", "age", "pc1", "31", "31-0", "2008-03-01", "f.eid", "p", "Sexual factors", "sex_f31", "np31"]
)
def test_other_names_are_no_fields(name: str) -> None:
    assert parse(name) is None


@pytest.mark.parametrize("code", NO_ANSWER)
def test_a_code_of_no_answer_is_missing_in_an_export_and_suspect_in_a_table(code: int) -> None:
    """Both rooms read the same list."""
    cells = ["4", str(code), "7", "2"]
    found = values.answers(pl.Series("p1558_i2", cells))
    assert found.values.to_list() == ["4", None, "7", "2"]
    assert found.not_answered == {NO_ANSWER[code]: 1}
    (warning,) = numeric_columns.codes("alcohol", np.array(cells, dtype=np.float64), what="covariate")
    assert f"1 value(s) are {code}" in warning
    assert f"UK Biobank: {NO_ANSWER[code]}" in warning


@pytest.mark.parametrize("name", ["eid", "f.eid", "n_eid", "f_eid", "participant.eid", "Participant ID", '"eid"'])
def test_the_column_of_eids(name: str) -> None:
    assert eid_column(["31-0.0", name]) == name
    assert eid_column(["31-0.0", "userId"]) is None
