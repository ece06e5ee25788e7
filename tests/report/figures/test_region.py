"""Regional plots: every number drawn or told is that of the tables; colours that any reader can tell apart."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from lxml import etree
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from numpy.typing import NDArray

from ecgwas.report import GENES_OF_REGION, LocusRegion, RegionLayer, ReportContents
from ecgwas.report.contents import Figure
from ecgwas.report.figures import gene_track, region
from ecgwas.report.figures import svg as d
from ecgwas.tables import files
from tests.report.example import make_contents, with_measured_hits

SVG = "{http://www.w3.org/2000/svg}"
LIMIT = 8.4

PROTAN = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
DEUTAN = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
TRITAN = ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900))
"""Linear RGB as seen by dichromats (Machado, Oliveira and Fernandes 2009, severity 1)."""

NORMAL, GREY = np.eye(3), np.tile([0.2126, 0.7152, 0.0722], (3, 1))


@pytest.fixture(scope="module")
def contents() -> ReportContents:
    return make_contents(2)


def seen(colour: str, eye: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB of a colour as an eye sees it (sRGB, white D65)."""
    levels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(eye @ linear, 0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eye", [NORMAL, GREY, np.array(PROTAN), np.array(DEUTAN), np.array(TRITAN)])
def test_colours_of_r2_differ_with_any_colour_vision_and_in_grey(eye: NDArray[np.float64]) -> None:
    """A difference of 10 in CIELAB is seen at a glance; 2.3 is just noticeable."""
    colours = [colour for _, colour in region.R2_COLOURS]
    assert len(colours) == 5
    for one, other in itertools.combinations(colours, 2):
        assert np.linalg.norm(seen(one, eye) - seen(other, eye)) > 10
    lightness = [seen(colour, eye)[0] for colour in colours]
    assert lightness == sorted(lightness, reverse=True)


def test_a_region_has_every_variant_the_lead_as_a_diamond_and_its_genes(contents: ReportContents) -> None:
    here = contents.loci.regions[0]
    figure = region.region(here, LIMIT, contents.tables[files.CREDIBLE])
    assert figure is not None
    root = etree.fromstring(figure.svg.encode())
    assert pl.read_csv(figure.csv.encode())["variant"].to_list() == here.tests["variant"].to_list()
    words = {element.text for element in root.iter(f"{SVG}text")}
    assert {"LEFT1 →", "← MIDDLE1", "RIGHT1", here.lead["variant"], "credible set", "recombination rate"} <= words
    assert len(root.findall(f".//{SVG}polygon")) == 1
    assert region.region(replace(here, tests=here.tests.clear()), LIMIT) is None


def test_variants_of_credible_sets_are_ringed(contents: ReportContents) -> None:
    here = contents.loci.regions[0]
    for credible, count in ((None, 0), (contents.tables[files.CREDIBLE], 2)):  # the variant, and the key
        figure = region.region(here, LIMIT, credible)
        assert figure is not None
        assert figure.svg.count('stroke-width="12.4"') == count


def test_every_mark_is_drawn_again_from_its_own_points(contents: ReportContents) -> None:
    """A path names its points: each lies where the path has it, weak and strong, ringed or not."""
    here = contents.loci.regions[0]
    figure = region.region(here, LIMIT, contents.tables[files.CREDIBLE])
    assert figure is not None
    assert figure.plot is not None
    panel = figure.plot.panels[0]
    paths = [path for path in etree.fromstring(figure.svg.encode()).iter(f"{SVG}path") if path.get("data-points")]
    assert {int(path.get("data-points")) for path in paths} == set(range(len(figure.plot.points)))
    for path in paths:
        points = figure.plot.points[int(path.get("data-points"))]
        x, y = panel.x(points.x), panel.y(points.y)
        drawn = [(float(a), float(b)) for a, b in re.findall(r"M([\d.]+) ([\d.]+)h0", path.get("d"))]
        assert len(drawn) <= len(x)
        assert all(np.hypot(x - a, y - b).min() <= 0.36 for a, b in drawn), "half a pixel"
    assert sum(len(one.words) for one in figure.plot.points if any(one.words)) == here.tests.height


def test_an_unknown_r2_is_grey_and_in_the_key(contents: ReportContents) -> None:
    here = contents.loci.regions[0]
    r2 = pl.when(pl.col("pos") > here.lead["pos"]).then(None).otherwise("r2")
    unknown = replace(here, tests=here.tests.with_columns(r2=r2))
    figure, known = region.region(unknown, LIMIT), region.region(here, LIMIT)
    assert figure is not None
    assert known is not None
    assert "not known" in figure.svg
    assert "not known" not in known.svg
    assert d.LIGHT in figure.svg


def test_words_of_points_are_the_numbers_of_the_table(contents: ReportContents) -> None:
    here = contents.loci.regions[0]
    figure = region.region(here, LIMIT)
    assert figure is not None
    assert figure.plot is not None
    told = told_points(figure)
    assert len(told) == here.tests.height
    rows = {row["pos"]: row for row in here.tests.iter_rows(named=True)}
    for pos, height, words in told:
        row = rows[int(pos)]
        assert height == row["neglog10p"]
        assert words.startswith(f"{row['variant']}\n{here.chrom}:{pos:,}\n")
        mantissa, exponent = told_p(words)
        assert np.log10(mantissa) + exponent == pytest.approx(-row["neglog10p"], abs=0.03)
        assert f"(−log10 p {row['neglog10p']:.2f})" in words
        assert "+0.100 SD (SE 0.020) per copy of A" in words
        assert "frequency of A 0.310\n74 participants" in words
        assert f"r² {row['r2']:.2f} with {here.lead['variant']}" in words
    lead = next(words for *_, words in told if words.startswith(str(here.lead["variant"])))
    assert lead.endswith("in MIDDLE1")


def told_points(figure: Figure) -> list[tuple[int, float, str]]:
    """Position, -log10 p and words of all points that have words."""
    assert figure.plot is not None
    found = [zip(np.asarray(one.x), np.asarray(one.y), one.words, strict=True) for one in figure.plot.points]
    return [(int(pos), float(height), words) for pos, height, words in itertools.chain(*found) if words]


def told_p(words: str) -> tuple[float, int]:
    """Mantissa and exponent of the p-value in the words of a point."""
    found = re.search(r"p ([0-9.e-]+)(?:×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?", words)
    assert found is not None
    exponent = (found.group(2) or "⁰").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(found.group(1)), int(exponent)


def test_effects_of_measured_traits_are_told_in_their_unit() -> None:
    contents = with_measured_hits(make_contents(2))
    here = contents.loci.regions[0]
    (layer,) = [layer for layer in here.layers if layer.signal is None]
    figure = region.region(here, LIMIT, None, layer, hits=contents.loci.hits.frame)
    assert figure is not None
    all_words = [words for *_, words in told_points(figure)]
    told = [words for words in all_words if words.startswith(str(here.lead["variant"]))]
    assert ["−6.25 ms (SE 0.87) per copy of A" in words for words in told] == [True]
    assert sum(" SD (SE" in words for words in all_words) == here.tests.height - 1


def test_other_traits_and_signals_have_plots_of_their_own(contents: ReportContents) -> None:
    here = contents.loci.regions[0]
    figures = region.figures(here, LIMIT, contents.tables[files.CREDIBLE])
    assert list(figures) == ["region_1", "region_1_clinical.12L.qt_ms", "region_1_signal_1", "region_1_signal_2"]
    drawn = [figure for figure in figures.values() if figure is not None]
    assert len(drawn) == 4
    layers: list[LocusRegion | RegionLayer] = [here, *here.layers]
    for figure, layer in zip(drawn, layers, strict=True):
        written = pl.read_csv(figure.csv.encode())
        np.testing.assert_allclose(written["neglog10p"], layer.tests["neglog10p"])
        np.testing.assert_allclose(written["r2"], layer.tests["r2"])
        assert str(layer.lead["variant"]) in figure.caption
    assert "conditional on the other signals" in drawn[3].caption
    assert drawn[1].title == "Around locus 1: clinical.12L.qt_ms"
    assert drawn[3].title == f"Around locus 1: signal 2, {here.layers[2].lead['variant']}"
    clips = [clip for figure in drawn for clip in re.findall(r"clipPath id='([^']+)'", figure.svg)]
    assert len(clips) == len(set(clips)), "ids are unique on the page"


def test_the_recombination_rate_is_read_off_as_it_is_in_the_map(contents: ReportContents) -> None:
    here = contents.loci.regions[0]
    figure, without = region.region(here, LIMIT), region.region(replace(here, recombination=here.recombination.clear()), LIMIT)
    assert figure is not None
    assert figure.plot is not None
    (curve,) = figure.plot.curves
    x, y = np.asarray(curve.x), np.asarray(curve.y)
    for pos, rate in ((here.start + 10, 0.2), (here.lead["pos"] - 49_000, 42.0), (here.stop - 10, 1.5)):
        assert y[np.searchsorted(x, pos)] == rate
    assert (x[0], x[-1]) == (here.start, here.stop)
    assert np.diff(x).max() < 2_000, "read off next to the pointer, however far apart the map's positions are"
    assert figure.plot.panels[curve.panel].y_range == (0, 100)
    assert without is not None
    assert without.plot is not None
    assert not without.plot.curves
    assert "recombination" not in without.svg


def genes_of(starts: NDArray[np.int64], length: int) -> pl.DataFrame:
    rows = [(f"GENE{i}", int(at), int(at) + length, "+", [], []) for i, at in enumerate(starts)]
    return pl.DataFrame(rows, schema=GENES_OF_REGION, orient="row")


def test_genes_of_a_region_never_lie_on_each_other() -> None:
    panel = d.Panel(56, 0, 860, 200, (1_000_000, 2_000_000), (0, 1))
    genes = genes_of(np.arange(1_000_000, 1_900_000, 20_000), 30_000)
    rows, left_out = gene_track.rows(panel, genes)
    assert sum(len(row) for row in rows) + left_out == genes.height
    for row in rows:
        extents = [gene_track.extent(panel, gene) for gene in row]
        assert all(before[1] < after[0] for before, after in itertools.pairwise(extents))


def test_exons_are_drawn_where_they_lie(contents: ReportContents) -> None:
    here: LocusRegion = contents.loci.regions[0]
    panel = d.Panel(0, 0, 1000, 26, (here.start, here.stop), (0, 1))
    gene = here.genes.row(1, named=True)
    drawn = gene_track.drawn(panel, gene, 10.0)
    starts = [float(x) for x in re.findall(r"M([0-9.]+) 10h", drawn)]
    assert starts == pytest.approx([panel.x.at(at) for at in gene["exon_starts"]], abs=0.06)
    assert "reverse strand\n3 exons" in drawn


def test_names_of_genes_at_the_edge_are_not_cut_off() -> None:
    """As wide as matplotlib sets them in DejaVu Sans Oblique, the widest of the page's fonts."""
    font = FontProperties(family="DejaVu Sans", style="italic")
    panel = d.Panel(56, 0, 860, 60, (1_000_000, 2_000_000), (0, 1))
    for name, start, stop in (
        ("TSPAN32", 900_000, 1_010_000),
        ("SLC22A18", 1_990_000, 2_300_000),
        ("A1", 1_400_000, 1_500_000),
    ):
        gene = {"gene": name, "start": start, "stop": stop, "strand": None, "exon_starts": None, "exon_stops": None}
        label = etree.fromstring(gene_track.drawn(panel, gene, 10.0)).find("text")
        half = TextPath((0, 0), name, size=11, prop=font).get_extents().width / 2
        assert panel.left <= float(label.get("x")) - half
        assert float(label.get("x")) + half <= panel.right
