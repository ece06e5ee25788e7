"""One served study: its tables, its indexes, and whether they are still those of its results folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

import polars as pl

from ecgwas.api import results as opened_results
from ecgwas.api.results import STUDY_FILE, Results
from ecgwas.errors import InputError, MissingStageError, first_few
from ecgwas.report.contents import Figure
from ecgwas.report.figures.thinning import Genome, genome_of
from ecgwas.report.names import slug
from ecgwas.report.scan_rows import ScanRows
from ecgwas.scan.engine import all_tests
from ecgwas.serve.dense import DenseTests
from ecgwas.serve.genes import GeneTable
from ecgwas.serve.kept import KeptTests
from ecgwas.serve.variants import VariantTable
from ecgwas.stages import trait_names
from ecgwas.study import Study
from ecgwas.tables import VARIANT_KEY, files

Stamp = tuple[tuple[str, int, int], ...]
"""Name, size and time of change of every note of a results folder: other notes, other results."""

SHOWN_STAGES = ("scan", "loci", "genes")


@dataclass(frozen=True, eq=False)
class Served:
    """A study's results as they were read.

    key        name of the study within addresses;  name  of the study
    results    tables, checked when they are read;  study  its options, None: only its results folder is known
    threshold  -log10 p, and its kind;  keep_neglog10p  smallest -log10 p that the scan kept; None: not known
    kept       kept tests;  dense  every test, or None;  genes  genes and genetic maps
    natural    effects of significant tests in the unit of the trait: columns trait, VARIANT_KEY, effect, effect_se, unit
    seconds    how long reading took;  drawn  figures of the whole study, once they were drawn
    """

    key: str
    name: str
    results: Results
    study: Study | None
    threshold: tuple[float, str]
    keep_neglog10p: float | None
    kept: KeptTests
    dense: DenseTests | None
    genes: GeneTable
    summary: pl.DataFrame
    loci: pl.DataFrame
    natural: pl.DataFrame
    neighbourhoods: pl.DataFrame
    qq: pl.DataFrame
    seconds: float
    drawn: dict[str, Figure | None] = field(default_factory=dict)

    @classmethod
    def read(cls, key: str, path: Path) -> Self:
        """Raises MissingStageError if the stages up to `loci` have not run or their results are outdated, InputError if there
        are no results."""
        start = time.monotonic()
        results = opened_results.open(path)
        summary, hits, thresholds = results.summary, results.hits(), results.thresholds
        study = _study_of(results)
        names = summary["trait"].to_list()
        used = thresholds.row(by_predicate=pl.col("used"), named=True)
        kept = KeptTests.of(results.associations(), names)
        dense = (
            DenseTests.of(folders, names)
            if (folders := all_tests.kept_below(results.folder / files.ENGINE_FILES.stage))
            else None
        )
        table = kept.table if dense is None else dense.table
        return cls(
            key, name_of(results.folder, study), results, study,
            threshold=(float(used["neglog10p"]), str(used["kind"])),
            keep_neglog10p=None if study is None else study.scan.keep_neglog10p,
            kept=kept, dense=dense, genes=GeneTable.of(study, list(table.spans)), summary=summary, loci=results.loci,
            natural=hits.select("trait", *VARIANT_KEY, "effect", "effect_se", "unit").unique(["trait", *VARIANT_KEY]),
            neighbourhoods=results.table(f"{files.NEIGHBOURHOODS.stage}/{files.NEIGHBOURHOODS.name}"),
            qq=results.table(f"{files.QQ.stage}/{files.QQ.name}"), seconds=time.monotonic() - start,
        )  # fmt: skip

    @property
    def folder(self) -> Path:
        """The results folder."""
        return self.results.folder

    @property
    def variants(self) -> VariantTable:
        """Variants that can be asked for: all tested with every test on disk, else those with a kept test."""
        return self.kept.table if self.dense is None else self.dense.table

    @cached_property
    def traits(self) -> Mapping[str, int]:
        """Trait -> its number."""
        return {name: k for k, name in enumerate(self.kept.traits)}

    @cached_property
    def genome(self) -> Genome:
        """Chromosomes side by side, as far as kept tests reach."""
        ends = sorted({end for start, stop in self.kept.table.spans.values() for end in (start, stop - 1)})
        rows = self.kept.table.frame[ends].with_columns(trait=pl.lit(""), neglog10p=pl.lit(1.0))
        return genome_of(ScanRows(lambda columns: [rows.select(columns)]))

    @cached_property
    def strongest(self) -> dict[str, float]:
        """Trait -> largest -log10 p; NaN without a kept test."""
        return dict(zip(self.kept.traits, self.kept.heights().tolist(), strict=True))

    @property
    def sd_unit(self) -> str:
        """Unit of beta in words; empty if traits were not transformed or the study's options are not known."""
        return "SD" if self.study is not None and self.study.traits.transform == "rank_normal" else ""

    @property
    def floor_words(self) -> str:
        """The smallest -log10 p that was kept, in words."""
        return "scan.keep_neglog10p" if self.keep_neglog10p is None else f"{self.keep_neglog10p:g}"

    def trait_number(self, name: str) -> int:
        """Raises InputError, with similar names, for an unknown trait."""
        if name not in self.traits:
            near = trait_names.similar(name, list(self.traits))
            fix = f"did you mean {' or '.join(near)}?" if near else f"its traits: {first_few(self.traits)}"
            raise InputError(f"study {self.name} has no trait {name}", fix=fix)
        return self.traits[name]

    def tests_of(self, number: int) -> pl.DataFrame:
        """Tests of a variant of `variants`, in the order of the traits: columns trait, NUMBERS, effect, effect_se, unit.

        With every test on disk, tests that were also kept are those of the kept table, which are not rounded.
        """
        row = self.variants.row(number)
        own = number if self.dense is None else self.kept.table.number_of(row)
        tests = self.kept.variant(own) if own is not None else self.kept.no_test
        if self.dense is not None:
            tests = pl.concat([tests, self.dense.variant(number).join(tests, on="trait", how="anti")])
            tests = tests.sort(pl.col("trait").replace_strict(self.traits, return_dtype=pl.UInt32))
        own_hits = self.natural.filter(pl.all_horizontal(pl.col(name) == row[name] for name in VARIANT_KEY))
        return tests.join(
            own_hits.select("trait", "effect", "effect_se", "unit"), on="trait", how="left", maintain_order="left"
        )


def name_of(folder: Path, study: Study | None) -> str:
    """The study's name; without its file that of the folder around its results."""
    if study is not None:
        return study.name
    whole = folder.resolve()
    return whole.parent.name if whole.name == "results" else whole.name


def stamp_of(folder: Path) -> Stamp:
    """The state of a results folder, by its notes."""
    states = []
    for stage in SHOWN_STAGES:
        for path in sorted((folder / files.NOTE.stage / stage).glob("*.json")):
            try:
                status = path.stat()
            except OSError:
                continue
            states.append((f"{stage}/{path.name}", status.st_size, status.st_mtime_ns))
    return tuple(states)


def _study_of(results: Results) -> Study | None:
    """The study opened, or the one next to its results folder; None: there is none."""
    if results.study is not None:
        return results.study
    path = results.folder.resolve().parent / STUDY_FILE
    study = Study.read_file(path) if path.is_file() else None
    return study if study is not None and study.results.resolve() == results.folder.resolve() else None


class Source:
    """A study that is read when it is first asked for, and again after its results have changed."""

    def __init__(self, key: str, name: str, path: Path) -> None:
        self.key, self.name, self.path = key, name, path
        self._lock = threading.Lock()
        self._served: Served | None = None
        self._stamp: Stamp = ()

    def current(self) -> Served:
        """The study as it is now. Raises MissingStageError while its results are being made, or if they are outdated."""
        served = self._served
        if served is not None and stamp_of(served.folder) == self._stamp:
            return served
        with self._lock:
            if self._served is not None and stamp_of(self._served.folder) == self._stamp:
                return self._served
            folder = opened_results.open(self.path).folder
            before = stamp_of(folder)
            self._served = None
            read = Served.read(self.key, self.path)
            if stamp_of(read.folder) != before:
                raise MissingStageError("results changed while they were read", where=folder, fix="ask again in a moment")
            self._served, self._stamp = read, before
            return read


def sources_of(paths: Sequence[Path]) -> dict[str, Source]:
    """Key -> study, in the order given. Raises InputError for a study given twice, or without results."""
    sources: dict[str, Source] = {}
    known: dict[Path, Path] = {}
    for path in paths:
        results = opened_results.open(path)
        folder = results.folder.resolve()
        if folder in known:
            raise InputError(f"{path} and {known[folder]} are the same study", fix="name each study once")
        known[folder] = path
        name = name_of(results.folder, _study_of(results))
        stem = slug(name) or "study"
        key = next(one for one in (stem, *(f"{stem}_{k}" for k in range(2, len(paths) + 2))) if one not in sources)
        sources[key] = Source(key, name, path)
    return sources
