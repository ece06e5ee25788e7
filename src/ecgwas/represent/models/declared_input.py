"""Recordings as a trained model expects them: its leads, sampling rate, length, unit, scaling and axes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from ecgwas.errors import InputError
from ecgwas.represent.inputs import Floats, Index
from ecgwas.signals import Signals
from ecgwas.study import TrainedEncoder

LARGEST_RATIO = 10_000
"""Of the whole numbers whose ratio approximates that of two sampling rates."""
SMALLEST_SD = 1e-8
"""Of scaling by the SD of a recording: a flat one stays at zero."""
UNITS_PER_UV = {"uV": 1.0, "mV": 1e-3}


@dataclass(frozen=True)
class DeclaredInput:
    """What a model is given of signals with `given_samples` samples at `given_hz`.

    samples   of one strip or beat, at the model's rate
    strips    whole strips in one recording; 1 of beats
    """

    options: TrainedEncoder
    given_hz: float
    given_samples: int
    samples: int
    strips: int

    @classmethod
    def of(cls, options: TrainedEncoder, signals: Signals) -> DeclaredInput:
        """Raises InputError if a recording is shorter than the model's strip."""
        given = (signals.strips if options.uses_strips else signals.beats).shape[2]
        whole = -(-given * _ratio(options, signals.rate_hz).numerator // _ratio(options, signals.rate_hz).denominator)
        samples = whole if options.seconds is None else round(options.seconds * options.rate_hz)
        if samples < 1 or samples > whole:
            raise InputError(
                f"the model takes {options.seconds:g} s; a recording of this study has {given / signals.rate_hz:g} s",
                where=options.file, fix="correct `seconds` of this representation, or `read.seconds`",
            )  # fmt: skip
        return cls(options, signals.rate_hz, given, samples, whole // samples)

    def read(self, signals: Signals, people: Index) -> tuple[Floats, NDArray[np.bool_]]:
        """The strips of these participants, participant by participant, and which of them (B,) have all leads.

        (B * strips, leads, samples), (B * strips, samples, leads) or (B * strips, leads * samples) float32. Of a participant
        who lacks a lead or a median beat all voltages are zero.
        """
        source = signals.strips if self.options.uses_strips else signals.beats
        lead_rows = [signals.leads.index(lead) for lead in self.options.leads]
        microvolts = np.stack([source[int(person)][lead_rows] for person in people]).astype(np.float64)
        lacking = np.asarray(signals.without_features[people][:, lead_rows]).any(axis=1)
        usable = np.asarray(np.isfinite(microvolts).all(axis=(1, 2)) & ~lacking, dtype=np.bool_)
        microvolts[~usable] = 0.0
        ratio = _ratio(self.options, self.given_hz)
        if ratio != 1:
            # A line through the first and last sample is subtracted first: else a voltage would fall to zero at the ends.
            microvolts = resample_poly(microvolts, ratio.numerator, ratio.denominator, axis=2, padtype="line")
        return self._laid_out(self._scaled(self._cut(microvolts))), usable

    def _cut(self, recordings: NDArray[np.float64]) -> NDArray[np.float64]:
        """(B * strips, leads, samples) from (B, leads, samples of a recording)."""
        count, leads, _ = recordings.shape
        whole = recordings[:, :, : self.strips * self.samples]
        strips = whole.reshape(count, leads, self.strips, self.samples)
        return strips.transpose(0, 2, 1, 3).reshape(-1, leads, self.samples)

    def _scaled(self, microvolts: NDArray[np.float64]) -> NDArray[np.float64]:
        voltages = (microvolts * UNITS_PER_UV[self.options.unit] - self.options.mean) / self.options.sd
        if self.options.scaling == "none":
            return voltages
        axes = 2 if self.options.scaling == "each_lead" else (1, 2)
        centred = voltages - voltages.mean(axis=axes, keepdims=True)
        scaled: NDArray[np.float64] = centred / np.maximum(voltages.std(axis=axes, keepdims=True), SMALLEST_SD)
        return scaled

    def _laid_out(self, strips: NDArray[np.float64]) -> Floats:
        layout = self.options.layout
        if layout == "samples_leads":
            strips = strips.transpose(0, 2, 1)
        elif layout == "flat":
            strips = strips.reshape(len(strips), -1)
        return np.ascontiguousarray(strips, dtype=np.float32)


def _ratio(options: TrainedEncoder, given_hz: float) -> Fraction:
    """The model's rate over that of the signals."""
    return (Fraction(options.rate_hz) / Fraction(given_hz)).limit_denominator(LARGEST_RATIO)
