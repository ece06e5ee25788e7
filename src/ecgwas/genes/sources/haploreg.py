"""HaploReg v4 (Ward and Kellis 2016, Nucleic Acids Res 44:D877): the gene at or nearest to each variant.

There is no programming interface: its web form is posted, and the answer is a table of 33 tab-separated columns. Its data no
longer change: dbSNP 137, linkage disequilibrium of 1000 Genomes phase 1, genes of GENCODE 13; newer rs numbers are unknown.
Offline twin: regions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecgwas.genes.sources import mapping
from ecgwas.genes.sources.mapping import MappedGene
from ecgwas.genes.web.contract import Build, Get, NotUnderstood, Question, Variant, Variants, batches, is_same_position
from ecgwas.study import Haploreg
from ecgwas.tables import Genes, Loci

VERSION = "HaploReg v4 (1000 Genomes phase 1, GENCODE 13)"
MIN_INTERVAL_S = 2.0
NO_LD = "1.1"
"""A threshold of r2 that nothing reaches, so that no variants in linkage disequilibrium are added."""
NEEDED = (
    "chr",
    "pos_hg38",
    "r2",
    "is_query_snp",
    "rsID",
    "GENCODE_name",
    "GENCODE_distance",
    "query_snp_rsid",
    "dbSNP_functional_annotation",
)


def annotate(options: Haploreg, variants: Variants, loci: Loci, get: Get) -> Genes:
    """The GENCODE gene at or nearest to each variant; with min_r2, also those of variants in linkage disequilibrium with it."""
    rs_numbers = variants.rs_numbers()
    rows: dict[str, list[Mapping[str, str]]] = {}
    for batch in batches(sorted(set(rs_numbers.values())), options.batch):
        for row in get(_question(options, batch), _table).value:
            rows.setdefault(row["query_snp_rsid"], []).append(row)
    shared = variants.with_shared_rs_number(on_chromosome=True)
    answers = {variant: rows.get(rs_number, []) for variant, rs_number in rs_numbers.items()}
    here = {
        variant: answer if _is_about(variant, answer, variants.build, variant in shared) else []
        for variant, answer in answers.items()
    }
    genes = {variant: _genes(rows) for variant, rows in here.items()}
    reasons = {variant: mapping.NO_RS_NUMBER for variant in variants.rows() if variant not in rs_numbers}
    reasons |= {variant: mapping.SHARED if variant in shared else mapping.NOT_KNOWN for variant in here if not here[variant]}
    return mapping.genes_of(variants, loci, genes, reasons, "haploreg", VERSION)


def _is_about(variant: Variant, rows: Sequence[Mapping[str, str]], build: Build | None, exact: bool) -> bool:
    """Whether the answer to a variant's rs number is about this variant, by its position in the answer (hg38)."""
    own = [row for row in rows if row["is_query_snp"] == "1"] or rows
    positions = [(row["chr"], int(row["pos_hg38"]) if build == "hg38" and row["pos_hg38"].isdigit() else None) for row in own]
    return any(is_same_position(variant, chrom, pos, exact=exact) for chrom, pos in positions)


def _question(options: Haploreg, rs_numbers: Sequence[str]) -> Question:
    form = {
        "query": ",".join(rs_numbers), "gwas_idx": "0", "ldPop": options.population, "epi": "vanilla", "cons": "siphy",
        "ldThresh": NO_LD if options.min_r2 is None else f"{options.min_r2:g}", "genetypes": "gencode",
        "trunc": "1000", "oligo": "1000", "output": "text",
    }  # fmt: skip
    return Question(options.address, parts=form, min_interval_s=MIN_INTERVAL_S)


def _table(content: bytes) -> list[Mapping[str, str]]:
    """The answer's rows, by column. Raises NotUnderstood for a page of HTML or a truncated row."""
    lines = [line.rstrip("\r") for line in content.decode("utf-8", errors="replace").split("\n") if line.strip()]
    header = lines[0].split("\t") if lines else []
    absent = [name for name in NEEDED if name not in header]
    if absent:
        raise NotUnderstood(f"the answer is not HaploReg's table: {lines[0][:60]!r}" if lines else "the answer is empty")
    rows = [line.split("\t") for line in lines[1:]]
    if any(len(row) != len(header) for row in rows):
        raise NotUnderstood("a row of the answer is cut short")
    table: list[Mapping[str, str]] = [dict(zip(header, row, strict=True)) for row in rows]
    if not all((row["GENCODE_distance"] or "0").isdigit() for row in table):
        raise NotUnderstood("a distance of the answer is not a number")
    return table


def _genes(rows: list[Mapping[str, str]]) -> list[MappedGene]:
    """Each gene once: a variant's own gene, then those of variants in linkage disequilibrium with it."""
    genes: dict[str, MappedGene] = {}
    for row in sorted(rows, key=lambda row: row["is_query_snp"] != "1"):
        gene = row["GENCODE_name"]
        if gene in ("", ".") or gene in genes:
            continue
        distance = int(row["GENCODE_distance"] or 0)
        if row["is_query_snp"] == "1":
            annotation = row["dbSNP_functional_annotation"].strip(".")
            evidence = f"dbSNP {annotation}" if annotation else None
            genes[gene] = MappedGene(gene, distance, "overlap" if distance == 0 else "nearest", evidence)
        else:
            genes[gene] = MappedGene(gene, None, "linked", f"r2 {row['r2']} with {row['rsID']}")
    return list(genes.values())
