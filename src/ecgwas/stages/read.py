"""Stage `read`: recordings in, cleaned signals and median beats out; one part per few thousand people, then a join."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import ecg
from ecgwas.errors import InputError
from ecgwas.progress import track
from ecgwas.recording_tables import DeviceMeasurements
from ecgwas.signals import Rows, Signals
from ecgwas.stages.base import Needs, Stage, stage_folder, write_array, write_json
from ecgwas.study import Study
from ecgwas.tables import Recordings

logger = logging.getLogger(__name__)

STACKED = ("strips", "beats", "odd_beats", "even_beats")
JOIN = "join"
DEVICE = "device_measurements.parquet"


_find = lru_cache(maxsize=4)(ecg.find)
"""A folder of 100,000 files is listed once in a run, not once a part."""


def listed(study: Study) -> ecg.Manifest:
    """Whose recordings are read, and the files set aside."""
    return _find(study.read)


def _parts(study: Study) -> tuple[str, ...]:
    people = len(_find(study.read).sources)
    count = max(1, -(-people // study.read.people_per_part))
    return (*(f"{i:04d}" for i in range(count)), JOIN)


def _sources(study: Study, part: str) -> Sequence[ecg.Source]:
    start = int(part) * study.read.people_per_part
    return _find(study.read).sources[start : start + study.read.people_per_part]


def _options(study: Study, part: str) -> Any:
    return study.as_written(study.read)


def _needs(study: Study, part: str) -> Needs:
    return [("read", name) for name in _parts(study)[:-1]] if part == JOIN else []


def _files(study: Study, part: str) -> Sequence[Path]:
    if part == JOIN:
        return [path for path in (study.read.leave_out,) if path is not None]
    named = [path for source in _sources(study, part) for _, path in sorted(source.paths.items())]
    return [file for path in named for file in (path, *(other for other in ecg.companions(path) if other.is_file()))]


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    if part == JOIN:
        _join(study, out)
        return
    batch = ecg.read(study.read, _sources(study, part), track=track)
    folder = out / "signals" / part
    folder.mkdir(parents=True)
    batch.recordings.write(folder / "recordings.parquet")
    batch.device.write(folder / DEVICE)
    if batch.signals is None:
        return
    signals = batch.signals
    for name in (*STACKED, "noise_uv", "r_samples", "normal"):
        write_array(folder / f"{name}.npy", getattr(signals, name))
    write_array(folder / "raw_example.npy", batch.raw_example)
    about = {"eids": signals.eids, "rate_hz": signals.rate_hz, "r_sample": signals.r_sample, "leads": signals.leads}
    write_json(folder / "signals.json", about)


def _join(study: Study, out: Path) -> None:
    manifest = _find(study.read)
    frames = []
    kept = 0
    for folder in _part_folders(study):
        frame = pl.read_parquet(folder / "recordings.parquet").with_columns(pl.col("row") + kept)
        kept += frame["row"].drop_nulls().n_unique()
        frames.append(frame)
    recordings = Recordings(pl.concat([*frames, manifest.others.frame]).sort("eid", "instance", "lead", "path"))
    if kept == 0:
        raise _nothing_usable(study, recordings)
    logger.info("read: %d people kept; %s", kept, left_out_counts(recordings))
    resampled, cut = _adapted(study, recordings)
    if resampled or cut:
        logger.info("read: %d kept files resampled to %g Hz, %d longer than %g s cut", resampled, study.read.rate_hz, cut,
                    study.read.seconds)  # fmt: skip
    recordings.write(out / "recordings.parquet")
    told = [pl.read_parquet(folder / DEVICE) for folder in _part_folders(study)]
    DeviceMeasurements(pl.concat(told)).write(out / DEVICE)


def _nothing_usable(study: Study, recordings: Recordings) -> InputError:
    problem = f"none of {len(recordings)} recordings is usable: {left_out_counts(recordings)}"
    fix = "see the reasons; `read.rate_hz`, `read.seconds` and `read.quality` say what is expected"
    return InputError(problem, where=study.read.recordings, fix=fix)


def _adapted(study: Study, recordings: Recordings) -> tuple[int, int]:
    """How many kept files were resampled, and how many were longer than what is used of them."""
    kept = recordings.frame.filter(pl.col("status") == "kept")
    resampled = kept.filter(pl.col("rate_hz") != study.read.rate_hz)
    return resampled.height, kept.filter(pl.col("seconds") > study.read.seconds).height


def left_out_counts(recordings: Recordings) -> str:
    """How many files were left out for each reason: ``flat lead V3: 2; duplicate: 12``; the first twelve reasons."""
    frame = recordings.frame.filter(pl.col("status") != "kept")
    counts = Counter(str(reason) for reason in frame["reason"])
    if not counts:
        return "nothing left out"
    return "; ".join(f"{reason}: {number}" for reason, number in counts.most_common(12))


def _part_folders(study: Study) -> list[Path]:
    return [stage_folder(study, "read") / "signals" / part for part in _parts(study)[:-1]]


def load_signals(study: Study) -> Signals:
    """The signals of all kept people, memory-mapped, in the order of column `row` of recordings.parquet."""
    folders = [folder for folder in _part_folders(study) if (folder / "signals.json").exists()]
    abouts = [json.loads((folder / "signals.json").read_text()) for folder in folders]
    stacked = {name: Rows([np.load(folder / f"{name}.npy", mmap_mode="r") for folder in folders]) for name in STACKED}
    return Signals(
        eids=tuple(eid for about in abouts for eid in about["eids"]),
        rate_hz=abouts[0]["rate_hz"],
        r_sample=abouts[0]["r_sample"],
        leads=tuple(abouts[0]["leads"]),
        noise_uv=np.concatenate([np.load(folder / "noise_uv.npy") for folder in folders]),
        r_samples=_padded([np.load(folder / "r_samples.npy") for folder in folders], -1),
        normal=_padded([np.load(folder / "normal.npy") for folder in folders], False),
        **stacked,
    )


def _padded(arrays: list[NDArray[Any]], fill: int | bool) -> NDArray[Any]:
    width = max(array.shape[1] for array in arrays)
    wide = [np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=fill) for array in arrays]
    return np.concatenate(wide)


def load_device_measurements(study: Study) -> DeviceMeasurements:
    """What the recorders measured, one row a kept person in the order of the signals."""
    return DeviceMeasurements.read(stage_folder(study, "read") / DEVICE)


def load_raw_example(study: Study) -> NDArray[np.float32]:
    """(12, S) float32 µV: the first kept recording as it was before cleaning."""
    folder = next(folder for folder in _part_folders(study) if (folder / "raw_example.npy").exists())
    example: NDArray[np.float32] = np.load(folder / "raw_example.npy")
    return example


def _check(study: Study) -> Sequence[str]:
    manifest = _find(study.read)
    return [f"{len(manifest.sources)} people with recordings, {len(manifest.others)} further files set aside"]


STAGE = Stage("read", "read and clean the recordings, find beats", _parts, _options, _needs, _files, _work, _check)
