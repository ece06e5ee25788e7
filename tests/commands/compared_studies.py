"""Results of small studies that were never run, as far as a comparison reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ecgwas.loci.merge import in_order, merge_hits
from ecgwas.tables import Associations, Loci, Summary, Thresholds, Traits, files
from ecgwas.tables.loci import Clumps, Hits, VariantCounts
from tests.commands.test_compare import represented, study_file

ROW = {"variant": "rs1", "chrom": "1", "pos": 5000, "effect_allele": "A", "other_allele": "G", "eaf": 0.3, "n": 500,
       "beta": 0.5, "se": 0.1, "t": 5.0}  # fmt: skip
TWO = "kind: residual_autoencoder, name: ae, features: 2, epochs: 9}, {kind: intervals, name: clinical"


def scanned(
    folder: Path, name: str, rows: Sequence[dict[str, Any]], *, maxima: Sequence[float] = tuple(np.arange(1.0, 7.0, 0.01)),
    eids: Sequence[str] = ("1", "2", "3"), null_rows: Sequence[dict[str, Any]] | None = None, network: str = TWO,
    more: str = "", chrom: str = "1", natural: dict[str, tuple[float, float, str]] | None = None,
) -> Path:  # fmt: skip
    """A study file with results up to loci; rows: that its scan kept; natural: trait -> effect, standard error and unit of its
    hits."""
    path = study_file(folder, name, network)
    path.write_text(path.read_text() + more)
    represented(path)
    results = folder / "results" / name
    if "clinical" in network:
        clinical = results / "represent" / "clinical"
        clinical.mkdir()
        for file in (results / "represent" / "ae").iterdir():
            (clinical / file.name).write_bytes(file.read_bytes())
        (clinical / "history.csv").write_text("epoch,train_loss,validation_loss,learning_rate\n")
    write_scan(results, rows, maxima, chrom)
    (results / "traits").mkdir()
    files.TRAITS.write(Traits(tuple(eids), ("ae.V1.f1",), np.zeros((len(eids), 1))), results / "traits")
    write_loci(results, rows, chrom, natural or {})
    if null_rows is not None:
        write_scan(results / "null", null_rows, (), chrom)
    return path


def write_scan(results: Path, rows: Sequence[dict[str, Any]], maxima: Sequence[float], chrom: str) -> None:
    folder = results / "scan"
    folder.mkdir(parents=True)
    files.ASSOCIATIONS.write(Associations.of([ROW | row for row in rows]), folder, part=chrom)
    (folder / "tests").mkdir()
    one = np.ones(1, dtype=np.int64)
    np.savez(
        files.TEST_COUNTS.within(folder, part=chrom), traits=np.array(["ae.V1.f1"]), people=one, tests=one, not_computed=one,
        chi2_counts=one[:, None], permutation_max=np.array(maxima), set_permutation_max=np.array(()),
    )  # fmt: skip


def write_loci(
    results: Path, rows: Sequence[dict[str, Any]], chrom: str, natural: dict[str, tuple[float, float, str]]
) -> None:  # fmt: skip
    folder = results / "loci"
    folder.mkdir()
    table = in_order(Associations.of([ROW | row for row in rows]).frame)
    hits = table.filter(pl.col("neglog10p") > 6.0)
    own = [natural.get(trait, (None, None, None)) for trait in hits["trait"]]
    units = pl.DataFrame(own, schema={"effect": pl.Float64, "effect_se": pl.Float64, "unit": pl.String}, orient="row")
    files.HITS.write(Hits.of_associations(Associations(hits), units), folder)
    files.LOCI.write(Loci(merge_hits(hits, 500_000)), folder)
    files.CLUMPS.write(Clumps.empty(), folder)
    traits = ("ae.V1.f1", "ae.V1.f2", "clinical.12L.qt_ms")
    blank = dict.fromkeys(Summary.columns)
    files.SUMMARY.write(Summary.of([blank | {"trait": trait, "n": 500, "tests": 1000} for trait in traits]), folder)
    threshold = dict.fromkeys(Thresholds.columns) | {"kind": "given", "p": 1e-6, "neglog10p": 6.0, "used": True}
    files.THRESHOLDS.write(Thresholds.of([threshold]), folder)
    counts = [{"chrom": chrom, "outcome": "tested", "variants": 1000, "in_file": 1000}]
    files.VARIANT_COUNTS.write(VariantCounts.of(counts), folder)


BOTH = {"trait": "ae.V1.f1", "neglog10p": 12.0}
"""A hit of both studies, at 1:5000."""
ONLY_A = [{"trait": "clinical.12L.qt_ms", "variant": "rs2", "pos": 3_000_000, "neglog10p": 9.5, "beta": -0.25},
          {"trait": "ae.V1.f2", "variant": "rs2", "pos": 3_000_000, "neglog10p": 4.25}]  # fmt: skip
ONLY_B = {"trait": "clinical.12L.qt_ms", "variant": "rs3", "pos": 7_000_000, "neglog10p": 8.0}


def two_studies(folder: Path) -> tuple[Path, Path]:
    """Two studies of the same permutations: a locus of both, one of each alone; null studies with and without a false locus."""
    natural = {"clinical.12L.qt_ms": (-4.5, 0.75, "ms")}
    a = scanned(folder, "alpha", [BOTH, {"trait": "clinical.12L.qt_ms", "neglog10p": 7.5}, *ONLY_A], natural=natural,
                null_rows=[{"trait": "ae.V1.f1", "pos": 44, "neglog10p": 6.9}])  # fmt: skip
    swapped = {"neglog10p": 10.0, "effect_allele": "G", "other_allele": "A", "eaf": 0.7, "beta": -0.45}
    b = scanned(folder, "beta", [BOTH | swapped, ONLY_B, ONLY_A[0] | {"neglog10p": 3.5, "beta": -0.1}],
                null_rows=[{"trait": "ae.V1.f1", "pos": 44, "neglog10p": 3.5}])  # fmt: skip
    return a, b
