"""The computed steps of a release: versions compared, hash and digest filled in, wheels and workflow declared."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from supply import release

from tests.conftest import ROOT

FOLDER = ROOT / "packaging"
DIGEST = "sha256:" + "a1" * 32
CHANGELOG = "# Changelog\n\n## 1.2.0 (2026-11-30)\n\n### Added\n- A thing.\n\n## 1.1.0 (2026-01-01)\n\n- Older.\n"


def test_the_section_of_a_version_is_the_text_of_its_release() -> None:
    assert release.section(CHANGELOG, "1.2.0") == "### Added\n- A thing."
    assert release.section(CHANGELOG, "1.1.0") == "- Older."
    assert release.section(CHANGELOG, "1.3.0") == ""
    assert release.section("## Unreleased (1.3.0)\n\n- A thing.\n", "1.3.0") == ""


def test_versions_that_differ_are_named() -> None:
    released = release.version()
    assert not [line for line in release.mistakes(f"v{released}") if not line.startswith("CHANGELOG.md")]
    assert f"the tag of this commit: 9.9.9, pyproject.toml: {released}" in release.mistakes("v9.9.9")
    assert f"the tag of this commit: no version, pyproject.toml: {released}" in release.mistakes("")


def test_the_recipe_gets_version_and_hash_of_the_sdist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "DIST", tmp_path)
    assert release.main(["conda"]) == 1
    sdist = tmp_path / f"ecgwas-{release.version()}.tar.gz"
    sdist.write_bytes(b"an sdist")
    assert release.main(["conda"]) == 0
    text = (tmp_path / "conda" / "meta.yaml").read_text()
    assert f'{{% set sha256 = "{hashlib.sha256(b"an sdist").hexdigest()}" %}}' in text
    assert release.PLACEHOLDER not in text
    assert release.recipe(text, "7.8.9", "").count('"7.8.9"') == 1


def test_sums_are_those_that_sha256sum_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "DIST", tmp_path)
    (tmp_path / "conda").mkdir()
    (tmp_path / "conda" / "meta.yaml").write_text("recipe")
    (tmp_path / "wheel.whl").write_text("wheel")
    for _ in range(2):
        assert release.main(["sums"]) == 0
        done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True)
        assert done.stdout.splitlines() == ["conda/meta.yaml: OK", "wheel.whl: OK"]


@pytest.mark.parametrize(
    "inspected",
    [
        json.dumps([{"RepoDigests": [f"debian@{DIGEST}"]}], indent=1),
        json.dumps([{"RepoDigests": [f"docker.io/library/debian@{DIGEST}"], "Digest": "sha256:" + "0" * 64}]),
        json.dumps({"Name": "docker.io/library/debian", "Digest": DIGEST, "Layers": ["sha256:" + "2" * 64]}),
    ],
)
def test_the_base_image_is_named_by_digest(inspected: str) -> None:
    text = release.with_digest((FOLDER / "Containerfile").read_text(), inspected)
    assert f"\nARG BASE=docker.io/library/debian@{DIGEST}\n" in text


def test_no_digest_or_two_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "base.json"
    for content, count in (("[]", 0), (f'"debian@{DIGEST}" "debian@sha256:{"0" * 64}"', 2)):
        path.write_text(content)
        assert release.main(["digest", str(path)]) == 1
        assert f"{count} digests of docker.io/library/debian" in capsys.readouterr().out


def test_one_wheel_per_platform_for_all_versions_of_python() -> None:
    options = tomllib.loads((FOLDER / "cibuildwheel.toml").read_text())["tool"]["cibuildwheel"]
    assert options["build"] == "cp311-*"
    assert "Py_LIMITED_API" in (ROOT / "setup.py").read_text()
    assert options["linux"]["archs"] == ["x86_64", "aarch64"]


def test_the_workflow_publishes_without_a_token_and_grants_nothing_else() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert all(job["permissions"] in ({"contents": "read"}, {"id-token": "write"}) for job in workflow["jobs"].values())
    assert "secrets." not in text
    for script in re.findall(r"python (supply/\w+\.py)", text):
        assert (ROOT / script).is_file()


def test_files_and_steps_named_in_the_recipe_exist() -> None:
    text = (FOLDER / "RELEASE.md").read_text()
    for name in re.findall(r"(?:packaging|supply|\.github)/[\w./]+\w", text):
        assert (ROOT / name).exists(), name
    assert {name for name in re.findall(r"supply/release\.py (\w+)", text)} == {*release.STEPS, "digest"}
