"""The rhythm of a recording as stage `read` has it: raw, cleaned, and with its beats found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.beats import BeatSearch, window_samples
from ecgwas.ecg.clean import remove_baseline
from ecgwas.ecg.rhythms.finding import Finding, undetermined
from ecgwas.ecg.rhythms.heartbeats import WINDOW, Floats, Heartbeats
from ecgwas.ecg.rhythms.rules import judge
from ecgwas.leads import INDEPENDENT
from ecgwas.study import HighPass, ReadOptions, Untouched


def rhythm_of(options: ReadOptions, raw: Floats, strip: NDArray[np.float32], search: BeatSearch) -> Finding:
    """The rhythm, from leads (12, S) µV before and after the study's cleaning, NaN in missing ones, and the beats in them.

    It is judged on signals cleaned by the default high-pass filter and on the default window, whatever the study's are.
    """
    if search.beats is None:
        return undetermined("too few normal beats")
    recorded, eight = (leads[INDEPENDENT].astype(np.float64) for leads in (raw, strip))
    reliable, rate_hz = search.noise.reliable, options.rate_hz
    is_default = options.baseline == HighPass() and isinstance(options.denoise, Untouched)
    if is_default and window_samples(options.beats, rate_hz) == window_samples(WINDOW, rate_hz):
        return judge(Heartbeats.of_same(recorded, eight, reliable, search.beats, rate_hz))
    if not is_default:
        present = np.isfinite(eight).all(axis=1)
        eight[present] = remove_baseline(HighPass(), recorded[present], rate_hz=rate_hz)
    return judge(Heartbeats.of(recorded, eight, reliable, search.beats, rate_hz))
