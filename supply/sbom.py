"""The software bill of materials of what is installed here, as CycloneDX 1.6 JSON: `python supply/sbom.py [FILE]`.

ecgwas and every package that it and its extra `all` need to run, with version, licence, package URL, what it needs in turn, and
the SHA-256 of requirements.lock where it has one; packages of extras have the scope `optional`. The same installation gives the
same bytes: no time, no random serial number.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent


def plain(name: str) -> str:
    """A package's name as package URLs spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needs(package: Distribution, extra: str = "") -> list[str]:
    """Names of the packages that it needs here, with those of one extra and of the extras that this one names."""
    own, found = plain(package.metadata["Name"]), set[str]()
    for requirement in (Requirement(text) for text in package.requires or []):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        if plain(requirement.name) != own:
            found.add(plain(requirement.name))
            continue
        for other in requirement.extras - {extra}:
            found |= set(needs(package, other))
    return sorted(found)


def closure(root: str, extra: str = "") -> dict[str, Distribution]:
    """The package and all that it needs, with one of its extras, by name; what is not installed is not there."""
    found: dict[str, Distribution] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        waiting += needs(found[name], extra if name == root else "")
    return dict(sorted(found.items()))


def locked() -> dict[str, str]:
    """name -> SHA-256, from requirements.lock."""
    text = (ROOT / "requirements.lock").read_text()
    return {plain(name): digest for name, digest in re.findall(r"^([\w.-]+)==\S+ --hash=sha256:([0-9a-f]{64})", text, re.M)}


def component(name: str, package: Distribution, digest: str | None) -> dict[str, Any]:
    """One package."""
    about: dict[str, Any] = {
        "type": "application" if name == "ecgwas" else "library", "bom-ref": f"pkg:pypi/{name}@{package.version}",
        "name": package.metadata["Name"], "version": package.version, "purl": f"pkg:pypi/{name}@{package.version}",
    }  # fmt: skip
    licence = licence_of(package)
    if licence:
        about["licenses"] = [licence]
    if digest is not None:
        about["hashes"] = [{"alg": "SHA-256", "content": digest}]
    return about


def _stated(package: Distribution, name: str) -> str:
    """A field of a package's metadata; empty if it is absent."""
    return next(iter(package.metadata.get_all(name) or []), "")


def licence_of(package: Distribution) -> dict[str, Any] | None:
    """As the package states it: an SPDX expression, or else words."""
    expression = _stated(package, "License-Expression")
    if expression:
        return {"expression": expression}
    classified = [
        line.split(" :: ")[-1] for line in package.metadata.get_all("Classifier") or [] if line.startswith("License ::")
    ]
    words = "; ".join(classified) or _stated(package, "License").strip().split("\n")[0][:100]
    return {"license": {"name": words}} if words else None


def bill() -> dict[str, Any]:
    """The whole bill."""
    packages, required = closure("ecgwas", "all"), closure("ecgwas")
    digests = locked()
    made = {name: component(name, package, digests.get(name)) for name, package in packages.items()}
    for name in packages.keys() - required.keys():
        made[name]["scope"] = "optional"

    def below(name: str) -> list[str]:
        return needs(packages[name], "all" if name == "ecgwas" else "")

    return {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"component": made["ecgwas"]},
        "components": [about for name, about in made.items() if name != "ecgwas"],
        "dependencies": [
            {"ref": made[name]["bom-ref"], "dependsOn": [made[other]["bom-ref"] for other in below(name) if other in made]}
            for name in packages
        ],
    }  # fmt: skip


if __name__ == "__main__":
    text = json.dumps(bill(), indent=1) + "\n"
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text)
    else:
        sys.stdout.write(text)
