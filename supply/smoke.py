"""Installs what `make dist` built into fresh environments and tries it: `python supply/smoke.py [--quick | --base] FILE ...`.

Each FILE, a wheel or an sdist, gets a virtual environment of its own, with the packages of requirements.lock (every hash
checked); with --quick it borrows those of the environment that runs this. Then the command line is tried from an empty folder:
a cohort is simulated, a study file written, every input checked, the first stage run; the compiled scan, the Snakefile and
the page's templates must be inside the package and nothing else.

With --base, each FILE is installed without extras, as pip resolves it within constraints.txt, for --python (any version). A
study of a phenotype table and one of recordings run to their reports there, and what needs an extra asks for it in one message.
The cohort is simulated by the environment that runs this.
"""

from __future__ import annotations

import argparse
import os
import shutil
import site
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
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


MODEL = "{{kind: encoder, name: own, file: own.{}, outputs: 4, rate_hz: 500, leads: [I, II]}}"
NETWORK = "{kind: residual_autoencoder, name: ae}"
MISSING: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("simulate", "another"), "", "simulate"), (("demo", "demo"), "", "simulate,learn"),
    (("run", "{study}", "--on", "local"), "", "workflow"), (("run", "{study}", "--on", "slurm"), "", "slurm"),
    (("null", "{study}", "--simulated"), "", "simulate"), (("inspect", "strip.dcm"), "", "formats"),
    (("check", "{study}"), NETWORK, "learn"), (("run", "{study}"), NETWORK, "learn"), (("plan", "{study}"), NETWORK, "learn"),
    (("check", "{study}"), MODEL.format("pt2"), "learn"), (("check", "{study}"), MODEL.format("onnx"), "onnx"),
)  # fmt: skip
"""A command, an entry of `represent` in its study, and the extras that it must ask for."""


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
    return _said(command, folder, ENVIRONMENT)


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


def tried_base(package: Path, program: str) -> None:
    """Installs the package without extras for a Python, runs two studies to their reports, and asks for what is not there."""
    with tempfile.TemporaryDirectory(prefix="smoke_") as name:
        folder, begin = Path(name), time.monotonic()
        _said([program, "-m", "venv", str(folder / "env")], None, os.environ)
        python = folder / "env" / "bin" / "python"
        install(python, "--constraint", str(ROOT / "constraints.txt"), str(package.resolve()))
        said = [f"installed in {time.monotonic() - begin:.0f} s", run([str(python), "-c", INSIDE], folder).strip()]
        ecgwas = str(folder / "env" / "bin" / "ecgwas")
        _said([sys.executable, "-m", "ecgwas", "simulate", str(folder / "ecgs"), "--people", "80"], None, os.environ)
        shutil.copytree(folder / "ecgs", folder / "table", ignore=shutil.ignore_patterns("ecg"))
        (folder / "table" / "parameters.tsv").rename(folder / "table" / "phenotypes.tsv")
        for cohort in ("table", "ecgs"):
            study, begin = f"{cohort}/study.yaml", time.monotonic()
            for arguments in (["init", cohort], ["check", study], ["run", study], ["audit", f"{cohort}/results/share"]):
                run([ecgwas, *arguments], folder)
            size = (folder / cohort / "results" / "report" / "report.html").stat().st_size
            said.append(f"study {cohort}: report of {size / 1e6:.1f} MB after {time.monotonic() - begin:.0f} s")
        (folder / "strip.dcm").write_bytes(bytes(128) + b"DICM" + bytes(64))
        said += [asked(ecgwas, folder, *case) for case in MISSING]
        number = run([str(python), "--version"], folder).strip()
        sys.stdout.write(f"SMOKE BASE {package.name}, {number}: " + "; ".join(said) + ": all in order\n")


def asked(ecgwas: str, folder: Path, arguments: Sequence[str], entry: str, extras: str) -> str:
    """What a command says that needs extras; ends with all its words if it does not ask for them, in a message of its own."""
    study = (folder / "ecgs" / "study.yaml").read_text()
    represent = f"represent: [{entry}]" if entry else ""
    (folder / "ecgs" / "asked.yaml").write_text(f"{study}\n{represent}\n")
    command = [ecgwas, *(word.format(study="ecgs/asked.yaml") for word in arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=ENVIRONMENT)
    wanted = f"pip install 'ecgwas[{extras}]'"
    if done.returncode != 4 or wanted not in done.stderr or "Traceback" in done.stderr:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}, without {wanted}:\n{done.stdout}{done.stderr}")
    return f"{' '.join(arguments[:1])} asks for {extras}"


def main() -> None:
    """Tries each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--base", action="store_true", help="without extras")
    parser.add_argument("--python", default=sys.executable, help="the Python of --base")
    parser.add_argument("files", nargs="+", type=Path)
    chosen = parser.parse_args()
    for package in chosen.files:
        if chosen.base:
            tried_base(package, chosen.python)
        else:
            tried(package, quick=chosen.quick)


if __name__ == "__main__":
    main()
