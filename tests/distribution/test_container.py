"""The container's recipe: what it copies is there, what it installs is locked, who runs in it is not root."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from supply import container_lock

from tests.conftest import ROOT

FOLDER = ROOT / "packaging"
TEXT = (FOLDER / "Containerfile").read_text()
STEPS = [
    line.split(maxsplit=1)
    for line in re.sub(r"^#.*\n", "", TEXT, flags=re.M).replace("\\\n", " ").splitlines()
    if line.strip()
]  # fmt: skip
LOCK = (FOLDER / "requirements.container.lock").read_text().splitlines()


def arguments(instruction: str) -> list[str]:
    return [rest for word, rest in STEPS if word == instruction]


def ignored(path: str) -> bool:
    """By packaging/Containerfile.dockerignore; the last pattern that fits decides."""
    verdict = False
    for line in (FOLDER / "Containerfile.dockerignore").read_text().split():
        pattern = line.removeprefix("!")
        if fnmatch.fnmatch(path, pattern) or path.startswith(f"{pattern}/"):
            verdict = not line.startswith("!")
    return verdict


def test_all_that_is_copied_is_there_and_not_ignored() -> None:
    copied = [name for rest in arguments("COPY") if "--from" not in rest for name in rest.split()[:-1]]
    assert {"src", "setup.py", "pyproject.toml", "packaging/requirements.container.lock"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists(), name
        assert not ignored(name), name
    assert ignored("tests")
    assert ignored(".git")
    assert ignored("src/ecgwas/__pycache__")


def test_whatever_the_build_of_the_wheel_reads_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    copied = " ".join(arguments("COPY"))
    for name in (project["readme"], *project["license-files"]):
        assert name in copied


def test_the_image_runs_ecgwas_as_an_ordinary_user() -> None:
    assert json.loads(arguments("ENTRYPOINT")[-1]) == ["ecgwas"]
    words = [word for word, _ in STEPS]
    assert arguments("USER") == ["ecgwas"]
    assert words.index("USER") > max(k for k, word in enumerate(words) if word == "RUN")
    assert not any("sudo" in rest or "chmod 777" in rest for rest in arguments("RUN"))


def test_the_base_has_a_tag_and_can_be_replaced_by_a_digest() -> None:
    (base,) = (rest for rest in arguments("ARG") if rest.startswith("BASE="))
    assert re.fullmatch(r"BASE=\S+/debian:\w+-slim", base)
    assert all(rest.split()[0] == "${BASE}" for rest in arguments("FROM"))


def test_package_lists_of_the_system_do_not_stay_in_the_image() -> None:
    for rest in arguments("RUN"):
        if "apt-get install" in rest:
            assert "--no-install-recommends" in rest
            assert rest.rstrip().endswith("rm -rf /var/lib/apt/lists/*")


def test_python_packages_come_from_the_lock_alone() -> None:
    for rest in arguments("RUN"):
        for command in re.findall(r"/opt/ecgwas/bin/pip install (.*?)(?:&&|$)", rest):
            assert "--no-deps" in command
            assert "--require-hashes" in command or "--no-index" in command
    requirement = shlex.split(arguments("COPY")[0])[0]
    assert requirement == "packaging/requirements.container.lock"


def test_the_lock_of_the_image_is_the_part_of_the_lock_that_ecgwas_needs() -> None:
    assert [line for line in LOCK if not line.startswith("#")] == container_lock.lines()


def test_the_lock_of_the_image_holds_every_package_of_its_extras_and_none_of_the_tests() -> None:
    names = {canonicalize_name(Requirement(line.split(" --hash")[0]).name) for line in LOCK if not line.startswith("#")}
    assert {canonicalize_name(one.name) for one in container_lock.asked()} <= names
    assert not names & {"pytest", "mypy", "ruff", "playwright", "mkdocs-material", "atheris"}
    assert all(re.search(r" --hash=sha256:[0-9a-f]{64}$", line) for line in LOCK if not line.startswith("#"))


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="no-such-package is not installed"):
        container_lock.closure([Requirement("no-such-package>=1")])
    monkeypatch.setattr(container_lock, "asked", lambda: [Requirement("pip")])
    with pytest.raises(SystemExit, match=r"not in requirements.lock: pip"):
        container_lock.lines()


def test_apptainer_runs_and_tests_the_same_programs() -> None:
    text = (FOLDER / "apptainer.def").read_text()
    sections = re.split(r"^%(\w+)\n", text, flags=re.M)
    found = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert found["runscript"].strip() == 'exec ecgwas "$@"'
    path = re.search(r"ENV PATH=(\S+)", TEXT)
    assert path is not None
    assert f"export PATH={path[1]}\n" in found["environment"]
    assert "ecgwas --version" in found["test"]
