"""Rhythms: simulated ones are found, few beats give none, and a study excludes what it names."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from benchmarks.findings.rhythms import judged
from benchmarks.hearts import Drawn, draw
from ecgwas.ecg.beats import Beats
from ecgwas.ecg.rhythms import NAMES, Finding, Heartbeats, judge
from ecgwas.ecg.rhythms.evidence import Evidence
from ecgwas.ecg.rhythms.pacing import spikes_of_beats
from ecgwas.leads import LEADS
from ecgwas.study import RHYTHMS, ReadOptions, RhythmOptions
from tests.ecg.make_recordings import make_xml, put, read_folder
from tests.ecg.wfdb_files import read_signals

PEOPLE = 5
RATE_HZ = 500.0


@lru_cache
def drawn(kind: str) -> Drawn:
    return draw(kind, PEOPLE, 2)


@lru_cache
def findings(kind: str) -> tuple[Finding, ...]:
    return tuple(judged(signals.astype(np.float64)) for signals in drawn(kind).first.noisy_uv)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("fibrillation", "atrial_fibrillation"), ("changing_flutter", "atrial_flutter"), ("paced", "paced"),
        ("left_block", "left_bundle_branch_block"), ("right_block", "right_bundle_branch_block"),
        ("long_pr", "first_degree_av_block"), ("complete_av_block", "high_degree_av_block"),
        ("two_to_one_av_block", "high_degree_av_block"), ("rate_45", "bradycardia"), ("rate_150", "tachycardia"),
    ],
)  # fmt: skip
def test_a_simulated_rhythm_is_found(kind: str, name: str) -> None:
    found = [name in one.names for one in findings(kind)]
    assert sum(found) >= PEOPLE - 1, [one.reason for one in findings(kind)]


def test_most_delta_waves_are_found_and_no_pre_excitation_where_there_is_none() -> None:
    found = {
        kind: sum("pre_excitation" in one.names for one in findings(kind)) for kind in ("pre_excited", "plain", "left_block")
    }
    assert found["pre_excited"] >= PEOPLE / 2
    assert found["plain"] == found["left_block"] == 0


@pytest.mark.parametrize("kind", ["plain", "late_r", "notched", "torsos", "u_waves"])
def test_sinus_rhythm_is_nothing_else(kind: str) -> None:
    assert [one.names for one in findings(kind)] == [("sinus_rhythm",)] * PEOPLE


def test_no_rhythm_is_found_that_is_not_there() -> None:
    """Names of `read.rhythms` that a kind may have, apart from rates and ectopic beats, which its parameters leave open."""
    for kind, allowed in (
        ("fibrillation", {"atrial_fibrillation", "atrial_flutter"}),
        ("left_block", {"left_bundle_branch_block"}),
        ("ventricular_beats", set()),
        ("atrial_beats", set()),
    ):
        others = {name for one in findings(kind) for name in one.names}
        assert others <= allowed | {"sinus_rhythm", "frequent_ectopy", "tachycardia", "bradycardia"}, kind


@pytest.mark.parametrize("kind", ["ventricular_beats", "atrial_beats"])
def test_ectopic_beats_are_counted(kind: str) -> None:
    first = drawn(kind).first
    for finding, peaks, ectopic in zip(findings(kind), first.r_samples, first.ectopic, strict=True):
        inside = (peaks >= 100) & (peaks < 4900)  # beats at the ends may not be found
        assert abs(finding.ectopic.sum() - ectopic[inside].sum()) <= 1
        assert (finding.premature <= finding.ectopic).all()
        assert finding.premature.any() == (kind == "atrial_beats")
        assert finding.columns["ectopic_share"] == finding.columns["ectopic_beats"] / len(finding.ectopic)


def test_the_reason_has_the_numbers_that_decided() -> None:
    (finding,) = findings("fibrillation")[:1]
    assert finding.names[0] == "atrial_fibrillation"
    assert "RR irregular (normalised RMSSD 0." in finding.reason
    assert "no shared P wave (coherence before QRS" in finding.reason


def hearts(signals: NDArray[np.float32], peaks: NDArray[np.int64]) -> Heartbeats:
    """Of (12, S) µV, with R peaks as they are and all beats normal."""
    eight = signals[[0, 1, *range(6, 12)]].astype(np.float64)
    whole = (peaks >= 175) & (peaks < signals.shape[1] - 300)
    nothing = np.empty(0)
    beats = Beats(peaks, whole, nothing, nothing, nothing, nothing)
    return Heartbeats.of(eight, eight, np.ones(8, dtype=bool), beats, RATE_HZ)


def known_peaks(kind: str, person: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    first = drawn(kind).first
    peaks = first.r_samples[person]
    return first.noisy_uv[person], peaks[peaks >= 0].astype(np.int64)


@pytest.mark.parametrize("count", [2, 3])
def test_too_few_beats_have_no_rhythm(count: int) -> None:
    signals, peaks = known_peaks("plain")
    finding = judge(hearts(signals, peaks[2 : 2 + count]))
    assert finding.names == ()
    assert finding.reason == f"only {count} beats"
    assert finding.columns == {
        "rhythm": None, "rhythm_reason": f"only {count} beats", "ectopic_beats": None, "ectopic_share": None,
    }  # fmt: skip


@pytest.mark.parametrize("leads", [["II"], ["I", "V5"], ["I", "II", "V1"], ["V1", "V2", "V3", "V4", "V5", "V6"]])
def test_few_leads_are_no_error(leads: list[str]) -> None:
    signals = drawn("fibrillation").first.noisy_uv[0].astype(np.float64)
    signals[[LEADS.index(lead) for lead in LEADS if lead not in leads]] = np.nan
    assert "atrial_fibrillation" in judged(signals).names


@pytest.mark.parametrize("rate_hz", [250, 360, 1000])
@pytest.mark.parametrize(
    ("kind", "name"),
    [("two_to_one_av_block", "high_degree_av_block"), ("paced", "paced"), ("long_pr", "first_degree_av_block")],
)
def test_rhythms_are_found_at_other_rates(tmp_path: Path, rate_hz: float, kind: str, name: str) -> None:
    write(tmp_path, {"1": kind})
    assert name in read_folder(tmp_path, rate_hz=rate_hz).recordings.frame["rhythm"].item()


@pytest.mark.parametrize("seed", range(8))
def test_no_signal_is_an_error(seed: int) -> None:
    """Noise, steps and bursts, with any leads missing and any beats called normal."""
    rng = np.random.default_rng(seed)
    signals = rng.normal(0, 10.0 ** rng.uniform(-1, 3), (12, 5000)) + np.cumsum(rng.normal(0, 5, (12, 5000)), axis=1)
    signals[:, rng.integers(0, 5000, 40)] *= 20
    signals[rng.random(12) < 0.3] = np.nan
    assert isinstance(judged(signals), Finding)
    plain, peaks = known_peaks("plain", seed % PEOPLE)
    some = np.sort(rng.choice(5000, rng.integers(4, 30), replace=False))
    for moved in (some, np.sort(np.unique(np.clip(peaks + rng.integers(-200, 200, len(peaks)), 0, 4999)))):
        finding = judge(hearts(plain, moved))
        assert set(finding.names) <= {"sinus_rhythm", *NAMES}
        assert len(finding.ectopic) == len(finding.premature) == len(moved)


def test_irregularity_is_rmssd_over_the_mean_rr() -> None:
    signals, _ = known_peaks("plain")
    rr = np.array([400, 410, 380, 400, 420, 395, 405])
    evidence = Evidence(hearts(signals, 300 + np.concatenate([[0], np.cumsum(rr)])))
    evidence.heart.__dict__["same_shape"] = np.ones(len(rr) + 1, dtype=bool)
    assert evidence.irregularity == pytest.approx(np.sqrt(np.mean(np.diff(rr) ** 2.0)) / rr.mean())


@pytest.mark.parametrize(("before_ms", "height_uv"), [(-20, 1500.0), (-150, -800.0), (-300, 300.0)])
def test_planted_spikes_are_found_where_they_are(before_ms: int, height_uv: float) -> None:
    signals, peaks = known_peaks("plain")
    inner = peaks[1:-1]
    heights, _ = spikes_of_beats(hearts(signals, inner))
    assert heights.max() < 500
    planted = signals.copy()
    planted[:, inner + round(before_ms * RATE_HZ / 1000)] += height_uv
    heights, times_ms = spikes_of_beats(hearts(planted, inner))
    assert (heights > 5 * abs(height_uv)).all()
    assert np.abs(times_ms - before_ms).max() <= 4


def test_early_beats_of_the_usual_shape_leave_the_median_beat(tmp_path: Path) -> None:
    signals = drawn("atrial_beats").first.noisy_uv[0]
    counts = {lead: np.rint(row / 5).astype(np.int64) for lead, row in zip(LEADS, signals, strict=True)}
    put(tmp_path, "7_20205_2_0.xml", make_xml(counts))
    with_them, without = (read_folder(tmp_path, beats={"exclude_premature": exclude}) for exclude in (False, True))
    early = findings("atrial_beats")[0].premature
    normal_with, normal_without = (batch.signals.normal[0] for batch in (with_them, without))
    np.testing.assert_array_equal(normal_without, normal_with & ~early)
    assert normal_without.sum() == normal_with.sum() - early.sum() < normal_with.sum()
    assert without.recordings.frame["beats"].item() == normal_without.sum()
    assert without.recordings.frame["ectopic_beats"].item() == early.sum()
    assert not np.array_equal(without.signals.beats[0], with_them.signals.beats[0])


def write(folder: Path, kinds: dict[str, str]) -> None:
    """A CardioSoft file per eid, of the first heart of its kind."""
    for eid, kind in kinds.items():
        rows = zip(LEADS, drawn(kind).first.noisy_uv[0], strict=True)
        put(folder, f"{eid}_20205_2_0.xml", make_xml({lead: np.rint(row / 5).astype(np.int64) for lead, row in rows}))


def test_a_study_excludes_the_rhythms_that_it_names(tmp_path: Path) -> None:
    write(tmp_path, {"1": "plain", "2": "fibrillation", "3": "paced"})
    everyone = read_folder(tmp_path).recordings.frame
    assert everyone["status"].to_list() == ["kept"] * 3
    assert everyone["rhythm"].to_list()[:2] == ["sinus_rhythm", "atrial_fibrillation"]
    assert "paced" in everyone["rhythm"][2]
    some = read_folder(tmp_path, rhythms={"exclude": ["paced", "atrial_fibrillation"]}).recordings.frame
    assert some["status"].to_list() == ["kept", "left_out", "left_out"]
    assert some["reason"].to_list() == [
        "", "atrial fibrillation (read.rhythms.exclude)", "a paced rhythm (read.rhythms.exclude)",
    ]  # fmt: skip
    for column in ("rhythm", "rhythm_reason", "ectopic_beats"):
        assert some[column].to_list() == everyone[column].to_list()


def test_another_recording_of_the_person_is_used_if_its_rhythm_is_not_excluded(tmp_path: Path) -> None:
    for visit, kind in ((2, "fibrillation"), (3, "plain")):
        rows = zip(LEADS, drawn(kind).first.noisy_uv[0], strict=True)
        put(tmp_path, f"7_20205_{visit}_0.xml", make_xml({lead: np.rint(row / 5).astype(np.int64) for lead, row in rows}))
    chosen = read_folder(tmp_path, choose="best_quality", rhythms={"exclude": ["atrial_fibrillation"]}).recordings.frame
    assert dict(zip(chosen["instance"], chosen["status"], strict=True)) == {"2_0": "left_out", "3_0": "kept"}


def test_the_rhythm_does_not_depend_on_cleaning_and_window(tmp_path: Path) -> None:
    write(tmp_path, {"1": "plain", "2": "fibrillation", "3": "left_block", "4": "long_pr"})
    plain = read_folder(tmp_path).recordings.frame["rhythm"].to_list()
    source = {"baseline": {"kind": "moving_average"}, "denoise": {"kind": "wavelet"}}
    short = {"beats": {"before_ms": 55, "after_ms": 210}}
    for other in (source, short):
        assert read_folder(tmp_path, **other).recordings.frame["rhythm"].to_list() == plain


def test_leads_of_two_visits_have_the_rhythm_of_one(tmp_path: Path) -> None:
    for visit, kind, leads in ((2, "plain", LEADS[:9]), (3, "fibrillation", LEADS[9:])):
        for lead, row in zip(LEADS, drawn(kind).first.noisy_uv[0], strict=True):
            if lead in leads:
                put(tmp_path, f"7_{lead}_20205_{visit}_0.xml", make_xml({lead: np.rint(row / 5).astype(np.int64)}))
    batch = read_folder(tmp_path, lead_by_lead=True, derive_leads=False)
    kept = batch.recordings.frame.filter(status="kept")
    assert len(kept) == len(LEADS)
    assert kept["rhythm"].unique().to_list() == ["sinus_rhythm"]


def test_without_beats_there_is_no_rhythm_but_a_reason(tmp_path: Path) -> None:
    counts = {lead: np.zeros(5000, dtype=np.int64) for lead in LEADS}
    put(tmp_path, "7_20205_2_0.xml", make_xml(counts))
    off = {"max_flat_s": None, "max_saturated": None, "min_amplitude_uv": None}
    frame = read_folder(tmp_path, beats={"min_beats": None}, quality=off).recordings.frame
    assert frame["status"].to_list() == ["kept"]
    assert frame.select("rhythm", "rhythm_reason", "ectopic_beats", "ectopic_share").row(0) == (
        None, "too few normal beats", None, None,
    )  # fmt: skip


def test_names_have_words_and_nobody_is_excluded_by_default() -> None:
    assert tuple(RHYTHMS) == NAMES
    assert ReadOptions(recordings=Path()).rhythms.exclude == ()
    with pytest.raises(ValidationError, match="atrial_fibrillation"):
        ReadOptions(recordings=Path(), rhythms={"exclude": ["afib"]})


@pytest.mark.real
@pytest.mark.parametrize(
    ("record", "name"),
    [
        ("00001", "sinus_rhythm"), ("00018", "atrial_flutter"), ("00307", "atrial_fibrillation"),
        ("00351", "atrial_fibrillation"),
        ("00143", "paced"), ("00382", "paced"), ("00461", "pre_excitation"), ("00338", "left_bundle_branch_block"),
        ("00310", "right_bundle_branch_block"), ("00234", "first_degree_av_block"), ("00363", "frequent_ectopy"),
        ("00078", "bradycardia"), ("00108", "tachycardia"),
    ],
)  # fmt: skip
def test_rhythms_of_ptb_xl_that_a_cardiologist_named(shared: Path, record: str, name: str) -> None:
    (path,) = (shared / "data" / "ecg" / "ptbxl").rglob(f"{record}_hr.hea")
    assert name in judged(read_signals(path)).names


def test_the_option_lists_every_name_that_it_takes() -> None:
    described = RhythmOptions.model_fields["exclude"].description or ""
    assert [word for word in re.findall(r"[a-z_]+", described) if word in NAMES] == list(NAMES)
