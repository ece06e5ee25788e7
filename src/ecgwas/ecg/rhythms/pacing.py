"""Pacing spikes in the signal as recorded: beats that follow one.

A spike is a deflection of 2 to 4 ms from a calm baseline: in all leads together it is higher than the baseline moved in the
16 ms before. R, Q or a notch, however sharp, rise out of QRS, which moves. Noise is not followed by a beat.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d

from ecgwas.ecg.rhythms.heartbeats import Floats, Heartbeats, around

HALF_MS = 4.0
"""A spike is back on the baseline so soon after its peak, and begins no earlier before it."""
CALM_MS = 20.0
"""From here to HALF_MS before the peak the leads must be calm."""
MIN_HEIGHT_UV = 800.0
"""Sum over the independent leads. Geometric middle between paced and other people of one half of PTB-XL: the second highest
spike of a recording has 3,400 µV or more, and 400 or less."""
MIN_OVER_CALM = 2.0
"""The spike is so many times higher than the path of the leads before it,"""
LEAST_PATH_UV = 50.0
"""which counts as at least this."""
BEFORE_R_MS, AFTER_R_MS = 350.0, 50.0
"""Where a beat's spike is sought. A broad paced QRS can have R early."""


def spikes_of_beats(heart: Heartbeats) -> tuple[Floats, Floats]:
    """(B,) height of the highest spike of each beat, µV summed over leads, 0 if there is none; (B,) its time, ms from R."""
    heights = maximum_filter1d(_spike_heights(heart.raw, heart), 2 * heart.samples(HALF_MS) + 1)
    before, after = heart.samples(BEFORE_R_MS), heart.samples(AFTER_R_MS)
    near = around(heights[None], heart.peaks, before, after)[:, 0]  # (B, W)
    times_ms: Floats = (near.argmax(axis=1) - before) * (1000 / heart.rate_hz)
    return near.max(axis=1), times_ms


def _spike_heights(raw: Floats, heart: Heartbeats) -> Floats:
    """(S,) µV summed over the leads (L, S): height above both neighbours HALF_MS away; 0 where there is no spike."""
    near, far = heart.samples(HALF_MS), heart.samples(CALM_MS)
    heights = np.zeros(raw.shape[1])
    middle, left, right = raw[:, far:-near], raw[:, far - near : -2 * near], raw[:, far + near :]
    up, down = np.minimum(middle - left, middle - right), np.minimum(left - middle, right - middle)
    height = np.maximum(np.maximum(up, down), 0.0).sum(axis=0)
    path = np.abs(left - raw[:, : -far - near]).sum(axis=0)
    heights[far:-near] = np.where(height >= MIN_OVER_CALM * np.maximum(path, LEAST_PATH_UV), height, 0.0)
    return heights
