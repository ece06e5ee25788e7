"""The served page's own scripts: they parse, and use and give what their heads say."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from ecgwas.serve.html import OWN, SCRIPTS
from tests.report.page.test_scripts import ANALYSIS, BROWSER, LONGEST_LINE, needs_node, node

PATHS = {name: Path(str(resources.files(package) / name)) for package, name in SCRIPTS}
OWN_SCRIPTS = [name for package, name in SCRIPTS if package == OWN]
FURTHER = {"fetch", "scrollTo"}
"""Names of the browser that the report's scripts do not use."""


def listed(name: str, heading: str) -> set[str]:
    """The names after `// Gives:` or `// Uses:`."""
    head = "\n".join(line for line in PATHS[name].read_text().splitlines()[:12] if line.startswith("//"))
    match = re.search(rf"// {heading}: (.*?)(?=\n// [A-Z]|\Z)", head, re.DOTALL)
    assert match, name
    words = re.split(r"[\s,;.]+", re.sub(r"\([a-z, ]*\)|//", " ", match[1]))
    return {word for word in words if word and word != "nothing"}


def test_every_own_script_is_joined() -> None:
    folder = PATHS[OWN_SCRIPTS[0]].parent
    assert {path.name for path in folder.glob("*.js")} == set(OWN_SCRIPTS)
    for name in OWN_SCRIPTS:
        assert max(len(line) for line in PATHS[name].read_text().splitlines()) <= LONGEST_LINE, name


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    done = node("--expose-internals", str(ANALYSIS), *(str(path) for path in PATHS.values()))
    if "Cannot find module 'internal" in done.stderr:
        pytest.skip("this Node brings no parser along")
    assert done.returncode == 0, done.stderr
    return {Path(path).name: parsed for path, parsed in json.loads(done.stdout).items()}


@needs_node
@pytest.mark.parametrize("name", OWN_SCRIPTS)
def test_a_script_uses_and_gives_what_it_says(names: dict[str, Any], name: str) -> None:
    assert set(names[name]["free"]) - BROWSER - FURTHER == listed(name, "Uses")
    given = {declared for other in PATHS if other != name for declared in names[other]["declared"]}
    assert listed(name, "Uses") <= given
    assert listed(name, "Gives") <= set(names[name]["declared"])
    assert set(names[name]["unused"]) <= listed(name, "Gives")
    assert names[name]["problems"] == []


@needs_node
def test_what_the_report_s_scripts_use_is_there(names: dict[str, Any]) -> None:
    given = {declared for script in names.values() for declared in script["declared"]}
    for name in set(PATHS) - set(OWN_SCRIPTS):
        assert set(names[name]["free"]) - BROWSER <= given, name
    declared = [name for script in names.values() for name in script["declared"]]
    assert sorted(declared) == sorted(set(declared))
