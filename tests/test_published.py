"""The page of the source study is made by its command, leaves no item out, and its checks see what they should."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs import make_published, published_code, published_results
from docs.published_code import Code, Found
from torch import nn

from ecgwas.represent.neural.channels_last import BatchNorm
from ecgwas.study import Study
from tests.conftest import ROOT


def numbers(text: str) -> set[int]:
    """`28-30, 32` as 28, 29, 30, 32."""
    found: set[int] = set()
    for part in re.findall(r"(\d+)(?:-(\d+))?", text):
        found |= set(range(int(part[0]), int(part[1] or part[0]) + 1))
    return found


def test_the_page_is_made_by_its_command() -> None:
    made = make_published.published_page()
    assert (ROOT / "docs" / "published.md").read_text() == made, "run python -m docs.make_published"
    for line in made.splitlines():
        if "| differs" in line:
            assert re.search(r"\| differs: \S", line), f"a difference without its reason: {line}"
            assert make_published.UNEXPLAINED not in line, f"a difference that no item explains: {line}"


def test_no_item_of_the_study_is_left_out() -> None:
    there = {number for section in make_published.SECTIONS.values() for item in section for number in numbers(item.number)}
    assert set(range(1, 123)) - there == set()
    keys = [f"{item.number} {item.what}" for section in make_published.SECTIONS.values() for item in section]
    assert len(keys) == len(set(keys))


def changed(**sections: object) -> Code:
    """What the checks would see of a preset with other values."""
    seen = Code()
    study = seen.study
    for name, update in sections.items():
        if name == "ae":
            network = seen.options.model_copy(update=update)
            study = study.model_copy(update={"represent": (network,)})
        else:
            study = study.model_copy(update={name: getattr(study, name).model_copy(update=update)})
    other = Code()
    other.__dict__["study"] = study
    return other


@pytest.mark.parametrize(
    ("check", "before", "after"),
    [
        (published_code.dropouts("decoder"), {}, {"dropout": 0.1}),
        (published_code.penalised, {}, {"l2": 1e-3}),
        (published_code.encoder_blocks, {}, {"kernels": (5, 5, 5)}),
        (published_code.encoder_blocks, {}, {"channels": (16, 64, 128)}),
        (published_code.residual, {}, {"skip": "encoder_and_decoder"}),
        (published_code.residual, {}, {"skip": "none"}),
        (published_code.dense, {}, {"features": 16}),
        (published_code.upsampling, {}, {"channels": (32, 64, 100)}),
        (published_code.layers(nn.LeakyReLU, 6, 3), {}, {"activation": "tanh"}),
        (published_code.layers(BatchNorm, 6, 3), {}, {"block": "conv_pool"}),
        (published_code.validation_loss, {}, {"stop_by": "error"}),
        (published_code.stopping, {}, {"patience": 9}),
        (published_code.halving, {}, {"halve_after": 6}),
        (published_code.split, {}, {"test_share": 0.2}),
        (published_code.options({"ae.max_mse": 0.4}), {}, {"max_mse": None}),
    ],
)
def test_a_check_of_the_network_sees_a_difference(
    check: published_code.Check, before: dict[str, object], after: dict[str, object]
) -> None:
    assert check(changed(ae=before)).holds is True
    assert check(changed(ae=after)).holds is False


def test_checks_of_signals_see_a_difference() -> None:
    from ecgwas.study import MovingAverage, Wavelet

    for check, update in (
        (published_code.baseline, {"baseline": MovingAverage(window_s=0.6)}),
        (published_code.wavelet, {"denoise": Wavelet(mode="hard")}),
        (published_code.wavelet, {"denoise": Wavelet(levels=5)}),
        (published_code.file_names, {"pattern": r"(?P<eid>\d+)_20205_(?P<instance>\d)_0.xml"}),
    ):
        assert check(Code()).holds is True
        assert check(changed(read=update)).holds is False, check


def test_checks_of_the_study_file_see_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    assert published_code.ten_components(Code()).holds is True
    assert published_code.ten_components(changed(traits={"max_components": None})).holds is False
    assert published_code.leaving_lines(Code()).holds is True
    monkeypatch.setitem(published_code.LEAVING, "loci", "{threshold: published}")
    assert published_code.leaving_lines(Code()).holds is False


def test_a_first_file_that_the_preset_contradicts_is_seen() -> None:
    code = Code()
    assert published_code.init_preset(code).holds is True
    path = code.folder / "study.yaml"
    path.write_text(path.read_text() + "share: {min_people: 5}\n")
    path.write_text(path.read_text().replace("traits:\n", "traits:\n  min_people: 7\n"))
    del code.__dict__["started"]
    found = published_code.init_preset(code)
    assert (found.holds, "warns of 1 of its lines" in found.value) == (False, True)


def test_an_option_or_a_table_that_is_not_there_differs() -> None:
    assert published_code.options({"read.nothing": 1})(Code()) == Found(
        "`read.nothing: no such option`", False, "options of the preset, parsed"
    )
    assert published_code.columns("Nothing", "eid")(Code()).holds is False
    assert published_code.columns("Features", "eid", "colour")(Code()).value == "columns eid; not colour"


def test_checks_of_results_look_at_the_files(tmp_path: Path) -> None:
    """A run without lead and feature in hits.csv, with an MSE rule that was not kept."""
    import polars as pl

    study_file = tmp_path / "study.yaml"
    study_file.write_text(published_code.LIKE_STUDY)
    run = published_results.Run(Study.read_file(study_file))
    run.folder.mkdir(parents=True)
    (run.results / "loci").mkdir()
    (run.results / "loci" / "hits.csv").write_text("trait,chrom,pos\nae.V1.f01,1,5\n")
    assert published_results.hits(run).holds is False
    frame = pl.DataFrame({"eid": ["1", "1", "2"], "lead": ["I", "II", "I"], "f01": [1.0, None, None], "mse": [0.3, 0.5, None]})
    frame.write_parquet(run.folder / "features.parquet")
    assert published_results.limit(run).holds is True
    assert published_results.share(run).value.startswith("50.0% of 2 signals above 0.4; 1 at or below; best MSE 0.3000")
    del run.__dict__["features"]
    frame.with_columns(f01=pl.lit(1.0)).write_parquet(run.folder / "features.parquet")
    assert published_results.limit(run).holds is False
    assert published_results.pictures("steps")(run).holds is False


@pytest.mark.parametrize(("genes_along", "holds"), [("x", True), ("y", False)])
def test_the_heatmap_is_read_off_its_picture(genes_along: str, holds: bool) -> None:
    """Labels of leads stand one below the other where genes are along X."""

    def label(text: str, along: int) -> str:
        x, y = (20, along) if (text in ("V1", "II")) == (genes_along == "x") else (along, 20)
        return f'<text x="{x}" y="{y}">{text}</text>'

    svg = "".join(label(text, 10 * (n + 3)) for n, text in enumerate(("TTN", "LPA", "V1", "II")))
    assert published_results._is_along_x(svg, ["TTN", "LPA"], ["V1", "II"]) is holds
