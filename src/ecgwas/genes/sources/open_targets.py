"""Open Targets Platform (Buniello et al. 2025, Nucleic Acids Res 53:D1467) over its GraphQL service.

Two questions per variant: its id (hg38) from the rs number (in a study of hg38 without an rs number: from position and alleles,
in both orders), then the genes at it and the genes that the locus-to-gene model
(Mountjoy et al. 2021, Nat Genet 53:1527) names for credible sets of other studies that hold it. Errors arrive with status
200 and a key `errors`. Offline twin: regions (without L2G).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from ecgwas.genes.sources import mapping
from ecgwas.genes.sources.mapping import MappedGene
from ecgwas.genes.web.contract import Get, NotUnderstood, Part, Question, Variant, Variants, as_json, belongs, understood
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


class Hit(Part):
    """A match of the search."""

    id: str
    entity: str | None = None


class Hits(Part):
    """Matches of the search."""

    hits: list[Hit] | None = None


class Search(Part):
    """Data of SEARCH."""

    search: Hits | None = None


class Target(Part):
    """A gene."""

    approvedSymbol: str


class Label(Part):
    """A consequence in words."""

    label: str | None = None


class Consequence(Part):
    """A gene near a variant."""

    distanceFromFootprint: Annotated[int, Field(ge=-(10**12), le=10**12)] | None = None
    target: Target | None = None


class Score(Part):
    """Locus-to-gene score of a gene."""

    score: float
    target: Target | None = None


class Scores(Part):
    """Locus-to-gene scores of a credible set."""

    rows: list[Score] = []


class CatalogStudy(Part):
    """The study of a credible set."""

    id: str
    traitFromSource: str | None = None


class CredibleSet(Part):
    """A credible set that holds the variant."""

    study: CatalogStudy | None = None
    l2GPredictions: Scores | None = None


class CredibleSets(Part):
    """Credible sets that hold the variant."""

    rows: list[CredibleSet] = []


class Known(Part):
    """A variant and what is near it."""

    id: str
    rsIds: list[str] | None = None
    mostSevereConsequence: Label | None = None
    transcriptConsequences: list[Consequence] | None = None
    credibleSets: CredibleSets | None = None


class Described(Part):
    """Data of VARIANT."""

    variant: Known | None = None


class DataVersion(Part):
    """Year and month of the data."""

    year: str | int
    month: str | int


class Release(Part):
    """Which data the service holds."""

    dataVersion: DataVersion


class Meta(Part):
    """Data of META."""

    meta: Release


def annotate(options: OpenTargets, variants: Variants, loci: Loci, get: Get) -> Genes:
    """Genes that hold each variant, else the nearest; and linked genes of an L2G score of min_score or more."""
    rs_numbers, shared = variants.rs_numbers(), variants.sharing(chromosome=True)
    found: dict[Variant, list[MappedGene]] = {}
    reasons: dict[Variant, str] = {}
    hg38 = variants.build == "hg38"
    for variant in variants.rows():
        if variant in rs_numbers:
            described = _named(options, rs_numbers[variant], variant, get, hg38=hg38, exact=variant in shared)
        else:
            described = _placed(options, variant, get) if hg38 else []
        found[variant] = _genes(described, options.min_score)
        if not described:
            known = mapping.SHARED if variant in shared else mapping.NOT_KNOWN
            reasons[variant] = known if variant in rs_numbers or hg38 else mapping.NO_RS_NUMBER
    return mapping.genes_of(variants, loci, found, reasons, "open_targets", version(options, get))


def version(options: OpenTargets, get: Get) -> str:
    """Data release, such as `Open Targets 25.09`."""
    release: DataVersion = _ask(options, META, {}, Meta, get).meta.dataVersion
    return f"Open Targets {release.year}.{release.month}"


def _ask(options: OpenTargets, query: str, variables: Mapping[str, str], kind: type[Part], get: Get) -> Any:
    def understand(content: bytes) -> Any:
        answer = as_json(content)
        if isinstance(answer, dict) and answer.get("errors"):
            raise NotUnderstood(f"the service says: {str(answer['errors'])[:200]}")
        return understood(kind, answer.get("data") if isinstance(answer, dict) else answer)

    return get(Question(options.address, json={"query": query, "variables": dict(variables)}), understand).value


def _placed(options: OpenTargets, variant: Variant, get: Get) -> list[Known]:
    """The variant of that place and those alleles, in hg38."""
    ids = [f"{variant.chrom}_{variant.pos}_{ref}_{alt}" for ref, alt in variant.spelled]
    described = [_ask(options, VARIANT, {"id": identifier}, Described, get).variant for identifier in ids]
    return [known for known in described if known is not None]


def _named(options: OpenTargets, rs_number: str, variant: Variant, get: Get, *, hg38: bool, exact: bool) -> list[Known]:
    """The variants of that rs number (one per allele) on the variant's chromosome; exact: at its position."""
    found: Hits | None = _ask(options, SEARCH, {"text": rs_number}, Search, get).search
    hits = (found.hits if found is not None else None) or []
    matches = [VARIANT_ID.fullmatch(hit.id) for hit in hits if hit.entity == "variant"]
    ids = [
        match.group()
        for match in matches
        if match is not None and belongs(variant, match.group(1), int(match.group(2)) if hg38 else None, exact=exact)
    ]
    described = [_ask(options, VARIANT, {"id": identifier}, Described, get).variant for identifier in ids]
    return [known for known in described if known is not None and rs_number in (known.rsIds or [])]


def _genes(described: Sequence[Known], min_score: float) -> list[MappedGene]:
    linked = _linked(described, min_score)
    near = _near(described)
    found = [MappedGene(gene, distance, relation, linked.get(gene) or label) for gene, distance, relation, label in near]
    named = {gene.gene for gene in found}
    return found + [MappedGene(gene, None, "linked", evidence) for gene, evidence in linked.items() if gene not in named]


def _near(described: Sequence[Known]) -> list[tuple[str, int, str, str | None]]:
    """Genes that hold the variant, else the nearest ones: (gene, distance, relation, worst consequence)."""
    distances: dict[str, int] = {}
    for consequence in (c for variant in described for c in variant.transcriptConsequences or ()):
        if consequence.target is not None and consequence.distanceFromFootprint is not None:
            gene, distance = consequence.target.approvedSymbol, abs(consequence.distanceFromFootprint)
            distances[gene] = min(distance, distances.get(gene, distance))
    labels = [variant.mostSevereConsequence.label for variant in described if variant.mostSevereConsequence is not None]
    label = next((label for label in labels if label), None)
    least = min(distances.values(), default=0)
    relation = "overlap" if least == 0 else "nearest"
    return [(gene, distance, relation, label) for gene, distance in distances.items() if distance == least]


def _linked(described: Sequence[Known], min_score: float) -> dict[str, str]:
    """Gene -> its best L2G score and the trait of that credible set."""
    best: dict[str, tuple[float, str]] = {}
    for credible in (row for variant in described if variant.credibleSets for row in variant.credibleSets.rows):
        trait = "" if credible.study is None else credible.study.traitFromSource or credible.study.id
        for row in () if credible.l2GPredictions is None else credible.l2GPredictions.rows:
            if row.target is not None and row.score >= min_score:
                gene = row.target.approvedSymbol
                best[gene] = max((row.score, trait), best.get(gene, (0.0, "")))
    return {gene: f"L2G {score:.2f}, {trait}" for gene, (score, trait) in best.items()}
