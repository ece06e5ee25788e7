"""What ecgwas is made of and handed on as: locked, listed, private, whole."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from supply import sbom

from ecgwas.store import atomic_write, writing_part
from tests.conftest import ROOT

LOCKED = re.findall(r"^([\w.-]+)==(\S+) --hash=sha256:([0-9a-f]{64})$", (ROOT / "requirements.lock").read_text(), re.M)
PINNED = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M))
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def test_every_line_of_the_lock_has_a_version_and_a_hash() -> None:
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == len(LOCKED) > 50


def test_lock_and_constraints_agree() -> None:
    pinned = {canonicalize_name(name): number for name, number in PINNED.items()}
    for name, number, _ in LOCKED:
        assert pinned.get(canonicalize_name(name)) == number.split("+")[0], f"{name}: run python supply/lock.py"


def test_the_lock_holds_all_that_pyproject_asks_for_within_its_ranges() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = {canonicalize_name(name): number for name, number, _ in LOCKED}
    asked = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    for requirement in (Requirement(text) for text in asked if not text.startswith("ecgwas[")):
        if requirement.marker is None or requirement.marker.evaluate():
            number = locked.get(canonicalize_name(requirement.name))
            assert number is not None, f"{requirement.name} is not locked: run python supply/lock.py"
            assert requirement.specifier.contains(number, prereleases=True), requirement


def test_the_bill_of_materials_is_whole_and_the_same_twice() -> None:
    made = sbom.bill()
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    refs = {made["metadata"]["component"]["bom-ref"], *(one["bom-ref"] for one in made["components"])}
    assert len(refs) == len(made["components"]) + 1
    for one in made["components"]:
        assert one["version"] == version(one["name"])
        assert one["purl"].startswith("pkg:pypi/")
    assert {"numpy", "torch", "polars", "lxml"} <= {one["name"].lower() for one in made["components"]}
    scopes = {one["name"].lower(): one.get("scope", "required") for one in made["components"]}
    assert scopes["numpy"] == "required"
    for one in made["dependencies"]:
        assert {one["ref"], *one["dependsOn"]} <= refs
    assert json.dumps(made) == json.dumps(sbom.bill())


@pytest.mark.slow
def test_the_wheel_holds_all_it_needs_and_runs_from_elsewhere(tmp_path: Path) -> None:
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    built = subprocess.run([*wheel, str(ROOT)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    files = [str(path) for path in tmp_path.glob("*.whl")]
    tried = subprocess.run(
        [sys.executable, str(ROOT / "supply" / "smoke.py"), "--quick", *files], capture_output=True, text=True
    )
    assert tried.returncode == 0, tried.stderr
    assert "all in order" in tried.stdout


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_shell_no_pickle_no_temporary_file_that_others_may_read(path: Path) -> None:
    refused = {
        "os.system", "os.popen", "tempfile.mktemp", "eval", "exec", "pickle.load", "pickle.loads", "pickle.dump",
        "marshal.load", "shelve.open", "torch.load", "yaml.load_all", "yaml.unsafe_load", "subprocess.getoutput", "os.chmod",
    }  # fmt: skip
    for call in calls(path):
        assert name_of(call) not in refused, f"{path}:{call.lineno}"
        if name_of(call).startswith("subprocess."):
            assert not [word for word in call.keywords if word.arg == "shell"], f"{path}:{call.lineno}"
            assert not isinstance(call.args[0], (ast.Constant, ast.JoinedStr)), f"{path}:{call.lineno}: a list, no string"
        if name_of(call) == "np.load":
            assert all(word.arg != "allow_pickle" or not getattr(word.value, "value", True) for word in call.keywords)


def test_every_yaml_is_read_by_the_safe_loader() -> None:
    for path in SOURCES:
        for call in (call for call in calls(path) if name_of(call) == "yaml.load"):
            loader = next(ast.unparse(word.value) for word in call.keywords if word.arg == "Loader")
            assert loader == "_Loader", f"{path}:{call.lineno}"


def test_work_in_progress_is_private(tmp_path: Path) -> None:
    """Folders of work belong to their owner alone; a temporary file lies beside its target under a name of its own."""
    with writing_part(tmp_path / "scan", tmp_path / "notes" / "1.json", "mark", {}) as out:
        assert out.stat().st_mode & 0o077 == 0
        (out / "a.txt").write_text("a")
    with atomic_write(tmp_path / "b.txt") as temporary:
        temporary.write_text("b")
        assert temporary.parent == tmp_path
        assert str(os.getpid()) in temporary.name
