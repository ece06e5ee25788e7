"""The cleaned signals of a cohort: what stage `read` makes and every representation takes."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import LEADS

RELEASE_BYTES = 2**26
"""After this much of memory-mapped files is read, their pages are released; else a pass over a cohort would keep all of it."""

MEDIAN_BEATS = ("median", "odd", "even")
"""Median beats of each participant: over all normal beats, over every second one, and over the others."""

FIDUCIAL_POINTS = ("p_on", "p_peak", "p_off", "qrs_on", "qrs_off", "t_peak", "t_off")

STACKED = ("strips", "beats", "odd_beats", "even_beats")
"""Arrays of `Signals` that are read from files only as far as they are used."""
IN_MEMORY = ("noise_uv", "r_samples", "normal", "lead_status")
"""Its arrays that are always in memory whole; `fiducials_ms` apart, which not every cohort has."""
AFTER_THE_LAST_BEAT = {"r_samples": -1, "normal": False}
"""Fill of the arrays whose width is the largest number of beats."""

GOOD, ARTEFACTS, UNUSABLE, MISSING = 0, 1, 2, 3
LEAD_STATUS = ("good", "artefacts", "unusable", "missing")
"""Names of the four numbers. Beats and waves are found in good leads. A lead with artefacts keeps its own median beat, an
unusable one does not, and a missing one has no samples."""


def example_index(lead_status: NDArray[np.int8]) -> int:
    """Index of the first recording without a missing lead, from (N, 12); 0 if there is none."""
    return int((lead_status != MISSING).all(axis=1).argmax())


class StackedArrays:
    """Several memory-mapped arrays that are read as one, stacked along their first axis. Nothing is copied before it is read.

    `arrays[i]` is one item (a view); `arrays[index_array]` and `arrays[a:b]` are new arrays of those items.
    """

    def __init__(self, parts: Sequence[NDArray[Any]]) -> None:
        if not parts:
            raise ValueError("StackedArrays needs at least one array")
        self.parts = tuple(parts)
        self._touched = 0
        self._starts = np.cumsum([0] + [len(part) for part in self.parts])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self.parts[0].shape[1:])

    def __getitem__(self, index: int | slice | NDArray[np.integer]) -> NDArray[Any]:
        items = self._items(index)
        self._touched += items.nbytes
        if self._touched > RELEASE_BYTES:
            self._release_pages()
        return items

    def _release_pages(self) -> None:
        """Releases the pages that were read, so that they no longer count as this process's memory. Views remain valid."""
        self._touched = 0
        for part in self.parts:
            if isinstance(part.base, mmap.mmap):
                part.base.madvise(mmap.MADV_DONTNEED)

    def _items(self, index: int | slice | NDArray[np.integer]) -> NDArray[Any]:
        if isinstance(index, (int, np.integer)):
            return self._item(int(index))
        if isinstance(index, slice):
            index = np.arange(len(self))[index]
        index = np.asarray(index)
        if len(self.parts) == 1:
            return np.asarray(self.parts[0][index])
        out = np.empty((len(index), *self.shape[1:]), dtype=self.parts[0].dtype)
        for row, i in enumerate(index):
            out[row] = self._item(int(i))
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = np.concatenate(self.parts) if len(self.parts) > 1 else np.asarray(self.parts[0])
        return whole if dtype is None else whole.astype(dtype)

    def _item(self, i: int) -> NDArray[Any]:
        if i < 0:
            i += len(self)
        part = int(np.searchsorted(self._starts, i, side="right")) - 1
        item: NDArray[Any] = self.parts[part][i - self._starts[part]]
        return item


def _no_fiducials() -> NDArray[np.float64]:
    return np.empty((0, len(MEDIAN_BEATS), len(FIDUCIAL_POINTS)))


@dataclass(frozen=True)
class Signals:
    """Cleaned recordings of N participants, one each, in the order of `eids`.

    strips       (N, 12, S) float32 µV, the whole recording after cleaning; NaN in missing leads
    beats        (N, 12, T) float32 µV, median beat, R at sample `r_sample`; zero is the PQ segment if there is one; NaN for
                 participants without normal beats
    odd_beats    (N, 12, T) float32 µV, median over every second normal beat (1st, 3rd, ...): for reliability
    even_beats   (N, 12, T) float32 µV, median over the others
    noise_uv     (N, 12) float32 µV, SD of the normal beats around the median beat
    r_samples    (N, B) int32, R peaks of the strip, common to all leads, ascending, -1 after the last
    normal       (N, B) bool, True if the beat entered the median (ectopic and noisy beats did not)
    lead_status  (N, 12) int8, GOOD, ARTEFACTS, UNUSABLE or MISSING; all good if not given. The median beats of an unusable or
                 missing lead are predicted from three or more other leads
    fiducials_ms (N, 3, 7) float64, ms from R: FIDUCIAL_POINTS of each of MEDIAN_BEATS; NaN if a wave is absent. No rows
                 until `delineation.cohort_fiducials.with_fiducials` has found them
    rate_hz      samples per second, of strips and beats alike
    """

    eids: tuple[str, ...]
    rate_hz: float
    r_sample: int
    strips: StackedArrays
    beats: StackedArrays
    odd_beats: StackedArrays
    even_beats: StackedArrays
    noise_uv: NDArray[np.float32]
    r_samples: NDArray[np.int32]
    normal: NDArray[np.bool_]
    lead_status: NDArray[np.int8] = field(default_factory=lambda: np.empty((0, len(LEADS)), dtype=np.int8))
    leads: tuple[str, ...] = LEADS
    fiducials_ms: NDArray[np.float64] = field(default_factory=_no_fiducials)

    def __post_init__(self) -> None:
        if len(self.lead_status) == 0:
            object.__setattr__(self, "lead_status", np.full((len(self.eids), len(LEADS)), GOOD, dtype=np.int8))
        for each in fields(self):
            value = getattr(self, each.name)
            absent = each.name == "fiducials_ms" and len(value) == 0
            if isinstance(value, (StackedArrays, np.ndarray)) and len(value) != len(self.eids) and not absent:
                raise ValueError(f"{each.name} has {len(value)} rows for {len(self.eids)} people")

    def __len__(self) -> int:
        return len(self.eids)

    @property
    def without_features(self) -> NDArray[np.bool_]:
        """(N, 12) leads whose features are missing, because the lead is unusable or missing."""
        return np.asarray(self.lead_status >= UNUSABLE)

    @cached_property
    def beat_times_ms(self) -> NDArray[np.float64]:
        """(T,) float64, ms from the R peak."""
        samples = np.arange(self.beats.shape[2], dtype=np.float64) - self.r_sample
        return samples * (1000.0 / self.rate_hz)

    @property
    def beat_fiducials_ms(self) -> NDArray[np.float64]:
        """(N, 7) FIDUCIAL_POINTS of `beats`. Raises ValueError if they have not been found."""
        if len(self.fiducials_ms) != len(self):
            raise ValueError("fiducial points have not been found: call delineation.cohort_fiducials.with_fiducials")
        return self.fiducials_ms[:, 0]

    @cached_property
    def odd_and_even(self) -> tuple[Signals, Signals]:
        """The same participants with the median beats of odd and of even heartbeats."""
        odd = replace(self, beats=self.odd_beats, fiducials_ms=self.fiducials_ms[:, [1, 1, 2]])
        even = replace(self, beats=self.even_beats, fiducials_ms=self.fiducials_ms[:, [2, 1, 2]])
        return odd, even

    def select(self, index: NDArray[np.integer]) -> Signals:
        """The participants at `index`, in that order; arrays are copied."""
        eids = tuple(self.eids[int(i)] for i in index)
        fiducials_ms = self.fiducials_ms[index] if len(self.fiducials_ms) else self.fiducials_ms
        rows: dict[str, Any] = {name: StackedArrays([getattr(self, name)[index]]) for name in STACKED}
        rows |= {name: getattr(self, name)[index] for name in IN_MEMORY}
        return replace(self, eids=eids, fiducials_ms=fiducials_ms, **rows)
