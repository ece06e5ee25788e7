"""What pages are made of: the packaged template, style and scripts, hashes for the security policy, figures within a page."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from ecgwas.report.contents import Figure
from ecgwas.report.names import slug
from ecgwas.report.page import plots
from ecgwas.report.text import labels

STYLES = ("page.css", "page.interact.css")

FULL_WIDTH = (900, 940)
"""Figures of such a width (pixels) fill the page; all others, and these on a narrower page, keep their width, so that no word
shrinks."""


def filled(template: str, scripts: Sequence[str], figures: Mapping[str, Figure], **values: Any) -> str:
    """A packaged template with the page's style, the scripts (joined in this order), the figures and the values."""
    style, script = "".join(_packaged(name) for name in STYLES), _joined(scripts)
    return _environment().get_template(template).render(
        style=Markup(style), script=Markup(script), style_hash=_hash(style), script_hash=_hash(script), slug=slug,
        figures={name: Inline.of(figure) for name, figure in figures.items()}, **values,
    )  # fmt: skip


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, loader=FunctionLoader(_packaged)
    )
    environment.filters |= {"count": lambda value: f"{value:,}", "coded": coded, "label": labels.words}
    return environment


def _joined(scripts: Sequence[str]) -> str:
    """The scripts within one function, so that they add no global names."""
    return f'"use strict";\n(() => {{\n{"".join(_packaged(name) for name in scripts)}}})();\n'


@dataclass(frozen=True)
class Inline:
    """A figure within the page; is_full: it is as wide as the page; peak: where its highest point is, share of its width."""

    figure: Figure
    svg: Markup
    is_full: bool
    peak: float | None

    @classmethod
    def of(cls, figure: Figure) -> Inline:
        """The figure in the colours of the page."""
        head = re.search(r"<svg [^>]*?width='([\d.]+)'", figure.svg)
        width = float(head[1]) if head else 0.0
        return cls(figure, Markup(plots.in_page(figure.svg)), FULL_WIDTH[0] <= width <= FULL_WIDTH[1], _peak(figure, width))


def _peak(figure: Figure, width: float) -> float | None:
    """Where the highest point of the first panel is, as a share of the figure's width; None: it has no points."""
    points = [] if figure.plot is None else [one for one in figure.plot.points if one.panel == 0 and len(np.asarray(one.x))]
    if figure.plot is None or not points or width <= 0:
        return None
    highest = max(points, key=lambda one: float(np.max(np.asarray(one.y, dtype=np.float64))))
    x = np.asarray(highest.x, dtype=np.float64)[int(np.argmax(np.asarray(highest.y, dtype=np.float64)))]
    return round(figure.plot.panels[0].x.at(float(x)) / width, 3)


OPTION_OR_FILE = re.compile(
    r"(?<![\w./])(?:(?:read|represent|traits|scan|loci|genes|report|share)\.[a-z]\w*|\w+\.(?:csv|parquet|json|yaml))(?![\w/])"
)
"""Options of the study file and names of results files within a sentence."""


def coded(text: object) -> Markup:
    """The text for HTML, with names of options and files as code."""
    words, at, parts = str(text), 0, [Markup()]
    for match in OPTION_OR_FILE.finditer(words):
        parts += [escape(words[at : match.start()]), Markup("<code>{}</code>").format(match[0])]
        at = match.end()
    return Markup().join([*parts, escape(words[at:])])


def _packaged(name: str) -> str:
    return (resources.files("ecgwas.report.page") / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """The hash by which the page's content security policy allows this text and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
