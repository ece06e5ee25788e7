"""One recording as functions of arrays: a file read as it is, and signals delineated as stage `read` does by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.delineation.measurements import GLOBAL_MEASUREMENTS, LEAD_MEASUREMENTS
from ecgwas.ecg import formats
from ecgwas.ecg.beats import Beats, find_beats, window_samples
from ecgwas.ecg.lead_status import LeadStatus
from ecgwas.ecg.premature import without_premature
from ecgwas.ecg.quality import signal_flaw, too_few_leads
from ecgwas.ecg.reading import resampled_and_cleaned
from ecgwas.ecg.recording import Recording
from ecgwas.ecg.rhythms import Finding, rhythm_of
from ecgwas.errors import InputError, first_few
from ecgwas.leads import ALL_LEADS, LEADS, twelve_leads
from ecgwas.represent.intervals import measure
from ecgwas.signals import FIDUCIAL_POINTS, LEAD_STATUS, Signals, StackedArrays
from ecgwas.study import ReadOptions

Floats = NDArray[np.float64]

OPTIONS = ReadOptions(recordings=Path())
"""The defaults of a study."""

MIN_SECONDS = 3.0
"""A shorter recording has too few beats for a median, and is shorter than the filters need."""


@dataclass(frozen=True)
class Delineation:
    """The result of `delineate`.

    r_peaks_s       (B,) float64, times of the R peaks, s from the first sample
    normal          (B,) bool, True if the beat entered the median beat; ectopic, noisy and incomplete beats did not
    times_ms        (T,) float64, times of the median beat's samples, ms from R, -350 to 600 ms, 500 per second
    median_beat_uv  (12, T) float32 µV, in the order of `leads`; zero is the PQ segment. A lead that is unusable or missing is
                    predicted from the others
    leads           names of the twelve leads
    lead_status     columns `lead`, `status` (good | artefacts | unusable | missing), `reason` (empty if good)
    fiducials       columns `point` (p_on, p_peak, p_off, qrs_on, qrs_off, t_peak, t_off), `ms` from R; null: absent
    measurements    columns `lead` (12L: all leads together), `measurement`, `value`, `unit`, `meaning`; null if not measurable
    rhythm          names of the rhythm and of disorders of conduction, as in `read.rhythms`, after `sinus_rhythm`; empty with
                    fewer than four beats
    rhythm_reason   the measurements that decided
    ectopic         (B,) bool, True for ectopic beats
    """

    r_peaks_s: Floats
    normal: NDArray[np.bool_]
    times_ms: Floats
    median_beat_uv: NDArray[np.float32]
    leads: tuple[str, ...]
    lead_status: pl.DataFrame
    fiducials: pl.DataFrame
    measurements: pl.DataFrame
    rhythm: tuple[str, ...]
    rhythm_reason: str
    ectopic: NDArray[np.bool_]


def read_recording(path: str | Path) -> Recording:
    """The recording in a file of any format that ecgwas reads, unchanged: nothing is filtered, resampled or derived.

    Nothing about the person is read. The format is recognised by the content (docs/read.md lists the formats).

    Returns an object with `leads` (name -> (S,) float64 µV; the leads of a file may differ in length, and gaps are NaN),
    `rate_hz` (samples per second), `seconds`, `device` (what the ECG device measured), `notes` and `warning`. Raises InputError
    with a short reason if the file is missing, damaged, or no recording.

    >>> import tempfile, pathlib, numpy as np, ecgwas
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> np.save(folder / "ecg.npy", np.tile([[0.1], [0.2]], 5000))
    >>> _ = (folder / "ecg.json").write_text('{"rate_hz": 500, "unit": "mV", "leads": ["I", "II"]}')
    >>> recording = ecgwas.read_recording(folder / "ecg.npy")
    >>> recording.rate_hz, recording.seconds, recording.leads["II"][:3].tolist()
    (500.0, 10.0, [200.0, 200.0, 200.0])
    """
    return formats.read(Path(path).expanduser())


def delineate(signals: Mapping[str, NDArray[Any]] | NDArray[Any], rate_hz: float) -> Delineation:
    """Beats, median beat, fiducial points and measurements of one recording, as a study with default options finds them.

    - signals: lead name -> (S,) µV, as `read_recording(path).leads`, or an array (12, S) in the order I, II, III, aVR, aVL,
      aVF, V1 to V6, with NaN throughout a missing lead. Missing limb leads are derived from others (Einthoven, Goldberger).
    - rate_hz: samples per second, 200 or more. The signals are resampled to 500, and baseline wander below 0.5 Hz is removed.

    At least 3 s, four of the eight independent leads (I, II, V1 to V6) and four normal beats are needed. A study uses the
    first ten seconds; here the whole length is used.

    Returns a Delineation. Raises InputError for another shape or length, gaps (NaN within a lead), a rate below 200 Hz, flat,
    saturated or impossible leads (such as volts instead of µV), and too few leads or normal beats. Intervals are invalid where
    no wave can be seen by eye either; docs/measurements.md defines every measurement and its source, docs/validation has the
    errors against a cardiologist's annotations.

    >>> import numpy as np, ecgwas
    >>> from ecgwas.simulate import draw_hearts, simulate_signals
    >>> rng = np.random.default_rng(1)
    >>> signals = simulate_signals(draw_hearts(1, rng), rng).noisy_uv[0]
    >>> found = ecgwas.delineate(signals, 500)
    >>> found.median_beat_uv.shape
    (12, 475)
    >>> qt = found.measurements.filter(lead="12L", measurement="qt_ms").row(0, named=True)
    >>> qt["unit"], 300 < qt["value"] < 520
    ('ms', True)
    """
    raw = _twelve(signals, rate_hz)
    flaw = signal_flaw(OPTIONS.quality, raw, rate_hz)
    if flaw is not None:
        raise InputError(flaw, fix="check the unit (µV) and the leads, or exclude the recording")
    present = np.asarray(np.isfinite(raw).all(axis=1))
    raw, strip = resampled_and_cleaned(OPTIONS, raw, rate_hz)
    search = find_beats(OPTIONS.beats, strip, OPTIONS.rate_hz)
    if search.beats is None:
        problem = f"fewer than {OPTIONS.beats.min_beats} normal beats"
        raise InputError(problem, fix="check the rate, or exclude the recording: it is too noisy, too short, or not an ECG")
    status = LeadStatus.of(search.noise, strip).with_present_leads(present)
    rhythm = rhythm_of(OPTIONS, raw, strip, search)
    beats = without_premature(OPTIONS.beats, strip, search.beats, rhythm.premature, OPTIONS.rate_hz)
    delineated = with_fiducials(_signals(strip, status.with_predicted_leads(beats), status))
    return _summary(delineated, beats, status, rhythm)


def _twelve(signals: Mapping[str, NDArray[Any]] | NDArray[Any], rate_hz: float) -> Floats:
    """(12, S) µV; NaN in missing leads."""
    if not OPTIONS.slowest_hz <= rate_hz <= formats.MAX_HZ:
        problem = f"a rate of {rate_hz:g} Hz; it must be {OPTIONS.slowest_hz:g} to {formats.MAX_HZ:g}"
        raise InputError(problem, fix="give samples per second")
    leads = signals if isinstance(signals, Mapping) else _by_name(np.asarray(signals))
    known = {name: np.asarray(values, dtype=np.float64) for name, values in leads.items() if name in LEADS}
    if not known:
        raise InputError(f"none of the leads is known: {first_few(leads)}", fix=f"name them {', '.join(LEADS)}")
    shapes = {values.shape for values in known.values()}
    samples = next(iter(known.values())).size
    if len(shapes) > 1 or next(iter(shapes)) != (samples,):
        raise InputError("the leads differ in length", fix="give one-dimensional arrays of one length, of one recording")
    if samples < MIN_SECONDS * rate_hz:
        raise InputError(f"{samples / rate_hz:.3g} s; at least {MIN_SECONDS:g} s are needed", fix="give the whole recording")
    with_gaps = [name for name, values in known.items() if not np.isfinite(values).all() and np.isfinite(values).any()]
    if with_gaps:
        fix = "cut the gap off, or set the whole lead to NaN"
        raise InputError(f"samples are missing or infinite in lead {first_few(with_gaps, 12)}", fix=fix)
    raw = twelve_leads({name: values for name, values in known.items() if np.isfinite(values).all()} or known)
    too_few = too_few_leads(OPTIONS.quality, np.asarray(np.isfinite(raw).all(axis=1)))
    if too_few is not None:
        raise InputError(too_few, fix="give more of the leads I, II and V1 to V6")
    return raw


def _by_name(array: NDArray[Any]) -> dict[str, NDArray[Any]]:
    if array.ndim != 2 or array.shape[0] != len(LEADS):
        fix = f"give twelve rows ({', '.join(LEADS)}), or a mapping from lead names to arrays"
        raise InputError(f"signals of shape {array.shape}, not (12, samples)", fix=fix)
    return dict(zip(LEADS, array, strict=True))


def _signals(strip: NDArray[np.float32], beats: Beats, status: LeadStatus) -> Signals:
    """The recording as a cohort of one."""
    rows = [StackedArrays([np.asarray(part, dtype=np.float32)[None]]) for part in (strip, beats.median, beats.odd, beats.even)]
    before, _ = window_samples(OPTIONS.beats, OPTIONS.rate_hz)
    return Signals(
        ("recording",), OPTIONS.rate_hz, before, rows[0], rows[1], rows[2], rows[3], beats.noise[None].astype(np.float32),
        beats.r_samples[None].astype(np.int32), beats.normal[None], status.status[None],
    )  # fmt: skip


def _summary(signals: Signals, beats: Beats, status: LeadStatus, rhythm: Finding) -> Delineation:
    points = {"point": list(FIDUCIAL_POINTS), "ms": signals.beat_fiducials_ms[0]}
    states = [(lead, LEAD_STATUS[status.status[k]], status.reason(lead)) for k, lead in enumerate(LEADS)]
    return Delineation(
        r_peaks_s=beats.r_samples / signals.rate_hz,
        normal=beats.normal,
        times_ms=signals.beat_times_ms,
        median_beat_uv=np.asarray(signals.beats[0]),
        leads=signals.leads,
        lead_status=pl.DataFrame(states, schema=["lead", "status", "reason"], orient="row"),
        fiducials=pl.DataFrame(points).with_columns(pl.col("ms").fill_nan(None)),
        measurements=_measurements(signals),
        rhythm=rhythm.names,
        rhythm_reason=rhythm.reason,
        ectopic=rhythm.ectopic,
    )


def _measurements(signals: Signals) -> pl.DataFrame:
    rows = []
    for lead, values in measure(signals, 0).items():
        declared = GLOBAL_MEASUREMENTS if lead == ALL_LEADS else LEAD_MEASUREMENTS
        rows += [(lead, name, value, declared[name].unit, declared[name].meaning) for name, value in values.items()]
    schema = {
        "lead": pl.String, "measurement": pl.String, "value": pl.Float64, "unit": pl.String, "meaning": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("value").fill_nan(None))
