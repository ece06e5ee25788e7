"""The results of a scan, block by block, and the tables made from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.scan.engine import variant_counts
from ecgwas.scan.engine.screening import BINS
from ecgwas.tables import Associations, LeftOutVariants, ScanResult, SetAssociations

if TYPE_CHECKING:
    from ecgwas.scan.engine.all_tests import AllTests
    from ecgwas.scan.permutation.max_t import ResidualisedVariants

ROWS: dict[str, Any] = {
    "variant": pl.Int64, "trait": pl.Int64, "eaf": pl.Float64, "n": pl.Int64,
    "beta": pl.Float64, "se": pl.Float64, "t": pl.Float64, "neglog10p": pl.Float64,
}  # fmt: skip
LEFT_OUT: dict[str, Any] = {"variant": pl.Int64, "trait": pl.Int64, "reason": pl.String}


SETS: dict[str, Any] = {
    "variant": pl.Int64, "set": pl.Int64, "eaf": pl.Float64, "omnibus": pl.Float64, "acat": pl.Float64, "best": pl.Int64
}  # fmt: skip
NO_ROWS, NO_LEFT_OUT, NO_SETS = (pl.DataFrame(schema=schema) for schema in (ROWS, LEFT_OUT, SETS))
"""Empty frames, created once: most blocks of variants need several."""


@dataclass(frozen=True)
class BlockResult:
    """Results of a block of variants; variants and traits are indices.

    rows          frame with the columns ROWS
    left_out      frame with the columns LEFT_OUT; trait null: all traits
    tests, not_computed (K,) int64;  chi2_counts (K, BINS) int64, empty where
                  nothing was tested;  maxima (B,) float64, largest absolute
                  correlation in each permutation, empty without permutations
    kept_tests    every test of one block, if tests are kept
    sets          frame with the columns SETS, tests of trait sets;  set_maxima (B,) float64, largest -log10 p of a trait
                  set in each permutation
    sampled       the block's genotypes in the sample permuted, until they are tested;  permuted_tests: number of tests of each
                  permutation of a sample, 0 if everyone is permuted
    effective_tests (2, L) float64: effective number of tests, and variance (permutation/effective_tests.py); empty likewise
    """

    rows: pl.DataFrame
    left_out: pl.DataFrame
    tests: NDArray[np.int64]
    not_computed: NDArray[np.int64]
    chi2_counts: NDArray[np.int64]
    maxima: NDArray[np.float64]
    kept_tests: AllTests | None = None
    sets: pl.DataFrame = field(default_factory=lambda: NO_SETS)
    set_maxima: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    sampled: ResidualisedVariants | None = None
    permuted_tests: int = 0
    effective_tests: NDArray[np.float64] = field(default_factory=lambda: np.empty((2, 0)))


def rows(**columns: Any) -> pl.DataFrame:
    """A frame of rows from arrays."""
    return pl.DataFrame(columns, schema=ROWS)


def left_out(variants: NDArray[np.int64], reasons: NDArray[np.object_], trait: int | None = None) -> pl.DataFrame:
    """A frame of excluded variants; trait None: for all traits."""
    columns = {"variant": variants, "trait": [trait] * len(variants), "reason": list(reasons)}
    return pl.DataFrame(columns, schema=LEFT_OUT)


def total(parts: Iterable[BlockResult], traits: int) -> BlockResult:
    """The sum of all blocks."""
    frames: list[pl.DataFrame] = [NO_ROWS]
    lists: list[pl.DataFrame] = [NO_LEFT_OUT]
    tests, missed = np.zeros(traits, dtype=np.int64), np.zeros(traits, dtype=np.int64)
    counts = np.empty((0, 0), dtype=np.int64)
    maxima, set_maxima = np.empty(0), np.empty(0)
    sets: list[pl.DataFrame] = [NO_SETS]
    permuted_tests, effective = 0, np.empty((2, 0))
    for part in parts:
        if part.rows.height:
            frames.append(part.rows)
        if part.left_out.height:
            lists.append(part.left_out)
        tests += part.tests
        missed += part.not_computed
        if part.chi2_counts.size:
            counts = counts + part.chi2_counts if counts.size else part.chi2_counts
        maxima, set_maxima = _larger(maxima, part.maxima), _larger(set_maxima, part.set_maxima)
        if part.sets.height:
            sets.append(part.sets)
        permuted_tests += part.permuted_tests
        if part.effective_tests.size:
            effective = effective + part.effective_tests if effective.size else part.effective_tests
    return BlockResult(
        _joined(frames), _joined(lists), tests, missed, counts, maxima, sets=_joined(sets), set_maxima=set_maxima,
        permuted_tests=permuted_tests, effective_tests=effective,
    )  # fmt: skip


PIECE = "piece_"
"""Subfolders of a chromosome, for variants tested with other participants or covariates than the first (ends of X)."""


def piece_folder(folder: Path | None, number: int) -> Path | None:
    """The folder of a piece of a chromosome (Genotypes.pieces); the first piece uses the chromosome's own folder."""
    return folder if folder is None or number == 0 else folder / f"{PIECE}{number}"


def renumbered(result: BlockResult, variant_index: NDArray[np.int64]) -> BlockResult:
    """The same results, with each variant's index replaced by `variant_index` (v,), its index in a larger set."""
    frames = {
        name: frame.with_columns(pl.Series("variant", variant_index[frame["variant"].to_numpy()], dtype=pl.Int64))
        for name in ("rows", "left_out", "sets")
        if (frame := getattr(result, name)).height
    }
    return replace(result, **frames)


def _joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """One frame; the first is empty and defines the columns. A single other frame is not copied, which would take a tenth of
    a scan."""
    return frames[-1] if len(frames) <= 2 else pl.concat(frames)


def _larger(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(a) == 0 or len(b) == 0:
        return a if len(a) else b
    return np.maximum(a, b)


def result(
    scanned: BlockResult, names: tuple[str, ...], people: NDArray[np.int64], genotypes: Genotypes, sets: tuple[str, ...] = (),
    *, permuted_people: int = 0,
) -> ScanResult:  # fmt: skip
    """Replaces indices by names. Rows are sorted by variant as in the file, then by trait. sets: names of the trait sets;
    permuted_people: number of participants permuted."""
    rows_in_order = scanned.rows.sort("variant", "trait")
    associations = rows_in_order.select(
        _named(rows_in_order["trait"], names).alias("trait"),
        *variant_columns(rows_in_order["variant"], genotypes),
        "eaf", "n", "beta", "se", "t", "neglog10p",
    )  # fmt: skip
    excluded = scanned.left_out.sort("variant", "trait", nulls_last=False)
    left_out_table = excluded.select(
        *variant_columns(excluded["variant"], genotypes), _named(excluded["trait"], names).alias("trait"), "reason"
    )
    in_order = scanned.sets.sort("variant", "set")
    set_tests = in_order.select(
        _named(in_order["set"], sets).alias("set"), *variant_columns(in_order["variant"], genotypes), "eaf", "omnibus", "acat",
        _named(in_order["best"], names).alias("best_trait"),
    )  # fmt: skip
    return ScanResult(
        associations=Associations(associations),
        left_out=LeftOutVariants(left_out_table),
        traits=names,
        people=people,
        tests=scanned.tests,
        not_computed=scanned.not_computed,
        chi2_counts=scanned.chi2_counts if scanned.chi2_counts.size else np.zeros((len(names), BINS), dtype=np.int64),
        permutation_max=scanned.maxima,
        counts=variant_counts.counts(scanned.left_out, genotypes, len(names)).frame,
        sets=SetAssociations(set_tests),
        set_permutation_max=scanned.set_maxima,
        permuted_people=permuted_people,
        permuted_tests=scanned.permuted_tests,
        effective_tests=scanned.effective_tests,
    )


def _named(numbers: pl.Series, names: tuple[str, ...]) -> pl.Series:
    return pl.Series(names, dtype=pl.String).gather(numbers)


def variant_columns(numbers: pl.Series, genotypes: Genotypes) -> list[pl.Series]:
    """Columns variant, chrom, pos, effect_allele, other_allele of variants given by their indices on the chromosome."""
    index = numbers.to_numpy()
    return [
        pl.Series("variant", genotypes.variants[index], dtype=pl.String),
        pl.Series("chrom", [genotypes.chrom] * len(index), dtype=pl.String),
        pl.Series("pos", genotypes.positions[index], dtype=pl.Int64),
        pl.Series("effect_allele", genotypes.effect_alleles[index], dtype=pl.String),
        pl.Series("other_allele", genotypes.other_alleles[index], dtype=pl.String),
    ]
