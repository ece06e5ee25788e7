"""Section `read`: where the recordings are, how they are cleaned, and which are usable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from ecgwas.study.base import Options, StudyPath, option


class MovingAverage(Options):
    """Subtract a running mean (uniform window, reflected ends), as the source study did.

    A window of 0.5 s acts as a 1.6 Hz high-pass filter and flattens ST and T; see docs/read.md.
    """

    kind: Literal["moving_average"] = "moving_average"
    window_s: float = option(0.5, unit="s", gt=0, le=10)
    """Length of the window."""


class HighPass(Options):
    """Zero-phase Butterworth high-pass filter."""

    kind: Literal["highpass"] = "highpass"
    cutoff_hz: float = option(0.5, unit="Hz", gt=0, lt=5)
    """Frequency at which amplitude is halved (-6 dB after both passes)."""
    order: int = option(2, ge=1, le=8)
    """Order of one pass."""


class Wavelet(Options):
    """Wavelet shrinkage with the universal threshold (VisuShrink); sigma is estimated from the finest detail by its MAD."""

    kind: Literal["wavelet"] = "wavelet"
    wavelet: str = "db4"
    """A discrete wavelet of PyWavelets."""
    levels: int = option(4, ge=1, le=10)
    """Levels of the decomposition."""
    mode: Literal["soft", "hard"] = "soft"
    """How coefficients above the threshold are treated."""

    @field_validator("wavelet")
    @classmethod
    def _wavelet_exists(cls, name: str) -> str:
        import pywt

        if name not in pywt.wavelist(kind="discrete"):
            raise ValueError("not a discrete wavelet of PyWavelets, such as db4, sym4 or coif3")
        return name


class Fourier(Options):
    """Band-pass filter: keep the frequencies of a band, remove the others."""

    kind: Literal["fourier"] = "fourier"
    low_hz: float = option(0.5, unit="Hz", ge=0)
    """Lowest frequency kept."""
    high_hz: float = option(40.0, unit="Hz", gt=0)
    """Highest frequency kept."""

    @model_validator(mode="after")
    def _band_is_not_empty(self) -> Self:
        if self.low_hz >= self.high_hz:
            raise ValueError(f"low_hz ({self.low_hz:g}) must be below high_hz ({self.high_hz:g})")
        return self


class Untouched(Options):
    """Leave the signal unchanged."""

    kind: Literal["none"] = "none"


class BeatOptions(Options):
    """How beats are detected, selected and averaged."""

    before_ms: float = option(350.0, unit="ms", gt=50, le=600)
    """Start of the median beat before the R peak; it must include P (which began 218 ms before R in UK Biobank's example)."""
    after_ms: float = option(600.0, unit="ms", gt=200, le=1000)
    """End of the median beat after the R peak."""
    min_correlation: float = option(0.85, gt=0, lt=1)
    """Beats that correlate less with the median beat (all leads together) are ectopic or noisy, and excluded."""
    exclude_premature: bool = True
    """Premature beats of the usual shape (atrial ectopic beats) are excluded from the median beat, too, if `min_beats` others
    remain. In atrial fibrillation or flutter no beat is premature."""
    min_beats: int | None = option(4, ge=2)
    """Recordings with fewer normal beats are excluded; none: they are kept, and representations can only use whole recordings
    (`input: strip`)."""


Rhythm = Literal[
    "atrial_fibrillation", "atrial_flutter", "paced", "pre_excitation", "high_degree_av_block", "left_bundle_branch_block",
    "right_bundle_branch_block", "broad_qrs", "first_degree_av_block", "no_p_waves", "frequent_ectopy", "bradycardia",
    "tachycardia",
]  # fmt: skip
RHYTHMS: Mapping[str, str] = {
    "atrial_fibrillation": "atrial fibrillation", "atrial_flutter": "atrial flutter", "paced": "a paced rhythm",
    "pre_excitation": "ventricular pre-excitation", "high_degree_av_block": "AV block of second or third degree",
    "left_bundle_branch_block": "left bundle branch block", "right_bundle_branch_block": "right bundle branch block",
    "broad_qrs": "another broad QRS", "first_degree_av_block": "AV block of first degree", "no_p_waves": "no P waves",
    "frequent_ectopy": "frequent ectopic beats", "bradycardia": "bradycardia", "tachycardia": "tachycardia",
}  # fmt: skip
"""Rhythms and disorders of conduction that stage `read` finds, in the order in which it names them, in words."""


class RhythmOptions(Options):
    """Which rhythms are excluded."""

    exclude: tuple[Rhythm, ...] = ()
    """Recordings with one of these are excluded: atrial_fibrillation, atrial_flutter, paced, pre_excitation,
    high_degree_av_block, left_bundle_branch_block, right_bundle_branch_block, broad_qrs, first_degree_av_block, no_p_waves,
    frequent_ectopy, bradycardia, tachycardia. Column `rhythm` of recordings.parquet names them, excluded or not; docs/read.md
    has the rule of each, and which ones GWAS of the ECG usually exclude."""


class QualityOptions(Options):
    """Which recordings are usable."""

    min_leads: int | None = option(4, ge=3, le=8)
    """Smallest number of the eight independent leads (I, II, V1-V6; derived limb leads count); the others may be missing. none:
    one lead is enough, and representations can only use whole recordings, lead by lead."""
    max_flat_s: float | None = option(1.0, unit="s", gt=0)
    """A lead that stays at one value for longer is flat, and its recording is excluded; none: no limit."""
    max_saturated: float | None = option(0.02, ge=0, le=1)
    """Largest share of samples at a lead's extreme value; some ECG devices repeat a value for their last 0.1 s (0.014); none:
    no limit."""
    max_amplitude_uv: float | None = option(20000.0, unit="uV", gt=0)
    """A raw lead that deviates further from its median is not an ECG; none: no limit."""
    min_amplitude_uv: float | None = option(100.0, unit="uV", gt=0)
    """A recording none of whose raw leads deviates this far from its median is not an ECG, or has another unit; none: no
    limit."""
    lead_noise: bool = True
    """Compare each lead with the others: a lead that is too noisy has no features. false: only missing leads have none."""
    max_noise_uv: float | None = option(None, unit="uV", gt=0)
    """Largest noise between beats of a recording (median over leads); none: no limit."""


Baseline = Annotated[MovingAverage | HighPass | Untouched, Field(discriminator="kind")]
Denoise = Annotated[Wavelet | Fourier | Untouched, Field(discriminator="kind")]


class ReadOptions(Options):
    """Recordings in, cleaned signals out."""

    recordings: StudyPath
    """A folder of recordings, or a table (.csv, .tsv) with columns eid, path and, optionally, lead and instance."""
    pattern: str = r"^(?P<eid>[^_]+)(?:_(?P<lead>I|II|III|aVR|aVL|aVF|V[1-6]))?_20205_(?P<instance>\d+)_(?P<array>\d+)\.xml$"
    """Regular expression for file names (case is ignored) with groups eid and instance and, optionally, array and lead."""
    instance: int = option(2, ge=0)
    """The visit to use when a participant has several; the others are listed with the reason."""
    choose: Literal["visit", "first", "last", "best_quality"] = "visit"
    """Which recording of a participant with several is analysed. `visit`: of visit `instance`, else of the lowest one.
    `first`, `last`: by the column date of a table of recordings, else by visit. `best_quality`: all are read; the one with most
    usable leads, then most leads without artefacts, then least noise between beats (no repeat visit is then read)."""
    other_instances: bool = True
    """Keep participants who have another visit but not `instance`."""
    lead_by_lead: bool = False
    """Choose among a participant's one-lead files lead by lead: a lead that only another visit has is taken from that visit.
    Leads of two visits share no heartbeat, so representations can only use whole recordings, lead by lead."""
    derive_leads: bool = True
    """Derive limb leads that are missing or unusable from the others (Einthoven, Goldberger)."""
    repeat_visits: bool = True
    """Also read a second visit of participants with several. It is never tested: it measures how well each feature repeats
    between visits (reliability.csv)."""
    leave_out: StudyPath | None = None
    """A file of eids, one per line, to exclude everywhere (withdrawn consent); or a table with columns eid and reason, as
    `ecgwas covariates ukb` writes it."""
    rate_hz: float = option(500.0, unit="Hz", gt=0)
    """Sampling rate of the study; recordings with another rate are resampled to it."""
    slowest_hz: float = option(200.0, unit="Hz", gt=0)
    """Recordings with a lower sampling rate are excluded with the reason: the edges of QRS would be lost."""
    seconds: float = option(10.0, unit="s", gt=0)
    """Length of a recording; shorter ones are excluded with the reason."""
    longer: Literal["cut", "leave_out"] = "cut"
    """Longer recordings: `cut` uses their first `seconds`; `leave_out` excludes them with the reason."""
    baseline: Baseline = HighPass()
    """How baseline wander is removed."""
    denoise: Denoise = Untouched()
    """How noise is removed."""
    beats: BeatOptions = BeatOptions()
    """How beats are detected, selected and averaged."""
    quality: QualityOptions = QualityOptions()
    """Which recordings are usable."""
    rhythms: RhythmOptions = RhythmOptions()
    """Which rhythms are excluded."""
    people_per_part: int = option(2000, ge=1)
    """Number of participants read in one part (one job on a cluster)."""

    @property
    def by_date(self) -> bool:
        """Whether dates of a table of recordings are read."""
        return self.choose in ("first", "last")

    @model_validator(mode="after")
    def _one_recording_is_chosen(self) -> Self:
        if self.choose == "best_quality" and self.lead_by_lead:
            raise ValueError(
                "choose: best_quality compares whole recordings, and lead_by_lead combines several; use one of them"
            )
        return self

    @property
    def options_without_common_beats(self) -> list[str]:
        """Options of this study, as written in its file, with which some participants lack median beats common to all leads."""
        return [
            *(["`read.lead_by_lead: true`"] if self.lead_by_lead else []),
            *(["`read.beats.min_beats: null`"] if self.beats.min_beats is None else []),
            *(["`read.quality.min_leads: null`"] if self.quality.min_leads is None else []),
        ]

    @field_validator("pattern")
    @classmethod
    def _pattern_has_groups(cls, pattern: str) -> str:
        try:
            groups = set(re.compile(pattern).groupindex)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        absent = sorted({"eid", "instance"} - groups)
        if absent:
            raise ValueError(f"the pattern lacks the group {' and '.join(absent)}, as in (?P<eid>[0-9]+)")
        return pattern
