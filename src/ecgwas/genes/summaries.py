"""Counts of hit genes over variants, loci, leads and traits, and the terms that are looked at first."""

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
    """One row per hit gene, the most loci first, then variants, then by symbol."""
    counted = _hits_of_genes(genes, hits).group_by("gene").agg(*COUNTS, leads=pl.col("lead").n_unique())
    ordered = counted.sort("loci", "variants", "gene", descending=[True, True, False])
    return GeneCounts(ordered.select(list(GeneCounts.columns)))


def gene_leads(genes: Genes, hits: Associations) -> GeneLeads:
    """One row per hit gene and lead, by gene, then lead."""
    counted = _hits_of_genes(genes, hits).group_by("gene", "lead").agg(*COUNTS)
    return GeneLeads(counted.sort("gene", "lead").select(list(GeneLeads.columns)))


def _hits_of_genes(genes: Genes, hits: Associations) -> pl.DataFrame:
    """One row per gene, hit variant and trait, however many sources named the gene; columns gene, locus, lead too."""
    named = genes.frame.filter(pl.col("gene").is_not_null()).select("gene", *VARIANT_KEY, "locus").unique()
    tested = hits.frame.select(*VARIANT_KEY, "trait", "neglog10p")
    joined = named.join(tested, on=VARIANT_KEY, how="inner")
    return joined.with_columns(lead=pl.col("trait").str.split(".").list.get(1, null_on_oob=True))


def term_choice(terms: Terms, strongest_others: int) -> TermChoice:
    """Kept terms: every cardiovascular one, then of each category so many others; the largest strength first."""
    order = {"category": False, "strength": True, "fdr": False, "term": False}
    kept = terms.frame.filter(pl.col("kept")).sort(*order, descending=list(order.values()))
    of_heart = kept.filter(pl.col("cardiovascular"))
    place = pl.int_range(pl.len()).over("category")
    others = kept.filter(~pl.col("cardiovascular")).filter(place < strongest_others)
    chosen = pl.concat([of_heart, others])
    return TermChoice(chosen.select("group", pl.exclude("group")))


def cluster_view(cluster_terms: ClusterTerms) -> ClusterView:
    """Kept terms beside the clusters that share them: terms of most clusters first, then of smallest FDR."""
    kept = cluster_terms.frame.filter(pl.col("kept"))
    if kept.height == 0:
        return ClusterView.empty()
    about = kept.group_by("category", "term", "description", "cardiovascular").agg(
        clusters=pl.col("cluster").n_unique().cast(pl.Int64), fdr=pl.col("fdr").min()
    )
    named = kept.sort("cluster").with_columns(column=pl.format("cluster_{}", "cluster"))
    wide = named.pivot("column", index=["category", "term"], values="strength", aggregate_function="max")
    joined = about.join(wide, on=["category", "term"], how="left", validate="1:1")
    return ClusterView(joined.sort("clusters", "fdr", "category", "term", descending=[True, False, False, False]))
