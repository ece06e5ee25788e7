"""Genotypes with alleles of all sorts, and scoring files, for tests of scores."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from bed_reader import to_bed
from numpy.typing import NDArray

from ecgwas.study.scan import Matrix
from tests.factories import make_eids

PAIRS = (("A", "G"), ("C", "T"), ("A", "T"), ("G", "C"), ("T", "G"), ("A", "ACC"))
MISSING = -127


def write_cohort(
    folder: Path, people: int = 60, variants: int = 40, *, seed: int = 1, missing: float = 0.05
) -> tuple[Matrix, pl.DataFrame, NDArray[np.int8]]:
    """Options, a table of the variants (chrom, pos, variant, effect_allele, other_allele) and copies (N, V) of a .bed of
    chromosomes 1, 2 and X."""
    rng = np.random.default_rng(seed)
    copies = rng.binomial(2, rng.uniform(0.05, 0.95, variants), (people, variants)).astype(np.int8)
    chrom = np.sort(rng.choice(["1", "2", "X"], variants, p=[0.5, 0.4, 0.1]))
    sexes = [1 + i % 2 for i in range(people)]
    men = np.array(sexes) == 1
    copies[np.ix_(men, chrom == "X")] = 2 * (copies[np.ix_(men, chrom == "X")] > 0)
    copies[(rng.random(copies.shape) < missing) & (chrom != "X")] = MISSING
    pairs = [PAIRS[k] for k in rng.integers(0, len(PAIRS), variants)]
    table = pl.DataFrame({
        "chrom": chrom, "pos": 5_000_000 + 1000 * np.arange(variants), "variant": [f"rs{100 + j}" for j in range(variants)],
        "effect_allele": [a for a, _ in pairs], "other_allele": [b for _, b in pairs],
    })  # fmt: skip
    eids = list(make_eids(people))
    to_bed(folder / "cohort.bed", copies, properties={
        "fid": eids, "iid": eids, "sex": sexes, "sid": table["variant"].to_list(), "chromosome": chrom.tolist(),
        "bp_position": table["pos"].to_list(), "allele_1": table["effect_allele"].to_list(),
        "allele_2": table["other_allele"].to_list(),
    })  # fmt: skip
    return Matrix.model_validate({"genotypes": folder / "cohort"}), table, copies


def write_score(path: Path, rows: pl.DataFrame | Sequence[Mapping[str, object]], **header: str) -> Path:
    """A scoring file in the columns of the PGS Catalog."""
    frame = pl.DataFrame(rows)
    lines = [f"#{key}={value}" for key, value in {"genome_build": "GRCh37", **header}.items()]
    path.write_text("\n".join(["###PGS CATALOG SCORING FILE", *lines]) + "\n" + frame.write_csv(separator="\t"))
    return path


def lines_of(table: pl.DataFrame, weights: NDArray[np.float64]) -> pl.DataFrame:
    """The variants as lines of a scoring file."""
    return table.select(
        rsID="variant", chr_name="chrom", chr_position="pos", effect_allele="effect_allele", other_allele="other_allele",
        effect_weight=pl.Series(weights),
    )  # fmt: skip


def plink2_sums(folder: Path, stem: str, lines: pl.DataFrame, *modifiers: str, keep: Sequence[str] = ()) -> dict[str, float]:
    """Sums of `plink2 --score` by eid; lines: rsID, effect_allele and effect_weight."""
    lines.select("rsID", "effect_allele", "effect_weight").write_csv(folder / "score.tsv", separator="\t")
    command = ["plink2", *stem.split(), "--score", folder / "score.tsv", "1", "2", "3", "header", "cols=+scoresums", *modifiers,
               "--out", folder / "plink", "--threads", "1"]  # fmt: skip
    if keep:
        (folder / "keep.txt").write_text("#FID\tIID\n" + "".join(f"{eid}\t{eid}\n" for eid in keep))
        command += ["--keep", folder / "keep.txt"]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    table = pl.read_csv(folder / "plink.sscore", separator="\t", schema_overrides={"IID": pl.String, "#IID": pl.String})
    eid = "IID" if "IID" in table.columns else "#IID"
    return dict(zip(table[eid], table["SCORE1_SUM"], strict=True))
