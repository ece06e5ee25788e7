"""g:Profiler (Kolberg et al. 2023, Nucleic Acids Res 51:W207): g:SNPense for variants, g:GOSt for terms.

g:SNPense knows rs numbers of human variants that lie in a protein-coding gene of Ensembl; others come back without a place
(start -1). It has no nearest genes and no distances. Offline twin: regions over a GENCODE GTF with `protein_coding: true`.
g:GOSt tests lists of genes; its p-values come already adjusted, so p is computed here from the counts that it gives.
Offline twin: enrichment over GMT files (`ecgwas references fetch` makes those of GO and HPO).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from ecgwas.genes import mapping
from ecgwas.genes.contract import Get, NotUnderstood, Question, Variants, as_json, batches
from ecgwas.genes.enrichment import Enriched, is_cardiovascular
from ecgwas.genes.mapping import Found
from ecgwas.study import Gprofiler
from ecgwas.tables import Genes, Loci, Terms

ORGANISM = "hsapiens"
NOT_IN_A_GENE = "g:SNPense: not in a protein-coding gene, or not known"


def annotate(options: Gprofiler, variants: Variants, loci: Loci, get: Get) -> Genes:
    """Protein-coding genes that hold each variant, with the consequences on their transcripts."""
    rs_numbers = variants.rs_numbers()
    placed: dict[str, list[Found]] = {}
    for batch in batches(sorted(set(rs_numbers.values())), options.batch):
        url = f"{options.address}/api/snpense/snpense"
        question = Question(url, json={"query": list(batch), "output": "json"})
        for item in get(question, _snps).value:
            placed.setdefault(str(item["rs_id"]), []).extend(_genes(item))
    found = {variant: _once(placed.get(rs_number, [])) for variant, rs_number in rs_numbers.items()}
    reasons = {
        variant: NOT_IN_A_GENE if variant in rs_numbers else mapping.NO_RS_NUMBER for variant, _, _ in variants.rows()
    }  # fmt: skip
    return mapping.genes_of(variants, loci, found, reasons, "gprofiler", version(options, get))


def version(options: Gprofiler, get: Get) -> str:
    """Which data the service holds, such as `g:Profiler e113_eg59_p19_6be52918`."""
    question = Question(f"{options.address}/api/util/data_versions", json={"organism": ORGANISM})
    return f"g:Profiler {get(question, _data_version).value}"


def _data_version(content: bytes) -> str:
    answer = as_json(content)
    if not isinstance(answer, dict) or "gprofiler_version" not in answer:
        raise NotUnderstood("the answer does not tell gprofiler_version")
    return str(answer["gprofiler_version"])


def _snps(content: bytes) -> list[dict[str, Any]]:
    items = _result(content)
    if not all({"rs_id", "gene_names"} <= set(item) and _is_whole(item.get("start")) for item in items):
        raise NotUnderstood("a variant of the answer lacks rs_id, start or gene_names")
    return items


def _is_whole(value: Any) -> bool:
    """True for -1 and for "-1": the service gives positions either way."""
    return isinstance(value, int) or (isinstance(value, str) and value.lstrip("-").isdigit())


def _result(content: bytes) -> list[dict[str, Any]]:
    answer = as_json(content)
    result = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(result, list) or not all(isinstance(item, dict) for item in result):
        raise NotUnderstood("the answer has no list `result`")
    return result


def _genes(item: Mapping[str, Any]) -> list[Found]:
    if int(item["start"]) < 0:
        return []
    consequences = item.get("variants") or {}
    evidence = ", ".join(name for name, count in sorted(consequences.items()) if count) or None
    return [Found(str(gene), 0, "overlap", evidence) for gene in item["gene_names"]]


def _once(found: Sequence[Found]) -> list[Found]:
    return list({gene.gene: gene for gene in found}.values())


def enrich(options: Gprofiler, genes: Sequence[str], get: Get) -> Enriched:
    """Terms of the collections that the option `sources` names, every one that holds a hit gene.

    fdr is the service's (Benjamini-Hochberg over the terms of a collection); p the upper tail of the hypergeometric
    distribution; expected = hits x term / background, all three as the service counts them.
    """
    if not genes or not options.sources:
        return Enriched(Terms.empty(), ())
    body = {
        "organism": ORGANISM, "query": list(genes), "sources": list(options.sources), "user_threshold": options.max_fdr,
        "all_results": True, "ordered": False, "no_evidences": False, "combined": False, "no_iea": False,
        "measure_underrepresentation": False, "domain_scope": options.domain_scope, "numeric_ns": "",
        "significance_threshold_method": "fdr", "background": [], "output": "json",
    }  # fmt: skip
    profile = get(Question(f"{options.address}/api/gost/profile/", json=body), _profile).value
    rows = [_term(options, item, profile["meta"]) for item in profile["result"] if item["intersection_size"] > 0]
    rows.sort(key=lambda row: (row["category"], row["p"], row["term"]))
    notes = [f"{version(options, get)}: {len(rows)} terms of {', '.join(options.sources)} hold a hit gene"]
    failed = sorted(profile["meta"]["genes_metadata"].get("failed") or [])
    if failed:
        notes.append(f"not known to g:GOSt: {', '.join(failed)}")
    return Enriched(Terms.of(rows), tuple(notes))


COUNTS = ("term_size", "query_size", "intersection_size", "effective_domain_size")


def _profile(content: bytes) -> dict[str, Any]:
    terms = _result(content)
    if not all({"source", "native", "name", "p_value", "intersections", *COUNTS} <= set(term) for term in terms):
        raise NotUnderstood("a term of the answer lacks its source, name, p_value, counts or intersections")
    answer = as_json(content)
    try:
        next(iter(answer["meta"]["genes_metadata"]["query"].values()))["ensgs"]
    except (KeyError, TypeError, AttributeError, StopIteration):
        raise NotUnderstood("the answer does not tell which genes it understood") from None
    return {"result": terms, "meta": answer["meta"]}


def _term(options: Gprofiler, item: Mapping[str, Any], meta: Mapping[str, Any]) -> dict[str, Any]:
    term_size, query_size, observed, domain = (int(item[name]) for name in COUNTS)
    expected = query_size * term_size / domain
    strength = float(np.log10(observed / expected))
    fdr = float(item["p_value"])
    return {
        "category": item["source"], "term": item["native"], "description": item["name"], "observed": observed,
        "expected": expected, "background": term_size, "strength": strength, "fdr": fdr,
        "p": float(stats.hypergeom.sf(observed - 1, domain, term_size, query_size)),
        "kept": fdr < options.max_fdr and strength > options.min_strength,
        "cardiovascular": is_cardiovascular(f"{item['native']} {item['name']}", options.cardiovascular),
        "genes": ";".join(_shared(item, meta)),
    }  # fmt: skip


def _shared(item: Mapping[str, Any], meta: Mapping[str, Any]) -> list[str]:
    """Symbols, as they were asked, of the genes that the term holds: its evidence is in the order of the query's genes."""
    query = next(iter(meta["genes_metadata"]["query"].values()))
    symbol_of = {ensg: symbol for symbol, ensgs in query.get("mapping", {}).items() for ensg in ensgs}
    pairs = zip(query["ensgs"], item["intersections"], strict=False)
    return sorted(symbol_of.get(ensg, ensg) for ensg, evidence in pairs if evidence)
