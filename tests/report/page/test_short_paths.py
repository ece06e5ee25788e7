"""Shortened paths, read by a parser of SVG's grammar of our own, are the same as before."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ecgwas.report.figures import svg as d
from ecgwas.report.page.short_paths import shortened
from tests.report.example import page_of


def drawn(path: str) -> list[tuple[str, float, float]]:
    """Every move and line of a path as its letter and its end."""
    at, start, ends = (0.0, 0.0), (0.0, 0.0), list[tuple[str, float, float]]()
    tokens = re.findall(r"[A-Za-z]|-?(?:\d+\.\d+|\d+|\.\d+)", path)
    letter, place = "", 0
    while place < len(tokens):
        if tokens[place].isalpha():
            letter, place = tokens[place], place + 1
        if letter == "z":
            at = start
            ends.append(("z", *at))
            continue
        if letter == "h":
            at, place = (at[0] + float(tokens[place]), at[1]), place + 1
            ends.append(("h", *at))
            continue
        x, y = float(tokens[place]), float(tokens[place + 1])
        place += 2
        at = (at[0] + x, at[1] + y) if letter.islower() else (x, y)
        ends.append((letter.upper(), *at))
        if letter in "mM":
            start, letter = at, "l" if letter == "m" else "L"
    return ends


def same(before: str, after: str) -> bool:
    one, other = drawn(before), drawn(after)
    return [end[0] for end in one] == [end[0] for end in other] and np.allclose(
        [end[1:] for end in one], [end[1:] for end in other], atol=1e-6
    )


def path_in(picture: str) -> str:
    return re.search(r"<path d='([^']*)'", picture)[1]


@pytest.mark.parametrize("seed", range(5))
def test_curves_dots_and_areas_are_drawn_alike_in_fewer_bytes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = np.arange(300) * 1.1 - 20, rng.normal(100, 40, 300).cumsum() / 50
    y[[40, 41, 200]] = np.nan
    for before in (d.polyline(x, y, d.BLUE), d.dots(x, np.nan_to_num(y), d.BLUE, points=2)):
        after = shortened(before)
        assert len(after) < 0.8 * len(before)
        assert same(path_in(before), path_in(after))
        assert before[before.index("' stroke") :] == after[after.index("' stroke") :]
    before = d.ribbon(x, y - 3, y + 3, d.GREEN)
    after = shortened(before)
    corners = re.search(r"points='([^']*)'", before)[1].replace(",", " ")
    assert same(f"M{corners}z", path_in(after))
    assert after.endswith(before[before.index("' fill") :])
    assert len(after) < 0.8 * len(before)


def test_what_is_short_or_relative_stays() -> None:
    for picture in (
        d.line(1, 2, 3, 4), "<polygon points='1,2 3,4 5,6' fill='red'/>",
        "<path d='" + "".join(f"M{k} 2h100" for k in range(40)) + "' stroke='red'/>",
        "<path d='" + "M1 2v3" * 30 + "'/>", "<path d='M1 2C" + "1 2 3 4 5 6 " * 20 + "'/>",
    ):  # fmt: skip
        assert shortened(picture) == picture


def test_the_whole_page_draws_what_its_figures_draw() -> None:
    figure = page_of("full").figures["locus_1"].svg
    before, after = (re.findall(r"<path d='([^']*)'", text) for text in (figure, shortened(figure)))
    outlines = re.findall(r"<polygon points='([^']*)'", figure)
    long = [outline for outline in outlines if len(outline) >= 60]
    assert len(after) == len(before) + len(long)
    known = iter(before)
    wanted = iter(long)
    for path in after:
        if path.endswith("z"):
            assert same(f"M{next(wanted).replace(',', ' ')}z", path)
        else:
            untouched = next(known)
            assert untouched == path or same(untouched, path)
