"""A throw-away SLURM of two nodes on this machine, and what a test does to it.

Started by ../shared/tools/slurm_lab.sh, which ends each daemon by its own process id.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import yaml

PATIENCE_S = 300.0


@dataclass(frozen=True)
class Lab:
    """folder holds its state, logs and process ids; environment is what its commands need."""

    script: Path
    folder: Path
    environment: dict[str, str]

    @classmethod
    def at(cls, script: Path, folder: Path) -> Lab:
        search = f"{folder / 'bin'}:{os.environ['PATH']}"
        more = {"SLURM_LAB": str(folder), "SLURM_CONF": str(folder / "etc" / "slurm.conf"), "PATH": search}
        return cls(script, folder, {**os.environ, **more, "LAB_PORT": str(17_000 + os.getpid() % 5_000)})

    def run(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(command, env=self.environment, check=False, capture_output=True, text=True, timeout=90)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout[-500:]} {done.stderr[-500:]}")
        return done.stdout

    def start(self) -> None:
        self.run("bash", str(self.script), "start", "--nodes", "2", "--cpus", "2", "--mem", "4000")

    def stop(self) -> None:
        self.run("bash", str(self.script), "stop", check=False)

    def lose(self, node: str) -> None:
        """Everything on the node ends at once, as when its power fails; the controller is told so, as a monitor would."""
        jobs = self.run("squeue", "-h", "-w", node, "-o", "%A").split()
        daemon = int((self.folder / "pid" / f"slurmd-{node}").read_text())
        steps = [pid for pid, words in processes() for job in jobs if words.startswith(f"slurmstepd: [{job}.")]
        for pid in [daemon, *(each for step in steps for each in (step, *descendants(step)))]:
            kill(pid, signal.SIGKILL)
        self.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=lost")


def profile(folder: Path, **changes: object) -> Path:
    """The profile that ecgwas ships, with quicker looks at the queue for a lab."""
    shipped = files("ecgwas") / "workflow" / "profiles" / "slurm" / "config.yaml"
    quick = {"slurm-init-seconds-before-status-checks": 1, "seconds-between-status-checks": 1, "latency-wait": 10}
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump({**yaml.safe_load(shipped.read_text()), **quick, **changes}))
    return folder


def processes() -> Iterator[tuple[int, str]]:
    """Every process with its command line, words joined by blanks."""
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                yield int(path.name), (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue


def descendants(parent: int) -> list[int]:
    """Processes below one, nearest first."""
    found: list[int] = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        children = [int(pid) for pid in task.read_text().split()]
        found += children + [each for child in children for each in descendants(child)]
    return found


def kill(pid: int, number: signal.Signals) -> None:
    """A process that is gone already is none to kill."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def wait_for(what: Callable[[], int | None], words: str) -> int:
    """What it gives, once it gives something."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = what()
        if found is not None:
            return found
        time.sleep(0.02)
    raise TimeoutError(words)


def working_on(study_file: Path, part: str) -> int | None:
    """The ecgwas process that makes a part of the scan, if there is one: the innermost of those that name it."""
    ending = f" -m ecgwas scan {study_file} --part {part} "
    return next((pid for pid, words in processes() if words.endswith(ending)), None)
