"""Section `read`: where the recordings are, how they are cleaned, what counts as usable."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from ecgwas.study.base import Options, StudyPath, option


class MovingAverage(Options):
    """Subtract a running mean (uniform window, reflected ends): what the source study did.

    A window of 0.5 s is in effect a 1.6 Hz high-pass and flattens ST and T; see docs/read.md.
    """

    kind: Literal["moving_average"] = "moving_average"
    window_s: float = option(0.5, unit="s", gt=0, le=10)
    """Length of the window."""


class HighPass(Options):
    """Zero-phase Butterworth high-pass."""

    kind: Literal["highpass"] = "highpass"
    cutoff_hz: float = option(0.5, unit="Hz", gt=0, lt=5)
    """Frequency at which the amplitude is halved (-6 dB after both passes)."""
    order: int = option(2, ge=1, le=8)
    """Order of one pass."""


class Wavelet(Options):
    """Wavelet shrinkage with the universal threshold (VisuShrink), sigma from the finest detail by its MAD."""

    kind: Literal["wavelet"] = "wavelet"
    wavelet: str = "db4"
    """Any discrete wavelet of PyWavelets."""
    levels: int = option(4, ge=1, le=10)
    """Levels of the decomposition."""
    mode: Literal["soft", "hard"] = "soft"
    """How coefficients above the threshold are treated."""

    @field_validator("wavelet")
    @classmethod
    def _wavelet_exists(cls, name: str) -> str:
        import pywt

        if name not in pywt.wavelist(kind="discrete"):
            raise ValueError("no discrete wavelet of PyWavelets; db4, sym4, coif3 and others are")
        return name


class Fourier(Options):
    """Keep the frequencies of a band, drop the rest."""

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
    """Leave the signal as it is."""

    kind: Literal["none"] = "none"


class BeatOptions(Options):
    """How beats are found, kept and averaged."""

    before_ms: float = option(350.0, unit="ms", gt=50, le=600)
    """Start of the median beat before the R peak; P must lie inside (it began 218 ms before R in UK Biobank's example)."""
    after_ms: float = option(600.0, unit="ms", gt=200, le=1000)
    """End of the median beat after the R peak."""
    min_correlation: float = option(0.85, gt=0, lt=1)
    """A beat that correlates less with the median beat (all leads together) is ectopic or noisy and is left out."""
    min_beats: int | None = option(4, ge=2)
    """Recordings with fewer normal beats are left out; none: they are kept, and only whole recordings (`input: strip`) can be
    represented."""


class QualityOptions(Options):
    """Which recordings are usable."""

    min_leads: int | None = option(4, ge=3, le=8)
    """Smallest number of the eight independent leads (I, II, V1-V6; limb leads derived by algebra count); the others may be
    missing. none: one lead is enough, and only whole recordings, lead by lead, can be represented."""
    max_flat_s: float | None = option(1.0, unit="s", gt=0)
    """A lead that stays on one value for longer is flat, and its recording is left out; none: no limit."""
    max_saturated: float | None = option(0.02, ge=0, le=1)
    """Largest share of samples resting at a lead's extreme value; some recorders hold a value for their last 0.1 s (0.014);
    none: no limit."""
    max_amplitude_uv: float | None = option(20000.0, unit="uV", gt=0)
    """A raw lead that swings further from its median than this is no ECG; none: no limit."""
    min_amplitude_uv: float | None = option(100.0, unit="uV", gt=0)
    """A recording none of whose raw leads swings so far from its median is no ECG, or of another unit; none: no limit."""
    lead_noise: bool = True
    """Compare each lead with the others: a lead that is too noisy has no features. Off: only missing leads have none."""
    max_noise_uv: float | None = option(None, unit="uV", gt=0)
    """Largest beat-to-beat noise of a recording (median over leads); none: no limit."""


Baseline = Annotated[MovingAverage | HighPass | Untouched, Field(discriminator="kind")]
Denoise = Annotated[Wavelet | Fourier | Untouched, Field(discriminator="kind")]


class ReadOptions(Options):
    """Recordings in, cleaned signals out."""

    recordings: StudyPath
    """A folder of recordings, or a table (.csv, .tsv) with columns eid, path and, if wanted, lead and instance."""
    pattern: str = r"^(?P<eid>[^_]+)(?:_(?P<lead>I|II|III|aVR|aVL|aVF|V[1-6]))?_20205_(?P<instance>\d+)_(?P<array>\d+)\.xml$"
    """Regular expression for file names, case ignored, with groups eid and instance, and if wanted array and lead."""
    instance: int = option(2, ge=0)
    """The visit that is kept when a person has several; the others are listed with the reason."""
    other_instances: bool = True
    """Keep people who have only another visit than `instance`."""
    lead_by_lead: bool = False
    """Choose among a person's one-lead files lead by lead: a lead that only another visit has is taken from there. Leads of two
    visits have no heartbeat in common, so only whole recordings, lead by lead, can be represented."""
    derive_leads: bool = True
    """Derive limb leads that are missing or cannot be used from the others (Einthoven, Goldberger)."""
    repeat_visits: bool = True
    """Of people with several visits, read a second one too. It is never tested: it tells how well each feature repeats from
    visit to visit (reliability.csv)."""
    leave_out: StudyPath | None = None
    """A file of eids, one a line, to leave out everywhere (withdrawn consent)."""
    rate_hz: float = option(500.0, unit="Hz", gt=0)
    """Samples per second of the study; recordings at another rate are resampled to it."""
    slowest_hz: float = option(200.0, unit="Hz", gt=0)
    """Recordings with fewer samples per second are left out with the reason: QRS would have lost its edges."""
    seconds: float = option(10.0, unit="s", gt=0)
    """Length of a recording; shorter ones are left out with the reason."""
    longer: Literal["cut", "leave_out"] = "cut"
    """Longer recordings: their first `seconds` are used, or they are left out with the reason."""
    baseline: Baseline = HighPass()
    """How slow wander is removed."""
    denoise: Denoise = Untouched()
    """How noise is removed."""
    beats: BeatOptions = BeatOptions()
    """How beats are found, kept and averaged."""
    quality: QualityOptions = QualityOptions()
    """Which recordings are usable."""
    people_per_part: int = option(2000, ge=1)
    """People read in one part (one job on a cluster)."""

    @property
    def without_common_beats(self) -> list[str]:
        """The options, as a study file has them, by which people may be kept whose leads have no median beats in common."""
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
