"""ECG by genotype: what is drawn and read off is what the tables hold; small groups are neither drawn nor written."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from lxml import etree

from ecgwas.leads import LEADS
from ecgwas.report import GenotypeBeats, ReportContents
from ecgwas.report.figures import ecg_grid, genotype
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.recordings import GRID_LEADS
from tests.report.example import make_contents

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def contents() -> ReportContents:
    return make_contents(2)


@pytest.fixture(scope="module")
def beats(contents: ReportContents) -> GenotypeBeats:
    return contents.loci.genotype_beats[0]


def numbers(csv: str) -> pl.DataFrame:
    return pl.read_csv(csv.encode(), infer_schema_length=None)


def test_ecg_by_genotype_names_people_and_alleles(contents: ReportContents) -> None:
    beats = contents.loci.genotype_beats[0]
    figure = genotype.ecg_by_genotype(beats)
    words = " ".join(etree.fromstring(figure.svg.encode()).itertext())
    for k, letters in enumerate(("G/G", "A/G", "A/A")):
        assert f"{letters} ({beats.people[k]})" in words
    assert genotype.copies(replace(beats, effect_allele="ACGTT"), 2) == "2 copies of the allele"
    table = numbers(figure.csv)
    assert table["lead"].n_unique() == 12
    v5 = table.filter(pl.col("lead") == "V5")
    assert v5["mean_0_uv"].max() == pytest.approx(beats.mean_uv[0, 10, ::3].max(), rel=1e-5)


def test_a_genotype_nobody_has_is_left_out_of_the_picture(contents: ReportContents) -> None:
    beats = contents.loci.genotype_beats[0]
    mean, people = beats.mean_uv.copy(), beats.people.copy()
    mean[2], people[2] = np.nan, 0
    figure = genotype.ecg_by_genotype(
        replace(beats, mean_uv=mean, half_width_uv=np.where(np.isnan(mean), np.nan, 1.0), people=people)
    )
    assert "nan" not in figure.svg.lower()
    assert "A/A" not in figure.svg
    assert not re.search(r"NaN", figure.csv)


def test_a_genotype_of_few_people_is_no_curve_and_no_number(contents: ReportContents) -> None:
    beats = replace(contents.loci.genotype_beats[0], people=np.array([40, 30, 4]))
    figure = genotype.ecg_by_genotype(beats)
    table = numbers(figure.csv)
    assert table["mean_2_uv"].is_null().all()
    assert table["half_width_2_uv"].is_null().all()
    assert table["mean_1_uv"].is_not_null().all()
    assert "Fewer than 5 participants have A/A: no mean is shown" in figure.caption
    assert table["decoded_pca_uv"].to_numpy() == pytest.approx(0.9 * table["slope_uv"].to_numpy(), rel=1e-3, abs=1e-3)


def test_curves_are_the_numbers_of_the_table(beats: GenotypeBeats) -> None:
    figure = genotype.ecg_by_genotype(beats, 8.4)
    table, plot = numbers(figure.csv), figure.plot
    assert plot is not None
    order = [lead for row in GRID_LEADS for lead in row]
    columns = {"effect of one copy": "slope_uv", "−log10 p": "neglog10p", "decoded by pca": "decoded_pca_uv"}
    columns |= {f"{genotype.copies(beats, k)} ({beats.people[k]})": f"mean_{k}_uv" for k in range(3)}
    read_off = set()
    for curve in plot.curves:
        lead, panel = order[curve.panel // 3], curve.panel % 3
        own = table.filter(pl.col("lead") == lead)
        column = columns[curve.name]
        np.testing.assert_allclose(np.asarray(curve.y), own[column].to_numpy(), rtol=1e-5, atol=1e-9)
        assert np.asarray(curve.x).tolist() == own["time_ms"].to_list()
        assert panel == {"m": 0, "s": 1, "d": 1, "n": 2}[column[0]]
        read_off.add((lead, column))
    assert len(read_off) == 12 * 6
    assert len(plot.panels) == 36


def test_every_curve_is_cut_off_at_its_panel(beats: GenotypeBeats) -> None:
    """Effects far beyond the panel, as a decoder may draw them, do not reach the next lead."""
    wild = replace(beats, decoded={"wild": np.full_like(beats.slope_uv, 1e4).astype(np.float32)})
    root = etree.fromstring(genotype.ecg_by_genotype(wild).svg.encode())
    curves = [path for path in root.iter(f"{SVG}path") if path.get("stroke-linejoin") == "round"]
    assert len(curves) == 12 * (3 + 1 + 1)
    boxes = {clip.get("id"): clip[0] for clip in root.iter(f"{SVG}clipPath")}
    assert len(boxes) == 36
    for path in curves:
        clip = path.getparent().getparent().get("clip-path")
        assert clip.removeprefix("url(#").rstrip(")") in boxes


def test_scales_are_drawn_where_they_are_read(beats: GenotypeBeats) -> None:
    figure = genotype.ecg_by_genotype(beats, 8.4)
    root = etree.fromstring(figure.svg.encode())
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert words.count("effect, µV") == words.count("−log10 p") == 3
    bars = [word for word in words if re.fullmatch(r"[0-9.]+ (mV|µV)", word or "")]
    assert len(bars) == 12
    assert words.count("400") == 12, "ms, below each lead"
    dashed = [path for path in root.iter(f"{SVG}path") if path.get("stroke-dasharray") == "5 4"]
    assert len(dashed) == 12, "the threshold, in each strip of -log10 p"
    assert "dashed is the study's threshold, 8.40" in figure.caption
    assert "threshold" not in genotype.ecg_by_genotype(beats).caption


def test_a_scale_bar_is_as_long_as_it_says() -> None:
    panel = d.Panel(40, 0, 180, 100, (-200, 600), (-600.0, 1400.0))
    bar, words = ecg_grid.scale_bar(panel)
    low, high = (float(value) for value in re.findall(r"[ML]34 ([0-9.]+)", bar))
    assert "1 mV" in words
    assert abs(low - high) == pytest.approx(1000 / 2000 * 100)


@pytest.mark.parametrize("count", [3, 17, 150, 158])
def test_points_that_a_curve_does_not_need_are_not_drawn(count: int) -> None:
    """The line through those kept passes all others within the tolerance."""
    rng = np.random.default_rng(count)
    steps = np.arange(count, dtype=np.float64)
    heights = np.where(steps % 40 < 20, 50.0, 50.0 + np.cumsum(rng.normal(0, 2, count))) + rng.normal(0, 0.02, count)
    needed = ecg_grid.corners(heights)
    assert needed[0]
    assert needed[-1]
    through = np.interp(steps, steps[needed], heights[needed])
    assert np.abs(through - heights).max() <= ecg_grid.TOLERANCE
    assert needed.sum() < count or count < 10
    assert ecg_grid.corners(np.full(count, np.nan)).all()


def test_leads_stand_as_on_paper() -> None:
    places = {lead: (x, y) for lead, x, y, _ in ecg_grid.places(LEADS, 0.0, 100.0)}
    assert [lead for lead in places if places[lead][1] == 0] == ["I", "aVR", "V1", "V4"]
    assert [lead for lead in places if places[lead][0] == places["I"][0]] == ["I", "II", "III"]


def test_the_difference_is_that_of_the_means(beats: GenotypeBeats) -> None:
    figure = genotype.difference(beats)
    assert figure is not None
    by_genotype, table = numbers(genotype.ecg_by_genotype(beats).csv), numbers(figure.csv)
    np.testing.assert_allclose(table["difference_uv"], by_genotype["mean_2_uv"] - by_genotype["mean_0_uv"], atol=1e-2)
    half = (by_genotype["half_width_2_uv"] ** 2 + by_genotype["half_width_0_uv"] ** 2).sqrt()
    np.testing.assert_allclose(table["half_width_uv"], half, rtol=1e-3)
    np.testing.assert_allclose(table["predicted_uv"], 2 * by_genotype["slope_uv"], rtol=1e-4, atol=1e-9)
    assert figure.plot is not None
    assert len(figure.plot.panels) == 12
    for curve in figure.plot.curves:
        lead = [lead for row in GRID_LEADS for lead in row][curve.panel]
        column = "predicted_uv" if "effect" in curve.name else "difference_uv"
        np.testing.assert_allclose(np.asarray(curve.y), table.filter(pl.col("lead") == lead)[column], rtol=1e-5, atol=1e-9)
    assert "A/A minus G/G" in figure.svg


def test_a_difference_needs_two_genotypes_of_enough_participants(beats: GenotypeBeats) -> None:
    """Of a genotype of few participants no number can be computed from the file: neither its mean nor a difference."""
    few = replace(beats, people=np.array([40, 30, 4]))
    figure = genotype.difference(few)
    assert figure is not None
    assert "A/G minus G/G" in figure.svg
    assert "A/A" not in figure.svg
    np.testing.assert_allclose(numbers(figure.csv)["difference_uv"], numbers(genotype.ecg_by_genotype(few).csv).select(
        pl.col("mean_1_uv") - pl.col("mean_0_uv")).to_series(), atol=1e-2)  # fmt: skip
    assert genotype.difference(replace(beats, people=np.array([70, 4, 4]))) is None
