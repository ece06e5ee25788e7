"""Starts the web application on 127.0.0.1. Imported only when the extra `serve` is installed."""

from __future__ import annotations

import hashlib
import secrets
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import uvicorn

from ecgwas.errors import MachineError
from ecgwas.serve import figures
from ecgwas.serve.app import make_app
from ecgwas.serve.study import Source, sources_of

HOST = "127.0.0.1"
"""The only address; no option changes it."""


def serve(paths: Sequence[Path], *, port: int, private: bool, opens: bool, say: Callable[[str], None]) -> None:
    """Reads the studies, says the address, and answers until it is interrupted.

    port: 0 for a free one; opens: the address in a browser, too. Raises InputError and MissingStageError if there are no results
    that can be served, MachineError if the port is in use.
    """
    sources = sources_of(paths)
    for line in read_all(sources):
        say(line)
    token = secrets.token_urlsafe(32)
    config = configured(sources, token=token, port=port, private=private)
    try:
        bound = config.bind_socket()
    except SystemExit:
        raise MachineError(f"port {port} of {HOST} is in use", fix="choose another --port, or none for a free one") from None
    address = f"http://{HOST}:{bound.getsockname()[1]}/?token={token}"
    say(f"Open {address}")
    if private:
        say("Private: tables of participants are answered (--private).")
    say("The address works on this machine only, until Ctrl-C.")
    if opens:
        webbrowser.open(address)
    try:
        uvicorn.Server(config).run(sockets=[bound])
    except KeyboardInterrupt:
        pass
    finally:
        bound.close()


def read_all(sources: Mapping[str, Source]) -> list[str]:
    """Reads every study and draws its first figure; says how much was read, and in how many seconds."""
    lines = []
    for source in sources.values():
        served = source.current()
        figures.overview(served)
        every = "" if served.dense is None else ", every test on disk"
        lines.append(
            f"{served.name}: {len(served.kept):,} tests of {len(served.kept.traits):,} traits kept{every}, "
            f"read in {served.seconds:.1f} s"
        )
    return lines


def configured(sources: Mapping[str, Source], *, token: str, port: int, private: bool) -> uvicorn.Config:
    """The server's settings. The name of its cookie is of this run, because cookies are shared by all ports of a machine."""
    name = f"ecgwas_{hashlib.sha256(token.encode()).hexdigest()[:12]}"
    app = make_app(sources, token=token, private=private, cookie=name)
    return uvicorn.Config(
        app, host=HOST, port=port, log_config=None, log_level="critical", access_log=False, server_header=False, lifespan="off",
        ws="none", http="h11", timeout_graceful_shutdown=1,
    )  # fmt: skip
