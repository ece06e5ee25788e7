"""The source study's pictures of reconstruction, on a small cohort through a small network on whole recordings."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

from ecgwas import stages
from ecgwas.commands import audit
from ecgwas.leads import LEADS
from ecgwas.report import Page, render, shareable
from ecgwas.stages import read, report
from ecgwas.study import Study
from tests.cohorts import make_cohort

AE = """represent:
  - {kind: residual_autoencoder, name: ae, input: strip, channels: [4, 4], kernels: [7], features: 3, epochs: 1, max_mse: 0.9}

traits:"""
CLEANING = (
    "  baseline: {kind: moving_average, window_s: 0.5}\n  denoise: {kind: wavelet, wavelet: db4, levels: 4, mode: soft}\n"
)
PEOPLE = 50


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    path = make_cohort(tmp_path_factory.mktemp("cohort"), people=PEOPLE, variants=60, permutations=0, read=False)
    text = re.sub(r"represent:.*?\ntraits:", AE, path.read_text(), flags=re.DOTALL)
    text = re.sub(r"threshold: permutation", "threshold: 1.0e-3", text).replace("\nread:\n", f"\nread:\n{CLEANING}")
    path.write_text(text.replace("\nreport:\n", "\nreport:\n  max_loci: 2\n"))
    study = Study.read_file(path)
    stages.run(study)
    return study


@pytest.fixture(scope="module")
def page(finished: Study) -> Page:
    return render(finished.report, report.gather(finished))


def table(study: Study, name: str) -> pl.DataFrame:
    return pl.read_csv(study.results / "represent" / "ae" / name, schema_overrides={"eid": pl.String})


def numbers(page: Page, name: str) -> pl.DataFrame:
    return pl.read_csv(page.figures[name].csv.encode())


def test_every_signal_is_listed_once_with_its_file_smallest_error_first(finished: Study) -> None:
    kept, left_out = table(finished, "kept.csv"), table(finished, "left_out.csv")
    features = pl.read_parquet(finished.results / "represent" / "ae" / "features.parquet")
    assert kept.height + left_out.height == features.height
    for some in (kept, left_out):
        assert some.height > 0
        assert some["mse"].to_list() == sorted(some["mse"])
        assert some.columns == ["mse", "eid", "lead", "file", "reason"]
    assert kept["mse"].max() <= 0.9 < left_out.filter(pl.col("reason").str.contains("beyond"))["mse"].min()
    with_features = features.drop_nulls("f01").select("eid", "lead")
    assert set(kept.select("eid", "lead").rows()) == set(with_features.rows())
    known = pl.read_parquet(finished.results / "read" / "recordings.parquet").filter(status="kept")
    assert set(kept["file"]) <= set(known["path"])


def test_the_four_steps_of_a_signal(finished: Study, page: Page) -> None:
    drawn = numbers(page, "steps")
    assert drawn.columns == [
        "lead", "time_s", "as_recorded_uv", "baseline_removed_uv", "denoised_uv", "reconstructed_by_ae_uv"
    ]  # fmt: skip
    (lead,) = drawn["lead"].unique()
    clean = np.asarray(read.load_signals(finished).strips[0])[LEADS.index(lead)]
    raw = read.load_raw_example(finished)[LEADS.index(lead)]
    step = len(clean) // drawn.height
    assert drawn["denoised_uv"].to_numpy() == pytest.approx(clean[::step], abs=0.01)
    assert drawn["as_recorded_uv"].to_numpy() == pytest.approx(raw[::step], abs=0.01)
    window = np.lib.stride_tricks.sliding_window_view(np.pad(raw.astype(float), (125, 124), mode="symmetric"), 250)
    assert drawn["baseline_removed_uv"].to_numpy() == pytest.approx((raw - window.mean(axis=1))[::step], abs=0.1)
    assert "MSE" in page.figures["steps"].svg


def test_several_signals_with_the_error_of_the_table(finished: Study, page: Page) -> None:
    drawn = numbers(page, "signals_ae")
    about = drawn.group_by("signal", maintain_order=True).agg(pl.col("lead").first(), pl.col("mse").first())
    kept, left_out = table(finished, "kept.csv"), table(finished, "left_out.csv")
    errors = about["mse"].to_list()
    assert errors[0] == pytest.approx(kept["mse"].min(), rel=1e-4)
    assert errors[-2] == pytest.approx(kept["mse"].max(), rel=1e-4)
    assert any(errors[-1] == pytest.approx(mse, rel=1e-4) for mse in left_out["mse"])
    assert errors == sorted(errors)
    assert "excluded, above 0.9" in page.figures["signals_ae"].svg


def test_the_limit_is_in_the_distribution_of_the_error(finished: Study, page: Page) -> None:
    figure = page.figures["error_ae"]
    left_out, kept = table(finished, "left_out.csv"), table(finished, "kept.csv")
    beyond = left_out.filter(pl.col("mse") > 0.9).height
    assert "limit 0.9" in figure.svg
    assert f"{beyond:,} ({beyond / (left_out.height + kept.height):.1%}) above the limit of 0.9" in figure.caption
    assert numbers(page, "error_ae")["count"].sum() == left_out.height + kept.height
    assert f"{beyond:,} signals (one lead of one recording each) are excluded" in page.html
    assert f"{kept.height:,} are kept" in page.html


def test_features_of_whole_recordings_have_a_meaning(finished: Study, page: Page) -> None:
    drawn = numbers(page, "meaning_ae_f01")
    assert drawn.columns == ["lead", "time_s", "below_uv", "mean_uv", "above_uv"]
    signals = table(finished, "kept.csv").group_by("lead").len().filter(pl.col("len") > 1)["lead"].to_list()
    assert drawn["lead"].unique(maintain_order=True).to_list() == [lead for lead in LEADS if lead in signals]
    assert drawn["time_s"].max() == pytest.approx(2.5, abs=0.02)
    assert [name for name in page.figures if name.startswith("meaning_")] == [f"meaning_ae_f0{k}" for k in (1, 2, 3)]


def test_the_architecture_is_drawn_with_its_dimensions(page: Page) -> None:
    drawn = numbers(page, "architecture_ae")
    assert drawn["shape"].to_list() == [
        "1 x 5000", "4 x 2500", "4 x 1250", "3", "4 x 1250", "4 x 2500", "4 x 5000", "1 x 5000"
    ]  # fmt: skip
    assert all(words in page.figures["architecture_ae"].svg for words in ("4 × 2,500", "dense 5,000", "conv 7, stride 2"))


def test_nobody_is_named_and_no_recording_is_passed_on(finished: Study, page: Page) -> None:
    eids = set(read.load_signals(finished).eids)
    texts = [page.html, *(text for figure in page.figures.values() for text in (figure.svg, figure.csv, figure.caption))]
    assert not any(eid in text for eid in eids for text in texts)
    stages.run_part(finished, "share", "all")
    shared = {path.stem for path in (finished.results / "share" / "figures").iterdir()}
    assert not shared & {"steps", "strip", "signals_ae", "error_ae", "reconstruction"}
    assert {"architecture_ae", "meaning_ae_f01"} <= shared
    assert audit.audit(finished.results / "share").mistakes == ()
    assert shareable(report.gather(finished, min_people=5), 5).representations[0].signals == ()
