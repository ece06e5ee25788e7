"""Noise and artefacts in one or two leads: the same beats are found, and the leads are named."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from ecgwas.delineation.single_beats import fiducials_of_median
from ecgwas.ecg import Source, read_recordings
from ecgwas.ecg.beats import BeatSearch, find_beats
from ecgwas.ecg.clean import highpass
from ecgwas.ecg.lead_noise import noise_before_beats
from ecgwas.ecg.lead_status import LeadStatus
from ecgwas.leads import ALL_LEADS, INDEPENDENT, INDEPENDENT_LEADS, LEADS, predict_unreliable_leads
from ecgwas.progress import silent
from ecgwas.signals import GOOD, UNUSABLE
from ecgwas.simulate import simulate_signals
from ecgwas.study import BeatOptions, ReadOptions
from tests.ecg.wfdb_files import read_signals
from tests.factories import make_hearts

RATE = 500.0
OPTIONS = BeatOptions()
TIMES_MS = (np.arange(475) - 175) * 2.0
Floats = NDArray[np.float64]


def white(rng: np.random.Generator, sd: float) -> Floats:
    return sd * rng.standard_normal(5000)


def band(rng: np.random.Generator, sd: float, low: float, high: float) -> Floats:
    made = sosfiltfilt(butter(2, (low, high), "bandpass", fs=RATE, output="sos"), rng.standard_normal(5000))
    return sd * made / made.std()


def muscle_bursts(rng: np.random.Generator, sd: float) -> Floats:
    shown = np.zeros(5000)
    for start in rng.integers(0, 4300, 3):
        shown[start : start + rng.integers(300, 700)] = 1.0
    return shown * band(rng, sd, 20, 150)


def motion(rng: np.random.Generator, sd: float) -> Floats:
    return band(rng, sd, 0.7, 6)


def hum(rng: np.random.Generator, sd: float) -> Floats:
    mains = rng.choice([50, 60])
    return sd * np.sqrt(2) * np.sin(2 * np.pi * mains * np.arange(5000) / RATE + rng.uniform(0, 6))


def steps(rng: np.random.Generator, sd: float) -> Floats:
    made = np.zeros(5000)
    for start in rng.integers(0, 5000, 3):
        made[start:] += rng.choice([-1, 1]) * 4 * sd
    return made


def contact(rng: np.random.Generator, sd: float) -> Floats:
    made = np.zeros(5000)
    for start in rng.integers(0, 4900, 3):
        made[start:] += rng.choice([-1, 1]) * 6 * sd * np.exp(-np.arange(5000 - start) / rng.uniform(10, 100))
    return made


def spikes(rng: np.random.Generator, sd: float) -> Floats:
    made = np.zeros(5000)
    made[rng.integers(0, 5000, 30)] = 6 * sd
    return made


KINDS = (white, muscle_bursts, motion, hum, steps, contact, spikes)


def searched(raw: Floats) -> tuple[NDArray[np.float32], BeatSearch]:
    strip = highpass(raw.astype(np.float64), cutoff_hz=0.5, order=2, rate_hz=RATE).astype(np.float32)
    return strip, find_beats(OPTIONS, strip, RATE)


def measured(raw: Floats) -> tuple[Floats, NDArray[np.int64], set[str]]:
    """PR, QRS and QT; R peaks; leads that are named."""
    strip, found = searched(raw)
    beats, reliable = found.beats, found.noise.reliable
    status = LeadStatus.of(found.noise, strip).status
    named = {lead for lead, one in zip(LEADS, status, strict=True) if one != GOOD}
    if beats is None:
        return np.full(3, np.inf), np.empty(0, dtype=np.int64), named
    seen = predict_unreliable_leads(strip[INDEPENDENT].astype(np.float64), reliable)
    normal = beats.r_samples[beats.normal]
    cut = seen[:, normal[:, None] + np.arange(-175, 300)].transpose(1, 0, 2)
    rr_ms = float(np.median(np.diff(beats.r_samples))) * 2
    times = fiducials_of_median(
        predict_unreliable_leads(beats.median[INDEPENDENT], reliable), cut, TIMES_MS, rr_ms, regular=True
    )
    return (
        np.array([times.qrs_on - times.p_on, times.qrs_off - times.qrs_on, times.t_off - times.qrs_on]),
        beats.r_samples,
        named,
    )


def is_near(clean: tuple[Floats, NDArray[np.int64], set[str]], noisy: tuple[Floats, NDArray[np.int64], set[str]]) -> bool:
    """PR within 20 ms, QRS within 15, QT within 30; the same beats, but for those cut by an end of the recording."""
    ours, theirs = (peaks[(peaks > 60) & (peaks < 4940)] for peaks in (noisy[1], clean[1]))
    same = len(ours) == len(theirs) and bool((np.abs(ours - theirs) <= 15).all())
    apart = np.abs(noisy[0] - clean[0])
    both_absent = np.isnan(noisy[0]) & np.isnan(clean[0])
    return same and bool(((apart <= (20, 15, 30)) | both_absent).all())


@lru_cache
def simulated() -> NDArray[np.float32]:
    return simulate_signals(make_hearts(6, 3), np.random.default_rng(3)).noisy_uv


@pytest.mark.parametrize("sd", [100, 200, 300, 500])
@pytest.mark.parametrize("kind", KINDS)
def test_noise_of_one_or_two_leads_changes_nothing_or_is_named(kind, sd: int) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng([sd, KINDS.index(kind)])
    near = 0
    for raw in simulated():
        clean, noisy = measured(raw), raw.copy()
        chosen = rng.choice(INDEPENDENT_LEADS, rng.integers(1, 3), replace=False)
        for lead in chosen:
            noisy[LEADS.index(lead)] += kind(rng, sd)
        found = measured(noisy)
        near += is_near(clean, found)
        assert is_near(clean, found) or set(chosen) & found[2], (chosen, clean[0], found[0])
    assert near >= 5


def test_white_noise_in_v3_leaves_qrs_as_it_is() -> None:
    """The median over leads of the noise stays small, so that no limit on it helps."""
    rng = np.random.default_rng(5)
    for raw in simulated():
        clean, noisy = measured(raw), raw.copy()
        noisy[LEADS.index("V3")] += white(rng, 200)
        found = measured(noisy)
        assert abs(found[0][1] - clean[0][1]) <= 5
        assert found[2] == {"V3"}


def test_a_contact_jump_of_one_chest_lead_is_no_beat() -> None:
    """120 ms after a beat it hides none; in a pause it makes none."""
    raw = simulated()[0].copy()
    clean = measured(raw)
    for after in (60, 200):
        raw[LEADS.index("V2"), clean[1][4] + after :] += 3000 * np.exp(-np.arange(5000 - clean[1][4] - after) / 30)
    found = measured(raw)
    assert np.array_equal(found[1], clean[1])
    assert "V2" in found[2]


def test_clean_leads_are_good() -> None:
    for raw in simulated():
        assert measured(raw)[2] == set()


def test_noise_of_all_leads_names_none() -> None:
    """There is no better lead to keep to."""
    rng = np.random.default_rng(2)
    raw = simulated()[0] + np.stack([white(rng, 60) for _ in LEADS])
    strip, found = searched(raw)
    assert LeadStatus.of(found.noise, strip).warning == ""


def test_of_bigeminy_no_lead_is_blamed() -> None:
    """A slow ectopic beat has little above 10 Hz, in all leads but one perhaps."""
    time = np.arange(400)
    narrow, wide = (
        sign * np.exp(-0.5 * ((time - 200) / width) ** 2) * np.cos(turn)[:, None]
        for sign, width, turn in ((900, 6, np.arange(12)), (-1200, 22, 2 * np.arange(12) + 1))
    )
    raw = np.concatenate([narrow, wide] * 6 + [narrow], axis=1)[:, :5000]
    raw = raw + np.random.default_rng(1).normal(0, 4, raw.shape)
    assert noise_before_beats(raw[INDEPENDENT], RATE).artefacts.sum() == 0


def test_a_lead_is_filled_from_the_others() -> None:
    beats = simulated()[0][INDEPENDENT][:, :500]
    reliable = np.ones(8, dtype=bool)
    assert predict_unreliable_leads(beats, reliable) is beats
    reliable[4] = False
    whole = predict_unreliable_leads(beats, reliable)
    assert np.array_equal(whole[reliable], beats[reliable])
    assert np.corrcoef(whole[4], beats[4])[0, 1] > 0.7


def test_a_lead_that_is_not_connected_is_unusable() -> None:
    raw = simulated()[0].copy()
    clean = measured(raw)
    raw[LEADS.index("V5")] = white(np.random.default_rng(1), 2)
    strip, found = searched(raw)
    assert LeadStatus.of(found.noise, strip).warning == "noise in lead V5"
    assert is_near(clean, measured(raw))


def test_derived_leads_share_the_fate_of_i_and_ii() -> None:
    rng = np.random.default_rng(4)
    raw = simulated()[1].copy()
    raw[0] += white(rng, 300)
    raw[2], raw[3], raw[4], raw[5] = raw[1] - raw[0], -(raw[0] + raw[1]) / 2, raw[0] - raw[1] / 2, raw[1] - raw[0] / 2
    strip, found = searched(raw)
    status = LeadStatus.of(found.noise, strip).status
    assert [LEADS[k] for k in np.flatnonzero(status == UNUSABLE)] == ["I", "III", "aVR", "aVL", "aVF"]


def as_file(folder: Path, raw: Floats) -> Source:
    path = folder / "1.npy"
    np.save(path, raw)
    (folder / "1.json").write_text('{"rate_hz": 500, "unit": "uV", "leads": ["' + '", "'.join(LEADS) + '"]}')
    return Source("1", "2_0", {ALL_LEADS: path})


def test_lead_quality_is_written(tmp_path: Path) -> None:
    raw = simulated()[2].copy()
    raw[LEADS.index("V3")] += white(np.random.default_rng(1), 200)
    batch = read_recordings(ReadOptions(recordings=tmp_path), [as_file(tmp_path, raw)], track=silent)
    table = batch.lead_quality.frame
    assert table["lead"].to_list() == list(LEADS)
    assert table["status"].to_list() == ["unusable" if lead == "V3" else "good" for lead in LEADS]
    row = table.row(LEADS.index("V3"), named=True)
    assert (row["eid"], row["instance"], row["reason"]) == ("1", "2_0", "noise")
    assert 180 < row["noise_uv"] < 230
    assert batch.recordings.frame["reason"].to_list() == ["noise in lead V3"]
    assert batch.signals is not None
    assert batch.signals.lead_status[0].tolist() == [UNUSABLE if lead == "V3" else GOOD for lead in LEADS]


def test_a_recording_without_beats_names_its_noisy_lead(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    raw = np.stack([white(rng, 3) for _ in LEADS])
    raw[LEADS.index("V3")] += white(rng, 300)
    batch = read_recordings(ReadOptions(recordings=tmp_path), [as_file(tmp_path, raw)], track=silent)
    assert batch.recordings.frame["reason"].to_list() == ["fewer than 4 normal beats; noise in lead V3"]


@pytest.mark.real
def test_contact_artefacts_of_real_recordings_are_no_beats(shared: Path) -> None:
    """PTB-XL: one or two chest leads jump 130 to 190 ms before or after a beat, which the refractory time then hid."""
    for name, beat, artefact in (("00283", 2398, 2305), ("00352", 590, 509), ("00421", 2404, 2478), ("00421", 4234, 4298)):
        record = next((shared / "data" / "ecg" / "ptbxl").rglob(f"{name}_hr.hea"))
        found = searched(read_signals(record))[1]
        assert found.beats is not None
        assert np.abs(found.beats.r_samples - beat).min() <= 5
        assert np.abs(found.beats.r_samples - artefact).min() > 40


@pytest.mark.real
@pytest.mark.parametrize("kind", KINDS)
def test_noise_added_to_real_recordings_changes_nothing_or_is_named(kind, shared: Path) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(7)
    near, wrong, of = 0, 0, 0
    for record in sorted((shared / "data" / "ecg" / "ptbxl").rglob("*.hea"))[::50]:
        raw = read_signals(record)
        clean = measured(raw)
        for sd in (100, 200, 300, 500):
            chosen, noisy = rng.choice(INDEPENDENT_LEADS, rng.integers(1, 3), replace=False), raw.copy()
            for lead in chosen:
                noisy[LEADS.index(lead)] += kind(rng, sd)
            found = measured(noisy)
            near, of = near + is_near(clean, found), of + 1
            wrong += not is_near(clean, found) and not set(chosen) & found[2]
    assert near / of > 0.7
    assert wrong / of <= 0.025


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda raw: raw[[1, 0, *range(2, 12)]], {"III", "aVL", "aVF"}),  # I and II swapped, the rest as it was
        (lambda raw: np.where(np.arange(12)[:, None] == 3, -raw, raw), {"aVR"}),  # one sign
        (lambda raw: np.where(np.arange(12)[:, None] == 1, 3 * raw, raw), {"III", "aVR", "aVL", "aVF"}),  # one gain
        (lambda raw: np.where(np.arange(12)[:, None] == 2, 0.1 * raw, raw), {"III"}),
    ],
)
def test_limb_leads_that_contradict_each_other_are_named_so(spoil: Callable[[Floats], Floats], named: set[str]) -> None:
    strip, found = searched(spoil(simulated()[2].copy()))
    leads = LeadStatus.of(found.noise, strip)
    assert set(leads.contradicting) == named
    assert "contradicts I and II (swapped leads, or another scale or sign)" in leads.warning
    assert {leads.reason(lead) for lead in named} == {"contradicts I and II"}


def test_limb_leads_that_obey_einthoven_do_not_contradict() -> None:
    offset = simulated()[2] + np.array([0, 0, 300, *[0] * 9])[:, None]  # A level of its own is none of the heart's.
    strip, found = searched(offset)
    assert LeadStatus.of(found.noise, strip).contradicting == ()


def test_a_limb_lead_of_ten_times_the_scale_is_named() -> None:
    """Its beats are taken for artefacts of one lead: the lead is unusable, and so are those that are made of it."""
    raw = simulated()[2].copy()
    raw[1] *= 10
    strip, found = searched(raw)
    leads = LeadStatus.of(found.noise, strip)
    assert leads.status[LEADS.index("II")] == UNUSABLE
    assert "II" in leads.warning
