"""matplotlib plots of results. Each function draws into given axes, or into new ones of pyplot, and returns them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ecgwas.report import GenotypeBeats
from ecgwas.report.figures import svg
from ecgwas.report.figures.genotype import COLOURS, FEWEST, copies
from ecgwas.report.figures.recordings import GRID_LEADS
from ecgwas.report.figures.region import R2_COLOURS
from ecgwas.report.figures.thinning import genome_of
from ecgwas.report.scan_rows import ScanRows
from ecgwas.report.trait_order import natural
from ecgwas.tables import VARIANT_KEY

NEGLOG10P = "−log10 p"


def manhattan(rows: pl.DataFrame, threshold: float, trait: str | None, ax: Axes | None) -> Axes:
    """rows: columns of Associations, of one trait, or of all, of which each variant's strongest is drawn.

    threshold: -log10 p of the dashed line.
    """
    axes = ax or _new_axes((10, 3.5))
    known = rows.filter(pl.col("neglog10p").is_finite())
    genome = genome_of(ScanRows(lambda columns: [known.select(columns)]))
    drawn = known.group_by(VARIANT_KEY, maintain_order=True).agg(pl.col("neglog10p").max())
    ticks = []
    for place, chrom in enumerate(sorted(genome.starts, key=natural)):
        here = drawn.filter(pl.col("chrom") == chrom)
        x, y = genome.starts[chrom] + here["pos"].to_numpy().astype(np.float64), here["neglog10p"].to_numpy()
        is_hit = y > threshold
        axes.scatter(x[~is_hit], y[~is_hit], s=4, color=(svg.BLUE, svg.MUTED)[place % 2], linewidths=0, rasterized=True)
        axes.scatter(x[is_hit], y[is_hit], s=10, color=svg.VERMILION, linewidths=0)
        left, width = genome.extent(chrom)
        ticks.append((left + width / 2, chrom))
    axes.axhline(threshold, color=svg.INK, linewidth=1, linestyle="--")
    axes.set_xticks([at for at, _ in ticks], [chrom for _, chrom in ticks])
    return _labelled(axes, "chromosome", NEGLOG10P, trait or "every variant's strongest trait")


def qq(points: pl.DataFrame, trait: str, inflation: float | None, ax: Axes | None) -> Axes:
    """points: columns expected, observed, low, high; inflation: lambda, None if it is unknown."""
    axes = ax or _new_axes((4.2, 4))
    axes.fill_between(points["expected"], points["low"], points["high"], color=svg.LIGHT, linewidth=0)
    end = float(points["expected"].to_numpy().max(initial=1.0))
    axes.plot([0, end], [0, end], color=svg.MUTED, linewidth=1)
    axes.scatter(points["expected"], points["observed"], s=10, color=svg.BLUE, linewidths=0)
    words = "" if inflation is None else f"λ = {inflation:.3f}"
    axes.text(0.04, 0.94, words, transform=axes.transAxes, va="top")
    return _labelled(axes, f"expected {NEGLOG10P}", f"observed {NEGLOG10P}", trait)


def locus(tests: pl.DataFrame, row: Mapping[str, Any], threshold: float, ax: Axes | None) -> Axes:
    """tests: columns of Neighbourhoods of the locus; row: its row of Loci; threshold: -log10 p of the dashed line."""
    axes = ax or _new_axes((8, 3.5))
    known = tests.filter(pl.col("neglog10p").is_finite())
    x, y, r2 = known["pos"].to_numpy() / 1e6, known["neglog10p"].to_numpy(), known["r2_with_lead"].fill_null(-1).to_numpy()
    axes.scatter(x[r2 < 0], y[r2 < 0], s=14, color=svg.LIGHT, linewidths=0)
    upper = np.inf
    for min_r2, colour in R2_COLOURS:
        chosen = (r2 >= min_r2) & (r2 < upper)
        axes.scatter(x[chosen], y[chosen], s=16, color=colour, linewidths=0, label=f"r² {min_r2:g} to {min_r2 + 0.2:g}")
        upper = min_r2
    lead = known.filter(pl.col(name) == row[name] for name in ("pos", "effect_allele", "other_allele"))
    axes.scatter(lead["pos"] / 1e6, lead["neglog10p"], s=60, marker="D", color=svg.VERMILION, label=row["lead_variant"])
    axes.axhline(threshold, color=svg.INK, linewidth=1, linestyle="--")
    axes.legend(fontsize=7, frameon=False)
    title = f"locus {row['locus']}: {tests['trait'][0] if tests.height else row['best_trait']}"
    return _labelled(axes, f"chromosome {row['chrom']}, Mb", NEGLOG10P, title)


def ecg_by_genotype(beats: GenotypeBeats) -> dict[str, Axes]:
    """Lead -> axes with the mean beat of each genotype of FEWEST participants or more, and its 95 % band."""
    figure, grid = plt.subplots(3, 4, figsize=(11, 6.5), sharex=True, layout="constrained")
    by_lead: dict[str, Axes] = {}
    for axes_of_row, leads in zip(grid, GRID_LEADS, strict=True):
        for axes, lead in zip(axes_of_row, leads, strict=True):
            _draw_beats(axes, beats, beats.leads.index(lead))
            by_lead[lead] = _labelled(axes, "", "", lead)
    by_lead[GRID_LEADS[-1][0]].set(xlabel="ms from R", ylabel="µV")
    by_lead[GRID_LEADS[0][-1]].legend(fontsize=7, frameon=False)
    figure.suptitle(f"{beats.variant}: mean median beat by copies of {beats.effect_allele}")
    return by_lead


def _draw_beats(axes: Axes, beats: GenotypeBeats, lead: int) -> None:
    for k in (k for k in range(3) if beats.people[k] >= FEWEST):
        mean, half = beats.mean_uv[k, lead], beats.half_width_uv[k, lead]
        axes.fill_between(beats.times_ms, *_band(mean, half), color=COLOURS[k], alpha=0.16, linewidth=0)
        axes.plot(beats.times_ms, mean, color=COLOURS[k], linewidth=1.2, label=f"{copies(beats, k)} ({beats.people[k]:,})")


def _band(mean: NDArray[np.float64], half: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return mean - half, mean + half


def _new_axes(inches: tuple[float, float]) -> Axes:
    _, axes = plt.subplots(figsize=inches, layout="constrained")
    return axes


def _labelled(axes: Axes, x: str, y: str, title: str) -> Axes:
    """The axes with labels, title and open frame."""
    axes.set(xlabel=x, ylabel=y)
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    return axes
