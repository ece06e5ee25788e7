"""What an installation takes: seconds, megabytes and packages of the base and of extras, and how fast the program starts.

    python -m benchmarks.speed.installation [--python PROGRAM ...] [--extras base all] [--installers pip uv]

A wheel is built once. Each case is a fresh virtual environment into which the wheel is installed with constraints.txt and an
empty cache, so that seconds include the downloads. Megabytes (10^6 bytes) are those of all files that the installation added to
site-packages, bytecode included, as pip compiles it; uv compiles when it is asked to, as it is here. PyTorch is what the
package index offers, unless --torch-index or a folder of wheels (--wheels) has its CPU build. Start-up times are the median of
REPEATS processes after a first one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.record import recorded
from ecgwas.extras import EXTRAS

ROOT = Path(__file__).resolve().parents[2]
CPU_TORCH = "https://download.pytorch.org/whl/cpu"
REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", nargs="+", default=[sys.executable], help="the Pythons to install for")
    parser.add_argument("--extras", nargs="+", default=["base", *EXTRAS, "all"])
    parser.add_argument("--quick", action="store_true", help="the base alone, by pip")
    parser.add_argument("--installers", nargs="+", default=["pip"], choices=("pip", "uv"))
    parser.add_argument("--torch-index", default="", help=f"such as {CPU_TORCH}")
    parser.add_argument("--wheels", type=Path, default=None, help="a folder of wheels to take packages from, too")
    asked = parser.parse_args()
    if asked.quick:
        asked.extras, asked.installers = ["base"], ["pip"]
    sources = ["--extra-index-url", asked.torch_index] if asked.torch_index else []
    sources += ["--find-links", str(asked.wheels)] if asked.wheels else []
    with tempfile.TemporaryDirectory(prefix="installation_") as name:
        folder = Path(name)
        wheel = built(folder)
        uv = uv_in(folder) if "uv" in asked.installers else None
        for program in asked.python:
            for installer in asked.installers:
                for extra in asked.extras:
                    print(measured(program, uv if installer == "uv" else None, extra, wheel, sources), flush=True)


def built(folder: Path) -> Path:
    """The wheel of this source."""
    said([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)])
    return next(folder.glob("ecgwas-*.whl"))


def uv_in(folder: Path) -> Path:
    """The program uv, in an environment of its own."""
    said([sys.executable, "-m", "venv", str(folder / "uv")])
    said([str(folder / "uv" / "bin" / "pip"), "install", "--quiet", "uv"])
    return folder / "uv" / "bin" / "uv"


def measured(program: str, uv: Path | None, extra: str, wheel: Path, sources: Sequence[str]) -> str:
    """Installs one extra (or the base) into a fresh environment of that Python and measures it."""
    with tempfile.TemporaryDirectory(prefix="installation_") as name:
        environment = Path(name) / "env"
        said([program, "-m", "venv", str(environment)])
        python = environment / "bin" / "python"
        packages = next((environment / "lib").glob("python*")) / "site-packages"
        before = size_of(packages)
        wanted = str(wheel) if extra == "base" else f"ecgwas[{extra}] @ {wheel.as_uri()}"
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        command = [str(python), "-m", "pip", "install", "--quiet", "--no-cache-dir", *constraints, *sources, wanted]
        if uv is not None:
            command = [str(uv), "pip", "install", "--quiet", "--no-cache", "--compile-bytecode", "--python", str(python)]
            command += [*constraints, *sources, "--index-strategy", "unsafe-best-match", wanted]
        begin = time.perf_counter()
        said(command)
        seconds = time.perf_counter() - begin
        bytes_added = size_of(packages) - before
        count = len(list(packages.glob("*.dist-info"))) - 1
        starts = {
            "help": started([str(environment / "bin" / "ecgwas"), "--help"]),
            "import": started([str(python), "-c", "import ecgwas"]) - started([str(python), "-c", "pass"]),
        }
        number = said([str(python), "-c", "import platform; print(platform.python_version())"]).strip()
        times = " ".join(f"{what}_s={value:.3f}" for what, value in starts.items())
        return (
            f"INSTALLATION {'pip' if uv is None else 'uv'} {extra} python={number} seconds={seconds:.0f} "
            f"mb={bytes_added / 1e6:.0f} packages={count} {times}"
        )


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def started(command: Sequence[str]) -> float:
    """Median of the seconds that a process takes, after a first one."""
    times = []
    for _ in range(REPEATS + 1):
        begin = time.perf_counter()
        said(command)
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:])


def said(command: Sequence[str]) -> str:
    """What a command prints; ends with its words if it fails. It knows nothing of the environment that runs this."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(command, capture_output=True, text=True, env=settings)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    recorded(main, __file__)
