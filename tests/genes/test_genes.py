"""All sources together, over the tables of a simulated cohort."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas import genes
from ecgwas.errors import StudyError
from ecgwas.genes import regions
from ecgwas.simulate import simulate
from ecgwas.study import Enrichment, Regions, StringFiles
from ecgwas.tables import Associations, Loci


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


def nobody(url: str, params: object) -> bytes:
    raise AssertionError(f"the net was asked: {url}")


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


def test_without_sources_every_table_is_there_and_empty(cohort: Path) -> None:
    found = genes.run((), Loci.empty(), hits_in_four_genes(cohort), nobody)
    assert [len(table) for table in (found.genes, found.clusters, found.edges, found.terms)] == [0, 0, 0, 0]


def test_without_hits_every_table_is_empty(cohort: Path) -> None:
    sources = (Regions(file=cohort / "genes.tsv"), StringFiles(links=cohort / "network.tsv"))
    found = genes.run(sources, Loci.empty(), Associations.empty(), nobody)
    assert [len(table) for table in (found.genes, found.clusters, found.edges, found.terms)] == [0, 0, 0, 0]


def test_a_network_without_a_map_is_refused(cohort: Path) -> None:
    with pytest.raises(StudyError, match="regions"):
        genes.check((StringFiles(links=cohort / "network.tsv"),))
