"""Pacemakers' spikes: where they are, tail included, and beats without them.

A bipolar spike is over in 2 ms; of a unipolar one the electrode's charge decays over some 20 ms, in which it looks like the
beginning of QRS. The muscle answers after that: the leads are calmest in between.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from ecgwas.delineation.spatial_velocity import FAST, GAP_MS, Motion

Floats = NDArray[np.float64]
Places = NDArray[np.bool_]

SHORT_MS, LEAPS_UV = 8.0, 120.0
"""What rises this far above the median of so short a stretch may be a spike."""
PATH_SHARE = 0.3
"""It is one if the leads' path around it, without it, is shorter than this share of the longest: a sharp R is no spike."""
BEND, TAIL_MS, FOLLOWS_MS = 1.6, 24.0, 200.0
"""A spike with a tail stays in that median. It is told by its edge, which bends so many times more than all that follows
between the second and the third after it,"""
RISE_MS, CALM_SHARE = 10.0, 0.1
"""and rises within the first out of a calm below this share of the greatest speed."""
ANSWER_MS = 40.0
"""The muscle answers a spike within this time."""
NEAR_MS = 60.0
"""A spike no further before QRS leads to it; an atrial one lies further away."""


def spikes(eight: Floats, times_ms: Floats) -> Places:
    """(T,) where spikes are in a beat (8, T) µV, to 8 ms around; that which leads to QRS until the muscle answers."""
    short = _short(eight, float(times_ms[1] - times_ms[0]))
    motion = Motion.of(bridged(eight, short), times_ms)
    if motion.fastest == 0:
        return short
    edge = _edge_of_tailed(motion)
    begin = edge - 1 if edge is not None else _end_near_qrs(motion, short)
    if begin is None:
        return short
    after = begin + 3 if edge is not None else begin
    answer = after + int(motion.speed[after : after + motion.samples(ANSWER_MS) + 1].argmin())
    follows = motion.speed[answer:][motion.inside[answer:]].max(initial=0.0)
    if motion.speed[answer] > FAST * follows:
        return short
    return short | ((np.arange(len(short)) >= begin) & (np.arange(len(short)) < answer))


def _short(eight: Floats, step_ms: float) -> Places:
    """What leaps out of a stretch that is calm but for it."""
    width = 2 * round(SHORT_MS / step_ms / 2) + 1
    calm = median_filter(eight, size=(1, width), mode="nearest")
    steps = np.abs(np.diff(calm, axis=1, prepend=calm[:, :1])).sum(axis=0)
    path = np.convolve(steps, np.ones(2 * width), mode="same")  # of all leads, 8 ms to either side
    leaps = (np.abs(eight - calm) > LEAPS_UV).sum(axis=0) >= 2
    spike = leaps & (path < PATH_SHARE * path.max())
    return np.asarray(np.convolve(spike, np.ones(2 * round(SHORT_MS / step_ms) + 1), mode="same") > 0)


def _edge_of_tailed(motion: Motion) -> int | None:
    """The sample of the sharpest bend, if that is the edge of a spike with a tail."""
    edge = int(np.where(motion.inside, motion.bend, 0.0).argmax())
    rise = motion.samples(RISE_MS)
    sharpest = motion.bend[edge + motion.samples(TAIL_MS) : edge + motion.samples(FOLLOWS_MS)].max(initial=0.0)
    before = motion.speed[max(0, edge - 2 * rise) : max(1, edge - rise)].max()
    sharp = 0.0 < BEND * sharpest < motion.bend[edge]
    return edge if sharp and before < CALM_SHARE * motion.fastest else None


def _end_near_qrs(motion: Motion, short: Places) -> int | None:
    """The sample after the last short spike near the beginning of QRS."""
    first, _ = motion.fast_stretch()
    near = max(0, first - motion.samples(NEAR_MS))
    places = near + np.flatnonzero(short[near : first + motion.samples(GAP_MS)])
    return int(places[-1]) + 1 if len(places) else None


def bridged(eight: Floats, spike: Places) -> Floats:
    """(8, T) with straight lines over the spikes."""
    if not spike.any() or spike.all():
        return eight
    places = np.arange(eight.shape[1])
    return np.stack([np.interp(places, places[~spike], lead[~spike]) for lead in eight])


def before_spike(spike: Places, sample: int, reach: int) -> int:
    """The sample itself, or the last one before the spike that ends no more than `reach` samples before it."""
    places = np.flatnonzero(spike[max(0, sample - reach) : sample + 1])
    if len(places) == 0:
        return sample
    last = max(0, sample - reach) + int(places[-1])
    clear = np.flatnonzero(~spike[:last])
    return int(clear[-1]) if len(clear) else 0
