"""Fiducial points of every participant's median beats, found once: stage `read` saves them, representations read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, replace
from typing import Any

import numpy as np

from ecgwas.delineation.single_beats import median_fiducials, one_thread, single_beats
from ecgwas.progress import silent
from ecgwas.signals import FIDUCIAL_POINTS, MEDIAN_BEATS, Signals


def with_fiducials(signals: Signals, track: Callable[..., Any] = silent) -> Signals:
    """The same signals with `fiducials_ms`: of the median beat over all normal beats, over odd and over even ones."""
    fiducials_ms = np.empty((len(signals), len(MEDIAN_BEATS), len(FIDUCIAL_POINTS)))
    with one_thread():
        for person in track(range(len(signals)), "fiducial points", len(signals)):
            single, normal = single_beats(signals, person)
            for which, beats in enumerate((signals.beats, signals.odd_beats, signals.even_beats)):
                fiducials_ms[person, which] = astuple(median_fiducials(signals, person, beats, single[normal]))
    fiducials_ms.flags.writeable = False
    return replace(signals, fiducials_ms=fiducials_ms)
