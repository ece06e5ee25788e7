"""Ensembl VEP against a local server that speaks its contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecgwas.errors import InputError, StudyError
from ecgwas.genes.sources import ensembl_vep
from ecgwas.genes.web import client
from ecgwas.genes.web.contract import Get, Variants
from ecgwas.study import EnsemblVep
from tests.genes.conftest import Weather
from tests.genes.hits import PLACES, make_loci, make_variants
from tests.genes.server import Asked, Server


def transcript(gene: str, consequence: str, impact: str, **more: Any) -> dict[str, Any]:
    return {
        "gene_id": f"ENSG_{gene}", "gene_symbol": gene, "biotype": "protein_coding", "consequence_terms": [consequence],
        "impact": impact,
    } | more  # fmt: skip


EFFECTS = {
    "rs12143842": [{"seq_region_name": "1", "start": 162033890, "most_severe_consequence": "intergenic_variant"}],
    "rs6801957": [
        {"seq_region_name": "CHR_HSCHR3_1", "start": 5, "transcript_consequences": [transcript("PATCH", "x", "HIGH")]},
        {
            "seq_region_name": "3", "start": 38767315,
            "transcript_consequences": [
                transcript("SCN10A", "intron_variant", "MODIFIER"),
                transcript("SCN10A", "missense_variant", "MODERATE"),
                transcript("SCN5A", "downstream_gene_variant", "MODIFIER", distance=3200),
                transcript("RNA7", "intron_variant", "MODIFIER", biotype="lncRNA"),
            ],
        },
    ],
}  # fmt: skip

BY_PLACE = {
    "3 38600000 . G A . . .": [
        {"seq_region_name": "3", "start": 38600000, "transcript_consequences": [
            transcript("SCN5A", "synonymous_variant", "LOW")]},
    ],
    "3 38600000 . A G . . .": [
        {"seq_region_name": "3", "start": 38600000, "transcript_consequences": [
            transcript("SCN5A", "missense_variant", "MODERATE")]},
    ],
}  # fmt: skip
"""A variant without an rs number is asked for by place, with the alleles in both orders."""


def speak(asked: Asked) -> bytes:
    if asked.path == "/info/data":
        assert asked.params == {"content-type": "application/json"}
        return b'{"releases": [113]}'
    if asked.path == "/vep/human/region":
        lines = json.loads(asked.body)["variants"]
        return json.dumps([{"input": line} | effect for line in lines for effect in BY_PLACE.get(line, [])]).encode()
    assert (asked.method, asked.path) == ("POST", "/vep/human/id")
    ids = json.loads(asked.body)["ids"]
    return json.dumps([{"input": rs, "id": rs} | effect for rs in ids for effect in EFFECTS.get(rs, [])]).encode()


def options(server: Server, **more: Any) -> EnsemblVep:
    server.speak = speak
    return EnsemblVep(address="http://127.0.0.1:9", address_hg19=server.address, **more)


def test_genes_and_consequences_in_any_weather(server: Server, survives: Weather) -> None:
    source = options(server, batch=2)

    def use(get: Get) -> list[tuple[object, ...]]:
        genes = ensembl_vep.annotate(source, make_variants(), make_loci(), get).frame
        assert set(genes["source_version"]) == {"Ensembl 113 GRCh37"}
        return genes.select("variant", "gene", "distance_bp", "relation", "evidence").rows()

    assert survives(use) == [
        ("rs12143842", None, None, "none", "no gene there"),
        ("rs6801957", "SCN10A", 0, "overlap", "missense_variant (MODERATE)"),
        ("rs6801957", "SCN5A", 3200, "nearest", "downstream_gene_variant (MODIFIER)"),
        ("rs2074238:C:T", None, None, "none", "not known to the service"),
        ("3:38600000_A_G", "SCN5A", 0, "overlap", "missense_variant (MODERATE)"),
    ]


def test_other_types_of_genes_on_demand(server: Server, tmp_path: Path) -> None:
    source = options(server, protein_coding=False)
    get = client.make_get(tmp_path, offline=False, sleep=lambda _: None)
    genes = ensembl_vep.annotate(source, make_variants(["rs6801957"]), make_loci(), get).frame["gene"].to_list()
    assert genes == ["RNA7", "SCN10A", "SCN5A"]


def test_positions_of_another_build_are_refused(server: Server, tmp_path: Path) -> None:
    source = options(server)
    names = list(PLACES)[:3]
    elsewhere = [
        {"input": name.split(":")[0], "seq_region_name": PLACES[name][0], "start": PLACES[name][1] + 42_000} for name in names
    ]
    server.speak = lambda asked: speak(asked) if asked.path == "/info/data" else json.dumps(elsewhere).encode()
    get = client.make_get(tmp_path, offline=False, sleep=lambda _: None)
    with pytest.raises(InputError, match="3 of 3 variants elsewhere in hg19"):
        ensembl_vep.annotate(source, make_variants(names), make_loci(), get)


def test_without_a_build_no_server_is_asked(server: Server, tmp_path: Path) -> None:
    get = client.make_get(tmp_path, offline=True)
    with pytest.raises(StudyError, match="build"):
        ensembl_vep.annotate(options(server), Variants(make_variants().frame), make_loci(), get)


def contract_options(folder: Path, address: str) -> EnsemblVep:
    """What test_contract.py tests this kind with; `speak` answers."""
    return EnsemblVep(address=address, address_hg19=address)
