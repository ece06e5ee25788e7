"""From what a source found to rows of the table of genes, the same for every source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ecgwas.genes.web.contract import Variant, Variants
from ecgwas.tables import Genes, Loci

NO_RS_NUMBER = "the service knows variants by rs number; this one has none"
NOT_KNOWN = "not known to the service"
SHARED = "its rs number stands at several positions of the study, and the service does not say which it means"
NO_GENE = "no gene there"


@dataclass(frozen=True)
class MappedGene:
    """A gene of a variant. distance_bp: 0 inside, None: not told; relation: overlap | nearest | linked."""

    gene: str
    distance_bp: int | None
    relation: str
    evidence: str | None = None


def genes_of(
    variants: Variants, loci: Loci, found: Mapping[Variant, Sequence[MappedGene]], reasons: Mapping[Variant, str], source: str,
    version: str,
) -> Genes:  # fmt: skip
    """One row per variant and gene, nearest first, then by symbol; a variant without one keeps a row that says why.

    found: variant -> its genes, a gene at most once; reasons: variant -> why it has none, NO_GENE where nothing is said.
    """
    rows: list[dict[str, object]] = []
    for variant in variants.rows():
        about: dict[str, object] = {"locus": locus_of(loci, variant.chrom, variant.pos), **variant.row}
        about |= {"source": source, "source_version": version}
        ranked = sorted(found.get(variant, ()), key=_nearest_first)
        for rank, gene in enumerate(ranked, start=1):
            rows.append(about | {"rank": rank} | vars(gene))
        if not ranked:
            nothing = {"gene": None, "distance_bp": None, "rank": None, "relation": "none"}
            rows.append(about | nothing | {"evidence": reasons.get(variant, NO_GENE)})
    return Genes.of(rows)


def _nearest_first(found: MappedGene) -> tuple[bool, int, str]:
    return found.distance_bp is None, found.distance_bp or 0, found.gene


def locus_of(loci: Loci, chrom: str, pos: int) -> int | None:
    """Number of the locus that holds the position."""
    inside = (pl.col("chrom") == chrom) & (pl.col("start") <= pos) & (pl.col("stop") >= pos)
    found = loci.frame.filter(inside)["locus"]
    return int(found[0]) if len(found) else None
