"""Points of a figure: each place once, in paths of few points."""

from __future__ import annotations

import re

import numpy as np
import pytest
from lxml import etree

from ecgwas.report.figures import svg


def places(drawn: str) -> list[tuple[float, float]]:
    element = etree.fromstring(drawn)
    paths = [element] if element.tag == "path" else element.findall("path")
    return [(float(x), float(y)) for path in paths for x, y in re.findall(r"M([\d.]+) ([\d.]+)h0", path.get("d"))]


@pytest.mark.parametrize("count", [1, svg.DOTS_IN_A_PATH, svg.DOTS_IN_A_PATH + 1, 3 * svg.DOTS_IN_A_PATH])
def test_every_point_is_drawn_once_in_paths_of_few_points(count: int) -> None:
    x, y = np.arange(count) + 0.5, np.arange(count) % 7 + 1.0
    drawn = svg.dots(np.tile(x, 2), np.tile(y, 2), "red", points=3)
    assert sorted(places(drawn)) == list(zip(x, y, strict=True))
    element = etree.fromstring(drawn)
    assert element.get("data-points") == "3"
    paths = [element] if element.tag == "path" else element.findall("path")
    assert {path.get("stroke") for path in paths} == {"red"}
    assert len(paths) == -(-count // svg.DOTS_IN_A_PATH)
    assert all(path.get("d").count("M") <= svg.DOTS_IN_A_PATH for path in paths)


def test_no_point_draws_nothing() -> None:
    assert svg.dots([], [], "red") == ""
