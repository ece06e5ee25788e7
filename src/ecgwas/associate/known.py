"""Loci of others: which of ours are known."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.associate.algebra import neglog10p
from ecgwas.associate.multitrait import acat
from ecgwas.associate.region import Chromosome, Region, VariantsTested, without
from ecgwas.errors import InputError, first_few
from ecgwas.loci_tables import KnownTested

NAMES = {
    "trait": ("trait", "disease/trait", "trait (datapoint)"),
    "chrom": ("chr", "chr_id", "chrom", "chromosome"),
    "pos": ("bp", "chr_pos", "pos", "position", "base_pair_location"),
    "gene": ("gene", "mapped_gene", "nearest gene (or any within 10kb)", "reported gene(s)"),
}
"""Our name -> headers under which it stands, in any case: a table of loci, a GWAS Catalog download, gwas-ssf."""

COLUMNS = ("known", "known_distance_bp", "known_traits", "known_genes")
"""Added at the end of loci.csv; null where the study names no table."""

SCHEMA = {"trait": pl.String, "chrom": pl.String, "pos": pl.Int64, "gene": pl.String}


@dataclass(frozen=True)
class Known:
    """Known loci: columns trait, chrom (without chr), pos (1-based, the study's build), gene (null: none named).

    skipped: lines of the file without one chromosome and one position.
    """

    frame: pl.DataFrame
    skipped: int


def read(path: Path) -> Known:
    """A tab-separated table with a header: trait, chromosome, position and, if there is one, gene (see NAMES).

    Positions must be in the study's build; that cannot be seen in the file. Lines may be longer than the header, as in
    published supplements. Raises InputError if the file is missing or lacks a column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError("the table of known loci is missing", where=path, fix="correct loci.known in study.yaml") from None
    except (OSError, UnicodeDecodeError) as error:
        problem = f"the table of known loci cannot be read: {error}"
        raise InputError(problem, where=path, fix="save it as UTF-8 text") from None
    lines = list(csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    header = [name.strip().lower() for name in lines[0]] if lines else []
    places = {ours: _place(header, theirs) for ours, theirs in NAMES.items()}
    absent = [ours for ours in ("trait", "chrom", "pos") if places[ours] is None]
    if absent:
        wanted = "; ".join(f"{ours}: {' or '.join(NAMES[ours])}" for ours in absent)
        problem = f"the table of known loci lacks columns; it has {first_few(header, 10) or 'none'}"
        raise InputError(problem, where=path, fix=f"name them, tab-separated, {wanted}")
    rows = [_row(line, places) for line in lines[1:] if line]
    kept = [row for row in rows if row is not None]
    return Known(pl.DataFrame(kept, schema=SCHEMA, orient="row"), len(rows) - len(kept))


def _place(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _row(line: list[str], places: dict[str, int | None]) -> tuple[str, str, int, str | None] | None:
    cells = {ours: line[i].strip() if i is not None and i < len(line) else "" for ours, i in places.items()}
    chrom = cells["chrom"].removeprefix("chr")
    if not chrom or not cells["pos"].isdigit():
        return None
    return cells["trait"], {"23": "X"}.get(chrom, chrom), int(cells["pos"]), cells["gene"] or None


def annotate(loci: pl.DataFrame, known: Known | None, window_bp: int) -> pl.DataFrame:
    """The loci with COLUMNS at the end.

    known              `known` if a known locus lies within `window_bp` of start..stop, else `new`
    known_distance_bp  to the nearest known locus of the chromosome, 0 inside start..stop; null if there is none
    known_traits, known_genes  of all within the window, sorted, `; ` between
    """
    if known is None or loci.height == 0:
        return loci.with_columns(
            known=pl.lit(None, pl.String), known_distance_bp=pl.lit(None, pl.Int64),
            known_traits=pl.lit(None, pl.String), known_genes=pl.lit(None, pl.String),
        )  # fmt: skip
    rows = [_nearest(locus, known.frame, window_bp) for locus in loci.iter_rows(named=True)]
    schema = {"known": pl.String, "known_distance_bp": pl.Int64, "known_traits": pl.String, "known_genes": pl.String}
    return loci.hstack(pl.DataFrame(rows, schema=schema, orient="row"))


def _nearest(locus: dict[str, Any], known: pl.DataFrame, window_bp: int) -> tuple[str, int | None, str | None, str | None]:
    here = known.filter(pl.col("chrom") == locus["chrom"])
    if here.height == 0:
        return "new", None, None, None
    distance = pl.max_horizontal(locus["start"] - pl.col("pos"), pl.col("pos") - locus["stop"], 0)
    here = here.with_columns(distance=distance)
    near = here.filter(pl.col("distance") <= window_bp)
    nearest = int(here["distance"].to_numpy().min())
    if near.height == 0:
        return "new", nearest, None, None
    traits = "; ".join(sorted(set(near["trait"])))
    genes = "; ".join(sorted(set(near["gene"].drop_nulls())))
    return "known", nearest, traits, genes or None


def controls(known: Known, chromosomes: Iterable[Chromosome], tested: VariantsTested) -> KnownTested:
    """Known variants that were tested here, with our strongest trait and ACAT over all of them, by chromosome and position.

    Known are positions; of several variants at one, the first counts. Under the null a share of 0.05 has ACAT's p < 0.05.
    """
    rows: list[dict[str, object]] = []
    for chromosome in chromosomes:
        here = chromosome.genotypes
        sites = known.frame.filter(pl.col("chrom") == here.chrom).unique("pos", keep="first", maintain_order=True).sort("pos")
        place = {int(here.positions[i]): int(i) for i in np.flatnonzero(tested.of(here))[::-1]}
        found = [(site, place[site["pos"]]) for site in sites.iter_rows(named=True) if site["pos"] in place]
        if not found:
            continue
        region = chromosome.at(np.array([i for _, i in found], dtype=np.int64))
        strengths = region_strengths(chromosome, region)
        combined = acat(strengths)
        for i, (site, _) in enumerate(found):
            best = int(strengths[i].argmax())
            rows.append(
                {"known_trait": site["trait"], "gene": site["gene"], **region.named(i), "best_trait": chromosome.names[best],
                 "neglog10p": float(strengths[i, best]), "neglog10p_acat": float(combined[i])}
            )  # fmt: skip
    return KnownTested.of(rows)


def region_strengths(chromosome: Chromosome, region: Region) -> NDArray[np.float64]:
    """(V, K) -log10 p of a region's variants with all traits, no call filled with the mean."""
    filled = region.filled
    found = np.zeros((len(region), len(chromosome.names)))
    for k, name in enumerate(chromosome.names):
        model = chromosome.model(name)
        rest = without(filled[:, model.people], model.basis)
        trait = model.residual
        degrees = len(trait) - model.basis.shape[1] - 1
        length = np.einsum("vn,vn->v", rest, rest)
        squares = np.minimum((rest @ trait) ** 2 / np.maximum(length * float(trait @ trait), 1e-300), 1 - 1e-15)
        found[:, k] = neglog10p(np.sqrt(squares * degrees / (1 - squares)), float(degrees))
    return found
