"""Starts the web application on 127.0.0.1. Imported only when the extra `serve` is installed."""

from __future__ import annotations

import hashlib
import secrets
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from ecgwas.errors import MachineError
from ecgwas.serve import figures
from ecgwas.serve.app import make_app
from ecgwas.serve.study import Source, sources_of

HOST = "127.0.0.1"
"""The only address; no option changes it."""


def serve(paths: Sequence[Path], *, port: int, private: bool, opens: bool, say: Callable[[str], None]) -> None:
    """Reads the studies, says the address, and answers until it is interrupted.

    port: 0 for a free one; opens: the address in a browser, too. Raises InputError and MissingStageError if there are no
    results that can be served, MachineError if the port is in use.
    """
    sources = sources_of(paths)
    for line in read_all(sources):
        say(line)
    token = secrets.token_urlsafe(32)

    def announce(bound_port: int) -> None:
        address = f"http://{HOST}:{bound_port}/?token={token}"
        say(f"Open {address}")
        if private:
            say("Private: tables of participants are answered (--private).")
        say("The address works on this machine only, until Ctrl-C.")
        if opens:
            webbrowser.open(address)

    server = AnnouncingServer(configured(sources, token=token, port=port, private=private), announce)
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    except SystemExit:
        if server.started:
            raise
        raise MachineError(f"port {port} of {HOST} is in use", fix="choose another --port, or none for a free one") from None


class AnnouncingServer(uvicorn.Server):
    """Says the port once it listens. uvicorn binds the port itself: answers on sockets that are handed to it wait 40 ms for the
    client's acknowledgement (asyncio sets TCP_NODELAY only on its own)."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[int], None]) -> None:
        super().__init__(config)
        self.announce = announce

    async def startup(self, sockets: Any = None) -> None:
        """Binds the port, then announces it."""
        await super().startup(sockets=sockets)
        self.announce(self.servers[0].sockets[0].getsockname()[1])


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
