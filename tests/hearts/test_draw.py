"""Hearts that are not the simulator's: truth, leads, rhythms, faults, the same arrays for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from benchmarks.hearts import KINDS, Drawn, draw, lead_fields
from benchmarks.hearts.beats import Shape
from benchmarks.hearts.electrodes import ELECTRODES, LEADS_OF_ELECTRODES, POTENTIALS
from benchmarks.hearts.model import DrawnHearts
from ecgwas.delineation.vectorcardiogram import INVERSE_DOWER
from ecgwas.ecg.beats import FRONTAL
from ecgwas.leads import DOWER, LEADS
from ecgwas.simulate import draw_hearts, simulate_signals
from ecgwas.simulate.waves import Waves

ONE, II, III, AVR, AVL, AVF, V1, V2 = range(8)
_drawn: dict[tuple[str, int, int], Drawn] = {}


def drawn(kind: str, people: int = 2, seed: int = 3) -> Drawn:
    """`draw`, once for each set of arguments."""
    if (kind, people, seed) not in _drawn:
        _drawn[kind, people, seed] = draw(kind, people, seed)
    return _drawn[kind, people, seed]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_leads_that_obey_einthoven_and_goldberger(kind: str) -> None:
    hearts, first, second = drawn(kind).hearts, drawn(kind).first, drawn(kind).second
    assert first.noisy_uv.shape == first.clean_uv.shape == (2, len(LEADS), 5000)
    assert hearts.truth.shape == (2, len(hearts.judged))
    assert np.isfinite(hearts.values).all()
    for signals, atol in ((first.clean_uv, 1e-2), (first.noisy_uv, 5.0)):  # aVR, aVL, aVF are rounded to 5 µV
        one, two, three, avr, avl, avf = (signals[:, k].astype(np.float64) for k in range(6))
        np.testing.assert_allclose(three, two - one, atol=1e-2)
        np.testing.assert_allclose(avr + avl + avf, 0, atol=3 * atol)
        np.testing.assert_allclose(avl, one - two / 2, atol=atol)
    assert (first.noisy_uv != second.noisy_uv).mean() > 0.5
    assert ((first.r_samples >= 0).sum(axis=1) >= 4).all()


@pytest.mark.parametrize("kind", ["torsos", "ecgsyn", "fibrillation", "ventricular_beats", "own"])
def test_the_same_seed_gives_the_same_arrays_and_another_seed_others(kind: str) -> None:
    again, other = draw(kind, 2, 3), draw(kind, 2, 4)
    for name in ("noisy_uv", "clean_uv", "r_samples", "ectopic", "fiducials_ms"):
        np.testing.assert_array_equal(getattr(again.second, name), getattr(drawn(kind).second, name))
    np.testing.assert_array_equal(again.hearts.values, drawn(kind).hearts.values)
    assert not (other.hearts.values == again.hearts.values).all()


def test_a_person_does_not_depend_on_the_number_of_people() -> None:
    np.testing.assert_array_equal(draw("torsos", 1, 3).first.noisy_uv[0], drawn("torsos").first.noisy_uv[0])


def test_own_hearts_are_those_of_the_simulator() -> None:
    hearts = draw_hearts(2, np.random.default_rng(3))
    np.testing.assert_array_equal(drawn("own").hearts.values, hearts.values)
    np.testing.assert_array_equal(drawn("own").first.noisy_uv, simulate_signals(hearts, np.random.default_rng(4)).noisy_uv)


def test_no_other_kind_and_no_unknown_parameter() -> None:
    with pytest.raises(ValueError, match="no such kind: dog"):
        draw("dog", 1, 1)
    with pytest.raises(ValueError, match="no such parameter: b"):
        DrawnHearts("own", ("a",), np.zeros((1, 1)), np.zeros((1, 8, 3)), ("b",))


def test_kors_and_dowers_matrices_agree_with_other_copies_and_each_other() -> None:
    np.testing.assert_array_equal(lead_fields.KORS[:2], FRONTAL)
    np.testing.assert_allclose(lead_fields.KORS @ lead_fields.FIELDS["kors"], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.linalg.pinv(DOWER), INVERSE_DOWER, atol=2e-3)
    kors, dower = lead_fields.FIELDS["kors"], DOWER
    cosine = (kors * dower).sum(axis=1) / np.linalg.norm(kors, axis=1) / np.linalg.norm(dower, axis=1)
    assert cosine.min() > 0.5
    assert np.median(cosine) > 0.85


def test_torsos_differ_by_the_share_asked_for() -> None:
    vectors = lead_fields.lead_vectors("kors", 4000, np.random.default_rng(1), spread=0.25)
    mean = lead_fields.FIELDS["kors"]
    departure = np.sqrt(np.square(vectors - mean).sum(axis=2).mean(axis=0)) / np.linalg.norm(mean, axis=1)
    np.testing.assert_allclose(departure, 0.25, rtol=0.05)
    high = lead_fields.with_high_v1_v2(vectors)
    np.testing.assert_array_equal(np.delete(high, [2, 3], axis=1), np.delete(vectors, [2, 3], axis=1))
    np.testing.assert_allclose(np.linalg.norm(high[:, 2], axis=1), 0.9 * np.linalg.norm(vectors[:, 2], axis=1))
    assert (high[:, 2, 1] < vectors[:, 2, 1]).mean() > 0.99  # further up


def test_leads_of_electrodes_do_not_depend_on_the_reference() -> None:
    np.testing.assert_allclose(LEADS_OF_ELECTRODES @ POTENTIALS, np.eye(8), atol=1e-12)
    np.testing.assert_allclose(LEADS_OF_ELECTRODES @ np.ones(len(ELECTRODES)), 0, atol=1e-12)


def test_swapped_arms_invert_lead_i_and_exchange_others() -> None:
    plain, swapped = drawn("plain").first.clean_uv, drawn("swapped_arms").first.clean_uv
    np.testing.assert_allclose(swapped[:, ONE], -plain[:, ONE], atol=1e-2)
    np.testing.assert_allclose(swapped[:, II], plain[:, III], atol=1e-2)
    np.testing.assert_allclose(swapped[:, AVR], plain[:, AVL], atol=1e-2)
    np.testing.assert_allclose(swapped[:, [AVF, V1, V2]], plain[:, [AVF, V1, V2]], atol=1e-2)


def test_swapped_chest_electrodes_exchange_two_leads() -> None:
    plain, swapped = drawn("plain").first.clean_uv, drawn("swapped_v1_v2").first.clean_uv
    np.testing.assert_array_equal(swapped[:, [V2, V1]], plain[:, [V1, V2]])
    np.testing.assert_array_equal(np.delete(swapped, [V1, V2], axis=1), np.delete(plain, [V1, V2], axis=1))


@pytest.mark.parametrize(("kind", "hz"), [("mains_50", 50.0), ("mains_60", 60.0)])
def test_mains_have_their_frequency(kind: str, hz: float) -> None:
    noise = (drawn(kind).first.noisy_uv - drawn(kind).first.clean_uv)[0, V1]
    frequencies, power = welch(noise, fs=500, nperseg=1000)
    above = frequencies > 5
    assert frequencies[above][power[above].argmax()] == hz


def test_noise_reaches_the_leads_of_its_electrode() -> None:
    def sharp_uv(kind: str) -> np.ndarray:
        """(12,) SD of differences of neighbouring samples of the noise: of high frequencies."""
        noise = (drawn(kind).first.noisy_uv - drawn(kind).first.clean_uv)[0].astype(np.float64)
        return np.diff(noise, axis=1).std(axis=1)

    plain = sharp_uv("plain")
    in_v2, in_arm = sharp_uv("noise_v2") / plain, sharp_uv("noise_left_arm") / plain
    assert in_v2[V2] > 4
    assert np.delete(in_v2, V2).max() < 1.5
    assert in_arm[[ONE, III, AVL]].min() > 3
    assert in_arm[II] < 1.5
    assert 1.2 < in_arm[V1] < in_arm[ONE]


def test_true_points_follow_from_the_parameters() -> None:
    hearts, first = drawn("plain").hearts, drawn("plain").first
    for i, heart in enumerate(hearts.person(k) for k in range(2)):
        known = first.r_samples[i] >= 0
        p_on, _, p_off, qrs_on, qrs_off, _, t_off = first.fiducials_ms[i, known].T
        np.testing.assert_allclose(qrs_on - p_on, heart["pr_ms"])
        np.testing.assert_allclose(p_off - p_on, heart["p_ms"])
        np.testing.assert_allclose(qrs_off - qrs_on, heart["qrs_ms"])
        assert np.median(t_off - qrs_on) == pytest.approx(heart["qt_ms"], abs=8)
        at_r = (first.r_samples[i, known] * 2 - qrs_on) / heart["qrs_ms"]
        np.testing.assert_allclose(at_r, heart["r_time"], atol=1.01 / heart["qrs_ms"])


@pytest.mark.parametrize("kind", ["plain", "right_block", "left_block", "notched", "late_r", "pre_excited", "rate_150"])
def test_the_signal_is_fast_within_the_true_qrs_and_slow_around_it(kind: str) -> None:
    first = drawn(kind).first
    eight = np.delete(first.clean_uv[0].astype(np.float64), [2, 3, 4, 5], axis=0)
    speed = np.linalg.norm(np.diff(eight, axis=1), axis=0) * 0.5  # µV per ms
    for qrs_on, qrs_off in first.fiducials_ms[0, :, 3:5]:
        start, stop = round(qrs_on / 2), round(qrs_off / 2)
        if start < 10 or stop > 4980:
            continue
        inside = speed[start:stop]
        assert inside[:8].max() > 2 * speed[start - 10 : start - 3].max()
        assert inside.max() > 5 * speed[stop + 8 : stop + 12].max()


def test_kinds_show_what_they_are_called_for() -> None:
    for kind in ("fibrillation", "flutter", "paced"):
        assert np.isnan(drawn(kind).first.fiducials_ms[..., :3]).all()
        assert not {"pr_ms", "p_uv"} & set(drawn(kind).hearts.judged)
    for kind in ("right_block", "left_block", "paced"):
        assert (drawn(kind).hearts["qrs_ms"] >= 120).all()
    assert (drawn("pre_excited").hearts["pr_ms"] < 120).all()
    assert (drawn("low_t", 8).hearts["t_uv"] < 120).all()
    assert (drawn("asymmetric_t").hearts["t_skew"] > 0.44).all()


@pytest.mark.parametrize("bpm", [30, 100, 220])
def test_rates_are_kept_and_qt_fits_into_rr(bpm: int) -> None:
    hearts, first = drawn(f"rate_{bpm}").hearts, drawn(f"rate_{bpm}").first
    for i in range(2):
        peaks = first.r_samples[i][first.r_samples[i] >= 0]
        assert np.diff(peaks).mean() * 2 == pytest.approx(60_000 / bpm, rel=0.05)
    assert (hearts["qt_ms"] < 60_000 / bpm).all()


def test_fibrillation_is_irregular_and_flutter_is_not() -> None:
    irregular, regular = drawn("fibrillation", 4).first.r_samples, drawn("flutter", 4).first.r_samples
    for i in range(4):
        rr = [np.diff(peaks[i][peaks[i] >= 0]) * 2.0 for peaks in (irregular, regular)]
        assert rr[0].std() / rr[0].mean() > 0.08
        assert rr[1].std() < 2.5  # of rounding to samples
        ratio = drawn("flutter", 4).hearts["av_ratio"][i]
        assert rr[1].mean() == pytest.approx(60_000 * ratio / drawn("flutter", 4).hearts["flutter_bpm"][i], abs=2)
    hertz = drawn("fibrillation", 4).hearts["f_hz"]
    assert ((hertz >= 4) & (hertz <= 9)).all()


def test_ventricular_beats_pause_and_atrial_beats_reset() -> None:
    for kind, has_p in (("ventricular_beats", False), ("atrial_beats", True)):
        first = drawn(kind).first
        for i in range(2):
            known = first.r_samples[i] >= 0
            ectopic = first.ectopic[i, known]
            assert ectopic.any()
            assert not (ectopic[1:] & ectopic[:-1]).any()
            onsets = first.fiducials_ms[i, known, 3]
            k = int(np.flatnonzero(ectopic)[0])
            assert np.isfinite(first.fiducials_ms[i, k, 0]) == has_p
            usual = 60_000 / drawn(kind).hearts["hr_bpm"][i]
            assert onsets[k] - onsets[k - 1] < 0.85 * usual
            pause = onsets[k + 1] - onsets[k]
            assert (pause > 1.15 * usual) == (not has_p)


def test_a_paced_beat_begins_with_a_spike() -> None:
    first = drawn("paced").first
    steps = np.abs(np.diff(first.clean_uv[0, II].astype(np.float64)))
    onsets = first.fiducials_ms[0, :, 3]
    for onset in onsets[(onsets > 50) & (onsets < 9900)]:
        spike = round(onset / 2 - 1)
        assert steps[spike - 3 : spike + 4].max() > 300
        assert steps[spike + 5 : spike + 100].max() < 100


def test_sech_waves_are_as_wide_and_turning_dipoles_as_long_at_the_peak() -> None:
    waves = Waves(np.array([0.1]), np.array([0.02]), np.array([0.02]), np.array([[3.0, 4.0, 0.0]]), 0.1)
    half = 0.1 + 0.02 * np.sqrt(2 * np.log(2))
    times = np.array([0.1, half, 0.18])
    plain, sech, turning = (
        shape.dipole(waves, times) for shape in (Shape(), Shape(sech=True), Shape(turn_deg=30, plane_deg=70))
    )
    np.testing.assert_allclose(np.linalg.norm(plain[:2], axis=1), [5, 2.5])
    np.testing.assert_allclose(sech[:2], plain[:2])
    assert np.linalg.norm(sech[2]) > 10 * np.linalg.norm(plain[2])
    np.testing.assert_allclose(np.linalg.norm(turning, axis=1), np.linalg.norm(plain, axis=1))
    cosine = turning[1] @ plain[1] / 2.5**2
    assert np.rad2deg(np.arccos(cosine)) == pytest.approx(30 * np.tanh(np.sqrt(2 * np.log(2))))
