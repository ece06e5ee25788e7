"""The conda recipe asks for what pyproject.toml asks for, and says what conda lacks."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import jinja2
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

RECIPE = (ROOT / "packaging" / "conda" / "meta.yaml").read_text()
README = (ROOT / "packaging" / "conda" / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "snakemake": "snakemake-minimal", "bgen": "bgen-python"}
"""Packages with another name on conda."""

COMPLETE = ("learn", "workflow", "simulate")
"""Extras that the conda package always has, for conda has none."""
OPTIONAL = ("onnx", "formats", "slurm")


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    """As conda-build reads it on Linux: Jinja first, then YAML."""
    functions = {
        "compiler": lambda language: f"{language}_compiler",
        "stdlib": lambda language: f"{language}_stdlib",
        "pin_subpackage": lambda name, max_pin: f"{name} max {max_pin}",
        "PYTHON": "python",
    }
    found: dict[str, Any] = yaml.safe_load(jinja2.Template(RECIPE, undefined=jinja2.StrictUndefined).render(functions))
    return found


def ranges(lines: list[str]) -> dict[str, SpecifierSet]:
    """Conda name -> versions, without python itself."""
    split = (line.partition(" ") for line in lines)
    return {name: SpecifierSet(versions) for name, _, versions in split if name != "python"}


def asked(*extras: str) -> dict[str, SpecifierSet]:
    """Conda name -> versions, of what pyproject.toml asks for in these extras."""
    optional = PROJECT["optional-dependencies"]
    found = {}
    for text in (line for extra in extras for line in (PROJECT["dependencies"] if extra == "" else optional.get(extra, ()))):
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        found[CONDA_NAMES.get(name, name)] = requirement.specifier
    found.pop(PROJECT["name"], None)  # an extra that takes up another
    return found


def test_conda_asks_for_the_packages_and_ranges_of_pyproject(recipe: dict[str, Any]) -> None:
    assert ranges(recipe["requirements"]["run"]) == asked("", *COMPLETE)
    assert ranges(recipe["requirements"]["run_constrained"]) == asked(*OPTIONAL)


def test_version_licence_and_commands_are_those_of_pyproject(recipe: dict[str, Any]) -> None:
    assert recipe["package"] == {"name": PROJECT["name"], "version": PROJECT["version"]}
    assert recipe["source"]["url"].endswith(f"/e/ecgwas/ecgwas-{PROJECT['version']}.tar.gz")
    assert recipe["about"]["license"] == PROJECT["license"]
    assert [recipe["about"]["license_file"]] == PROJECT["license-files"]
    assert recipe["about"]["summary"] == PROJECT["description"]
    assert recipe["build"]["entry_points"] == [f"{name} = {place}" for name, place in PROJECT["scripts"].items()]
    assert f"py<{PROJECT['requires-python'].removeprefix('>=').replace('.', '')}" in RECIPE


def test_a_compiled_package_for_three_platforms(recipe: dict[str, Any]) -> None:
    assert "c_compiler" in recipe["requirements"]["build"]
    assert "noarch" not in recipe["build"]
    assert recipe["build"]["run_exports"] == ["ecgwas max x.x"]
    assert recipe["extra"]["additional-platforms"] == ["linux-aarch64", "osx-arm64"]
    assert "ecgwas.native._table" in recipe["test"]["imports"]
    assert "ecgwas --version" in recipe["test"]["commands"]


def test_no_hash_is_stated_before_there_is_an_sdist(recipe: dict[str, Any]) -> None:
    assert not re.search(r"\b[0-9a-f]{64}\b", RECIPE)
    assert recipe["source"]["sha256"].isupper()


def test_every_other_name_and_what_conda_lacks_is_on_the_recipes_page() -> None:
    for name in CONDA_NAMES.values():
        assert f"`{name}`" in README
    assert "**bgen**" in README
    assert "**bed-reader**" in README
