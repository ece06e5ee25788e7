"""STRING's service spoken by a local server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest

from ecgwas.errors import InputError, ServiceError
from ecgwas.genes.sources import string_db
from ecgwas.genes.web import client
from ecgwas.genes.web.contract import Get
from ecgwas.study import StringDb
from tests.genes.conftest import Weather
from tests.genes.server import Asked, Reply, Server

PROTEINS = {"SCN5A": "P1", "SCN10A": "P2", "KCNQ1": "P3", "TTN": "P4", "CCDC141": "P5", "KVLQT1": "P3"}
PREFERRED = {"P1": "SCN5A", "P2": "SCN10A", "P3": "KCNQ1", "P4": "TTN", "P5": "CAMDI"}
GENES = ["SCN5A", "SCN10A", "KCNQ1", "KVLQT1", "TTN", "CCDC141", "LOC1"]
EDGES = [("P1", "P2", 0.9), ("P2", "P1", 0.9), ("P1", "P3", 0.8), ("P2", "P3", 0.7), ("P4", "P5", 0.6)]
TERMS = [
    {
        "category": "HPO", "term": "HP:0001657", "description": "Prolonged QT interval", "number_of_genes": 2,
        "number_of_genes_in_background": 50, "ncbiTaxonId": 9606, "inputGenes": ["9606.P1", "9606.P3"],
        "preferredNames": ["SCN5A", "KCNQ1"], "p_value": 1e-6, "fdr": 1e-4,
    },
    {
        "category": "Function", "term": "GO:1", "description": "binding", "number_of_genes": 5,
        "number_of_genes_in_background": 12000, "inputGenes": "9606.P1,9606.P2,9606.P3,9606.P4,9606.P5", "p_value": 0.08,
        "fdr": 0.4,
    },
    {
        "category": "KEGG", "term": "hsa1", "description": "x", "number_of_genes": 1, "number_of_genes_in_background": 9,
        "inputGenes": ["9606.P1"], "p_value": 0.01, "fdr": 0.02,
    },
]  # fmt: skip


def form_of(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(asked.body.decode(), strict_parsing=True).items()}


def answer(asked: Asked) -> Any:
    method = asked.path.removeprefix("/api/json/")
    if method == "version":
        return [{"string_version": "12.0", "stable_address": "https://version-12-0.string-db.org"}]
    assert asked.method == "POST"
    form = form_of(asked)
    assert (form["species"], form["caller_identity"]) == ("9606", "ecgwas")
    assert b"%0D" in asked.body or "\r" not in form["identifiers"]
    names = form["identifiers"].split("\r")
    if method == "get_string_ids":
        assert form["echo_query"] == "1"
        known = [name for name in names if name in PROTEINS]
        rows = [{"queryItem": n, "stringId": f"9606.{PROTEINS[n]}", "preferredName": PREFERRED[PROTEINS[n]]} for n in known]
        return rows + [row | {"stringId": "9606.P9"} for row in rows[:1]]
    assert all(name.startswith("9606.P") for name in names)
    if method == "network":
        assert (form["required_score"], form["network_type"]) == ("400", "functional")
        return [{"stringId_A": f"9606.{a}", "stringId_B": f"9606.{b}", "score": score} for a, b, score in EDGES]
    if method == "ppi_enrichment":
        return [{"number_of_edges": 4, "expected_number_of_edges": 0.6, "p_value": 0.002}]
    if method == "network_image_url":
        assert (form["network_clustering_algorithm"], form["network_clustering_parameter_mcl"]) == ("MCL", "2")
        return [
            {"clusterNumber": 1, "proteinCount": 3, "clusterNames": "channels", "preferredNames": "SCN5A, SCN10A,KCNQ1"},
            {"clusterNumber": 2, "proteinCount": 1, "clusterNames": "", "preferredNames": "CAMDI"},
        ]
    assert method == "enrichment"
    return TERMS


def speak(asked: Asked) -> Reply:
    return Reply(json.dumps(answer(asked)).encode(), headers={"Content-Type": "text/json"})


def options(server: Server, **more: Any) -> StringDb:
    server.speak = speak
    return StringDb.model_validate({"address": server.address} | more)


def test_network_in_any_weather(server: Server, survives: Weather) -> None:
    source = options(server)

    def use(get: Get) -> tuple[Any, ...]:
        network = string_db.connect(source, GENES, get)
        return tuple(table.frame.to_dicts() for table in (network.edges, network.clusters, network.tests, network.unplaced))

    edges, clusters, (test,), unplaced = survives(use)
    assert [(e["gene_a"], e["gene_b"], e["score"]) for e in edges] == [
        ("CCDC141", "TTN", 0.6), ("KCNQ1", "SCN10A", 0.7), ("KCNQ1", "SCN5A", 0.8), ("SCN10A", "SCN5A", 0.9),
    ]  # fmt: skip
    assert {c["gene"]: c["cluster"] for c in clusters} == {"KCNQ1": 1, "SCN10A": 1, "SCN5A": 1, "CCDC141": 2, "TTN": 2}
    assert (test["genes"], test["edges"], test["expected_edges"], test["p"], test["resamples"]) == (5, 4, 0.6, 0.002, 0)
    assert (test["average_degree"], test["clustering"]) == (8 / 5, 3 / 5)
    assert test["source_version"] == "STRING 12.0"
    assert {row["name"]: row["reason"] for row in unplaced} == {
        "KVLQT1": "another name of KCNQ1", "LOC1": "not known to STRING",
    }  # fmt: skip


def test_clusters_of_the_service(server: Server, tmp_path: Path) -> None:
    source = options(server, clusters="service")
    network = string_db.connect(source, GENES, client.make_get(tmp_path, offline=False, sleep=lambda _: None))
    clusters = dict(network.clusters.frame.select("gene", "cluster").iter_rows())
    assert clusters == {"KCNQ1": 1, "SCN10A": 1, "SCN5A": 1, "CCDC141": 2, "TTN": 3}


def test_terms_in_any_weather(server: Server, survives: Weather) -> None:
    source = options(server)
    rows = survives(lambda get: string_db.enrich(source, GENES, get).terms.frame.to_dicts())
    assert [row["category"] for row in rows] == ["Function", "HPO"]
    long_qt = rows[1]
    assert long_qt["expected"] == pytest.approx(5 * 50 / 19_699)
    assert long_qt["strength"] == pytest.approx(np.log10(2 / (5 * 50 / 19_699)))
    assert (long_qt["p"], long_qt["fdr"], long_qt["kept"], long_qt["cardiovascular"]) == (1e-6, 1e-4, True, True)
    assert long_qt["genes"] == "KCNQ1;SCN5A"
    assert not rows[0]["kept"]


def test_a_background_sets_n(server: Server, tmp_path: Path) -> None:
    (tmp_path / "background.txt").write_text("".join(f"9606.P{k}\r\n" for k in range(1, 101)))
    source = options(server, background=tmp_path / "background.txt")
    get = client.make_get(tmp_path / "cache", offline=False, sleep=lambda _: None)
    found = string_db.enrich(source, GENES, get)
    asked = next(form_of(asked) for asked in server.asked if asked.path.endswith("/enrichment"))
    assert len(asked["background_string_identifiers"].split("\r")) == 100
    assert found.terms.frame.filter(term="HP:0001657")["expected"][0] == pytest.approx(5 * 50 / 100)
    assert any("N = 100" in note for note in found.notes)
    (tmp_path / "background.txt").write_text("SCN5A\n")
    with pytest.raises(InputError, match="are not STRING ids"):
        string_db.enrich(source, GENES, get)


@pytest.mark.parametrize("genes", [["SCN5A"], ["LOC1"]])
def test_one_gene_or_none_is_not_asked_for_its_neighbours(genes: list[str], server: Server, tmp_path: Path) -> None:
    source = options(server)
    network = string_db.connect(source, genes, client.make_get(tmp_path, offline=False, sleep=lambda _: None))
    assert {asked.path.rsplit("/")[-1] for asked in server.asked} == {"get_string_ids", "version"}
    assert len(network.edges) == 0


def test_an_error_of_the_service_is_quoted(server: Server, tmp_path: Path) -> None:
    source = options(server)
    server.speak = lambda _: b'[{"Error": "bad request", "ErrorMessage": "too many proteins"}]'
    with pytest.raises(ServiceError, match="too many proteins"):
        string_db.connect(source, GENES, client.make_get(tmp_path, offline=False, sleep=lambda _: None))


def contract_options(folder: Path, address: str) -> StringDb:
    """What test_contract.py tests this kind with; `speak` answers."""
    return StringDb(address=address)
