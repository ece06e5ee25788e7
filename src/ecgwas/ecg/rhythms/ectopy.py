"""Ectopic beats: those of another shape (ventricular, or aberrant), and early ones of the usual shape (atrial)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgwas.ecg.rhythms.heartbeats import Flags, Heartbeats

EARLY = 0.8
"""A beat of the usual shape is early if the interval before it is shorter than this share of the usual interval and of the
interval before that one."""
OTHER_SHAPE = 0.7
"""A beat has another shape if the correlation of its QRS with the usual one is smaller."""
SOON, PAUSE = 0.9, 1.1
"""It has another origin, too, if it comes sooner than after this share of the usual interval, or a longer one follows. Beats of
another shape that are on time are noise, cut off by an end of the recording, or conducted with a bundle branch block."""


@dataclass(frozen=True)
class Ectopy:
    """Of the B beats of a recording.

    other_shape (B,) QRS of another origin;  early (B,) early beats of the usual shape: their QRS is conducted
    """

    other_shape: Flags
    early: Flags

    @property
    def count(self) -> int:
        """Number of ectopic beats."""
        return int((self.other_shape | self.early).sum())


def ectopy(heart: Heartbeats) -> Ectopy:
    """Which beats are ectopic. In an irregular rhythm (`rules`) early beats mean nothing."""
    share = heart.rr_ms / heart.usual_rr_ms
    before, after = np.concatenate([[1.0], share]), np.concatenate([share, [1.0]])
    other = (heart.similarity < OTHER_SHAPE) & ((before < SOON) | (after > PAUSE))
    one_before = np.concatenate([[1.0], before[:-1]])
    early = before < EARLY * np.minimum(1.0, one_before)
    return Ectopy(other, early & (heart.similarity >= OTHER_SHAPE))
