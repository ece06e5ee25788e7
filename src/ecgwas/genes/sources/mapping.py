"""Rows of the table of genes, in the same form for every mapping source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ecgwas.genes.web.contract import Variant, Variants
from ecgwas.tables import Genes, Loci

NO_RS_NUMBER = "the service knows variants by rs number; this one has none"
NOT_KNOWN = "not known to the service"
SHARED = "its rs number is at several positions of the study, and the service does not state which it means"
NO_GENE = "no gene there"


@dataclass(frozen=True)
class MappedGene:
    """A gene assigned to a variant. distance_bp: 0 inside, None: unknown; relation: overlap | nearest | linked."""

    gene: str
    distance_bp: int | None
    relation: str
    evidence: str | None = None


def genes_of(
    variants: Variants, loci: Loci, genes: Mapping[Variant, Sequence[MappedGene]], reasons: Mapping[Variant, str], source: str,
    version: str,
) -> Genes:  # fmt: skip
    """One row per variant and gene, nearest first, then by symbol; a variant without a gene has one row that says why.

    genes: variant -> its genes, each at most once; reasons: variant -> why it has none, otherwise NO_GENE.
    """
    rows: list[dict[str, object]] = []
    for variant in variants.rows():
        shared: dict[str, object] = {"locus": locus_of(loci, variant.chrom, variant.pos), **variant.row}
        shared |= {"source": source, "source_version": version}
        ranked = sorted(genes.get(variant, ()), key=_distance_order)
        for rank, gene in enumerate(ranked, start=1):
            rows.append(shared | {"rank": rank} | vars(gene))
        if not ranked:
            no_gene = {"gene": None, "distance_bp": None, "rank": None, "relation": "none"}
            rows.append(shared | no_gene | {"evidence": reasons.get(variant, NO_GENE)})
    return Genes.of(rows)


def _distance_order(gene: MappedGene) -> tuple[bool, int, str]:
    return gene.distance_bp is None, gene.distance_bp or 0, gene.gene


def locus_of(loci: Loci, chrom: str, pos: int) -> int | None:
    """Number of the locus that holds the position."""
    inside = (pl.col("chrom") == chrom) & (pl.col("start") <= pos) & (pl.col("stop") >= pos)
    numbers = loci.frame.filter(inside)["locus"]
    return int(numbers[0]) if len(numbers) else None
