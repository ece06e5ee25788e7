"""Fiducial points of all median beats of a cohort. Stage `read` finds and saves them once; representations read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, replace
from typing import Any

import numpy as np

from ecgwas.delineation.single_beats import fiducials_of_participant, single_beats, single_threaded_blas
from ecgwas.progress import silent
from ecgwas.signals import FIDUCIAL_POINTS, MEDIAN_BEATS, Signals


def with_fiducials(signals: Signals, track: Callable[..., Any] = silent) -> Signals:
    """The same signals with `fiducials_ms` of their median beats over all, odd and even normal beats."""
    fiducials_ms = np.empty((len(signals), len(MEDIAN_BEATS), len(FIDUCIAL_POINTS)))
    with single_threaded_blas():
        for participant in track(range(len(signals)), "fiducial points", len(signals)):
            single, normal = single_beats(signals, participant)
            for which, beats in enumerate((signals.beats, signals.odd_beats, signals.even_beats)):
                fiducials_ms[participant, which] = astuple(
                    fiducials_of_participant(signals, participant, beats, single[normal])
                )
    fiducials_ms.flags.writeable = False
    return replace(signals, fiducials_ms=fiducials_ms)
