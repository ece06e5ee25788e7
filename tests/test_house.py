"""The house holds: imports go down, rooms keep to themselves, files and functions stay small, every name has its place."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ecgwas.cli import main
from ecgwas.stages import STAGES
from ecgwas.study import Study
from tests.conftest import ROOT

SOURCE = ROOT / "src" / "ecgwas"
FILES = sorted(SOURCE.rglob("*.py"))
FLOORS = {
    0: ("errors",),
    1: (
        "study", "tables", "gene_tables", "gene_symbols", "loci_tables", "comparison_tables", "recording_tables", "store",
        "progress", "signals", "user_tables", "ids", "__init__",
    ),
    2: ("ecg", "represent", "associate", "genes", "report", "exchange", "simulate"),
    3: ("stages", "workflow"),
    4: ("cli", "comparison", "demo", "initialise", "inspection", "listing", "__main__"),
}  # fmt: skip
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 50


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """Rooms of ecgwas that a file imports; `from ecgwas import x` counts as x."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "ecgwas":
            rooms |= {alias.name for alias in node.names if alias.name in FLOOR}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ecgwas."):
            rooms.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("ecgwas.")}
    return rooms


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def test_every_file_lives_on_a_floor() -> None:
    assert {room_of(path) for path in FILES} <= set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_down_and_rooms_keep_to_themselves(path: Path) -> None:
    own = room_of(path)
    floor = FLOOR[own]
    for other in imported_rooms(path) - {own}:
        assert FLOOR[other] <= floor, f"{path} imports {other} from the floor above"
        if floor == 2:
            assert FLOOR[other] < 2, f"{path} imports {other}: rooms of one floor do not know each other"


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
    return set(re.findall(r"'(\w+)': '#/\$defs/", text))


@pytest.mark.parametrize(("section", "room"), [("represent", "represent"), ("scan", "associate"), ("genes", "genes")])
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
    assert users == ["genes/web.py"]


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
