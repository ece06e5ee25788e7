"""Covariates from UK Biobank's exports: the same from every program's export; nobody excluded without count and reason."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ecgwas.errors import InputError
from ecgwas.traits.ukb import covariates, export
from ecgwas.traits.ukb.covariates import FLAGS, RELATED, WITHDRAWN, UkbCovariates, UkbOptions
from ecgwas.traits.ukb.values import answers as answers_of
from tests.traits.ukb.exports import SPELLINGS, Row, participants, write

REL = "ID1 ID2 HetHet IBS0 Kinship\n"


def made(path: Path, options: UkbOptions | None = None, **lists: object) -> UkbCovariates:
    options = UkbOptions() if options is None else options
    return covariates.build(export.read([path], options.wants), options, where=path, **lists)


def built(tmp_path: Path, rows: list[Row], options: UkbOptions | None = None, **lists: object) -> UkbCovariates:
    return made(write(tmp_path / "ukb.csv", rows), options, **lists)


def reason_of(result: UkbCovariates) -> dict[str, str]:
    return dict(zip(result.excluded.frame["eid"], result.excluded.frame["reason"], strict=True))


def test_what_is_written_of_each_field(tmp_path: Path) -> None:
    rows = participants()
    result = built(tmp_path, rows)
    assert result.frame.columns == ["eid", "age", "sex", "centre", "array", *(f"pc{k}" for k in range(1, 11))]
    assert result.categorical == ("centre", "array")
    first = result.frame.row(0, named=True)
    assert first["eid"] == "1000001"
    assert (first["age"], first["sex"], first["centre"], first["array"]) == (66, 0, "11025", "bileve")
    assert first["pc10"] == float(rows[0]["22009-0.10"])
    assert result.frame["array"].to_list() == ["bileve", "axiom", "axiom"] * 2 + ["bileve", "axiom"]
    assert result.counts == {}
    assert result.missing == {}


@pytest.mark.parametrize("replace", [False, True], ids=["codes", "meanings"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_exporter_gives_the_same(tmp_path: Path, spelling: str, replace: bool) -> None:
    rows = participants()
    rows[2] |= {"22019-0.0": "1"}
    rows[3] |= {"22027-0.0": "1"}
    rows[4] |= {"22001-0.0": "1"}
    expected = built(tmp_path, rows)
    ending = "tab" if spelling == "ukbconv r" else "csv"
    other = made(write(tmp_path / f"other.{ending}", rows, spelling, replace=replace))
    assert other.frame.drop("centre").equals(expected.frame.drop("centre"))
    assert other.frame["centre"].n_unique() == expected.frame["centre"].n_unique()
    assert other.excluded.frame.equals(expected.excluded.frame)
    assert set(expected.counts) == set(FLAGS.values())


@pytest.mark.parametrize("name", ["a.csv.gz", "a.tsv", "a.tab", "a.tsv.gz", "a.parquet"])
def test_every_kind_of_file_gives_the_same(tmp_path: Path, name: str) -> None:
    rows = participants()
    expected = built(tmp_path, rows).frame
    assert made(write(tmp_path / name, rows)).frame.equals(expected)


def test_a_folder_of_parquet_parts(tmp_path: Path) -> None:
    rows, folder = participants(), tmp_path / "ukb.parquet"
    folder.mkdir()
    write(folder / "part-1.parquet", rows[:5])
    write(folder / "part-2.parquet", rows[5:])
    assert made(folder).frame.equals(built(tmp_path, rows).frame)


def test_baskets_are_joined_by_eid(tmp_path: Path) -> None:
    rows = participants()
    genetic = [{name: cell for name, cell in row.items() if name == "eid" or name.startswith("22")} for row in rows]
    others = [{name: cell for name, cell in row.items() if not name.startswith("22")} for row in rows]
    paths = [write(tmp_path / "one.csv", others), write(tmp_path / "two.csv", genetic[::-1])]
    result = covariates.build(export.read(paths, UkbOptions().wants), UkbOptions(), where=paths[0])
    assert result.frame.equals(built(tmp_path, rows).frame)


def test_people_of_a_second_export_with_the_same_columns_are_kept_and_differences_are_counted(tmp_path: Path) -> None:
    rows = participants()
    first, second = [dict(row) for row in rows[:5]], [dict(row) for row in rows[3:]]
    del first[3]["21003-2.0"]
    second[0]["31-0.0"] += ".0"
    second[1]["22000-0.0"] = "99"
    paths = [write(tmp_path / "one.csv", first), write(tmp_path / "two.csv", second)]
    result = covariates.build(export.read(paths, UkbOptions().wants), UkbOptions(), where=paths[0])
    assert result.frame.equals(built(tmp_path, rows).frame)
    assert [note for note in result.notes if "two.csv" in note] == [
        "two.csv: 1 people have another value of 22000-0.0 than in an earlier table, whose value is used"
    ]


def test_each_exclusion_has_its_reason_and_the_first_one_counts(tmp_path: Path) -> None:
    rows = participants(10)
    rows[0] |= {"22027-0.0": "1"}
    rows[1] |= {"22019-0.0": "1", "22027-0.0": "1"}
    rows[2] |= {"22001-0.0": "1"}
    for key in ("53-2.0", "54-2.0", "21003-2.0"):
        del rows[3][key]
    rows[4]["eid"] = "-17"
    result = built(tmp_path, rows, withdrawn=["1000001", "1999999"])
    assert reason_of(result) == {
        "1000001": WITHDRAWN, "1000008": FLAGS["aneuploidy"], "1000015": FLAGS["sex"],
        "1000022": "did not attend visit 2 (field 53)", "-17": covariates.REDACTED, "1999999": WITHDRAWN,
    }  # fmt: skip
    further = dict(zip(result.excluded.frame["eid"], result.excluded.frame["further"], strict=True))
    assert further["1000001"] == further["1000008"] == FLAGS["outlier"]
    assert sum(result.counts.values()) + result.frame.height == 11
    assert not set(reason_of(result)) & set(result.frame["eid"])


def test_who_is_kept_on_request_is_flagged(tmp_path: Path) -> None:
    rows = participants()
    rows[0] |= {"22027-0.0": "1"}
    rows[1] |= {"22019-0.0": "1"}
    result = built(tmp_path, rows, UkbOptions(keep=frozenset({"outlier"})))
    assert reason_of(result) == {"1000008": FLAGS["aneuploidy"]}
    assert result.flagged.frame.rows() == [("1000001", FLAGS["outlier"], "")]
    assert "1000001" in result.frame["eid"]


def test_age_is_computed_where_it_is_not_stated(tmp_path: Path) -> None:
    """Visit on 2016-06-20, birth in the middle of January, June and December."""
    rows = participants(6)
    for row in rows[:3]:
        row["34-0.0"] = "1950"
        del row["21003-2.0"]
    result = built(tmp_path, rows)
    assert result.frame["age"].to_list()[:3] == [66, 66, 65]
    assert any("age of 3 people computed" in note for note in result.notes)
    text = (tmp_path / "covariates.csv", result.frame.write_csv())[1]
    assert "1950" not in text
    assert "2016" not in text


def test_a_month_by_name_and_a_date_that_is_none(tmp_path: Path) -> None:
    rows = participants(3)
    for row in rows:
        del row["21003-2.0"]
    rows[1]["53-2.0"] = "soon"
    result = made(write(tmp_path / "ukb.csv", rows, "RAP table-exporter", replace=True))
    assert result.frame["age"].to_list() == [66, None, 63]
    assert result.missing == {"age": 1}
    assert any("1 dates" in note for note in result.notes)


def test_of_several_visits_the_first_attended_counts(tmp_path: Path) -> None:
    rows = participants(4)
    for row in rows[:2]:
        row |= {"21003-3.0": "70", "54-3.0": "11027", "53-3.0": "2020-01-01"}
    for key in ("21003-2.0", "54-2.0", "53-2.0"):
        del rows[1][key]
    result = built(tmp_path, rows, UkbOptions(visits=(2, 3)))
    assert result.frame["age"].to_list()[:2] == [66, 70]
    assert result.frame["centre"].to_list()[:2] == ["11025", "11027"]
    assert [note for note in result.notes if "visits 2 or 3" in note and "(1 people: not visit 2)" in note]
    assert list(reason_of(built(tmp_path, rows))) == [rows[1]["eid"]]


def test_negative_codes_are_missing_where_they_mean_no_answer_and_nowhere_else(tmp_path: Path) -> None:
    rows = participants(8)
    for i, row in enumerate(rows):
        row |= {"20116-2.0": ("-3", "0", "1", "2")[i % 4], "189-0.0": ("-3", "1.25", "-1", "-2.5")[i % 4]}
        row |= {"1558-2.0": ("-1", "3", "-10", "5")[i % 4]}
    options = UkbOptions(further={"townsend": 189, "alcohol": 1558}, categories={"smoking": 20116})
    result = built(tmp_path, rows, options)
    assert result.frame["smoking"].to_list()[:4] == [None, "0", "1", "2"]
    assert result.frame["townsend"].to_list()[:4] == [-3, 1.25, -1, -2.5]
    assert result.frame["alcohol"].to_list()[:4] == [None, 3, -10, 5]
    assert result.categorical == ("centre", "array", "smoking")
    assert "smoking: 2 answers are missing: prefer not to answer" in result.notes
    assert result.missing == {"smoking": 2, "alcohol": 2}
    assert [note for note in result.notes if "stay quantities" in note] == [
        "alcohol: negative numbers stay quantities: -10 (2 people); if they are codes, use --add-category or recode them"
    ]
    assert set(result.frame["array"]) == {"bileve", "axiom"}


@pytest.mark.parametrize(
    ("cells", "values", "negative"),
    [
        (["3", "1", "-999", "-818"], ["3", "1", "-999", None], {"-999": 1}),
        (["-121", "-20", "-1", "4"], [None, "-20", "-1", "4"], {"-1": 1, "-20": 1}),
        (["2", "-10", "-10", "-7", "-3", "-1"], ["2", "-10", "-10", "-7", None, None], {"-10": 2, "-7": 1}),
        (["-121", "-818", "-2.5"], ["-121", "-818", "-2.5"], {}),
    ],
)
def test_which_negative_numbers_stay(cells: list[str], values: list[str | None], negative: dict[str, int]) -> None:
    answers = answers_of(pl.Series(cells))
    assert answers.values.to_list() == values
    assert dict(answers.negative) == negative


def test_the_fewest_related_people_are_excluded(tmp_path: Path) -> None:
    """A star of four loses its centre, a pair its later member; distant, withdrawn and unlisted relatives cost nobody."""
    rows = participants(9)
    del rows[8]["22009-0.1"]
    eid = [row["eid"] for row in rows]
    pairs = [(0, 1, 0.25), (0, 2, 0.2), (0, 3, 0.1), (4, 5, 0.25), (6, 7, 0.06), (8, 7, 0.25)]
    lines = [f"{eid[a]} {eid[b]} 0.1 0.01 {kinship}" for a, b, kinship in pairs] + [f"-5 {eid[6]} 0.1 0.01 0.25"]
    path = tmp_path / "ukb_rel.dat"
    path.write_text(REL + "\n".join(lines) + "\n")
    result = built(tmp_path, rows, related_pairs=path)
    assert reason_of(result) == {eid[0]: RELATED, eid[5]: RELATED}
    assert any("1 pairs with a withdrawn participant" in note for note in result.notes)
    assert any("4 pairs with kinship above 0.0884 among 8 people" in note for note in result.notes)


def test_relatives_without_a_list_are_noted_and_field_22020_may_decide(tmp_path: Path) -> None:
    rows = participants()
    rows[0] |= {"22021-0.0": "1"}
    rows[1] |= {"22021-0.0": "10"}
    del rows[1]["22020-0.0"]
    assert any("2 people have a relative" in note and "1 of them ten or more" in note for note in built(tmp_path, rows).notes)
    result = built(tmp_path, rows, UkbOptions(used_in_pcs=True))
    assert reason_of(result) == {rows[1]["eid"]: "not used for genotype PCs (field 22020)"}


def test_only_listed_people(tmp_path: Path) -> None:
    rows = participants()
    result = built(tmp_path, rows, people=[row["eid"] for row in rows[:5]])
    assert result.frame.height == 5
    assert result.counts == {"not in the list of people": 3}


def test_an_export_that_lacks_a_field_is_noted_or_refused(tmp_path: Path) -> None:
    rows = participants()
    few = [{name: row[name] for name in ("eid", "31-0.0", "21003-2.0", "22009-0.1")} for row in rows]
    result = built(tmp_path, few)
    assert result.frame.columns == ["eid", "age", "sex", "pc1"]
    for words in ("22000", "22001", "22019", "22027", "54", "9 of 10"):
        assert any(words in note for note in result.notes), words
    without = [{name: row[name] for name in ("eid", "21003-0.0", "22009-0.1")} for row in rows]
    with pytest.raises(InputError, match=r"lacks field 31 \(Sex\) and field 21003.*instance 2"):
        built(tmp_path, without)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("31-0.0", "2", "field 31"),
        ("21003-2.0", "sixty", "field 21003"),
        ("22009-0.2", "x", "field 22009"),
        ("22000-0.0", "0", "field 22000"),
    ],
)
def test_values_of_another_kind_are_refused_without_naming_anyone(tmp_path: Path, key: str, value: str, words: str) -> None:
    rows = participants()
    rows[3][key] = value
    with pytest.raises(InputError, match=words) as error:
        built(tmp_path, rows)
    assert value in str(error.value)
    assert rows[3]["eid"] not in str(error.value)


def test_nobody_left_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not in the list of people: 8"):
        built(tmp_path, participants(), people=["1"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"), (b"PK\x03\x04\0\0", "not text"), (b"eid\n1\n", "one column"), (b"id,31-0.0\n1,0\n", "no column eid"),
        (b"eid,31-0.0,31-0.0\n1,0,0\n", "named twice"), (b"eid,31-0.0,p31\n1,0,0\n", "two columns are 31-0.0"),
        (b"eid,31-0.0\n", "no people"), (b"eid,31-0.0\n1,0\n,1\n", "no eid"), (b"eid,31-0.0\n1,0\n1,1\n", "more than once"),
        (b"eid,31-0.0\n1.000008e+06,0\n", "the id is lost"), (b"eid,31-0.0\n1,0\n2,0,5,7\n", "cannot be read"),
        (b"eid,31-0.0,54-2.0\n1,0,1\n2,0", "was cut"), (b"\x1f\x8bcut", "cannot be read"), (b"PAR1cut", "cannot be read"),
    ],
)  # fmt: skip
def test_a_table_that_is_none_gets_one_clear_error(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "ukb.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as error:
        export.read([path], UkbOptions().wants)
    assert error.value.where == str(path)


def test_only_the_needed_columns_are_read(tmp_path: Path) -> None:
    rows = participants()
    for row in rows:
        row |= {f"{field}-0.0": "7" for field in range(40_000, 40_300)}
    table = export.read([write(tmp_path / "ukb.csv", rows)], UkbOptions(pcs=3).wants)
    assert "40000-0.0" not in table.frame.columns
    assert "22009-0.4" not in table.frame.columns
    assert "53-0.0" not in table.frame.columns


@pytest.mark.parametrize("lines", ["ID1 ID2 Kin\n1 2 3\n", REL + "1 2 0 0 high\n"])
def test_a_list_of_pairs_that_is_none_is_refused(tmp_path: Path, lines: str) -> None:
    path = tmp_path / "ukb_rel.dat"
    path.write_text(lines)
    with pytest.raises(InputError, match=r"[Kk]inship"):
        built(tmp_path, participants(), related_pairs=path)


def test_names_to_export(tmp_path: Path) -> None:
    options = UkbOptions(pcs=2, further={"bmi": 21001})
    names = covariates.expected_names(options, rap=True)
    assert {
        "participant.eid",
        "participant.p31",
        "participant.p21003_i2",
        "participant.p22009_a2",
        "participant.p21001_i2",
    } <= set(names)
    assert "31" in covariates.expected_names(options, rap=False)
    frame = pl.DataFrame({name: ["1"] for name in names})
    frame.write_csv(tmp_path / "rap.csv")
    table = export.read([tmp_path / "rap.csv"], options.wants)
    assert len(table.columns) == len(names) - 1


def test_an_added_field_is_exported_of_each_visit_or_without_one() -> None:
    options = UkbOptions(visits=(2, 3), further={"bmi": 21001, "townsend": 22189}, categories={"batch": 22000})
    names = covariates.expected_names(options, rap=True)
    assert {"participant.p21001_i2", "participant.p21001_i3", "participant.p22189", "participant.p22000"} <= set(names)
    assert "participant.p22189_i2" not in names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("spelling", "words"), [("RAP titles", "UKB-FORMAT"), ("ukbconv r", "by the name 'f.31.0.0'")])
def test_an_added_field_that_is_not_found_says_by_which_names_columns_are_recognised(
    tmp_path: Path, spelling: str, words: str
) -> None:
    rows = [{**row, "21001-2.0": "27.5"} for row in participants()]
    path = write(tmp_path / "ukb.tab", rows, spelling)
    number = 21001 if spelling == "RAP titles" else 21002
    with pytest.raises(InputError, match=f"bmi: field {number} of instance 2 is not in the export") as error:
        made(path, UkbOptions(further={"bmi": number}))
    assert words in str(error.value.fix)
