"""Ensembl's Variant Effect Predictor (McLaren et al. 2016, Genome Biol 17:122) over its REST service.

POST /vep/human/id, at most 200 variants a time; hg38 and hg19 have servers of their own. Genes within 5 kb are named.
Variants that Ensembl does not know are not in the answer. Offline twin: regions over a GENCODE GTF (without consequences).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from ecgwas.errors import InputError, StudyError, first_few
from ecgwas.genes import mapping
from ecgwas.genes.contract import Get, Part, Question, Variants, Whole, batches, of_kind
from ecgwas.genes.mapping import Found
from ecgwas.genes.regions import chromosome
from ecgwas.study import EnsemblVep
from ecgwas.tables import Genes, Loci

ASSEMBLIES = {"hg19": "GRCh37", "hg38": "GRCh38"}
IMPACTS = ("HIGH", "MODERATE", "LOW", "MODIFIER")
SAME_PLACE_BP = 50
"""Indels may be anchored differently; another build is thousands of bases away."""
ENOUGH = 3


class Transcript(Part):
    """What a variant does to a transcript. distance: bases to it, none inside."""

    gene_id: str | None = None
    gene_symbol: str | None = None
    biotype: str | None = None
    consequence_terms: list[str] = []
    impact: str | None = None
    distance: Whole | None = None


class Effect(Part):
    """A variant at one of its places."""

    input: str
    seq_region_name: str
    start: Whole
    transcript_consequences: list[Transcript] = []

    @property
    def chrom(self) -> str:
        """Chromosome without chr."""
        return chromosome(self.seq_region_name)


class Data(Part):
    """Answer of info/data."""

    releases: Annotated[list[int], Field(min_length=1)]


def annotate(options: EnsemblVep, variants: Variants, loci: Loci, get: Get) -> Genes:
    """Genes that hold each variant or lie within 5 kb, with its consequence there.

    Raises InputError if most variants lie elsewhere in the study's build than the study says.
    """
    if variants.build is None:
        raise StudyError("Ensembl has a server per genome build", fix="set `build: hg19` or `hg38` under `scan`")
    server = options.address if variants.build == "hg38" else options.address_hg19
    rs_numbers = variants.rs_numbers()
    effects: dict[str, list[Effect]] = {}
    for batch in batches(sorted(set(rs_numbers.values())), options.batch):
        question = Question(f"{server}/vep/human/id", json={"ids": list(batch)})
        for effect in get(question, of_kind(list[Effect])).value:
            effects.setdefault(effect.input.strip(), []).append(effect)
    # On the variant's own chromosome: not on patches and other haplotypes.
    here = {
        variant: [effect for effect in effects.get(rs_numbers[variant], ()) if effect.chrom == chrom]
        for variant, chrom, _ in variants.rows()
        if variant in rs_numbers
    }
    _same_build(here, variants)
    found = {variant: _genes(places, protein_coding=options.protein_coding) for variant, places in here.items()}
    reasons = {variant: mapping.NO_RS_NUMBER for variant, _, _ in variants.rows() if variant not in rs_numbers}
    reasons |= {variant: mapping.NOT_KNOWN for variant, places in here.items() if not places}
    return mapping.genes_of(variants, loci, found, reasons, "ensembl_vep", version(server, variants.build, get))


def version(server: str, build: str, get: Get) -> str:
    """Release and assembly, such as `Ensembl 113 GRCh38`."""
    question = Question(f"{server}/info/data", params={"content-type": "application/json"})
    return f"Ensembl {max(get(question, of_kind(Data)).value.releases)} {ASSEMBLIES[build]}"


def _same_build(here: Mapping[str, Sequence[Effect]], variants: Variants) -> None:
    positions = {variant: pos for variant, _, pos in variants.rows()}
    placed = {variant: places for variant, places in here.items() if places}
    elsewhere = [
        variant
        for variant, places in placed.items()
        if all(abs(place.start - positions[variant]) > SAME_PLACE_BP for place in places)
    ]
    if len(elsewhere) >= ENOUGH and 2 * len(elsewhere) > len(placed):
        count = f"{len(elsewhere)} of {len(placed)} variants"
        problem = f"Ensembl has {count} elsewhere in {variants.build}: {first_few(elsewhere)}"
        raise InputError(problem, fix="correct `build` under `scan`: hg19 or hg38")


def _genes(places: Sequence[Effect], *, protein_coding: bool) -> list[Found]:
    """Each gene once: its least distance, and the worst consequence on its transcripts."""
    by_gene: dict[str, list[Transcript]] = {}
    for transcript in (transcript for place in places for transcript in place.transcript_consequences):
        gene = transcript.gene_symbol or transcript.gene_id
        if gene is not None and (transcript.biotype == "protein_coding" or not protein_coding):
            by_gene.setdefault(gene, []).append(transcript)
    return [_gene(gene, transcripts) for gene, transcripts in by_gene.items()]


def _gene(gene: str, transcripts: Sequence[Transcript]) -> Found:
    distance = min(transcript.distance or 0 for transcript in transcripts)
    worst = min(transcripts, key=_impact)
    evidence = f"{', '.join(worst.consequence_terms)} ({worst.impact})"
    return Found(gene, distance, "overlap" if distance == 0 else "nearest", evidence)


def _impact(transcript: Transcript) -> int:
    return IMPACTS.index(transcript.impact) if transcript.impact in IMPACTS else len(IMPACTS)
