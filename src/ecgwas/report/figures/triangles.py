"""Marks of a phenome-wide picture: a triangle for each test, which points in the direction of its effect, and names of some."""

from __future__ import annotations

from collections.abc import Iterable

from ecgwas.report.figures import svg as d

MOST_LABELS = 12
SIZE = 3.6
"""Half the height of a triangle."""


def triangles(panel: d.Panel, marks: Iterable[tuple[float, float, float | None, int]]) -> list[str]:
    """marks: place, height, effect, which may be unknown, and number of the group, in whose colours neighbours differ."""
    parts = []
    for place, height, beta, group in marks:
        x, y = panel.x.at(place), panel.y.at(height)
        up = -SIZE if (beta or 0.0) >= 0 else SIZE
        corners = ((x, y + up), (x - SIZE, y - up), (x + SIZE, y - up))
        points = " ".join(f"{d.number(a)},{d.number(b)}" for a, b in corners)
        parts.append(f"<polygon points='{points}' fill='{(d.BLUE, d.MUTED)[group % 2]}'/>")
    return parts


def labels(panel: d.Panel, marks: Iterable[tuple[float, float, str]], limit: float) -> list[str]:
    """Names of the highest marks above the limit; one that would overlap a higher one is omitted.

    marks: height, place and name
    """
    parts: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for height, at, words in sorted((mark for mark in marks if mark[0] > limit), reverse=True)[:MOST_LABELS]:
        half, y = d.width_of(words, 10) / 2 + 3, panel.y.at(height) - 8
        x = min(max(panel.x.at(at), panel.left + half), panel.right - half)
        if any(abs(x - other) < half + width and abs(y - row) < 11 for other, width, row in taken):
            continue
        taken.append((x, half, y))
        parts.append(d.text(x, y, words, size=11, anchor="middle", fill=d.INK))
    return parts
