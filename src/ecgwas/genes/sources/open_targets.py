"""Open Targets Platform (Buniello et al. 2025, Nucleic Acids Res 53:D1467) over its GraphQL service.

Two queries per variant. The first finds its id (hg38) from the rs number; in a study of hg38, the id of a variant without an rs
number follows from position and alleles, in both orders. The second returns the genes at the variant, and the genes to which
the locus-to-gene model (L2G; Mountjoy et al. 2021, Nat Genet 53:1527) assigns credible sets of other studies that contain it.
Errors arrive with status 200 and a key `errors`. Offline twin: regions (without L2G).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from ecgwas.genes.sources import mapping
from ecgwas.genes.sources.mapping import MappedGene
from ecgwas.genes.web.contract import (
    Get,
    NotUnderstood,
    Part,
    Question,
    Variant,
    Variants,
    as_json,
    is_same_position,
    understood,
)
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
    """A credible set that contains the variant."""

    study: CatalogStudy | None = None
    l2GPredictions: Scores | None = None


class CredibleSets(Part):
    """Credible sets that contain the variant."""

    rows: list[CredibleSet] = []


class VariantRecord(Part):
    """A variant, the genes near it, and credible sets that contain it."""

    id: str
    rsIds: list[str] | None = None
    mostSevereConsequence: Label | None = None
    transcriptConsequences: list[Consequence] | None = None
    credibleSets: CredibleSets | None = None


class Described(Part):
    """Data of VARIANT."""

    variant: VariantRecord | None = None


class DataVersion(Part):
    """Year and month of the data."""

    year: str | int
    month: str | int


class Release(Part):
    """Release of the service's data."""

    dataVersion: DataVersion


class Meta(Part):
    """Data of META."""

    meta: Release


def annotate(options: OpenTargets, variants: Variants, loci: Loci, get: Get) -> Genes:
    """Genes that hold each variant, otherwise the nearest; and genes with an L2G score of min_score or more (linked)."""
    rs_numbers, shared = variants.rs_numbers(), variants.with_shared_rs_number(on_chromosome=True)
    genes: dict[Variant, list[MappedGene]] = {}
    reasons: dict[Variant, str] = {}
    hg38 = variants.build == "hg38"
    for variant in variants.rows():
        if variant in rs_numbers:
            records = _by_rs_number(options, rs_numbers[variant], variant, get, hg38=hg38, exact=variant in shared)
        else:
            records = _by_position(options, variant, get) if hg38 else []
        genes[variant] = _genes(records, options.min_score)
        if not records:
            known = mapping.SHARED if variant in shared else mapping.NOT_KNOWN
            reasons[variant] = known if variant in rs_numbers or hg38 else mapping.NO_RS_NUMBER
    return mapping.genes_of(variants, loci, genes, reasons, "open_targets", version(options, get))


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


def _by_position(options: OpenTargets, variant: Variant, get: Get) -> list[VariantRecord]:
    """The variants (hg38) at this position with these alleles, in either order."""
    ids = [f"{variant.chrom}_{variant.pos}_{ref}_{alt}" for ref, alt in variant.allele_orders]
    records = [_ask(options, VARIANT, {"id": identifier}, Described, get).variant for identifier in ids]
    return [record for record in records if record is not None]


def _by_rs_number(
    options: OpenTargets, rs_number: str, variant: Variant, get: Get, *, hg38: bool, exact: bool
) -> list[VariantRecord]:
    """The variants with this rs number (one per allele) on the variant's chromosome; exact: at its position."""
    answer: Hits | None = _ask(options, SEARCH, {"text": rs_number}, Search, get).search
    hits = (answer.hits if answer is not None else None) or []
    matches = [VARIANT_ID.fullmatch(hit.id) for hit in hits if hit.entity == "variant"]
    ids = [
        match.group()
        for match in matches
        if match is not None and is_same_position(variant, match.group(1), int(match.group(2)) if hg38 else None, exact=exact)
    ]
    records = [_ask(options, VARIANT, {"id": identifier}, Described, get).variant for identifier in ids]
    return [record for record in records if record is not None and rs_number in (record.rsIds or [])]


def _genes(records: Sequence[VariantRecord], min_score: float) -> list[MappedGene]:
    linked = _linked(records, min_score)
    nearest = [
        MappedGene(gene, distance, relation, linked.get(gene) or label) for gene, distance, relation, label in _nearest(records)
    ]
    symbols = {gene.gene for gene in nearest}
    return nearest + [MappedGene(gene, None, "linked", evidence) for gene, evidence in linked.items() if gene not in symbols]


def _nearest(records: Sequence[VariantRecord]) -> list[tuple[str, int, str, str | None]]:
    """Genes that hold the variant, otherwise the nearest ones: (gene, distance, relation, most severe consequence)."""
    distances: dict[str, int] = {}
    for consequence in (c for variant in records for c in variant.transcriptConsequences or ()):
        if consequence.target is not None and consequence.distanceFromFootprint is not None:
            gene, distance = consequence.target.approvedSymbol, abs(consequence.distanceFromFootprint)
            distances[gene] = min(distance, distances.get(gene, distance))
    labels = [variant.mostSevereConsequence.label for variant in records if variant.mostSevereConsequence is not None]
    label = next((label for label in labels if label), None)
    min_distance = min(distances.values(), default=0)
    relation = "overlap" if min_distance == 0 else "nearest"
    return [(gene, distance, relation, label) for gene, distance in distances.items() if distance == min_distance]


def _linked(records: Sequence[VariantRecord], min_score: float) -> dict[str, str]:
    """Gene -> its highest L2G score and the trait of that credible set."""
    best: dict[str, tuple[float, str]] = {}
    for credible in (row for variant in records if variant.credibleSets for row in variant.credibleSets.rows):
        trait = "" if credible.study is None else credible.study.traitFromSource or credible.study.id
        for row in () if credible.l2GPredictions is None else credible.l2GPredictions.rows:
            if row.target is not None and row.score >= min_score:
                gene = row.target.approvedSymbol
                best[gene] = max((row.score, trait), best.get(gene, (0.0, "")))
    return {gene: f"L2G {score:.2f}, {trait}" for gene, (score, trait) in best.items()}
