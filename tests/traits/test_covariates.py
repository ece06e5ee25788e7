"""The covariate table: refused where it is wrong, coded as patsy and statsmodels would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgwas.errors import InputError, StudyError
from ecgwas.study import TraitOptions
from ecgwas.traits import covariates


def options(folder: Path, text: str, **more: object) -> TraitOptions:
    path = folder / "covariates.tsv"
    path.write_text(text)
    return TraitOptions(covariates=path, **more)


def coded(given: TraitOptions) -> covariates.CodedCovariates:
    table = covariates.read(given)
    return covariates.code(table, table.eids, given)


@pytest.mark.parametrize("name", ["EID", "IID", "f.eid", "ID"])
def test_a_near_name_of_eid_is_suggested(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        covariates.read(options(tmp_path, f"{name}\tage\n1\t40\n"))
    assert f"rename the column {name} to eid" in str(caught.value)
    assert "covariates.tsv" in str(caught.value)


def test_duplicate_eids_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="eid 7"):
        covariates.read(options(tmp_path, "eid\tage\n7\t40\n8\t41\n7\t42\n"))


def test_an_empty_eid_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 3"):
        covariates.read(options(tmp_path, "eid\tage\n7\t40\nNA\t41\n"))


def test_text_among_numbers_is_refused_with_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"covariate age is not a number: line 3 \(eid 8\): 'forty'"):
        covariates.read(options(tmp_path, "eid\tage\n7\t40\n8\tforty\n"))


def test_missing_codes_are_missing_and_minus_nine_is_a_number(tmp_path: Path) -> None:
    table = covariates.read(options(tmp_path, "eid\tage\tcenter\n1\tNA\ta\n2\t\tb\n3\tnan\tNA\n4\t-9\tb\n"))
    assert table.missing() == {"1": ["age"], "2": ["age"], "3": ["age", "center"]}
    assert table.numbers["age"][3] == -9


def test_unknown_column_of_use_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="did you mean 'age'"):
        covariates.read(options(tmp_path, "eid\tage\n1\t40\n", use=("agee",)))


def test_an_absent_default_category_is_no_mistake_but_a_named_one_is(tmp_path: Path) -> None:
    assert covariates.read(options(tmp_path, "eid\tage\n1\t40\n")).names == ("age",)
    with pytest.raises(StudyError, match="array"):
        covariates.read(options(tmp_path, "eid\tage\n1\t40\n", categorical=("array",)))


def test_only_the_columns_in_use_are_read(tmp_path: Path) -> None:
    table = covariates.read(options(tmp_path, "eid\tage\tnote\n1\t40\tfine\n", use=("age",)))
    assert table.names == ("age",)


def test_dummies_span_the_same_space_as_indicator_columns(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    centers = generator.choice(["a", "b", "c"], 90, p=[0.2, 0.5, 0.3])
    lines = "".join(f"{i}\t{center}\n" for i, center in enumerate(centers))
    result = coded(options(tmp_path, "eid\tcenter\n" + lines)).covariates
    assert result.names == ("center=a", "center=c")
    expected = np.column_stack([centers == "a", centers == "c"]).astype(float)
    np.testing.assert_array_equal(result.values, expected)


def test_levels_that_nobody_kept_has_are_dropped(tmp_path: Path) -> None:
    given = options(tmp_path, "eid\tcenter\n" + "".join(f"{i}\t{'abc'[i % 3]}\n" for i in range(30)))
    table = covariates.read(given)
    kept = [str(i) for i in range(30) if i % 3 < 2]
    assert covariates.code(table, kept, given).covariates.names == ("center=b",)


def test_small_levels_are_pooled_or_joined_to_the_reference_and_said_so(tmp_path: Path) -> None:
    cells = ["a"] * 20 + ["b"] * 3 + ["c"] * 3
    lines = "".join(f"{i}\t{cell}\n" for i, cell in enumerate(cells))
    pooled = coded(options(tmp_path, "eid\tcenter\n" + lines))
    assert pooled.covariates.names == ("center=pooled",)
    assert pooled.covariates.values.sum() == 6
    assert "b, c" in pooled.notes[0]
    joined = coded(options(tmp_path, "eid\tcenter\n" + lines, min_level_people=10))
    assert joined.covariates.names == ()
    assert "joined to a" in joined.notes[0]


def test_constant_columns_are_dropped_with_a_note(tmp_path: Path) -> None:
    result = coded(options(tmp_path, "eid\tage\tbuild\n1\t40\t38\n2\t50\t38\n3\t45\t38\n"))
    assert result.covariates.names == ("age",)
    assert "build" in result.notes[0]


def test_collinear_columns_are_refused_and_the_combination_named(tmp_path: Path) -> None:
    generator = np.random.default_rng(2)
    a, b, other = generator.normal(size=(3, 40)).round(6)
    total = (2 * a - 3 * b + 7).round(6)
    lines = "".join(f"{i}\t{a[i]}\t{other[i]}\t{b[i]}\t{total[i]}\n" for i in range(40))
    with pytest.raises(InputError, match="covariate total is a combination of a, b among the 40 people"):
        coded(options(tmp_path, "eid\ta\tother\tb\ttotal\n" + lines))


def test_strongly_correlated_columns_are_not_collinear() -> None:
    generator = np.random.default_rng(3)
    a = generator.normal(size=200)
    near = a + 1e-4 * generator.normal(size=200)
    assert covariates.combination(("a", "near"), np.column_stack([a, near])) is None


def test_year_and_age_of_one_visit_year_are_found_at_large_offsets() -> None:
    birth = np.random.default_rng(4).integers(1937, 1970, 100).astype(float)
    assert covariates.combination(("birth", "age"), np.column_stack([birth, 2015 - birth])) == ("age", ["birth"])
