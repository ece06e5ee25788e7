"""Commands without the seconds in which Python loads the libraries: a warm process forks one for each.

`warm()` gives the environment in which `python -m ecgwas` is such a command: sitecustomize.py of this folder, which Python
runs first, hands its arguments, environment, working folder and standard streams to the warm process, and ends as the command
ends. The command is the same, in a process of its own, which begins where the libraries are loaded. `start` begins one without
a client, for a test that kills it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

FOLDER = Path(__file__).resolve().parent
SOCKET = "ECGWAS_WARM_SOCKET"


@contextmanager
def warm(package: Path, **variables: str) -> Iterator[Mapping[str, str]]:
    """The environment of warm commands, as long as the context lasts.

    package: the folder that holds the package ecgwas. variables: of the environment, such as numbers of threads, which
    libraries read when they are loaded.
    """
    # Not below a test's folder: the path of a socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="warm_"))
    environment = os.environ | {"PYTHONPATH": f"{FOLDER}:{package}"} | variables
    process = subprocess.Popen(
        [sys.executable, str(FOLDER / "server.py"), str(folder / "socket")],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield environment | {SOCKET: str(folder / "socket")}
    finally:
        process.communicate("")
        shutil.rmtree(folder)


@dataclass(frozen=True)
class Command:
    """A command that runs: its process, and the connection that ends with it."""

    pid: int
    connection: socket.socket

    def killed(self) -> bool:
        """Kills it; False if it had already ended by itself."""
        os.kill(self.pid, signal.SIGKILL)
        with self.connection:
            return self.connection.recv(1) == b""

    def is_running(self) -> bool:
        """False if it has ended by itself."""
        self.connection.setblocking(False)
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        finally:
            self.connection.setblocking(True)


def start(environment: Mapping[str, str], arguments: Sequence[str], log: TextIO) -> Command:
    """Starts a command, whose output goes to `log`."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(environment[SOCKET])
    about = json.dumps([list(arguments), dict(environment), str(Path.cwd())]).encode()
    socket.send_fds(connection, [len(about).to_bytes(8, "big")], [log.fileno()] * 3)
    connection.sendall(about)
    return Command(int.from_bytes(connection.recv(8), "big"), connection)
