"""Further tables of the stage `genes`: what hit genes have in common, what is known about them, what could not be placed.

Declared as in ecgwas.tables; docs/tables.md is made from them.
"""

from __future__ import annotations

from ecgwas.tables import FLAG, REAL, TEXT, WHOLE, Column, Table, Terms


class GeneCounts(Table):
    """How often each hit gene is hit."""

    columns = {
        "gene": Column(TEXT, "gene symbol"), "variants": Column(WHOLE, "significant variants mapped to it"),
        "loci": Column(WHOLE, "loci that these belong to"), "leads": Column(WHOLE, "leads (12L counts as one) with a hit"),
        "traits": Column(WHOLE, "traits with a hit"), "neglog10p": Column(REAL, "-log10 p of the strongest"),
    }  # fmt: skip


class GeneLeads(Table):
    """Each hit gene by lead: significant variants, the loci they belong to, traits."""

    columns = {
        "gene": Column(TEXT, "gene symbol"), "lead": Column(TEXT, "lead of the trait; 12L for all leads together"),
        "variants": Column(WHOLE, "significant variants"), "loci": Column(WHOLE, "loci that these belong to"),
        "traits": Column(WHOLE, "traits of the lead with a hit"), "neglog10p": Column(REAL, "-log10 p of the strongest"),
    }  # fmt: skip


class ClusterTerms(Table):
    """Enrichment of the genes of each cluster: every tested term with one of them, as in enrichment.csv."""

    columns = {"cluster": Column(WHOLE, "cluster"), "size": Column(WHOLE, "genes in the cluster"), **Terms.columns}
    open = True


class ClusterView(Table):
    """Terms by clusters: one row per term kept in any cluster, one column per cluster with such a term.

    The further columns, cluster_1, cluster_2 ..., hold the term's strength in that cluster, null where it is not kept.
    """

    columns = {
        "category": Column(TEXT, "source of the term"), "term": Column(TEXT, "identifier"),
        "description": Column(TEXT, "name of the term"), "cardiovascular": Column(FLAG, "its group is cardiovascular"),
        "clusters": Column(WHOLE, "clusters in which it is kept"), "fdr": Column(REAL, "the smallest in any of them"),
    }  # fmt: skip
    open = True


class TermChoice(Table):
    """The terms within the study's limits to read first: all cardiovascular ones and the strongest others."""

    columns = {"group": Terms.columns["group"], **Terms.columns}
    open = True


class NetworkTests(Table):
    """Whether the hit genes have more edges among them than in degree-preserving random networks."""

    columns = {
        "source": Column(TEXT, "kind of the source"), "source_version": Column(TEXT, "file or service version"),
        "genes": Column(WHOLE, "hit genes in the network"), "edges": Column(WHOLE, "edges among them"),
        "average_degree": Column(REAL, "edges per gene, both ends counted"),
        "clustering": Column(REAL, "local clustering coefficient, mean over genes; 0 for genes of fewer than two edges"),
        "expected_edges": Column(REAL, "mean over resamples, or the service's value; null if neither"),
        "p": Column(REAL, "share of resamples with as many edges, or the service's value; null if neither"),
        "resamples": Column(WHOLE, "networks drawn with the same degrees; 0: the service's own formula, or no test"),
        "largest_cluster_share": Column(REAL, "share of these genes in the largest cluster"),
    }  # fmt: skip


class Published(Table):
    """Published associations of the hit variants, from the GWAS Catalog."""

    columns = {
        "locus": Column(WHOLE, "locus"), "variant": Column(TEXT, "hit variant of this study"),
        "chrom": Column(TEXT, "its chromosome"), "pos": Column(WHOLE, "its position in the study's build"),
        "effect_allele": Column(TEXT, "its effect allele"), "other_allele": Column(TEXT, "its other allele"),
        "rs_id": Column(TEXT, "variant of the catalog"), "trait": Column(TEXT, "trait in the catalog's words"),
        "efo_trait": Column(TEXT, "ontology terms, ; between"), "neglog10p": Column(REAL, "-log10 p as published"),
        "risk_allele": Column(TEXT, "as published"), "effect": Column(TEXT, "beta or odds ratio, as published"),
        "genes": Column(TEXT, "genes the catalog maps the variant to, ; between"), "pubmed_id": Column(TEXT, "publication"),
        "study": Column(TEXT, "catalog accession of the study"), "source_version": Column(TEXT, "file or service version"),
        "cardiovascular": Column(FLAG, "the trait, or an ontology term that it is mapped to, is cardiovascular"),
    }  # fmt: skip


class Unplaced(Table):
    """What a source could not place, and why."""

    columns = {
        "what": Column(TEXT, "variant | gene"), "name": Column(TEXT, "its id or symbol"),
        "chrom": Column(TEXT, "chromosome of a variant; null of a gene"), "pos": Column(WHOLE, "position of a variant"),
        "effect_allele": Column(TEXT, "of a variant"), "other_allele": Column(TEXT, "of a variant"),
        "source": Column(TEXT, "kind of the source"), "reason": Column(TEXT, "why it could not be placed"),
    }  # fmt: skip


class LocusTerms(Table):
    """Enrichment by loci, allowing for how easily each gene is hit: every term with the gene of a locus."""

    columns = {
        "category": Column(TEXT, "source of the term"), "term": Column(TEXT, "identifier"),
        "description": Column(TEXT, "name of the term"),
        "observed": Column(WHOLE, "genes of loci in the term, one gene per locus"),
        "loci": Column(WHOLE, "genes of loci that are in any term"),
        "expected": Column(REAL, "mean of `observed` over sets of random loci with as many genes around"),
        "background": Column(WHOLE, "genes of the term that a tested variant could hit"),
        "weight": Column(REAL, "how easily the term's genes are hit: mean over that of the others"),
        "strength": Column(REAL, "log10(observed / expected); null if none was expected"),
        "p_plain": Column(REAL, "hypergeometric, as if all genes were equally likely to be hit: for comparison only"),
        "fdr_plain": Column(REAL, "Benjamini-Hochberg of it within the category"),
        "p_length": Column(REAL, "Wallenius' noncentral hypergeometric, with the weight"),
        "fdr_length": Column(REAL, "Benjamini-Hochberg of it within the category"),
        "p_resampled": Column(REAL, "share of sets of random loci with as many, at least 1 / 1001"),
        "holds": Column(FLAG, "fdr_length and strength within the study's limits, p_resampled below 0.05"),
        "genes": Column(TEXT, "genes of loci in the term, ; between"),
    }  # fmt: skip
