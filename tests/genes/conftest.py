"""The local server, and what every client must survive."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ecgwas.errors import ServiceError
from ecgwas.genes.web import client
from ecgwas.genes.web.contract import Get
from tests.genes.server import BAD_WEATHER, PATIENCE_S, Server, serving

Weather = Callable[[Callable[[Get], Any]], Any]


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on 127.0.0.1 that a test teaches what to say."""
    with serving() as server:
        yield server


def no_socket(*_: object, **__: object) -> Any:
    raise AssertionError("a socket was opened")


@pytest.fixture
def survives(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weather:
    """`survives(use)`: runs `use(get)` through every kind of bad weather against the server; gives its result in good weather.

    Once bad, then good: the same result, asked once more. Bad to the end: a ServiceError, nothing kept, and the next run in
    good weather is right. Then again from the cache, and offline: the same result without a socket.
    """

    def through(use: Callable[[Get], Any]) -> Any:
        waits: list[float] = []

        def fresh(name: str, *, offline: bool = False) -> Get:
            return client.make_get(tmp_path / name, offline=offline, sleep=waits.append, patience_s=PATIENCE_S)

        expected = use(fresh("good"))
        questions = len(server.asked)
        assert questions > 0
        for name, bad in BAD_WEATHER.items():
            server.first, server.asked = [bad], []
            assert use(fresh(name)) == expected, name
            assert len(server.asked) == questions + 1, name
            if bad.delay_s:
                continue  # to the end: in test_web, once for all
            server.first = [bad] * client.TRIES
            with pytest.raises(ServiceError) as caught:
                use(fresh(f"{name} to the end"))
            assert "offline" not in str(caught.value).splitlines()[0]
            assert not list((tmp_path / f"{name} to the end").glob("*")), name
            server.first = []
            assert use(fresh(f"{name} to the end")) == expected, name
        assert 7.0 in waits
        server.asked = []
        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", no_socket)
            patch.setattr(socket, "create_connection", no_socket)
            assert use(fresh("good")) == expected
            assert use(fresh("good", offline=True)) == expected
            with pytest.raises(ServiceError, match="offline"):
                use(fresh("nothing", offline=True))
        assert server.asked == []
        return expected

    return through
