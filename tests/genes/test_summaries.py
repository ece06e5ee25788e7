"""Counts of genes against loops over the rows, and the choice of terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecgwas.genes import summaries
from ecgwas.tables import Associations, Genes, Terms
from ecgwas.tables.genes import ClusterTerms

GENES = [("rs1", 1, "A"), ("rs1", 1, "B"), ("rs2", 1, "A"), ("rs3", 2, "A"), ("rs4", None, None), ("rs1", 1, "A")]
HITS = [("rs1", "ae.V1.f01", 9.0), ("rs1", "ae.V2.f01", 10.0), ("rs2", "ae.V1.f02", 11.0), ("rs3", "pca.12L.f01", 8.0),
        ("rs4", "ae.V1.f01", 20.0)]  # fmt: skip


def genes() -> Genes:
    """rs1 is mapped to A by two sources."""
    return Genes.of([
        {"locus": locus, "variant": variant, "chrom": "1", "pos": int(variant[2:]), "effect_allele": "A",
         "other_allele": "G", "gene": gene, "distance_bp": 0, "rank": 1,
         "relation": "overlap" if gene else "none", "evidence": None, "source": f"s{k}", "source_version": "v"}
        for k, (variant, locus, gene) in enumerate(GENES)
    ])  # fmt: skip


def hits() -> Associations:
    return Associations.of([
        {"trait": trait, "variant": variant, "chrom": "1", "pos": int(variant[2:]), "effect_allele": "A",
         "other_allele": "G", "eaf": 0.2,
         "n": 9, "beta": 1.0, "se": 0.1, "t": 10.0, "neglog10p": neglog10p}
        for variant, trait, neglog10p in HITS
    ])  # fmt: skip


def test_counts_are_those_of_a_loop() -> None:
    expected: list[tuple[Any, ...]] = []
    for gene in ("A", "B"):
        variants = {variant for variant, _, name in GENES if name == gene}
        rows = [row for row in HITS if row[0] in variants]
        loci = {locus for _, locus, name in GENES if name == gene}
        leads = {trait.split(".")[1] for _, trait, _ in rows}
        expected.append(
            (gene, len(variants), len(loci), len(leads), len({row[1] for row in rows}), max(row[2] for row in rows))
        )
    assert summaries.gene_counts(genes(), hits()).frame.rows() == expected


def test_leads_are_those_of_a_loop() -> None:
    assert summaries.gene_leads(genes(), hits()).frame.rows() == [
        ("A", "12L", 1, 1, 1, 8.0), ("A", "V1", 2, 1, 2, 11.0), ("A", "V2", 1, 1, 1, 10.0),
        ("B", "V1", 1, 1, 1, 9.0), ("B", "V2", 1, 1, 1, 10.0),
    ]  # fmt: skip


def test_all_terms_of_the_heart_and_the_others_of_largest_strength_of_each_category() -> None:
    rows = [("X", "heart 1", 3e-3, 0.3, True, "cardiovascular"), ("X", "heart 2", 1e-3, 0.5, True, "cardiovascular"),
            ("X", "axon", 1e-9, 0.4, True, "neurological"), ("X", "hair", 9e-3, 0.8, True, "other"),
            ("X", "nail", 8e-3, 0.7, True, "other"), ("Y", "skin", 1e-3, 0.3, True, "other"),
            ("Y", "heart 3", 0.5, 0.9, False, "cardiovascular")]  # fmt: skip
    terms = terms_of(rows)
    chosen = summaries.term_choice(terms, 2).frame.select("group", "category", "term").rows()
    assert chosen == [
        ("cardiovascular", "X", "heart 2"), ("cardiovascular", "X", "heart 1"), ("other", "X", "hair"), ("other", "X", "nail"),
        ("other", "Y", "skin"),
    ]  # fmt: skip
    assert summaries.term_choice(terms, 0).frame["term"].to_list() == ["heart 2", "heart 1"]


def test_thirty_terms_beyond_the_option_are_chosen_by_strength() -> None:
    """The strongest ten have the largest FDR of all."""
    rows = [("X", f"term {k}", 1e-3 * (k + 1) / 30, 0.30 + 0.02 * k, True, "other") for k in range(30)]
    chosen = summaries.term_choice(terms_of(rows), 10).frame
    assert chosen["term"].to_list() == [f"term {k}" for k in range(29, 19, -1)]
    assert chosen["strength"].min() > 0.69


def terms_of(rows: Sequence[tuple[str, str, float, float, bool, str]]) -> Terms:
    return Terms.of([
        {"category": category, "term": name, "description": name, "observed": 3, "expected": 1.0, "background": 9,
         "strength": strength, "p": fdr / 10, "fdr": fdr, "kept": kept, "group": group, "reason": None,
         "cardiovascular": group == "cardiovascular", "genes": "A"}
        for category, name, fdr, strength, kept, group in rows
    ])  # fmt: skip


def test_terms_are_listed_with_the_clusters_that_share_them() -> None:
    rows = [(1, "heart", 1e-4, 0.9, True), (2, "heart", 1e-3, 0.7, True), (3, "heart", 0.5, 0.1, False),
            (10, "axon", 1e-9, 1.2, True), (2, "hair", 0.4, 0.2, False)]  # fmt: skip
    found = ClusterTerms.of([
        {"cluster": cluster, "size": 4, "category": "X", "term": name, "description": name, "observed": 3, "expected": 1.0,
         "background": 9, "strength": strength, "p": fdr / 10, "fdr": fdr, "kept": kept, "cardiovascular": name == "heart",
         "group": "other", "reason": None,
         "genes": "A"}
        for cluster, name, fdr, strength, kept in rows
    ])  # fmt: skip
    view = summaries.cluster_view(found).frame
    assert view.columns[-3:] == ["cluster_1", "cluster_2", "cluster_10"]
    assert view.rows() == [
        ("X", "heart", "heart", True, 2, 1e-4, 0.9, 0.7, None), ("X", "axon", "axon", False, 1, 1e-9, None, None, 1.2),
    ]  # fmt: skip
    assert summaries.cluster_view(ClusterTerms.empty()).frame.height == 0
