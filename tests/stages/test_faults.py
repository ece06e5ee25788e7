"""The faults of benchmarks/robustness/faults.py, the quick version; and what a lock and a refusing machine say."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ecgwas.errors import InputError, MachineError, StudyError
from ecgwas.stages import failures
from ecgwas.stages.locking import locked
from tests.conftest import ROOT


@pytest.mark.slow
def test_no_fault_leaves_a_trace() -> None:
    """In a process of its own: runs are forked, and a process that has used libraries with threads must not fork."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.robustness.faults", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("FAULT ") == 10
    assert done.stdout.splitlines()[-1].startswith("IN ALL ")


def holder(path: Path) -> subprocess.Popen[str]:
    """A process that holds the lock until it is told to end."""
    program = (
        "import sys; from pathlib import Path; from ecgwas.stages.locking import locked\n"
        "with locked(Path(sys.argv[1]), 'a part'):\n    print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_names_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "part.lock"
    process = holder(path)
    with pytest.raises(StudyError, match=rf"process {process.pid} on {os.uname().nodename}"), locked(path, "a part"):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert path.exists(), "the dead holder could not take it away"
    with locked(path, "a part"):
        assert str(os.getpid()) in path.read_text()
    assert not path.exists()


def test_a_holder_that_has_just_gone_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "part.lock"
    process = holder(path)
    begun = time.monotonic()
    process.communicate("")
    with locked(path, "a part"):
        pass
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [(OSError(errno.ENOSPC, "No space left on device"), MachineError, "disk is full"),
     (OSError("3600000 requested and 882656 written"), MachineError, "disk is full"),
     (MemoryError("Unable to allocate 8 GiB"), MachineError, "not enough memory"),
     (RuntimeError("DefaultCPUAllocator: can't allocate memory"), MachineError, "not enough memory"),
     (PermissionError(errno.EACCES, "Permission denied", "/data/ecg/1.xml"), InputError, "cannot be read"),
     (PermissionError(errno.EACCES, "Permission denied", "/results/read/x"), MachineError, "cannot be written")],
)  # fmt: skip
def test_what_the_machine_refuses_is_one_clear_error(error: Exception, kind: type, words: str) -> None:
    with pytest.raises(kind, match=words) as caught, failures.explained(Path("/results")):
        raise error
    assert getattr(caught.value, "fix", None)


def test_a_bug_stays_a_bug() -> None:
    with pytest.raises(KeyError), failures.explained(Path("/results")):
        raise KeyError("x")


def test_little_address_space_is_refused_before_a_library_finds_out(monkeypatch: pytest.MonkeyPatch) -> None:
    failures.refuse_little_address_space(Path("/results"))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (2**29, 2**29))
    with pytest.raises(MachineError, match="ulimit -v"):
        failures.refuse_little_address_space(Path("/results"))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (2**50, 2**50))
    failures.refuse_little_address_space(Path("/results"))
