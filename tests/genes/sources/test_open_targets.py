"""Open Targets against a local server that speaks GraphQL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecgwas.errors import ServiceError
from ecgwas.genes.sources import open_targets
from ecgwas.genes.web import client
from ecgwas.genes.web.contract import Get
from ecgwas.study import OpenTargets
from tests.genes.conftest import Weather
from tests.genes.hits import make_loci, make_variants
from tests.genes.server import Asked, Server

SCN10A = "3_38725824_T_C"


def gene(symbol: str) -> dict[str, str]:
    return {"approvedSymbol": symbol}


VARIANTS = {
    SCN10A: {
        "id": SCN10A, "rsIds": ["rs6801957"], "mostSevereConsequence": {"label": "intron_variant"},
        "transcriptConsequences": [
            {"distanceFromFootprint": 0, "target": gene("SCN10A")},
            {"distanceFromFootprint": -51000, "target": gene("SCN5A")},
            {"distanceFromFootprint": 900, "target": None},
        ],
        "credibleSets": {"rows": [
            {"study": {"id": "GCST1", "traitFromSource": "PR interval"}, "l2GPredictions": {"rows": [
                {"score": 0.81, "target": gene("SCN5A")}, {"score": 0.62, "target": gene("SCN10A")},
                {"score": 0.1, "target": gene("EXOG")}]}},
            {"study": {"id": "GCST2", "traitFromSource": "QRS"}, "l2GPredictions": {"rows": [
                {"score": 0.7, "target": gene("SCN5A")}]}},
            {"study": None, "l2GPredictions": None},
        ]},
    },
    "1_162064100_C_T": {
        "id": "1_162064100_C_T", "rsIds": ["rs12143842"], "mostSevereConsequence": None, "credibleSets": None,
        "transcriptConsequences": [{"distanceFromFootprint": 5621, "target": gene("NOS1AP")},
                                   {"distanceFromFootprint": 90000, "target": gene("OLFML2B")}],
    },
    "1_162064100_C_G": {"id": "1_162064100_C_G", "rsIds": ["rs7"], "transcriptConsequences": []},
}  # fmt: skip
HITS = {
    "rs6801957": [
        {"id": SCN10A, "entity": "variant"},
        {"id": "X_1_A_T", "entity": "variant"},
        {"id": "EFO_1", "entity": "disease"},
    ],
    "rs12143842": [{"id": "1_162064100_C_T", "entity": "variant"}, {"id": "1_162064100_C_G", "entity": "variant"}],
    "rs2074238": [],
}


def speak(asked: Asked) -> bytes:
    body = json.loads(asked.body)
    if body["query"].startswith("query meta"):
        meta: Any = {"apiVersion": {"x": "25", "y": "1", "z": "0"}, "dataVersion": {"year": "25", "month": "09"}}
        return json.dumps({"data": {"meta": meta}}).encode()
    if body["query"].startswith("query search"):
        return json.dumps({"data": {"search": {"hits": HITS[body["variables"]["text"]]}}}).encode()
    return json.dumps({"data": {"variant": VARIANTS.get(body["variables"]["id"])}}).encode()


def test_genes_at_and_linked_to_the_variants_in_any_weather(server: Server, survives: Weather) -> None:
    server.speak = speak
    source = OpenTargets(address=f"{server.address}/graphql")

    def use(get: Get) -> list[tuple[object, ...]]:
        genes = open_targets.annotate(source, make_variants(), make_loci(), get).frame
        assert set(genes["source_version"]) == {"Open Targets 25.09"}
        return genes.select("variant", "gene", "distance_bp", "rank", "relation", "evidence").rows()

    assert survives(use) == [
        ("rs12143842", "NOS1AP", 5621, 1, "nearest", None),
        ("rs6801957", "SCN10A", 0, 1, "overlap", "L2G 0.62, PR interval"),
        ("rs6801957", "SCN5A", None, 2, "linked", "L2G 0.81, PR interval"),
        ("rs2074238:C:T", None, None, None, "none", "not known to the service"),
        ("3:38600000_A_G", None, None, None, "none", "the service knows variants by rs number; this one has none"),
    ]


def test_errors_with_status_200_are_errors_and_are_not_kept(server: Server, tmp_path: Path) -> None:
    server.speak = lambda _: b'{"errors": [{"message": "Cannot query field l2G"}], "data": null}'
    get = client.make_get(tmp_path / "cache", offline=False, sleep=lambda _: None)
    with pytest.raises(ServiceError, match="Cannot query field l2G"):
        open_targets.annotate(OpenTargets(address=server.address), make_variants(), make_loci(), get)
    assert not (tmp_path / "cache").exists()


def contract_options(folder: Path, address: str) -> OpenTargets:
    """What test_contract.py tests this kind with; `speak` answers."""
    return OpenTargets(address=f"{address}/graphql")
