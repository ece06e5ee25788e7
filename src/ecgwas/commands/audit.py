"""The command `audit`: searches a folder that will be shared for every eid, every recording and every small group."""

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
from scipy import stats

from ecgwas import ecg, ids
from ecgwas.commands.audit_crate import Checked, check_crate, shared_folder
from ecgwas.commands.audit_words import WORD, SearchLog, words
from ecgwas.errors import Caution, DisclosureError, EcgwasError, InputError, MissingStageError, first_few
from ecgwas.privacy.matching import beyond_chance
from ecgwas.tables import files
from ecgwas.tables.loci import Matching, Membership

MIN_EID_LENGTH = 4
"""Shorter eids cannot be distinguished from other numbers."""
MAX_DIGITS_BY_CHANCE = 5
"""Numbers of up to so many digits occur in shared files for other reasons, and some equal eids by chance."""
CHANCE_P = 1e-4
"""Less probable numbers of such equal numbers in one file are not chance."""

SAME_CURVE_UV = 2.0
"""A curve this close (root mean square, µV) to a person's recording is that recording: curves are rounded to a microvolt."""

COUNTS_OF_PEOPLE = ("n", "people", "carriers", "people_0", "people_1", "people_2", "missing", "cases", "controls", "excluded")


@dataclass(frozen=True)
class Audit:
    """Result of an audit, in lines of text.

    facts      what was searched and is in order
    mistakes   what must not be shared
    measured   rates of re-identification within chance, and those that were not measured
    warnings   rates beyond chance, for someone who has a participant's genome or ECG
    """

    facts: tuple[str, ...]
    mistakes: tuple[EcgwasError, ...]
    measured: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def audit(folder: Path, *, results: Path | None = None, eids: Path | None = None, min_people: int | None = None) -> Audit:
    """Searches a folder that will be shared.

    results: the study's results folder, which lists its people; None: the parent of `folder`. eids: a file with further eids,
    one per line. min_people: smallest group allowed; None: the study's. Raises InputError if the folder does not exist,
    MissingStageError if no person is known, so that there is nothing to search for.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", where=folder, fix="name results/share, or a copy of it")
    results = folder.resolve().parent if results is None else results
    further = {} if eids is None else ecg.read_eid_list(eids, "people to search for", fix="correct --eids")
    known = _study_eids(results)
    searched = known | set(further)
    if not searched:
        fix = "run `ecgwas share` first, name the results folder with --results, or give the people with --eids FILE"
        raise MissingStageError("no eid is known to search for", where=results, fix=fix)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    minimum = _min_people(folder, min_people)
    checks = (
        _check_eids(folder, paths, searched), _check_declared(folder, paths), _check_paths(paths, results),
        _check_curves(paths, results), _check_groups(folder, paths, minimum), check_crate(folder, paths, results),
    )  # fmt: skip
    facts = [*_unknown_eids(further, known), *(fact for facts, _ in checks for fact in facts)]
    rates = [*_matching(folder), *_membership(folder)]
    measured, warnings = (
        tuple(line for line, is_beyond_chance in rates if is_beyond_chance is is_warning) for is_warning in (False, True)
    )
    return Audit(tuple(facts), tuple(mistake for _, mistakes in checks for mistake in mistakes), measured, warnings)


def _unknown_eids(further: Collection[str], known: set[str]) -> list[str]:
    """A warning about further eids that the study does not have: they may be written differently in its files."""
    unknown = [eid for eid in further if eid not in known]
    if not unknown or not known:
        return []
    examples = ids.examples_of_both(unknown, known, a="--eids", b="the study")
    return [Caution(f"{len(unknown)} of {len(further)} further people are not in the study ({examples})")]


Rate = tuple[str, bool]
"""A measured rate in words, and whether it is beyond chance."""


def _study_eids(results: Path) -> set[str]:
    """Everybody of the recordings, of the traits, and of the features that were excluded, as by `leave_out` of a table."""
    left_out = files.WITHOUT_FEATURES
    eids = {eid for names in left_out.all_names(results) for eid in left_out.read(results, **names).frame["eid"].drop_nulls()}
    for file in (files.RECORDINGS, files.PEOPLE):
        if file.exists(results):
            eids |= set(file.read(results).frame["eid"].drop_nulls())
    return eids


def _min_people(folder: Path, given: int | None) -> int:
    if given is not None:
        return given
    about = files.SHARED_ABOUT.within(folder)
    try:
        return int(json.loads(about.read_text())["min_people"])
    except (OSError, ValueError, KeyError, TypeError):
        fix = "audit the folder that `ecgwas share` made, or give --min-people"
        raise InputError("the folder does not state its smallest group", where=about, fix=fix) from None


def _check_eids(folder: Path, paths: Sequence[Path], eids: set[str]) -> Checked:
    searched = {eid for eid in eids if len(eid) >= MIN_EID_LENGTH}
    log = SearchLog()
    mistakes: list[EcgwasError] = []
    total, by_chance = set[str](), set[str]()
    for path in paths:
        every = words(path, log)
        in_file = every & searched
        in_name = in_file & set(WORD.findall(path.stem))
        if not in_name and are_by_chance(in_file, every, searched):
            by_chance |= in_file
            continue
        total |= in_file
        if in_file:
            problem = f"{len(in_file)} eid(s) appear in files to be passed on: {first_few(sorted(in_file))}"
            mistakes.append(DisclosureError(problem, where=path, fix="do not pass it on, and report this bug of ecgwas"))
    if log.unreadable:
        problem = f"{len(log.unreadable)} file(s) cannot be searched: {first_few(log.unreadable)}"
        mistakes.append(DisclosureError(problem, where=folder, fix="remove what `ecgwas share` did not write"))
    if log.columns_of_people:
        problem = f"columns named after people: {first_few(log.columns_of_people)}"
        mistakes.append(DisclosureError(problem, where=folder, fix="remove what `ecgwas share` did not write"))
    facts = [f"{log.files} files, {log.blocks} packed blocks and {log.words:,} words searched for {len(searched):,} people: "
             f"{len(total)} eids found"]  # fmt: skip
    if len(eids) > len(searched):
        facts.append(f"{len(eids) - len(searched)} eids of fewer than {MIN_EID_LENGTH} characters cannot be searched for")
    if by_chance:
        facts.append(
            Caution(
                f"{len(by_chance)} eids of at most {MAX_DIGITS_BY_CHANCE} digits equal other numbers in the files, such as "
                f"{first_few(sorted(by_chance))}: no more than expected by chance, but eids so short cannot be distinguished "
                "from other numbers"
            )
        )
    return facts, mistakes


def are_by_chance(in_file: set[str], every: set[str], eids: set[str]) -> bool:
    """Whether a file's words `every` hold the eids `in_file` no more often than chance makes numbers and eids equal.

    Only eids of at most MAX_DIGITS_BY_CHANCE digits may be equal by chance. Each number of the file is one of the eids with the
    probability that a number of as many digits is (binomial upper tail above CHANCE_P, for each number of digits).
    """
    if any(not eid.isdigit() or len(eid) > MAX_DIGITS_BY_CHANCE for eid in in_file):
        return False
    for digits in {len(eid) for eid in in_file}:
        numbers, known, equal = (
            sum(word.isdigit() and len(word) == digits for word in group) for group in (every, eids, in_file)
        )  # fmt: skip
        if stats.binom.sf(equal - 1, numbers, known / (9 * 10 ** (digits - 1))) < CHANCE_P:
            return False
    return bool(in_file)


def _check_declared(folder: Path, paths: Sequence[Path]) -> Checked:
    """Every file must be one that stage `share` writes: nothing else has been redacted."""
    root = shared_folder(folder)
    names = [path.relative_to(root).as_posix() for path in paths]
    others = [name for name in names if not files.is_declared("share", name)]
    if not others:
        return [f"all {len(names)} files are among those that `ecgwas share` writes"], []
    problem = f"{len(others)} file(s) that `ecgwas share` does not write: {first_few(others)}"
    return [], [DisclosureError(problem, where=folder, fix="remove them, or share them in another way")]


def _check_paths(paths: Sequence[Path], results: Path) -> Checked:
    """The path of the results on this machine must not be in a file."""
    needle = str(results.resolve()).encode()
    with_path = [path.name for path in paths if len(needle) > 4 and needle in path.read_bytes()]
    if not with_path:
        return ["no path of this machine"], []
    fix = "do not pass it on, and report this bug of ecgwas"
    return [], [DisclosureError(f"the path of the results appears in {first_few(with_path)}", where=results, fix=fix)]


def _check_curves(paths: Sequence[Path], results: Path) -> Checked:
    """Compares every curve in microvolts with every person's recording: none may be a single person's."""
    people = _Recordings.of(results)
    if people is None:
        return ["no recordings are available to compare curves with"], []
    closest, compared, mistakes = np.inf, 0, list[EcgwasError]()
    for path in (path for path in paths if path.suffix == ".csv"):
        for name, distance in people.nearest(pl.read_csv(path, infer_schema_length=None)):
            compared += 1
            closest = min(closest, distance)
            if distance < SAME_CURVE_UV:
                problem = f"column {name} is one person's recording (within {distance:.2f} µV)"
                mistakes.append(DisclosureError(problem, where=path, fix="do not pass it on, and report this bug of ecgwas"))
    nearest = f"; the closest to any one person's differs by {closest:.1f} µV (root mean square)" if compared else ""
    return [f"{compared} curves compared with {people.count:,} recordings: {len(mistakes)} are one person's{nearest}"], mistakes


@dataclass(frozen=True)
class _Recordings:
    """beats, strips: memory-mapped arrays (N, 12, T), one per part of stage read; first_ms, step_ms: times of beat samples."""

    beats: tuple[NDArray[np.float32], ...]
    strips: tuple[NDArray[np.float32], ...]
    leads: tuple[str, ...]
    first_ms: float
    step_ms: float

    @classmethod
    def of(cls, results: Path) -> _Recordings | None:
        parts = files.SIGNALS.all_names(results)
        if not parts:
            return None
        about = json.loads(files.SIGNALS.path(results, **parts[0]).read_text())
        beats, strips = (
            tuple(np.load(files.SIGNAL_ARRAY.path(results, **part, array=name), mmap_mode="r") for part in parts)
            for name in ("beats", "strips")
        )
        step_ms = 1000 / about["rate_hz"]
        return cls(beats, strips, tuple(about["leads"]), -about["r_sample"] * step_ms, step_ms)

    @property
    def count(self) -> int:
        """Number of recordings."""
        return sum(len(part) for part in self.beats)

    def nearest(self, frame: pl.DataFrame) -> Iterator[tuple[str, float]]:
        """Each column in microvolts, over all its leads, with its distance to the nearest person's curve."""
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
            has_value = np.isfinite(curve)
            if has_value.any():
                parts = self.beats if of_beats else self.strips
                yield name, min(_distance(part, lead[has_value], point[has_value], curve[has_value]) for part in parts)


def _distance(part: NDArray[np.float32], lead: Any, point: Any, curve: NDArray[np.float64]) -> float:
    inside = (point >= 0) & (point < part.shape[2])
    if not inside.any():
        return float("inf")
    recorded = part[:, lead[inside], point[inside]].astype(np.float64)
    return float(np.sqrt(((recorded - curve[inside]) ** 2).mean(axis=1)).min())


def _check_groups(folder: Path, paths: Sequence[Path], minimum: int) -> Checked:
    counts = [(path, count) for path in paths for count in _counts(path)]
    small = [(path, count) for path, count in counts if 0 < count < minimum]
    if not small:
        smallest = min((count for _, count in counts if count > 0), default=None)
        words = "none is counted" if smallest is None else f"the smallest is {smallest:,}"
        return [f"{len(counts):,} counts of people, none of fewer than {minimum}: {words}"], []
    shown = first_few(f"{count} in {path.relative_to(folder)}" for path, count in small)
    fix = "raise share.min_people or report this bug of ecgwas"
    return [], [DisclosureError(f"{len(small)} groups of fewer than {minimum} people: {shown}", where=folder, fix=fix)]


def _counts(path: Path) -> Iterator[int]:
    """Every count of people in a table, in the legend of an ECG by genotype, and in the page's flow chart of people."""
    if path.suffix in (".csv", ".parquet"):
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema_length=None)
        if {"about", "left_out"} <= set(frame.columns):
            yield from _integers(frame.filter(pl.col("about") == "people")["left_out"])
        elif path.parts[-3:] == Path(files.EXCLUDED_COUNTS.name).parts:
            yield from _integers(frame["left_out"])
        for name in COUNTS_OF_PEOPLE:
            if name in frame.columns:
                yield from _integers(frame[name])
    elif path.suffix == ".svg" and path.stem.startswith("locus_"):
        yield from (int(text.replace(",", "")) for text in re.findall(r"\((\d[\d,]*)\)<", path.read_text(encoding="utf-8")))
    elif path.suffix == ".html":
        root: Any = html.document_fromstring(path.read_bytes())
        texts = root.xpath("//ol[@class='flow']//b/text() | //ol[@class='flow']//span/text()")
        yield from (int(text.strip("−").replace(",", "")) for text in texts if re.fullmatch(r"−?\d[\d,]*", text))


def _integers(column: pl.Series) -> Iterator[int]:
    yield from (int(value) for value in column.cast(pl.Float64, strict=False).drop_nulls() if value == value)


def _matching(folder: Path) -> list[Rate]:
    path = files.MATCHING.within(folder)
    rows = Matching.read(path).frame.rows(named=True) if path.exists() else []
    if not rows:
        why = "share.matching; too few people, or no locus to match by"
        return [(f"how often ECG and genome can be matched was not measured ({why})", False)]
    return [(_matching_line(row), bool(beyond_chance(row))) for row in rows]


def _matching_line(row: dict[str, Any]) -> str:
    limit = "no limit" if row["chance_limit"] is None else f"95 % limit {row['chance_limit']:.4f}"
    line = f"{row['matched']} by {row['predictors']}, {row['measure']}: {row['rate']:.4f}; by chance {row['chance']:.4f}"
    return f"{line} ({limit}), {row['people']:,} people"


def _membership(folder: Path) -> list[Rate]:
    path = files.MEMBERSHIP.within(folder)
    rows = Membership.read(path).frame.rows(named=True) if path.exists() else []
    if not rows:
        return [("how well members can be distinguished was not measured (share.membership; too few people)", False)]
    loci = "{used:,} unlinked variants ({extent}, {variants:,} variants)"
    attack = f"members distinguished by {{tests:,}} {{shared}} of {loci} and {{known}}"
    rate = "{measure}: {rate:.4f}; by chance {chance:.4f} (95 % limit {chance_limit:.4f})"
    line = f"{attack}, {rate}; {{expected:.4f}} if all were independent; {{members:,}} members"
    return [(line.format(**row), bool(beyond_chance(row))) for row in rows]
