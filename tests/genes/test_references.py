"""The reference bundle, from a local server that misbehaves."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ecgwas.commands.cli import main
from ecgwas.errors import EcgwasError, InputError, ServiceError
from ecgwas.genes import references
from ecgwas.genes.references import REFERENCES, Reference
from ecgwas.genes.sources import enrichment, regions
from ecgwas.genes.web import client, files
from ecgwas.study import Enrichment
from tests.genes.server import Asked, Reply, Server

GTF = 'chr1\tX\tgene\t1\t9\t.\t+\t.\tgene_id "E1"; gene_type "protein_coding"; gene_name "AAA";\n'
OBO = """format-version: 1.2

[Term]
id: GO:1
name: process
namespace: biological_process

[Term]
id: GO:2
name: heart process
namespace: biological_process
alt_id: GO:22
is_a: GO:1 ! process

[Term]
id: GO:3
name: pacing
namespace: molecular_function
relationship: part_of GO:2 ! heart process
relationship: regulates GO:9 ! other

[Term]
id: GO:4
name: gone
namespace: biological_process
is_obsolete: true

[Typedef]
id: part_of
name: part of
"""


def annotated(gene: str, term: str, relation: str = "involved_in", taxon: str = "taxon:9606") -> str:
    cells = [
        "UniProtKB",
        "P1",
        gene,
        relation,
        term,
        "PMID:1",
        "IDA",
        "",
        "P",
        "",
        "",
        "protein",
        taxon,
        "20260101",
        "X",
        "",
        "",
    ]
    return "\t".join(cells) + "\n"


GAF = "!gaf-version: 2.2\n" + "".join(
    [annotated("HCN4", "GO:3"), annotated("TTN", "GO:22"), annotated("ALB", "GO:1"),
     annotated("ACTB", "GO:2", "NOT|involved_in"), annotated("MOUSE", "GO:2", taxon="taxon:10090"), annotated("LOST", "GO:4")]
)  # fmt: skip
CATALOG = "DATE ADDED TO CATALOG\tPUBMEDID\n2020\t1\n"
EAGLE = "chr position COMBINED_rate(cM/Mb) Genetic_Map(cM)\n1 55550 0 0\n1 568322 0 0.1\n"
BODIES = {
    "gencode.v47lift37.annotation.gtf.gz": gzip.compress(("##description: evidence\n" + GTF).encode()),
    "gencode.v47.annotation.gtf.gz": gzip.compress(GTF.encode()),
    **{f"genetic_map_{build}_withX.txt.gz": gzip.compress(EAGLE.encode()) for build in ("hg19", "hg38")},
    "9606.protein.links.v12.0.txt.gz": gzip.compress(b"protein1 protein2 combined_score\n9606.P1 9606.P2 900\n"),
    "9606.protein.info.v12.0.txt.gz": gzip.compress(b"#string_protein_id\tpreferred_name\tprotein_size\tannotation\n"),
    "9606.protein.aliases.v12.0.txt.gz": gzip.compress(b"#string_protein_id\talias\tsource\n"),
    "9606.protein.enrichment.terms.v12.0.txt.gz": gzip.compress(b"#string_protein_id\tcategory\tterm\tdescription\n"),
    "phenotype_to_genes.txt": (
        b"hpo_id\thpo_name\tncbi_gene_id\tgene_symbol\tdisease_id\nHP:2\tLong QT\t1\tKCNQ1\tD1\nHP:2\tLong QT\t2\tKCNH2\tD1\n"
        b"HP:1\tAll\t1\tKCNQ1\tD1\nHP:2\tLong QT\t1\tKCNQ1\tD2\n"
    ),
    "go-basic.obo": OBO.encode(),
    **{f"{name}.obo": OBO.encode() for name in ("hp", "mondo", "bto", "efo")},
    "goa_human.gaf.gz": gzip.compress(GAF.encode()),
}


def zipped(text: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("gwas-catalog-associations_ontology-annotated.tsv", text)
    return content.getvalue()


def speak(asked: Asked) -> Reply:
    name = asked.path.rsplit("/", 1)[-1]
    body = zipped(CATALOG) if name.endswith(".zip") else BODIES[name]
    return Reply(body, headers={"Last-Modified": "Tue, 03 Nov 2026 10:00:00 GMT"})


@pytest.fixture
def local(server: Server) -> list[Reference]:
    """The references, at the local server."""
    server.speak = speak
    return [replace(reference, url=f"{server.address}/{reference.name}") for reference in REFERENCES]


def download(url: str, path: Path, verify: object) -> str | None:
    return client.download(url, path, verify, sleep=lambda _: None)


def test_everything_is_fetched_once_and_vouched_for(local: list[Reference], server: Server, tmp_path: Path) -> None:
    said = list(references.fetch(tmp_path, local, download=download))
    assert len(server.asked) == len(local)
    assert "9606.protein.links.v12.0.txt.gz: downloaded, STRING 12.0" in said
    assert "phenotype_to_genes.txt: downloaded, of 2026-11-03" in said
    record = json.loads((tmp_path / files.RECORD).read_text())["files"]
    assert record["gencode.v47.annotation.gtf.gz"]["version"] == "GENCODE 47"
    assert {"url", "version", "date", "bytes", "sha256", "licence"} <= set(record["go-basic.obo"])
    facts, mistakes = references.check(tmp_path, local)
    assert (len(facts), mistakes) == (len(local) + 4, [])
    again = list(references.fetch(tmp_path, local, download=download))
    assert len(server.asked) == len(local)
    assert all("already present" in line for line in again[: len(local)])
    list(references.fetch(tmp_path, local, download_existing=True, download=download))
    assert len(server.asked) == 2 * len(local)


def test_versions_reach_the_tables(local: list[Reference], tmp_path: Path) -> None:
    list(references.fetch(tmp_path, local, download=download))
    name = "gencode.v47lift37.annotation.gtf.gz"
    assert files.version_of(tmp_path / name) == f"{name} (GENCODE 47 on hg19)"
    assert files.version_of(tmp_path / "mine.txt") == "mine.txt"
    assert regions.read(tmp_path / name, protein_coding=True)["1"].symbols == ("AAA",)


def test_terms_hold_the_genes_of_all_their_kinds_and_parts(local: list[Reference], tmp_path: Path) -> None:
    list(references.fetch(tmp_path, local, download=download))
    read = {
        name: {
            term.identifier: (term.description, set(term.genes))
            for term in enrichment.read_terms(Enrichment(terms=tmp_path / name))
        }
        for name in ("go_process.gmt", "go_function.gmt", "hpo.gmt")
    }
    assert read["go_process.gmt"] == {
        "GO:1": ("process", {"ALB", "HCN4", "TTN"}), "GO:2": ("heart process", {"HCN4", "TTN"}),
    }  # fmt: skip
    assert read["go_function.gmt"] == {"GO:3": ("pacing", {"HCN4"})}
    assert read["hpo.gmt"] == {"HP:1": ("All", {"KCNQ1"}), "HP:2": ("Long QT", {"KCNQ1", "KCNH2"})}


LINKS = "9606.protein.links.v12.0.txt.gz"


@pytest.mark.parametrize(
    "bad",
    [
        Reply(b"<html>moved</html>"),
        Reply(BODIES[LINKS][:-9]),
        Reply(gzip.compress(b"something else\n")),
        Reply(BODIES[LINKS], headers={"Content-Length": "99999"}),
        Reply(status=503),
        Reply(cut=True),
    ],
    ids=["HTML", "gzip cut short", "another file", "answer cut", "unavailable", "connection cut"],
)
def test_a_bad_download_is_tried_again_and_never_stays(
    bad: Reply, local: list[Reference], server: Server, tmp_path: Path
) -> None:
    (links,) = [reference for reference in local if reference.name == LINKS]
    server.first = [bad]
    list(references.fetch(tmp_path / "once", [links], download=download))
    assert (tmp_path / "once" / LINKS).read_bytes() == BODIES[LINKS]
    server.first = [bad] * client.TRIES
    with pytest.raises(ServiceError):
        list(references.fetch(tmp_path / "never", [links], download=download))
    assert list((tmp_path / "never").iterdir()) == []


def test_missing_and_changed_files_are_named_and_downloaded_again(local: list[Reference], tmp_path: Path) -> None:
    list(references.fetch(tmp_path, local, download=download))
    (tmp_path / "go-basic.obo").unlink()
    (tmp_path / LINKS).write_bytes(b"changed")
    _, mistakes = references.check(tmp_path, local)
    assert sorted(str(mistake).splitlines()[0] for mistake in mistakes) == [
        f"{LINKS} has changed since it was downloaded", "go-basic.obo is missing",
    ]  # fmt: skip
    list(references.fetch(tmp_path, local, download=download))
    assert references.check(tmp_path, local)[1] == []


def test_the_command_checks_a_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["references", "check", str(tmp_path)])
    assert result.exit_code == InputError.exit_code
    result = CliRunner().invoke(main, ["references", "fetch", str(tmp_path), "--only", "nonsense"])
    assert result.exit_code == InputError.exit_code
    with pytest.raises(EcgwasError, match="no such folder"):
        references.check(tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("go-basic.obo", b"format-version: 1.2\n[Term]\nid: X:1\nnamespace: other\n", "not GO's"),
        ("goa_human.gaf.gz", gzip.compress(b"!gaf-version: 2.2\none\ttwo\n"), "line 2"),
        ("phenotype_to_genes.txt", b"hpo_id\thpo_name\nGENE\tx\ty\tz\n", "line 2"),
    ],
    ids=["go", "goa", "hpo"],
)
def test_files_of_another_kind_make_no_terms(
    name: str, content: bytes, words: str, local: list[Reference], tmp_path: Path
) -> None:
    list(references.fetch(tmp_path, local, download=download))
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        list(references._make_terms(tmp_path))
