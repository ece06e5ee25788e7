"""Summaries: how many variants, loci, leads and traits each gene has, and the terms to show first."""

from __future__ import annotations

import polars as pl

from ecgwas.tables import VARIANT_KEY, Associations, Genes, Terms
from ecgwas.tables.genes import ClusterTerms, ClusterView, GeneCounts, GeneLeads, TermChoice

COUNTS = (
    pl.struct(VARIANT_KEY).n_unique().alias("variants"),
    pl.col("locus").drop_nulls().n_unique().alias("loci"),
    pl.col("trait").n_unique().alias("traits"),
    pl.col("neglog10p").max(),
)


def gene_counts(genes: Genes, hits: Associations) -> GeneCounts:
    """One row per hit gene: those with most loci first, then by number of variants, then by symbol."""
    counts = _hits_of_genes(genes, hits).group_by("gene").agg(*COUNTS, leads=pl.col("lead").n_unique())
    ordered = counts.sort("loci", "variants", "gene", descending=[True, True, False])
    return GeneCounts(ordered.select(list(GeneCounts.columns)))


def gene_leads(genes: Genes, hits: Associations) -> GeneLeads:
    """One row per hit gene and lead, by gene, then by lead."""
    counts = _hits_of_genes(genes, hits).group_by("gene", "lead").agg(*COUNTS)
    return GeneLeads(counts.sort("gene", "lead").select(list(GeneLeads.columns)))


def _hits_of_genes(genes: Genes, hits: Associations) -> pl.DataFrame:
    """One row per gene, hit variant and trait, however many sources assigned the gene; with columns gene, locus, lead."""
    named = genes.frame.filter(pl.col("gene").is_not_null()).select("gene", *VARIANT_KEY, "locus").unique()
    tested = hits.frame.select(*VARIANT_KEY, "trait", "neglog10p")
    joined = named.join(tested, on=VARIANT_KEY, how="inner")
    return joined.with_columns(lead=pl.col("trait").str.split(".").list.get(1, null_on_oob=True))


def term_choice(terms: Terms, strongest_others: int) -> TermChoice:
    """Kept terms: all cardiovascular ones, then `strongest_others` others per category, by decreasing strength."""
    order = {"category": False, "strength": True, "fdr": False, "term": False}
    kept = terms.frame.filter(pl.col("kept")).sort(*order, descending=list(order.values()))
    cardiovascular = kept.filter(pl.col("cardiovascular"))
    rank = pl.int_range(pl.len()).over("category")
    others = kept.filter(~pl.col("cardiovascular")).filter(rank < strongest_others)
    chosen = pl.concat([cardiovascular, others])
    return TermChoice(chosen.select("group", pl.exclude("group")))


def cluster_view(cluster_terms: ClusterTerms) -> ClusterView:
    """Kept terms by cluster: terms shared by most clusters first, then by FDR."""
    kept = cluster_terms.frame.filter(pl.col("kept"))
    if kept.height == 0:
        return ClusterView.empty()
    shared = kept.group_by("category", "term", "description", "cardiovascular").agg(
        clusters=pl.col("cluster").n_unique().cast(pl.Int64), fdr=pl.col("fdr").min()
    )
    named = kept.sort("cluster").with_columns(column=pl.format("cluster_{}", "cluster"))
    wide = named.pivot("column", index=["category", "term"], values="strength", aggregate_function="max")
    joined = shared.join(wide, on=["category", "term"], how="left", validate="1:1")
    return ClusterView(joined.sort("clusters", "fdr", "category", "term", descending=[True, False, False, False]))
