"""Models of the user's own: the same numbers as PyTorch and NumPy give directly, and a clear error for each mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.linalg import subspace_angles
from scipy.signal import resample
from torch import Tensor, nn

from ecgwas import extras, represent
from ecgwas.errors import Caution, InputError, ToolError
from ecgwas.leads import ALL_LEADS, INDEPENDENT, INDEPENDENT_LEADS, LEADS
from ecgwas.represent.models.declared_input import DeclaredInput
from ecgwas.represent.models.onnx_weights import has_weights_elsewhere
from ecgwas.signals import MISSING, UNUSABLE, Signals, StackedArrays
from ecgwas.stages.represent import signals_without_features
from ecgwas.study import ResidualAutoencoder, TrainedEncoder
from ecgwas.tables import Features
from tests.factories import BEAT_SAMPLES, make_signals
from tests.represent.models.small import NUMBERS, Small, directly, export_onnx, export_pt2, options_for, small

PEOPLE = 30
BEAT = (8, BEAT_SAMPLES)


@pytest.fixture(scope="module")
def signals() -> Signals:
    torch.set_num_threads(1)
    return make_signals(PEOPLE, seed=4)


@pytest.fixture(scope="module")
def pt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_pt2(small(), tmp_path_factory.mktemp("model") / "small.pt2", BEAT)


@pytest.fixture(scope="module")
def beats_mv(signals: Signals) -> NDArray[np.float64]:
    return np.asarray(signals.beats, dtype=np.float64)[:, INDEPENDENT] * 1e-3


def contract_options(folder: Path) -> dict[str, object]:
    """What tests/represent/test_contract.py fits."""
    file = export_pt2(small(), folder / "small.pt2", BEAT)
    return options_for(file).model_dump(mode="json")


def values(features: Features) -> NDArray[np.float64]:
    return features.frame.select(pl.col(features.names).fill_null(float("nan"))).to_numpy()


def fitted(options: TrainedEncoder, signals: Signals) -> represent.Encoder:
    return represent.fit(options, signals, seed=1)


def encoded(options: TrainedEncoder, signals: Signals) -> NDArray[np.float64]:
    return values(fitted(options, signals).encode(signals))


def facts_of(options: TrainedEncoder, signals: Signals | None) -> list[str]:
    return list(represent.check(options, lambda: signals))


def mistake_of(action: Callable[[], object]) -> InputError:
    with pytest.raises(InputError) as caught:
        action()
    assert caught.value.fix
    return caught.value


def test_outputs_are_those_of_the_model_run_directly(signals: Signals, pt2: Path, beats_mv: NDArray[Any]) -> None:
    features = fitted(options_for(pt2), signals).encode(signals)
    assert features.frame["lead"].unique().to_list() == [ALL_LEADS]
    assert features.names == ["f01", "f02", "f03", "f04", "f05", "f06"]
    np.testing.assert_allclose(values(features), directly(small(), beats_mv), rtol=1e-5, atol=1e-6)


def test_onnx_gives_the_same_as_pytorch(signals: Signals, tmp_path: Path, beats_mv: NDArray[Any]) -> None:
    file = export_onnx(small(), tmp_path / "small.onnx", BEAT_SAMPLES)
    options = options_for(file, output="numbers")
    assert not options.uses_torch
    np.testing.assert_allclose(encoded(options, signals), directly(small(), beats_mv), rtol=1e-4, atol=1e-5)
    of_maps = encoded(options_for(file, output="maps", time_axis=2), signals)
    np.testing.assert_allclose(of_maps, directly(small(), beats_mv), rtol=1e-4, atol=1e-5)
    assert encoded(options, signals).tobytes() == encoded(options, signals).tobytes()


def test_onnx_model_of_a_fixed_number_of_recordings(signals: Signals, tmp_path: Path, beats_mv: NDArray[Any]) -> None:
    file = export_onnx(small(), tmp_path / "one.onnx", BEAT_SAMPLES, recordings=4)
    np.testing.assert_allclose(
        encoded(options_for(file, output="numbers"), signals), directly(small(), beats_mv), rtol=1e-4, atol=1e-5
    )


def test_program_of_a_fixed_number_of_recordings(signals: Signals, tmp_path: Path, beats_mv: NDArray[Any]) -> None:
    file = export_pt2(small(), tmp_path / "two.pt2", BEAT, any_number=False)
    odd_number = signals.select(np.arange(7))
    np.testing.assert_allclose(encoded(options_for(file), odd_number), directly(small(), beats_mv[:7]), rtol=1e-5, atol=1e-6)


def test_an_output_with_time_is_averaged_over_it(signals: Signals, tmp_path: Path, beats_mv: NDArray[Any]) -> None:
    file = export_pt2(small(pooled=False), tmp_path / "maps.pt2", BEAT)
    expected = directly(small(pooled=False), beats_mv).mean(axis=1)
    np.testing.assert_allclose(encoded(options_for(file, time_axis=1), signals), expected, rtol=1e-5, atol=1e-6)
    mistake = mistake_of(lambda: encoded(options_for(file, time_axis=2), signals))
    assert "gives 94 numbers" in mistake.problem
    assert "time_axis" in mistake.fix


class Two(nn.Module):
    """Two outputs by name."""

    def forward(self, recordings: Tensor) -> dict[str, Tensor]:
        return {"hidden": recordings.mean(dim=2), "peak": recordings.amax(dim=2)}


def test_a_named_output_is_used(signals: Signals, tmp_path: Path, beats_mv: NDArray[Any]) -> None:
    file = export_pt2(Two(), tmp_path / "two.pt2", BEAT)
    np.testing.assert_allclose(encoded(options_for(file, outputs=8, output="peak"), signals), beats_mv.max(axis=2), rtol=1e-5)
    mistake = mistake_of(lambda: encoded(options_for(file, outputs=8), signals))
    assert "2 outputs: hidden, peak" in mistake.problem
    assert "hidden, peak" in mistake_of(lambda: encoded(options_for(file, outputs=8, output="peaks"), signals)).fix


class Reading(nn.Module):
    """Gives what it is given, one number per lead and sample."""

    def forward(self, recordings: Tensor) -> Tensor:
        return recordings.flatten(1) * 1.0


def declared(signals: Signals, **given: object) -> NDArray[np.float32]:
    """What a model declared so is given of these signals."""
    options = options_for(Path("model.pt2"), **given)
    return DeclaredInput.of(options, signals).read(signals, np.arange(len(signals)))[0]


def test_leads_unit_and_layout_are_as_declared(signals: Signals) -> None:
    beats = np.asarray(signals.beats, dtype=np.float64)
    order = [LEADS.index("V2"), LEADS.index("aVF")]
    np.testing.assert_allclose(declared(signals, leads=["V2", "aVF"]), beats[:, order] * 1e-3, rtol=1e-6)
    turned = declared(signals, leads=["V2", "aVF"], unit="uV", layout="samples_leads")
    np.testing.assert_allclose(turned, beats[:, order].transpose(0, 2, 1), rtol=1e-6)
    flat = declared(signals, leads=["V2", "aVF"], unit="uV", layout="flat")
    np.testing.assert_allclose(flat, beats[:, order].reshape(PEOPLE, -1), rtol=1e-6)


def test_scalings(signals: Signals, beats_mv: NDArray[Any]) -> None:
    each = declared(signals, scaling="each_lead")
    np.testing.assert_allclose(each.mean(axis=2), 0, atol=1e-5)
    np.testing.assert_allclose(each.std(axis=2), 1, rtol=1e-4)
    whole = declared(signals, scaling="all_leads")
    expected = (beats_mv - beats_mv.mean(axis=(1, 2), keepdims=True)) / beats_mv.std(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(whole, expected, rtol=1e-4, atol=1e-5)
    fixed = declared(signals, mean=0.01, sd=0.2)
    np.testing.assert_allclose(fixed, (beats_mv - 0.01) / 0.2, rtol=1e-5, atol=1e-6)


def test_strips_are_resampled_as_by_fourier(signals: Signals) -> None:
    given = declared(signals, input="strip", rate_hz=240, unit="uV")
    strips = np.asarray(signals.strips, dtype=np.float64)[:, INDEPENDENT]
    expected = resample(strips, 2400, axis=2)
    assert given.shape == (PEOPLE, 8, 2400)
    inner = slice(100, -100)
    error = np.abs(given[..., inner] - expected[..., inner]).mean() / strips.std()
    assert error < 0.02, error


def test_a_long_recording_is_cut_into_strips_and_averaged(signals: Signals, tmp_path: Path) -> None:
    file = export_pt2(small(), tmp_path / "strip.pt2", (8, 1250))
    options = options_for(file, input="strip", seconds=2.5)
    strips = np.asarray(signals.strips, dtype=np.float64)[:, INDEPENDENT] * 1e-3
    parts = [directly(small(), strips[:, :, start : start + 1250]) for start in range(0, 5000, 1250)]
    np.testing.assert_allclose(encoded(options, signals), np.mean(parts, axis=0), rtol=1e-4, atol=1e-6)
    [fact] = facts_of(options, signals)
    assert "4 strips each of 8 leads and 1250 samples at 500 Hz, tried on 30" in fact


def test_principal_components_of_outputs_are_those_of_the_svd(signals: Signals, pt2: Path, beats_mv: NDArray[Any]) -> None:
    scores = encoded(options_for(pt2, criterion="variance", features=3), signals)
    outputs = directly(small(), beats_mv).astype(np.float64)
    units = (outputs - outputs.mean(axis=0)) / outputs.std(axis=0)
    u, s, _ = np.linalg.svd(units, full_matrices=False)
    np.testing.assert_allclose(np.abs(scores), np.abs(u[:, :3] * s[:3]), rtol=1e-3, atol=1e-3)


class Chosen(nn.Module):
    """Gives eight samples of lead I."""

    def forward(self, recordings: Tensor) -> Tensor:
        return recordings[:, 0, :80:10] * 1.0


def noisy_halves(signals: Signals) -> tuple[Signals, NDArray[np.float64]]:
    """Signals whose first four samples used by Chosen repeat between beats, and whose others, with more variance, do not."""
    rng = np.random.default_rng(8)
    heart, noise = rng.standard_normal((PEOPLE, 4)), 3 * rng.standard_normal((2, PEOPLE, 4))
    heart -= heart.mean(axis=0)
    halves = []
    for half in noise:
        beats = np.zeros((PEOPLE, 12, BEAT_SAMPLES), dtype=np.float32)
        beats[:, 0, 0:40:10], beats[:, 0, 40:80:10] = 1e3 * heart, 1e3 * half
        halves.append(beats)
    rows = [StackedArrays([beats]) for beats in ((halves[0] + halves[1]) / 2, *halves)]
    fiducials_ms = np.zeros((PEOPLE, 3, 7))
    return replace(signals, beats=rows[0], odd_beats=rows[1], even_beats=rows[2], fiducials_ms=fiducials_ms), heart


def test_repeatable_components_find_what_repeats_between_heartbeats(signals: Signals, tmp_path: Path) -> None:
    planted, heart = noisy_halves(signals)
    file = export_pt2(Chosen(), tmp_path / "chosen.pt2", BEAT)
    repeatable = encoded(options_for(file, outputs=8, criterion="repeatable", features=4), planted)
    angles = subspace_angles(repeatable - repeatable.mean(axis=0), heart)
    assert np.rad2deg(angles).max() < 15, angles
    by_variance = encoded(options_for(file, outputs=8, criterion="variance", features=4), planted)
    assert np.rad2deg(subspace_angles(by_variance - by_variance.mean(axis=0), heart)).max() > 45


def test_repeatable_components_of_strips_need_two_of_them(signals: Signals, tmp_path: Path) -> None:
    file = export_pt2(small(), tmp_path / "strip.pt2", (8, 2500))
    options = options_for(file, input="strip", seconds=5, criterion="repeatable", features=2)
    assert np.isfinite(encoded(options, signals)).all()
    whole = export_pt2(small(), tmp_path / "whole.pt2", (8, 5000))
    mistake = mistake_of(lambda: fitted(options_for(whole, input="strip", criterion="repeatable", features=2), signals))
    assert "only one fits" in mistake.problem


def test_too_few_directions_for_the_components(signals: Signals, pt2: Path) -> None:
    few = signals.select(np.arange(4))
    mistake = mistake_of(lambda: fitted(options_for(pt2, criterion="variance", features=5), few))
    assert "vary in 3 directions, fewer than 5" in mistake.problem
    assert "set features to 3" in mistake.fix


def test_without_a_lead_features_are_missing_and_others_unchanged(signals: Signals, pt2: Path) -> None:
    status = signals.lead_status.copy()
    status[3, LEADS.index("V2")], status[5, LEADS.index("V3")] = MISSING, UNUSABLE
    beats = np.asarray(signals.beats).copy()
    beats[3, LEADS.index("V2")] = np.nan
    faulty = replace(signals, lead_status=status, beats=StackedArrays([beats]))
    for criterion in ({}, {"criterion": "variance", "features": 2}):
        options = options_for(pt2, **criterion)
        features = fitted(options, faulty).encode(faulty)
        assert np.flatnonzero(np.isnan(values(features)).all(axis=1)).tolist() == [3, 5]
        excluded = signals_without_features(features, faulty, None, options.input_leads)
        assert excluded["reason"].to_list() == ["lead V2 missing", "lead V3 unusable"]
    others = np.delete(np.arange(PEOPLE), [3, 5])
    np.testing.assert_array_equal(encoded(options_for(pt2), faulty)[others], encoded(options_for(pt2), signals)[others])


def test_the_saved_encoder_holds_its_model(signals: Signals, tmp_path: Path) -> None:
    file = export_pt2(small(), tmp_path / "small.pt2", BEAT)
    options = options_for(file, criterion="repeatable", features=3)
    encoder = fitted(options, replace(signals, fiducials_ms=np.zeros((PEOPLE, 3, 7))))
    before = encoder.encode(signals)
    (tmp_path / "saved").mkdir()
    encoder.save(tmp_path / "saved")
    file.unlink()
    assert str(tmp_path) not in (tmp_path / "saved" / "encoder.json").read_text()
    again = represent.load(options, tmp_path / "saved")
    assert again.encode(signals).frame.equals(before.frame)
    assert again.decode(before) is None


# A network that ecgwas trained itself.


@pytest.fixture(scope="module")
def own_network(signals: Signals, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Features]:
    folder = tmp_path_factory.mktemp("trained")
    given = {"name": "ae", "leads": "together", "features": 4, "channels": [4, 4], "kernels": [5], "epochs": 1}
    encoder = represent.fit(ResidualAutoencoder.model_validate(given), signals, seed=2)
    encoder.save(folder)
    return folder / "encoder.safetensors", encoder.encode(signals)


def test_a_network_of_another_study_gives_its_features(signals: Signals, own_network: tuple[Path, Features]) -> None:
    file, expected = own_network
    options = options_for(file, outputs=4, unit="uV")
    assert options.input_files == (file, file.with_name("encoder.json"))
    np.testing.assert_allclose(encoded(options, signals), values(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"options": {"kind": "pca"}}, "describes kind pca"),
        ({"shape": [8]}, "not the description of a network"),
        ({"shape": [8, 480]}, "not weights and options of one network"),
    ],
)
def test_a_description_that_does_not_fit(
    signals: Signals, own_network: tuple[Path, Features], tmp_path: Path, change: dict[str, object], said: str
) -> None:
    file = tmp_path / "encoder.safetensors"
    file.write_bytes(own_network[0].read_bytes())
    about = json.loads(own_network[0].with_suffix(".json").read_text())
    file.with_suffix(".json").write_text(json.dumps(about | change))
    mistake = mistake_of(lambda: encoded(options_for(file, outputs=4, unit="uV"), signals))
    assert said in mistake.problem


def test_a_network_on_other_leads_or_input_is_refused(signals: Signals, own_network: tuple[Path, Features]) -> None:
    file = own_network[0]
    other = [*INDEPENDENT_LEADS[1:], INDEPENDENT_LEADS[0]]
    assert (
        "takes the leads I, II, V1"
        in mistake_of(lambda: encoded(options_for(file, outputs=4, unit="uV", leads=other), signals)).problem
    )
    assert (
        "takes input: beat"
        in mistake_of(lambda: encoded(options_for(file, outputs=4, unit="uV", input="strip"), signals)).problem
    )


# What `ecgwas check` says.


def test_check_says_what_the_model_was_given(signals: Signals, pt2: Path) -> None:
    assert facts_of(options_for(pt2), signals) == [
        "small.pt2: 6 outputs from beats of 8 leads and 475 samples at 500 Hz, tried on 30"
    ]
    [warning] = facts_of(options_for(pt2), None)
    assert isinstance(warning, Caution)
    unused, _ = facts_of(options_for(pt2, features=3), signals)
    assert isinstance(unused, Caution)
    assert "all 6 outputs are features" in unused


@pytest.mark.parametrize(
    ("given", "said", "cure"),
    [
        ({"leads": ["I", "II"]}, "takes 8 leads; the study gives it 2", "`leads`"),
        ({"rate_hz": 250}, "takes 475 samples; the study gives it 238", "read.beats"),
        ({"layout": "flat"}, "an input of 3 axes; `layout: flat` gives 2", "layout"),
        ({"layout": "samples_leads"}, "takes 8 samples; the study gives it 475", "other order"),
        ({"outputs": 7}, "gives 6 numbers", "outputs: 6"),
        ({"input": "strip", "seconds": 20}, "takes 20 s; a recording of this study has 10 s", "read.seconds"),
        ({"input": "strip"}, "takes 475 samples; the study gives it 5000", "seconds"),
    ],
)
def test_check_finds_a_wrong_declaration(signals: Signals, pt2: Path, given: dict[str, object], said: str, cure: str) -> None:
    mistake = mistake_of(lambda: facts_of(options_for(pt2, **given), signals))
    assert said in mistake.problem
    assert cure in mistake.fix


class Broken(nn.Module):
    """Gives NaN, a constant, or a constant beside a number."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, recordings: Tensor) -> Tensor:
        first = recordings.mean(dim=2)[:, :2]
        if self.kind == "nan":
            return torch.log(-first.square())
        return first * 0.0 if self.kind == "constant" else torch.stack([first[:, 0], first[:, 1] * 0.0], dim=1)


def test_check_finds_outputs_without_meaning(signals: Signals, tmp_path: Path) -> None:
    files = {kind: export_pt2(Broken(kind), tmp_path / f"{kind}.pt2", BEAT) for kind in ("nan", "constant", "half")}
    said = mistake_of(lambda: facts_of(options_for(files["nan"], outputs=2), signals)).problem
    assert "not finite for 30 of 30 recordings" in said
    said = mistake_of(lambda: facts_of(options_for(files["constant"], outputs=2), signals)).problem
    assert "same numbers for 30 different recordings" in said
    _, warning = facts_of(options_for(files["half"], outputs=2), signals)
    assert isinstance(warning, Caution)
    assert "1 of 2 outputs are the same" in warning


def test_check_finds_a_model_in_training_mode(signals: Signals, tmp_path: Path) -> None:
    training = small().train()
    file = export_pt2(training, tmp_path / "training.pt2", BEAT)
    mistake = mistake_of(lambda: facts_of(options_for(file), signals))
    assert "again on the same recording" in mistake.problem
    assert "model.eval()" in mistake.fix


def test_check_finds_a_model_whose_outputs_depend_on_the_batch(signals: Signals, tmp_path: Path) -> None:
    class Centred(nn.Module):
        def forward(self, recordings: Tensor) -> Tensor:
            means = recordings.abs().mean(dim=2)
            return means - means.mean(dim=0) + 1.0 + 0.1 * means

    file = export_pt2(Centred(), tmp_path / "centred.pt2", BEAT)
    assert "in the same batch" in mistake_of(lambda: facts_of(options_for(file, outputs=8), signals)).problem


def test_check_without_a_file_or_library(signals: Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such file" in mistake_of(lambda: facts_of(options_for(tmp_path / "none.pt2"), signals)).problem
    weights = tmp_path / "encoder.safetensors"
    weights.write_bytes(b"")
    assert "encoder.json" in mistake_of(lambda: facts_of(options_for(weights, unit="uV"), signals)).fix
    model = tmp_path / "model.onnx"
    model.write_bytes(b"no model")

    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(ToolError) as caught:
        facts_of(options_for(model), signals)
    assert caught.value.fix == "pip install 'ecgwas[onnx]', or leave it out of `represent`"


def test_a_file_that_is_no_onnx_model(signals: Signals, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install 'ecgwas[onnx]'")
    file = tmp_path / "model.onnx"
    file.write_bytes(b"this is no model")
    assert "no ONNX model" in mistake_of(lambda: facts_of(options_for(file), signals)).problem


def test_an_onnx_model_with_weights_in_another_file(signals: Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused also where the working directory holds a file of that name."""
    file = export_onnx(small(), tmp_path / "small.onnx", BEAT_SAMPLES)
    onnx = pytest.importorskip("onnx")
    apart = tmp_path / "apart.onnx"
    onnx.save_model(onnx.load(file), apart, save_as_external_data=True, location="weights.bin", size_threshold=0)
    monkeypatch.chdir(tmp_path)
    assert "external_data=False" in mistake_of(lambda: facts_of(options_for(apart, output="numbers"), signals)).fix


def inside(number: int, content: bytes) -> bytes:
    """A field of Protocol Buffers that holds fewer than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


@pytest.mark.parametrize(
    ("tensor", "expected"), [(b"\x70\x01", True), (b"\x6a\x02ab", True), (b"\x70\x00", False), (b"\x4a\x02\x70\x01", False)]
)
def test_weights_elsewhere_are_seen_in_the_bytes(tensor: bytes, expected: bool) -> None:
    """Of an initializer, of a constant, and of a graph within a node: TensorProto's data_location, external_data, raw_data."""
    constant = inside(1, inside(5, inside(5, tensor)))
    for graph in (inside(5, tensor), constant, inside(1, inside(5, inside(6, constant))), inside(15, inside(1, tensor))):
        model = b"\x08\x08" + inside(2, b"any") + inside(7, inside(2, b"g") + graph)
        assert has_weights_elsewhere(model) is expected
    with pytest.raises(ValueError, match="longer than the file"):
        has_weights_elsewhere(inside(7, b"1234")[:-1])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"file": "model.pth"}, "is a pickle"),
        ({"file": "model.h5"}, "does not end in .onnx, .pt2, .safetensors"),
        ({"leads": ["I", "I"]}, "named twice"),
        ({"leads": ["I", "X"]}, "Input should be"),
        ({"seconds": 10}, "seconds is the length of strips"),
        ({"criterion": "variance"}, "32 features cannot come from 6 outputs"),
        ({"criterion": "variance", "features": 7}, "7 features cannot come from 6 outputs"),
        ({"file": "encoder.safetensors"}, "unit: uV"),
    ],
)
def test_options_that_do_not_fit_together(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        options_for(**{"file": Path("model.pt2"), **given})


def test_the_plan_counts_its_features_and_work(pt2: Path) -> None:
    options = options_for(pt2, criterion="variance", features=3)
    assert represent.traits_of(options) == 3
    size = represent.work.CohortSize(people=100, encoded=100, beat_samples=475, strip_samples=5000)
    assert represent.work_of(options, size).units["network_trace"] == 200
    assert Small().convolution.kernel_size == (9,)
    assert represent.work_of(options, size).memory_bytes > pt2.stat().st_size
    assert represent.traits_of(options_for(pt2)) == NUMBERS
