"""The page: one HTML text with its style and script in it, and the policy that allows these and nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

REPORT, OWN = "ecgwas.report.page", "ecgwas.serve.page"
STYLES = ((REPORT, "page.css"), (REPORT, "page.interact.css"), (OWN, "serve.css"))
SCRIPTS = (
    (REPORT, "page.elements.js"), (OWN, "serve.data.js"), (REPORT, "page.marks.js"),
    (REPORT, "page.gestures.js"), (REPORT, "page.zoom.js"), (REPORT, "page.interact.js"),
    (OWN, "serve.blocks.js"), (OWN, "serve.search.js"), (OWN, "serve.js"),
)  # fmt: skip
"""In the order in which they are joined: those of the report's figures, and the page's own."""


@dataclass(frozen=True)
class ServedPage:
    """html: of the page;  policy: its content security policy"""

    html: str
    policy: str


def page(studies: Sequence[tuple[str, str]], *, private: bool) -> ServedPage:
    """The page. studies: key and name of each; private: whether it says that tables of participants are answered."""
    style = "".join(_packaged(*one) for one in STYLES)
    joined = "".join(_packaged(*one) for one in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{joined}}})();\n'
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    html = environment.from_string(_packaged(OWN, "serve.html")).render(
        style=Markup(style), script=Markup(script), studies=studies, private=private
    )
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; connect-src 'self'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return ServedPage(html, policy)


@cache
def _packaged(package: str, name: str) -> str:
    return (resources.files(package) / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """The hash by which the policy allows this text and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
