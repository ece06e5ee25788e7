"""Ensembl's Variant Effect Predictor (McLaren et al. 2016, Genome Biol 17:122) over its REST service.

POST /vep/human/id, at most 200 variants a time; hg38 and hg19 have servers of their own. Genes within 5 kb are named.
Variants that Ensembl does not know are not in the answer. Offline twin: regions over a GENCODE GTF (without consequences).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ecgwas.errors import InputError, StudyError, first_few
from ecgwas.genes import mapping
from ecgwas.genes.contract import Get, NotUnderstood, Question, Variants, as_json, batches
from ecgwas.genes.mapping import Found
from ecgwas.genes.regions import chromosome
from ecgwas.study import EnsemblVep
from ecgwas.tables import Genes, Loci

ASSEMBLIES = {"hg19": "GRCh37", "hg38": "GRCh38"}
IMPACTS = ("HIGH", "MODERATE", "LOW", "MODIFIER")
SAME_PLACE_BP = 50
"""Indels may be anchored differently; another build is thousands of bases away."""
ENOUGH = 3


def annotate(options: EnsemblVep, variants: Variants, loci: Loci, get: Get) -> Genes:
    """Genes that hold each variant or lie within 5 kb, with its consequence there.

    Raises InputError if most variants lie elsewhere in the study's build than the study says.
    """
    if variants.build is None:
        raise StudyError("Ensembl has a server per genome build", fix="set `build: hg19` or `hg38` under `scan`")
    server = options.address if variants.build == "hg38" else options.address_hg19
    rs_numbers = variants.rs_numbers()
    effects: dict[str, list[dict[str, Any]]] = {}
    for batch in batches(sorted(set(rs_numbers.values())), options.batch):
        question = Question(f"{server}/vep/human/id", json={"ids": list(batch)})
        for effect in get(question, _effects).value:
            effects.setdefault(str(effect["input"]).split()[0], []).append(effect)
    here = {variant: _here(effects.get(rs_number, []), variants, variant) for variant, rs_number in rs_numbers.items()}
    _same_build(here, variants)
    found = {variant: _genes(places, protein_coding=options.protein_coding) for variant, places in here.items()}
    reasons = {variant: mapping.NO_RS_NUMBER for variant, _, _ in variants.rows() if variant not in rs_numbers}
    reasons |= {variant: mapping.NOT_KNOWN for variant, places in here.items() if not places}
    return mapping.genes_of(variants, loci, found, reasons, "ensembl_vep", version(server, variants.build, get))


def version(server: str, build: str, get: Get) -> str:
    """Release and assembly, such as `Ensembl 113 GRCh38`."""
    question = Question(f"{server}/info/data", params={"content-type": "application/json"})
    return f"Ensembl {get(question, _release).value} {ASSEMBLIES[build]}"


def _release(content: bytes) -> int:
    answer = as_json(content)
    releases = answer.get("releases") if isinstance(answer, dict) else None
    if not isinstance(releases, list) or not releases:
        raise NotUnderstood("the answer does not tell `releases`")
    return max(int(release) for release in releases)


def _effects(content: bytes) -> list[dict[str, Any]]:
    answer = as_json(content)
    if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
        raise NotUnderstood("the answer is not a list of variants")
    if not all({"input", "seq_region_name"} <= set(item) and isinstance(item.get("start"), int) for item in answer):
        raise NotUnderstood("a variant of the answer lacks input, seq_region_name or start")
    return answer


def _here(effects: Sequence[dict[str, Any]], variants: Variants, variant: str) -> list[dict[str, Any]]:
    """The places on the variant's own chromosome: not those on patches and other haplotypes."""
    chrom = variants.frame["chrom"][variants.frame["variant"].to_list().index(variant)]
    return [effect for effect in effects if chromosome(str(effect["seq_region_name"])) == chrom]


def _same_build(here: Mapping[str, Sequence[Mapping[str, Any]]], variants: Variants) -> None:
    positions = {variant: pos for variant, _, pos in variants.rows()}
    placed = {variant: places for variant, places in here.items() if places}
    elsewhere = [
        variant
        for variant, places in placed.items()
        if all(abs(int(place["start"]) - positions[variant]) > SAME_PLACE_BP for place in places)
    ]
    if len(elsewhere) >= ENOUGH and 2 * len(elsewhere) > len(placed):
        count = f"{len(elsewhere)} of {len(placed)} variants"
        problem = f"Ensembl has {count} elsewhere in {variants.build}: {first_few(elsewhere)}"
        raise InputError(problem, fix="correct `build` under `scan`: hg19 or hg38")


def _genes(places: Sequence[Mapping[str, Any]], *, protein_coding: bool) -> list[Found]:
    """Each gene once: its least distance, and the worst consequence on its transcripts."""
    by_gene: dict[str, list[Mapping[str, Any]]] = {}
    for place in places:
        for transcript in place.get("transcript_consequences") or []:
            if transcript.get("biotype") == "protein_coding" or not protein_coding:
                by_gene.setdefault(str(transcript.get("gene_symbol") or transcript.get("gene_id")), []).append(transcript)
    return [_gene(gene, transcripts) for gene, transcripts in by_gene.items()]


def _gene(gene: str, transcripts: Sequence[Mapping[str, Any]]) -> Found:
    distance = min(int(transcript.get("distance") or 0) for transcript in transcripts)
    worst = min(transcripts, key=_impact)
    terms = ", ".join(worst.get("consequence_terms") or ())
    return Found(gene, distance, "overlap" if distance == 0 else "nearest", f"{terms} ({worst.get('impact')})")


def _impact(transcript: Mapping[str, Any]) -> int:
    impact = str(transcript.get("impact"))
    return IMPACTS.index(impact) if impact in IMPACTS else len(IMPACTS)
