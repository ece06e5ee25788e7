"""One rs number at several places of a study: services that know variants by it, and by nothing else, must not mix them up."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ecgwas.genes.sources import ensembl_vep, gprofiler, gwas_catalog, haploreg, open_targets
from ecgwas.genes.web.contract import Answer, Question, Variants
from ecgwas.study import EnsemblVep, Gprofiler, GwasCatalog, Haploreg, OpenTargets
from ecgwas.tables import Loci
from tests.genes.hits import variants_of
from tests.genes.sources.test_haploreg import HEADER, row

TWO_CHROMOSOMES = [("rs6", "6", 36_656_109, "A", "G"), ("rs6", "3", 38_639_416, "A", "G"), ("rs6", "3", 38_639_416, "T", "G")]
"""A name that was given twice; it belongs to the variants of chromosome 3, two alleles of one position."""

ONE_CHROMOSOME = [("rs6", "3", 38_639_416, "A", "G"), ("rs6", "3", 10_000_000, "A", "G")]
UNNAMED = [(".", "3", 38_639_416, "A", "G"), (".", "6", 36_656_109, "C", "CT"), (".", "9", 5, "<DEL>", "A")]


def told(answer: Callable[[Question], bytes]) -> Callable[..., Any]:
    """`get` over a function."""

    def get(question: Question, understand: Callable[[bytes], Any]) -> Answer[Any]:
        return Answer(understand(answer(question)), "2026-11-25")

    return get


def of_haploreg(variants: Variants) -> list[tuple[Any, ...]]:
    cells = dict(zip(HEADER, row("rs6", "SCN5A", 0).split("\t"), strict=True)) | {"chr": "3", "pos_hg38": "38639416"}
    lines = ["\t".join(HEADER), "\t".join(cells[name] for name in HEADER), ""]
    return _found(haploreg, Haploreg(), variants, lambda _: "\n".join(lines).encode())


def of_gprofiler(variants: Variants) -> list[tuple[Any, ...]]:
    snp = {"rs_id": "rs6", "chromosome": "3", "start": 38_639_416, "gene_names": ["SCN5A"], "variants": {}}

    def answer(question: Question) -> bytes:
        return json.dumps({"result": [snp]} if "snpense" in question.url else {"gprofiler_version": "e1"}).encode()

    return _found(gprofiler, Gprofiler(), variants, answer)


def of_vep(variants: Variants) -> list[tuple[Any, ...]]:
    gene = {"gene_symbol": "SCN5A", "biotype": "protein_coding", "consequence_terms": ["intron_variant"], "impact": "LOW"}

    def answer(question: Question) -> bytes:
        if "info" in question.url:
            return b'{"releases": [113]}'
        asked = question.json.get("ids") or [line for line in question.json["variants"] if line == "3 38639416 . G A . . ."]
        about = {"seq_region_name": "3", "start": 38_639_416, "transcript_consequences": [gene]}
        return json.dumps([{"input": one} | about for one in asked]).encode()

    return _found(ensembl_vep, EnsemblVep(), variants, answer)


def of_open_targets(variants: Variants) -> list[tuple[Any, ...]]:
    identifier = "3_38639416_G_A"
    known = {"id": identifier, "rsIds": ["rs6"], "transcriptConsequences": [
        {"distanceFromFootprint": 0, "target": {"approvedSymbol": "SCN5A"}}]}  # fmt: skip

    def answer(question: Question) -> bytes:
        query, named = question.json["query"], question.json["variables"]
        if query.startswith("query meta"):
            return json.dumps({"data": {"meta": {"dataVersion": {"year": "25", "month": "09"}}}}).encode()
        if query.startswith("query search"):
            return json.dumps({"data": {"search": {"hits": [{"id": identifier, "entity": "variant"}]}}}).encode()
        return json.dumps({"data": {"variant": known if named["id"] == identifier else None}}).encode()

    return _found(open_targets, OpenTargets(), variants, answer)


def _found(module: Any, options: Any, variants: Variants, answer: Callable[[Question], bytes]) -> list[tuple[Any, ...]]:
    frame = module.annotate(options, variants, Loci.empty(), told(answer)).frame
    return [tuple(one) for one in frame.select("chrom", "pos", "effect_allele", "gene").iter_rows()]


SERVICES = {"haploreg": of_haploreg, "gprofiler": of_gprofiler, "ensembl_vep": of_vep, "open_targets": of_open_targets}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("build", ["hg19", "hg38"])
def test_an_answer_is_of_the_chromosome_that_the_service_names(service: str, build: Any) -> None:
    assert SERVICES[service](variants_of(TWO_CHROMOSOMES, build)) == [
        ("6", 36_656_109, "A", None), ("3", 38_639_416, "A", "SCN5A"), ("3", 38_639_416, "T", "SCN5A"),
    ]  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_of_two_positions_of_a_chromosome_the_one_that_the_service_names(service: str) -> None:
    assert SERVICES[service](variants_of(ONE_CHROMOSOME, "hg38")) == [
        ("3", 38_639_416, "A", "SCN5A"), ("3", 10_000_000, "A", None),
    ]  # fmt: skip


@pytest.mark.parametrize("service", ["haploreg", "gprofiler", "open_targets"])
def test_neither_where_the_services_positions_are_of_another_build(service: str) -> None:
    assert [gene for *_, gene in SERVICES[service](variants_of(ONE_CHROMOSOME, "hg19"))] == [None, None]


@pytest.mark.parametrize("service", SERVICES)
def test_variants_without_names_are_asked_for_by_place_where_the_service_can(service: str) -> None:
    found = [gene for *_, gene in SERVICES[service](variants_of(UNNAMED, "hg38"))]
    by_place = service in ("ensembl_vep", "open_targets")
    assert found == (["SCN5A", None, None] if by_place else [None, None, None])


def test_the_catalogs_service_is_not_asked_for_a_name_of_two_places() -> None:
    asked: list[str] = []

    def answer(question: Question) -> bytes:
        asked.append(question.params["rs_id"])
        association = {"reported_trait": "QRS", "pvalue_mantissa": 2.0, "pvalue_exponent": -9}
        return json.dumps({"page": {"totalPages": 1}, "_embedded": {"associations": [association]}}).encode()

    variants = variants_of([*TWO_CHROMOSOMES, ("rs7", "1", 5, "A", "G"), ("rs7", "1", 5, "T", "G")], "hg19")
    found = gwas_catalog.look_up(GwasCatalog(), variants, Loci.empty(), told(answer)).published.frame
    assert set(asked) == {"rs7"}
    assert found.select("chrom", "pos", "effect_allele").rows() == [("1", 5, "A"), ("1", 5, "T")]
    assert len(gwas_catalog.ambiguous(GwasCatalog(), variants)) == 3
