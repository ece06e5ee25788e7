"""Ensembl's Variant Effect Predictor (McLaren et al. 2016, Genome Biol 17:122) over its REST service.

POST /vep/human/id, at most 200 variants per query; hg38 and hg19 have a server each. Genes within 5 kb are reported. Variants
unknown to Ensembl are missing from the answer. Variants without an rs number are queried by position and alleles (POST
/vep/human/region), with both orders of the alleles, as genotype files do not say which is the reference allele; the most
severe consequence counts. Offline twin: regions with a GENCODE GTF (without consequences).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from ecgwas.errors import InputError, StudyError, first_few
from ecgwas.genes.sources import mapping
from ecgwas.genes.sources.mapping import MappedGene
from ecgwas.genes.web.contract import (
    SAME_POSITION_BP,
    Build,
    Get,
    Part,
    Question,
    Variant,
    Variants,
    Whole,
    batches,
    chromosome,
    is_same_position,
    of_kind,
)
from ecgwas.study import EnsemblVep
from ecgwas.tables import Genes, Loci

ASSEMBLIES = {"hg19": "GRCh37", "hg38": "GRCh38"}
IMPACTS = ("HIGH", "MODERATE", "LOW", "MODIFIER")
NO_BASES = "no rs number, and alleles that are not spelled in bases"
MIN_ELSEWHERE = 3
"""Variants at other positions than in the study that show a wrong build, at least."""


class Transcript(Part):
    """A variant's consequences for a transcript. distance: bases to the transcript; none if the variant is inside."""

    gene_id: str | None = None
    gene_symbol: str | None = None
    biotype: str | None = None
    consequence_terms: list[str] = []
    impact: str | None = None
    distance: Whole | None = None


class Effect(Part):
    """A variant at one of its positions."""

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
    """Genes that hold each variant or lie within 5 kb of it, with the variant's consequence.

    Raises InputError if Ensembl has most variants at other positions of the study's build.
    """
    if variants.build is None:
        raise StudyError("Ensembl has a server per genome build", fix="set `build: hg19` or `hg38` under `scan`")
    server = options.address if variants.build == "hg38" else options.address_hg19
    rs_numbers = variants.rs_numbers()
    by_name = _query(f"{server}/vep/human/id", "ids", sorted(set(rs_numbers.values())), options.batch, get)
    shared = variants.with_shared_rs_number(on_chromosome=True)
    # On the variant's own chromosome: not on patches and other haplotypes.
    here = {
        variant: [
            effect
            for effect in by_name.get(number, ())
            if is_same_position(variant, effect.chrom, effect.start, exact=variant in shared)
        ]
        for variant, number in rs_numbers.items()
    }
    _check_build(here, variants.build)
    lines = {variant: _vcf_lines(variant) for variant in variants.rows() if variant not in rs_numbers}
    all_lines = [line for each in lines.values() for line in each]
    by_line = _query(f"{server}/vep/human/region", "variants", all_lines, options.batch, get)
    here |= {variant: [effect for line in each for effect in by_line.get(line, ())] for variant, each in lines.items()}
    genes = {variant: _genes(effects, protein_coding=options.protein_coding) for variant, effects in here.items()}
    reasons = {variant: mapping.NOT_KNOWN for variant, effects in here.items() if not effects}
    reasons |= {variant: NO_BASES for variant, each in lines.items() if not each}
    return mapping.genes_of(variants, loci, genes, reasons, "ensembl_vep", version(server, variants.build, get))


def version(server: str, build: str, get: Get) -> str:
    """Release and assembly, such as `Ensembl 113 GRCh38`."""
    question = Question(f"{server}/info/data", params={"content-type": "application/json"})
    return f"Ensembl {max(get(question, of_kind(Data)).value.releases)} {ASSEMBLIES[build]}"


def _query(url: str, key: str, inputs: Sequence[str], size: int, get: Get) -> dict[str, list[Effect]]:
    """Input (rs number or line of a VCF) -> its effects. size: inputs per query."""
    effects: dict[str, list[Effect]] = {}
    for batch in batches(inputs, size):
        for effect in get(Question(url, json={key: list(batch)}), of_kind(list[Effect])).value:
            effects.setdefault(effect.input.strip(), []).append(effect)
    return effects


def _vcf_lines(variant: Variant) -> list[str]:
    """The variant as lines of a VCF, with the alleles in both orders."""
    return [f"{variant.chrom} {variant.pos} . {ref} {alt} . . ." for ref, alt in variant.allele_orders]


def _check_build(here: Mapping[Variant, Sequence[Effect]], build: Build) -> None:
    known = {variant: effects for variant, effects in here.items() if effects}
    elsewhere = [
        variant.name
        for variant, effects in known.items()
        if all(abs(effect.start - variant.pos) > SAME_POSITION_BP for effect in effects)
    ]
    if len(elsewhere) >= MIN_ELSEWHERE and 2 * len(elsewhere) > len(known):
        count = f"{len(elsewhere)} of {len(known)} variants"
        problem = f"Ensembl has {count} elsewhere in {build}: {first_few(elsewhere)}"
        raise InputError(problem, fix="correct `build` under `scan`: hg19 or hg38")


def _genes(effects: Sequence[Effect], *, protein_coding: bool) -> list[MappedGene]:
    """Each gene once, with its smallest distance and the most severe consequence for its transcripts."""
    by_gene: dict[str, list[Transcript]] = {}
    for transcript in (transcript for effect in effects for transcript in effect.transcript_consequences):
        gene = transcript.gene_symbol or transcript.gene_id
        if gene is not None and (transcript.biotype == "protein_coding" or not protein_coding):
            by_gene.setdefault(gene, []).append(transcript)
    return [_gene(gene, transcripts) for gene, transcripts in by_gene.items()]


def _gene(gene: str, transcripts: Sequence[Transcript]) -> MappedGene:
    distance = min(transcript.distance or 0 for transcript in transcripts)
    most_severe = min(transcripts, key=_impact_rank)
    evidence = f"{', '.join(most_severe.consequence_terms)} ({most_severe.impact})"
    return MappedGene(gene, distance, "overlap" if distance == 0 else "nearest", evidence)


def _impact_rank(transcript: Transcript) -> int:
    return IMPACTS.index(transcript.impact) if transcript.impact in IMPACTS else len(IMPACTS)
