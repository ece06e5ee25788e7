"""The format `pgs_catalog` of `ecgwas export`: a trait's lead variants with their effects, as a scoring file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from ecgwas import __version__
from ecgwas.scores import catalog_file
from ecgwas.stages import trait_names, traits
from ecgwas.study import Study
from ecgwas.tables import files


def export(study: Study, folder: Path, chosen: Sequence[str]) -> Iterator[str]:
    """One file for each chosen trait, all if none is named, with a line per file. Raises StudyError for an unknown trait."""
    tested = traits.load_traits(study).names
    trait_names.refuse_unknown(chosen, tested)
    hits = files.HITS.read(study.results).frame
    for trait in chosen or tested:
        table = leads(hits.filter(pl.col("trait") == trait), study.loci.window_bp)
        if table.height == 0:
            yield f"{trait} has no hit: no file"
            continue
        name = f"{trait}.lead_variants"
        further = {
            "program": f"ecgwas {__version__}", "sample_size": str(int(table["n"].max())),  # type: ignore[arg-type]
            "method": f"lead variants more than {study.loci.window_bp} bp apart, effects as in the scan, too large on average",
        }  # fmt: skip
        content = catalog_file.text(
            table.select(*catalog_file.LINES), name=name, trait=trait, build=study.scan.build, further=further
        )
        catalog_file.write(folder / f"{name}.txt.gz", content)
        yield f"{name}.txt.gz: {table.height} variants"


def leads(hits: pl.DataFrame, window_bp: int) -> pl.DataFrame:
    """The strongest hit, then the strongest of those more than `window_bp` from it, and so on; with weight, the beta."""
    left, kept = hits.sort("neglog10p", "chrom", "pos", descending=[True, False, False]), []
    while left.height:
        first = left.row(0, named=True)
        kept.append(first)
        near = (pl.col("chrom") == first["chrom"]) & ((pl.col("pos") - first["pos"]).abs() <= window_bp)
        left = left.filter(~near)
    table = pl.DataFrame(kept, schema=hits.schema)
    return table.with_columns(weight=pl.col("beta")).sort("chrom", "pos")
