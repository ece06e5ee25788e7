"""Writes requirements.lock: every package of constraints.txt that ecgwas, its tests and its pages need, with the SHA-256 of the
file that pip takes on this platform (Linux, x86-64, Python 3.11): `python supply/lock.py`.

    pip install --require-hashes --no-deps -r requirements.lock     installs these very files, or nothing

PyTorch is the CPU build of https://download.pytorch.org/whl/cpu; give pip that index, or a folder that holds the file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
HEAD = """\
# Made by `python supply/lock.py` for Linux, x86-64, Python 3.11. Install with
#   pip install --extra-index-url https://download.pytorch.org/whl/cpu --require-hashes --no-deps -r requirements.lock
"""


def resolved() -> list[dict[str, Any]]:
    """What pip would install, from its own report; nothing is installed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--dry-run",
            "--ignore-installed",
            "--report",
            str(report),
        ]
        command += ["--constraint", str(ROOT / "constraints.txt"), f"{ROOT}[test,docs]"]
        subprocess.run(command, check=True)
        found: list[dict[str, Any]] = json.loads(report.read_text())["install"]
    return found


def lines(packages: list[dict[str, Any]]) -> list[str]:
    """name==version --hash=sha256:..., by name; ecgwas itself is not among them."""
    found = []
    for package in packages:
        name, version = package["metadata"]["name"], package["metadata"]["version"]
        hashes = package["download_info"].get("archive_info", {}).get("hashes", {})
        if name.lower() != "ecgwas":
            found.append(f"{name}=={version} --hash=sha256:{hashes['sha256']}")
    return sorted(found, key=str.lower)


if __name__ == "__main__":
    LOCK.write_text(HEAD + "\n".join(lines(resolved())) + "\n")
