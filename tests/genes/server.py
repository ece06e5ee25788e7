"""A local HTTP server that follows a service's contract and, before that, misbehaves as instructed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """One answer. cut: the connection ends without one; delay_s: before the first byte."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    delay_s: float = 0.0


BAD_WEATHER = {
    "too many requests": Reply(b"slow down", 429, {"Retry-After": "7"}),
    "server error": Reply(b"oops", 500),
    "unavailable page": Reply(b"<html><body>maintenance</body></html>", 503),
    "connection cut": Reply(cut=True),
    "answer cut": Reply(b'[{"stringId', headers={"Content-Length": "4096"}),
    "HTML instead of data": Reply(b"<!DOCTYPE html><html><body>Welcome</body></html>", headers={"Content-Type": "text/html"}),
    "empty answer": Reply(b""),
    "half an answer": Reply(b'{"result": [{"rs_id": "rs1"'),
    "slow answer": Reply(b"[]", delay_s=1.5),
}
"""Each ends well if the next answer is good, and in a ServiceError if all are like it."""
PATIENCE_S = 1.0


class Server(ThreadingHTTPServer):
    """Gives the replies of `first`, one a request, then what `speak` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.speak: Callable[[Asked], Reply | bytes] = lambda _: Reply(status=404)
        self.first: list[Reply] = []
        self.asked: list[Asked] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that lost patience is no error of the server."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        place = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = Asked(self.command, place.path, dict(parse_qsl(place.query)), dict(self.headers), body)
        self.server.asked.append(asked)
        given = self.server.first.pop(0) if self.server.first else self.server.speak(asked)
        reply = Reply(given) if isinstance(given, bytes) else given
        time.sleep(reply.delay_s)
        if reply.cut:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in ({"Content-Length": str(len(reply.body))} | dict(reply.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    """The server, for as long as the block lasts."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
