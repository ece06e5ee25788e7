"""g:Profiler against a local server that speaks its contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scipy import stats

from ecgwas.errors import ServiceError
from ecgwas.genes.sources import gprofiler
from ecgwas.genes.web import client
from ecgwas.genes.web.contract import Get
from ecgwas.study import Gprofiler
from tests.genes.conftest import Weather
from tests.genes.hits import make_loci, make_variants
from tests.genes.server import Asked, Reply, Server

SNPS = {
    "rs12143842": {"chromosome": "", "start": -1, "end": -1, "ensgs": [], "gene_names": [], "variants": {}},
    "rs6801957": {
        "chromosome": "3", "strand": "+", "start": 38725824, "end": 38725824, "ensgs": ["ENSG00000185313"],
        "gene_names": ["SCN10A"], "variants": {"intron_variant": 4, "missense_variant": 0, "NMD_transcript_variant": 1},
    },
    "rs2074238": {
        "chromosome": "11", "start": "2463573", "end": "2463573", "ensgs": ["E1", "E2"], "gene_names": ["KCNQ1", "KCNQ1OT1"],
        "variants": {"intron_variant": 2},
    },
}  # fmt: skip
TERMS = [
    {
        "source": "HP", "native": "HP:0001657", "name": "Prolonged QT interval", "p_value": 2e-4, "significant": True,
        "term_size": 40, "query_size": 3, "intersection_size": 2, "effective_domain_size": 4000,
        "intersections": [["HPO"], [], ["HPO"]],
    },
    {
        "source": "GO:MF", "native": "GO:0005488", "name": "binding", "p_value": 1.0, "significant": False,
        "term_size": 3000, "query_size": 3, "intersection_size": 3, "effective_domain_size": 4000,
        "intersections": [["IEA"], ["IEA"], ["IEA"]],
    },
    {
        "source": "HP", "native": "HP:1", "name": "nothing", "p_value": 1.0, "significant": False, "term_size": 3,
        "query_size": 3, "intersection_size": 0, "effective_domain_size": 4000, "intersections": [[], [], []],
    },
]  # fmt: skip
META = {
    "genes_metadata": {
        "failed": ["LOST1"],
        "query": {"query_1": {"ensgs": ["E1", "E2", "E3"], "mapping": {"KCNQ1": ["E1"], "TTN": ["E2"], "SCN5A": ["E3"]}}},
    }
}


def speak(asked: Asked) -> bytes | Reply:
    body = json.loads(asked.body)
    if asked.path == "/gp/api/snpense/snpense":
        assert body["output"] == "json"
        return json.dumps({"result": [{"rs_id": rs} | SNPS[rs] for rs in body["query"]], "meta": {}}).encode()
    if asked.path == "/gp/api/gost/profile/":
        assert (body["organism"], body["significance_threshold_method"], body["all_results"]) == ("hsapiens", "fdr", True)
        return json.dumps({"result": TERMS, "meta": META}).encode()
    assert asked.path == "/gp/api/util/data_versions"
    return json.dumps({"gprofiler_version": "e113_eg59_p19_6be52918", "organism": body["organism"]}).encode()


def options(server: Server, **more: object) -> Gprofiler:
    server.speak = speak
    return Gprofiler.model_validate({"address": f"{server.address}/gp"} | more)


def test_snps_in_any_weather(server: Server, survives: Weather) -> None:
    source = options(server, batch=2)

    def use(get: Get) -> list[tuple[object, ...]]:
        genes = gprofiler.annotate(source, make_variants(), make_loci(), get).frame
        assert set(genes["source_version"]) == {"g:Profiler e113_eg59_p19_6be52918"}
        return genes.select("variant", "locus", "gene", "distance_bp", "rank", "relation", "evidence").rows()

    assert survives(use) == [
        ("rs12143842", None, None, None, None, "none", gprofiler.NOT_IN_A_GENE),
        ("rs6801957", 1, "SCN10A", 0, 1, "overlap", "NMD_transcript_variant, intron_variant"),
        ("rs2074238:C:T", None, "KCNQ1", 0, 1, "overlap", "intron_variant"),
        ("rs2074238:C:T", None, "KCNQ1OT1", 0, 2, "overlap", "intron_variant"),
        ("3:38600000_A_G", 1, None, None, None, "none", "the service knows variants by rs number; this one has none"),
    ]


def test_terms_in_any_weather(server: Server, survives: Weather) -> None:
    source = options(server)

    def use(get: Get) -> object:
        found = gprofiler.enrich(source, ["KCNQ1", "LOST1", "SCN5A", "TTN"], get)
        assert any("LOST1" in note for note in found.notes)
        return found.terms.frame.to_dicts()

    binding, long_qt = survives(use)
    assert (binding["term"], binding["kept"], binding["genes"]) == ("GO:0005488", False, "KCNQ1;SCN5A;TTN")
    assert (long_qt["term"], long_qt["observed"], long_qt["genes"]) == ("HP:0001657", 2, "KCNQ1;SCN5A")
    assert long_qt["expected"] == pytest.approx(3 * 40 / 4000)
    assert long_qt["strength"] == pytest.approx(1.82390874)
    assert long_qt["p"] == pytest.approx(stats.hypergeom.sf(1, 4000, 40, 3))
    assert (long_qt["fdr"], long_qt["kept"], long_qt["cardiovascular"]) == (2e-4, True, True)


def test_nothing_asked_for_nothing(server: Server) -> None:
    source = options(server)

    def nobody(*_: object) -> object:
        raise AssertionError("the service was asked")

    assert len(gprofiler.enrich(source, [], nobody).terms) == 0
    assert len(gprofiler.enrich(source.model_copy(update={"sources": ()}), ["A"], nobody).terms) == 0


def test_an_empty_result_is_a_result(server: Server, survives: Weather) -> None:
    source = options(server)
    server.speak = lambda asked: b'{"result": [], "meta": {}}' if "snpense" in asked.path else speak(asked)
    genes = survives(lambda get: gprofiler.annotate(source, make_variants(["rs6801957"]), make_loci(), get).frame.rows())
    assert len(genes) == 1


@pytest.mark.parametrize(
    "answer", [{"result": [{"rs_id": "rs1"}]}, {"result": {}}, ["x"], {"result": [{"rs_id": 1, "start": "x"}]}]
)
def test_an_answer_of_another_contract_is_refused(server: Server, answer: object, tmp_path: Path) -> None:
    source = options(server)
    server.speak = lambda _: json.dumps(answer).encode()
    with pytest.raises(ServiceError):
        gprofiler.annotate(
            source, make_variants(), make_loci(), client.make_get(tmp_path / "c", offline=False, sleep=lambda _: None)
        )
    assert not (tmp_path / "c").exists()


def contract_options(folder: Path, address: str) -> Gprofiler:
    """What test_contract.py tests this kind with; `speak` answers."""
    return Gprofiler(address=f"{address}/gp")
