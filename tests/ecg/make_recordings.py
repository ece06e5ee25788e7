"""CardioSoft files with anything wrong that a test wants; independent of the simulator's writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg import Batch, find_recordings, read_recordings
from ecgwas.leads import LEADS
from ecgwas.progress import silent
from ecgwas.simulate import simulate_signals
from ecgwas.study import ReadOptions
from tests.factories import make_hearts

Counts = Mapping[str, NDArray[np.int64]]


@lru_cache
def _counts(seed: int) -> NDArray[np.int64]:
    simulated = simulate_signals(make_hearts(1, seed), np.random.default_rng(seed))
    return np.rint(simulated.noisy_uv[0] / 5).astype(np.int64)


def make_counts(seed: int = 1) -> dict[str, NDArray[np.int64]]:
    """Lead -> (5000,) counts of 5 µV, of one simulated person; III = II - I exactly."""
    return {lead: row.copy() for lead, row in zip(LEADS, _counts(seed), strict=True)}


def make_xml(
    counts: Counts | None = None,
    *,
    rate: str = '<SampleRate units="Hz">500</SampleRate>',
    resolution: str = '<Resolution units="uVperLsb">5</Resolution>',
    count: str = "<ChannelSampleCountTotal>5000</ChannelSampleCountTotal>",
    before: str = "",
    opening: str = "<StripData>",
    closing: str = "</StripData>",
    waves: str | None = None,
) -> str:
    """A file's text; every piece can be replaced."""
    counts = make_counts() if counts is None else counts
    written = "".join(wave(lead, values) for lead, values in counts.items()) if waves is None else waves
    return (
        f'<?xml version="1.0" encoding="ISO-8859-1" ?>{before}\n<CardiologyXML>\n<ObservationType>RestECG</ObservationType>\n'
        "<PatientInfo><PID>do-not-read</PID><Name><FamilyName>Do not read</FamilyName></Name></PatientInfo>\n"
        f"{opening}{rate}{count}{resolution}{written}{closing}\n</CardiologyXML>\n"
    )


def wave(lead: str, values: Sequence[int] | NDArray[np.int64]) -> str:
    """One WaveformData, broken over lines as the device does."""
    numbers = [str(int(value)) for value in values]
    lines = [",".join(numbers[k : k + 330]) for k in range(0, len(numbers), 330)]
    return f'<WaveformData lead="{lead}">\t\t' + ",\r\n\t\t".join(lines) + "</WaveformData>\n"


def put(folder: Path, name: str, content: str | bytes | None = None) -> Path:
    """A file in a folder; without content a good recording."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    content = make_xml() if content is None else content
    path.write_bytes(content if isinstance(content, bytes) else content.encode("latin-1"))
    return path


def read_folder(folder: Path, **options: object) -> Batch:
    """All people of a folder, read."""
    chosen = ReadOptions(recordings=folder, **options)
    return read_recordings(chosen, find_recordings(chosen).sources, track=silent)


def reasons(batch: Batch) -> dict[str, str]:
    """eid -> reason; empty for those kept."""
    return dict(zip(batch.recordings.frame["eid"], batch.recordings.frame["reason"], strict=True))
