"""The house holds: imports go down, rooms keep to themselves, files and functions stay small, every name has its place."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from docs import make_architecture as architecture

from ecgwas.commands.cli import main
from ecgwas.stages import STAGES
from ecgwas.study import Study
from tests.conftest import ROOT

SOURCE = ROOT / "src" / "ecgwas"
FILES = sorted(SOURCE.rglob("*.py"))
LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 50


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def test_every_room_stands_on_one_floor() -> None:
    rooms = [room for floor in architecture.FLOORS for room in floor]
    assert len(rooms) == len(set(rooms))
    assert {architecture.room_of(module) for module in architecture.modules()} == set(rooms)


def test_imports_go_down_and_rooms_of_one_floor_do_not_know_each_other() -> None:
    assert architecture.upwards() == []


def test_neither_files_nor_folders_import_each_other_in_a_circle() -> None:
    assert architecture.cycles() == []


def test_no_room_is_too_large() -> None:
    assert max(architecture.shares().values()) < architecture.LARGEST_SHARE


def test_page_of_the_architecture_is_made_from_the_imports() -> None:
    text = architecture.PAGE.read_text()
    assert text == architecture.page(text)
    for path in re.findall(r"`((?:src/ecgwas/)?[a-z_/]+\.py)`", text):
        homes = (ROOT, SOURCE, ROOT / "docs")
        assert any((home / path).is_file() for home in homes), f"docs/architecture.md: there is no {path}"


def test_an_import_upwards_and_a_circle_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = {"ecgwas.errors": frozenset({"ecgwas.stages.read"}), "ecgwas.stages.read": frozenset({"ecgwas.errors"})}
    monkeypatch.setattr(architecture, "modules", lambda: graph)
    monkeypatch.setattr(architecture, "imported", lambda module: graph[module])
    assert architecture.upwards() == ["ecgwas.errors imports ecgwas.stages.read"]
    assert architecture.cycles()[0] == ["ecgwas.errors", "ecgwas.stages.read"]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_are_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < LINES_OF_A_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length < LINES_OF_A_FUNCTION, f"{path}: {node.name} has {length} lines"


def kinds(section: str) -> set[str]:
    """The kinds that a section of study.yaml knows, from the JSON schema."""
    schema = Study.model_json_schema()
    text = str(schema["properties"][section])
    if section == "outcomes":  # Its kinds are those of its tables.
        text = str(schema["$defs"]["OutcomeOptions"]["properties"])
    return set(re.findall(r"'(\w+)': '#/\$defs/", text))


@pytest.mark.parametrize(
    ("section", "room"),
    [("represent", "represent"), ("scan", "scan"), ("genes", "genes/sources"), ("outcomes", "outcomes/sources")],
)
def test_every_kind_has_its_file_and_its_test(section: str, room: str) -> None:
    found = kinds(section)
    assert found
    for kind in found:
        assert (SOURCE / room / f"{kind}.py").is_file(), f"kind {kind} has no file"
        assert (ROOT / "tests" / room / f"test_{kind}.py").is_file(), f"kind {kind} has no test"


def test_a_section_is_a_stage_is_a_command_is_a_page() -> None:
    sections = {name for name in Study.model_fields if name not in ("name", "seed", "results", "preset", "offline")}
    assert sections == {stage.name for stage in STAGES}
    for stage in STAGES:
        assert stage.name in main.commands
        assert (ROOT / "docs" / f"{stage.name}.md").is_file(), f"stage {stage.name} has no page"


def test_every_command_is_told_of() -> None:
    pages = (ROOT / "docs" / "commands.md").read_text()
    for name in main.commands:
        assert f"ecgwas {name}" in pages, f"docs/commands.md does not tell of `ecgwas {name}`"


def test_no_pickle_no_shell_strings_no_prints() -> None:
    for path in FILES:
        text = path.read_text()
        for refused in ("import pickle", "torch.save(", "shell=True", "allow_pickle=True", "os.system"):
            assert refused not in text, f"{path}: {refused}"
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        assert not [call for call in calls if call.func.id in ("print", "eval", "exec")], path  # type: ignore[attr-defined]


def test_only_one_door_to_the_internet() -> None:
    door = re.compile(r"^\s*(import|from) (httpx|urllib|requests|socket)\b", re.MULTILINE)
    users = [name_of(path) for path in FILES if door.search(path.read_text())]
    assert users == ["genes/web/client.py"]


def test_example_study_is_read() -> None:
    study = Study.read_file(ROOT / "examples" / "study.yaml")
    assert study.represent
    assert study.genes


def test_documentation_speaks_of_commands_and_options_that_exist() -> None:
    """Commands named in README, docs and the issue forms are there."""
    forms = [path for path in (ROOT / ".github").rglob("*") if path.is_file()]
    for page in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md")), *forms]:
        for command in re.findall(r"`ecgwas ([a-z]+)", page.read_text()):
            assert command in main.commands, f"{page}: there is no `ecgwas {command}`"


def test_tables_page_is_made_from_the_tables() -> None:
    from docs.make_tables import tables_page

    assert (ROOT / "docs" / "tables.md").read_text() == tables_page()


def test_measurements_page_lists_the_measurements() -> None:
    from docs.make_tables import measurements_page

    page = (ROOT / "docs" / "measurements.md").read_text()
    assert page == measurements_page(page)
