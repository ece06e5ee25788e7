"""Leads that are not what they are called: the recording is kept, with a doubt that names them; and where parts of it lie."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgwas.commands.inspect_file import inspect
from ecgwas.ecg import Batch, find_recordings, read_recordings
from ecgwas.ecg.mislabelled_leads import SWAPPED_ARMS, duplicated_leads, swapped_arms
from ecgwas.errors import InputError
from ecgwas.leads import LEADS
from ecgwas.progress import silent
from ecgwas.signals import MISSING, UNUSABLE
from ecgwas.study import ReadOptions
from tests.ecg import vendors
from tests.ecg.make_recordings import make_counts, put
from tests.ecg.test_lead_noise import RATE, searched, simulated
from tests.ecg.wfdb_files import read_signals

Floats = NDArray[np.float64]
ANY_ENDING = r"^(?P<eid>\d+)_(?:(?P<lead>I|II|III|aVR|aVL|aVF|V[1-6])_)?(?P<instance>\d)\.\w+$"
SEEN = np.ones(12, dtype=np.bool_)


def arms(raw: Floats) -> Floats:
    """The leads as they are with the electrodes of both arms swapped; the chest leads stay."""
    swapped = raw.copy()
    swapped[0], swapped[1], swapped[2], swapped[3], swapped[4] = -raw[0], raw[2], raw[1], raw[4], raw[3]
    return swapped


def as_array(folder: Path, raw: Floats, eid: str = "1") -> Path:
    path = folder / f"{eid}_2.npy"
    np.save(path, raw)
    path.with_suffix(".json").write_text(json.dumps({"rate_hz": 500, "unit": "uV", "leads": list(LEADS)}))
    return path


def batch_of(folder: Path, **options: object) -> Batch:
    chosen = ReadOptions.model_validate({"recordings": folder, "pattern": r"^(?P<eid>\d+)_(?P<instance>\d)\.npy$", **options})
    return read_recordings(chosen, find_recordings(chosen).sources, track=silent)


def test_swapped_arms_are_a_doubt(tmp_path: Path) -> None:
    """All limb leads obey Einthoven's law then, so nothing else tells."""
    for eid, raw in enumerate(simulated(), start=1):
        as_array(tmp_path, arms(raw), str(eid))
        as_array(tmp_path, raw, str(100 + eid))
    table = batch_of(tmp_path).recordings.frame
    told = dict(zip(table["eid"], table["reason"], strict=True))
    assert [told[str(100 + k)] for k in range(1, 7)] == [""] * 6
    assert [told[str(k)] for k in range(1, 7)].count(SWAPPED_ARMS) >= 5
    assert f"warning   {SWAPPED_ARMS}" in inspect(tmp_path / "1_2.npy").lines


@pytest.mark.parametrize("lead", ["I", "V6"])
def test_of_a_lead_that_is_missing_or_noise_nothing_is_said(lead: str, tmp_path: Path) -> None:
    raw = arms(simulated()[0])
    median = searched(raw)[1].beats.median
    assert swapped_arms(median, 175, RATE, SEEN) == SWAPPED_ARMS
    assert swapped_arms(median, 175, RATE, np.array([one != lead for one in LEADS])) == ""
    flat = median.copy()
    flat[LEADS.index(lead)] = 3.0
    assert swapped_arms(flat, 175, RATE, SEEN) == ""
    raw[LEADS.index(lead)] = np.nan
    as_array(tmp_path, raw)
    batch = batch_of(tmp_path, derive_leads=False)
    assert batch.signals is not None
    assert batch.signals.lead_status[0, LEADS.index(lead)] in (MISSING, UNUSABLE)
    assert batch.recordings.frame["reason"].to_list() == [f"NaN or infinity in lead {lead}"]


@pytest.mark.real
def test_swapped_arms_of_real_recordings(shared: Path) -> None:
    told, turned = [], []
    for path in sorted((shared / "data" / "ecg" / "ptbxl").rglob("*.hea"))[::8]:
        beats = searched(read_signals(path))[1].beats
        if beats is None:
            continue
        told.append(swapped_arms(beats.median, 175, RATE, SEEN))
        turned.append(swapped_arms(np.concatenate([-beats.median[:1], beats.median[1:]]), 175, RATE, SEEN))
    assert sum(bool(one) for one in told) <= 0.02 * len(told)
    assert sum(bool(one) for one in turned) >= 0.8 * len(turned)


def test_a_lead_that_is_another_one_is_a_doubt(tmp_path: Path) -> None:
    raw = simulated()[1].copy()
    raw[LEADS.index("V2")] = raw[LEADS.index("V1")]
    as_array(tmp_path, raw)
    assert batch_of(tmp_path).recordings.frame["reason"].to_list() == ["lead V2 is the same as V1"]
    assert "warning   lead V2 is the same as V1" in inspect(tmp_path / "1_2.npy").lines
    assert duplicated_leads(np.zeros((12, 9))) == ""
    assert duplicated_leads(np.full((12, 9), np.nan)) == ""


def test_a_short_lead_of_a_whole_recording_is_named(tmp_path: Path) -> None:
    """The reason was "8 s, not 10 s", though eleven leads had ten."""
    for name, content in (
        ("1_2.xml", vendors.aecg({**make_counts(), "V1": make_counts()["V1"][:4000]})),
        ("1_2.xml", vendors.muse({**make_counts(), "V1": make_counts()["V1"][:4000]})),
    ):
        put(tmp_path, name, content)
        options = ReadOptions(recordings=tmp_path, pattern=ANY_ENDING)
        batch = read_recordings(options, find_recordings(options).sources, track=silent)
        assert batch.recordings.frame["reason"].to_list() == ["8 s, not 10 s, in lead V1"]


# A pattern that matches more than recordings

BELONGS = "belongs to another file: a sidecar, or part of a WFDB record"


@pytest.mark.parametrize("ending", [".json", ".yaml"])
def test_a_pattern_that_matches_sidecars_too(ending: str, tmp_path: Path) -> None:
    """The sidecar came first in the order of names, was taken for the recording and left out; the array was its duplicate."""
    for lead, row in make_counts().items():
        np.save(tmp_path / f"1_{lead}_2.npy", row[None] * 5.0)
        (tmp_path / f"1_{lead}_2{ending}").write_text(json.dumps({"rate_hz": 500, "unit": "uV", "leads": [lead]}))
    options = ReadOptions(recordings=tmp_path, pattern=ANY_ENDING)
    manifest = find_recordings(options)
    assert manifest.others.frame["reason"].to_list() == [BELONGS] * 12
    assert read_recordings(options, manifest.sources, track=silent).recordings.frame["status"].to_list() == ["kept"] * 12


def test_a_pattern_that_matches_signal_files_too(tmp_path: Path) -> None:
    vendors.wfdb_16(tmp_path, name="1_2")
    (tmp_path / "1_2.atr").write_bytes(bytes(range(90)))
    put(tmp_path, "3_2.mat", b"MATLAB 7.3 MAT-file")
    options = ReadOptions(recordings=tmp_path, pattern=ANY_ENDING)
    manifest = find_recordings(options)
    assert manifest.others.frame.select("path", "reason").rows() == [("1_2.atr", BELONGS), ("1_2.dat", BELONGS)]
    assert [(one.eid, one.paths["12L"].name) for one in manifest.sources] == [("1", "1_2.hea"), ("3", "3_2.mat")]


def test_philips_leads_whose_number_nothing_settles_are_refused(tmp_path: Path) -> None:
    """Uncompressed samples lie lead after lead: eight of twelve were cut at the wrong places."""
    text = vendors.philips(compression="Uncompressed").decode("utf-16").replace('numberofleads="12"', 'numberofleads="8"')
    put(tmp_path, "1.xml", text.replace('durationperchannel="10000"', "").encode("utf-16"))
    with pytest.raises(InputError, match="leadlabels are 12, numberofleads is 8, and durationperchannel is missing"):
        inspect(tmp_path / "1.xml")
