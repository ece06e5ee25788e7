"""The door to the internet, against a local server that misbehaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ecgwas.errors import ServiceError
from ecgwas.genes import web

Answers = list[tuple[int, dict[str, str], bytes]]


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """Gives its `answers` one after the other; 0 as status cuts the connection."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            http.asked.append(self.rfile.read(length))  # type: ignore[attr-defined]
            status, headers, body = http.answers.pop(0)  # type: ignore[attr-defined]
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    http.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield http
    http.shutdown()
    http.server_close()


def address(server: HTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}/api"


@pytest.mark.parametrize(
    "answers",
    [
        [(200, {}, b"good")],
        [(429, {"Retry-After": "7"}, b"slow down"), (200, {}, b"good")],
        [(500, {}, b"oops"), (503, {}, b"oops"), (200, {}, b"good")],
        [(0, {}, b""), (200, {}, b"good")],
        [(200, {"Content-Length": "900"}, b"cut off"), (200, {}, b"good")],
    ],
    ids=["at once", "too many requests", "server errors", "connection cut", "answer cut"],
)
def test_a_good_answer_in_the_end_is_kept_and_asked_for_once(server: HTTPServer, answers: Answers, tmp_path: Path) -> None:
    server.answers = list(answers)  # type: ignore[attr-defined]
    waits: list[float] = []
    get = web.make_get(tmp_path / "cache", offline=False, sleep=waits.append)
    assert get(address(server), {"ids": "A\rB"}) == b"good"
    asked = len(server.asked)  # type: ignore[attr-defined]
    assert asked == len(answers)
    assert server.asked[0] == b"ids=A%0DB"  # type: ignore[attr-defined]
    if answers[0][0] == 429:
        assert 7.0 in waits
    offline = web.make_get(tmp_path / "cache", offline=True)
    assert offline(address(server), {"ids": "A\rB"}) == b"good"
    assert len(server.asked) == asked  # type: ignore[attr-defined]


@pytest.mark.parametrize("answers", [[(404, {}, b"no")], [(500, {}, b"no")] * web.TRIES], ids=["not found", "down"])
def test_a_failing_service_is_a_clear_error_and_leaves_no_answer(server: HTTPServer, answers: Answers, tmp_path: Path) -> None:
    server.answers = list(answers)  # type: ignore[attr-defined]
    get = web.make_get(tmp_path / "cache", offline=False, sleep=lambda _: None)
    with pytest.raises(ServiceError) as caught:
        get(address(server), {})
    assert str(answers[0][0]) in str(caught.value)
    assert server.answers == []  # type: ignore[attr-defined]
    assert not list((tmp_path / "cache").glob("*")) if (tmp_path / "cache").exists() else True


def test_offline_says_how_to_get_the_answer(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="offline"):
        web.make_get(tmp_path, offline=True)("http://127.0.0.1:9/", {})


def test_calls_to_one_host_are_a_second_apart(server: HTTPServer, tmp_path: Path) -> None:
    server.answers = [(200, {}, b"1"), (200, {}, b"2")]  # type: ignore[attr-defined]
    waits: list[float] = []
    get = web.make_get(tmp_path, offline=False, sleep=waits.append, clock=lambda: 100.0)
    get(address(server), {"q": "1"})
    get(address(server), {"q": "2"})
    assert waits == [0.0, web.APART_S]
