"""The stage `genes` with every online source at a local server: once with a connection, then without one."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ecgwas import stages
from ecgwas.errors import Caution, ServiceError
from ecgwas.stages import genes as genes_stage
from ecgwas.study import Study
from tests.cohorts import contents, make_cohort
from tests.genes.conftest import no_socket
from tests.genes.server import Asked, Reply, Server, serving
from tests.genes.sources import test_gprofiler, test_gwas_catalog, test_haploreg, test_open_targets, test_string_db

SOURCES = """
offline: {offline}
genes:
  - {{kind: regions, file: genes.tsv}}
  - {{kind: gprofiler, address: "{address}/gp", sources: [GO:MF]}}
  - {{kind: haploreg, address: "{address}/haploreg"}}
  - {{kind: ensembl_vep, address_hg19: "{address}/ensembl"}}
  - {{kind: open_targets, address: "{address}/graphql"}}
  - {{kind: gwas_catalog, address: "{address}/v2"}}
  - {{kind: string_db, address: "{address}"}}
"""


def speak(asked: Asked) -> Reply | bytes:
    """All services at once, none of which knows the simulated variants; STRING knows the genes."""
    if asked.path == "/haploreg":
        return test_haploreg.speak(asked)
    if asked.path == "/gp/api/snpense/snpense":
        return b'{"result": [], "meta": {}}'
    if asked.path.startswith("/gp/"):
        return test_gprofiler.speak(asked)
    if asked.path.startswith("/ensembl/"):
        return b'{"releases": [113]}' if asked.method == "GET" else b"[]"
    if asked.path == "/graphql":
        body = json.loads(asked.body)
        return b'{"data": {"search": {"hits": []}}}' if "search" in body["query"] else test_open_targets.speak(asked)
    if asked.path.startswith("/v2/"):
        return test_gwas_catalog.speak(asked)
    return test_string_db.speak(asked)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study file whose loci are found; its variants have rs numbers."""
    path = make_cohort(tmp_path_factory.mktemp("online"), people=150, variants=120, permutations=0)
    text = path.read_text().replace("threshold: permutation", "threshold: 1.0e-3")
    path.write_text(text.split("\ngenes:")[0] + "\n")
    stages.run(Study.read_file(path), until="loci")
    return path


def study_at(path: Path, server: Server, *, offline: bool) -> Study:
    text = path.read_text().split("\noffline:")[0]
    path.write_text(text + SOURCES.format(address=server.address, offline=str(offline).lower()))
    return Study.read_file(path)


def test_check_warns_of_services_that_will_not_answer_and_files_of_lists_count(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    (tmp_path / "hp.obo").write_text("[Term]\nid: HP:0001626\nname: Abnormality of the cardiovascular system\n")
    head = "name: s\npreset: published\noffline: true\nread: {recordings: ecg}\ntraits: {covariates: c.tsv}\n"
    path.write_text(head + "scan: {genotypes: g}\n")
    facts = genes_stage.STAGE.check(Study.read_file(path))
    warnings = [str(fact) for fact in facts if isinstance(fact, Caution)]
    assert [warning.split()[0] for warning in warnings] == ["haploreg", "gprofiler", "string_db"]
    assert all("the study is offline" in warning and "will be skipped" in warning for warning in warnings)
    path.write_text(head + "scan: {genotypes: g}\ngenes: [{kind: haploreg}, {kind: ontologies, files: [hp.obo]}]\n")
    study = Study.read_file(path)
    assert list(genes_stage.STAGE.files(study, "all")) == [tmp_path / "hp.obo"]
    assert "1 terms of the ontology hp.obo" in genes_stage.STAGE.check(study)


@pytest.mark.slow
def test_a_second_run_and_an_offline_run_open_no_socket(cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with serving() as server:
        server.speak = speak
        with pytest.raises(ServiceError, match="offline"):
            stages.run_part(study_at(cohort, server, offline=True), "genes", "all")
        study = study_at(cohort, server, offline=False)
        stages.run_part(study, "genes", "all")
        asked = len(server.asked)
        assert asked > 0
        first = contents(study)
        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", no_socket)
            patch.setattr(socket, "create_connection", no_socket)
            stages.run_part(study, "genes", "all", force=True)
            offline = study_at(cohort, server, offline=True)
            assert stages.is_fresh(offline, "genes", "all")
            stages.run_part(offline, "genes", "all", force=True)
        assert (len(server.asked), contents(offline)) == (asked, first)
    check_tables(study.results / "genes")


def check_tables(folder: Path) -> None:
    def read(name: str) -> pl.DataFrame:
        return pl.read_csv(folder / f"{name}.csv", infer_schema_length=None)

    sources = set(read("genes")["source"])
    assert sources == {"regions", "gprofiler", "haploreg", "ensembl_vep", "open_targets"}
    versions = set(read("genes")["source_version"])
    assert {"genes.tsv", "Open Targets 25.09", "Ensembl 113 GRCh37"} <= versions
    assert read("network_tests")["source_version"].to_list() == ["STRING 12.0"]
    unplaced: dict[str, Any] = dict(read("unplaced").group_by("source").len().iter_rows())
    assert {"haploreg", "gprofiler", "ensembl_vep", "open_targets", "string_db"} <= set(unplaced)
    assert set(read("enrichment")["category"]) >= {"HPO", "GO:MF"}
    notes = json.loads((folder / "notes.json").read_text())
    assert any("HaploReg v4 (1000 Genomes phase 1, GENCODE 13)" in note for note in notes)
