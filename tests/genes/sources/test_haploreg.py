"""HaploReg against a local server that speaks its contract, with a real answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecgwas.genes.sources import haploreg
from ecgwas.genes.web import client
from ecgwas.genes.web.contract import Answer, Get, NotUnderstood, Question
from ecgwas.study import Haploreg
from ecgwas.tables import Loci
from tests.genes.conftest import Weather
from tests.genes.hits import make_loci, make_variants, variants_of
from tests.genes.server import Asked, Reply, Server

COLUMNS = """
chr pos_hg38 r2 D' is_query_snp rsID ref alt AFR AMR ASN EUR GERP_cons SiPhy_cons Chromatin_States Chromatin_States_Imputed
Chromatin_Marks DNAse Proteins eQTL gwas grasp Motifs GENCODE_id GENCODE_name GENCODE_direction GENCODE_distance RefSeq_id
RefSeq_name RefSeq_direction RefSeq_distance dbSNP_functional_annotation query_snp_rsid
"""
HEADER = COLUMNS.split()


def row(rs: str, gene: str, distance: int, *, of: str = "", r2: str = "1", annotation: str = "INT") -> str:
    cells = dict.fromkeys(HEADER, ".") | {
        "r2": r2, "is_query_snp": "0" if of else "1", "rsID": rs, "GENCODE_name": gene, "GENCODE_distance": str(distance),
        "dbSNP_functional_annotation": annotation, "query_snp_rsid": of or rs,
    }  # fmt: skip
    return "\t".join(cells[name] for name in HEADER)


ROWS = {
    "rs12143842": [row("rs12143842", "NOS1AP", 5621, annotation=".")],
    "rs6801957": [row("rs9", "SCN5A", 0, of="rs6801957", r2="0.93"), row("rs6801957", "SCN10A", 0)],
}


def speak(asked: Asked) -> bytes:
    parts = dict(re.findall(rb'name="(\w+)"\r\n\r\n(.*?)\r\n', asked.body))
    assert asked.headers["Content-Type"].startswith("multipart/form-data")
    assert (parts[b"gwas_idx"], parts[b"output"], parts[b"ldPop"]) == (b"0", b"text", b"EUR")
    rs_numbers = parts[b"query"].decode().split(",")
    linked = parts[b"ldThresh"] != b"1.1"
    lines = [line for rs in rs_numbers for line in ROWS.get(rs, []) if linked or line.split("\t")[4] == "1"]
    return "\n".join(["\t".join(HEADER), *lines, ""]).encode()


def use(source: Haploreg, get: Get) -> list[tuple[object, ...]]:
    genes = haploreg.annotate(source, make_variants(), make_loci(), get).frame
    return genes.select("variant", "gene", "distance_bp", "relation", "evidence").rows()


OWN = [
    ("rs12143842", "NOS1AP", 5621, "nearest", None),
    ("rs6801957", "SCN10A", 0, "overlap", "dbSNP INT"),
    ("rs2074238:C:T", None, None, "none", "not known to the service"),
    ("3:38600000_A_G", None, None, "none", "the service knows variants by rs number; this one has none"),
]


def test_genes_of_the_variants_in_any_weather(server: Server, survives: Weather) -> None:
    server.speak = speak
    source = Haploreg(address=f"{server.address}/haploreg.php", batch=2)
    assert survives(lambda get: use(source, get)) == OWN


def test_genes_of_variants_in_linkage(server: Server, tmp_path: Path) -> None:
    server.speak = speak
    source = Haploreg(address=server.address, min_r2=0.8)
    waits: list[float] = []
    found = use(source, client.make_get(tmp_path, offline=False, sleep=waits.append))
    assert [line for line in found if line not in OWN] == [("rs6801957", "SCN5A", None, "linked", "r2 0.93 with rs9")]
    assert len(found) == len(OWN) + 1


def test_two_seconds_between_questions(server: Server, tmp_path: Path) -> None:
    server.speak = speak
    waits: list[float] = []
    source = Haploreg(address=server.address, batch=1)
    use(source, client.make_get(tmp_path, offline=False, sleep=waits.append, clock=lambda: 5.0))
    assert waits == [0.0, 2.0, 2.0]
    server.first = [Reply(status=500)] * 2
    use(source, client.make_get(tmp_path / "again", offline=False, sleep=waits.append, clock=lambda: 5.0))
    assert min(wait for wait in waits if wait) == 2.0


@pytest.mark.real
def test_a_real_answer_is_read(shared: Path) -> None:
    content = (shared / "data" / "networks" / "haploreg_answer.txt").read_bytes()
    rows = [line.split("\t") for line in content.decode().splitlines()[1:]]
    names = sorted({line[5] for line in rows})
    variants = variants_of([(name, "X", pos, "A", "G") for pos, name in enumerate(names)], "hg19")

    def get(question: Question, understand: Callable[[bytes], Any]) -> Answer[Any]:
        assert question.parts is not None
        assert question.parts["query"] == ",".join(names)
        return Answer(understand(content), "2026-11-25")

    genes = haploreg.annotate(Haploreg(), variants, Loci.empty(), get).frame
    assert dict(genes.select("variant", "gene").iter_rows()) == {line[5]: line[24] for line in rows}
    assert dict(genes.select("variant", "distance_bp").iter_rows()) == {line[5]: int(line[26]) for line in rows}
    with pytest.raises(NotUnderstood, match="cut short"):
        haploreg._table(content[:-40])


def contract_options(folder: Path, address: str) -> Haploreg:
    """What test_contract.py tests this kind with; `speak` answers."""
    return Haploreg(address=address)
