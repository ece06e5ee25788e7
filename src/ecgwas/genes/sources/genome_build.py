"""The genome build of a table of genes, inferred from the positions of well-known genes.

The genes were chosen because their ranges in hg19 and hg38 do not overlap. Positions are the middles of the genes in NCBI's
tables of both builds (PLINK's glist-hg19, MAGMA's NCBI38.gene.loc).
"""

from __future__ import annotations

from collections.abc import Mapping

from ecgwas.genes.sources.gene_positions import ChromosomeGenes
from ecgwas.genes.web.contract import Build

LANDMARKS: Mapping[str, tuple[str, int, int]] = {
    "TTN": ("2", 179531433, 178678371), "PLN": ("6", 118875514, 118554351), "MYH6": ("14", 23864342, 23395133),
    "MYH7": ("14", 23893408, 23424212), "KCNH2": ("7", 150658722, 150961635), "TBX5": ("12", 114818990, 114381186),
    "BRCA1": ("17", 41236905, 43084889), "BRCA2": ("13", 32931712, 32357356), "TP53": ("17", 7581294, 7677976),
    "APOE": ("19", 45410844, 44907572), "APP": ("21", 27398153, 26025859), "KCNE1": ("21", 35851779, 34465495),
    "KCNJ2": ("17", 68170929, 70174330), "PCSK9": ("1", 55517837, 55052163), "LDLR": ("19", 11222271, 11111597),
}  # fmt: skip
"""Symbol -> chromosome, a position inside the gene in hg19, and one in hg38."""
MIN_LANDMARKS = 3


def build_of(table: Mapping[str, ChromosomeGenes]) -> Build | None:
    """The build in which at least MIN_LANDMARKS landmarks lie where the table has them; None if too few or contradictory."""
    hg19 = sum(_holds(table, symbol, chrom, pos) for symbol, (chrom, pos, _) in LANDMARKS.items())
    hg38 = sum(_holds(table, symbol, chrom, pos) for symbol, (chrom, _, pos) in LANDMARKS.items())
    if hg19 >= MIN_LANDMARKS and hg38 == 0:
        return "hg19"
    if hg38 >= MIN_LANDMARKS and hg19 == 0:
        return "hg38"
    return None


def _holds(table: Mapping[str, ChromosomeGenes], symbol: str, chrom: str, pos: int) -> bool:
    genes = table.get(chrom)
    if genes is None:
        return False
    same_symbol = [k for k, name in enumerate(genes.symbols) if name == symbol]
    return any(genes.start[k] <= pos <= genes.stop[k] for k in same_symbol)
