"""Pictures of signals and their reconstruction where something is missing, and of decoded recordings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from ecgwas.leads import LEADS
from ecgwas.report import ReportContents, Traversal, shareable
from ecgwas.report.contents import Example, RepresentationResults
from ecgwas.report.figures import architecture, recordings, signals, traversal
from tests.report.example import ARCHITECTURE, changed, make_contents


@pytest.fixture(scope="module")
def contents() -> ReportContents:
    return make_contents()


@pytest.fixture
def example(contents: ReportContents) -> Example:
    assert contents.cohort.example is not None
    return replace(contents.cohort.example, baseline_removed_uv=contents.cohort.example.clean_uv + np.float32(3))


def of_strips(contents: ReportContents, errors: dict[str, float | None], **given: object) -> RepresentationResults:
    assert contents.cohort.example is not None
    rebuilt = contents.cohort.example.clean_uv * np.float32(0.5)
    some = {"reconstruction": rebuilt, "example_mse": errors, "max_mse": 0.4} | given
    return replace(contents.representations[1], **some)


def drawn(csv: str) -> pl.DataFrame:
    return pl.read_csv(csv.encode())


@pytest.mark.parametrize(
    ("errors", "lead", "said"),
    [
        ({"I": 0.1, "II": 0.3, "V2": 0.2}, "II", "MSE 0.3<"),
        ({"I": 0.1, "II": 0.5, "V2": 0.2}, "V2", "MSE 0.2<"),
        ({"I": 0.7, "II": 0.9, "V2": 0.8, "V5": 1.5}, "I", "MSE 0.7, above the limit of 0.4"),
        ({"I": 0.1, "II": None, "V2": float("nan")}, "II", "reconstructed by ae<"),
        ({}, "II", "reconstructed by ae<"),
    ],
)
def test_a_usual_lead_with_features_is_drawn(
    contents: ReportContents, example: Example, errors: dict[str, float | None], lead: str, said: str
) -> None:
    figure = signals.steps(example, [of_strips(contents, errors)])
    assert figure is not None
    assert drawn(figure.csv)["lead"].unique().to_list() == [lead]
    assert said in figure.svg.replace(": MSE nan", "")


def test_a_lead_that_was_not_recorded_is_not_drawn(contents: ReportContents, example: Example) -> None:
    missing = example.clean_uv.copy()
    missing[LEADS.index("II")] = np.nan
    figure = signals.steps(replace(example, clean_uv=missing), [of_strips(contents, {"II": 0.1, "V2": 0.2})])
    assert figure is not None
    assert drawn(figure.csv)["lead"].unique().to_list() == ["V2"]
    assert "nan" not in figure.svg
    strip = recordings.strip(replace(example, clean_uv=missing), [])
    assert "nan" not in strip.svg
    assert signals.steps(replace(example, clean_uv=np.full_like(missing, np.nan)), []) is None


def test_a_study_without_two_steps_of_cleaning_has_no_step_between(contents: ReportContents) -> None:
    assert contents.cohort.example is not None
    figure = signals.steps(contents.cohort.example, [])
    assert figure is not None
    assert drawn(figure.csv).columns == ["lead", "time_s", "as_recorded_uv", "cleaned_uv"]


def test_the_limit_is_drawn_even_where_every_error_is_far_below(contents: ReportContents) -> None:
    some = replace(contents.representations[1], mse=pl.DataFrame({"lead": ["I"] * 4, "mse": [0.01, 0.02, 0.02, 0.03]}))
    figure = recordings.error_distribution(replace(some, max_mse=0.4))
    assert figure is not None
    assert "0 (0.0%) above the limit of 0.4" in figure.caption
    assert drawn(figure.csv)["log10_mse_to"].max() == pytest.approx(np.log10(0.4), abs=1e-6)
    assert drawn(figure.csv)["count"].sum() == 4
    without = recordings.error_distribution(replace(some, max_mse=None))
    assert without is not None
    assert "limit" not in without.svg


@pytest.mark.parametrize("leads", [LEADS, ("V1", "V2"), ("aVR",), LEADS[:6]])
def test_a_feature_of_recordings_is_drawn_in_the_leads_that_have_it(leads: tuple[str, ...]) -> None:
    times = np.arange(1250) * 2.0
    wave = 400 * np.sin(times / 90)
    curves = np.stack([np.tile(wave * scale, (len(leads), 1)) for scale in (0.5, 1.0, 1.5)]).astype(np.float32)
    figure = traversal.traversal("ae", Traversal("f01", 2.0, times, curves, leads, of_strips=True))
    table = drawn(figure.csv)
    assert table["lead"].unique(maintain_order=True).to_list() == list(leads)
    assert table["time_s"].max() == pytest.approx(2.5, abs=0.01)
    assert "The first 2.5 s of recordings decoded by ae" in figure.caption
    assert "Largest change 200 µV" in figure.caption
    assert ("too few signals with features" in figure.caption) == (len(leads) < 12)


@pytest.mark.parametrize(
    ("skips", "said"), [({"encoder 1"}, False), ({"encoder 1", "decoder 1"}, False), (set(), False), ({"decoder 1"}, True)]
)
def test_maps_that_skip_the_features_are_told_from_other_skips(contents: ReportContents, skips: set[str], said: bool) -> None:
    steps = tuple(step | {"layers": ["skip, added"] * (step["step"] in skips)} for step in ARCHITECTURE)
    figure = architecture.architecture(replace(contents.representations[1], architecture=steps))
    assert figure is not None
    assert ("passes its map" in figure.caption) == said


def test_nothing_of_one_signal_is_passed_on(contents: ReportContents, example: Example) -> None:
    some = changed(contents, representations=(of_strips(contents, {"II": 0.1}),), example=example)
    assert signals.several(some.representations[0]) is not None
    (shared,) = shareable(some, 5).representations
    assert (shared.signals, shared.example_mse, shared.reconstruction) == ((), {}, None)
    assert shared.architecture == some.representations[0].architecture
    assert signals.several(shared) is None
