"""Resampling against a band-limited truth: a sum of sines is the same function at every rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgwas.ecg.resampling import resampled
from ecgwas.errors import InputError
from tests.ecg import vendors
from tests.ecg.make_recordings import make_counts, make_xml, put, read_folder


def band_limited(times_s: np.ndarray) -> np.ndarray:
    """Two leads of sines up to 60 Hz with an offset and a slope, µV."""
    rng = np.random.default_rng(3)
    hz, phase, size = rng.uniform(0.5, 60, 40), rng.uniform(0, 7, 40), rng.uniform(5, 60, 40)
    waves = (size[:, None] * np.sin(2 * np.pi * hz[:, None] * times_s + phase[:, None])).sum(axis=0)
    return np.stack([waves + 1500 + 20 * times_s, -waves])


@pytest.mark.parametrize("rate_hz", [200.0, 250.0, 257.0, 360.0, 400.0, 499.8, 512.0, 600.0, 1000.0, 2000.0, 5000.0])
def test_against_the_same_function_at_the_other_rate(rate_hz: float) -> None:
    count = round(10 * rate_hz)
    made = resampled(band_limited(np.arange(count) / rate_hz), rate_hz, 500.0)
    assert made.shape == (2, 5000)
    truth = band_limited(np.arange(5000) / 500.0)
    inner = slice(100, 4900)
    error = np.abs(made - truth)[:, inner].max()
    assert error < 0.02 * truth[:, inner].std()
    shifted = np.abs(made[:, 101:4901] - truth[:, inner]).max()
    assert shifted > 10 * error


def test_one_value_stays_one_value_and_the_same_rate_the_same_array() -> None:
    still = np.full((1, 2500), 777.0)
    np.testing.assert_allclose(resampled(still, 250.0, 500.0), 777.0, rtol=0, atol=1e-9)
    assert resampled(still, 250.0, 250.0) is still


def test_what_is_above_half_the_rate_goes() -> None:
    times = np.arange(20_000) / 2000.0
    high = np.sin(2 * np.pi * 600 * times)[None]
    assert np.abs(resampled(high, 2000.0, 500.0))[:, 100:-100].max() < 0.01


def test_rates_without_a_ratio_are_refused() -> None:
    with pytest.raises(InputError, match=r"437.123 Hz cannot be resampled to 500 Hz"):
        resampled(np.zeros((1, 4371)), 437.1234567, 500.0)


def test_recordings_of_other_rates_and_lengths_are_kept(tmp_path: Path) -> None:
    """The same heart at 1000 Hz and for twelve seconds: same beats, R at the same places."""
    counts = make_counts()
    put(tmp_path, "1_20205_2_0.xml")
    doubled = {
        lead: np.rint(np.interp(np.arange(10_000) / 2, np.arange(5000), row)).astype(int) for lead, row in counts.items()
    }
    fast = make_xml(
        doubled,
        rate='<SampleRate units="Hz">1000</SampleRate>',
        count="<ChannelSampleCountTotal>10000</ChannelSampleCountTotal>",
    )
    put(tmp_path, "2_20205_2_0.xml", fast)
    longer = {lead: np.concatenate([row, row[:1000]]) for lead, row in counts.items()}
    long = make_xml(longer, count="<ChannelSampleCountTotal>6000</ChannelSampleCountTotal>")
    put(tmp_path, "3_20205_2_0.xml", long)
    batch = read_folder(tmp_path)
    assert batch.signals is not None
    assert batch.recordings.frame["rate_hz"].to_list() == [500.0, 1000.0, 500.0]
    assert batch.recordings.frame["seconds"].to_list() == [10.0, 10.0, 12.0]
    peaks = [row[row >= 0].tolist() for row in batch.signals.r_samples]
    assert np.abs(np.array(peaks[0]) - np.array(peaks[1])).max() <= 1
    np.testing.assert_array_equal(batch.signals.strips[0], batch.signals.strips[2])
    refused = read_folder(tmp_path, longer="leave_out")
    assert refused.recordings.frame["reason"].to_list() == ["", "", "12 s, not 10 s"]


TOO_FEW = "fewer than 4 of the eight independent leads: missing lead II, III, aVR and 8 more"


def test_a_folder_of_many_formats(tmp_path: Path) -> None:
    """Eight recorders' files of one heart give the same beats, whatever the format."""
    for name, content in {
        "1_2.xml": make_xml().encode("latin-1"), "2_2.xml": vendors.muse(), "3_2.xml": vendors.aecg(),
        "4_2.xml": vendors.philips(), "5_2.dcm": vendors.dicom(), "6_2.edf": vendors.edf(),
        "9_2.xml": vendors.exercise(),
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(content)
    vendors.wfdb_16(tmp_path, name="7_2")
    vendors.array(tmp_path, name="8_2")
    batch = read_folder(tmp_path, pattern=r"^(?P<eid>\d+)_(?P<instance>\d)\.(xml|dcm|edf|hea|npy)$")
    reasons = dict(zip(batch.recordings.frame["eid"], batch.recordings.frame["reason"], strict=True))
    assert reasons == {str(k): "" for k in range(1, 9)} | {"9": TOO_FEW}
    assert batch.signals is not None
    first = batch.signals.beats[0]
    for k in range(1, 8):
        # MUSE stores eight leads, the other four are derived; half counts make the difference.
        np.testing.assert_allclose(batch.signals.beats[k], first, rtol=0, atol=5.0)
        np.testing.assert_array_equal(batch.signals.r_samples[k], batch.signals.r_samples[0])
