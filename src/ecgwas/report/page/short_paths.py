"""Paths of a figure in fewer bytes, for the page: each coordinate as its difference to the one before.

A curve of neighbouring points, `M12.3 45.6L13.4 45.2`, becomes `m12.3 45.6 1.1-.4`, which is drawn alike. Coordinates of
figures have one decimal at most (`svg.number`); differences are those of whole tenths, so that no error adds up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

SHORTEST = 60
"""Characters of a path or an outline from which it is rewritten: ticks and symbols, which the page's script moves as they are,
have fewer."""

PATH = re.compile(rf"<path d='([MLhz\d. -]{{{SHORTEST},}})'")
OUTLINE = re.compile(rf"<polygon points='([\d., -]{{{SHORTEST},}})'")
PIECE = re.compile(r"([MLhz])([\d. -]*)")


def shortened(picture: str) -> str:
    """The SVG with long paths of M, L, h0 and z, and long polygons, as relative paths that draw the same."""
    picture = PATH.sub(lambda match: f"<path d='{_path(match[1])}'", picture)
    return OUTLINE.sub(lambda match: f"<path d='{_path('M' + match[1].replace(',', ' ') + 'z')}'", picture)


def _path(path: str) -> str:
    """The path with relative m and l; as it is if it has horizontal lines of some length, which are relative already."""
    pieces = PIECE.findall(path)
    if any(letter == "h" and numbers.strip() != "0" for letter, numbers in pieces):
        return path
    parts, at, start, before = [], (0, 0), (0, 0), ""
    for letter, numbers in pieces:
        if letter == "h":
            parts.append("h0")
        elif letter == "z":
            parts.append("z")
            at = start
        else:
            pairs = _pairs(numbers)
            steps = _steps(pairs, at)
            # Pairs after those of m or l are lines, too, without the letter.
            parts.append(steps if letter == "L" and before in ("M", "L") and steps[0] == "-" else letter.lower() + steps)
            at, start = pairs[-1], pairs[0] if letter == "M" else start
        before = letter
    return "".join(parts)


def _pairs(numbers: str) -> list[tuple[int, int]]:
    """Coordinates in tenths."""
    tenths = [round(float(number) * 10) for number in numbers.split()]
    return list(zip(tenths[::2], tenths[1::2], strict=True))


def _steps(pairs: Sequence[tuple[int, int]], at: tuple[int, int]) -> str:
    """The pairs, each less the one before, the first less `at`."""
    text = ""
    for x, y in pairs:
        for step in (x - at[0], y - at[1]):
            number = _number(step)
            text += number if text == "" or number[0] == "-" else f" {number}"
        at = (x, y)
    return text


def _number(tenths: int) -> str:
    """`-.3` of -3, `1.1` of 11, `12` of 120."""
    whole, tenth = divmod(abs(tenths), 10)
    sign = "-" if tenths < 0 else ""
    return f"{sign}{whole}" if tenth == 0 else f"{sign}{whole or ''}.{tenth}"
