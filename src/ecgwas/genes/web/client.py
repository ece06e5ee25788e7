"""The only access to the internet. Every understood answer is kept on disk, so that a second run opens no socket.

`make_get(cache, offline=...)` returns `get(question, understand)` (ecgwas.genes.web.contract.Get). Questions are sent one at a
time, with a minimum interval per host. They are repeated after 429 and 5xx answers (with regard to Retry-After), broken
connections, slow answers, and answers that are not understood. Only complete answers with status 200 that are understood are
kept.

The cache holds two files per question, named after its SHA-256: the answer, and a note of address, date and the answer's
SHA-256. The note is written last; an answer without a note, or that does not match its note, is requested again.
"""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from ecgwas import __version__
from ecgwas.errors import ServiceError
from ecgwas.genes.web.contract import Answer, Get, NotUnderstood, Question, Value
from ecgwas.store import atomic_write

TRIES = 4
MIN_INTERVAL_S = 1.0
READ_TIMEOUT_S = 120.0
CONNECT_TIMEOUT_S = 10.0
PROBE_TIMEOUT_S = 3.0
MAX_ANSWER_S = 900.0
MAX_RETRY_AFTER_S = 120.0
HEADERS = {"User-Agent": f"ecgwas/{__version__}"}
OFFLINE_FIX = "run once with a connection: answers are kept in results/cache; or use a source of files (docs/genes.md)"
DOWNLOAD_FIX = "or put the file there by hand: it is an ordinary download"


def make_get(
    cache: Path,
    *,
    offline: bool,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    patience_s: float = READ_TIMEOUT_S,
) -> Get:
    """A `get` that keeps answers in `cache`; with `offline` it opens no socket, and new questions raise ServiceError.

    patience_s: longest silence of a service before the question is repeated.
    """
    last: dict[str, float] = {}

    def get(question: Question, understand: Callable[[bytes], Value]) -> Answer[Value]:
        kept = _kept(cache, question, understand)
        if kept is not None:
            return kept
        if offline:
            problem = "the run is offline and this answer is not in the cache"
            raise ServiceError(problem, where=question.url, fix=OFFLINE_FIX)
        host = httpx.URL(question.url).host
        sleep(max(0.0, question.min_interval_s - (clock() - last.get(host, -question.min_interval_s))))
        try:
            content, value = _query(question, understand, sleep, patience_s)
        finally:
            last[host] = clock()
        return Answer(value, _keep(cache, question, content))

    return get


def unreachable(address: str) -> str | None:
    """Host of an address, and why no connection to it can be opened; None: it can. Nothing is sent."""
    url = httpx.URL(address)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        socket.create_connection((url.host, port), timeout=PROBE_TIMEOUT_S).close()
    except OSError as error:
        return f"{url.host}: {error.strerror or str(error) or type(error).__name__}"
    return None


def _name(question: Question) -> str:
    content = asdict(question)
    del content["min_interval_s"]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _kept(cache: Path, question: Question, understand: Callable[[bytes], Value]) -> Answer[Value] | None:
    """The answer of an earlier run, if it is complete and still understood."""
    path = cache / _name(question)
    try:
        note = json.loads(path.with_suffix(".json").read_text())
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != note["sha256"]:
            return None
        return Answer(understand(content), str(note["date"]))
    except (OSError, ValueError, KeyError, TypeError, NotUnderstood):
        return None


def _keep(cache: Path, question: Question, content: bytes) -> str:
    path = cache / _name(question)
    today = datetime.now(UTC).date().isoformat()
    note = {"url": question.url, "date": today, "sha256": hashlib.sha256(content).hexdigest(), "ecgwas": __version__}
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    with atomic_write(path.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(note, indent=1, sort_keys=True) + "\n")
    return today


def _query(
    question: Question, understand: Callable[[bytes], Value], sleep: Callable[[float], None], patience_s: float
) -> tuple[bytes, Value]:
    """The answer's bytes and value. Raises ServiceError after the last try."""

    def receive(answer: httpx.Response) -> tuple[bytes, Value]:
        content = b"".join(_pieces(answer, MAX_ANSWER_S))
        return content, understand(content)

    with _client(patience_s) as client:
        ask = partial(client.stream, **_request(question))
        return _retry(question.url, ask, receive, sleep, question.min_interval_s, OFFLINE_FIX)


def _request(question: Question) -> dict[str, Any]:
    request: dict[str, Any] = {"method": "GET", "url": question.url, "params": dict(question.params) or None}
    if question.form is not None:
        request |= {"method": "POST", "data": dict(question.form)}
    elif question.json is not None:
        request |= {"method": "POST", "json": question.json, "headers": {"Accept": "application/json"}}
    elif question.parts is not None:
        request |= {"method": "POST", "files": {name: (None, text) for name, text in question.parts.items()}}
    return request


def download(
    url: str,
    path: Path,
    verify: Callable[[Path], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
    patience_s: float = READ_TIMEOUT_S,
) -> str | None:
    """A file of any size, streamed to `path`; it appears only if `verify` (raises NotUnderstood) passes.

    Returns the server's date of last change (2026-11-25), if it states one.

    Raises ServiceError after the last try.
    """

    def receive(answer: httpx.Response) -> str | None:
        with atomic_write(path) as temporary:
            with temporary.open("wb") as file:
                for piece in _pieces(answer, float("inf")):
                    file.write(piece)
            verify(temporary)
        return _last_changed(answer.headers)

    with _client(patience_s) as client:
        return _retry(url, lambda: client.stream("GET", url), receive, sleep, MIN_INTERVAL_S, DOWNLOAD_FIX)


def _last_changed(headers: Mapping[str, str]) -> str | None:
    try:
        return parsedate_to_datetime(headers.get("Last-Modified", "")).date().isoformat()
    except (ValueError, TypeError):
        return None


@contextmanager
def _client(patience_s: float) -> Iterator[httpx.Client]:
    timeout = httpx.Timeout(patience_s, connect=min(CONNECT_TIMEOUT_S, patience_s))
    with httpx.Client(timeout=timeout, headers=HEADERS, follow_redirects=True) as client:
        yield client


def _retry(
    url: str,
    ask: Callable[[], Any],
    receive: Callable[[httpx.Response], Value],
    sleep: Callable[[float], None],
    min_interval_s: float,
    fix: str,
) -> Value:
    """What `receive` makes of the first good answer; tries are at least `min_interval_s` apart, and further apart each time."""
    problem = ""
    for attempt in range(TRIES):
        wait = min_interval_s * 2.0**attempt
        try:
            with ask() as answer:
                if answer.status_code == 200:
                    return receive(answer)
                problem, wait = _refusal(answer), _retry_after(answer.headers, wait)
                if answer.status_code != 429 and answer.status_code < 500:
                    break
        except httpx.HTTPError as error:
            problem = f"{type(error).__name__}: {error}".rstrip(": ")
        except NotUnderstood as error:
            problem = str(error)
        if attempt < TRIES - 1:
            sleep(wait)
    raise ServiceError(f"the service gave no usable answer: {problem}", where=url, fix=f"try again later; {fix}")


def _pieces(answer: httpx.Response, max_seconds: float) -> Iterator[bytes]:
    """The body, piece by piece. Raises ReadTimeout for an answer that has not ended after `max_seconds`."""
    begin = time.monotonic()
    for piece in answer.iter_bytes():
        if time.monotonic() - begin > max_seconds:
            raise httpx.ReadTimeout(f"the answer was incomplete after {max_seconds:.0f} s")
        yield piece


def _refusal(answer: httpx.Response) -> str:
    """Status, and the service's explanation in one line, if it is not a page of HTML."""
    words = answer.read()[:200].decode("utf-8", errors="replace").strip()
    if not words or words.startswith("<"):
        return f"status {answer.status_code}"
    return f"status {answer.status_code}: {' '.join(words.split())}"


def _retry_after(headers: Mapping[str, str], otherwise: float) -> float:
    """Seconds to wait, from a number or a date (RFC 9110, 10.2.3)."""
    text = headers.get("Retry-After", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return otherwise
    return min(seconds, MAX_RETRY_AFTER_S) if seconds >= 0 else otherwise
