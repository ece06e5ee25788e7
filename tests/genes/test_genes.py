"""All sources together, over the tables of a simulated cohort."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import polars as pl
import pytest

from ecgwas import genes
from ecgwas.errors import InputError, StudyError
from ecgwas.genes import cluster_names
from ecgwas.genes.sources import enrichment, regions
from ecgwas.genes.sources.term_roots import ROOTS
from ecgwas.genes.web.contract import Question
from ecgwas.simulate import simulate
from ecgwas.study import Enrichment, EnsemblVep, Gprofiler, GwasCatalog, Haploreg, OpenTargets, Regions, StringDb, StringFiles
from ecgwas.tables import Associations, Loci, Table


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated cohort's folder."""
    folder = tmp_path_factory.mktemp("neighbourhood")
    simulate(folder, people=20, seed=3, variants_per_chromosome=20)
    return folder


def hits_in_four_genes(cohort: Path) -> Associations:
    table = regions.read(cohort / "genes.tsv")
    places = []
    for chrom, gene in (("1", "NOS1AP"), ("2", "TTN"), ("3", "SCN5A"), ("11", "KCNQ1")):
        at = table[chrom].symbols.index(gene)
        places.append({"variant": f"in_{gene}", "chrom": chrom, "pos": int(table[chrom].start[at]) + 10})
    rows = [
        {
            "trait": "clinical.12L.qt_ms", "variant": row["variant"], "chrom": row["chrom"], "pos": row["pos"],
            "effect_allele": "A", "other_allele": "G", "eaf": 0.3, "n": 20, "beta": 1.0, "se": 0.1, "t": 10.0, "neglog10p": 9.0,
        }
        for row in places
    ]  # fmt: skip
    return Associations.of([*rows, *(row | {"trait": "pca.12L.f01"} for row in rows)])


def nobody(question: Question, understand: object) -> NoReturn:
    raise AssertionError(f"the net was asked: {question.url}")


def test_hits_lead_to_their_genes_network_and_terms(cohort: Path) -> None:
    sources = (
        Enrichment(terms=cohort / "terms.gmt"), StringFiles(links=cohort / "network.tsv"), Regions(file=cohort / "genes.tsv"),
    )  # fmt: skip
    genes.check(sources)
    hits = hits_in_four_genes(cohort)
    found = genes.run(sources, Loci.empty(), hits, nobody)
    named = set(found.genes.frame["gene"].drop_nulls())
    assert {"NOS1AP", "TTN", "SCN5A", "KCNQ1"} <= named
    assert found.genes.frame.select("variant", "gene").is_duplicated().sum() == 0
    clusters = dict(found.clusters.frame.select("gene", "cluster").iter_rows())
    assert clusters["SCN5A"] == clusters["KCNQ1"]
    assert clusters["TTN"] != clusters["SCN5A"]
    best = found.terms.frame.sort("p").row(0, named=True)
    assert best["cardiovascular"]
    assert best["kept"]
    counts = found.gene_counts.frame.filter(gene="SCN5A").row(0, named=True)
    assert (counts["variants"], counts["leads"], counts["traits"], counts["neglog10p"]) == (1, 1, 2, 9.0)
    leads = found.gene_leads.frame.filter(gene="TTN").rows()
    assert leads == [("TTN", "12L", 1, 0, 2, 9.0)]
    assert found.network_tests.frame["genes"].to_list() == [found.clusters.frame.height]
    assert set(found.term_choice.frame["group"]) <= {"cardiovascular", *ROOTS, "other"}
    assert found.term_choice.frame.filter(group="cardiovascular").height > 0


def test_clusters_are_named_after_their_own_strongest_term(cohort: Path) -> None:
    sources = (
        Regions(file=cohort / "genes.tsv", max_distance_bp=10_000_000, window_bp=3_000_000),
        StringFiles(links=cohort / "network.tsv"), Enrichment(terms=cohort / "terms.gmt"),
    )  # fmt: skip
    found = genes.run(sources, Loci.empty(), hits_in_four_genes(cohort), nobody)
    channels = found.clusters.frame.filter(gene="SCN5A").row(0, named=True)
    members = found.clusters.frame.filter(cluster=channels["cluster"])["gene"].to_list()
    alone = enrichment.enrich(sources[2], members).terms.frame.filter(pl.col("kept")).sort("fdr", "p", "term")
    assert channels["name"] == alone["term"][0]
    theirs = found.cluster_terms.frame.filter(cluster=channels["cluster"])
    assert theirs.height == enrichment.enrich(sources[2], members).terms.frame.height
    assert set(theirs["size"]) == {len(members)}
    small = found.clusters.frame.filter(pl.col("size") < 3)
    assert small["name"].null_count() == small.height


@pytest.mark.parametrize(
    ("term", "description", "words"),
    [
        ("HP:0001657", "Prolonged QT interval", "Prolonged QT interval"),
        ("hsa04260", "Cardiac muscle contraction", "Cardiac muscle contraction"),
        ("R-HSA-5576891", "Cardiac conduction", "Cardiac conduction"),
        ("Cardiac conduction", "R-HSA-5576891", "Cardiac conduction"),
        ("cardiac conduction (GO:0061337)", "", "cardiac conduction (GO:0061337)"),
        ("HALLMARK_MYOGENESIS", "https://www.gsea-msigdb.org/HALLMARK_MYOGENESIS", "HALLMARK_MYOGENESIS"),
        ("GO:1", None, "GO:1"),
    ],
)
def test_a_term_in_words(term: str, description: str | None, words: str) -> None:
    assert cluster_names.words_of(term, description) == words


def test_without_sources_every_table_is_there_and_empty(cohort: Path) -> None:
    found = genes.run((), Loci.empty(), hits_in_four_genes(cohort), nobody)
    assert [len(table) for table in tables_of(found)] == [0] * 13


def test_without_hits_every_table_is_empty(cohort: Path) -> None:
    sources = (
        Regions(file=cohort / "genes.tsv"), Gprofiler(), Haploreg(), EnsemblVep(), OpenTargets(), GwasCatalog(), StringDb(),
        Enrichment(terms=cohort / "terms.gmt"),
    )  # fmt: skip
    found = genes.run(sources, Loci.empty(), Associations.empty(), nobody, build="hg19")
    assert [len(table) for table in tables_of(found)] == [0] * 13


def tables_of(found: genes.GeneTables) -> list[Table]:
    return [value for value in vars(found).values() if isinstance(value, Table)]


def test_haploreg_for_few_variants_and_snpense_for_many(cohort: Path) -> None:
    hits = hits_in_four_genes(cohort)
    sources = (
        Regions(file=cohort / "genes.tsv"), Haploreg(max_variants=3), Gprofiler(min_variants=5, sources=()),
        GwasCatalog(max_variants=2),
    )  # fmt: skip
    found = genes.run(sources, Loci.empty(), hits, nobody, build="hg19")
    assert set(found.genes.frame["source"]) == {"regions"}
    assert "haploreg was not queried for genes: 4 hit variants, more than max_variants 3" in found.notes
    assert "gprofiler was not queried for genes: 4 hit variants, fewer than min_variants 5" in found.notes
    assert any("GWAS Catalog was not queried" in note for note in found.notes)


def test_check_opens_files_and_asks_no_service(cohort: Path) -> None:
    sources = (Gprofiler(), StringDb())
    assert genes.check(sources, "hg19") == [
        "gprofiler: asks https://biit.cs.ut.ee/gprofiler", "string_db: asks https://version-12-0.string-db.org",
    ]  # fmt: skip
    assert genes.check(sources, "hg19", offline=True)[0] == "gprofiler: answers from results/cache alone"
    with pytest.raises(StudyError, match="2 networks"):
        genes.check((*sources, StringFiles(links=cohort / "network.tsv")))
    with pytest.raises(InputError, match="missing"):
        genes.check((Gprofiler(), GwasCatalog(file=cohort / "absent.tsv")))


def test_a_network_without_a_map_is_refused(cohort: Path) -> None:
    with pytest.raises(StudyError, match="regions"):
        genes.check((StringFiles(links=cohort / "network.tsv"),))
