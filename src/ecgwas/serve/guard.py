"""Who may ask: requests from this machine's browser that were given the token; and the headers of every answer.

A server on 127.0.0.1 is reachable by every page that the browser shows, and by every user of the machine. So each request needs

- a host name of this machine in `Host`, which defeats DNS rebinding (any port, for SSH tunnels);
- the token, from the address that was printed or from the cookie that this sets;
- `Sec-Fetch-Site` of this very page or of an address typed, if the browser sends it: other pages, and other servers on this
  machine, to which browsers also send cookies, are refused;
- the method GET or HEAD: nothing can be changed.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import QueryParams

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HOSTS = ("127.0.0.1", "localhost", "[::1]")
METHODS = ("GET", "HEAD")
SAME = ("same-origin", "none")
HEADERS = (
    ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store"),
    ("Cross-Origin-Resource-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"), ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)  # fmt: skip
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content security policy of answers other than the page."""


class Guard:
    """An ASGI application around another one, which sees only requests that may be answered.

    token: secret of this run;  name: of the cookie, which must differ between servers of one machine
    """

    def __init__(self, app: App, *, token: str, name: str) -> None:
        self.app, self.token, self.name = app, token, name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, refuses, or exchanges the token of the address for a cookie."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _answer(send, *refusal)
        elif self._is_right(_token_in_address(scope)):
            cookie = f"{self.name}={self.token}; HttpOnly; SameSite=Strict; Path=/"
            await _answer(send, 303, "", [("Location", "/"), ("Set-Cookie", cookie)])
        elif self._is_right(self._token_in_cookie(headers.get("cookie", ""))):
            await self.app(scope, receive, _with_headers(send))
        else:
            words = "Open the address that `ecgwas serve` printed: it has the token of this run.\n"
            await _answer(send, 403, words)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """Status and words for a request that is not answered whatever its token."""
        host = headers.get("host", "").lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and ":" in host else host
        if name not in HOSTS:
            return 421, "This server answers only to 127.0.0.1 and localhost.\n"
        if scope["method"] not in METHODS:
            return 405, "Results are only read: GET and HEAD.\n"
        is_first = scope["path"] == "/" and headers.get("sec-fetch-dest", "document") == "document"
        if headers.get("sec-fetch-site", "none") not in SAME and not (is_first and headers.get("sec-fetch-mode") == "navigate"):
            return 403, "Pages from elsewhere are not answered.\n"
        return None

    def _is_right(self, given: str) -> bool:
        """Compares in constant time."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def _token_in_cookie(self, text: str) -> str:
        try:
            cookie = SimpleCookie(text).get(self.name)
        except CookieError:
            return ""
        return "" if cookie is None else str(cookie.value)


def _token_in_address(scope: Scope) -> str:
    """The token of `/?token=...`; only there, so that a link within the page never has it."""
    if scope["path"] != "/":
        return ""
    return str(QueryParams(scope.get("query_string", b"")).get("token", ""))


def _with_headers(send: Send) -> Send:
    """Adds HEADERS, and the strictest content security policy to answers that have none."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", []))
            present = {name.lower() for name, _ in given}
            more = HEADERS if b"content-security-policy" in present else (*HEADERS, ("Content-Security-Policy", NOTHING))
            message["headers"] = [*given, *_encoded(more)]
        await send(message)

    return sending


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _answer(send: Send, status: int, words: str, more: Iterable[tuple[str, str]] = ()) -> None:
    body = words.encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *HEADERS,
               ("Content-Security-Policy", NOTHING), *more]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": body})
