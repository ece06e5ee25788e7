"""Dot plot of enriched terms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import polars as pl

from ecgwas.report.contents import Figure
from ecgwas.report.figures import svg as d
from ecgwas.report.plot_data import Details, PlotData
from ecgwas.tables import Terms

MOST_TERMS = 25
LONGEST = 52
"""Most characters of a description; the table has all of it."""

STRONGEST_FDR = 8.0
"""-log10 FDR at the end of the colour scale."""


def enrichment(terms: Terms, list_genes: Callable[[str, Sequence[str]], Details] | None = None) -> Figure | None:
    """Terms by strength; size is the number of genes, colour the false discovery rate.

    list_genes: gives what is listed of a chosen term from its title and genes; None: nothing
    """
    frame = terms.frame.filter(pl.col("strength").is_finite())
    if frame.height == 0:
        return None
    kept = frame.filter(pl.col("kept"))
    shown = (_strongest(kept) if kept.height else frame.sort("fdr", "category", "term", nulls_last=True)).head(MOST_TERMS)
    shown = shown.sort("strength", "term", descending=[True, False])
    low, high = min(0.0, float(shown["strength"].min())), max(float(shown["strength"].max()), 0.1) * 1.08  # type: ignore[arg-type]
    panel = d.Panel(380, 40, 420, shown.height * 22.0, (low, high), (0, shown.height))
    parts = [d.line(panel.x.at(tick), panel.top, panel.x.at(tick), panel.bottom) for tick in panel.x.ticks(5)]
    max_observed = max(shown["observed"].to_list())
    for i, row in enumerate(shown.iter_rows(named=True)):
        parts += _term(panel, panel.top + (i + 0.5) * 22, row, max_observed)
    parts += [*d.x_axis(panel, "strength, log10(observed / expected)"), *_key(max_observed)]
    counts = f"{kept.height} of {frame.height} terms are within the study's limits"
    which = f"; {shown.height} are drawn, the cardiovascular ones first, by strength" if shown.height < kept.height else ""
    none = "" if kept.height else "; those of smallest FDR are drawn"
    caption = f"{counts}{which}{none}. Size: hit genes in the term; colour: −log10 FDR; ♥: cardiovascular."
    picture = d.svg(930, panel.bottom + 46, parts, caption)
    details = {} if list_genes is None else _details(shown, list_genes)
    return Figure("Enriched terms", caption, picture, shown.write_csv(), PlotData(details=details) if details else None)


def _details(shown: pl.DataFrame, list_genes: Callable[[str, Sequence[str]], Details]) -> dict[str, Details]:
    """Key of a term -> its hit genes."""
    return {_key_of(row): list_genes(f"{name_of(row)} ({row['category']}): {row['observed']} hit genes",
                                     sorted((row["genes"] or "").split(";")))
            for row in shown.iter_rows(named=True)}  # fmt: skip


def _key_of(row: Mapping[str, Any]) -> str:
    return f"{row['category']} {row['term']}"


def _strongest(kept: pl.DataFrame) -> pl.DataFrame:
    """Every cardiovascular term, then the others; each by strength, the largest first."""
    return kept.sort("cardiovascular", "strength", "fdr", "category", "term", descending=[True, True, False, False, False])


def _term(panel: d.Panel, y: float, row: dict[str, Any], max_observed: int) -> list[str]:
    words = name_of(row)
    words = words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
    mark = "♥ " if row["cardiovascular"] else ""
    x, radius = panel.x.at(row["strength"]), _radius(row["observed"], max_observed)
    title = f"{row['term']}: {row['observed']} genes, expected {row['expected']:.2f}, FDR {row['fdr']:.2g}"
    fill = d.shade(min(_neglog10_fdr(row["fdr"]) / STRONGEST_FDR, 1))
    circle = f"<circle cx='{d.number(x)}' cy='{d.number(y)}' r='{d.number(radius)}' fill='{fill}' stroke='{d.MUTED}'"
    circle += f"{d.attributes(data_details=_key_of(row))}>"
    return [
        *([] if row["group"] == "other" else [d.text(panel.right + 10, y + 4, row["group"])]),
        d.text(372, y + 4, mark + words, anchor="end", size=11, fill=d.INK), d.line(panel.left, y, x, y),
        f"{circle}<title>{escape(title, quote=False)}</title></circle>",
    ]  # fmt: skip


def name_of(row: Mapping[str, Any]) -> str:
    """The term in words: its description where the term itself is an identifier such as GO:0086001."""
    is_number = re.fullmatch(r"[A-Za-z]+[:_.-]?\d+(\.\d+)?", row["term"])
    return str(row["description"] or row["term"]) if is_number else str(row["term"])


def _neglog10_fdr(fdr: float | None) -> float:
    return 0.0 if fdr is None else float(-np.log10(max(fdr, 1e-300)))


def _radius(observed: int, max_observed: int) -> float:
    return 3 + 6 * float(np.sqrt(observed / max(max_observed, 1)))


def _key(max_observed: int) -> list[str]:
    parts = [d.text(380, 20, "genes", fill=d.INK)]
    x = 425.0
    for count in sorted({1, max(max_observed // 2, 1), max_observed}):
        radius = _radius(count, max_observed)
        parts.append(f"<circle cx='{d.number(x)}' cy='16' r='{d.number(radius)}' fill='none' stroke='{d.INK}'/>")
        parts.append(d.text(x + radius + 4, 20, str(count), fill=d.INK))
        x += 2 * radius + 26
    parts += [d.rect(600 + i * 12, 10, 12, 11, colour) for i, colour in enumerate(d.CIVIDIS)]
    parts.append(d.text(600 + 12 * len(d.CIVIDIS) + 6, 20, f"−log10 FDR, 0 to {STRONGEST_FDR:g}", fill=d.INK))
    return parts
