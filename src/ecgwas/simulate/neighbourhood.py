"""Genes, a network and terms for the simulated regions, so that every stage of a study has something to find.

Symbols are those of genes near the regions; ranges, scores and memberships are invented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecgwas.simulate.genomes import Region

SYMBOLS = {
    "1": ("DDR2", "UAP1", "UHMK1", "C1orf226", "SH2D1B", "NOS1AP", "OLFML2B", "ATF6", "FCRLB", "DUSP12", "HSD17B7"),
    "2": ("PDE11A", "OSBPL6", "PRKRA", "FKBP7", "PLEKHA3", "TTN", "CCDC141", "SESTD1", "ZNF385B", "CWC22", "UBE2E3"),
    "3": ("ACVR2B", "XYLB", "EXOG", "GORASP1", "TTC21A", "SCN5A", "SCN10A", "SCN11A", "WDR48", "CSRNP1", "XIRP1"),
    "5": ("TENM2", "WWC1", "RARS1", "FBLL1", "PANK3", "SLIT3", "SPDL1", "DOCK2", "FOXI1", "LCP2", "KCNIP1"),
    "6": ("STK38", "KCTD20", "SRSF3", "PANDAR", "RAB44", "CDKN1A", "CPNE5", "PPIL1", "PI16", "MTCH1", "FGD2"),
    "11": ("CD81", "TSSC4", "TRPM5", "ASCL2", "TSPAN32", "KCNQ1", "CDKN1C", "SLC22A18", "PHLDA2", "NAP1L4", "CARS1"),
}  # fmt: skip
"""Eleven genes per region, in order; the sixth is in the middle."""

WIDTHS = np.array([1, 1, 1, 1, 1, 3, 1, 1, 1, 1, 1]) / 13  # TTN, NOS1AP and KCNQ1 are long indeed
GAP = 0.12
BACKGROUND = 600

MODULES = (
    ("SCN5A", "SCN10A", "SCN11A", "KCNQ1", "NOS1AP", "KCNIP1", "TRPM5"),
    ("TTN", "FKBP7", "CCDC141", "XIRP1", "SESTD1"),
    ("CDKN1A", "CDKN1C", "SRSF3", "STK38", "PI16"),
)
"""Genes that are closely connected in the network: channels, muscle, growth."""

TERMS = (
    ("cardiac conduction (SIM:0000001)", ("SCN5A", "SCN10A", "KCNQ1", "NOS1AP", "KCNIP1")),
    ("regulation of heart rate (SIM:0000002)", ("SCN5A", "SCN10A", "KCNQ1", "NOS1AP")),
    ("cardiac muscle contraction (SIM:0000003)", ("TTN", "SCN5A", "NOS1AP", "XIRP1", "KCNQ1", "CCDC141")),
    ("cell cycle arrest (SIM:0000004)", ("CDKN1A", "CDKN1C", "STK38")),
)
RANDOM_TERMS = 60


@dataclass(frozen=True)
class Gene:
    """A gene and its range, 1-based, both ends included."""

    chrom: str
    start: int
    end: int
    symbol: str


@dataclass(frozen=True)
class Edge:
    """Two genes and STRING's combined score, 0-1."""

    gene_a: str
    gene_b: str
    score: float


@dataclass(frozen=True)
class Term:
    """A term and its genes."""

    name: str
    description: str
    genes: tuple[str, ...]


def place_genes(regions: Sequence[Region]) -> list[Gene]:
    """Eleven genes next to each other in each region, with gaps; the middle one is three times as long as the others."""
    genes = []
    for region in regions:
        symbols = SYMBOLS.get(region.chrom) or tuple(f"SIM{region.chrom}G{k + 1}" for k in range(len(WIDTHS)))
        lengths = region.length * WIDTHS
        starts = region.start + np.cumsum(lengths) - lengths
        for symbol, start, length in zip(symbols, starts, lengths, strict=True):
            first, last = round(start + GAP / 2 * length), round(start + (1 - GAP / 2) * length)
            genes.append(Gene(region.chrom, first, last, symbol))
    return genes


def network(genes: Sequence[Gene], rng: np.random.Generator) -> list[Edge]:
    """Strong edges within the modules, and a few weak edges between random genes; each pair once, sorted by name."""
    present = {gene.symbol for gene in genes}
    scores: dict[tuple[str, str], float] = {}
    for module in MODULES:
        members = sorted(present & set(module))
        for i, a in enumerate(members):
            for b in members[i + 1 :]:
                scores[a, b] = float(rng.uniform(0.6, 0.98))
    names = sorted(present)
    for a, b in rng.integers(0, len(names), size=(len(names), 2)):
        pair = (names[min(a, b)], names[max(a, b)])
        weak = float(rng.uniform(0.15, 0.5))
        if a != b:
            scores.setdefault(pair, weak)
    return [Edge(a, b, round(score, 3)) for (a, b), score in sorted(scores.items())]


def terms(genes: Sequence[Gene], rng: np.random.Generator) -> list[Term]:
    """The named terms, and random terms of the regions' genes and a background of invented symbols."""
    all_genes = np.array([gene.symbol for gene in genes] + [f"BACKGROUND{k + 1}" for k in range(BACKGROUND)])
    background = all_genes[len(genes) :]
    terms = []
    for name, members in TERMS:
        fill = rng.choice(background, size=8, replace=False).tolist()
        present = [member for member in members if member in all_genes]
        terms.append(Term(name, "invented for the simulated cohort", tuple(sorted(present + fill))))
    for k in range(RANDOM_TERMS):
        members = rng.choice(all_genes, size=int(rng.integers(8, 40)), replace=False).tolist()
        terms.append(Term(f"random set {k + 1} (SIM:{k + 100:07d})", "random genes", tuple(sorted(members))))
    rest = sorted(set(all_genes.tolist()) - {member for term in terms for member in term.genes})
    terms.append(Term("all other genes (SIM:0001000)", "so that the background is complete", tuple(rest)))
    return terms
