"""Null enrichment: how often the plain and the length-aware test find any term, for random sets of loci on the whole genome.

    python -m benchmarks.findings.enrichment_null [--quick] [--sets 200] [--loci 100 1000]

Positions are uniform between the first and last gene of each autosome; genes and GO terms are real. For each number of loci,
the share of sets with any term at FDR 0.05, which should be at most 5 %, and the mean number of terms are printed.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.record import recorded
from ecgwas.genes import matched_enrichment
from ecgwas.genes.sources import enrichment, regions
from ecgwas.genes.sources.gene_positions import GenePositions
from ecgwas.study import Enrichment, Regions

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SPACING_BP = 60_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 sets of 100 loci")
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--loci", type=int, nargs="+", default=[100, 1000])
    given = parser.parse_args()
    where = Regions(file=DATA / "genes" / "glist-hg19")
    options = Enrichment(terms=DATA / "networks" / "GO_Biological_Process_2021.gmt")
    terms = list(enrichment.read_terms(options))
    table = {chrom: ranges for chrom, ranges in regions.read(where.file).items() if chrom.isdigit()}
    tested = {c: np.arange(r.start.min(), r.stop.max(), SPACING_BP) for c, r in table.items()}
    chance = matched_enrichment.nearest_genes(GenePositions(table), tested)
    members = matched_enrichment.term_membership(terms, {symbol: i for i, symbol in enumerate(chance.symbols)})
    for count in [100] if given.quick else given.loci:
        print(line(options, terms, members, chance, count, 20 if given.quick else given.sets), flush=True)


def line(
    options: Enrichment,
    terms: list[enrichment.Term],
    members: object,
    chance: matched_enrichment.NearestGenes,
    loci: int,
    sets: int,
) -> str:
    start, any_plain, any_length, holds, plain, length = time.process_time(), 0, 0, 0, 0, 0
    for seed in range(sets):
        rng = np.random.default_rng([3, loci, seed])
        variants = rng.integers(len(chance.gene), size=loci)
        draws = matched_enrichment.random_gene_sets(chance, chance.stratum[variants], rng)
        rows = matched_enrichment.rows_of_terms(options, terms, members, chance, np.unique(chance.gene[variants]), draws)
        found = [sum(row[name] < 0.05 for row in rows) for name in ("fdr_plain", "fdr_length")]
        plain, length = plain + found[0], length + found[1]
        any_plain, any_length = any_plain + (found[0] > 0), any_length + (found[1] > 0)
        holds += any(row["fdr_length"] < 0.05 and row["p_resampled"] < 0.05 for row in rows)
    told = f"plain: any term in {any_plain} ({plain / sets:.2f} terms a set); length-aware: {any_length} ({length / sets:.2f})"
    return f"{loci} loci, {sets} sets, FDR 0.05: {told}; and resampled {holds}; {time.process_time() - start:.0f} CPU s"


if __name__ == "__main__":
    recorded(main, __file__)
