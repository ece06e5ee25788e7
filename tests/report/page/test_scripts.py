"""The page's scripts: each parses, and says at its head which names it gives to and uses of the others."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ecgwas.report.page import comparison, render

FOLDER = Path(render.__file__).parent
ANALYSIS = Path(__file__).with_name("script_names.js")
PAGES = (render.SCRIPTS, comparison.SCRIPTS)
SCRIPTS = tuple(dict.fromkeys(name for scripts in PAGES for name in scripts))
LONGEST_LINE = 110
BROWSER = {
    "Array", "Blob", "Boolean", "DecompressionStream", "Float32Array", "Float64Array", "Infinity", "Int32Array",
    "IntersectionObserver", "JSON", "Map", "Math", "MutationObserver", "NaN", "Number", "Object", "Promise",
    "ResizeObserver", "Response", "Set", "String", "TextDecoder", "URL", "Uint32Array", "Uint8Array", "WeakMap",
    "XMLSerializer", "addEventListener", "atob", "clearTimeout", "devicePixelRatio", "document", "getComputedStyle",
    "getSelection", "location", "matchMedia", "navigator", "requestAnimationFrame", "scrollX", "scrollY", "setTimeout",
    "window", "decodeURIComponent", "encodeURIComponent", "undefined",
}  # fmt: skip
"""Names that the scripts may use of JavaScript and of the browser."""


def find_node() -> str | None:
    """Playwright's wheel brings a Node along; else that of the system."""
    try:
        import playwright
    except ImportError:
        return shutil.which("node")
    packaged = Path(playwright.__file__).parent / "driver" / "node"
    return str(packaged) if packaged.exists() else shutil.which("node")


NODE = find_node()
needs_node = pytest.mark.skipif(NODE is None, reason="there is no Node: neither Playwright's nor one on PATH")


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert NODE is not None
    return subprocess.run([NODE, *arguments], capture_output=True, text=True, timeout=120, check=False)


def listed(name: str, heading: str) -> set[str]:
    """The names after `// Gives:` or `// Uses:`, without the files in parentheses."""
    head = "\n".join(line for line in (FOLDER / name).read_text().splitlines()[:12] if line.startswith("//"))
    found = re.search(rf"// {heading}: (.*?)(?=\n// [A-Z]|\Z)", head, re.DOTALL)
    assert found, f"{name} does not say what it {heading.lower()}"
    if found[1].startswith("nothing"):
        return set()
    words = re.sub(r"\([a-z, ]*\)|//", " ", found[1])
    return {word for word in re.split(r"[\s,;.]+", words) if word}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Any]]:
    done = node("--expose-internals", str(ANALYSIS), *(str(FOLDER / name) for name in SCRIPTS))
    if "Cannot find module 'internal" in done.stderr:
        pytest.skip("this Node brings no parser along")
    assert done.returncode == 0, done.stderr
    return {Path(path).name: found for path, found in json.loads(done.stdout).items()}


def test_every_script_is_packaged_and_joined() -> None:
    assert {path.name for path in FOLDER.glob("*.js")} == set(SCRIPTS)


@needs_node
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_parse(name: str) -> None:
    done = node("--check", str(FOLDER / name))
    assert done.returncode == 0, done.stderr


@needs_node
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_uses_what_it_says_and_nothing_undeclared(names: Mapping[str, Mapping[str, Any]], name: str) -> None:
    assert set(names[name]["free"]) - BROWSER == listed(name, "Uses")
    for page in PAGES:
        given = {given for other in page if other != name for given in listed(other, "Gives")}
        assert name not in page or listed(name, "Uses") <= given


@needs_node
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_gives_what_it_says_and_declares_nothing_unused(names: Mapping[str, Mapping[str, Any]], name: str) -> None:
    given = listed(name, "Gives")
    assert given <= set(names[name]["declared"])
    assert given == {used for other in SCRIPTS if other != name for used in listed(other, "Uses")} & given
    assert set(names[name]["unused"]) <= given
    assert names[name]["problems"] == []


@needs_node
def test_no_name_is_declared_twice_or_hides_a_shared_one(names: Mapping[str, Mapping[str, Any]]) -> None:
    declared = [name for found in names.values() for name in found["declared"]]
    assert sorted(declared) == sorted(set(declared))
    for script, found in names.items():
        assert set(found["inner"]).isdisjoint(declared), script


@pytest.mark.parametrize("name", SCRIPTS)
def test_lines_are_short(name: str) -> None:
    for number, line in enumerate((FOLDER / name).read_text().splitlines(), start=1):
        assert len(line) <= LONGEST_LINE, f"{name}:{number}"


@needs_node
def test_the_analysis_sees_what_is_wrong(tmp_path: Path) -> None:
    script = tmp_path / "wrong.js"
    script.write_text(
        "const used = 1, lonely = 2;\nvar old = used;\nconst f = (used) => missing(used, { used }.x, old);\nf();\n"
    )
    done = node("--expose-internals", str(ANALYSIS), str(script))
    if "Cannot find module 'internal" in done.stderr:
        pytest.skip("this Node brings no parser along")
    (found,) = json.loads(done.stdout).values()
    assert found["free"] == ["missing"]
    assert found["unused"] == ["lonely"]
    assert found["inner"] == ["used"]
    assert len(found["problems"]) == 1
