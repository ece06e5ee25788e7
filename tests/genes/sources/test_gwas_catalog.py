"""The GWAS Catalog: its REST service spoken by a local server, and its bulk file."""

from __future__ import annotations

import gzip
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ecgwas.errors import InputError
from ecgwas.genes.sources import gwas_catalog
from ecgwas.genes.web import client
from ecgwas.genes.web.contract import Get
from ecgwas.study import GwasCatalog
from tests.genes.conftest import Weather
from tests.genes.hits import make_loci, make_variants, variants_of
from tests.genes.server import Asked, Server


def association(trait: str, exponent: int, **more: Any) -> dict[str, Any]:
    return {
        "reported_trait": [trait], "efo_traits": [{"efo_id": "EFO_1", "efo_trait": f"{trait} measurement"}],
        "pvalue_mantissa": 2, "pvalue_exponent": exponent, "p_value": 0.0, "beta": "1.4 unit increase",
        "mapped_genes": ["SCN10A", "SCN5A"], "pubmed_id": 123, "accession_id": "GCST001",
        "snp_effect_allele": ["rs6801957-T"],
    } | more  # fmt: skip


PAGES = {
    "rs6801957": [
        [association("PR interval", -400)],
        [association("Height", -9, beta=None, or_value="1.2", accession_id=None)],
    ],
    "rs12143842": [[association("QT interval", -30, pvalue_mantissa=None)]],
}


def speak(asked: Asked) -> bytes:
    assert (asked.method, asked.path) == ("GET", "/v2/associations")
    assert "sort" not in asked.params
    pages = PAGES.get(asked.params["rs_id"], [])
    number = int(asked.params["page"])
    page = {"size": 200, "totalElements": len(pages), "totalPages": len(pages), "number": number}
    if number >= len(pages):
        return json.dumps({"_links": {}, "page": page}).encode()
    return json.dumps({"_embedded": {"associations": pages[number]}, "page": page}).encode()


def test_the_service_in_any_weather(server: Server, survives: Weather) -> None:
    server.speak = speak
    source = GwasCatalog(address=f"{server.address}/v2")

    def use(get: Get) -> list[dict[str, Any]]:
        return gwas_catalog.look_up(source, make_variants(), make_loci(), get).published.frame.to_dicts()

    long_qt, pr, height = survives(use)
    assert (long_qt["variant"], long_qt["neglog10p"], long_qt["cardiovascular"]) == ("rs12143842", None, True)
    assert (pr["variant"], pr["locus"], pr["trait"], pr["study"]) == ("rs6801957", 1, "PR interval", "GCST001")
    assert pr["neglog10p"] == pytest.approx(400 - math.log10(2))
    assert (pr["genes"], pr["pubmed_id"], pr["risk_allele"]) == ("SCN10A;SCN5A", "123", "rs6801957-T")
    assert (height["effect"], height["cardiovascular"]) == ("1.2", False)
    assert height["source_version"].startswith("GWAS Catalog REST v2, 20")


HEADER = (
    "DATE ADDED TO CATALOG\tPUBMEDID\tDISEASE/TRAIT\tCHR_ID\tCHR_POS\tMAPPED_GENE\tSTRONGEST SNP-RISK ALLELE\tSNPS\t"
    "PVALUE_MLOG\tOR or BETA\t95% CI (TEXT)\tMAPPED_TRAIT\tSTUDY ACCESSION"
)
LINES = [
    "2020\t1\tPR interval\t3\t38725824\tSCN10A - SCN5A\trs6801957-T\trs6801957\t120.5\t1.4\t[1-2] ms increase\tPR\tGCST1",
    "2021\t2\tQT, two\t3;1\t1;2\tA; B, C\trs1-A; rs12143842-C\trs1; rs12143842\tNR\t\t\t\tGCST2",
    "2022\t3\tHeight\t9\t5\tD\trs99-?\trs99\t8.1\t\t\theight\tGCST3",
]


@pytest.mark.parametrize("packing", ["plain", "gz", "zip", "windows"])
def test_the_bulk_file(packing: str, tmp_path: Path) -> None:
    text = "\n".join([HEADER, *LINES, ""])
    path = tmp_path / {"gz": "catalog.tsv.gz", "zip": "catalog-full.zip"}.get(packing, "catalog.tsv")
    if packing == "gz":
        path.write_bytes(gzip.compress(text.encode()))
    elif packing == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("catalog.tsv", text)
    else:
        path.write_bytes(text.replace("\n", "\r\n" if packing == "windows" else "\n").encode())
    gwas_catalog.check(GwasCatalog(file=path))
    get = client.make_get(tmp_path / "cache", offline=True)
    found = gwas_catalog.look_up(GwasCatalog(file=path), make_variants(), make_loci(), get).published.frame
    assert found.select("variant", "rs_id", "trait", "neglog10p", "genes", "effect", "source_version").rows() == [
        ("rs12143842", "rs1;rs12143842", "QT, two", None, "A;B;C", None, path.name),
        ("rs6801957", "rs6801957", "PR interval", 120.5, "SCN10A;SCN5A", "1.4 [1-2] ms increase", path.name),
    ]


def test_in_hg38_variants_without_an_rs_number_meet_by_position(tmp_path: Path) -> None:
    path = tmp_path / "catalog.tsv"
    path.write_text("\n".join([HEADER, *LINES]))
    rows = [("9:5_A_G", "9", 5, "A", "G")]
    get = client.make_get(tmp_path / "cache", offline=True)
    look = {
        build: gwas_catalog.look_up(GwasCatalog(file=path), variants_of(rows, build), make_loci(), get).published
        for build in ("hg19", "hg38")
    }
    assert {build: found.frame["trait"].to_list() for build, found in look.items()} == {"hg19": [], "hg38": ["Height"]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "lacks column"),
        ("a\tb\n", "lacks column"),
        ("\n".join([HEADER, LINES[0][:40]]), "line 2"),
    ],
)
def test_a_file_of_something_else_is_refused(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "catalog.tsv"
    path.write_text(content)
    with pytest.raises(InputError, match=words):
        gwas_catalog.look_up(
            GwasCatalog(file=path), make_variants(), make_loci(), client.make_get(tmp_path / "cache", offline=True)
        )


@pytest.mark.parametrize("names", [[], ["a.tsv", "b.tsv"]])
def test_a_zip_of_none_or_several_files_is_refused(names: list[str], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "catalog.zip", "w") as archive:
        for name in names:
            archive.writestr(name, HEADER)
    with pytest.raises(InputError, match=f"holds {len(names)} files"):
        gwas_catalog.check(GwasCatalog(file=tmp_path / "catalog.zip"))


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalog.zip"
    path.write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(InputError, match="zip"):
        gwas_catalog.check(GwasCatalog(file=path))


def contract_options(folder: Path, address: str) -> GwasCatalog:
    """What test_contract.py tests this kind with; `speak` answers."""
    return GwasCatalog(address=f"{address}/v2")
