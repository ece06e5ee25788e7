"""Figures of a comparison: bars as long as their numbers, points where their values are, every locus in a list."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from lxml import etree

from ecgwas.report.comparison import NULL_COUNTS
from ecgwas.report.figures import comparison, svg

SVG = "{http://www.w3.org/2000/svg}"
SETS = {"A & <b>": frozenset({1, 2, 3, 4}), "B": frozenset({4, 5}), "C": frozenset[int]()}
WORDS = {number: f"Locus {number}" for number in range(1, 6)}


def test_bars_are_as_long_as_their_numbers() -> None:
    figure = comparison.upset(SETS, WORDS, "studies")
    assert figure is not None
    root = etree.fromstring(figure.svg.encode())
    bars = [float(one.get("height")) for one in root.iter(f"{SVG}rect") if one.get("fill") == svg.BLUE]
    assert np.allclose(np.array(bars) / bars[0], [1, 1 / 3, 1 / 3], atol=0.01)
    sizes = [float(one.get("width")) for one in root.iter(f"{SVG}rect") if one.get("fill") == svg.MUTED]
    assert np.allclose(sizes, [comparison.SIZES, comparison.SIZES / 2, 1])
    assert pl.read_csv(figure.csv.encode()).rows() == [("A & <b>", 3, "1; 2; 3"), ("B", 1, "5"), ("A & <b>; B", 1, "4")]


def test_each_mark_lists_its_loci_with_their_addresses() -> None:
    figure = comparison.upset(SETS, WORDS, "studies")
    assert figure is not None
    assert figure.plot is not None
    details = figure.plot.details
    assert details["of-0"].rows == [(f"Locus {number}", f"#locus-{number}") for number in (1, 2, 3)]
    assert details["of-2"].title == "1 locus of exactly A & <b> and B"
    assert (details["all-1"].title, details["all-2"].title) == ("B: 2 loci", "C: 0 loci")
    marks = {one.get("data-details") for one in etree.fromstring(figure.svg.encode()).iter(f"{SVG}rect")} - {None}
    assert marks == set(details)


def test_of_many_combinations_the_largest_are_drawn() -> None:
    rng = np.random.default_rng(1)
    sets = {f"s{k}": frozenset(np.flatnonzero(rng.random(400) < 0.5).tolist()) for k in range(7)}
    figure = comparison.upset(sets, {number: str(number) for number in range(400)}, "studies")
    assert figure is not None
    drawn, rows = comparison.MOST_COLUMNS, pl.read_csv(figure.csv.encode()).height
    assert rows > drawn
    assert f"The {drawn} largest of {rows} combinations are drawn." in figure.caption
    assert comparison.upset({"A": frozenset(), "B": frozenset()}, {}, "studies") is None


def test_points_are_where_their_values_are_and_open_where_one_is_unknown() -> None:
    loci = pl.DataFrame({"locus": [1, 2, 3, 4], "x": [12.0, None, 9.0, 4.0], "y": [10.0, 8.0, None, 4.0]})
    figure = comparison.strengths(("A", "B"), loci, (3.0, 2.5), 7.0, WORDS)
    assert figure is not None
    assert figure.plot is not None
    (panel,), (points,) = figure.plot.panels, figure.plot.points
    assert np.asarray(points.x).tolist() == [12.0, 3.0, 9.0, 4.0]
    assert np.asarray(points.y).tolist() == [10.0, 8.0, 2.5, 4.0]
    circles = [one for one in etree.fromstring(figure.svg.encode()).iter(f"{SVG}circle") if "fill-opacity" in one.attrib]
    places = [(float(one.get("cx")), float(one.get("cy"))) for one in circles]
    expected = np.column_stack([panel.x(points.x), panel.y(points.y)])
    assert places == pytest.approx(expected, abs=0.06)
    assert [one.get("fill") == svg.SURFACE for one in circles] == [False, True, True, False]
    assert [one.get("stroke") for one in circles] == [svg.BLUE, svg.GREEN, svg.VERMILION, svg.MUTED]
    assert panel.x_range == panel.y_range
    assert comparison.strengths(("A", "B"), loci.clear(), (3.0, 3.0), 7.0, {}) is None


def test_loci_by_chance_are_drawn_where_a_null_study_was_run() -> None:
    rows = [("A", "ae", 8, 20, 2, 3), ("B", "ae", 5, 9, None, None)]
    counts = pl.DataFrame(rows, schema=NULL_COUNTS, orient="row")
    figure = comparison.null_loci(counts, ["A", "B"])
    assert figure is not None
    root = etree.fromstring(figure.svg.encode())
    widths = {one.get("fill"): float(one.get("width")) for one in root.iter(f"{SVG}rect")}
    assert widths[svg.VERMILION] == pytest.approx(widths[svg.BLUE] / 4, abs=0.06)
    assert "B" not in [text.text for text in root.iter(f"{SVG}text")]
    assert comparison.null_loci(counts.tail(1), ["B"]) is None
