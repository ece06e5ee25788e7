"""The warm process: loads what commands need, then forks one for each client until its standard input ends."""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import selectors
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path

LOADED = ("ecgwas.commands.cli", "torch", "torch._dynamo")
"""Loaded once; the last one by the first network that is trained."""


def serve(path: str) -> None:
    """Commands of clients at this socket, several at a time. No library has been used yet, so that none has started threads."""
    for name in LOADED:
        importlib.import_module(name)
    started = [name for name in threads() if name.startswith("polars-") and name[7:].isdigit()]
    assert not started, "a module uses Polars when it is imported: a fork of a process with its threads waits for ever"
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listening, selectors.DefaultSelector() as selector:
        listening.bind(path)
        listening.listen(16)
        selector.register(listening, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        print("ready", flush=True)
        while all(key.fd != 0 for key, _ in selector.select()):
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                selector.close()
                work(connection)
            connection.close()
            reap()
        reap()


def threads() -> list[str]:
    """Names of this process's threads."""
    return [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]


def reap() -> None:
    """Takes leave of the commands that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def work(connection: socket.socket) -> None:
    """The command of one client: tells it the process, at the end the exit code, and ends the process."""
    length, streams, _, _ = socket.recv_fds(connection, 8, 3)
    text = b""
    while len(text) < int.from_bytes(length, "big"):
        text += connection.recv(65536)
    arguments, environment, folder = json.loads(text)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["ecgwas", *arguments]
    connection.send(os.getpid().to_bytes(8, "big"))
    code = 1
    try:
        runpy.run_module("ecgwas", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.send(bytes([code]))
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
