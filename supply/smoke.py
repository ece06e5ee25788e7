"""Installs what `make dist` built into fresh environments and tries it: `python supply/smoke.py [--quick] FILE ...`.

Each FILE, a wheel or an sdist, gets a virtual environment of its own, with the packages of requirements.lock (every hash
checked); with --quick it borrows those of the environment that runs this. Then the command line is tried from an empty folder:
a cohort is simulated, a study file written, every input checked, the first stage run; the compiled scan, the Snakefile and
the page's templates must be inside the package and nothing else.
"""

from __future__ import annotations

import argparse
import os
import site
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSIDE = """
import sys
from importlib.resources import files
from pathlib import Path
import ecgwas
from ecgwas.native import _table
place = Path(ecgwas.__file__).parent
assert place.is_relative_to(sys.prefix), place
wanted = ["workflow/Snakefile", "workflow/profiles/local/config.yaml", "workflow/profiles/slurm/config.yaml",
          "report/page/page.html", "report/page/page.js", "report/page/page.trait.js", "report/page/page.css", "py.typed"]
absent = [name for name in wanted if not (files("ecgwas") / name).is_file()]
assert not absent, absent
import importlib.util
assert importlib.util.find_spec("ecgwas.tests") is None
print("inside:", len(wanted), "files and", Path(_table.__file__).name)
"""


def environment(folder: Path, *, quick: bool) -> Path:
    """The Python of a fresh environment with what ecgwas needs, without ecgwas."""
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    if quick:
        place = next((folder / "lib").glob("python*")) / "site-packages" / "borrowed.pth"
        place.write_text("\n".join(site.getsitepackages()) + "\n")
        return python
    install(python, "--upgrade", "pip")
    install(python, "--require-hashes", "--no-deps", "-r", str(ROOT / "requirements.lock"))
    return python


def install(python: Path, *arguments: str) -> None:
    """pip in that environment, with the settings of whoever runs this (where packages come from)."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    _said([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments], None, settings)


def run(command: Sequence[str], folder: Path) -> str:
    """A command's output, in an environment that knows nothing of this one; ends with what it said if it fails."""
    return _said(command, folder, {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"})


def _said(command: Sequence[str], folder: Path | None, environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def tried(package: Path, *, quick: bool) -> None:
    """Installs the package and tries it."""
    with tempfile.TemporaryDirectory(prefix="smoke_") as name:
        folder = Path(name)
        python = environment(folder / "env", quick=quick)
        again = ["--ignore-installed"] if quick else []
        install(python, "--no-deps", *again, str(package.resolve()))
        said = [run([str(python), "-c", INSIDE], folder).strip()]
        program = str(folder / "env" / "bin" / "ecgwas")
        said.append(run([program, "--version"], folder).strip())
        study = "cohort/study.yaml"
        simulated = (["options"], ["simulate", "cohort", "--people", "60"], ["init", "cohort"])
        for arguments in (*simulated, ["check", study], ["run", study, "--until", "read"], ["plan", study]):
            run([program, *arguments], folder)
            said.append(f"ecgwas {arguments[0]}")
        sys.stdout.write(f"SMOKE {package.name}: {'; '.join(said)}: all in order\n")


def main() -> None:
    """Tries each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("files", nargs="+", type=Path)
    chosen = parser.parse_args()
    for package in chosen.files:
        tried(package, quick=chosen.quick)


if __name__ == "__main__":
    main()
