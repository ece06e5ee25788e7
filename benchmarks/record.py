"""Stores the output of a benchmark as JSON, from which README and docs/validation are made (`python -m docs.make_validation`).

The argument `--record` of any benchmark writes benchmarks/results/<room>.<benchmark>.json. A file contains the latest run for
each set of arguments: command, date, commit, machine, load at the start, seconds, and the printed lines. Lines such as
`RATIO plink2 N=1000 missing=0 times=119` are results: a kind in capitals, words, then `name=value`; `rows` reads them.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

RESULTS = Path(__file__).parent / "results"
KIND = re.compile(r"([A-Z][A-Z0-9_]*(?: [A-Z][A-Z0-9_]*)*)(?: (.*))?")


def recorded(main: Callable[[], int | None], file: str) -> None:
    """Runs a benchmark and exits with its status; with `--record`, also writes its results.

    file: the benchmark's __file__.
    """
    if "--record" not in sys.argv:
        sys.exit(main() or 0)
    sys.argv.remove("--record")
    benchmark = f"{Path(file).parent.name}.{Path(file).stem}"
    output = _Tee(sys.stdout)
    about = {"date": datetime.now(UTC).date().isoformat(), "commit": commit(), **machine()}
    start = time.monotonic()
    sys.stdout = output
    try:
        status = main() or 0
    finally:
        sys.stdout = output.stream
    write(benchmark, sys.argv[1:], output.text.splitlines(), about | {"seconds": round(time.monotonic() - start, 1)})
    sys.exit(status)


class _Tee:
    """Forwards text to a stream and stores it."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.text = stream, ""

    def write(self, text: str) -> int:
        self.text += text
        return self.stream.write(text)

    def flush(self) -> None:
        self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def write(benchmark: str, arguments: list[str], lines: list[str], about: Mapping[str, Any]) -> None:
    """Adds a run to the benchmark's file and replaces an earlier run with the same arguments."""
    path = RESULTS / f"{benchmark}.json"
    path.parent.mkdir(exist_ok=True)
    runs = json.loads(path.read_text()) if path.exists() else {}
    shown = shown_arguments(arguments)
    command = " ".join(["python", "-m", f"benchmarks.{benchmark}", *([shown] if shown else [])])
    runs[shown] = {"command": command, **about, "lines": lines}
    path.write_text(json.dumps(runs, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def shown_arguments(arguments: list[str]) -> str:
    """Arguments as text. Paths are reduced to their last part, because folders differ between machines."""
    return shlex.join(argument.rstrip("/").rpartition("/")[2] for argument in arguments)


def rows(lines: list[str]) -> list[dict[str, Any]]:
    """Lines `KIND words name=value ...` as {"kind", "words", name: value}; other lines are skipped."""
    parsed = []
    for line in lines:
        match = KIND.fullmatch(line)
        if match is None or "=" not in (match[2] or ""):
            continue
        row: dict[str, Any] = {"kind": match[1], "words": []}
        for token in match[2].split():
            name, equals, value = token.partition("=")
            if equals and name:
                row[name] = _number(value)
            else:
                row["words"].append(token)
        parsed.append(row)
    return parsed


def _number(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def commit() -> str:
    """The checked-out commit, with + if files differ from it; empty outside a repository."""
    head = _git("rev-parse", "--short=8", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks/*.py")
    return f"{head}+" if head and changed else head


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=RESULTS.parents[1], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def machine() -> dict[str, Any]:
    """Processor, cores that this process may use, Python version, and the load at the start."""
    return {
        "machine": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else platform.machine()
