"""What a run survives: kills at any moment and rename, a full disk, little memory, no network, a clock set back, a second run.

    python -m benchmarks.robustness.faults            50 moments for each signal, every rename of the run
    python -m benchmarks.robustness.faults --quick    4 moments, 12 renames, two chromosomes

A tiny simulated study is run once undisturbed. Each fault is then applied to the same study, and three questions are answered.
Did the run end with one clear error of the ecgwas family or by the signal, not in a traceback? Does any file that its notes
declare complete differ from the undisturbed run? Does a second, undisturbed run end with the same bytes and without leftovers?
Prints a line for each fault:

    FAULT <name> cases=<n> ended=<how often how> tracebacks=<n> half_written=<n> byte_differences=<n> leftovers=<n>

The last line contains the totals, with the numbers of kills at moments and at renames, and of all renames.

Each run is a forked process, so that a case costs the run but not the start of Python. The parent itself uses no library with
threads. A kill hits one part, on a copy of the results from before that part. The second run makes the part again and must
leave the results of the undisturbed run. The full disk is a tmpfs of a few MiB where mounting is allowed, otherwise
RLIMIT_FSIZE, as the line states. The clock is not set back for the whole machine: files receive times in the distant past, and
a run sees a clock that goes backwards. Linux only.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.record import recorded
from ecgwas import stages
from ecgwas.commands.init import write_study
from ecgwas.errors import EcgwasError
from ecgwas.simulate import simulate
from ecgwas.stages import STAGES
from ecgwas.stages.base import stage_folder
from ecgwas.store import Note, file_digest
from ecgwas.study import Study

REPRESENT = "  - {kind: pca, name: pca, features: 2}\n"
PRIVATE = ("notes", "logs", "cache")
BUG = 70
"""Exit code of a child that ended in an exception outside the ecgwas family: a traceback for the user."""


@dataclass(frozen=True)
class Step:
    """One part of the undisturbed run: the results folder before it, its contents afterwards, seconds, renames."""

    stage: str
    part: str
    before: Path
    after: Mapping[str, str]
    seconds: float
    renames: int


@dataclass
class Outcome:
    """The outcomes of the cases of one fault."""

    name: str
    cases: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    tracebacks: int = 0
    half_written: int = 0
    byte_differences: int = 0
    leftovers: int = 0

    def line(self) -> str:
        """The printed line."""
        ended = ", ".join(f"{how}: {count}" for how, count in sorted(self.ended.items()))
        return (
            f"FAULT {self.name} cases={self.cases} ended=({ended}) tracebacks={self.tracebacks} "
            f"half_written={self.half_written} byte_differences={self.byte_differences} leftovers={self.leftovers}"
        )

    @property
    def clean(self) -> bool:
        """True if no case broke a rule."""
        return self.tracebacks + self.half_written + self.byte_differences + self.leftovers == 0


def tiny_study(folder: Path, *, quick: bool = False) -> Path:
    """A study of 60 participants and a few dozen variants; a run takes a few seconds. quick: on two chromosomes."""
    size: dict[str, Any] = {"variants_per_chromosome": 12}
    if quick:
        size = {"variants_per_chromosome": 36, "chromosomes": ("1", "6")}
    simulate(folder, people=60, seed=5, **size)
    path = write_study(folder, represent=REPRESENT)
    text = path.read_text().replace("  # min_mac: 20", "  min_mac: 10\n  permutations: 20\n  threads: 1")
    text = text.replace("# loci:\n#   threshold: permutation", "loci:\n  threshold: 1.0e-3").replace(
        "report:\n", "report:\n  max_traits: 1\n  max_loci: 1\n"
    )
    path.write_text(text)
    return path


class Ground:
    """The study, its undisturbed results, and the checks after each fault."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self.folder = folder
        in_a_child(lambda: tiny_study(folder / "study", quick=quick))
        self.study_file = folder / "study" / "study.yaml"
        begun = time.monotonic()
        if self.run(self.study_file) != "done":
            raise RuntimeError((folder / "log.txt").read_text())
        self.seconds = time.monotonic() - begun
        self.wanted = contents(Study.read_file(self.study_file))
        self.steps = tuple(self._steps())

    def _steps(self) -> Iterator[Step]:
        """Runs the study again, part by part, with a copy of the results before each part."""
        study_file, report = self.copy("steps"), self.folder / "report.txt"
        study = Study.read_file(study_file)
        in_a_child(lambda: report.write_text(json.dumps([(one.name, part) for one in STAGES for part in one.parts(study)])))
        for number, (stage, part) in enumerate(json.loads(report.read_text())):
            before = self.folder / "before" / f"{number:03d}"
            study.results.mkdir(exist_ok=True)
            shutil.copytree(study.results, before)
            report.write_text("")
            begun = time.monotonic()
            if self.run(study_file, lambda: _after_rename(lambda: _append(report)), part=(stage, part)) != "done":
                raise RuntimeError((self.folder / "log.txt").read_text())
            seconds = time.monotonic() - begun
            yield Step(stage, part, before, contents(study), seconds, len(report.read_text()))

    def at(self, step: Step) -> Path:
        """A copy of the study as it was before a step."""
        study_file = self.copy("killed")
        results = Study.read_file(study_file).results
        shutil.copytree(step.before, results)
        return study_file

    def copy(self, name: str) -> Path:
        """A copy of the inputs with unchanged modification times, without results."""
        to = self.folder / name
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.study_file.parent, to, ignore=shutil.ignore_patterns("results"))
        return to / self.study_file.name

    def fork(
        self, study_file: Path, prepare: Callable[[], None] = lambda: None,
        *, log: Path | None = None, part: tuple[str, str] | None = None,
    ) -> int:  # fmt: skip
        """Starts a run, or one part (stage, part), in a separate process, which first calls `prepare`."""
        process = os.fork()
        if process == 0:
            _child(study_file, prepare, log or self.folder / "log.txt", part)
        return process

    def end_of(self, process: int) -> str:
        """Waits for a run and returns its end: done, an error's name, a signal's name, traceback, or hang."""
        status = _waited(process)
        if status is None:
            return "hang"
        if os.WIFSIGNALED(status):
            return signal.Signals(os.WTERMSIG(status)).name
        code = os.WEXITSTATUS(status)
        names = {0: "done", BUG: "traceback"} | {kind.exit_code: kind.__name__ for kind in EcgwasError.__subclasses__()}
        return names.get(code, f"exit {code}")

    def run(self, study_file: Path, prepare: Callable[[], None] = lambda: None, *, part: tuple[str, str] | None = None) -> str:
        """Runs the whole study, or one part."""
        return self.end_of(self.fork(study_file, prepare, part=part))

    def look(self, outcome: Outcome, how: str, study_file: Path) -> None:
        """Records how a run with a fault ended, and whether files that notes declare complete equal the undisturbed run's."""
        outcome.cases += 1
        outcome.ended[how] += 1
        outcome.tracebacks += how in ("traceback", "hang")
        outcome.half_written += len(self.false_promises(Study.read_file(study_file)))

    def settle(self, outcome: Outcome, study_file: Path) -> None:
        """Runs the study again: it must end with the same bytes and without leftovers."""
        how = self.run(study_file)
        study = Study.read_file(study_file)
        found = contents(study)
        outcome.byte_differences += how != "done" or found != self.wanted
        outcome.leftovers += len(leftovers(study))

    def settle_step(self, outcome: Outcome, study_file: Path, step: Step) -> None:
        """Runs one part again: it must end with the bytes of the undisturbed part and without leftovers."""
        how = self.run(study_file, part=(step.stage, step.part))
        study = Study.read_file(study_file)
        found = contents(study)
        as_left = all(self.wanted.get(name) == digest for name, digest in step.after.items())
        outcome.byte_differences += how != "done" or found != step.after or not as_left
        outcome.leftovers += len(leftovers(study))

    def false_promises(self, study: Study) -> list[str]:
        """Files that a note declares complete although they differ from the undisturbed run's."""
        found = []
        for path in sorted((study.results / "notes").glob("*/*.json")):
            note, stage = Note.read(path), path.parent.name
            if note is not None and note.outputs_unchanged(stage_folder(study, stage)):
                digests = {f"{stage}/{name}": digest for name, digest in note.digests().items()}
                found += [name for name, digest in digests.items() if self.wanted.get(name) != digest]
        return found


LONGEST_S = 120.0


def _waited(process: int) -> int | None:
    """The status of a child; None if it did not end and had to be killed."""
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return status
        time.sleep(0.005)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None


def in_a_child(work: Callable[[], object]) -> None:
    """Does the work in a separate process, because a process that forks runs must not have used libraries with threads."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if _waited(process) != 0:
        raise RuntimeError("a child did not do its work")


def contents(study: Study) -> dict[str, str]:
    """SHA-256 of every result file; notes contain time and host and are not results."""
    paths = [path for path in study.results.rglob("*") if path.is_file()]
    names = {str(path.relative_to(study.results)): path for path in paths}
    return {name: file_digest(path) for name, path in sorted(names.items()) if name.split("/")[0] not in PRIVATE}


def leftovers(study: Study) -> list[str]:
    """Files that a finished run must not leave: temporary files, locks, work folders."""
    paths = [*(study.results / "notes").rglob("*"), *study.results.rglob(".*.part")]
    return [str(path) for path in paths if path.suffix != ".json" and not (path.is_dir() and path.parent.name == "notes")]


def _child(study_file: Path, prepare: Callable[[], None], log: Path, part: tuple[str, str] | None) -> None:
    """Runs the study, or one part, and ends the process with its error's exit code; the parent is unaffected."""
    code = BUG
    try:
        with log.open("a") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            prepare()
            study = Study.read_file(study_file)
            stages.run(study) if part is None else stages.run_part(study, *part)
            code = 0
    except EcgwasError as error:
        os.write(2, f"{error}\n".encode())
        code = error.exit_code
    except BaseException as error:  # every bug must reach the parent
        import traceback

        os.write(2, "".join(traceback.format_exception(error)).encode())
    finally:
        os._exit(code)


def at_moments(ground: Ground, number: signal.Signals, count: int, seed: int) -> Outcome:
    """Kills a run at random moments."""
    outcome = Outcome(f"{number.name} at random moments")
    rng = random.Random(seed)
    whole = sum(step.seconds for step in ground.steps)
    for case in range(count):
        # One moment in each equal share of the run, so that no stage is omitted by chance.
        step, seconds = _step_at(ground, whole * (case + rng.random()) / count)
        study_file = ground.at(step)
        process = ground.fork(study_file, part=(step.stage, step.part))
        time.sleep(seconds)
        os.kill(process, number)
        ground.look(outcome, ground.end_of(process), study_file)
        ground.settle_step(outcome, study_file, step)
    return outcome


def _step_at(ground: Ground, moment: float) -> tuple[Step, float]:
    """The step that contains a moment (s) of the run, and the seconds since its start."""
    for step in ground.steps:
        if moment < step.seconds:
            return step, moment
        moment -= step.seconds
    return ground.steps[-1], ground.steps[-1].seconds


def at_renames(ground: Ground, count: int | None) -> Outcome:
    """Kills a run directly after a rename. count: number of renames, evenly spaced over the run; None: every rename."""
    every = [(step, place) for step in ground.steps for place in range(1, step.renames + 1)]
    chosen = every if count is None else [every[case * len(every) // count] for case in range(count)]
    outcome = Outcome(f"SIGKILL at renames ({len(chosen)} of {len(every)})")
    for step, place in chosen:
        study_file = ground.at(step)
        how = ground.run(study_file, lambda place=place: _kill_after(place), part=(step.stage, step.part))
        ground.look(outcome, how, study_file)
        ground.settle_step(outcome, study_file, step)
    return outcome


def _append(path: Path) -> None:
    with path.open("a") as file:
        file.write(".")


def _after_rename(act: Callable[[], None]) -> None:
    """In a child: calls `act` after every rename. pathlib and shutil also rename by these two functions."""

    def acting(plain: Callable[..., None]) -> Callable[..., None]:
        def rename(*paths: object, **more: object) -> None:
            plain(*paths, **more)
            act()

        return rename

    os.replace, os.rename = acting(os.replace), acting(os.rename)


def _kill_after(count: int) -> None:
    seen = 0

    def act() -> None:
        nonlocal seen
        seen += 1
        if seen == count:
            os.kill(os.getpid(), signal.SIGKILL)

    _after_rename(act)


@contextmanager
def small_disk(folder: Path, mib: float) -> Iterator[bool]:
    """A tmpfs of `mib` MiB at `folder`; False if it cannot be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={int(mib * 1024)}k", "tmpfs", str(folder)]
    mounted = shutil.which("mount") is not None and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def full_disk(ground: Ground, count: int) -> Outcome:
    """The disk has room for increasing shares of a run's needs; the second run has enough room."""
    outcome = Outcome("full disk")
    results = Study.read_file(ground.study_file).results
    need = sum(path.stat().st_size for path in results.rglob("*") if path.is_file()) / 2**20
    for case in range(count):
        study_file = ground.copy("full")
        size = need * (case + 0.5) / count
        with small_disk(study_file.parent / "results", size) as mounted:
            outcome.name = "full disk (tmpfs)" if mounted else "full disk (RLIMIT_FSIZE: mount is not allowed)"
            limit = int(2**20 * size / 8)
            prepare = (lambda: None) if mounted else (lambda limit=limit: _limit(resource.RLIMIT_FSIZE, limit))
            ground.look(outcome, ground.run(study_file, prepare), study_file)
        ground.settle(outcome, study_file)
    return outcome


def _limit(what: int, value: int) -> None:
    resource.setrlimit(what, (value, value))


def little_memory(ground: Ground, count: int) -> Outcome:
    """The address space is limited to increasing shares of a run's needs."""
    outcome = Outcome("RLIMIT_AS")
    for case in range(count):
        study_file = ground.copy("memory")
        extra = int(2**20 * 8 * 2.2**case)
        ground.look(outcome, ground.run(study_file, lambda extra=extra: _little_more(extra)), study_file)
        ground.settle(outcome, study_file)
    return outcome


def _little_more(extra: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _limit(resource.RLIMIT_AS, pages * resource.getpagesize() + extra)


def read_only(ground: Ground) -> Outcome:
    """The results are read-only: for root by a read-only mount, for others by permissions."""
    outcome = Outcome("read-only results")
    study_file = ground.copy("forbidden")
    results = study_file.parent / "results"
    with small_disk(results, 8) as mounted:
        if mounted:
            subprocess.run(["mount", "-o", "remount,ro", str(results)], check=True)
        else:
            results.chmod(0o500)
        if mounted or os.getuid() != 0:
            ground.look(outcome, ground.run(study_file), study_file)
        results.chmod(0o700) if not mounted else None
    ground.settle(outcome, study_file)
    return outcome


def no_network(ground: Ground) -> Outcome:
    """No network: the study runs, and a study that needs a service ends with a clear error."""
    outcome = Outcome("no network")
    study_file = ground.copy("alone")
    ground.look(outcome, ground.run(study_file, _without_network), study_file)
    ground.settle(outcome, study_file)
    asking = ground.copy("asking")
    text = asking.read_text().replace("{kind: string_files, links: network.tsv}", "{kind: string_db}")
    asking.write_text(text.replace("threshold: 1.0e-3", "threshold: 0.05"))
    how = ground.run(asking, _without_network)
    outcome.cases += 1
    outcome.ended[how] += 1
    outcome.tracebacks += how == "traceback"
    return outcome


def _without_network() -> None:
    """Enters an empty network namespace, or else disables sockets."""
    import socket

    try:
        os.unshare(os.CLONE_NEWNET)  # type: ignore[attr-defined, unused-ignore]
    except (AttributeError, OSError):

        def refused(*_: object, **__: object) -> None:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")

        socket.socket.connect = refused  # type: ignore[method-assign]
        socket.getaddrinfo = refused  # type: ignore[assignment]


def clock_back(ground: Ground) -> Outcome:
    """Results older than their inputs, and a clock that goes backwards during a run."""
    outcome = Outcome("clock set back (stand-in: file times, time.time)")
    study_file = ground.copy("clock")
    ground.look(outcome, ground.run(study_file, _backwards), study_file)
    study = Study.read_file(study_file)
    for path in study.results.rglob("*"):
        os.utime(path, (946684800, 946684800), follow_symlinks=False)
    in_a_child(lambda: _all_fresh(study))
    ground.settle(outcome, study_file)
    return outcome


def _all_fresh(study: Study) -> None:
    stale = [
        (stage.name, part) for stage in STAGES for part in stage.parts(study) if not stages.is_fresh(study, stage.name, part)
    ]
    if stale:
        raise AssertionError(f"made again because of its time: {stale}")


def _backwards() -> None:
    plain, calls = time.time, iter(range(1, 10**9))
    time.time = lambda: plain() - 3600.0 * next(calls)


def two_at_once(ground: Ground, count: int) -> Outcome:
    """Two simultaneous runs on one results folder: each finishes or names the other. Also a run after a lock's holder died."""
    outcome = Outcome("two simultaneous runs")
    for case in range(count):
        study_file, log = ground.copy("both"), ground.folder / "both.txt"
        log.write_text("")
        first = ground.fork(study_file, log=log)
        time.sleep(ground.seconds * case / count / 2)
        second = ground.fork(study_file, log=log)
        for process in (first, second):
            ground.look(outcome, ground.end_of(process), study_file)
        refused = log.read_text().count("being made by another run")
        named = len(re.findall(rf"another run: process (?:{first}|{second}) on ", log.read_text()))
        outcome.half_written += refused != named
        ground.settle(outcome, study_file)
    return outcome


def altered(ground: Ground, count: int, seed: int) -> Outcome:
    """Outputs changed, truncated or deleted by hand."""
    outcome = Outcome("outputs altered or deleted")
    study_file = ground.copy("altered")
    ground.run(study_file)
    rng = random.Random(seed)
    study = Study.read_file(study_file)
    names = [name for name in ground.wanted if "/" in name]
    for case in range(count):
        path = study.results / rng.choice(names)
        content = path.read_bytes()
        if case % 4 == 0:
            path.unlink()
        elif case % 4 == 1:
            path.write_bytes(content[: len(content) // 2])
        elif case % 4 == 2:
            path.write_bytes(content + b"\n")
        else:
            path.write_bytes(bytes([content[0] ^ 1]) + content[1:] if content else b"x")
        ground.look(outcome, "changed", study_file)
        ground.settle(outcome, study_file)
    return outcome


def all_faults(folder: Path, *, quick: bool, only: str = "") -> Iterator[Outcome]:
    """Every fault in turn, or those with `only` in their name."""
    ground = Ground(folder, quick=quick)
    moments = 4 if quick else 50
    faults: dict[str, Callable[[], Outcome]] = {
        "SIGKILL": lambda: at_moments(ground, signal.SIGKILL, moments, seed=1),
        "SIGTERM": lambda: at_moments(ground, signal.SIGTERM, moments, seed=2),
        "renames": lambda: at_renames(ground, 12 if quick else None),
        "disk": lambda: full_disk(ground, 3 if quick else 12),
        "memory": lambda: little_memory(ground, 3 if quick else 8),
        "read-only": lambda: read_only(ground),
        "network": lambda: no_network(ground),
        "clock": lambda: clock_back(ground),
        "two": lambda: two_at_once(ground, 2 if quick else 8),
        "altered": lambda: altered(ground, 4 if quick else 40, seed=3),
    }
    yield from (fault() for name, fault in faults.items() if only in name)


def in_all(outcomes: Sequence[Outcome]) -> str:
    """The line of totals over all faults."""
    moments = sum(outcome.cases for outcome in outcomes if "moments" in outcome.name)
    renames = [outcome.name.removeprefix("SIGKILL at renames ") for outcome in outcomes if "renames" in outcome.name]
    words = ("tracebacks", "half_written", "byte_differences", "leftovers")
    counts = " ".join(f"{word}={sum(getattr(outcome, word) for outcome in outcomes)}" for word in words)
    cases = sum(outcome.cases for outcome in outcomes)
    return f"IN ALL cases={cases} moments={moments} renames={' '.join(renames) or 0} {counts}"


def main() -> int:
    """Prints a line for each fault; returns 1 if any left a trace."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="only faults whose name holds this word")
    chosen = parser.parse_args()
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="faults_") as folder:
        for outcome in all_faults(Path(folder), quick=chosen.quick, only=chosen.only):
            print(outcome.line(), flush=True)
            outcomes.append(outcome)
    print(in_all(outcomes))
    return 0 if all(outcome.clean for outcome in outcomes) else 1


if __name__ == "__main__":
    recorded(main, __file__)
