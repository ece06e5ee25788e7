"""Ids of participants and variants: one rule for every list of them, and for how they meet the ids of other tables."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import polars as pl

from ecgwas.errors import EcgwasError, InputError, first_few
from ecgwas.tables.user_table import (
    CONTROL,
    MISSING,
    UserTable,
    clean,
    delimiter_of,
    is_missing,
    read_text,
    read_user_table,
    split,
    text_lines,
)

EID_NAMES = ("eid", "iid", "f.eid", "n_eid", "id", "sample", "sample_id", "participant_id", "person", "fid")
VARIANT_NAMES = ("variant", "variant_id", "rsid", "snp", "markername", "markerid", "id")
"""Names of the column of ids in a list with a header; the first match counts, in any case, with or without #."""

MONTHS = "jan|feb|mar|apr|may|mai|jun|jul|aug|sep|sept|oct|okt|nov|dec|dez"

DAMAGE = (
    (r"[0-9]+\.0*", "a whole number with decimals, as pandas writes a column that once had a missing value"),
    (r"[0-9](\.[0-9]+)?[eE]\+[0-9]+|[0-9]\.[0-9]+[eE][0-9]+", "a number as a spreadsheet or R writes it: the id is lost"),
    (rf"[0-9]{{1,2}}[-. /]({MONTHS})\.?([-. /][0-9]{{2,4}})?", "a date of a spreadsheet"),
    (r"#+", "what a spreadsheet shows where a column is too narrow"),
    (r"#(N/A|NAME\?|VALUE!|REF!|DIV/0!|NUM!|NULL!)", "a spreadsheet's error value"),
    (r"[0-9]{1,3}([,' ][0-9]{3})+", "a number with thousands separators"),
    (r"'.*|.*'", "an id with a quotation mark"),
)
"""Patterns of ids damaged by other programs. They are refused and never repaired, since the person must be certain."""

WRITE = "write the ids as text, as the recordings and genotypes have them"

ENOUGH_TO_WARN = 0.1
"""Share of the smaller table's ids missing from the larger one above which there is a warning."""

N_EXAMPLES = 3
MAX_SHOWN_LENGTH = 40
"""Number of characters of an id that are shown."""


def damage(name: str) -> str | None:
    """How another program has damaged an id, in words; None if it may be valid."""
    if name.lower() in MISSING:
        return "no id"
    return next((meaning for pattern, meaning in DAMAGE if re.fullmatch(pattern, name, re.IGNORECASE)), None)


def likely_eid_column(columns: Sequence[str]) -> str | None:
    """The column that probably holds people's ids, by EID_NAMES in their order; None if there is none."""
    bare = {name.lower().lstrip("#").removeprefix("participant.").replace(" ", "_"): name for name in reversed(columns)}
    return next((bare[name] for name in EID_NAMES if name in bare), None)


def more_ids(frame: pl.DataFrame) -> list[str]:
    """Columns that identify the participant and hold no measurement: PLINK's FID and IID, and copies of eid."""
    if "eid" not in frame.columns:
        return []
    eids = frame["eid"].cast(pl.String)
    others = [name for name in frame.columns if name != "eid"]
    return [name for name in others if name.lower().lstrip("#") in ("fid", "iid") or _same(frame[name], eids)]


def _same(column: pl.Series, eids: pl.Series) -> bool:
    return column.cast(pl.String).equals(eids, null_equal=True)


def eid_mistakes(table: UserTable, *, once: bool) -> list[EcgwasError]:
    """Mistakes in a user table's column eid: it is absent or empty, eids are missing or damaged, or (once) repeated."""
    frame, path, what = table.frame, table.path, f"the {table.what} table"
    if "eid" not in frame.columns:
        near = likely_eid_column(frame.columns)
        fix = f"rename the column {near} to eid" if near else "call the column of ids eid"
        return [InputError(f"{what} has no column eid; it has {first_few(frame.columns, 10)}", where=path, fix=fix)]
    if frame.height == 0:
        return [InputError(f"{what} has a header and no people", where=path, fix="add one line per person")]
    mistakes: list[EcgwasError] = []
    absent = is_missing(frame["eid"])
    nameless = [table.place(row) for row in range(frame.height) if absent[row]]
    if nameless:
        fix = "give every line its eid, or delete the line"
        mistakes.append(InputError(f"no eid: {first_few(nameless)}", where=path, fix=fix))
    eids = frame["eid"].cast(pl.String)
    rows = [(eid, line) for eid, line, gone in zip(eids, table.lines, absent, strict=True) if not gone]
    twice = sorted(eid for eid, count in Counter(eid for eid, _ in rows).items() if count > 1)
    if once and twice:
        problem = f"people listed more than once: eid {first_few(twice)}"
        mistakes.append(InputError(problem, where=path, fix="keep one line per eid"))
    try:
        refuse_damaged([eid for eid, _ in rows], [line for _, line in rows], what=what, where=path)
    except InputError as damaged:
        mistakes.append(damaged)
    return mistakes


def refuse_damaged(ids: Sequence[str], lines: Sequence[int], *, what: str, where: Path, fix: str = WRITE) -> None:
    """Raises InputError if ids were damaged by a spreadsheet or another program. lines: line of each id in the file."""
    damages = [(line, name, damage(name)) for line, name in zip(lines, ids, strict=True)]
    wrong = [f"line {line}: {name or 'an empty cell'} is {meaning}" for line, name, meaning in damages if meaning]
    if wrong:
        problem = f"{len(wrong)} id(s) of {what} are invalid: {first_few(wrong, N_EXAMPLES)}"
        raise InputError(problem, where=where, fix=fix)


def read_list(
    path: Path, *, what: str, fix: str, names: Sequence[str] = EID_NAMES, more_columns: bool = False,
    may_be_empty: bool = False, write: str = WRITE,
) -> dict[str, int]:  # fmt: skip
    """Reads a list with one id per line: id -> line. A header, empty lines, comments (#) and quotes are allowed.

    Of a header with several columns, the column is the one in `names`. Without a header, PLINK's two columns with the same id
    in both are one id; other lines of several cells are refused unless `more_columns`, where the first column counts.
    what: as in `people to exclude`; write: advice for damaged ids. Raises InputError if the list is missing, not text,
    empty, or has damaged ids.
    """
    lines = [(number, line) for number, line in enumerate(text_lines(read_text(path, what=f"the list of {what}", fix=fix)), 1)]
    lines = [(number, line) for number, line in lines if clean(line)]
    while len(lines) > 1 and _is_comment(lines[0][1]) and _header(lines[0][1], names) is None:
        lines = lines[1:]
    place = _header(lines[0][1], names) if lines else None
    delimiter = None if place is None else delimiter_of(lines[0][1])
    line_of: dict[str, int] = {}
    wrong_lines = []
    for number, line in lines if place is None else lines[1:]:
        if _is_comment(line):
            continue
        name = _id(line, place, delimiter, more_columns=more_columns)
        if name is None or CONTROL.search(line):
            wrong_lines.append(f"line {number}")
            continue
        line_of.setdefault(name, number)
    if wrong_lines:
        problem = f"more than an id, or not text, in the list of {what}: {first_few(wrong_lines)}"
        raise InputError(problem, where=path, fix="write one id a line and nothing else, or a header with a column eid")
    refuse_damaged(list(line_of), list(line_of.values()), what=f"the list of {what}", where=path, fix=write)
    if not line_of and not may_be_empty:
        raise InputError(f"the list of {what} is empty", where=path, fix="write one id per line")
    return line_of


def read_reasons(path: Path, *, what: str) -> dict[str, str]:
    """eid -> reason, from a list with a header that names a column of ids and a column `reason`; empty for other lists.

    what: as in `people to exclude`. Raises InputError as `read_user_table` does if the list is such a table.
    """
    text = read_text(path, what=f"the list of {what}", fix="correct its path")
    first = next((line for line in text_lines(text) if clean(line)), "")
    place = _header(first, EID_NAMES)
    names = [cell.lower() for cell in _cells(first) or []]
    if place is None or "reason" not in names:
        return {}
    frame = read_user_table(path, what=f"list of {what}").frame
    return dict(zip(frame[:, place], frame[:, names.index("reason")], strict=True))


def _is_comment(line: str) -> bool:
    return line.startswith("#") and damage(clean(line)) is None


def _cells(line: str, delimiter: str | None = None) -> list[str] | None:
    """The cells of a line; None if a quotation mark is not closed. delimiter: the header's; None: as the line suggests."""
    try:
        return split(line.strip(" "), delimiter or delimiter_of(line))
    except csv.Error:
        return None


def _header(line: str, names: Sequence[str]) -> int | None:
    """Index of the column of ids if the line is a header; else None."""
    cells = [cell.lstrip("#").lower() for cell in _cells(line) or []]
    if delimiter_of(line) is None and "_".join(cells) in names:
        return 0
    return next((cells.index(name) for name in names if name in cells), None)


def _id(line: str, place: int | None, delimiter: str | None, *, more_columns: bool) -> str | None:
    cells = _cells(line, delimiter)
    if cells is None or (place is not None and place >= len(cells)):
        return None
    if place is not None or more_columns:
        return cells[place or 0]
    distinct = {cell for cell in cells if cell}
    return distinct.pop() if len(distinct) == 1 else None


# Ids of two tables that should overlap

REWRITTEN: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("without decimals", lambda name: re.sub(r"\.0*$", "", name)),
    ("after the last _", lambda name: name.rpartition("_")[2]),
    ("before the first _", lambda name: name.partition("_")[0]),
    ("in the other case", str.swapcase),
    ("without leading zeros", lambda name: name.lstrip("0")),
    ("without quotation marks", lambda name: name.strip("'\"")),
    ("without chr", lambda name: re.sub("^chr", "", name, flags=re.IGNORECASE)),
    ("with : for _", lambda name: name.replace("_", ":")),
    ("as digits alone", lambda name: re.sub(r"[^0-9]", "", name)),
)


def hint(unknown_ids: Collection[str], known: Collection[str]) -> str:
    """How ids would have to be rewritten so that at least half of `unknown_ids` match `known`; empty if no way is known."""
    sample = list(unknown_ids)[:1000]
    others = set(known)
    for how, rewrite in REWRITTEN:
        if 2 * sum(rewrite(name) in others for name in sample) >= len(sample):
            return f"; read {how}, they would match"
    for how, rewrite in REWRITTEN:
        rewritten = {rewrite(name) for name in others}
        if 2 * sum(name in rewritten for name in sample) >= len(sample):
            return f"; with the other side read {how}, they would match"
    return ""


def shortened(name: str) -> str:
    """The name, or its first MAX_SHOWN_LENGTH characters."""
    return name if len(name) <= MAX_SHOWN_LENGTH else f"{name[:MAX_SHOWN_LENGTH]}..."


def examples_of_both(unknown_ids: Collection[str], known: Collection[str], *, a: str, b: str) -> str:
    """Examples of ids of `a` that are not in `b`, of ids of `b`, and a hint, in words."""
    short = ([shortened(name) for name in sorted(names)] for names in (unknown_ids, known))
    examples = (first_few(names, N_EXAMPLES) or "nobody" for names in short)
    shown = "; ".join(f"{side}: {names}" for side, names in zip((a, b), examples, strict=True))
    return shown + hint(unknown_ids, known) if unknown_ids and known else shown


def overlap_warnings(sides: Mapping[str, Collection[str]]) -> list[str]:
    """A warning for each pair of tables where more than ENOUGH_TO_WARN of the smaller one's ids are not in the other."""
    names = list(sides)
    warnings = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            small, large = sorted((first, second), key=lambda name: len(sides[name]))
            unknown_ids = set(sides[small]) - set(sides[large])
            if len(unknown_ids) > ENOUGH_TO_WARN * len(sides[small]):
                unmet = set(sides[large]) - set(sides[small])
                examples = examples_of_both(unknown_ids, unmet or sides[large], a=small, b=large)
                warnings.append(f"{len(unknown_ids)} of {len(sides[small])} ids of {small} are not in {large} ({examples})")
    return warnings


def unknown(listed: Collection[str], known: Collection[str], *, what: str, source: str, where: Path, fix: str) -> str | None:
    """A warning with the number of listed ids that are not in `known`; None if all are, or nothing is listed.

    Raises InputError if none of them is.
    """
    here = set(known)
    unknown_ids = [name for name in listed if name not in here]
    if not unknown_ids:
        return None
    examples = examples_of_both(unknown_ids, here - set(listed) or here, a="listed", b=source)
    if len(unknown_ids) == len(listed):
        problem = f"none of the {len(listed)} {what} is in {source} ({examples})"
        raise InputError(problem, where=where, fix=fix)
    return f"{len(unknown_ids)} of {len(listed)} {what} are not in {source} ({examples})"
