"""Every word of a shared file, including its compressed blocks, so that eids can be searched for among them.

Numbers that cannot be eids are skipped: positions and counts in columns that ecgwas declares as such, columns whose name ends
in a unit, variant names that contain a position (1:1000001:A:G), identifiers of terms and publications (GO:1901018), colours,
decimals in pages and figures.
Compressed blocks of the page are unpacked: their text is searched, their arrays of numbers are not.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from lxml import etree, html

from ecgwas.tables import REAL, WHOLE, files

TEXT = (".csv", ".json", ".md", ".smk", ".svg")
COUNTED = {"contentSize", "sha256"}
"""Properties of the RO-Crate that are numbers of bytes and hashes; the audit compares them with the files."""
MEASURED = re.compile(r"_(?:uv|mv|ms|s|hz|deg|bpm|bp|kb|cm|mib|seconds)\Z")
"""Ends of names of columns that say the unit of a measurement."""
NUMBERED = re.compile(
    r"\b(?:chr)?(?:\d{1,2}|X|Y|XY|MT|M)[:_]\d+(?:[:_][ACGTDI*]+)*\b"  # variants
    r"|\b(?:GO|HP|HPA|EFO|MONDO|REAC|KEGG|WP|MP|Orphanet|OBA|CHEBI|PMID|MESH|DOID|UBERON|CL|BTO|FMA|SMART|PF|IPR)[:_]?\d+\b"
    r"|\bR-[A-Z]{3}-\d+\b"
    r"|#[0-9a-fA-F]{6}\b"  # colours
    r"|\bhttp://www\.w3\.org/\S+"  # namespaces
)
DECIMAL = re.compile(r"\d+\.\d+")
WORD = re.compile(r"[A-Za-z0-9]+")

NUMBERS = frozenset(
    name
    for table in files.shared_tables()
    for name, column in table.columns.items()
    if column.dtype in (WHOLE, REAL)
) | {"from", "to", "time_ms", "pubmed_id"}  # fmt: skip
"""Columns of numbers in shared tables, as declared, and in the numbers of pictures: positions, counts, statistics."""

PERSON_COLUMNS = frozenset({"eid", "iid", "fid", "person", "participant", "sample_id"})


@dataclass
class SearchLog:
    """Counts of what was searched, and what could not be or should not be there."""

    files: int = 0
    words: int = 0
    blocks: int = 0
    unreadable: list[str] = field(default_factory=list)
    columns_of_people: list[str] = field(default_factory=list)


def words(path: Path, log: SearchLog) -> set[str]:
    """Every word of the file that could be an eid; what was read is counted in `log`."""
    log.files += 1
    in_file: set[str] = set()
    try:
        for text in _texts(path, log):
            in_file |= set(WORD.findall(NUMBERED.sub(" ", text)))
    except (OSError, ValueError, zlib.error, etree.LxmlError, pl.exceptions.PolarsError) as error:
        log.unreadable.append(f"{path.name} ({type(error).__name__})")
    log.words += len(in_file)
    return in_file


def _texts(path: Path, log: SearchLog) -> Iterator[str]:
    """The file's text in pieces."""
    kind = path.suffix.lower()
    yield path.stem
    if kind == ".parquet":
        yield from _frame_texts(path.name, pl.read_parquet(path), log)
    elif kind == ".csv":
        yield from _frame_texts(path.name, pl.read_csv(path, infer_schema=False), log)
    elif kind == ".html":
        yield from _page_texts(path.read_bytes(), log)
    elif kind == ".svg":
        yield DECIMAL.sub(" ", path.read_text(encoding="utf-8"))
    elif path.name == files.SHARED_CRATE.name:
        yield from json_texts(json.loads(path.read_text(encoding="utf-8")), COUNTED)
    elif kind in TEXT:
        yield path.read_text(encoding="utf-8")
    else:
        raise ValueError("a kind of file that is not searched")


def _frame_texts(name: str, frame: pl.DataFrame, log: SearchLog) -> Iterator[str]:
    for column in frame.columns:
        if column.lower() in PERSON_COLUMNS:
            log.columns_of_people.append(f"{name}: {column}")
        if column not in NUMBERS and MEASURED.search(column) is None:
            yield " ".join(_as_text(value) for value in frame[column].unique() if value is not None)
    yield " ".join(frame.columns)


def _as_text(value: Any) -> str:
    """A cell as text; a whole number stored as a decimal loses its `.0`."""
    text = str(value)
    return text.removesuffix(".0")


def _page_texts(content: bytes, log: SearchLog) -> Iterator[str]:
    root: Any = html.document_fromstring(content)
    for script in root.xpath("//script[@type]"):
        yield from _script_texts(script, log)
    for element in root.iter():
        if element.tag in ("script", "style", "path", "polyline", "polygon"):
            continue
        yield DECIMAL.sub(
            " ", " ".join([element.text or "", element.tail or ""] if isinstance(element.tag, str) else [str(element)])
        )
        yield DECIMAL.sub(" ", " ".join(str(value) for value in element.attrib.values()))


def _script_texts(script: Any, log: SearchLog) -> Iterator[str]:
    if script.get("type") == "application/json":
        yield from json_texts(json.loads(script.text), COUNTED)
        return
    log.blocks += 1
    plain = zlib.decompress(base64.b64decode(script.text, validate=True))
    name = str(script.get("id", ""))
    yield name
    if name == "block-variant-names" or name.startswith("block-picture-"):
        yield DECIMAL.sub(" ", plain.decode("utf-8"))


def json_texts(content: Any, without: Container[str] = ()) -> Iterator[str]:
    """Every text of what a JSON file holds, names included; not the values of the properties `without`."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        yield " ".join(content)
        yield from (text for name, value in content.items() if name not in without for text in json_texts(value, without))
    elif isinstance(content, list):
        yield from (text for value in content for text in json_texts(value, without))
