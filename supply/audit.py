"""Known weaknesses of the packages of requirements.lock, by pip-audit: `python supply/audit.py [PROGRAM]`.

PROGRAM: where pip-audit is (none: on the path). Prints `AUDIT audited=<n> not_audited=<n> weaknesses=<n>`, then each
weakness. Ends with 1 if there are any; where the service cannot be reached nothing is proved, and the line says so.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def audited(program: str) -> list[dict[str, Any]]:
    """What pip-audit says of each package: name, version and vulns, or skip_reason."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "requirements.txt"
        # +cpu is a build of the same code: the service knows it without.
        plain.write_text(re.sub(r"==([\w.]+)\+\w+", r"==\1", (ROOT / "requirements.lock").read_text()))
        command = [program, "--disable-pip", "--require-hashes", "--format", "json", "--requirement", str(plain)]
        done = subprocess.run(command, capture_output=True, text=True)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        sys.exit(f"AUDIT skipped: pip-audit gave no answer, is there internet? {done.stderr.strip()[-300:]}")
    return found


def main(program: str | None) -> int:
    """Prints what was found; gives the exit code."""
    if program is None:
        sys.stdout.write("AUDIT skipped: pip-audit is not installed\n")
        return 0
    packages = audited(program)
    known = [package for package in packages if "skip_reason" not in package]
    weak = [(package, one) for package in known for one in package["vulns"]]
    sys.stdout.write(f"AUDIT audited={len(known)} not_audited={len(packages) - len(known)} weaknesses={len(weak)}\n")
    if not known:
        sys.stdout.write("nothing is proved: the service that knows of weaknesses cannot be reached from here\n")
    for package, one in weak:
        sys.stdout.write(
            f"{package['name']} {package['version']}: {one['id']}, mended in {', '.join(one['fix_versions']) or '-'}\n"
        )
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else shutil.which("pip-audit")))
