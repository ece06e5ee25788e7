"""Ensembl's Variant Effect Predictor (McLaren et al. 2016, Genome Biol 17:122) over its REST service.

POST /vep/human/id, at most 200 variants a time; hg38 and hg19 have servers of their own. Genes within 5 kb are named.
Variants that Ensembl does not know are not in the answer. Variants without an rs number are asked for by position and alleles
(POST /vep/human/region), in both orders of the alleles, as the files do not say which is the genome's; the worst consequence
counts. Offline twin: regions over a GENCODE GTF (without consequences).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from ecgwas.errors import InputError, StudyError, first_few
from ecgwas.genes.sources import mapping
from ecgwas.genes.sources.mapping import MappedGene
from ecgwas.genes.web.contract import (
    SAME_PLACE_BP,
    Build,
    Get,
    Part,
    Question,
    Variant,
    Variants,
    Whole,
    batches,
    belongs,
    chromosome,
    of_kind,
)
from ecgwas.study import EnsemblVep
from ecgwas.tables import Genes, Loci

ASSEMBLIES = {"hg19": "GRCh37", "hg38": "GRCh38"}
IMPACTS = ("HIGH", "MODERATE", "LOW", "MODIFIER")
NO_BASES = "no rs number, and alleles that are not spelled in bases"
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
    named = _asked(f"{server}/vep/human/id", "ids", sorted(set(rs_numbers.values())), options.batch, get)
    shared = variants.sharing(chromosome=True)
    # On the variant's own chromosome: not on patches and other haplotypes.
    here = {
        variant: [one for one in named.get(number, ()) if belongs(variant, one.chrom, one.start, exact=variant in shared)]
        for variant, number in rs_numbers.items()
    }
    _same_build(here, variants.build)
    by_place = {variant: _lines(variant) for variant in variants.rows() if variant not in rs_numbers}
    every = [line for lines in by_place.values() for line in lines]
    placed = _asked(f"{server}/vep/human/region", "variants", every, options.batch, get)
    here |= {variant: [one for line in lines for one in placed.get(line, ())] for variant, lines in by_place.items()}
    found = {variant: _genes(places, protein_coding=options.protein_coding) for variant, places in here.items()}
    reasons = {variant: mapping.NOT_KNOWN for variant, places in here.items() if not places}
    reasons |= {variant: NO_BASES for variant, lines in by_place.items() if not lines}
    return mapping.genes_of(variants, loci, found, reasons, "ensembl_vep", version(server, variants.build, get))


def version(server: str, build: str, get: Get) -> str:
    """Release and assembly, such as `Ensembl 113 GRCh38`."""
    question = Question(f"{server}/info/data", params={"content-type": "application/json"})
    return f"Ensembl {max(get(question, of_kind(Data)).value.releases)} {ASSEMBLIES[build]}"


def _asked(url: str, key: str, inputs: Sequence[str], batch: int, get: Get) -> dict[str, list[Effect]]:
    """Input -> what the service says of it."""
    effects: dict[str, list[Effect]] = {}
    for some in batches(inputs, batch):
        for effect in get(Question(url, json={key: list(some)}), of_kind(list[Effect])).value:
            effects.setdefault(effect.input.strip(), []).append(effect)
    return effects


def _lines(variant: Variant) -> list[str]:
    """The variant as lines of a VCF, the alleles in both orders."""
    return [f"{variant.chrom} {variant.pos} . {ref} {alt} . . ." for ref, alt in variant.spelled]


def _same_build(here: Mapping[Variant, Sequence[Effect]], build: Build) -> None:
    placed = {variant: places for variant, places in here.items() if places}
    elsewhere = [
        variant.name
        for variant, places in placed.items()
        if all(abs(place.start - variant.pos) > SAME_PLACE_BP for place in places)
    ]
    if len(elsewhere) >= ENOUGH and 2 * len(elsewhere) > len(placed):
        count = f"{len(elsewhere)} of {len(placed)} variants"
        problem = f"Ensembl has {count} elsewhere in {build}: {first_few(elsewhere)}"
        raise InputError(problem, fix="correct `build` under `scan`: hg19 or hg38")


def _genes(places: Sequence[Effect], *, protein_coding: bool) -> list[MappedGene]:
    """Each gene once: its least distance, and the worst consequence on its transcripts."""
    by_gene: dict[str, list[Transcript]] = {}
    for transcript in (transcript for place in places for transcript in place.transcript_consequences):
        gene = transcript.gene_symbol or transcript.gene_id
        if gene is not None and (transcript.biotype == "protein_coding" or not protein_coding):
            by_gene.setdefault(gene, []).append(transcript)
    return [_gene(gene, transcripts) for gene, transcripts in by_gene.items()]


def _gene(gene: str, transcripts: Sequence[Transcript]) -> MappedGene:
    distance = min(transcript.distance or 0 for transcript in transcripts)
    worst = min(transcripts, key=_impact)
    evidence = f"{', '.join(worst.consequence_terms)} ({worst.impact})"
    return MappedGene(gene, distance, "overlap" if distance == 0 else "nearest", evidence)


def _impact(transcript: Transcript) -> int:
    return IMPACTS.index(transcript.impact) if transcript.impact in IMPACTS else len(IMPACTS)
