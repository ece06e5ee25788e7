"""Pictures for print against the SVG that they are drawn from."""

from __future__ import annotations

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


def test_every_picture_can_be_printed(pictures: dict[str, Figure], tmp_path: Path) -> None:
    for name, figure in pictures.items():
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
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"%PDF")
