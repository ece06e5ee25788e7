"""What a view consists of: texts, figures and tables, as JSON. The page's script puts them one below the other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ecgwas.report.contents import Figure
from ecgwas.report.figures import svg
from ecgwas.report.page import plots

Block = dict[str, Any]
Cell = dict[str, Any]
FULL_WIDTH = 900
"""Figures from this width on (pixels) fill the page."""


def link(words: str, address: str) -> Cell:
    """Words that lead to an address: of a view (#...) or of a file."""
    return {"words": words, "to": address}


def text(*pieces: str | Cell, note: bool = False) -> Block:
    """A paragraph of words and links."""
    return {"kind": "text", "pieces": [{"words": one} if isinstance(one, str) else one for one in pieces], "note": note}


def heading(words: str) -> Block:
    """A heading within a view."""
    return {"kind": "heading", "words": words}


def cards(pairs: Iterable[tuple[str, str]]) -> Block:
    """Counts, each with its noun."""
    return {"kind": "cards", "pairs": [list(pair) for pair in pairs]}


def links(label: str, cells: Sequence[Cell]) -> Block:
    """Links side by side, such as those that move a region; label: what they are, for screen readers."""
    return {"kind": "links", "label": label, "links": list(cells)}


def figure(name: str, drawn: Figure | None, nothing: str = "") -> Block:
    """A figure of the report with its points; drawn None: the words `nothing` instead. name: unique in the view."""
    if drawn is None:
        return text(nothing, note=True)
    width = re.search(r"<svg [^>]*?width='([\d.]+)'", drawn.svg)
    return {
        "kind": "figure", "name": name, "title": drawn.title, "caption": drawn.caption, "svg": svg.themed(drawn.svg),
        "plot": None if drawn.plot is None else plots.as_json(drawn.plot),
        "full": width is not None and float(width[1]) >= FULL_WIDTH, "peak": _peak(drawn, float(width[1]) if width else 0.0),
    }  # fmt: skip


def _peak(drawn: Figure, width: float) -> float | None:
    """Where the highest point of the first panel is, as a share of the figure's width; None without points."""
    groups = [] if drawn.plot is None else [one for one in drawn.plot.points if one.panel == 0 and len(np.asarray(one.y))]
    if drawn.plot is None or not groups or width <= 0:
        return None
    highest = max(groups, key=lambda one: float(np.max(np.asarray(one.y, dtype=np.float64))))
    at = int(np.argmax(np.asarray(highest.y, dtype=np.float64)))
    return round(drawn.plot.panels[0].x.at(float(np.asarray(highest.x)[at])) / width, 3)


def side_by_side(groups: Sequence[Sequence[Block]]) -> Block:
    """Groups of blocks next to each other where the page is wide enough."""
    return {"kind": "groups", "groups": [list(group) for group in groups]}


def ask(words: str, view: Mapping[str, str]) -> Block:
    """A button that asks for what takes seconds; view: names and values of the question."""
    return {"kind": "ask", "words": words, "view": dict(view)}


def cell(words: str, key: object = None, address: str = "") -> Cell:
    """A cell: its words; what it is sorted by (default: the words); where it leads. Numbers are given with all their digits."""
    return {"words": words, "key": words if key is None else key, "to": address}


def number(value: float | None, form: str = ".3f", key: float | None = None) -> Cell:
    """A cell of a number, with a minus sign; a missing one is a dash and sorts last."""
    if value is None or value != value:
        return cell("–", "")
    return cell(format(value, form).replace("-", "−"), value if key is None else key)


def table(name: str, caption: str, headings: Sequence[tuple[str, bool]], rows: Sequence[Sequence[Cell]]) -> Block:
    """A table that can be sorted and saved. headings: words, and whether the column is of numbers."""
    return {"kind": "table", "name": name, "caption": caption, "headings": [list(one) for one in headings],
            "rows": [list(row) for row in rows]}  # fmt: skip
