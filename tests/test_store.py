"""A file is whole or absent; a note vouches only for what it saw made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecgwas.store import Note, atomic_write, file_digest, fingerprint, writing_part


def fail_half_way(path: Path) -> None:
    path.write_text("half")
    (path.parent / "absent" / "file").write_text("never")


def test_whole_leaves_the_old_file_when_the_block_fails(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), atomic_write(target) as temporary:
        fail_half_way(temporary)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_part_moves_into_place_with_a_note(tmp_path: Path) -> None:
    folder, note = tmp_path / "scan", tmp_path / "notes" / "1.json"
    with writing_part(folder, note, "mark", {"seed": 1}) as out:
        (out / "sub").mkdir()
        (out / "sub" / "a.txt").write_text("a")
        assert not (folder / "sub" / "a.txt").exists()
    seen = Note.read(note)
    assert seen is not None
    assert seen.outputs_unchanged(folder)
    assert seen.digests() == {"sub/a.txt": file_digest(folder / "sub" / "a.txt")}


def test_a_note_does_not_vouch_for_an_altered_or_missing_file(tmp_path: Path) -> None:
    folder, note = tmp_path / "scan", tmp_path / "notes" / "1.json"
    with writing_part(folder, note, "mark", {}) as out:
        (out / "a.txt").write_text("a")
    (folder / "a.txt").write_text("b")
    seen = Note.read(note)
    assert seen is not None
    assert not seen.outputs_unchanged(folder)
    (folder / "a.txt").unlink()
    assert not seen.outputs_unchanged(folder)


def test_a_failing_part_leaves_files_and_note_as_they_were(tmp_path: Path) -> None:
    folder, note = tmp_path / "scan", tmp_path / "notes" / "1.json"
    with writing_part(folder, note, "first", {}) as out:
        (out / "a.txt").write_text("a")
    with pytest.raises(FileNotFoundError), writing_part(folder, note, "second", {}) as out:
        fail_half_way(out / "a.txt")
    assert (folder / "a.txt").read_text() == "a"
    assert json.loads(note.read_text())["fingerprint"] == "first"


def test_outputs_that_are_no_longer_made_are_removed(tmp_path: Path) -> None:
    folder, note = tmp_path / "scan", tmp_path / "notes" / "1.json"
    for name in ("a.txt", "b.txt"):
        with writing_part(folder, note, "mark", {}) as out:
            (out / name).write_text(name)
    assert [path.name for path in folder.iterdir()] == ["b.txt"]


def test_fingerprints_depend_on_content_not_on_order_of_keys() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


@pytest.mark.parametrize("content", ["", "{", "[]", '{"fingerprint": 1}', "null"])
def test_a_broken_note_is_no_note(tmp_path: Path, content: str) -> None:
    (tmp_path / "note.json").write_text(content)
    assert Note.read(tmp_path / "note.json") is None
