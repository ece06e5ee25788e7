"""What the files of a source contain, as `ecgwas check` reports it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ecgwas import gene_symbols
from ecgwas.errors import Caution


@dataclass(frozen=True)
class FileContents:
    """facts: contents in words, warnings among them; symbols: of the genes in the file called `name`, if it lists any."""

    facts: tuple[str, ...]
    symbols: frozenset[str] = frozenset()
    name: str = ""


def genes_in(path: Path, symbols: Iterable[str], fact: str, cautions: Iterable[Caution] = ()) -> FileContents:
    """Contents of a file that lists genes: the fact, a warning where a spreadsheet has changed symbols, and the cautions."""
    names = frozenset(symbols)
    damaged = gene_symbols.warning(names, path.name)
    return FileContents((fact, *([] if damaged is None else [damaged]), *cautions), names, path.name)
