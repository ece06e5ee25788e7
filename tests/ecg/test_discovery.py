"""Whose files are used, and that every other file is listed with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas.ecg import Manifest, find_recordings
from ecgwas.errors import InputError
from ecgwas.leads import LEADS
from ecgwas.study import ReadOptions
from tests.ecg.make_recordings import put


def found(folder: Path, **options: object) -> Manifest:
    return find_recordings(ReadOptions(recordings=folder, **options))


def others(manifest: Manifest) -> dict[str, tuple[str, str]]:
    frame = manifest.others.frame
    return {path: (status, reason) for path, status, reason in frame.select("path", "status", "reason").iter_rows()}


def touch(folder: Path, *names: str) -> None:
    for name in names:
        put(folder, name, "x")


def test_one_recording_a_person_sorted_by_eid(tmp_path: Path) -> None:
    touch(tmp_path, "20_20205_2_0.xml", "3_20205_3_0.XML", "3_20205_2_1.xml", "3_20205_2_0.xml", "100_20205_3_0.xml")
    manifest = found(tmp_path)
    assert [(source.eid, source.instance) for source in manifest.sources] == [("100", "3_0"), ("20", "2_0"), ("3", "2_0")]
    assert manifest.sources[2].paths == {"12L": tmp_path / "3_20205_2_0.xml"}
    reason = ("duplicate", "another recording of the person is used: 2_0")
    assert others(manifest) == {"3_20205_3_0.XML": reason, "3_20205_2_1.xml": reason}


def test_preferred_visit(tmp_path: Path) -> None:
    touch(tmp_path, "1_20205_2_0.xml", "1_20205_3_0.xml", "2_20205_2_0.xml")
    manifest = found(tmp_path, instance=3)
    assert [source.instance for source in manifest.sources] == ["3_0", "2_0"]
    strict = found(tmp_path, instance=3, other_instances=False)
    assert [source.eid for source in strict.sources] == ["1"]
    reason = "only visits other than 3 (read.other_instances is off)"
    assert others(strict)["2_20205_2_0.xml"] == ("left_out", reason)


def test_one_lead_files_stay_within_one_visit_and_the_complete_one_wins(tmp_path: Path) -> None:
    touch(tmp_path, *(f"1_{lead}_20205_2_0.xml" for lead in LEADS if lead != "V2"))
    touch(tmp_path, *(f"1_{lead.upper()}_20205_3_0.xml" for lead in LEADS))
    (source,) = found(tmp_path).sources
    assert source.instance == "3_0"
    assert set(source.paths) == set(LEADS)
    assert len(found(tmp_path).others) == 11
    (strict,) = found(tmp_path, other_instances=False).sources
    assert strict.instance == "2_0"


def test_the_repeat_is_another_complete_visit(tmp_path: Path) -> None:
    touch(tmp_path, "1_20205_2_0.xml", "1_20205_3_1.xml", "1_20205_3_0.xml", "1_20205_4_0.xml")
    touch(tmp_path, "2_20205_2_0.xml", "2_20205_2_1.xml", "2_I_20205_3_0.xml", "3_20205_2_0.xml", "4_20205_2_0.xml")
    touch(tmp_path, "4_20205_1_0.xml")
    manifest = found(tmp_path)
    assert {eid: source.instance for eid, source in manifest.repeats.items()} == {"1": "3_0", "4": "1_0"}
    assert manifest.repeats["1"].paths == {"12L": tmp_path / "1_20205_3_0.xml"}
    assert others(manifest)["1_20205_3_0.xml"] == ("duplicate", "another recording of the person is used: 2_0")
    off = found(tmp_path, repeat_visits=False)
    assert off.repeats == {}
    assert (off.sources, others(off)) == (manifest.sources, others(manifest))
    gone = put(tmp_path, "gone.txt", "4\n")
    assert set(found(tmp_path, leave_out=gone).repeats) == {"1"}


def test_visits_without_a_number_are_not_known_to_be_others(tmp_path: Path) -> None:
    lines = "eid\tpath\tinstance\nx\ta.xml\t2_0\nx\tb.xml\t\ny\tc.xml\t\ny\td.xml\t3\n"
    assert found(put(tmp_path, "list.tsv", lines)).repeats == {}


def test_derivable_leads_may_be_absent(tmp_path: Path) -> None:
    touch(tmp_path, *(f"1_{lead}_20205_2_0.xml" for lead in ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")))
    touch(tmp_path, *(f"1_{lead}_20205_3_0.xml" for lead in LEADS))
    assert found(tmp_path).sources[0].instance == "2_0"


def test_file_of_all_leads_before_one_lead_files(tmp_path: Path) -> None:
    touch(tmp_path, "1_20205_2_0.xml", "1_V1_20205_2_0.xml")
    manifest = found(tmp_path)
    assert set(manifest.sources[0].paths) == {"12L"}
    assert others(manifest)["1_V1_20205_2_0.xml"] == ("duplicate", "another file of the same person, lead and visit is used")


def test_same_name_in_two_folders(tmp_path: Path) -> None:
    touch(tmp_path / "a", "1_20205_2_0.xml")
    touch(tmp_path / "b", "1_20205_2_0.xml")
    manifest = found(tmp_path)
    assert manifest.sources[0].paths["12L"] == tmp_path / "a" / "1_20205_2_0.xml"
    assert list(others(manifest)) == ["b/1_20205_2_0.xml"]


def test_names_that_do_not_match_are_listed(tmp_path: Path) -> None:
    touch(tmp_path, "1_20205_2_0.xml", "README.txt", "1_20205_2_0.xml.part", "1_V9_20205_2_0.xml", ".hidden")
    listed = others(found(tmp_path))
    assert set(listed) == {"README.txt", "1_20205_2_0.xml.part", "1_V9_20205_2_0.xml", ".hidden"}
    assert set(listed.values()) == {("left_out", "file name does not match read.pattern")}


def test_other_pattern(tmp_path: Path) -> None:
    touch(tmp_path, "ecg-v3-9-4711.xml")
    (source,) = found(tmp_path, pattern=r"ecg-(?P<lead>\w+)-(?P<instance>\d+)-(?P<eid>\d+)").sources
    assert (source.eid, source.instance, set(source.paths)) == ("4711", "9_0", {"V3"})


def test_withdrawn_people(tmp_path: Path) -> None:
    touch(tmp_path / "ecg", "1_20205_2_0.xml", "2_20205_2_0.xml")
    listed = put(tmp_path, "withdrawn.csv", b"\xef\xbb\xbfeid\r\n2\r\n\r\n")
    manifest = found(tmp_path / "ecg", leave_out=listed)
    assert [source.eid for source in manifest.sources] == ["1"]
    assert others(manifest)["2_20205_2_0.xml"] == ("left_out", "withdrawn (read.leave_out)")
    put(tmp_path, "withdrawn.csv", "1,2\n")
    with pytest.raises(InputError, match="line 1"):
        found(tmp_path / "ecg", leave_out=listed)
    with pytest.raises(InputError, match="missing"):
        found(tmp_path / "ecg", leave_out=tmp_path / "nowhere")


def test_reasons_of_a_list_of_people_to_leave_out(tmp_path: Path) -> None:
    touch(tmp_path / "ecg", "1_20205_2_0.xml", "2_20205_2_0.xml", "3_20205_2_0.xml")
    listed = put(tmp_path, "excluded.csv", 'eid,reason,further\n2,"sex; array",\n3,,\n')
    manifest = found(tmp_path / "ecg", leave_out=listed)
    assert [source.eid for source in manifest.sources] == ["1"]
    assert others(manifest)["2_20205_2_0.xml"] == ("left_out", "sex, array (read.leave_out)")
    assert others(manifest)["3_20205_2_0.xml"] == ("left_out", "withdrawn (read.leave_out)")


def test_odd_names_and_loops_of_links(tmp_path: Path) -> None:
    folder = tmp_path / "röntgen 'x' \"y\" $z"
    touch(folder, "äé 1_20205_2_0.xml")
    (folder / "loop").symlink_to(folder)
    (folder / "2_20205_2_0.xml").symlink_to(folder / "gone")
    try:
        put(folder, "3\udce4_20205_2_0.xml", "x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    manifest = found(folder)
    assert [source.eid for source in manifest.sources] == ["2", "äé 1"]
    listed = others(manifest)
    assert listed["loop"] == ("left_out", "a link to a folder; not followed")
    assert listed["3?_20205_2_0.xml"][0] == "left_out"


def test_table_of_recordings(tmp_path: Path) -> None:
    touch(tmp_path / "data", "a.xml", "b.xml", "c.xml")
    table = put(
        tmp_path, "list.tsv", "eid\tpath\tlead\tinstance\nx\tdata/a.xml\t\t3\nx\tdata/b.xml\t12l\t2_1\ny\tdata/c.xml\tavr\t\n"
    )
    manifest = found(table)
    assert [(source.eid, source.instance, dict(source.paths)) for source in manifest.sources] == [
        ("x", "2_1", {"12L": tmp_path / "data/b.xml"}),
        ("y", "", {"aVR": tmp_path / "data/c.xml"}),
    ]
    assert others(manifest) == {"data/a.xml": ("duplicate", "another recording of the person is used: 2_1")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("person,path\n1,a\n", "no column eid"),
        ("eid,path\n", "no rows"),
        ("eid,path,lead\n1,a,V1\n2,b,V7\n", "line 3"),
        ("eid,path,instance\n1,a,two\n", "line 2"),
        ("eid,path\n,a\n", "line 2"),
    ],
)
def test_faulty_tables(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        found(put(tmp_path, "list.csv", text))


def test_missing_folder_file_and_no_match(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder is missing"):
        found(tmp_path / "nowhere")
    with pytest.raises(InputError, match="table is missing"):
        found(tmp_path / "nowhere.tsv")
    with pytest.raises(InputError, match="neither a folder nor a table"):
        found(put(tmp_path, "one.xml"))
    with pytest.raises(InputError, match=r"a file in the folder: one.xml") as caught:
        found(tmp_path)
    assert "20205" in str(caught.value)
