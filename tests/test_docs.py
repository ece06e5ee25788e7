"""The documentation: pages made from the code are up to date, links lead somewhere, the site holds every page."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from lxml import etree

from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
AT_THE_ROOT = sorted(ROOT.glob("*.md"))


def slug(heading: str) -> str:
    """A heading's place in an address, as Markdown's table of contents makes it."""
    plain = re.sub(r"[`*]", "", heading).strip().lower()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain)).strip("-")


def test_the_page_of_options_is_made_from_the_options() -> None:
    from docs.make_study import study_page

    assert (DOCS / "study.md").read_text() == study_page(), "run python docs/make_study.py"


def test_the_page_of_bad_input_is_made_from_the_table() -> None:
    from docs.make_bad_input import bad_input_page

    assert (DOCS / "bad_input.md").read_text() == bad_input_page(), "run python docs/make_bad_input.py"


@pytest.mark.parametrize("page", [*PAGES, *AT_THE_ROOT], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_pictures_of_a_page_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        name, _, place = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.exists(), f"{page.name}: {target}"
        if place:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            assert place in {slug(heading) for heading in headings}, f"{page.name}: {target}"


GENERATED = {"published.md", "bad_input.md", "study.md", "tables.md", "CHANGELOG.md"}
BY_HAND = [page for page in (*PAGES, *AT_THE_ROOT) if page.name not in GENERATED]
HOMES = (ROOT, ROOT / "src" / "ecgwas", ROOT / "src" / "ecgwas" / "report", DOCS)
"""Folders below which pages name files."""

TO_BE_WRITTEN = {
    "src/ecgwas/represent/mean.py", "tests/represent/test_mean.py", "src/ecgwas/genes/sources/nearby.py",
    "tests/genes/sources/test_nearby.py",
}  # fmt: skip
"""Files of the examples in add_a_method.md."""


def by_name(pages: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=lambda path: str(path.relative_to(ROOT)))


@by_name(BY_HAND)
def test_source_files_named_on_a_page_are_there(page: Path) -> None:
    named_files = set(re.findall(r"(?<![\w./])((?:\w+/)+\w+\.(?:py|c|h))\b", page.read_text())) - TO_BE_WRITTEN
    assert not [name for name in sorted(named_files) if not any((home / name).is_file() for home in HOMES)]


@by_name(BY_HAND)
def test_names_said_to_be_in_a_source_file_are_there(page: Path) -> None:
    """`name` in `file.py`: the file defines a function, class, constant or field of that name."""
    for name, file in re.findall(r"`([A-Za-z_]\w*)`\s+(?:in|of)\s+`((?:\w+/)+\w+\.py)`", page.read_text()):
        text = next((home / file).read_text() for home in HOMES if (home / file).is_file())
        assert re.search(rf"^\s*(?:def |class )?{name}\b *[(:=]", text, re.MULTILINE), f"{page.name}: no {name} in {file}"


@by_name(BY_HAND)
def test_benchmarks_named_on_a_page_are_there_with_their_flags(page: Path) -> None:
    for module, arguments in re.findall(r"python\s+-m\s+(benchmarks[\w.]+)([^`\n]*)", page.read_text()):
        path = ROOT / f"{module.replace('.', '/')}.py"
        assert path.is_file(), f"{page.name}: {module}"
        for flag in re.findall(r"--[\w-]+", arguments):
            assert flag in path.read_text(), f"{page.name}: {module} has no {flag}"


def test_pictures_are_whole_and_name_nobody() -> None:
    for path in (DOCS / "pictures").glob("*.svg"):
        assert etree.parse(str(path)).getroot().tag.endswith("svg"), path


def named(entry: object) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    entries = entry.values() if isinstance(entry, dict) else entry
    return [page for inner in entries for page in named(inner)]  # type: ignore[attr-defined]


def test_the_site_holds_every_page_and_reaches_for_nothing() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert sorted(named(site["nav"])) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES)
    assert site["theme"]["font"] is False
    assert "extra_javascript" not in site


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs-material is not installed: make docs")
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "tutorial.html").exists()


def test_the_readme_counts_the_cases_of_bad_input() -> None:
    from tests.bad_input.cases import CASES

    assert f"| kinds of bad input, each a right result or one clear error | {len(CASES)} |" in (ROOT / "README.md").read_text()


def test_pages_for_contributors_are_there_and_put_private_data_first() -> None:
    for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", ".github/PULL_REQUEST_TEMPLATE.md"):
        assert (ROOT / name).is_file(), name
    first = (ROOT / "SECURITY.md").read_text().split("\n## ")[1]
    assert first.startswith("Private data first")
    assert "Never attach" in first
    forms = [path for path in sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")) if path.name != "config.yml"]
    assert forms
    for path in forms:
        form = yaml.safe_load(path.read_text())
        assert {"name", "description", "body"} <= set(form), path
    for name in ("bug.yml", "recording.yml"):
        asked = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / name).read_text())["body"]
        assert any(part.get("id") == "private" for part in asked), f"{name} does not ask about private data"


def test_hooks_are_local_and_fetch_nothing() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in hooks["repos"]] == ["local"]
    for hook in hooks["repos"][0]["hooks"]:
        assert hook["language"] == "system", hook["id"]
        assert hook["entry"].startswith(".venv/bin/"), hook["id"]


def test_types_are_published_with_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "py.typed" in project["tool"]["setuptools"]["package-data"]["ecgwas"]
    assert (ROOT / "src" / "ecgwas" / "py.typed").is_file()
