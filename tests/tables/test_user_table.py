"""The one reader of user tables: text first, then typed by rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas.errors import EcgwasError, InputError, StudyError, raise_together
from ecgwas.tables import user_table


def read(folder: Path, content: str | bytes, **more: bool) -> user_table.UserTable:
    path = folder / "t.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return user_table.read_user_table(path, what="test", **more)


@pytest.mark.parametrize("delimiter", ["\t", ",", ";", "  "])
def test_cells_are_text_and_lines_are_those_of_the_file(tmp_path: Path, delimiter: str) -> None:
    table = read(
        tmp_path, delimiter.join(("eid", "b")) + "\n\n" + delimiter.join(("007", "1.50")) + "\r\n" + delimiter.join(("8", "x"))
    )
    assert table.frame.rows() == [("007", "1.50"), ("8", "x")]
    assert table.frame.schema == {"eid": pl.String, "b": pl.String}
    assert table.lines == (3, 4)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, "eid\tb\nZürich\t1\n".encode(encoding)).frame.rows() == [("Zürich", "1")]


def test_a_line_that_is_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 3 is not UTF-8"):
        read(tmp_path, b"eid\tb\n1\t2\nZ\xfcrich\t3\n")


def test_longer_and_shorter_lines_where_they_are_allowed(tmp_path: Path) -> None:
    assert read(tmp_path, "a\tb\n1\t2\t3\n4\n", longer_lines=True).frame.rows() == [("1", "2"), ("4", "")]
    with pytest.raises(InputError, match=r"the header has 2 columns, 2 line\(s\) do not: line 2 has 3, line 3 has 1"):
        read(tmp_path, "a\tb\n1\t2\t3\n4\n")


def test_separators_of_unicode_do_not_end_a_line(tmp_path: Path) -> None:
    assert read(tmp_path, "a\tb\nx\u2028y\t1\n").frame.rows() == [("x\u2028y", "1")]


def test_numbers_are_ascii_digits_with_a_point(tmp_path: Path) -> None:
    good = pl.Series(["1", "-1.5", "+.5", "1.", "1e-3", "1E+10", "NA", ""])
    assert not user_table.not_numbers(good).any()
    expected = [1, -1.5, 0.5, 1, 1e-3, 1e10, np.nan, np.nan]
    np.testing.assert_array_equal(user_table.numbers(good), expected)
    bad = pl.Series(["4_6", "1,5", "1 000", "inf", "1e400", "0x10", "\uff11", "\u22121", "1d5", "--1", "e5", "."][:-1])
    assert user_table.not_numbers(bad).all()


def test_numbers_are_rounded_as_python_does() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=2000) * 10.0 ** rng.integers(-20, 20, 2000)
    cells = pl.Series([repr(float(value)) for value in values])
    np.testing.assert_array_equal(user_table.numbers(cells), values)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("11005.0", "11005"), ("11005.", "11005"), ("1.1005e+04", "11005"), ("1E+02", "100"), ("11005", "11005"), ("01", "01"),
     ("1.5", "1.5"), ("1E50", "1E50"), ("a.0", "a.0"), ("-3.0", "-3"), ("1.10", "1.10"), ("none", "none")],
)  # fmt: skip
def test_a_whole_number_is_one_category_however_it_is_written(cell: str, expected: str) -> None:
    assert user_table.level(cell) == expected


def test_mistakes_together_are_one_error_of_the_first_class() -> None:
    raise_together([], what="a table")
    first, second = StudyError("one", fix="a", where="w"), InputError("two", fix="b", where="v")
    with pytest.raises(StudyError) as caught:
        raise_together([first], what="a table")
    assert caught.value is first
    with pytest.raises(EcgwasError) as many:
        raise_together([first, second], what="a table")
    assert str(many.value).splitlines()[:3] == ["2 mistakes in a table:", "  1. one (fix: a)", "  2. two (fix: b)"]
    assert many.value.exit_code == 2
