"""Every word of a file that is to be passed on, whatever the file is packed in.

Numbers that can be nothing but numbers are not taken for eids: positions and counts in columns that ecgwas declares as such,
variant names that hold a position (1:1000001:A:G), terms and publications that have numbers (GO:1901018), decimals in pages and
pictures. Packed blocks of the page are opened: their text is searched, their arrays of numbers are not.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from lxml import etree, html

from ecgwas import tables
from ecgwas.tables import REAL, WHOLE, Table, genes, loci

TEXT = (".csv", ".json", ".md", ".svg")
NUMBERED = re.compile(
    r"\b(?:chr)?(?:\d{1,2}|X|Y|XY|MT|M)[:_]\d+(?:[:_][ACGTDI*]+)*\b"  # variants
    r"|\b(?:GO|HP|HPA|EFO|MONDO|REAC|KEGG|WP|MP|Orphanet|OBA|CHEBI|PMID|MESH|DOID|UBERON|CL|BTO|FMA|SMART|PF|IPR)[:_]?\d+\b"
    r"|\bR-[A-Z]{3}-\d+\b"
)
DECIMAL = re.compile(r"\d+\.\d+")
WORD = re.compile(r"[A-Za-z0-9]+")

NUMBERS = frozenset(
    name
    for room in (tables, loci, genes)
    for table in vars(room).values()
    if isinstance(table, type) and issubclass(table, Table)
    for name, column in table.columns.items()
    if column.dtype in (WHOLE, REAL)
) | {"expected", "observed", "low", "high", "from", "to", "time_ms", "stop", "start", "pubmed_id", "train_loss"}  # fmt: skip
"""Columns of numbers that ecgwas declares: positions, counts, statistics."""

OF_PEOPLE = frozenset({"eid", "iid", "fid", "person", "participant", "sample_id"})


@dataclass
class Searched:
    """What was read on the way."""

    files: int = 0
    words: int = 0
    blocks: int = 0
    unreadable: list[str] = field(default_factory=list)
    columns_of_people: list[str] = field(default_factory=list)


def words(path: Path, seen: Searched) -> set[str]:
    """Every word of the file that could be an eid; what was read is counted in `seen`."""
    seen.files += 1
    found: set[str] = set()
    try:
        for piece in _pieces(path, seen):
            found |= set(WORD.findall(NUMBERED.sub(" ", piece)))
    except (OSError, ValueError, zlib.error, etree.LxmlError, pl.exceptions.PolarsError) as error:
        seen.unreadable.append(f"{path.name} ({type(error).__name__})")
    seen.words += len(found)
    return found


def _pieces(path: Path, seen: Searched) -> Iterator[str]:
    """The file's text, piece by piece."""
    kind = path.suffix.lower()
    yield path.stem
    if kind == ".parquet":
        yield from _of_frame(path.name, pl.read_parquet(path), seen)
    elif kind == ".csv":
        yield from _of_frame(path.name, pl.read_csv(path, infer_schema=False), seen)
    elif kind == ".html":
        yield from _of_page(path.read_bytes(), seen)
    elif kind == ".svg":
        yield DECIMAL.sub(" ", path.read_text(encoding="utf-8"))
    elif kind in TEXT:
        yield path.read_text(encoding="utf-8")
    else:
        raise ValueError("a kind of file that is not searched")


def _of_frame(name: str, frame: pl.DataFrame, seen: Searched) -> Iterator[str]:
    for column in frame.columns:
        if column.lower() in OF_PEOPLE:
            seen.columns_of_people.append(f"{name}: {column}")
        if column not in NUMBERS:
            yield " ".join(_as_text(value) for value in frame[column].unique() if value is not None)
    yield " ".join(frame.columns)


def _as_text(value: Any) -> str:
    """A cell as it would be written; a whole number that became a decimal without its nought."""
    text = str(value)
    return text.removesuffix(".0")


def _of_page(content: bytes, seen: Searched) -> Iterator[str]:
    root: Any = html.document_fromstring(content)
    for script in root.xpath("//script[@type]"):
        yield from _of_script(script, seen)
    for element in root.iter():
        if element.tag in ("script", "style", "path", "polyline", "polygon"):
            continue
        yield DECIMAL.sub(
            " ", " ".join([element.text or "", element.tail or ""] if isinstance(element.tag, str) else [str(element)])
        )
        yield DECIMAL.sub(" ", " ".join(str(value) for value in element.attrib.values()))


def _of_script(script: Any, seen: Searched) -> Iterator[str]:
    if script.get("type") == "application/json":
        yield from _strings(json.loads(script.text))
        return
    seen.blocks += 1
    plain = zlib.decompress(base64.b64decode(script.text, validate=True))
    name = str(script.get("id", ""))
    yield name
    if name == "block-variant-names" or name.startswith("block-picture-"):
        yield DECIMAL.sub(" ", plain.decode("utf-8"))


def _strings(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        yield " ".join(content)
        yield from (text for value in content.values() for text in _strings(value))
    elif isinstance(content, list):
        yield from (text for value in content for text in _strings(value))
