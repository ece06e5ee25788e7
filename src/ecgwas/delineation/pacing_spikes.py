"""Pacing spikes: where they are, including their tails, and beats without them.

A bipolar spike lasts 2 ms. After a unipolar one the electrode's charge decays over some 20 ms and looks like the beginning of
QRS. The muscle answers after that: the leads are calmest in between.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from ecgwas.delineation.spatial_velocity import FAST_SHARE, GAP_MS, SpatialVelocity

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SHORT_MS, MIN_SPIKE_UV = 8.0, 120.0
"""Whatever rises this far above the running median over such a short window may be a spike."""
MAX_PATH_SHARE = 0.3
"""It is a spike if the leads' path around it, the spike excluded, is shorter than this share of the longest path; a sharp R is
not."""
MIN_EDGE_RATIO, TAIL_MS, AFTER_MS = 1.6, 24.0, 200.0
"""A spike with a tail survives the running median. It is recognised by its edge: the second difference there is this many times
larger than any between TAIL_MS and AFTER_MS later,"""
RISE_MS, CALM_SHARE = 10.0, 0.1
"""and it rises within RISE_MS from a velocity below this share of the maximum."""
ANSWER_MS = 40.0
"""The muscle answers a spike within this time."""
NEAR_QRS_MS = 60.0
"""A spike that triggers QRS is no further before it; an atrial spike is further away."""


def find_spikes(eight: Floats, times_ms: Floats) -> Mask:
    """(T,) True at spikes of a beat (8, T) µV, to 8 ms on either side; if a spike triggers QRS, until the muscle answers."""
    short = _short_spikes(eight, float(times_ms[1] - times_ms[0]))
    motion = SpatialVelocity.of(bridge_spikes(eight, short), times_ms)
    if motion.maximum == 0:
        return short
    edge = _edge_of_tailed_spike(motion)
    begin = edge - 1 if edge is not None else _end_of_short_spike_near_qrs(motion, short)
    if begin is None:
        return short
    after = begin + 3 if edge is not None else begin
    answer = after + int(motion.velocity[after : after + motion.samples(ANSWER_MS) + 1].argmin())
    maximum_after = motion.velocity[answer:][motion.in_qrs_window[answer:]].max(initial=0.0)
    if motion.velocity[answer] > FAST_SHARE * maximum_after:
        return short
    return short | ((np.arange(len(short)) >= begin) & (np.arange(len(short)) < answer))


def _short_spikes(eight: Floats, step_ms: float) -> Mask:
    """(T,) samples that stand out of an otherwise calm stretch, in two leads or more."""
    width = 2 * round(SHORT_MS / step_ms / 2) + 1
    calm = median_filter(eight, size=(1, width), mode="nearest")
    steps = np.abs(np.diff(calm, axis=1, prepend=calm[:, :1])).sum(axis=0)
    path = np.convolve(steps, np.ones(2 * width), mode="same")  # of all leads, 8 ms to either side
    stands_out = (np.abs(eight - calm) > MIN_SPIKE_UV).sum(axis=0) >= 2
    spike = stands_out & (path < MAX_PATH_SHARE * path.max())
    return np.asarray(np.convolve(spike, np.ones(2 * round(SHORT_MS / step_ms) + 1), mode="same") > 0)


def _edge_of_tailed_spike(motion: SpatialVelocity) -> int | None:
    """The sample of the largest second difference, if that is the edge of a spike with a tail."""
    edge = int(np.where(motion.in_qrs_window, motion.second_difference, 0.0).argmax())
    rise = motion.samples(RISE_MS)
    largest_after = motion.second_difference[edge + motion.samples(TAIL_MS) : edge + motion.samples(AFTER_MS)].max(initial=0.0)
    before = motion.velocity[max(0, edge - 2 * rise) : max(1, edge - rise)].max()
    is_sharp = 0.0 < MIN_EDGE_RATIO * largest_after < motion.second_difference[edge]
    return edge if is_sharp and before < CALM_SHARE * motion.maximum else None


def _end_of_short_spike_near_qrs(motion: SpatialVelocity, short: Mask) -> int | None:
    """The sample after the last short spike near the beginning of QRS; None without one."""
    first, _ = motion.fast_run()
    earliest = max(0, first - motion.samples(NEAR_QRS_MS))
    spike_samples = earliest + np.flatnonzero(short[earliest : first + motion.samples(GAP_MS)])
    return int(spike_samples[-1]) + 1 if len(spike_samples) else None


def bridge_spikes(eight: Floats, spike: Mask) -> Floats:
    """(8, T) with straight lines across the spikes."""
    if not spike.any() or spike.all():
        return eight
    samples = np.arange(eight.shape[1])
    return np.stack([np.interp(samples, samples[~spike], lead[~spike]) for lead in eight])


def sample_before_spike(spike: Mask, sample: int, reach: int) -> int:
    """The last sample before the spike that ends at most `reach` samples before `sample`; without such a spike, `sample`."""
    spike_samples = np.flatnonzero(spike[max(0, sample - reach) : sample + 1])
    if len(spike_samples) == 0:
        return sample
    last = max(0, sample - reach) + int(spike_samples[-1])
    clear = np.flatnonzero(~spike[:last])
    return int(clear[-1]) if len(clear) else 0
