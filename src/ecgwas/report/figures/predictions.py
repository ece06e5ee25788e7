"""How well covariates and ECG tell each target, and what acting on their risks is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from ecgwas.report.contents import Figure
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.triangles import SIZE
from ecgwas.report.predictions import KEY
from ecgwas.tables import files
from ecgwas.tables.files import ResultFile

EVERYONE = "everyone"
COLOURS = {"covariates": d.MUTED, "ECG": d.BLUE, "ECG and covariates": d.VERMILION, EVERYONE: d.GREEN}
LEADS = " Lead variants were chosen in the same participants, for their association with a trait: their areas are too large."
ROW, TOP, NAMES_WIDTH, NUMBERS_WIDTH, MAX_ROWS = 46.0, 16.0, 290.0, 150.0, 24
WIDTH, HEIGHT, COLUMNS, MAX_CURVES = 236.0, 150.0, 3, 6
LEFT, GAP_X, GAP_Y = 56.0, 64.0, 68.0


def figures(tables: Mapping[ResultFile, pl.DataFrame]) -> dict[str, Figure]:
    """Both pictures, those that have something to show."""
    models, curves = tables.get(files.PREDICTION_MODELS), tables.get(files.DECISION_CURVES)
    drawn: dict[str, Figure] = {}
    if models is not None and models.height:
        drawn["predictions"] = areas(models)
    if curves is not None and curves.filter(pl.col("kind") == "outcome").height:
        drawn["decision_curves"] = decision_curves(curves.filter(pl.col("kind") == "outcome"))
    return drawn


def named(row: Mapping[str, object]) -> str:
    """A target in words."""
    shown = str(row["target"]).replace("_", " ") if row["kind"] == "outcome" else f"carriers of {row['target']}"
    return f"{shown} (prevalent)" if row["analysis"] == "prevalent" else shown


def areas(models: pl.DataFrame) -> Figure:
    """Area under the ROC curve of each target and model with its 95 % interval, at most MAX_ROWS targets."""
    targets = models.select(KEY).unique(maintain_order=True).head(MAX_ROWS)
    lowest = min(0.45, float(models["low"].fill_null(0.5).min() or 0.5))  # type: ignore[arg-type]
    width, height = 930 - NAMES_WIDTH - NUMBERS_WIDTH, ROW * targets.height
    panel = d.Panel(NAMES_WIDTH, TOP, width, height, (lowest, 1.0), (float(targets.height), 0.0))
    chance = panel.x.at(0.5)
    parts = d.x_axis(panel, "area under the ROC curve", grid=True)
    parts.append(d.line(chance, panel.top, chance, panel.bottom, d.INK, 1, stroke_dasharray="5 4"))
    for k, target in enumerate(targets.iter_rows(named=True)):
        middle = panel.top + ROW * (k + 0.5)
        parts.append(d.text(NAMES_WIDTH - 10, middle + 4, named(target), anchor="end", fill=d.INK))
        for i, row in enumerate(_of(models, target).iter_rows(named=True)):
            parts += _mark(panel, middle + (i - 1) * 13, row)
    parts += d.legend(NAMES_WIDTH, panel.bottom + 56, [(name, colour) for name, colour in COLOURS.items() if name != EVERYONE])
    leads = LEADS if (models["kind"] == "lead variant").any() else ""
    count = models.select(KEY).unique().height
    caption = (
        "How well each model tells cases from controls, or carriers of the rarer allele from others, in participants to whom "
        f"it was not fitted, with 95 % intervals; 0.5 (dashed) is chance. {count} targets.{leads}"
    )
    picture = d.svg(930, panel.bottom + 66, parts, caption)
    return Figure("Diseases and genotypes from the ECG", caption, picture, models.write_csv())


def _of(frame: pl.DataFrame, target: Mapping[str, object]) -> pl.DataFrame:
    """Rows of one target."""
    return frame.filter(pl.all_horizontal(pl.col(name).eq_missing(pl.lit(target[name], pl.String)) for name in KEY))


def _mark(panel: d.Panel, y: float, row: Mapping[str, float]) -> list[str]:
    """A square with its interval, and the numbers."""
    colour, numbers = COLOURS[str(row["model"])], f"{row['auroc']:.2f}"
    parts = []
    if row["low"] is not None and row["high"] is not None:
        parts.append(d.line(panel.x.at(row["low"]), y, panel.x.at(row["high"]), y, colour, 1.6))
        numbers += f" ({row['low']:.2f} to {row['high']:.2f})"
    at = panel.x.at(row["auroc"])
    return [
        *parts, d.rect(at - SIZE, y - SIZE, 2 * SIZE, 2 * SIZE, colour), d.text(panel.right + 12, y + 4, numbers, fill=d.INK)
    ]  # fmt: skip


def decision_curves(curves: pl.DataFrame) -> Figure:
    """Net benefit by threshold of at most MAX_CURVES outcomes; below 0 it is better to act on nobody."""
    targets = curves.select(KEY).unique(maintain_order=True).head(MAX_CURVES)
    parts: list[str] = []
    bottom = 0.0
    for k, target in enumerate(targets.iter_rows(named=True)):
        rows = _of(curves, target)
        left, top = LEFT + (k % COLUMNS) * (WIDTH + GAP_X), TOP + 16 + (k // COLUMNS) * (HEIGHT + GAP_Y)
        highest = float(rows["net_benefit"].max())  # type: ignore[arg-type]
        panel = d.Panel(left, top, WIDTH, HEIGHT, (0.0, float(rows["threshold"].max())), (-0.15 * highest, 1.05 * highest))  # type: ignore[arg-type]
        parts += [*d.x_axis(panel, "risk from which one acts", about=4)]
        parts += d.y_axis(panel, "net benefit" if k % COLUMNS == 0 else "", about=4)
        parts += [d.line(panel.left, panel.y.at(0), panel.right, panel.y.at(0), d.INK, 1), *_curves(panel, rows)]
        parts.append(d.text(left, top - 6, named(target), fill=d.INK, font_weight="600"))
        bottom = max(bottom, panel.bottom)
    parts += d.legend(LEFT, bottom + 58, COLOURS.items())
    caption = (
        "Net benefit of acting on risks from a threshold on: the share of true positives less that of false ones, weighed by "
        "the odds of the threshold (Vickers and Elkin 2006). A model is of use where its curve is above that of acting on "
        "everyone and above 0. Risks are of participants to whom the models were not fitted. Not for use in patients."
    )
    picture = d.svg(930, bottom + 68, parts, caption)
    return Figure("Decision curves", caption, picture, curves.write_csv())


def _curves(panel: d.Panel, rows: pl.DataFrame) -> Sequence[str]:
    """One per model, as far as it is within the panel."""
    drawn = []
    for name, colour in COLOURS.items():
        curve = rows.filter(pl.col("model") == name, pl.col("net_benefit") >= panel.y_range[0])
        x, y = panel.x(curve["threshold"].to_numpy()), panel.y(curve["net_benefit"].to_numpy())
        drawn.append(d.polyline(x, y, colour, 1.6, stroke_dasharray="4 3" if name == EVERYONE else None))
    return drawn
