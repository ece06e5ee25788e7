"""What needs a package of an extra says so in one message, and everything else does without."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ecgwas import extras
from ecgwas.commands.init import write_study
from ecgwas.errors import ToolError
from ecgwas.simulate import simulate
from ecgwas.stages import failures
from tests import without_extras
from tests.cohorts import with_limits
from tests.conftest import ROOT
from tests.ecg.format_files import FORMAT_FILES

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FUNCTIONS = tuple(without_extras.functions(ROOT))
CASES = (*without_extras.COMMANDS, *FUNCTIONS)
EVERY_MODULE = """
import pkgutil, sys
from importlib import import_module
import ecgwas
assert not {"numpy", "polars", "pydantic"} & sys.modules.keys()
for name in ("api", "commands", "stages", "workflow", "simulate"):
    package = import_module(f"ecgwas.{name}")
    for module in pkgutil.walk_packages(package.__path__, f"ecgwas.{name}."):
        import_module(module.name)
for name in ecgwas.__all__:
    getattr(ecgwas, name)
from ecgwas.commands.cli import main
main(["run", "study.yaml"], standalone_mode=False)
print("LOADED", *sys.modules)
"""


def packages_of(extra: str) -> set[str]:
    """Names of the packages that an extra asks for itself."""
    asked = (Requirement(text) for text in PROJECT["optional-dependencies"][extra])
    return {str(canonicalize_name(one.name)) for one in asked} - {"ecgwas"}


def extras_within(extra: str) -> set[str]:
    """Extras that an extra installs with it."""
    asked = (Requirement(text) for text in PROJECT["optional-dependencies"][extra])
    return {name for one in asked if one.name == "ecgwas" for name in one.extras}


def test_pyproject_has_the_extras_of_the_table() -> None:
    assert set(PROJECT["optional-dependencies"]) == {*extras.EXTRAS, "all", "docs", "test"}
    base = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
    for name, extra in extras.EXTRAS.items():
        modules = {canonicalize_name(module) for module in extra.modules}
        assert modules <= packages_of(name), name
        assert not packages_of(name) & base, name
        assert extras_within(name) == set(extra.includes), name
    assert extras_within("all") == set(extras.EXTRAS)
    assert extras_within("test") == {"all"}


def test_readme_tells_of_every_extra() -> None:
    rows = re.findall(r"^\| `ecgwas\[(\w+)\]`", (ROOT / "README.md").read_text(), re.M)
    assert rows == [*extras.EXTRAS, "all"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of a feature table, and a few recordings."""
    folder = tmp_path_factory.mktemp("base")
    simulate(folder, people=60, seed=2, variants_per_chromosome=60, chromosomes=("1", "6"))
    (folder / "ecg").rename(folder / "kept")
    (folder / "parameters.tsv").rename(folder / "phenotypes.tsv")
    text = with_limits(write_study(folder).read_text(), permutations=100)
    (folder / "study.yaml").write_text(text + "share: {matching: false, membership: false}\n")
    (folder / "kept").rename(folder / "ecg")
    (folder / "dicom").mkdir()
    content = FORMAT_FILES["dicom"][1](folder).read_bytes()
    (folder / "dicom" / "anna.dcm").write_bytes(content)
    hospital = folder / "hospital"
    (hospital / "ecg").mkdir(parents=True)
    (hospital / "ecg" / "anna.dcm").write_bytes(content)
    (hospital / "genotypes").symlink_to(folder / "genotypes")
    (hospital / "covariates.tsv").symlink_to(folder / "covariates.tsv")
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> set[str]:
    """What a process has imported that imported every command and ran the study of a table to its report."""
    return set(output_of(["-c", EVERY_MODULE], folder).split("LOADED ")[1].split())


@pytest.fixture(scope="module")
def outcomes(folder: Path, loaded: set[str]) -> dict[str, Any]:
    """The cases of without_extras.py, in a process without any package of an extra; `loaded` comes first in the same folder."""
    (folder / "results").rename(folder / "results_with")
    found: dict[str, Any] = json.loads(output_of(["-m", "tests.without_extras"], folder).split("OUTCOMES ")[1])
    return found


def output_of(arguments: list[str], folder: Path) -> str:
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_nothing_of_an_extra_is_imported_unasked(loaded: set[str]) -> None:
    assert {"numpy", "ecgwas.stages.report", "ecgwas.commands.demo"} <= loaded
    assert loaded.isdisjoint(extras.EXTRA_OF)


def test_every_extra_has_a_command_and_every_case_an_extra() -> None:
    assert {name.split(":")[0] for name in without_extras.COMMANDS} == set(extras.EXTRAS)
    assert {name.split(":")[0] for name in CASES} == set(extras.EXTRAS)


@pytest.mark.parametrize("case", CASES)
def test_what_is_missing_is_said_with_its_cure(outcomes: dict[str, Any], case: str) -> None:
    outcome, extra = outcomes[case], case.split(":")[0]
    assert outcome["bug"] == ""
    assert outcome["code"] == ToolError.exit_code
    named = [extra for found in re.findall(r"pip install 'ecgwas\[([\w,]+)\]'", outcome["text"]) for extra in found.split(",")]
    assert extra in named, outcome["text"]
    assert "not installed" in outcome["text"]
    assert "Traceback" not in outcome["text"]


def test_the_message_names_the_entry_and_two_ways_out(outcomes: dict[str, Any]) -> None:
    for case in ("learn: check", "learn: plan", "learn: run"):
        text = outcomes[case]["text"]
        assert "representation ae (kind: residual_autoencoder) needs the package torch" in text
        assert "representation deep (kind: vae) needs" in text
        assert "or leave it out of `represent`" in text
    assert "scan.kernel: torch needs" in outcomes["learn: GPU check"]["text"]
    assert "set scan.kernel: auto" in outcomes["learn: GPU check"]["text"]
    assert "'ecgwas[simulate,learn]'" in outcomes["simulate: demo"]["text"]
    assert (
        "`ecgwas run --on slurm` needs the packages snakemake and snakemake-executor-plugin-slurm"
        in (outcomes["slurm: slurm"]["text"])
    )
    assert "'ecgwas[slurm]'" in outcomes["slurm: slurm"]["text"]


def test_nothing_was_computed_before_the_message(outcomes: dict[str, Any], folder: Path) -> None:
    assert outcomes["learn: run"]["code"] == ToolError.exit_code
    assert not (folder / "results" / "read").exists()
    assert not (folder / "another").exists()
    assert not (folder / "demo").exists()


def test_a_study_of_a_table_runs_without_any_extra(outcomes: dict[str, Any], folder: Path) -> None:
    assert outcomes["base: check"]["code"] == 0, outcomes["base: check"]["text"]
    assert outcomes["base: run"]["code"] == 0, outcomes["base: run"]["text"]
    reports = [(folder / name / "report" / "figures").iterdir() for name in ("results", "results_with")]
    assert {path.name for path in reports[0]} == {path.name for path in reports[1]}
    scans = [(folder / name / "scan").glob("*.parquet") for name in ("results", "results_with")]
    without, with_extras = ({path.name: path.read_bytes() for path in paths} for paths in scans)
    assert without == with_extras
    assert without


def test_one_command_installs_all_that_is_missing() -> None:
    assert extras.install_command(["workflow", "slurm", "learn"]) == "pip install 'ecgwas[slurm,learn]'"


def test_a_module_that_is_not_found_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last resort, where something imports a package without asking first."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError) as caught:
        importlib.import_module("torch.not_there")
    explained = failures.explanation(caught.value)
    assert explained is not None
    assert explained.fix == "pip install 'ecgwas[learn]'"
    assert failures.explanation(ModuleNotFoundError("no", name="no_such_module")) is None


def test_a_package_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ImportError("a library is absent")

    monkeypatch.setattr(extras, "import_module", broken)
    with pytest.raises(ToolError, match="pydicom is installed, but cannot be imported: a library is absent"):
        extras.load("pydicom", by="this")
