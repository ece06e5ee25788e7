"""The only door to the internet: every answer is kept on disk, so that a second run opens no socket.

`make_get(cache, offline=...)` gives `get(url, params) -> bytes`. One request at a time, a second apart for each host; tries
again after 429 and 5xx answers, honouring Retry-After, and after broken connections. Only whole answers with status 200 are
kept. A file of the cache holds the answer; its name is the SHA-256 of address and parameters.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from ecgwas import __version__
from ecgwas.errors import ServiceError
from ecgwas.genes.contract import Get
from ecgwas.store import whole

TRIES = 4
TIMEOUT = httpx.Timeout(120.0, connect=10.0)
APART_S = 1.0
LONGEST_WAIT_S = 120.0
OFFLINE_FIX = "run once with a connection: answers are kept in results/cache; or use a source of files (docs/genes.md)"


def make_get(
    cache: Path, *, offline: bool, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
) -> Get:
    """A `get` that keeps answers under `cache`; with `offline` it opens no socket and raises ServiceError for new questions."""
    last: dict[str, float] = {}

    def get(url: str, params: Mapping[str, str]) -> bytes:
        path = cache / _name(url, params)
        if path.exists():
            return path.read_bytes()
        if offline:
            raise ServiceError("the run is offline and this answer is not in the cache", where=url, fix=OFFLINE_FIX)
        host = httpx.URL(url).host
        sleep(max(0.0, APART_S - (clock() - last.get(host, -APART_S))))
        content = _ask(url, params, sleep)
        last[host] = clock()
        with whole(path) as temporary:
            temporary.write_bytes(content)
        return content

    return get


def _name(url: str, params: Mapping[str, str]) -> str:
    question = json.dumps([url, sorted(params.items())])
    return hashlib.sha256(question.encode()).hexdigest()


def _ask(url: str, params: Mapping[str, str], sleep: Callable[[float], None]) -> bytes:
    """The answer's bytes; a form is posted where there are parameters. Raises ServiceError after the last try."""
    problem = ""
    headers = {"User-Agent": f"ecgwas/{__version__}"}
    with httpx.Client(timeout=TIMEOUT, headers=headers, follow_redirects=True) as client:
        for attempt in range(TRIES):
            try:
                answer = client.post(url, data=dict(params)) if params else client.get(url)
            except httpx.HTTPError as error:
                problem, wait = f"{type(error).__name__}: {error}", 2.0**attempt
            else:
                if answer.status_code == 200:
                    return answer.content
                problem, wait = f"status {answer.status_code}", _retry_after(answer, 2.0**attempt)
                if answer.status_code != 429 and answer.status_code < 500:
                    break
            if attempt < TRIES - 1:
                sleep(wait)
    raise ServiceError(f"the service did not answer: {problem}", where=url, fix=f"try again later; {OFFLINE_FIX}")


def _retry_after(answer: httpx.Response, otherwise: float) -> float:
    try:
        return min(float(answer.headers["Retry-After"]), LONGEST_WAIT_S)
    except (KeyError, ValueError):
        return otherwise
