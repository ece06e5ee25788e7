"""Open Targets Platform (Buniello et al. 2025, Nucleic Acids Res 53:D1467) over its GraphQL service.

Two questions per variant: its id (hg38) from the rs number, then the genes at it and the genes that the locus-to-gene model
(Mountjoy et al. 2021, Nat Genet 53:1527) names for credible sets of other studies that hold it. Errors arrive with status
200 and a key `errors`. Offline twin: regions (without L2G).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ecgwas.genes import mapping
from ecgwas.genes.contract import Get, NotUnderstood, Question, Variants, as_json
from ecgwas.genes.mapping import Found
from ecgwas.study import OpenTargets
from ecgwas.tables import Genes, Loci

SEARCH = """query search($text: String!) {
  search(queryString: $text, entityNames: ["variant"], page: {index: 0, size: 5}) { hits { id entity } }
}"""
VARIANT = """query variant($id: String!) {
  variant(variantId: $id) {
    id rsIds
    mostSevereConsequence { label }
    transcriptConsequences { distanceFromFootprint target { approvedSymbol } }
    credibleSets(studyTypes: [gwas], page: {index: 0, size: 50}) {
      rows { study { id traitFromSource } l2GPredictions { rows { score target { approvedSymbol } } } }
    }
  }
}"""
META = "query meta { meta { apiVersion { x y z } dataVersion { year month } } }"
VARIANT_ID = re.compile(r"(\w+)_(\d+)_[ACGT]+_[ACGT]+")


def annotate(options: OpenTargets, variants: Variants, loci: Loci, get: Get) -> Genes:
    """Genes that hold each variant, else the nearest; and linked genes of an L2G score of min_score or more."""
    rs_numbers = variants.rs_numbers()
    found: dict[str, list[Found]] = {}
    reasons: dict[str, str] = {}
    for variant, chrom, _ in variants.rows():
        if variant not in rs_numbers:
            reasons[variant] = mapping.NO_RS_NUMBER
            continue
        described = _described(options, rs_numbers[variant], chrom, get)
        found[variant] = _genes(described, options.min_score)
        if not described:
            reasons[variant] = mapping.NOT_KNOWN
    return mapping.genes_of(variants, loci, found, reasons, "open_targets", version(options, get))


def version(options: OpenTargets, get: Get) -> str:
    """Data release, such as `Open Targets 25.09`."""
    meta = _ask(options, META, {}, get)["meta"]
    return f"Open Targets {meta['dataVersion']['year']}.{meta['dataVersion']['month']}"


def _ask(options: OpenTargets, query: str, variables: Mapping[str, str], get: Get) -> Any:
    return get(Question(options.address, json={"query": query, "variables": dict(variables)}), _data).value


def _data(content: bytes) -> dict[str, Any]:
    answer = as_json(content)
    if not isinstance(answer, dict):
        raise NotUnderstood("the answer is not of GraphQL")
    if answer.get("errors"):
        raise NotUnderstood(f"the service says: {str(answer['errors'])[:200]}")
    data = answer.get("data")
    if not isinstance(data, dict):
        raise NotUnderstood("the answer has no `data`")
    return data


def _described(options: OpenTargets, rs_number: str, chrom: str, get: Get) -> list[Mapping[str, Any]]:
    """The variants of that rs number (one per allele) on that chromosome."""
    hits = (_ask(options, SEARCH, {"text": rs_number}, get).get("search") or {}).get("hits") or []
    matches = [VARIANT_ID.fullmatch(str(hit["id"])) for hit in hits if hit.get("entity") == "variant"]
    ids = [match.group() for match in matches if match is not None and match.group(1) == chrom]
    described = [_ask(options, VARIANT, {"id": identifier}, get).get("variant") for identifier in ids]
    return [variant for variant in described if variant is not None and rs_number in (variant.get("rsIds") or [])]


def _genes(described: Sequence[Mapping[str, Any]], min_score: float) -> list[Found]:
    linked = _linked(described, min_score)
    near = _near(described)
    found = [Found(gene, distance, relation, linked.get(gene) or label) for gene, distance, relation, label in near]
    named = {gene.gene for gene in found}
    return found + [Found(gene, None, "linked", evidence) for gene, evidence in linked.items() if gene not in named]


def _near(described: Sequence[Mapping[str, Any]]) -> list[tuple[str, int, str, str | None]]:
    """Genes that hold the variant, else the nearest ones: (gene, distance, relation, worst consequence)."""
    distances: dict[str, int] = {}
    label = None
    for variant in described:
        label = (variant.get("mostSevereConsequence") or {}).get("label") or label
        for consequence in variant.get("transcriptConsequences") or []:
            gene, distance = (consequence.get("target") or {}).get("approvedSymbol"), consequence.get("distanceFromFootprint")
            if gene and distance is not None:
                distances[gene] = min(abs(int(distance)), distances.get(gene, abs(int(distance))))
    least = min(distances.values(), default=0)
    relation = "overlap" if least == 0 else "nearest"
    return [(gene, distance, relation, label) for gene, distance in distances.items() if distance == least]


def _linked(described: Sequence[Mapping[str, Any]], min_score: float) -> dict[str, str]:
    """Gene -> its best L2G score and the trait of that credible set."""
    best: dict[str, tuple[float, str]] = {}
    for variant in described:
        for credible in (variant.get("credibleSets") or {}).get("rows") or []:
            study = credible.get("study") or {}
            trait = str(study.get("traitFromSource") or study.get("id"))
            for row in (credible.get("l2GPredictions") or {}).get("rows") or []:
                gene, score = (row.get("target") or {}).get("approvedSymbol"), float(row["score"])
                if gene and score >= min_score:
                    best[gene] = max((score, trait), best.get(gene, (0.0, "")))
    return {gene: f"L2G {score:.2f}, {trait}" for gene, (score, trait) in best.items()}
