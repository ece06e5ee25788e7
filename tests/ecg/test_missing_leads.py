"""People who lack a lead: what is derived, what is missing, what is learned from the rest, and what is chosen lead by lead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ecgwas import represent
from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.ecg import Batch, find_recordings
from ecgwas.ecg.clean import clean
from ecgwas.leads import FROM_I_AND_II, LEADS, twelve_leads
from ecgwas.represent.inputs import Scaler, Traces
from ecgwas.signals import GOOD, MISSING, Signals
from ecgwas.stages.represent import signals_without_features
from ecgwas.study import BeatPoints, Intervals, Pca, ReadOptions, ResidualAutoencoder
from ecgwas.study.presets import PUBLISHED
from tests.ecg.make_recordings import make_counts, make_xml, put, read_folder, wave

ALL = frozenset(LEADS)
PRESET = {name: value for name, value in PUBLISHED["read"].items()}


def one_lead_files(folder: Path, eid: str, leads: Any = LEADS, *, instance: str = "2_0", seed: int = 1) -> None:
    for lead in leads:
        put(folder, f"{eid}_{lead}_20205_{instance}.xml", make_xml({lead: make_counts(seed)[lead]}))


def missing(batch: Batch, person: int = 0) -> list[str]:
    assert batch.signals is not None
    return [lead for lead, status in zip(LEADS, batch.signals.lead_status[person], strict=True) if status == MISSING]


def with_value(lead: str, value: str) -> str:
    numbers = [str(one) for one in make_counts()[lead]]
    numbers[2000] = value
    return make_xml(waves=f'<WaveformData lead="{lead}">{",".join(numbers)}</WaveformData>')


def signals_of(batch: Batch) -> Signals:
    assert batch.signals is not None
    return batch.signals


# Algebra


@pytest.mark.parametrize(
    "given", [("I", "III"), ("II", "III"), ("aVR", "aVF"), ("III", "aVL"), ("I", "aVF", "III"), ("I", "II")]
)
def test_all_limb_leads_follow_from_two(given: tuple[str, ...]) -> None:
    rng = np.random.default_rng(3)
    one, two = rng.normal(size=(2, 50))
    true = {lead: a * one + b * two for lead, (a, b) in FROM_I_AND_II.items()}
    found = twelve_leads({lead: true[lead] for lead in given})
    for k, lead in enumerate(LEADS[:6]):
        np.testing.assert_allclose(found[k], true[lead], atol=1e-12)
    assert np.isnan(found[6:]).all()


@pytest.mark.parametrize("given", ["I", "II", "III", "aVF", "V1"])
def test_one_limb_lead_tells_nothing_of_the_others(given: str) -> None:
    found = twelve_leads({given: np.ones(9)})
    assert [LEADS[k] for k in np.flatnonzero(np.isfinite(found).all(axis=1))] == [given]


def test_a_derived_lead_is_the_recorded_one(tmp_path: Path) -> None:
    one_lead_files(tmp_path, "1", ALL - {"I", "aVL"})
    whole = tmp_path / "whole"
    put(whole, "1_20205_2_0.xml")
    found, expected = signals_of(read_folder(tmp_path)), signals_of(read_folder(whole))
    np.testing.assert_allclose(found.strips[0][0], expected.strips[0][0], atol=5.01)  # counts of 5 µV
    assert (found.lead_status[0] == GOOD).all()


# The default chain


@pytest.mark.parametrize("lead", ["V1", "V3", "V6"])
def test_a_missing_lead_leaves_the_others_as_they_are(tmp_path: Path, lead: str) -> None:
    put(tmp_path, "1_20205_2_0.xml")
    one_lead_files(tmp_path, "2", ALL - {lead})
    signals = signals_of(read_folder(tmp_path))
    k, others = LEADS.index(lead), [i for i, name in enumerate(LEADS) if name != lead]
    np.testing.assert_array_equal(signals.strips[1][others], signals.strips[0][others])
    assert np.isnan(signals.strips[1][k]).all()
    assert abs(int(signals.r_samples[1][0]) - int(signals.r_samples[0][0])) <= 2
    # The heart's vector tells of the missing lead what no model is hurt by.
    assert np.isfinite(signals.beats[1]).all()
    assert signals.lead_status[1].tolist() == [MISSING if i == k else GOOD for i in range(12)]


def test_each_representation_uses_the_leads_that_are_there(tmp_path: Path) -> None:
    for seed in range(1, 9):
        leads = ALL - {"V3"} if seed == 8 else LEADS
        one_lead_files(tmp_path, str(seed), leads, seed=seed)
    signals = with_fiducials(signals_of(read_folder(tmp_path)))

    def features_of(options: Any) -> pl.DataFrame:
        frame = represent.fit(options, signals, seed=1).encode(signals).frame
        return frame.filter(pl.col("eid") == "8")

    apart = features_of(Pca(kind="pca", name="a", features=2, leads="each"))
    assert apart.filter(pl.col("pc01").is_null())["lead"].to_list() == ["V3"]
    points = features_of(BeatPoints(name="p", points=4))
    assert points.filter(pl.col("t02").is_null())["lead"].to_list() == ["V3"]
    strips = features_of(ResidualAutoencoder(name="s", input="strip", features=2, channels=(2, 2, 2), epochs=1))
    assert strips.filter(pl.col("f01").is_null())["lead"].to_list() == ["V3"]
    assert strips.filter(pl.col("mse").is_null())["lead"].to_list() == ["V3"]
    together = features_of(Pca(kind="pca", name="t", features=2, leads="together"))
    assert together["pc01"].to_list() == [None]
    clinical = features_of(Intervals(name="c"))
    assert clinical.filter(pl.col("lead") == "12L")["qrs_ms"].item() is not None


def test_people_without_features_are_listed_with_the_reason(tmp_path: Path) -> None:
    for seed in range(1, 7):
        one_lead_files(tmp_path, str(seed), ALL - {"V3", "V4"} if seed == 2 else LEADS, seed=seed)
    signals = signals_of(read_folder(tmp_path))
    for leads, expected in (
        ("together", [{"eid": "2", "lead": "12L", "reason": "lead V3, V4 missing"}]),
        ("each", [{"eid": "2", "lead": lead, "reason": f"lead {lead} missing"} for lead in ("V3", "V4")]),
    ):
        features = represent.fit(Pca(kind="pca", name="a", features=2, leads=leads), signals, seed=1).encode(signals)
        assert signals_without_features(features, signals, None).to_dicts() == expected


def test_nothing_is_learned_from_a_missing_lead(tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        one_lead_files(tmp_path, str(seed), ALL - {"V2"} if seed == 1 else LEADS, seed=seed)
    signals = signals_of(read_folder(tmp_path))
    traces = Traces.of(signals, "strip", "each")
    chosen = traces.trace_index(np.arange(3))
    assert len(chosen) == 35
    found = Scaler.fit("global", traces, chosen)
    every = np.concatenate([signals.strips[i][k] for i in range(3) for k in range(12) if (i, k) != (0, LEADS.index("V2"))])
    assert float(found.mean.item()) == pytest.approx(every.mean(dtype=np.float64), abs=1e-4)
    assert float(found.sd.item()) == pytest.approx(every.std(dtype=np.float64), rel=1e-5)


@pytest.mark.parametrize(
    ("leads", "reason"),
    [
        (ALL - {"V1"}, "missing lead V1"),
        (("I", "II", "V2", "V5"), "missing lead V1, V3, V4 and 1 more"),
        (("I", "II", "V2"), "fewer than 4 of the eight independent leads: missing lead V1, V3, V4 and 2 more"),
        (("V1",), "fewer than 4 of the eight independent leads: missing lead I, II, III and 8 more"),
    ],
)
def test_how_few_leads_are_enough(tmp_path: Path, leads: Any, reason: str) -> None:
    one_lead_files(tmp_path, "1", leads)
    table = read_folder(tmp_path).recordings.frame
    assert set(table["reason"]) == {reason}
    assert set(table["status"]) == {"left_out" if reason.startswith("fewer") else "kept"}


@pytest.mark.parametrize("value", ["NaN", "1e999", "-1e999"])
def test_an_infinite_value_costs_its_lead(tmp_path: Path, value: str) -> None:
    one_lead_files(tmp_path, "1")
    put(tmp_path, "1_V4_20205_2_0.xml", with_value("V4", value))
    batch = read_folder(tmp_path)
    assert missing(batch) == ["V4"]
    told = dict(batch.recordings.frame.select("lead", "reason").iter_rows())
    assert told["V4"] == "NaN or infinity in lead V4"
    assert dict(batch.lead_quality.frame.select("lead", "reason").iter_rows())["V4"] == "NaN or infinity"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<CardiologyXML>", "XML cut off"),
        ("", "empty"),
        ("no recording", ""),
        (make_xml({"V1": make_counts()["V1"]}), "holds V1"),
    ],
)
def test_a_damaged_one_lead_file_costs_its_lead(tmp_path: Path, content: str, reason: str) -> None:
    one_lead_files(tmp_path, "1")
    put(tmp_path, "1_V5_20205_2_0.xml", content)
    batch = read_folder(tmp_path)
    assert missing(batch) == ["V5"]
    rows = {row["lead"]: row for row in batch.recordings.frame.iter_rows(named=True)}
    assert (rows["V5"]["status"], rows["V5"]["row"]) == ("left_out", None)
    assert reason in rows["V5"]["reason"]
    assert rows["V1"]["status"] == "kept"


# The published preset


def flat(lead: str) -> str:
    values = make_counts()[lead]
    values[1000:1750] = 7
    return make_xml({lead: values})


def test_the_preset_costs_the_signal_and_never_the_person(tmp_path: Path) -> None:
    one_lead_files(tmp_path, "nan")
    put(tmp_path, "nan_I_20205_2_0.xml", with_value("I", "NaN"))
    one_lead_files(tmp_path, "lacks", ALL - {"V3", "aVF"})
    one_lead_files(tmp_path, "flat")
    put(tmp_path, "flat_V1_20205_2_0.xml", flat("V1"))
    one_lead_files(tmp_path, "alone", ["V1"])
    one_lead_files(tmp_path, "silent", ["V2"])
    put(tmp_path, "silent_V2_20205_2_0.xml", make_xml({"V2": np.zeros(5000, dtype=np.int64)}))
    one_lead_files(tmp_path, "loud", ALL - {"V6"})
    put(tmp_path, "loud_V6_20205_2_0.xml", make_xml({"V6": make_counts()["V6"] * 1000}))
    batch = read_folder(tmp_path, **PRESET)
    signals = signals_of(batch)
    found = {eid: missing(batch, i) for i, eid in enumerate(signals.eids)}
    assert found == {
        "nan": ["I"], "lacks": ["aVF", "V3"], "flat": [], "loud": [], "alone": [one for one in LEADS if one != "V1"],
        "silent": [one for one in LEADS if one != "V2"],
    }  # fmt: skip
    assert set(np.unique(signals.lead_status)) == {GOOD, MISSING}
    raw = 5.0 * make_counts()["V3"]
    place = signals.eids.index("flat")
    np.testing.assert_array_equal(
        signals.strips[place][LEADS.index("V3")], clean(ReadOptions(recordings=tmp_path, **PRESET), raw)
    )


def test_without_the_preset_the_same_files_cost_the_person(tmp_path: Path) -> None:
    one_lead_files(tmp_path, "flat")
    put(tmp_path, "flat_V1_20205_2_0.xml", flat("V1"))
    assert set(read_folder(tmp_path).recordings.frame["reason"]) == {"flat lead V1"}


def test_a_recording_without_beats_is_kept_by_the_preset(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(-2, 3, (12, 5000))
    put(tmp_path, "1_20205_2_0.xml", make_xml(waves="".join(wave(lead, noise[k]) for k, lead in enumerate(LEADS))))
    no_limits = {"max_saturated": None, "min_amplitude_uv": None, "min_leads": None}
    options: dict[str, Any] = {"beats": {"min_beats": None}, "quality": no_limits}
    batch = read_folder(tmp_path, **options)
    signals = signals_of(batch)
    assert batch.recordings.frame["reason"].to_list() == ["no normal beats"]
    assert np.isnan(signals.beats[0]).all()
    assert not signals.normal.any()
    assert np.isfinite(signals.strips[0]).all()


# Lead by lead


def chosen(folder: Path, **options: Any) -> dict[str, str]:
    """lead -> visit of what is used of the one person there is."""
    (source,) = find_recordings(ReadOptions(recordings=folder, **options)).sources
    return {lead: source.visits.get(lead, source.instance) for lead in source.paths}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"2_0": ALL - {"V1"}, "3_0": ALL}, {lead: "3_0" if lead == "V1" else "2_0" for lead in LEADS}),
        ({"2_0": ALL, "3_0": ALL}, dict.fromkeys(LEADS, "2_0")),
        ({"2_0": {"V1"}, "3_0": ALL - {"V1", "V2"}}, {lead: "2_0" if lead == "V1" else "3_0" for lead in ALL - {"V2"}}),
        ({"3_0": ALL - {"aVR"}}, dict.fromkeys(ALL - {"aVR"}, "3_0")),
        ({"2_1": {"V4"}, "2_0": ALL - {"V4", "V5"}, "3_0": {"V5", "V4"}},
         {lead: {"V4": "2_1", "V5": "3_0"}.get(lead, "2_0") for lead in LEADS}),
    ],
)  # fmt: skip
def test_visits_are_chosen_lead_by_lead(tmp_path: Path, files: dict[str, set[str]], expected: dict[str, str]) -> None:
    for instance, leads in files.items():
        one_lead_files(tmp_path, "1", leads, instance=instance)
    assert chosen(tmp_path, lead_by_lead=True) == expected
    manifest = find_recordings(ReadOptions(recordings=tmp_path, lead_by_lead=True))
    assert len(manifest.others) + len(expected) == sum(map(len, files.values()))


def test_by_default_leads_of_two_visits_are_never_mixed(tmp_path: Path) -> None:
    one_lead_files(tmp_path, "1", ALL - {"V1"})
    one_lead_files(tmp_path, "1", instance="3_0")
    assert set(chosen(tmp_path).values()) == {"3_0"}


def test_a_lead_of_another_visit_is_read_from_it(tmp_path: Path) -> None:
    one_lead_files(tmp_path, "1", ALL - {"V1"}, seed=1)
    one_lead_files(tmp_path, "1", instance="3_0", seed=2)
    batch = read_folder(tmp_path, **PRESET)
    signals, options = signals_of(batch), ReadOptions(recordings=tmp_path, **PRESET)
    for lead, seed in (("V1", 2), ("V2", 1), ("I", 1)):
        np.testing.assert_array_equal(signals.strips[0][LEADS.index(lead)], clean(options, 5.0 * make_counts(seed)[lead]))
    assert (signals.lead_status[0] == GOOD).all()
    assert dict(batch.recordings.frame.select("lead", "instance").iter_rows())["V1"] == "3_0"
    assert dict(batch.lead_quality.frame.select("lead", "instance").iter_rows())["V1"] == "3_0"
