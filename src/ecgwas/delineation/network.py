"""A small convolutional network that proposes where P, QRS and T begin and end in a beat, for each lead and for all together.

It was trained on LUDB (Kalyakulina et al., IEEE Access 8:186181, 2020; ODC-By 1.0), by
`python -m benchmarks.findings.delineation_training`. One network with the same weights looks at every lead; after some
layers each lead receives the mean and maximum over all leads, so any number of leads in any order is possible. For each
point it gives a probability at every moment of the beat, and for P and T the probability that there is none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from scipy.ndimage import gaussian_filter1d

from ecgwas.delineation.spatial_velocity import QRS_WINDOW_MS

Floats = NDArray[np.float64]
Single = NDArray[np.float32]

WEIGHTS = Path(__file__).parent / "network.safetensors"
POINTS = ("p_on", "p_off", "qrs_on", "qrs_off", "t_off")
"""What it proposes, in this order; also fields of Fiducials."""
STEP_MS = 4.0
GRID_MS = np.arange(-360.0, 600.0, STEP_MS)
"""Moments from R at which the network sees a beat. What the beat lacks of them repeats its first or last sample."""
ANTIALIAS_MS = 2.0
MIN_RANGE_SHARE, MIN_RANGE_UV = 0.3, 100.0
"""Each lead is divided by its range, but at least by this share of the largest range, and this voltage."""
SMALL_UV, SLOPE_UV = 20.0, 4.0
"""Small waves are shown on a scale that is linear below this voltage, or slope in µV per step, and logarithmic above."""
VELOCITY_FLOOR = 0.003
SCALE_MS, NEXT_BEAT = 300.0, (-2.0, 1.0)
CHANNELS = 6
BEFORE_R, AFTER_R = slice(0, 90), slice(100, len(GRID_MS))
"""Steps of the grid in which P, and T, can be: presence is judged from means and maxima over them."""
SLOWEST_MS = 2000.0


@dataclass(frozen=True)
class Proposal:
    """Times (5,) in ms from R, in the order of POINTS, and probabilities that there is no P, or no T."""

    times_ms: Floats
    p_absent: float
    t_absent: float


def on_grid(leads: Floats, times_ms: Floats) -> Single:
    """(L, GRID) µV from a beat (L, T) µV at times_ms (T,), evenly spaced, from R."""
    smooth = gaussian_filter1d(leads, ANTIALIAS_MS / (times_ms[1] - times_ms[0]), axis=1, mode="nearest")
    return np.stack([np.interp(GRID_MS, times_ms, lead) for lead in smooth]).astype(np.float32)


def channels(beats: Single, rr_ms: Single) -> Single:
    """(N, L, GRID, CHANNELS) that the network sees, from beats (N, L, GRID) µV, zero at PQ, and mean RR (N,), ms or NaN.

    The lead in units of its range; the lead, and its slope, on scales for small waves; spatial velocity, logarithmic; time
    from R; time from the next beat.
    """
    first, last = QRS_WINDOW_MS
    qrs = np.flatnonzero((first <= GRID_MS) & (last >= GRID_MS))
    ranges = np.ptp(beats[:, :, qrs], axis=2)
    ranges = np.maximum(ranges, np.maximum(MIN_RANGE_SHARE * ranges.max(axis=1, keepdims=True), MIN_RANGE_UV))[:, :, None]
    slope = np.zeros_like(beats)
    slope[:, :, 1:-1] = (beats[:, :, 2:] - beats[:, :, :-2]) / 2
    velocity = np.sqrt(((slope / ranges) ** 2).mean(axis=1, keepdims=True))
    velocity = velocity / np.maximum(velocity[:, :, qrs].max(axis=2, keepdims=True), 1e-9)
    slowest = np.where(np.isfinite(rr_ms), rr_ms, SLOWEST_MS)[:, None]
    after_next = np.clip((GRID_MS - slowest) / SCALE_MS, *NEXT_BEAT)[:, None]
    shown = (beats / ranges, np.arcsinh(beats / SMALL_UV) / 2, np.arcsinh(slope / SLOPE_UV) / 2,
             np.log(velocity + VELOCITY_FLOOR) / 3 + 1, GRID_MS / SCALE_MS, after_next)  # fmt: skip
    return np.stack([np.broadcast_to(channel, beats.shape) for channel in shown], axis=3).astype(np.float32)


class Network:
    """Its members, trained on different variations of the same beats, and how to apply them: what they propose is averaged.

    notes: what is written with the weights.
    """

    def __init__(self, members: list[Member], notes: dict[str, str]) -> None:
        self.members, self.notes = members, notes

    @classmethod
    def load(cls, path: Path) -> Network:
        """From a safetensors file; names of weights begin with the number of the member."""
        with safe_open(path, framework="numpy") as file:
            weights = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
            notes = file.metadata()
        members = []
        for member in sorted({name.split(".")[0] for name in weights}):
            own = {name.partition(".")[2]: value for name, value in weights.items() if name.split(".")[0] == member}
            members.append(Member(own, json.loads(notes["dilations"]), json.loads(notes["mixed"])))
        return cls(members, notes)

    def propose(self, leads: Floats, times_ms: Floats, rr_ms: float) -> Proposal:
        """Onsets and ends in a beat (L, T) µV, zero at PQ, at times_ms (T,) from R; rr_ms mean RR interval or NaN.

        All leads together.
        """
        shown = self._input(leads, times_ms, rr_ms)
        together = [member.logits(shown)[:2] for member in self.members]
        p_absent, t_absent = np.mean([absent(*of_member) for of_member in together], axis=0)
        return Proposal(np.mean([median_ms(logits) for logits, _ in together], axis=0), float(p_absent), float(t_absent))

    def propose_by_lead(self, leads: Floats, times_ms: Floats, rr_ms: float) -> list[Proposal]:
        """The same for each of the leads."""
        shown = self._input(leads, times_ms, rr_ms)
        proposals = []
        by_member = [list(zip(*member.logits(shown)[2:], strict=True)) for member in self.members]
        for of_lead in zip(*by_member, strict=True):
            p_absent, t_absent = np.mean([absent(*of_member) for of_member in of_lead], axis=0)
            times = np.mean([median_ms(logits) for logits, _ in of_lead], axis=0)
            proposals.append(Proposal(times, float(p_absent), float(t_absent)))
        return proposals

    @staticmethod
    def _input(leads: Floats, times_ms: Floats, rr_ms: float) -> Single:
        shown: Single = channels(on_grid(leads, times_ms)[None], np.array([rr_ms], dtype=np.float32))[0]
        return shown


class Member:
    """One network's weights and how to apply them. Convolutions are products of matrices; one beat of eight leads takes 3 ms.

    weights: name -> array, named as in `benchmarks.findings.delineation_training`; dilations, mixed: of each inner layer its
    dilation, and which ones are followed by an exchange between leads.
    """

    def __init__(self, weights: dict[str, Single], dilations: list[int], mixed: list[int]) -> None:
        self._weights, self._dilations, self._mixed = weights, dilations, mixed

    def logits(self, shown: Single) -> tuple[Single, Single, Single, Single]:
        """From (L, GRID, CHANNELS): (GRID, 5) and (2,) for all leads together, (L, GRID, 5) and (L, 2) for each."""
        hidden = _rectified(self._convolved("first", shown, 1))
        for layer, dilation in enumerate(self._dilations):
            hidden = hidden + _rectified(self._convolved(f"convs.{layer}", hidden, dilation))
            if layer in self._mixed:
                hidden = hidden + self._linear(f"mixers.{layer}", _pooled(hidden, axis=0))
        together = self._linear("together.2", _rectified(self._linear("together.0", _pooled(hidden, axis=0))))
        none_by_lead = np.stack([self._none("none_by_lead", lead) for lead in hidden])
        return together, self._none("none", hidden.mean(axis=0)), self._linear("by_lead", hidden), none_by_lead

    def _none(self, name: str, hidden: Single) -> Single:
        """(2,) from (GRID, C): of P from what is before R, of T from what is after it."""
        before, after = (self._linear(name, _pooled(hidden[part], axis=0)) for part in (BEFORE_R, AFTER_R))
        return np.array([before[0], after[1]], dtype=np.float32)

    def _linear(self, name: str, values: Single) -> Single:
        weight = self._weights[f"{name}.weight"]
        result: Single = values @ weight.reshape(weight.shape[:2]).T + self._weights[f"{name}.bias"]
        return result

    def _convolved(self, name: str, values: Single, dilation: int) -> Single:
        """(L, T, C') from (L, T, C), zero beyond the ends."""
        weight = self._weights[f"{name}.weight"]  # (C', C, K)
        length, width = values.shape[1], weight.shape[2]
        reach = width // 2 * dilation
        padded = np.pad(values, ((0, 0), (reach, reach), (0, 0)))
        shifted = np.concatenate([padded[:, k * dilation : k * dilation + length] for k in range(width)], axis=2)
        result: Single = shifted @ weight.transpose(2, 1, 0).reshape(-1, len(weight)) + self._weights[f"{name}.bias"]
        return result


def _rectified(values: Single) -> Single:
    return np.maximum(values, np.float32(0))


def _pooled(values: Single, axis: int) -> Single:
    """Mean and maximum over an axis, side by side."""
    return np.concatenate([values.mean(axis=axis), values.max(axis=axis)], axis=-1)


def absent(logits: Single, none: Single) -> tuple[float, float]:
    """Probability that there is no P, and no T, from (GRID, 5) and (2,)."""
    shares = []
    for point, nothing in ((0, none[0]), (4, none[1])):
        largest = max(float(logits[:, point].max()), float(nothing))
        somewhere = np.exp(logits[:, point].astype(np.float64) - largest).sum()
        shares.append(float(np.exp(nothing - largest) / (np.exp(nothing - largest) + somewhere)))
    return shares[0], shares[1]


def median_ms(logits: Single) -> Floats:
    """(5,) ms from R: medians of the distributions over time of (GRID, 5)."""
    shares = np.exp(logits.astype(np.float64) - logits.max(axis=0))
    cumulative = np.cumsum(shares, axis=0) / shares.sum(axis=0)
    edges = np.append(GRID_MS, GRID_MS[-1] + STEP_MS) - STEP_MS / 2
    return np.array([np.interp(0.5, np.append(0.0, column), edges) for column in cumulative.T])


@cache
def installed() -> Network:
    """The network that comes with ecgwas."""
    return Network.load(WEIGHTS)
