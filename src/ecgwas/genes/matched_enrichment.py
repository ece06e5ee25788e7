"""Enrichment that allows for how easily each gene is hit: loci are compared with random tested variants.

By chance, long genes and genes without neighbours are hit more often, and several genes of one locus are one finding. So each
locus counts once, with the gene nearest to its lead variant; a gene's weight is the number of tested variants to which it is
the nearest gene; the background is every gene with a weight. Terms are tested by Wallenius' noncentral hypergeometric
distribution with the mean weight of the term's genes over that of the others (as GOseq does with lengths: Young et al. 2010,
Genome Biol 11:R14), and by loci drawn at random among tested variants with as many genes around them (as INRICH: Lee et al.
2012, Bioinformatics 28:1797). The plain hypergeometric test is given for comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from ecgwas.genes.sources.enrichment import Term, benjamini_hochberg
from ecgwas.genes.sources.gene_positions import GenePositions
from ecgwas.study import TermLimits
from ecgwas.tables import Loci
from ecgwas.tables.genes import LocusTerms

MAX_VARIANTS = 50_000
"""Tested variants, evenly spaced, from which the weights of genes are computed."""
NEIGHBOURHOOD_BP = 500_000
STRATA = 5
"""Variants are matched by fifths of the number of genes that start within NEIGHBOURHOOD_BP."""
RANDOM_SETS = 1000


@dataclass(frozen=True)
class NearestGenes:
    """Genes nearest to tested variants: what loci would hit by chance.

    symbols  G genes that are the nearest of some tested variant;  gene (V,) int64, index into symbols, for each variant used
    stratum  (V,) int64, fifth of gene density around the variant;  edges (STRATA - 1,) float64, between the fifths
    """

    symbols: tuple[str, ...]
    gene: NDArray[np.int64]
    stratum: NDArray[np.int64]
    edges: NDArray[np.float64]

    @property
    def weights(self) -> NDArray[np.int64]:
        """(G,) variants to which each gene is the nearest."""
        return np.bincount(self.gene, minlength=len(self.symbols))


def nearest_genes(positions: GenePositions, tested: Mapping[str, NDArray[np.int64]]) -> NearestGenes:
    """tested: chromosome -> positions of the variants that were tested."""
    total = sum(len(variants) for variants in tested.values())
    stride = max(1, -(-total // MAX_VARIANTS))
    index: dict[str, int] = {}
    gene: list[int] = []
    density: list[int] = []
    for chrom, variants in tested.items():
        for pos in np.sort(variants)[::stride].tolist():
            nearest = positions.nearest(chrom, pos)
            if nearest:
                gene.append(index.setdefault(nearest[0].gene, len(index)))
                density.append(positions.starts_within(chrom, pos, NEIGHBOURHOOD_BP))
    edges = np.quantile(density, np.arange(1, STRATA) / STRATA) if density else np.zeros(STRATA - 1)
    return NearestGenes(tuple(index), np.array(gene, dtype=np.int64), np.searchsorted(edges, density, side="left"), edges)


def enrich(
    options: TermLimits,
    positions: GenePositions,
    terms: Sequence[Term],
    loci: Loci,
    tested: Mapping[str, NDArray[np.int64]],
    *,
    seed: int,
) -> LocusTerms:
    """Every term that holds the gene of a locus, by category and p.

    FDR by Benjamini-Hochberg over all terms of a category. holds: within the study's limits by Wallenius' test, and fewer
    than 5 % of the random sets of loci have as many.
    """
    chance = nearest_genes(positions, tested)
    index = {symbol: i for i, symbol in enumerate(chance.symbols)}
    sites = loci.frame.select("chrom", "pos").rows()
    nearest = [(chrom, pos, positions.nearest(chrom, pos)) for chrom, pos in sites]
    hit = [
        (index[genes[0].gene], positions.starts_within(chrom, pos, NEIGHBOURHOOD_BP))
        for chrom, pos, genes in nearest
        if genes and genes[0].gene in index
    ]
    if not hit:
        return LocusTerms.empty()
    hit_genes = np.unique([gene for gene, _ in hit])
    strata = np.searchsorted(chance.edges, [density for _, density in hit], side="left")
    membership = term_membership(terms, index)
    random_sets = random_gene_sets(chance, strata, np.random.default_rng(seed))
    return LocusTerms.of(rows_of_terms(options, terms, membership, chance, hit_genes, random_sets))


def term_membership(terms: Sequence[Term], index: Mapping[str, int]) -> sparse.csr_array:
    """(G, T) 0/1: which of the genes with a weight is in which term. index: symbol -> row."""
    pairs = [(index[gene], t) for t, term in enumerate(terms) for gene in sorted(term.genes) if gene in index]
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(index), len(terms)))


def random_gene_sets(chance: NearestGenes, strata: NDArray[np.int64], rng: np.random.Generator) -> sparse.csr_array:
    """(RANDOM_SETS, G) 0/1: genes of sets of random loci, each in the stratum of a real one; a gene hit twice counts once."""
    rows, columns = [], []
    for stratum in strata.tolist():
        candidates = chance.gene[chance.stratum == stratum]
        columns.append(rng.choice(candidates if len(candidates) else chance.gene, RANDOM_SETS))
        rows.append(np.arange(RANDOM_SETS))
    cells = np.concatenate(rows), np.concatenate(columns)
    sets = sparse.csr_array((np.ones(len(cells[0])), cells), shape=(RANDOM_SETS, len(chance.symbols)))
    sets.data[:] = 1.0
    return sets


def rows_of_terms(
    options: TermLimits, terms: Sequence[Term], membership: sparse.csr_array, chance: NearestGenes, genes: NDArray[np.int64],
    random_sets: sparse.csr_array,
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows of LocusTerms. genes: those of the loci, each once."""
    hit = np.zeros(len(chance.symbols))
    hit[genes] = 1.0
    observed = np.asarray(membership.T @ hit).astype(np.int64)
    sizes = np.asarray(membership.sum(axis=0)).astype(np.int64)
    background = int(np.count_nonzero(np.asarray(membership.sum(axis=1))))
    annotated_hits = int(np.count_nonzero(np.asarray(membership[genes].sum(axis=1))))
    weights = chance.weights.astype(np.float64)
    annotated = np.asarray(membership.sum(axis=1)) > 0
    odds = _odds(membership, weights, sizes, annotated)
    p_plain = stats.hypergeom.sf(observed - 1, background, sizes, annotated_hits)
    present = [int(t) for t in np.flatnonzero(observed)]
    p_length = np.ones(len(terms))
    for t in present:
        p = stats.nchypergeom_wallenius.sf(observed[t] - 1, background, sizes[t], annotated_hits, odds[t])
        p_length[t] = np.clip(p, 0.0, 1.0)
    counts = np.asarray((random_sets @ membership).todense()) if len(terms) else np.zeros((RANDOM_SETS, 0))
    p_resampled = (1 + (counts >= observed).sum(axis=0)) / (1 + RANDOM_SETS)
    fdr_plain, fdr_length = _fdr(terms, p_plain), _fdr(terms, p_length)
    rows = []
    for t in sorted(present, key=lambda t: (terms[t].category, p_length[t], terms[t].identifier)):
        expected = float(counts[:, t].mean())
        strength = float(np.log10(observed[t] / expected)) if expected > 0 else None
        strong = strength is None or strength > options.min_strength
        within = {chance.symbols[g] for g in genes} & terms[t].genes
        rows.append(
            {"category": terms[t].category, "term": terms[t].identifier, "description": terms[t].description,
             "observed": int(observed[t]), "loci": annotated_hits, "expected": expected, "background": int(sizes[t]),
             "weight": float(odds[t]), "strength": strength, "p_plain": float(p_plain[t]), "fdr_plain": float(fdr_plain[t]),
             "p_length": float(p_length[t]), "fdr_length": float(fdr_length[t]), "p_resampled": float(p_resampled[t]),
             "holds": bool(fdr_length[t] < options.max_fdr and strong and p_resampled[t] < 0.05),
             "genes": ";".join(sorted(within))}
        )  # fmt: skip
    return rows


def _odds(
    membership: sparse.csr_array, weights: NDArray[np.float64], sizes: NDArray[np.int64], annotated: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(T,) mean weight of each term's genes over the mean weight of other annotated genes; 1 where there are no others."""
    total = np.asarray(membership.T @ weights)
    total_of_others = weights[annotated].sum() - total
    others = annotated.sum() - sizes
    usable = (sizes > 0) & (others > 0) & (total_of_others > 0)
    mean = np.divide(total, sizes, out=np.ones(len(total)), where=usable)
    mean_of_others = np.divide(total_of_others, others, out=np.ones(len(total)), where=usable)
    return np.asarray(mean / mean_of_others)


def _fdr(terms: Sequence[Term], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini-Hochberg within each category."""
    fdr = np.ones(len(terms))
    categories = np.array([term.category for term in terms])
    for category in np.unique(categories):
        in_category = categories == category
        fdr[in_category] = benjamini_hochberg(p[in_category])
    return fdr
