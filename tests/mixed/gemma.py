"""Runs GEMMA (Zhou and Stephens 2012), an exact linear mixed model of one trait."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
from bed_reader import to_bed
from numpy.typing import NDArray


def fileset(stem: Path, copies: NDArray[np.int8], traits: NDArray[np.float64], chromosome: NDArray[np.int64]) -> None:
    """A .bed .bim .fam with copies (N, V) of allele 1, no call -127, and traits (N, K) in a .txt that GEMMA reads."""
    people, variants = copies.shape
    to_bed(
        stem.with_suffix(".bed"), np.ascontiguousarray(copies),
        properties={"sid": [f"v{j}" for j in range(variants)], "chromosome": [str(c) for c in chromosome],
                    "bp_position": np.arange(variants) + 1, "allele_1": ["G"] * variants, "allele_2": ["A"] * variants},
    )  # fmt: skip
    # GEMMA leaves out whoever has no trait in the .fam, whatever the other file says.
    stem.with_suffix(".fam").write_text("".join(f"f{i} p{i} 0 0 {1 + i % 2} 1\n" for i in range(people)))
    rows = [" ".join("NA" if np.isnan(value) else f"{value:.17g}" for value in row) for row in traits]
    stem.with_suffix(".txt").write_text("\n".join(rows) + "\n")


def wald(
    stem: Path, relationship: NDArray[np.float64], covariates: NDArray[np.float64], trait: int = 0
) -> tuple[pl.DataFrame, str]:
    """Rows of -lmm 1 for every variant that varies, and the log. covariates (N, C) with a column of ones."""
    folder = stem.parent / "gemma"
    folder.mkdir(exist_ok=True)
    np.savetxt(folder / "k.txt", relationship, fmt="%.17g")
    np.savetxt(folder / "c.txt", covariates, fmt="%.17g")
    command = ["gemma", "-bfile", stem, "-k", folder / "k.txt", "-c", folder / "c.txt", "-lmm", "1",
               "-p", stem.with_suffix(".txt"), "-n", str(trait + 1),
               "-miss", "1", "-maf", "0", "-r2", "1", "-outdir", folder, "-o", "made"]  # fmt: skip
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    return pl.read_csv(folder / "made.assoc.txt", separator="\t"), (folder / "made.log.txt").read_text()
