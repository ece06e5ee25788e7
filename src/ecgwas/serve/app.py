"""The web application: the page, and its questions. Imported only when the extra `serve` is installed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ecgwas.errors import DisclosureError, EcgwasError, InputError, MissingStageError, StudyError
from ecgwas.report.names import slug
from ecgwas.serve import html, regions, result_tables, search, views
from ecgwas.serve.addresses import Address
from ecgwas.serve.guard import App, Guard
from ecgwas.serve.private import Looks
from ecgwas.serve.study import Served, Source
from ecgwas.serve.views import View

STATUS: tuple[tuple[type[EcgwasError], int], ...] = (
    (InputError, 404), (StudyError, 404), (DisclosureError, 403), (MissingStageError, 409),
)  # fmt: skip
"""HTTP status of each kind of error; 500 for others."""


class Answers:
    """Answers to the page's questions. sources: key -> study; private: tables of participants, and tests anew, are answered."""

    def __init__(self, sources: Mapping[str, Source], *, private: bool) -> None:
        self.sources, self.private, self.looks = sources, private, Looks()

    def one(self, key: str) -> Served:
        """The study of this key, by default the first. Raises InputError for an unknown one."""
        chosen = key or next(iter(self.sources))
        if chosen not in self.sources:
            raise InputError(f"there is no study {chosen}", fix=f"studies: {', '.join(self.sources)}")
        return self.sources[chosen].current()

    def all(self) -> dict[str, Served]:
        """Every study."""
        return {key: source.current() for key, source in self.sources.items()}

    def view(self, text: str) -> View:
        """The view at an address."""
        address = Address.parsed(text)
        served = self.one(address.study)
        if address.view == "variant":
            return views.variant(self.all(), address.what, served.key, private=self.private)
        if address.view == "region":
            return regions.region(self.all(), address, served)
        if address.view == "trait":
            return views.trait(served, address.what)
        if address.view == "table":
            return result_tables.one(served, address.what, private=self.private)
        if address.view == "tables":
            return result_tables.listing(served, private=self.private)
        if address.view == "start":
            return views.start(served, self.all())
        return {"traits": views.traits, "loci": views.loci}[address.view](served)

    def look(self, key: str, name: str) -> View:
        """A variant tested again. Raises DisclosureError without `--private`."""
        if not self.private:
            raise DisclosureError("this reads genotypes and recordings", fix="start `ecgwas serve` with --private")
        return self.looks.view(self.one(key), name)

    def csv(self, key: str, name: str) -> tuple[str, str]:
        """Name of a file, and a results table as CSV."""
        served = self.one(key)
        table = result_tables.frame(served, name, private=self.private)
        return f"{slug(served.name)}_{slug(name).removesuffix('.csv').removesuffix('.parquet')}.csv", table.write_csv()


def make_app(sources: Mapping[str, Source], *, token: str, private: bool = False, cookie: str = "ecgwas") -> App:
    """The whole application, behind its guard. cookie: its name, which must differ between servers of one machine."""
    answers = Answers(sources, private=private)

    def page(_: Request) -> Response:
        shown = html.page([(key, source.name) for key, source in sources.items()], private=private)
        return HTMLResponse(shown.html, headers={"Content-Security-Policy": shown.policy})

    def csv(request: Request) -> Response:
        name, text = answers.csv(_given(request, "study"), _given(request, "name"))
        return Response(text, media_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'})

    def found_entries(request: Request) -> Response:
        return _json({"entries": search.entries(answers.one(_given(request, "study")), _given(request, "text"))})

    def view(request: Request) -> Response:
        return _json(answers.view(_given(request, "at")).as_json())

    def look(request: Request) -> Response:
        return _json(answers.look(_given(request, "study"), _given(request, "variant")).as_json())

    routes = [Route("/", page, methods=["GET"])]
    routes += [Route(f"/api/{name}", _explained(answer), methods=["GET"])
               for name, answer in (("view", view), ("search", found_entries), ("csv", csv), ("look", look))]  # fmt: skip
    return Guard(Starlette(routes=routes), token=token, name=cookie)


def _given(request: Request, name: str) -> str:
    return request.query_params.get(name, "")


def _json(content: Any, status: int = 200) -> Response:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(text, status_code=status, media_type="application/json")


def _explained(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """The same, with an EcgwasError as its problem and fix."""

    def answering(request: Request) -> Response:
        try:
            return answer(request)
        except EcgwasError as error:
            status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
            return _json({"problem": error.problem, "fix": error.fix}, status)

    return answering
