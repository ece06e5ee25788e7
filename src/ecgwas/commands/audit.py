"""The command `audit`: what is to be passed on is searched for every eid, every recording and every small group."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from lxml import html
from numpy.typing import NDArray

from ecgwas import ecg, ids
from ecgwas.commands.audit_words import Searched, words
from ecgwas.errors import Caution, DisclosureError, EcgwasError, InputError, MissingStageError, first_few
from ecgwas.privacy.matching import beyond_chance
from ecgwas.tables import Matching
from ecgwas.tables.loci import Membership

SHORTEST = 4
"""Shorter eids cannot be told from numbers that mean something else."""

SAME_UV = 2.0
"""A curve within this (root mean square, µV) of a person's is that person's: it was rounded to a microvolt."""

COUNTS_OF_PEOPLE = ("n", "people", "carriers", "people_0", "people_1", "people_2", "missing")


@dataclass(frozen=True)
class Audit:
    """In lines: facts, what was searched and found in order; measured, what was not, or says nothing beyond chance; warnings,
    what whoever holds a genome or an ECG learns beyond chance. mistakes: what must not be passed on."""

    facts: tuple[str, ...]
    mistakes: tuple[EcgwasError, ...]
    measured: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def audit(folder: Path, *, results: Path | None = None, eids: Path | None = None, min_people: int | None = None) -> Audit:
    """Searches a folder that is to be passed on.

    results: the study's results folder, where the people are known from; none: the folder around `folder`. eids: a file with
    one further eid a line. min_people: smallest group; none: that of the study. Raises InputError for a folder that is not
    there, MissingStageError where nobody is known, so that nothing could be searched for.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", where=folder, fix="name results/share, or a copy of it")
    around = folder.resolve().parent if results is None else results
    further = {} if eids is None else ecg.listed(eids, "people to search for", fix="correct --eids")
    known = _everybody(around)
    everybody = known | set(further)
    if not everybody:
        fix = "run `ecgwas share` first, name the results folder with --results, or give the people with --eids FILE"
        raise MissingStageError("nobody is known to search for", where=around, fix=fix)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    least = _least(folder, min_people)
    checks = (_names(folder, files, everybody), _places(files, around), _curves(files, around), _groups(folder, files, least))
    facts = [*_strangers(further, known), *(fact for said, _ in checks for fact in said)]
    rates = [*_matching(folder), *_membership(folder)]
    measured, warnings = (tuple(line for line, beyond in rates if beyond is told) for told in (False, True))
    return Audit(tuple(facts), tuple(mistake for _, found in checks for mistake in found), measured, warnings)


def _strangers(further: Collection[str], known: set[str]) -> list[str]:
    """A warning over further people whom the study does not have: they may be written otherwise than in its files."""
    unmet = [eid for eid in further if eid not in known]
    if not unmet or not known:
        return []
    examples = ids.both_sides(unmet, known, a="--eids", b="the study")
    return [Caution(f"{len(unmet)} of {len(further)} further people are not of the study ({examples})")]


Said = tuple[list[str], list[EcgwasError]]

Rate = tuple[str, bool]
"""A measured rate in words, and whether it is beyond chance."""


def _everybody(results: Path) -> set[str]:
    found: set[str] = set()
    recordings, people = results / "read" / "recordings.parquet", results / "traits" / "people.csv"
    if recordings.exists():
        found |= set(pl.read_parquet(recordings, columns=["eid"])["eid"].drop_nulls())
    if people.exists():
        found |= set(pl.read_csv(people, columns=["eid"], infer_schema=False)["eid"].drop_nulls())
    return found


def _least(folder: Path, given: int | None) -> int:
    if given is not None:
        return given
    try:
        return int(json.loads((folder / "about.json").read_text())["min_people"])
    except (OSError, ValueError, KeyError, TypeError):
        fix = "audit the folder that `ecgwas share` made, or give --min-people"
        raise InputError("the folder does not say its smallest group", where=folder / "about.json", fix=fix) from None


def _names(folder: Path, files: Sequence[Path], everybody: set[str]) -> Said:
    searched = {eid for eid in everybody if len(eid) >= SHORTEST}
    seen = Searched()
    mistakes: list[EcgwasError] = []
    total: set[str] = set()
    for path in files:
        found = words(path, seen) & searched
        total |= found
        if found:
            problem = f"{len(found)} eid(s) stand in a file to be passed on: {first_few(sorted(found))}"
            mistakes.append(DisclosureError(problem, where=path, fix="do not pass it on; report it, this must not happen"))
    if seen.unreadable:
        problem = f"{len(seen.unreadable)} file(s) cannot be searched: {first_few(seen.unreadable)}"
        mistakes.append(DisclosureError(problem, where=folder, fix="take away what `ecgwas share` did not make"))
    if seen.columns_of_people:
        problem = f"columns named after people: {first_few(seen.columns_of_people)}"
        mistakes.append(DisclosureError(problem, where=folder, fix="take away what `ecgwas share` did not make"))
    facts = [f"{seen.files} files, {seen.blocks} packed blocks and {seen.words:,} words searched for {len(searched):,} people: "
             f"{len(total)} eids found"]  # fmt: skip
    if len(everybody) > len(searched):
        facts.append(f"{len(everybody) - len(searched)} eids of fewer than {SHORTEST} characters cannot be searched for")
    return facts, mistakes


def _places(files: Sequence[Path], results: Path) -> Said:
    """Names of folders of this machine."""
    needle = str(results.resolve()).encode()
    telling = [path.name for path in files if len(needle) > 4 and needle in path.read_bytes()]
    if not telling:
        return ["no path of this machine"], []
    fix = "do not pass it on; report it, this must not happen"
    return [], [DisclosureError(f"the path of the results stands in {first_few(telling)}", where=results, fix=fix)]


def _curves(files: Sequence[Path], results: Path) -> Said:
    """Every curve in microvolts beside every person's: none may be one person's."""
    people = _Recordings.of(results)
    if people is None:
        return ["no recordings are at hand to compare curves with"], []
    closest, compared, mistakes = np.inf, 0, list[EcgwasError]()
    for path in (path for path in files if path.suffix == ".csv"):
        for name, distance in people.nearest(pl.read_csv(path, infer_schema_length=None)):
            compared += 1
            closest = min(closest, distance)
            if distance < SAME_UV:
                problem = f"column {name} is one person's recording (within {distance:.2f} µV)"
                mistakes.append(DisclosureError(problem, where=path, fix="do not pass it on; report it, this must not happen"))
    nearest = f"; the closest to any one person's differs by {closest:.1f} µV (root mean square)" if compared else ""
    return [f"{compared} curves compared with {people.count:,} recordings: {len(mistakes)} are one person's{nearest}"], mistakes


@dataclass(frozen=True)
class _Recordings:
    """beats, strips: arrays (N, 12, T) of each part of stage read, memory-mapped; times in ms of the beats' points."""

    beats: tuple[NDArray[np.float32], ...]
    strips: tuple[NDArray[np.float32], ...]
    leads: tuple[str, ...]
    first_ms: float
    step_ms: float

    @classmethod
    def of(cls, results: Path) -> _Recordings | None:
        folders = sorted(path.parent for path in (results / "read" / "signals").rglob("signals.json"))
        if not folders:
            return None
        about = json.loads((folders[0] / "signals.json").read_text())
        beats, strips = (
            tuple(np.load(folder / f"{name}.npy", mmap_mode="r") for folder in folders) for name in ("beats", "strips")
        )
        step_ms = 1000 / about["rate_hz"]
        return cls(beats, strips, tuple(about["leads"]), -about["r_sample"] * step_ms, step_ms)

    @property
    def count(self) -> int:
        """Recordings."""
        return sum(len(part) for part in self.beats)

    def nearest(self, frame: pl.DataFrame) -> Iterator[tuple[str, float]]:
        """Each column of microvolts over all its leads, with its distance to the nearest person's curve."""
        clock = next((name for name in ("time_ms", "time_s") if name in frame.columns), None)
        if clock is None or "lead" not in frame.columns:
            return
        known = frame.filter(pl.col("lead").is_in(self.leads))
        lead = np.array([self.leads.index(name) for name in known["lead"]], dtype=np.int64)
        of_beats = clock == "time_ms"
        scale = (known[clock] - self.first_ms) / self.step_ms if of_beats else known[clock] * 1000 / self.step_ms
        point = np.rint(scale.to_numpy()).astype(np.int64)
        for name in (name for name in known.columns if name.endswith("_uv")):
            curve = known[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            drawn = np.isfinite(curve)
            if drawn.any():
                parts = self.beats if of_beats else self.strips
                yield name, min(_distance(part, lead[drawn], point[drawn], curve[drawn]) for part in parts)


def _distance(part: NDArray[np.float32], lead: Any, point: Any, curve: NDArray[np.float64]) -> float:
    inside = (point >= 0) & (point < part.shape[2])
    if not inside.any():
        return float("inf")
    theirs = part[:, lead[inside], point[inside]].astype(np.float64)
    return float(np.sqrt(((theirs - curve[inside]) ** 2).mean(axis=1)).min())


def _groups(folder: Path, files: Sequence[Path], least: int) -> Said:
    counts = [(path, count) for path in files for count in _counts(path)]
    small = [(path, count) for path, count in counts if 0 < count < least]
    if not small:
        smallest = min((count for _, count in counts if count > 0), default=None)
        said = "none is counted" if smallest is None else f"the smallest is of {smallest:,}"
        return [f"{len(counts):,} counts of people, none of fewer than {least}: {said}"], []
    shown = first_few(f"{count} in {path.relative_to(folder)}" for path, count in small)
    fix = "raise share.min_people or report it, this must not happen"
    return [], [DisclosureError(f"{len(small)} groups of fewer than {least} people: {shown}", where=folder, fix=fix)]


def _counts(path: Path) -> Iterator[int]:
    """Every count of people in a table, in the legend of an ECG by genotype, and in the page's flow of people."""
    if path.suffix in (".csv", ".parquet"):
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema_length=None)
        if {"about", "left_out"} <= set(frame.columns):
            yield from _whole(frame.filter(pl.col("about") == "people")["left_out"])
        elif path.parent.name == "read" and "left_out" in frame.columns:
            yield from _whole(frame["left_out"])
        for name in COUNTS_OF_PEOPLE:
            if name in frame.columns:
                yield from _whole(frame[name])
    elif path.suffix == ".svg" and path.stem.startswith("locus_"):
        yield from (int(text.replace(",", "")) for text in re.findall(r"\((\d[\d,]*)\)<", path.read_text(encoding="utf-8")))
    elif path.suffix == ".html":
        root: Any = html.document_fromstring(path.read_bytes())
        said = root.xpath("//ol[@class='flow']//b/text() | //ol[@class='flow']//span/text()")
        yield from (int(text.strip("−").replace(",", "")) for text in said if re.fullmatch(r"−?\d[\d,]*", text))


def _whole(column: pl.Series) -> Iterator[int]:
    yield from (int(value) for value in column.cast(pl.Float64, strict=False).drop_nulls() if value == value)


def _matching(folder: Path) -> list[Rate]:
    path = folder / "tables" / "share" / "matching.csv"
    rows = Matching.read(path).frame.rows(named=True) if path.exists() else []
    if not rows:
        why = "share.matching; too few people, or nothing to match by"
        return [(f"how often ECG and genome can be matched was not measured ({why})", False)]
    return [(_matched(row), bool(beyond_chance(row))) for row in rows]


def _matched(row: dict[str, Any]) -> str:
    limit = "no limit" if row["chance_limit"] is None else f"95 % limit {row['chance_limit']:.4f}"
    line = f"{row['matched']} by {row['predictors']}, {row['measure']}: {row['rate']:.4f}; by chance {row['chance']:.4f}"
    return f"{line} ({limit}), {row['people']:,} people"


def _membership(folder: Path) -> list[Rate]:
    path = folder / "tables" / "share" / "membership.csv"
    rows = Membership.read(path).frame.rows(named=True) if path.exists() else []
    if not rows:
        return [("how well members can be told from other people was not measured (share.membership; too few people)", False)]
    told = "members told by {tests:,} {shared} of {used:,} unlinked variants ({extent}, {variants:,} variants) and {known}"
    rate = "{measure}: {rate:.4f}; by chance {chance:.4f} (95 % limit {chance_limit:.4f})"
    line = f"{told}, {rate}; {{expected:.4f}} were all independent; {{members:,}} members"
    return [(line.format(**row), bool(beyond_chance(row))) for row in rows]
