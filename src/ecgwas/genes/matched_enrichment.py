"""Enrichment that knows how easily a gene is hit: locus by locus, against what random tested variants would have hit.

Long genes, and genes with nothing else around, are hit more often by chance, and several genes of one locus are one finding.
So each locus counts once, with the gene nearest to its lead variant; a gene's weight is the number of tested variants that it
would be nearest to; the background is every gene with a weight. Terms are tested by Wallenius' noncentral hypergeometric
distribution with the mean weight of the term's genes over that of the others (as GOseq does with lengths: Young et al. 2010,
Genome Biol 11:R14) and by loci drawn at random among tested variants with as many genes around (as INRICH: Lee et al. 2012,
Bioinformatics 28:1797). The plain hypergeometric test stands beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from ecgwas.genes.sources import regions
from ecgwas.genes.sources.enrichment import Term, benjamini_hochberg
from ecgwas.genes.sources.regions import Ranges
from ecgwas.study import Enrichment, Regions
from ecgwas.tables import Loci
from ecgwas.tables.genes import LocusTerms

LOOKED_AT = 50_000
"""Tested variants, evenly spaced, that tell how easily a gene is hit."""
AROUND_BP = 500_000
STRATA = 5
"""Variants are matched by fifths of the number of genes within AROUND_BP."""
DRAWS = 1000


@dataclass(frozen=True)
class Reach:
    """What chance would hit.

    symbols  G genes that are the nearest of some tested variant;  gene (V,) int64, which of them, for each variant looked at
    stratum  (V,) int64, fifth of gene density around the variant;  edges (STRATA - 1,) float64, between the fifths
    """

    symbols: tuple[str, ...]
    gene: NDArray[np.int64]
    stratum: NDArray[np.int64]
    edges: NDArray[np.float64]

    @property
    def weights(self) -> NDArray[np.int64]:
        """(G,) variants that would hit each gene."""
        return np.bincount(self.gene, minlength=len(self.symbols))


def reach(options: Regions, table: Mapping[str, Ranges], tested: Mapping[str, NDArray[np.int64]]) -> Reach:
    """tested: chromosome -> positions of the variants that were tested."""
    total = sum(len(positions) for positions in tested.values())
    stride = max(1, -(-total // LOOKED_AT))
    places: dict[str, int] = {}
    gene: list[int] = []
    density: list[int] = []
    for chrom, positions in tested.items():
        for pos in np.sort(positions)[::stride].tolist():
            found = regions.near(table.get(chrom), pos, options)
            if found:
                gene.append(places.setdefault(found[0].gene, len(places)))
                density.append(around(table.get(chrom), pos))
    edges = np.quantile(density, np.arange(1, STRATA) / STRATA) if density else np.zeros(STRATA - 1)
    return Reach(tuple(places), np.array(gene, dtype=np.int64), np.searchsorted(edges, density, side="left"), edges)


def around(ranges: Ranges | None, pos: int) -> int:
    """Genes that start within AROUND_BP of a position."""
    if ranges is None:
        return 0
    low, high = np.searchsorted(ranges.start, [pos - AROUND_BP, pos + AROUND_BP])
    return int(high - low)


def enrich(
    options: Enrichment,
    where: Regions,
    terms: Sequence[Term],
    loci: Loci,
    tested: Mapping[str, NDArray[np.int64]],
    *,
    seed: int,
) -> LocusTerms:
    """Every term that holds the gene of a locus, by category and p.

    FDR by Benjamini-Hochberg over all terms of a category. holds: within the study's limits by Wallenius' test, and fewer
    than 5 % of the resampled sets of loci have as many.
    """
    table = regions.read(where.file, protein_coding=where.protein_coding)
    chance = reach(where, table, tested)
    places = {symbol: i for i, symbol in enumerate(chance.symbols)}
    sites = loci.frame.select("chrom", "pos").rows()
    nearest = [(chrom, pos, regions.near(table.get(chrom), pos, where)) for chrom, pos in sites]
    hit = [
        (places[found[0].gene], around(table.get(chrom), pos))
        for chrom, pos, found in nearest
        if found and found[0].gene in places
    ]
    if not hit:
        return LocusTerms.empty()
    genes = np.unique([gene for gene, _ in hit])
    strata = np.searchsorted(chance.edges, [density for _, density in hit], side="left")
    members = membership(terms, places)
    draws = drawn(chance, strata, np.random.default_rng(seed))
    return LocusTerms.of(tested_terms(options, terms, members, chance, genes, draws))


def membership(terms: Sequence[Term], places: Mapping[str, int]) -> sparse.csr_array:
    """(G, T) 0/1: which of the genes that could be hit is in which term."""
    pairs = [(places[gene], t) for t, term in enumerate(terms) for gene in sorted(term.genes) if gene in places]
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(places), len(terms)))


def drawn(chance: Reach, strata: NDArray[np.int64], rng: np.random.Generator) -> sparse.csr_array:
    """(DRAWS, G) 0/1: genes of sets of random loci, each locus in the stratum of a real one; a gene hit twice counts once."""
    rows, columns = [], []
    for stratum in strata.tolist():
        among = chance.gene[chance.stratum == stratum]
        columns.append(rng.choice(among if len(among) else chance.gene, DRAWS))
        rows.append(np.arange(DRAWS))
    flat = np.concatenate(rows), np.concatenate(columns)
    found = sparse.csr_array((np.ones(len(flat[0])), flat), shape=(DRAWS, len(chance.symbols)))
    found.data[:] = 1.0
    return found


def tested_terms(
    options: Enrichment, terms: Sequence[Term], members: sparse.csr_array, chance: Reach, genes: NDArray[np.int64],
    draws: sparse.csr_array,
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows of LocusTerms. genes: those of the loci, each once."""
    hit = np.zeros(len(chance.symbols))
    hit[genes] = 1.0
    observed = np.asarray(members.T @ hit).astype(np.int64)
    sizes = np.asarray(members.sum(axis=0)).astype(np.int64)
    background = int(np.count_nonzero(np.asarray(members.sum(axis=1))))
    inside = int(np.count_nonzero(np.asarray(members[genes].sum(axis=1))))
    weights = chance.weights.astype(np.float64)
    annotated = np.asarray(members.sum(axis=1)) > 0
    odds = _odds(members, weights, sizes, annotated)
    plain = stats.hypergeom.sf(observed - 1, background, sizes, inside)
    present = [int(t) for t in np.flatnonzero(observed)]
    length = np.ones(len(terms))
    for t in present:
        length[t] = np.clip(stats.nchypergeom_wallenius.sf(observed[t] - 1, background, sizes[t], inside, odds[t]), 0.0, 1.0)
    counts = np.asarray((draws @ members).todense()) if len(terms) else np.zeros((DRAWS, 0))
    resampled = (1 + (counts >= observed).sum(axis=0)) / (1 + DRAWS)
    rates = {"plain": _rates(terms, plain), "length": _rates(terms, length)}
    rows = []
    for t in sorted(present, key=lambda t: (terms[t].category, length[t], terms[t].identifier)):
        expected = float(counts[:, t].mean())
        strength = float(np.log10(observed[t] / expected)) if expected > 0 else None
        strong = strength is None or strength > options.min_strength
        within = {chance.symbols[g] for g in genes} & terms[t].genes
        rows.append(
            {"category": terms[t].category, "term": terms[t].identifier, "description": terms[t].description,
             "observed": int(observed[t]), "loci": inside, "expected": expected, "background": int(sizes[t]),
             "weight": float(odds[t]), "strength": strength, "p_plain": float(plain[t]), "fdr_plain": float(rates["plain"][t]),
             "p_length": float(length[t]), "fdr_length": float(rates["length"][t]), "p_resampled": float(resampled[t]),
             "holds": bool(rates["length"][t] < options.max_fdr and strong and resampled[t] < 0.05),
             "genes": ";".join(sorted(within))}
        )  # fmt: skip
    return rows


def _odds(
    members: sparse.csr_array, weights: NDArray[np.float64], sizes: NDArray[np.int64], annotated: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(T,) mean weight of each term's genes over the mean weight of the other annotated ones; 1 where there are no others."""
    own = np.asarray(members.T @ weights)
    others = weights[annotated].sum() - own
    count = annotated.sum() - sizes
    usable = (sizes > 0) & (count > 0) & (others > 0)
    mean = np.divide(own, sizes, out=np.ones(len(own)), where=usable)
    rest = np.divide(others, count, out=np.ones(len(own)), where=usable)
    return np.asarray(mean / rest)


def _rates(terms: Sequence[Term], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini-Hochberg within each category."""
    found = np.ones(len(terms))
    categories = np.array([term.category for term in terms])
    for category in np.unique(categories):
        own = categories == category
        found[own] = benjamini_hochberg(p[own])
    return found
