"""The command `demo`: a simulated cohort with planted effects, and which of them the study finds."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from rich.table import Table

from ecgwas import extras
from ecgwas.commands.init import write_study
from ecgwas.progress import track
from ecgwas.report.text import effects
from ecgwas.simulate import simulate
from ecgwas.study import Study
from ecgwas.tables import files

REPRESENT = """\
  - {kind: intervals, name: clinical}         # heart rate, PR, QRS, QT, axes, amplitudes
  - {kind: pca, name: pca, features: 16, align: waves, scaling: none}  # learned from the median beat of all leads
  - {kind: residual_autoencoder, name: ae, leads: together, features: 8, epochs: 6, dropout: 0.0}
"""

NEAR_BP = 500_000


def simulate_into(folder: Path, *, people: int, seed: int) -> None:
    """Writes a simulated cohort into `folder`."""
    simulate(folder, people=people, seed=seed, track=track)


def prepare(folder: Path, *, people: int) -> Study:
    """The demo's study; its cohort and study file are written unless they exist. ToolError without msprime, PyTorch."""
    path = folder / "study.yaml"
    if not path.exists():
        extras.require("msprime", "torch", by="`ecgwas demo`", where=folder)
        simulate_into(folder, people=people, seed=1)
        write_study(folder, represent=REPRESENT)
    return Study.read_file(path)


def planted_against_found(folder: Path, study: Study) -> Table:
    """Each planted effect with the strongest significant association within 500 kb of it."""
    truth = pl.read_csv(folder / "truth.tsv", separator="\t", schema_overrides={"chrom": pl.String})
    hits = files.HITS.read(study.results).frame
    table = Table(title="planted and found", box=None)
    for name in ("planted variant", "parameter", "effect", "found by trait", "effect found", "at variant", "-log10 p"):
        table.add_column(name)
    for row in truth.iter_rows(named=True):
        near = (pl.col("chrom") == row["chrom"]) & ((pl.col("pos") - row["pos"]).abs() <= NEAR_BP)
        strongest = hits.filter(near).sort("neglog10p", "trait", descending=[True, False]).head(1)
        effect = f"{row['effect']} {row['unit']}"
        if strongest.height == 0:
            table.add_row(row["variant"], row["parameter"], effect, "not found", "", "", "")
            continue
        best = strongest.row(0, named=True)
        in_unit = effects.in_words(strongest).item() or ""
        table.add_row(
            row["variant"], row["parameter"], effect, best["trait"], in_unit, best["variant"], f"{best['neglog10p']:.1f}"
        )  # fmt: skip
    return table
