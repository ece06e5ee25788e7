"""What every stage writes for one small cohort, kept in golden.json: `python -m tests.stages.golden` writes it anew.

A change that gives other bytes must raise `Stage.version`, so that old results are stale and are not mixed with new ones.
Bytes are compared on machines like the one that wrote the file (same libraries, same processor); elsewhere sums end in other
digits, and row counts, means and standard deviations are compared instead.
"""

from __future__ import annotations

import json
import platform
import re
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from threadpoolctl import threadpool_info

from ecgwas import stages, tables
from ecgwas.scores import sums
from ecgwas.stages import LIBRARIES, STAGES
from ecgwas.store import file_digest, fingerprint
from ecgwas.study import Study
from ecgwas.tables import comparison, genes, loci, outcomes, recordings, scores
from tests.cohorts import make_cohort
from tests.scores.files import lines_of, write_score

PATH = Path(__file__).with_name("golden.json")
TOLERANCE = 2e-3
PROCESSOR_FIELD = re.compile(r"(vendor_id|cpu family|model|model name|stepping|cache size)\s*:")
REPRESENT = """\
  - {kind: intervals, name: clinical}
  - {kind: pca, name: pca, features: 3}
  - {kind: vae, name: vae, leads: together, features: 2, channels: [8, 8, 8], epochs: 2}
"""
SCORES = """
scores: {files: [weights.txt], palindromes: keep, permutations: 19}
"""

Columns = dict[str, list[float]]


def make(folder: Path) -> Study:
    """The small cohort, run to its end."""
    path = make_cohort(folder, people=60, variants=30, permutations=30, represent=REPRESENT)
    path.write_text(path.read_text().replace("threshold: permutation", "threshold: 1.0e-3"))
    path.write_text(path.read_text() + SCORES)
    write_weights(path)
    study = Study.read_file(path)
    stages.run(study)
    return study


def write_weights(path: Path) -> None:
    """A scoring file of every second variant of chromosome 1, with weights that grow along it."""
    (path.parent / "weights.txt").touch()
    study = Study.read_file(path)
    table = sums.variant_table(sums.opened(study.scan, "1"))[::2]
    weights = pl.Series(np.linspace(-1, 1, table.height).round(6))
    write_score(path.parent / "weights.txt", lines_of(table, weights.to_numpy()))


def machine() -> str:
    """Equal on machines that give the same bytes: libraries, kernels of linear algebra, instruction sets, processor, caches.

    Kernels of networks choose their blocks, and so the order of their sums, by the size of the caches.
    """
    libraries = {name: version(name) for name in LIBRARIES}
    kernels = sorted(f"{one.get('internal_api')} {one.get('architecture', '')}" for one in threadpool_info())
    return fingerprint(libraries, kernels, torch.backends.cpu.get_cpu_capability(), np.__version__, *_processor())[:16]


def _processor() -> tuple[str, ...]:
    """Family, model and caches of the processor as Linux states them; its name elsewhere."""
    described, caches = Path("/proc/cpuinfo"), Path("/sys/devices/system/cpu/cpu0/cache")
    if not described.is_file():
        return (platform.processor(),)
    fields = sorted({line for line in described.read_text().splitlines() if PROCESSOR_FIELD.match(line)})
    return (*fields, *(path.read_text() for path in sorted(caches.glob("index*/size"))))


def columns_of(path: Path) -> Columns:
    """Of every column of numbers: how many values, their mean and their standard deviation."""
    if path.suffix in (".csv", ".parquet"):
        frame = pl.read_csv(path, infer_schema_length=None) if path.suffix == ".csv" else pl.read_parquet(path)
        arrays = {name: frame[name].drop_nulls().to_numpy() for name in frame.columns if frame[name].dtype.is_numeric()}
    elif path.suffix == ".npy":
        arrays = {"values": np.load(path, allow_pickle=False)}
    else:
        arrays = {}
    return {name: _three(values.astype(np.float64).ravel()) for name, values in arrays.items()}


def _three(values: Any) -> list[float]:
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return [0.0, 0.0, 0.0]
    return [float(len(finite)), float(f"{finite.mean():.6g}"), float(f"{finite.std():.6g}")]


def written(study: Study) -> dict[str, Any]:
    """Stage -> version, machine, and each of its files with digest and columns."""
    found = {}
    for stage in STAGES:
        folder = study.results / stage.name
        paths = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
        files = {name: {"sha256": file_digest(path), "columns": columns_of(path)} for name, path in paths.items()}
        found[stage.name] = {"version": stage.version, "files": files}
    return found


def declared() -> dict[str, Any]:
    """Every declared table: its version, names and types of its columns."""
    rooms = (tables, recordings, loci, genes, outcomes, scores, comparison)
    classes = {one.__name__: one for room in rooms for one in vars(room).values() if _is_table(one)}
    return {
        name: {"version": one.version, "columns": {column: str(about.dtype) for column, about in one.columns.items()}}
        for name, one in sorted(classes.items())
    }


def _is_table(one: object) -> bool:
    return isinstance(one, type) and issubclass(one, tables.Table) and one is not tables.Table


def changed(kept: Mapping[str, Any], now: Mapping[str, Any], *, same_machine: bool) -> list[str]:
    """Files of a stage that are not as they were: by bytes on the same machine, else by their numbers."""
    before, after = kept["files"], now["files"]
    differs = _bytes_differ if same_machine else _numbers_differ
    names = sorted(before.keys() | after.keys())
    return [name for name in names if name not in before or name not in after or differs(before[name], after[name])]


def _bytes_differ(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return bool(before["sha256"] != after["sha256"])


def _numbers_differ(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    if before["columns"].keys() != after["columns"].keys():
        return True
    return any(not _close(values, after["columns"][name]) for name, values in before["columns"].items())


def _close(before: list[float], after: list[float]) -> bool:
    size = max(abs(before[1]), before[2], 1e-12)
    return before[0] == after[0] and all(abs(a - b) <= TOLERANCE * size for a, b in zip(before[1:], after[1:], strict=True))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        content = {"machine": machine(), "tables": declared(), "stages": written(make(Path(place) / "cohort"))}
    PATH.write_text(json.dumps(content, indent=0, sort_keys=True) + "\n")
