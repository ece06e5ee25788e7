"""Aligned beats: waves coincide, the way back leads to the beat, and time shifts stand in the time channel alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from ecgwas import represent
from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.leads import INDEPENDENT
from ecgwas.represent.alignment import UV_PER_MS, Alignment, fiducials_with_r
from ecgwas.represent.inputs import Scaler, Traces
from ecgwas.signals import Signals
from ecgwas.study import Pca, Vae
from tests.factories import make_delineated, make_hearts, with_beats

PEOPLE = 60


@pytest.fixture(scope="module")
def signals() -> Signals:
    return make_delineated(PEOPLE, seed=3)


@pytest.fixture(scope="module")
def alignment(signals: Signals) -> Alignment:
    return Alignment.fit(signals)


def test_moments_are_common_after_alignment(signals: Signals, alignment: Alignment) -> None:
    aligned = alignment.aligned_beats(signals)[:]
    assert aligned.shape == (PEOPLE, 9, 475)
    again = fiducials_with_r(with_fiducials(with_beats(signals, _as_twelve(aligned[:, :8]))))
    before, after = np.nanstd(fiducials_with_r(signals), axis=0), np.nanstd(again, axis=0)
    late = [0, 1, 2, 6, 7]  # P's and T's moments, which differ most between people
    assert (after[late] < 0.5 * before[late]).all()


def _as_twelve(eight: np.ndarray) -> np.ndarray:
    twelve = np.zeros((len(eight), 12, eight.shape[2]), dtype=np.float32)
    twelve[:, INDEPENDENT] = eight
    return twelve


def test_there_and_back_is_the_beat(signals: Signals, alignment: Alignment) -> None:
    aligned = alignment.aligned_beats(signals)[:]
    back = alignment.unalign(aligned)
    beats = np.asarray(signals.beats)[:, INDEPENDENT]
    inside = slice(20, 440)  # what lies beyond the window cannot come back
    assert np.abs(back - beats)[:, :, inside].mean() < 2.0
    assert np.corrcoef(back[:, :, inside].ravel(), beats[:, :, inside].ravel())[0, 1] > 0.9995


def test_time_channel_is_ms_late_times_ten(signals: Signals, alignment: Alignment) -> None:
    aligned = alignment.aligned_beats(signals)[:]
    t_end = int(np.searchsorted(alignment.beat_times_ms, alignment.fiducials_ms[7]))
    late = fiducials_with_r(signals)[:, 7] - alignment.fiducials_ms[7]
    np.testing.assert_allclose(aligned[:, 8, t_end] / UV_PER_MS, late, atol=1.5)


def test_a_person_without_p_is_aligned_by_the_rest(alignment: Alignment) -> None:
    moments = alignment.fiducials_ms + np.array([0, 0, 0, 6.0, 0, 0, 30.0, 30.0])
    moments[:3] = np.nan
    own = alignment.own_times(moments)
    assert np.isfinite(own).all()
    assert (np.diff(own) > 0).all()
    before = alignment.beat_times_ms < alignment.fiducials_ms[0]
    np.testing.assert_allclose(own[before] - alignment.beat_times_ms[before], 6.0, atol=1e-9)


@pytest.mark.parametrize("kind", ["pca", "vae"])
def test_encoders_align_decode_and_load(signals: Signals, tmp_path: Path, kind: str) -> None:
    options = (
        Pca(name="p", features=12, align="waves")
        if kind == "pca"
        else Vae(name="v", features=12, align="waves", channels=(4, 8), epochs=2)
    )
    encoder = represent.fit(options, signals, seed=1)
    features = encoder.encode(signals)
    decoded = encoder.decode(features)
    assert decoded is not None
    beats = np.asarray(signals.beats)
    assert decoded.shape == beats.shape
    assert np.corrcoef(decoded.ravel(), beats.ravel())[0, 1] > 0.95
    np.testing.assert_allclose(decoded[:, 2], decoded[:, 1] - decoded[:, 0], atol=1e-2)
    encoder.save(tmp_path)
    again = represent.load(options, tmp_path)
    assert again.encode(signals).frame.equals(features.frame)
    np.testing.assert_allclose(again.decode(features), decoded, atol=1e-3)


def test_features_of_aligned_beats_carry_qt(signals: Signals) -> None:
    """How much of QT the features explain, beside features of beats as they are."""
    qt = make_hearts(PEOPLE, 3)["qt_ms"]
    explained = []
    for align in ("none", "waves"):
        options = Pca.model_validate({"name": "p", "features": 8, "align": align})
        features = represent.fit(options, signals, seed=1).encode(signals)
        design = np.column_stack([np.ones(PEOPLE), features.frame.select(features.names).to_numpy()])
        rest = qt - design @ np.linalg.lstsq(design, qt, rcond=None)[0]
        explained.append(1 - rest.var() / qt.var())
    assert explained[1] > explained[0]
    assert explained[1] > 0.9


def test_the_time_channel_weighs_twice(signals: Signals, alignment: Alignment) -> None:
    traces = Traces.of(signals, "beat", "together", alignment)
    everyone = np.arange(len(traces))
    scaler = Scaler.fit("point", traces, everyone, floor_uv=1.0)
    units = scaler.apply(traces.read(everyone), traces.lead_index(everyone))
    spread = units.std(axis=0)
    np.testing.assert_allclose(spread[:8].mean(), 1.0, atol=0.02)
    assert np.median(spread[8]) == pytest.approx(2.0, abs=0.05)


def test_only_beats_of_all_leads_are_aligned() -> None:
    with pytest.raises(ValidationError, match="align: waves needs input: beat and leads: together"):
        Pca(name="p", align="waves", leads="each")
    with pytest.raises(ValidationError, match="align: waves needs"):
        Pca(name="p", align="waves", input="strip")
