"""Pictures for print against the SVG that they are drawn from."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lxml import etree
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from ecgwas.report import Figure, all_figures
from ecgwas.report.figures import genotype, publication, svg
from ecgwas.study import ReportOptions
from tests.report.example import make_contents

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def pictures() -> dict[str, Figure]:
    return all_figures(ReportOptions(max_traits=2), make_contents())


def one_of_each_kind(pictures: dict[str, Figure]) -> dict[str, Figure]:
    """The first of all traits, loci, representations and clusters: `region_1`, `locus_1`, `locus_1_difference`."""
    kinds: dict[tuple[str, bool], str] = {}
    for name in pictures:
        kinds.setdefault((name.split("_")[0], name.endswith("_difference")), name)
    return {name: pictures[name] for name in kinds.values()}


def test_every_kind_of_picture_can_be_printed(pictures: dict[str, Figure], tmp_path: Path) -> None:
    chosen = one_of_each_kind(pictures)
    assert len(chosen) > 25
    for name, figure in chosen.items():
        path = tmp_path / f"{name}.png"
        publication.save(figure, path, dots_per_inch=60)
        pixels = imread(path)[:, :, :3]
        root = etree.fromstring(figure.svg.encode())
        width, height = float(root.get("width", 0)), float(root.get("height", 0))
        assert pixels.shape[1] / pixels.shape[0] == pytest.approx(width / height, rel=0.05)
        assert (pixels < 0.99).any(axis=2).mean() > 0.003, f"{name} is empty"


def test_a_wide_picture_is_180_mm_at_300_dots_per_inch(pictures: dict[str, Figure], tmp_path: Path) -> None:
    publication.save(pictures["all_traits"], tmp_path / "a.png")
    assert imread(tmp_path / "a.png").shape[1] == pytest.approx(180 / 25.4 * 300, abs=1)


def test_points_lie_where_the_page_has_them(pictures: dict[str, Figure], tmp_path: Path) -> None:
    figure = pictures["manhattan_pca.12L.f01"]
    publication.save(figure, tmp_path / "a.png")
    pixels = imread(tmp_path / "a.png")[:, :, :3]
    scale = pixels.shape[1] / 930
    paths = etree.fromstring(figure.svg.encode()).iter(f"{SVG}path")
    hits = [path.get("d", "") for path in paths if path.get("stroke") == svg.VERMILION and "h0" in path.get("d", "")]
    places = [(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)h0", "".join(hits))]
    assert len(places) > 10
    for x, y in places:
        found = pixels[round(y * scale), round(x * scale)]
        assert np.abs(found - np.array(to_rgb(svg.VERMILION))).max() < 0.02


def test_curves_reach_the_heights_of_the_numbers(tmp_path: Path) -> None:
    """A green curve of the effect of a copy: its lowest pixel is the lowest point of its path."""
    figure = genotype.ecg_by_genotype(replace(make_contents().loci.genotype_beats[0], decoded={}))
    publication.save(figure, tmp_path / "a.png")
    pixels = imread(tmp_path / "a.png")[:, :, :3]
    scale = pixels.shape[1] / 930
    paths = [path.get("d", "") for path in etree.fromstring(figure.svg.encode()).iter(f"{SVG}path")
             if path.get("stroke") == svg.GREEN and "L" in path.get("d", "")]  # fmt: skip
    curves = [[pair.split(" ") for pair in re.split("[ML]", path) if pair] for path in paths]
    long = [np.array(curve, dtype=float) for curve in curves if len(curve) > 50]
    assert len(long) == 12
    for curve in long:
        x, y = curve[np.argmax(curve[:, 1])]
        around = pixels[round(y * scale) - 2 : round(y * scale) + 3, round(x * scale) - 1 : round(x * scale) + 2]
        assert (np.abs(around - np.array(to_rgb(svg.GREEN))).max(axis=2) < 0.25).any()


@pytest.mark.parametrize("kind", publication.FORMATS)
def test_the_same_picture_gives_the_same_bytes(pictures: dict[str, Figure], tmp_path: Path, kind: str) -> None:
    for name in ("a", "b"):
        publication.save(pictures["region_1"], tmp_path / f"{name}.{kind}")
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_many_points_are_rasterised_and_words_stay_words(pictures: dict[str, Figure], tmp_path: Path) -> None:
    publication.save(pictures["all_traits"], tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "<image " in text
    assert ">SCN5A</text>" in text
    publication.save(pictures["network"], tmp_path / "b.svg")
    assert "<image " not in (tmp_path / "b.svg").read_text()
    publication.save(pictures["network"], tmp_path / "c.pdf")
    pdf = (tmp_path / "c.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    # TrueType outlines, which editors of vector graphics keep as words; Type 3 they do not.
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf


@pytest.mark.parametrize(
    ("columns", "wide", "narrow"),
    [
        (publication.DEFAULT_COLUMNS, 175, 85),
        (publication.JOURNALS["nature"], 183, 89),
        (publication.Columns(60, 150), 150, 60),
    ],
)
def test_pictures_are_as_wide_as_the_columns_of_the_journal(
    pictures: dict[str, Figure], tmp_path: Path, columns: publication.Columns, wide: float, narrow: float
) -> None:
    for name, width in (("all_traits", wide), ("inflation", narrow), ("signals_ae", wide)):
        path = tmp_path / f"{name}.png"
        publication.save(pictures[name], path, columns=columns, dots_per_inch=100)
        assert imread(path).shape[1] == pytest.approx(width / 25.4 * 100, abs=2), name


def test_the_heading_is_within_the_picture(pictures: dict[str, Figure], tmp_path: Path) -> None:
    qq = pictures["qq_pca.12L.f01"]
    for name, heading in (("plain", ""), ("headed", "pca.12L.f01")):
        publication.save(qq, tmp_path / f"{name}.svg", heading=heading)
    plain, headed = ((tmp_path / f"{name}.svg").read_text() for name in ("plain", "headed"))
    assert ">pca.12L.f01</text>" in headed
    assert ">pca.12L.f01</text>" not in plain
    assert height_of(headed) > height_of(plain)


def height_of(text: str) -> float:
    return float(etree.fromstring(text.encode()).get("height").removesuffix("pt"))


def test_fonts_that_are_not_installed_are_not_complained_of(
    pictures: dict[str, Figure], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        publication.save(pictures["network"], tmp_path / "a.pdf")
    assert caplog.records == []
    assert logging.getLogger("matplotlib.font_manager").isEnabledFor(logging.WARNING)


def test_groups_are_drawn_and_clipped_as_on_the_page(tmp_path: Path) -> None:
    """A panel's marks: a red and a green line cross it and go on beyond its edge."""
    panel = svg.Panel(100, 20, 200, 100, (0, 1), (0, 1))
    marks = [svg.line(0, 50, 400, 50, svg.VERMILION, 6), svg.rect(250, 60, 150, 20, svg.GREEN)]
    picture = svg.svg(400, 140, [svg.zoomable(0, panel, marks, "test"), svg.line(0, 130, 400, 130, svg.BLUE, 6)], "clipped")
    publication.save(Figure("", "", picture, "a\n1\n"), tmp_path / "a.png", dots_per_inch=200)
    pixels = imread(tmp_path / "a.png")[:, :, :3]
    scale = pixels.shape[1] / 400

    def at(x: float, y: float) -> tuple[float, ...]:
        return tuple(float(value) for value in pixels[round(y * scale), round(x * scale)])

    assert at(200, 50) == pytest.approx(to_rgb(svg.VERMILION), abs=0.02)
    assert at(290, 70) == pytest.approx(to_rgb(svg.GREEN), abs=0.02)
    assert at(50, 50) == at(350, 50) == at(350, 70) == pytest.approx((1, 1, 1))
    assert at(50, 130) == pytest.approx(to_rgb(svg.BLUE), abs=0.02)
