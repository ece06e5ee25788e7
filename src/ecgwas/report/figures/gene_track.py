"""Genes below a regional plot: exons, strand and name, in rows that never overlap."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import polars as pl

from ecgwas.report.figures import svg as d

MOST_ROWS = 7
"""Most rows of genes; genes that do not fit are only in the file of numbers."""

ROW, BODY = 26.0, 8.0
"""Height of a row and of an exon."""

WIDE = 1.2
"""Names of genes are capitals and digits: so many times as wide as other words."""

SHORTEST = 1.2
"""Width of an exon or gene too short to be seen."""

ARROWS = {"+": "{} →", "-": "← {}"}
STRANDS = {"+": "forward strand", "-": "reverse strand"}

Gene = Mapping[str, Any]
"""A row of GENES_OF_REGION."""


def rows(panel: d.Panel, genes: pl.DataFrame) -> tuple[list[list[Gene]], int]:
    """Genes (columns GENES_OF_REGION) in rows such that neither bodies nor names overlap, and how many do not fit."""
    placed: list[list[Gene]] = []
    ends: list[float] = []
    left_out = 0
    for gene in genes.sort("start", "stop", "gene").iter_rows(named=True):
        low, high = extent(panel, gene)
        free = [i for i, end in enumerate(ends) if end + 6 < low]
        if not free and len(placed) == MOST_ROWS:
            left_out += 1
            continue
        if not free:
            placed.append([])
            ends.append(0.0)
        place = free[0] if free else len(placed) - 1
        placed[place].append(gene)
        ends[place] = high
    return placed, left_out


def extent(panel: d.Panel, gene: Gene) -> tuple[float, float]:
    """Where a gene's body or name begins and ends, in coordinates."""
    first, last = _body(panel, gene)
    middle, half = _middle(panel, gene)
    return min(first, middle - half), max(last, middle + half)


def _body(panel: d.Panel, gene: Gene) -> tuple[float, float]:
    low, high = panel.x_range
    return panel.x.at(max(gene["start"], low)), panel.x.at(min(gene["stop"], high))


def _middle(panel: d.Panel, gene: Gene) -> tuple[float, float]:
    """The middle of a gene's name within the panel, and half its width."""
    first, last = _body(panel, gene)
    half = WIDE * d.width_of(name_of(gene), 11) / 2
    return min(max((first + last) / 2, panel.left + half), panel.right - half), half


def name_of(gene: Gene) -> str:
    """The symbol with an arrow in the direction of transcription, where that is known."""
    return ARROWS.get(gene.get("strand") or "", "{}").format(gene["gene"])


def drawn(panel: d.Panel, gene: Gene, y: float) -> str:
    """A gene: a line with its exons or, if they are not known, a bar; its name below."""
    first, last = _body(panel, gene)
    exons = _exons(gene)
    middle = y + BODY / 2
    parts = [d.line(first, middle, max(last, first + SHORTEST), middle, d.BLUE, 1.5)] if exons else []
    parts.append(_boxes(panel, exons or [(gene["start"], gene["stop"])], y))
    label = d.text(_middle(panel, gene)[0], y + 19, name_of(gene), size=11, anchor="middle", fill=d.INK, font_style="italic")
    parts.append(label)
    return f'<g data-tip="{escape(_words(gene, exons))}">{"".join(parts)}</g>'


def _exons(gene: Gene) -> list[tuple[int, int]]:
    return list(zip(gene.get("exon_starts") or [], gene.get("exon_stops") or [], strict=True))


def _words(gene: Gene, exons: list[tuple[int, int]]) -> str:
    strand = STRANDS.get(gene.get("strand") or "")
    place = f"{gene['start']:,}–{gene['stop']:,}"
    count = f"{len(exons)} exon{'s' * (len(exons) != 1)}" if exons else None
    return "\n".join(words for words in (gene["gene"], place, strand, count) if words)


def _boxes(panel: d.Panel, ranges: list[tuple[int, int]], y: float) -> str:
    """All boxes of a gene as one path."""
    starts, stops = (panel.x(np.clip([ends[k] for ends in ranges], *panel.x_range)) for k in (0, 1))
    shown = [(x, max(stop - x, SHORTEST)) for x, stop, (start, end) in zip(starts, stops, ranges, strict=True)
             if end >= panel.x_range[0] and start <= panel.x_range[1]]  # fmt: skip
    path = "".join(f"M{d.number(x)} {d.number(y)}h{d.number(width)}v{d.number(BODY)}h-{d.number(width)}z" for x, width in shown)
    return f"<path d='{path}' fill='{d.BLUE}'/>"
