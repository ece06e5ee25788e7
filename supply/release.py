"""Steps of a release that are computed rather than typed: `python supply/release.py STEP`.

    check             version of pyproject.toml, CITATION.cff and the applet, tag of this commit, section of CHANGELOG.md agree
    conda             dist/conda/meta.yaml: the recipe with version and SHA-256 of the sdist in dist/
    digest FILE       dist/Containerfile: the base image by the digest in FILE (from `docker inspect` or `skopeo inspect`)
    sums              dist/SHA256SUMS of every file in dist/

packaging/RELEASE.md says when each is run. Ends with 1 and one line per mistake.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
PLACEHOLDER = "SHA256_OF_THE_SDIST"
BASE = re.compile(r"^ARG BASE=(\S+):(\S+)$", re.M)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def version() -> str:
    """The version of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def sha256(path: Path) -> str:
    """Of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def section(changelog: str, released: str) -> str:
    """Text below the heading `## VERSION (DATE)`; empty if there is none or it says nothing."""
    found = re.search(rf"^## {re.escape(released)} \(\d{{4}}-\d\d-\d\d\)\n(.*?)(?=^## |\Z)", changelog, re.M | re.S)
    return found[1].strip() if found else ""


def tag() -> str:
    """The tag of this commit; empty without one."""
    command = ["git", "-C", str(ROOT), "describe", "--exact-match", "--tags", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def mistakes(tagged: str) -> list[str]:
    """What does not agree with the version of pyproject.toml, one sentence each."""
    released = version()
    applet = json.loads((ROOT / "packaging" / "dx" / "dxapp.json").read_text())["version"]
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.M)
    stated = {"the tag of this commit": tagged.removeprefix("v"), "packaging/dx/dxapp.json": applet}
    stated["CITATION.cff"] = cited[1] if cited else ""
    found = [
        f"{place}: {text or 'no version'}, pyproject.toml: {released}" for place, text in stated.items() if text != released
    ]
    if not section((ROOT / "CHANGELOG.md").read_text(), released):
        found.append(f"CHANGELOG.md: no section '## {released} (YYYY-MM-DD)' with text")
    return found


def check() -> int:
    """Prints the mistakes, or the section of the changelog, which is the text of the release."""
    found = mistakes(tag())
    sys.stdout.write("\n".join(found or [section((ROOT / "CHANGELOG.md").read_text(), version())]) + "\n")
    return 1 if found else 0


def recipe(template: str, released: str, digest: str) -> str:
    """The conda recipe of a release."""
    text = re.sub(r'^\{% set version = "[^"]*" %\}$', f'{{% set version = "{released}" %}}', template, count=1, flags=re.M)
    text = re.sub(r"^\{#.*#\}\n", "", text, flags=re.M)
    return text.replace(PLACEHOLDER, digest)


def conda() -> int:
    """Writes dist/conda/meta.yaml."""
    released = version()
    sdist = DIST / f"ecgwas-{released}.tar.gz"
    if not sdist.is_file():
        sys.stdout.write(f"{sdist}: there is no sdist; run `make dist`\n")
        return 1
    written = DIST / "conda" / "meta.yaml"
    written.parent.mkdir(exist_ok=True)
    written.write_text(recipe((ROOT / "packaging" / "conda" / "meta.yaml").read_text(), released, sha256(sdist)))
    sys.stdout.write(f"{written}\n")
    return 0


def with_digest(containerfile: str, inspected: str) -> str:
    """The Containerfile with its base by digest. Raises ValueError if the text names none, or several, of that image."""
    name, _ = BASE.findall(containerfile)[0]
    short = name.removeprefix("docker.io/library/")
    named = re.findall(rf'"(?:docker\.io/library/)?{re.escape(short)}@({DIGEST.pattern})"', inspected)
    single = re.findall(rf'"Digest": *"({DIGEST.pattern})"', inspected)
    digests = set(named or single)
    if len(digests) != 1:
        raise ValueError(f"{len(digests)} digests of {name}")
    return BASE.sub(f"ARG BASE={name}@{digests.pop()}", containerfile)


def digest(inspected: Path) -> int:
    """Writes dist/Containerfile."""
    try:
        text = with_digest((ROOT / "packaging" / "Containerfile").read_text(), inspected.read_text())
    except ValueError as error:
        sys.stdout.write(
            f"{inspected}: {error}; give the output of `docker inspect IMAGE` or `skopeo inspect docker://IMAGE`\n"
        )
        return 1
    (DIST / "Containerfile").write_text(text)
    return 0


def sums() -> int:
    """Writes dist/SHA256SUMS, as sha256sum --check reads it."""
    written = DIST / "SHA256SUMS"
    paths = sorted(path for path in DIST.rglob("*") if path.is_file() and path != written)
    written.write_text("".join(f"{sha256(path)}  {path.relative_to(DIST)}\n" for path in paths))
    return 0


STEPS: dict[str, Callable[[], int]] = {"check": check, "conda": conda, "sums": sums}


def main(arguments: list[str]) -> int:
    """Runs one step; gives the exit code."""
    match arguments:
        case ["digest", inspected]:
            return digest(Path(inspected))
        case [step] if step in STEPS:
            return STEPS[step]()
    sys.stdout.write((__doc__ or "") + "\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
