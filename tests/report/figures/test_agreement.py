"""The Bland-Altman picture: everybody is counted, lines stand where the table says, the page shows it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from lxml import etree

from ecgwas import report
from ecgwas.report.contents import RepresentationResults
from ecgwas.report.figures.agreement import agreement
from ecgwas.study import ReportOptions
from ecgwas.tables.recordings import DeviceAgreement
from tests.report.example import changed, make_contents, make_empty_contents

PEOPLE = 300


@pytest.fixture(scope="module")
def clinical() -> RepresentationResults:
    rng = np.random.default_rng(4)
    device = rng.normal(400, 25, PEOPLE)
    measured = device - 6 + rng.normal(0, 9, PEOPLE)
    difference = measured - device
    mean, sd = difference.mean(), difference.std(ddof=1)
    row = {
        "measurement": "qt_ms", "n": PEOPLE, "mean_difference": mean, "sd": sd, "low": mean - 1.96 * sd,
        "high": mean + 1.96 * sd, "median_difference": float(np.median(difference)), "r": 0.9,
    }  # fmt: skip
    pairs = pl.DataFrame({"measurement": "qt_ms", "measured": measured, "device": device, "difference": difference})
    plain = next(one for one in make_contents(2).representations if one.kind == "intervals")
    return replace(plain, agreement=DeviceAgreement.of([row]).frame, device_pairs=pairs)


def test_everybody_is_counted_once_and_nobody_is_named(clinical: RepresentationResults) -> None:
    figure = agreement(clinical)
    assert figure is not None
    numbers = pl.read_csv(figure.csv.encode())
    assert numbers.columns == ["measurement", "mean", "difference", "people"]
    assert numbers["people"].sum() == PEOPLE
    weight = numbers["people"].to_numpy()
    assert np.average(numbers["difference"].to_numpy(), weights=weight) == pytest.approx(-6, abs=1.5)
    etree.fromstring(figure.svg.encode())


def test_the_mean_lies_between_the_limits(clinical: RepresentationResults) -> None:
    figure = agreement(clinical)
    assert figure is not None
    lines = [e.get("d", "") for e in etree.fromstring(figure.svg.encode()).iter("{*}path") if e.get("stroke") == "#d55e00"]
    heights = [float(path.split("L")[0].split()[1]) for path in lines]
    assert len(heights) == 3
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)
    assert heights[0] > heights[1]  # the lower limit is lower on paper


def test_page_has_picture_and_table_only_where_a_recorder_measured(clinical: RepresentationResults) -> None:
    contents = make_empty_contents()
    assert "agreement_clinical" not in report.render(ReportOptions(), contents).figures
    assert clinical.name == "clinical"
    page = report.render(ReportOptions(), changed(contents, representations=(clinical,)))
    assert "agreement_clinical" in page.figures
    assert "with limits of agreement" in page.html


@pytest.mark.parametrize("least", [2, 5, 10, 10_000])
def test_small_groups_are_neither_drawn_nor_counted_where_the_page_is_passed_on(
    clinical: RepresentationResults, least: int
) -> None:
    figure = agreement(clinical, least)
    assert figure is not None
    numbers = pl.read_csv(figure.csv.encode(), schema_overrides={"people": pl.Int64, "mean": pl.Float64})
    assert (numbers["people"] >= least).all()
    assert numbers.height > 0 or least > 10
    # Middles of cells are round: they show no participant's own value.
    assert (numbers["mean"] * 2 % 1 == 0).all()
    etree.fromstring(figure.svg.encode())


def test_the_shared_page_hides_small_groups_of_the_agreement(clinical: RepresentationResults) -> None:
    contents = make_empty_contents()
    shared = changed(contents, representations=(clinical,), min_people=10)
    csv = report.render(ReportOptions(), shared).figures["agreement_clinical"].csv
    assert (pl.read_csv(csv.encode())["people"] >= 10).all()
