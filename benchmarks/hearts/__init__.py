"""Simulated hearts other than those of `ecgwas.simulate`, for benchmarks and tests: `draw(kind, people, seed)`.

`ecgwas.simulate` and the methods judged on it were written by the same authors. These hearts have other leads, waves, rhythms
and disturbances, and another model (ECGSYN). True parameters and fiducial points are known. `KINDS` lists them.
"""

from benchmarks.hearts.draw import draw
from benchmarks.hearts.kinds import KINDS, RATES_BPM
from benchmarks.hearts.model import Drawn, DrawnHearts, Recordings

__all__ = ["KINDS", "RATES_BPM", "Drawn", "DrawnHearts", "Recordings", "draw"]
