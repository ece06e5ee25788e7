"""Every results file is declared once, in tables/files.py; people's tables cannot be shared; no other module spells a name."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from ecgwas.stages import share
from ecgwas.tables import Table, files
from tests.conftest import ROOT
from tests.report.example import make_contents
from tests.stages import golden

SOURCE = ROOT / "src" / "ecgwas"
WRITTEN = {stage: list(about["files"]) for stage, about in json.loads(golden.PATH.read_text())["stages"].items()}
RESULT_NAMES = frozenset(Path(one.name).name for one in files.ALL if "{" not in Path(one.name).name)
OWN_FOLDER = {"scan/engine/all_tests.py"}
"""Writes a folder of its own, declared as a whole (files.ENGINE_FILES), whose inner names nothing else knows."""

ENDING = re.compile(r"[^\s.][^\s]*\.(csv|parquet|npz)")


@pytest.mark.parametrize("stage", WRITTEN)
def test_every_file_that_a_stage_writes_is_declared_once(stage: str) -> None:
    for name in WRITTEN[stage]:
        declared = [one.name for one in files.of_stage(stage) if one.matches(name)]
        assert len(declared) == 1, f"{stage}/{name}: {declared}"


def test_names_are_declared_once() -> None:
    places = [one.place for one in files.ALL]
    assert sorted(places) == sorted(set(places))


def test_whatever_has_a_column_of_eids_is_about_people() -> None:
    tables = [one for one in files.ALL if isinstance(one, files.TableFile) and issubclass(one.table, Table)]
    assert tables
    for one in tables:
        assert one.about_people == any(re.fullmatch(r"eid\d?", name) for name in one.table.columns), one.place


def test_what_is_about_people_cannot_be_declared_shared() -> None:
    with pytest.raises(ValueError, match="cannot be shared"):
        files.ResultFile("traits", "people.csv", about_people=True, shared=True, meaning="Participants.")
    with pytest.raises(ValueError, match="may not be shared"):
        _ = files.PEOPLE.shared_copy
    assert not any(one.about_people for one in files.of_stage("share"))


UNDECLARED = files.ResultFile("loci", "strangers.csv", about_people=False, shared=True, meaning="Not declared.")


@pytest.mark.parametrize("file", [files.PEOPLE, UNDECLARED, files.RECORDINGS], ids=lambda file: file.place)
def test_no_table_of_people_and_no_undeclared_one_gets_into_the_shared_folder(file: files.ResultFile) -> None:
    contents = make_contents()
    with pytest.raises(ValueError, match=r"may not be shared|is not declared"):
        share.tables(replace(contents, tables={**contents.tables, file: pl.DataFrame({"eid": ["1"]})}))


def test_a_name_is_what_it_was_made_from(tmp_path: Path) -> None:
    path = files.FEATURES_OF_SEED.path(tmp_path, representation="pca", number=2)
    assert path == tmp_path / "represent" / "pca" / "features_seed2.parquet"
    path.parent.mkdir(parents=True)
    path.touch()
    (path.parent / "features.parquet").touch()
    assert files.FEATURES_OF_SEED.all_names(tmp_path) == [{"representation": "pca", "number": "2"}]
    assert files.ENCODER.path(tmp_path, representation="pca") == path.parent / "encoder"
    assert not files.is_declared("represent", "pca/strangers.csv")


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Strings of a module that could be paths, docstrings and sentences aside."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            yield node.lineno, node.value


def test_no_other_module_spells_the_name_of_a_results_file() -> None:
    others = [path for path in sorted(SOURCE.rglob("*.py")) if path != SOURCE / "tables" / "files.py"]
    modules = {str(path.relative_to(SOURCE)): path for path in others}
    for name, path in modules.items():
        of_results = name.split("/")[0] in ("stages", "workflow", "report")
        for line, text in literals(path):
            spelled = text.rsplit("/")[-1] in RESULT_NAMES or (of_results and ENDING.fullmatch(text))
            assert not spelled or name in OWN_FOLDER, f"{name}:{line} spells {text}: take it from tables/files.py"


def test_stages_read_tables_through_their_declarations() -> None:
    for path in sorted((SOURCE / "stages").rglob("*.py")):
        for call in ("read_csv(", "read_parquet(", 'glob("*.csv")'):
            assert call not in path.read_text(), f"{path}: {call[:-1]}; use the read of a file in tables/files.py"
