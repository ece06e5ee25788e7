"""Header of a .bgen, and the assignment of its samples to participants.

https://www.chg.ox.ac.uk/~gav/bgen_format: the header holds the numbers of variants and samples and, optionally, the samples'
identifiers. An index file (.bgi, written by bgenix) records the size and the first bytes of the .bgen that it was made from.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few

HAS_IDS = 0x80000000
"""Bit of the header's flags that is set if the file holds sample identifiers."""

PLACEHOLDER_ID = re.compile(r"\(?(?:anonymous|unknown)_sample_\d+\)?")
"""What bgenix and QCTOOL write for a sample without a known identifier."""

DELIMITERS = ("_", ":", "-", "/", " ", "\t", "*", ",", "")
"""Characters between family ID and individual ID in identifiers that combine both; empty where nothing separates them."""

FIX = "make it again, as BGEN 1.2: plink2 --export bgen-1.2 bits=8"


@dataclass(frozen=True)
class Header:
    """variants, people: numbers of variants and samples. ids (P,): identifiers in the order of the genotypes, or None."""

    variants: int
    people: int
    ids: tuple[str, ...] | None


def read_header(path: Path) -> Header:
    """Reads the header. Raises InputError if the file does not begin like a .bgen or its identifiers are truncated."""
    with path.open("rb") as file:
        start = file.read(24)
        length, variants, people = (int.from_bytes(start[at : at + 4], "little") for at in (4, 8, 12))
        if len(start) < 24 or start[16:20] not in (b"bgen", b"\0\0\0\0") or not 20 <= length < path.stat().st_size:
            raise InputError("the .bgen cannot be read: it does not begin as a .bgen does", where=path, fix=FIX)
        file.seek(length)
        flags = int.from_bytes(file.read(4), "little")
        ids = _ids(path, file.read(int.from_bytes(start[:4], "little") - length), people) if flags & HAS_IDS else None
    if ids is not None and all(PLACEHOLDER_ID.fullmatch(each) for each in ids):
        ids = None
    return Header(variants, people, ids)


def _ids(path: Path, block: bytes, people: int) -> tuple[str, ...]:
    ids, at = [], 8
    for _ in range(people):
        size = int.from_bytes(block[at : at + 2], "little")
        ids.append(block[at + 2 : at + 2 + size])
        at += 2 + size
    if at > len(block) or int.from_bytes(block[4:8], "little") != people:
        raise InputError("the .bgen cannot be read: its identifiers are cut off", where=path, fix=FIX)
    return tuple(each.decode("utf-8", errors="replace") for each in ids)


def sample_lines(path: Path, listed: Path, families: Sequence[str], eids: Sequence[str]) -> NDArray[np.int64]:
    """(P,) int64: for each sample of the .bgen, in its order, the index of its line in the .sample file `listed`.

    families, eids: ID_1 and ID_2 of those lines. Identifiers in the .bgen decide if it has any: all must match the ID_2, the
    ID_1, or ID_1 and ID_2 joined by one of DELIMITERS, of exactly one line each. Otherwise the order is that of the .sample.
    Raises InputError if the numbers of samples differ, or if the identifiers do not match those of the .sample.
    """
    head = read_header(path)
    if head.people != len(eids):
        problem = f"{path.name} holds {head.people} people, but {listed.name} lists {len(eids)}"
        fix = f"give {path.name} the .sample that was made with it: two lines of header (ID_1 ID_2 missing; 0 0 0), then "
        raise InputError(problem, where=listed, fix=fix + "one line per person of the .bgen")
    if head.ids is None:
        return np.arange(len(eids))
    best: list[str] = []
    for form in _spellings(families, eids):
        if form == list(head.ids):
            return np.arange(len(eids))
        place = {name: i for i, name in enumerate(form)}
        if len(place) == len(eids) and place.keys() == set(head.ids):
            return np.array([place[name] for name in head.ids], dtype=np.int64)
        best = max(best, form, key=lambda names: len(set(names) & set(head.ids or ())))
    raise _contradiction(path, listed, head.ids, best)


def _spellings(families: Sequence[str], eids: Sequence[str]) -> Iterator[list[str]]:
    yield list(eids)
    yield list(families)
    for delimiter in DELIMITERS:
        yield [f"{family}{delimiter}{eid}" for family, eid in zip(families, eids, strict=True)]


def _contradiction(path: Path, listed: Path, ids: Sequence[str], names: Sequence[str]) -> InputError:
    in_file, in_list = set(ids), set(names)
    only, others = [name for name in ids if name not in in_list], [name for name in names if name not in in_file]
    problem = f"{len(only)} of the {len(ids)} identifiers that {path.name} holds are not in {listed.name}: {first_few(only)}; "
    problem += f"{len(others)} of {listed.name} are not in {path.name}: {first_few(others)}"
    if not only:
        problem = f"identifiers occur more than once in {path.name}, or its {listed.name} lists others: {first_few(others)}"
    fix = "give it the .sample that was made with it: its ID_2 (or ID_1, or ID_1_ID_2) must be the identifiers of the .bgen"
    return InputError(problem, where=listed, fix=fix)


def has_ids(path: Path) -> bool:
    """True if the .bgen identifies its samples. If not, their order relies on the .sample alone."""
    return read_header(path).ids is not None


def check_index(path: Path) -> None:
    """Raises InputError if the .bgi index of a .bgen was made from another file: variants would be read from wrong offsets."""
    index = path.with_name(path.name + ".bgi")
    if not index.is_file():
        return
    fix = f"make the index again (bgenix -index -clobber -g {path.name}), or remove it: it is not needed"
    try:
        with closing(sqlite3.connect(f"{index.resolve().as_uri()}?mode=ro", uri=True)) as base:
            named = base.execute("SELECT 1 FROM sqlite_master WHERE name = 'Metadata'").fetchone()
            row = base.execute("SELECT file_size, first_1000_bytes FROM Metadata").fetchone() if named else None
    except sqlite3.DatabaseError as error:
        raise InputError(f"the index of the .bgen cannot be read: {error}", where=index, fix=fix) from None
    if row is None:
        return  # older indexes do not describe the file that they were made from
    with path.open("rb") as file:
        start = file.read(1000)
    if int(row[0]) != path.stat().st_size or (row[1] and bytes(row[1]) != start[: len(bytes(row[1]))]):
        problem = f"the index was made from a file other than {path.name} ({row[0]} bytes, it has {path.stat().st_size})"
        raise InputError(problem, where=index, fix=fix)
