"""Services that do not answer are skipped with a warning or end the run; warnings before the run."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, NoReturn

import polars as pl
import pytest

from ecgwas import genes
from ecgwas.errors import Caution, ServiceError
from ecgwas.genes import cluster_names
from ecgwas.genes.web import client
from ecgwas.genes.web.contract import Question
from ecgwas.study import Enrichment, GeneSource, Gprofiler, GwasCatalog, Haploreg, Regions, StringDb, Study
from ecgwas.tables import Associations, Clusters, Loci
from tests.genes.server import Asked, Reply, Server
from tests.genes.sources import test_string_db

HIT = {
    "trait": "ae.V1.f01", "variant": "rs1", "chrom": "1", "pos": 5, "effect_allele": "A", "other_allele": "G", "eaf": 0.3,
    "n": 20, "beta": 1.0, "se": 0.1, "t": 10.0, "neglog10p": 9.0,
}  # fmt: skip


def hits(variants: int) -> Associations:
    return Associations.of([HIT | {"variant": f"rs{k}", "pos": 10 * k + 5} for k in range(variants)])


def silent(question: Question, understand: object) -> NoReturn:
    raise ServiceError("the service gave no usable answer: ConnectError", where=question.url, fix="try again later")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two genes that hold the first two variants."""
    (tmp_path / "genes.txt").write_text("1 1 9 SCN5A\n1 12 19 TTN\n")
    return tmp_path / "genes.txt"


def published(tmp_path: Path, more: str = "") -> tuple[GeneSource, ...]:
    (tmp_path / "study.yaml").write_text(
        "name: s\npreset: published\nread: {recordings: ecg}\ntraits: {covariates: c.tsv}\nscan: {genotypes: g}\n" + more
    )
    return Study.read_file(tmp_path / "study.yaml").genes


def test_the_published_preset_asks_as_the_source_study_did(tmp_path: Path) -> None:
    haploreg, snpense, string = published(tmp_path)
    assert isinstance(haploreg, Haploreg)
    assert isinstance(snpense, Gprofiler)
    assert isinstance(string, StringDb)
    assert (haploreg.max_variants, snpense.min_variants, snpense.max_variants, snpense.sources) == (500, 501, None, ())
    assert (string.species, string.inflation, string.clusters, string.categories) == (
        9606, 2.0, "own", ("TISSUES", "HPO", "Function"),
    )  # fmt: skip
    assert (string.max_fdr, string.min_strength) == (0.01, 0.2)
    assert {source.if_unreachable for source in (haploreg, snpense, string)} == {"skip"}


def test_a_list_of_the_study_replaces_the_preset_s_and_keeps_its_values(tmp_path: Path) -> None:
    (string,) = published(tmp_path, "genes: [{kind: string_db, min_score: 700}]\n")
    assert isinstance(string, StringDb)
    assert (string.min_score, string.if_unreachable) == (700, "skip")
    assert published(tmp_path, "genes: []\n") == ()


@pytest.mark.parametrize(("variants", "kind"), [(3, "haploreg"), (500, "haploreg"), (501, "gprofiler")])
def test_without_an_answer_the_preset_ends_with_warnings(tmp_path: Path, variants: int, kind: str) -> None:
    found = genes.run(published(tmp_path), Loci.empty(), hits(variants), silent, build="hg19")
    warnings = [note for note in found.notes if note.startswith("warning:")]
    assert [note.split()[1] for note in warnings] == [kind]
    assert "--force" in warnings[0]
    assert "regions" in warnings[0]
    assert (len(found.genes), len(found.clusters), len(found.terms)) == (0, 0, 0)


def test_what_files_give_stays_when_services_are_silent(tmp_path: Path, table: Path) -> None:
    sources = (Regions(file=table), *published(tmp_path), GwasCatalog(if_unreachable="skip"))
    found = genes.run(sources, Loci.empty(), hits(2), silent, build="hg19")
    assert set(found.genes.frame["gene"]) == {"SCN5A", "TTN"}
    assert {note.split()[1] for note in found.notes if note.startswith("warning:")} == {"haploreg", "string_db", "gwas_catalog"}
    assert len([note for note in found.notes if "string_db" in note]) == 2, "network and terms"


@pytest.mark.parametrize("source", [Haploreg(), Gprofiler(), StringDb(), GwasCatalog()], ids=lambda source: source.kind)
def test_a_service_that_the_study_names_has_to_answer(source: Any, table: Path) -> None:
    with pytest.raises(ServiceError, match="no usable answer"):
        genes.run((Regions(file=table), source), Loci.empty(), hits(2), silent, build="hg19")


def test_foreseeable_failures_give_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Path) -> None:
    sources = (Regions(file=table), *published(tmp_path), StringDb())
    warnings = genes.foreseeable_failures(sources, tmp_path / "cache", offline=True)
    assert all(isinstance(warning, Caution) for warning in warnings)
    assert [warning.split()[0] for warning in warnings] == ["haploreg", "gprofiler", "string_db", "string_db"]
    assert ["will be skipped" in warning for warning in warnings] == [True, True, True, False]
    assert "will end the run" in warnings[3]
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.json").write_text("{}")
    assert genes.foreseeable_failures(sources, tmp_path / "cache", offline=True) == []

    def refused(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", refused)
    warnings = genes.foreseeable_failures(sources, tmp_path / "cache", offline=False)
    assert len(warnings) == 4
    assert "cannot be reached from here: pubs.broadinstitute.org: Name or service not known" in warnings[0]


def test_a_host_that_is_there_is_not_asked(server: Server, tmp_path: Path) -> None:
    assert client.unreachable(server.address) is None
    assert genes.foreseeable_failures((StringDb(address=server.address),), tmp_path, offline=False) == []
    assert server.asked == []
    catalog = GwasCatalog(file=tmp_path / "catalog.tsv")
    assert genes.foreseeable_failures((catalog,), tmp_path, offline=True) == []


TRIPLETS = 25
"""More clusters of three genes than were named before."""


def triplets() -> Clusters:
    rows = [
        {
            "gene": f"G{k:02}{letter}",
            "cluster": k + 1,
            "size": 3,
            "degree": degree,
            "name": None,
            "named_by": None,
            "colour": "#0",
        }
        for k in range(TRIPLETS)
        for letter, degree in zip("ABC", (1, 2, 1), strict=True)
    ]
    pair = [
        {"gene": gene, "cluster": 99, "size": 2, "degree": 1, "name": None, "named_by": None, "colour": "#0"} for gene in "XY"
    ]
    return Clusters.of([*rows, *pair])


def speak(asked: Asked) -> Reply:
    """STRING, which knows every gene and has a term for clusters of A that end in an even number."""
    method = asked.path.removeprefix("/api/json/")
    if method == "version":
        return Reply(json.dumps([{"string_version": "12.0"}]).encode())
    names = test_string_db.form_of(asked)["identifiers"].split("\r")
    if method == "get_string_ids":
        rows: list[Any] = [{"queryItem": name, "stringId": f"9606.{name}", "preferredName": name} for name in names]
        return Reply(json.dumps(rows).encode())
    assert method == "enrichment"
    assert len(names) == 3
    number = int(names[0].removeprefix("9606.G")[:2])
    term = test_string_db.TERMS[0] | {"description": f"term {number}", "number_of_genes": 3, "inputGenes": names}
    return Reply(json.dumps([term] if number % 2 == 0 else []).encode())


def named(found: cluster_names.NamedClusters) -> dict[int, tuple[str, str]]:
    frame = found.clusters.frame.filter(pl.col("name").is_not_null())
    return {cluster: (name, by) for cluster, name, by in frame.select("cluster", "name", "named_by").unique().iter_rows()}


def test_a_service_names_all_clusters_of_three_genes(server: Server, tmp_path: Path) -> None:
    server.speak = speak
    get = client.make_get(tmp_path, offline=False, sleep=lambda _: None)
    found = cluster_names.name_clusters((StringDb(address=server.address),), triplets(), get)
    names = named(found)
    assert set(names) == set(range(1, TRIPLETS + 1))
    assert names[1] == ("term 0", "term of HPO, FDR 0.0001")
    assert names[2] == ("around G01B, G01A, G01C", "edges")
    assert found.notes == ()
    asked = [one.path.rsplit("/", 1)[-1] for one in server.asked]
    assert (asked.count("enrichment"), asked.count("get_string_ids")) == (TRIPLETS, 1)


def test_more_clusters_than_the_option_allows_are_counted(server: Server, tmp_path: Path) -> None:
    server.speak = speak
    get = client.make_get(tmp_path, offline=False, sleep=lambda _: None)
    found = cluster_names.name_clusters((StringDb(address=server.address, max_clusters=4),), triplets(), get)
    assert len(named(found)) == TRIPLETS
    assert sum(by != "edges" for _, by in named(found).values()) == 2
    assert found.notes == (
        "string_db was queried for terms of the 4 largest of 25 clusters of 3 genes or more (max_clusters); the others are "
        "named after their genes with most edges",
    )  # fmt: skip


def test_names_that_came_before_a_service_fell_silent_stay(server: Server, tmp_path: Path) -> None:
    server.speak = lambda asked: Reply(status=503) if b"G04" in asked.body and b"G05" not in asked.body else speak(asked)
    get = client.make_get(tmp_path, offline=False, sleep=lambda _: None)
    source = StringDb(address=server.address, if_unreachable="skip")
    found = cluster_names.name_clusters((source,), triplets(), get)
    assert [by for _, (_, by) in sorted(named(found).items())].count("edges") == TRIPLETS - 2
    assert found.notes[0].startswith("warning: string_db was skipped, there are no names of clusters from it")
    with pytest.raises(ServiceError):
        cluster_names.name_clusters((StringDb(address=server.address),), triplets(), get)


def test_a_file_names_all_clusters_and_no_service_is_asked(tmp_path: Path) -> None:
    lines = [f"term {k}\t\t" + "\t".join(f"G{k:02}{letter}" for letter in "ABC") for k in range(TRIPLETS)]
    (tmp_path / "terms.gmt").write_text("\n".join(lines) + "\n")
    sources = (StringDb(), Enrichment(terms=tmp_path / "terms.gmt"))
    names = named(cluster_names.name_clusters(sources, triplets(), silent))
    assert {cluster: name for cluster, (name, _) in names.items()} == {k + 1: f"term {k}" for k in range(TRIPLETS)}
