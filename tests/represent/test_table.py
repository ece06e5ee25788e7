"""Kind `table`: what a feature table means, what is refused and how, and which visit of a person is used."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ecgwas.errors import InputError, StudyError
from ecgwas.leads import ALL_LEADS
from ecgwas.represent import table
from ecgwas.represent.reliability.between_visits import intraclass_correlation
from ecgwas.represent.tabular import columns
from ecgwas.represent.tabular.visit_features import VisitFeatures
from ecgwas.study import FeatureTable
from ecgwas.tables import Features

PEOPLE = 12


def contract_options(folder: Path) -> FeatureTable:
    """A table of every sort of column: two leads, two visits, units in a name and as an option, a gap."""
    rng = np.random.default_rng(3)
    rows = ["eid\tvisit\tlead\tqt [ms]\tnot measured\tr-wave"]
    for person in range(PEOPLE):
        for visit in (0, 1) if person < 5 else (0,):
            for lead in ("V1", "12L"):
                qt, r = rng.normal(400, 20), rng.normal(1000, 200)
                rows.append(f"{1000 + person}\t{visit}\t{lead}\t{qt:.3f}\t{'NA' if person else 1.5}\t{r:.1f}")
    path = folder / "features.tsv"
    path.write_text("\n".join(rows) + "\n")
    return FeatureTable.model_validate({"name": "made", "file": path, "units": {"r-wave": "uV"}})


def taken(folder: Path, text: str, *, instance: int | None = None, **options: Any) -> VisitFeatures:
    return table.take(options_for(folder, text, **options), instance=instance)


def options_for(folder: Path, text: str, **options: Any) -> FeatureTable:
    path = folder / "t.tsv"
    path.write_text(re.sub(r" *\| *", "\t", text))
    return FeatureTable.model_validate({"name": "mine", "file": path, **options})


def values_of(features: Features, name: str) -> list[float | None]:
    """A feature of everybody, in the order of the table."""
    values: list[float | None] = features.frame[name].to_list()
    return values


FOUR = "eid | qt | hr\n1 | 400.5 | 60\n4 | 410 | 60\n3 | 390 | 70\n2 | NA | 65.5\n"


def test_numbers_are_those_of_the_file_sorted_by_person(tmp_path: Path) -> None:
    features = taken(tmp_path, FOUR).first
    assert features.frame.to_dict(as_series=False) == {
        "eid": ["1", "2", "3", "4"], "lead": [ALL_LEADS] * 4, "qt": [400.5, None, 390.0, 410.0],
        "hr": [60.0, 65.5, 70.0, 60.0],
    }  # fmt: skip


def test_text_and_parquet_give_the_same_features(tmp_path: Path) -> None:
    text = contract_options(tmp_path)
    frame = pl.read_csv(text.file, separator="\t", null_values="NA")
    for name, changed in (("numbers", frame), ("texts", frame.cast(pl.String)), ("floats", frame.cast({"visit": pl.Float32}))):
        changed.write_parquet(tmp_path / f"{name}.parquet")
        other = text.model_copy(update={"file": tmp_path / f"{name}.parquet"})
        first, second = table.take(text), table.take(other)
        assert first.first.frame.equals(second.first.frame), name
        assert first.second is not None
        assert second.second is not None
        assert first.second.frame.equals(second.second.frame)
        assert list(table.meanings(text)) == list(table.meanings(other))


def test_a_compressed_table_is_the_same_table(tmp_path: Path) -> None:
    plain = contract_options(tmp_path)
    packed = plain.model_copy(update={"file": tmp_path / "features.tsv.gz"})
    packed.file.write_bytes(gzip.compress(plain.file.read_bytes()))
    assert table.take(packed).first.frame.equals(table.take(plain).first.frame)
    assert list(table.meanings(packed)) == list(table.meanings(plain))
    assert table.units(packed) == table.units(plain) == {"qt": "ms", "r_wave": "uV"}


AXES = [170.0, 175.0, 179.5, -179.0, -176.0, -170.0, 160.0, -165.0]


@pytest.mark.parametrize("unit", ["deg", "Degrees", "°"])
def test_directions_are_counted_from_their_mean(tmp_path: Path, unit: str) -> None:
    rows = "".join(f"{person} | {axis} | {axis}\n" for person, axis in enumerate(AXES, 1))
    found = taken(tmp_path, f"eid | axis [{unit}] | axis_s\n{rows}", units={"axis_s": "s"})
    axes = np.array(values_of(found.first, "axis"), dtype=float)
    assert np.ptp(axes) == 35
    assert ((axes - AXES) % 360 == 0).all()
    assert values_of(found.first, "axis_s") == AXES
    assert [warning for warning in found.warnings if "directions are counted from their mean" in warning] == [
        f"feature axis [{unit}]: 4 value(s) change by 360 {unit}, for directions are counted from their mean"
    ]


def test_people_who_are_excluded_do_not_turn_the_directions_of_others(tmp_path: Path) -> None:
    rows = "eid | axis [deg]\n1 | 100\n2 | 110\n3 | -100\n4 | 0\n5 | 5\n6 | -5\n7 | 10\n8 | -10\n"
    options = options_for(tmp_path, rows)
    gone = ("4", "5", "6", "7", "8")
    of_others, with_all = (
        table.take(options, excluded=excluded).first.frame.filter(~pl.col("eid").is_in(gone)) for excluded in (gone, ())
    )
    alone = taken(tmp_path, "\n".join(rows.splitlines()[:4]))
    assert of_others.equals(alone.first.frame)
    assert not of_others.equals(with_all)


def test_directions_of_leads_and_visits(tmp_path: Path) -> None:
    """On each lead the centre is its own, and the repeat visit is counted from that of the visit tested."""
    of_v1 = "1 | V1 | 0 | 178\n2 | V1 | 0 | 179\n3 | V1 | 0 | -178\n1 | V1 | 1 | -179\n2 | V1 | 1 | 177\n"
    of_v2 = "1 | V2 | 0 | 2\n2 | V2 | 0 | -4\n3 | V2 | 0 | 170\n"
    found = taken(tmp_path, f"eid | lead | visit | axis\n{of_v1}{of_v2}", units={"axis": "degrees"})
    by_lead = {lead: part["axis"].to_list() for (lead,), part in found.first.frame.group_by("lead", maintain_order=True)}
    assert by_lead == {"V1": [178, 179, 182], "V2": [2, -4, 170]}
    assert found.second is not None
    assert values_of(found.second, "axis") == [181, 177]


def test_the_first_visit_is_tested_and_the_next_one_compared(tmp_path: Path) -> None:
    text = "eid | visit | qt\n1 | 3 | 33\n1 | 2_1 | 21\n1 | 2_0 | 20\n1 | 0 | 5\n2 | 3 | 43\n3 | 2.0 | 52\n"
    lowest, second = taken(tmp_path, text), taken(tmp_path, text, instance=2)
    assert values_of(lowest.first, "qt") == [5.0, 43.0, 52.0]
    assert lowest.second is not None
    assert values_of(lowest.second, "qt") == [20.0]
    assert any("2 rows of further visits" in warning for warning in lowest.warnings)
    # As of recordings: the visit wanted, else the lowest; another array of the same visit is no repeat visit.
    assert values_of(second.first, "qt") == [20.0, 43.0, 52.0]
    assert second.second is not None
    assert values_of(second.second, "qt") == [5.0]


def test_a_table_s_own_visit_comes_before_that_of_the_recordings(tmp_path: Path) -> None:
    text = "eid | instance | qt\n1 | 2 | 20\n1 | 3 | 30\n2 | 2 | 21\n"
    options = options_for(tmp_path, text, instance=3)
    assert values_of(table.take(options, instance=2).first, "qt") == [30.0, 21.0]


def test_features_of_two_visits_have_the_reliability_that_was_planted(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    people, share = 800, 0.7
    person = rng.normal(0, np.sqrt(share), people)
    visits = person[:, None] + rng.normal(0, np.sqrt(1 - share), (people, 2))
    lines = [f"{eid}\t{visit}\t{visits[eid, visit]:.6f}" for eid in range(people) for visit in (0, 1)]
    both = taken(tmp_path, "\n".join(["eid\tvisit\tx", *lines]))
    assert both.second is not None
    pairs = both.first.frame.join(both.second.frame, on="eid").select("x", "x_right").to_numpy()
    estimate = intraclass_correlation(pairs)
    assert estimate is not None
    assert estimate.low < share < estimate.high


def test_units_are_taken_from_the_option_or_the_column_s_name(tmp_path: Path) -> None:
    options = options_for(tmp_path, "eid | qt [ms] | r-wave | hr\n1 | 1 | 2 | 3\n", units={"r-wave": "uV"})
    assert table.units(options) == {"qt": "ms", "r_wave": "uV"}
    assert table.meanings(options) == {
        "qt": "qt [ms] of t.tsv", "r_wave": "r-wave of t.tsv (uV)", "hr": "hr of t.tsv",
    }  # fmt: skip
    assert table.traits_of(options) == 3


def test_columns_that_are_no_features_are_named(tmp_path: Path) -> None:
    header = "eid | FID | IID | name | date_of_birth | birth_year | f.34.0.0 | comment | day | known | nothing | qt"
    rows = [f"{k} | 0 | {k} | A | 1950-01-0{k} | 195{k} | 195{k} | fine | 2001-02-0{k} | true | NA | {k}.5" for k in (1, 2, 3)]
    found = taken(tmp_path, "\n".join([header, *rows]))
    assert found.first.names == ["qt"]
    matches = [re.fullmatch(r"column (\S+) is no feature: (.*)", line) for line in found.warnings]
    said = {(match[1], match[2]) for match in matches if match is not None}
    personal = "by its name it identifies people, whom results must not name"
    identity = "it holds an id of the person or of the row"
    assert said == {
        ("FID", identity), ("IID", identity), ("name", personal), ("date_of_birth", personal), ("birth_year", personal),
        ("f.34.0.0", personal), ("comment", "it holds text"), ("day", "it holds text"),
        ("known", "it holds text"), ("nothing", "it has no value"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "spelling", ["f_{}_0_0", "s_{}_0_0", "x_{}_0_0", "participant_p{}", "p{}", "X{}.0.0", "{}-0.0", "a_f{}_0_0", "{}"]
)
def test_a_field_of_birth_is_no_feature_in_any_spelling(spelling: str) -> None:
    assert all(columns.is_personal(spelling.format(field) + unit) for field in (33, 34, 52) for unit in ("", " [years]"))
    assert not columns.is_personal(spelling.format(21001))


SUSPECT = {
    "-9": ("-9\n2 | 5.5\n3 | 6\n4 | 7", "1 value(s) are -9 and count as that number (PLINK: missing)"),
    "row number": ("1\n2 | 2\n3 | 3", "counts the lines of the table"),
    "constant": ("5\n2 | 5\n3 | 5", "is the same in everyone"),
    "few values": ("1\n2 | 2.5\n3 | 3\n4 | 3", "has only 3 values"),
}


@pytest.mark.parametrize("what", SUSPECT)
def test_numbers_that_are_probably_not_what_they_seem_are_a_warning(tmp_path: Path, what: str) -> None:
    cells, expected = SUSPECT[what]
    found = taken(tmp_path, f"eid | x\n9 | {cells}\n")
    assert any(expected in warning for warning in found.warnings), found.warnings


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no eid": ("id | qt\n1 | 2\n2 | 3\n3 | 4", {}, "no column eid; it has id, qt"),
    "no rows": ("eid | qt\n", {}, "a header and no people"),
    "damaged ids": ("eid | qt\n1.0 | 2\n2 | 3\n3 | 4", {}, "a whole number with decimals"),
    "a person twice": ("eid | qt\n1 | 2\n1 | 3\n3 | 4", {}, "more than one row of the same person: eid 1 (line 2, line 3)"),
    "a visit twice": ("eid | visit | qt\n1 | 2 | 2\n1 | 2 | 3\n3 | 2 | 4", {}, "of the same person and visit: eid 1"),
    "a lead twice": ("eid | lead | qt\n1 | V1 | 2\n1 | v1 | 3\n3 | V1 | 4", {}, "of the same person and lead: eid 1"),
    "unknown lead": ("eid | lead | qt\n1 | V7 | 2\n2 | V1 | 3\n3 | | 4", {}, "unknown leads: line 2: V7"),
    "Lead": ("eid | Lead | qt\n1 | V1 | 2\n2 | V1 | 3\n3 | V1 | 4", {}, "the column Lead is not read as lead"),
    "both": ("eid | visit | instance | qt\n1 | 2 | 2 | 3\n2 | 2 | 2 | 4\n3 | 2 | 2 | 5", {}, "the columns visit and instance"),
    "visit in words": ("eid | visit | qt\n1 | first | 2\n2 | 2 | 3\n3 | 2 | 4", {}, "no number of a visit: line 2: first"),
    "no visit": ("eid | visit | qt\n1 |  | 2\n2 | 2 | 3\n3 | 2 | 4", {}, "no number of a visit: line 2: nothing"),
    "binary": ("eid | af | qt\n1 | 0 | 2\n2 | 1 | 3\n3 | 1 | 4", {}, "feature af has two values (0, 1): binary traits are not"),
    "comma": ("eid | qt\n1 | 1,5\n2 | 3\n3 | 4", {}, "feature qt is not a number: line 2 (eid 1): '1,5' (a comma"),
    "all commas": (
        "eid | x | qt\n1 | 402,5 | 2\n2 | 390,5 | 3\n3 | 1,234 | 4",
        {},
        "x is not a number: line 2 (eid 1): '402,5'",
    ),
    "all units": ("eid | x | qt\n1 | 46 ms | 2\n2 | 48 ms | 3\n3 | NA | 4", {}, "'46 ms' (a number with a unit)"),
    "all percent": ("eid | x | qt\n1 | 12 % | 2\n2 | 13 % | 3\n3 | error | 4", {}, "'12 %' (a percentage)"),
    "text asked for": ("eid | c | qt\n1 | a | 2\n2 | b | 3\n3 | c | 4", {"features": ("c",)}, "feature c is not a number"),
    "birth asked for": ("eid | dob | qt\n1 | 5 | 2\n2 | 6 | 3\n3 | 7 | 4", {"features": ("dob",)}, "identify people: dob"),
    "unknown": ("eid | qtc | hr\n1 | 1 | 2\n2 | 2 | 3\n3 | 3 | 5", {"features": ("qt",)}, "no column qt; did you mean 'qtc'?"),
    "unit of none": ("eid | qt\n1 | 2\n2 | 3\n3 | 4.5", {"units": {"qrs": "ms"}}, "units: the feature table has no column qrs"),
    "two units": ("eid | qt [s]\n1 | 2\n2 | 3\n3 | 4.5", {"units": {"qt": "ms"}}, "another unit under `units`: ms"),
    "same name": ("eid | qt-a | qt a\n1 | 2 | 3\n2 | 3 | 4\n3 | 5 | 9", {}, "features have the same name: qt-a, qt a"),
    "mse": ("eid | mse\n1 | 2\n2 | 3\n3 | 4.5", {}, "cannot name a feature: mse"),
    "nothing": ("eid | words\n1 | a\n2 | b\n3 | c", {}, "no column of numbers"),
    "huge": ("eid | x\n1 | 1e200\n2 | 3\n3 | 4", {}, "feature x cannot be used"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_wrong_is_refused_in_words(tmp_path: Path, what: str) -> None:
    text, options, expected = REFUSED[what]
    with pytest.raises((InputError, StudyError), match=re.escape(expected)) as refused:
        taken(tmp_path, text + "\n", **options)
    assert refused.value.fix
    assert refused.value.where == str(tmp_path / "t.tsv")


def test_all_mistakes_are_listed_together(tmp_path: Path) -> None:
    text = "eid | lead | af | qt\n1 | V9 | 0 | x1\n1.0 | V1 | 1 | 3\n3 | V1 | 0 | 4\n"
    with pytest.raises(InputError, match=r"4 mistakes in the feature table t\.tsv") as refused:
        taken(tmp_path, text)
    for words in ("id(s) of the feature table are invalid", "unknown leads", "binary traits", "feature qt is not a number"):
        assert words in str(refused.value)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    def refused(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as error:
            table.take(FeatureTable(name="mine", file=tmp_path / name))
        return error.value.problem

    assert "it is a gzip file, not text" in refused("a.tsv", b"\x1f\x8b\x08")
    assert "cut-off gzip" in refused("a.tsv.gz", gzip.compress(b"eid\tqt\n1\t2\n")[:-4])
    assert "cannot be read as Parquet" in refused("a.parquet", b"eid\tqt\n1\t2\n")
    frame = pl.DataFrame({"eid": ["1", "2"], "embedding": [[1.0, 2.0], [2.0, 3.0]]})
    frame.write_parquet(tmp_path / "list.parquet")
    assert "a list, a record or bytes in each row: embedding" in refused(
        "list.parquet", (tmp_path / "list.parquet").read_bytes()
    )
    with pytest.raises(InputError, match="is missing"):
        table.take(FeatureTable(name="mine", file=tmp_path / "absent.parquet"))


def test_of_parquet_rows_are_named_and_infinite_numbers_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = pl.DataFrame({"eid": [1, 2, 3], "x": [1.0, float("inf"), 3.0], "__index_level_0__": [0, 1, 2]})
    frame.write_parquet(path)
    with pytest.raises(InputError, match=re.escape("feature x is not a number: row 2 (eid 2): 'inf' (infinite)")):
        table.take(FeatureTable(name="mine", file=path))
    frame.with_columns(x=pl.Series([1.0, None, float("nan")])).write_parquet(path)
    features = table.take(FeatureTable(name="mine", file=path)).first
    assert features.names == ["x"]
    assert values_of(features, "x") == [1.0, None, None]


def test_single_leads_and_all_together(tmp_path: Path) -> None:
    found = taken(tmp_path, "eid | lead | a | b\n1 | v2 | 1 | NA\n1 | | 2 | 5\n2 | V2 | 3 | NA\n3 | 12l | 4 | 7\n4 | | 5 | 8\n")
    assert found.first.frame["lead"].to_list() == ["V2", "12L", "V2", "12L", "12L"]
    assert [line for line in found.warnings if "each is a trait" in line] == [
        "1 feature(s) with values of single leads and of all leads together (12L): each is a trait"
    ]
