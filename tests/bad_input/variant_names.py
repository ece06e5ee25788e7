"""Variant names: they are labels and join nothing. Gene symbols that a spreadsheet changed. Studies of a meta-analysis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ecgwas import gene_symbols, genes
from ecgwas.errors import Caution
from ecgwas.exchange.meta_studies import comparable, read_study
from ecgwas.genes.sources import gwas_catalog, regions
from ecgwas.genes.web.contract import Variants
from ecgwas.loci import known
from ecgwas.study import Enrichment, GwasCatalog, Regions, StringFiles
from ecgwas.tables import VARIANT_KEY, Associations, Loci
from tests.bad_input.harness import REFUSED, RIGHT, Case, Ending, ended, put
from tests.exchange.test_meta_studies import REFUSED as NOT_ALIKE

GLIST = "3 100 200 SCN5A\n6 100 200 CDKN1A\n11 100 200 KCNQ1\n"
PLACES = (("3", 150, "A", "G"), ("6", 150, "A", "G"), ("3", 150, "T", "G"), ("11", 950, "A", "G"))
"""Two loci, a second allele of the first variant, and a variant without a gene."""


def nobody(question: object, understand: object) -> None:
    raise AssertionError("the net was asked")


def hits(names: Sequence[str | None]) -> Associations:
    strengths = (25.0, 33.0, 12.0, 9.0)
    return Associations.of([
        {"trait": "clinical.V1.qrs_ms", "variant": name, "chrom": chrom, "pos": pos, "effect_allele": effect,
         "other_allele": other, "eaf": 0.3, "n": 300, "beta": 1.0, "se": 0.1, "t": 10.0, "neglog10p": strength}
        for name, (chrom, pos, effect, other), strength in zip(names, PLACES, strengths, strict=True)
    ])  # fmt: skip


def mapped(names: Sequence[str | None]) -> object:
    """Genes, and counts of variants and the strongest -log10 p, whatever the names are."""

    def run(at: Path) -> Ending:
        source = Regions(file=put(at / "glist", GLIST), max_distance_bp=100)
        found = genes.run([source], Loci.empty(), hits(names), nobody)
        rows = found.genes.frame.select("chrom", "gene").rows()
        counts = {row[0]: row[1:] for row in found.gene_counts.frame.select("gene", "variants", "neglog10p").iter_rows()}
        right = rows == [("3", "SCN5A"), ("6", "CDKN1A"), ("3", "SCN5A"), ("11", None)]
        return ended(lambda: right and counts == {"SCN5A": (2, 25.0), "CDKN1A": (1, 33.0)})

    return run


def named(what: str, names: Sequence[str | None]) -> Case:
    return Case("variant names", what, RIGHT, "", mapped(names))


HEADER = "PUBMEDID\tDISEASE/TRAIT\tCHR_ID\tCHR_POS\tMAPPED_GENE\tSNPS\tPVALUE_MLOG\tSTUDY ACCESSION\n"


def published(what: str, line: str, names: Sequence[str], expected: Sequence[str], build: str = "hg19") -> Case:
    """expected: chromosomes of the hit variants that the line of the catalog is about."""

    def run(at: Path) -> Ending:
        cells = line.split("|")
        content = HEADER + "\t".join(["1", "QRS", *cells[:2], "SCN5A", cells[2], "9.0", "GCST1"]) + "\n"
        options = GwasCatalog(file=put(at / "catalog.tsv", content))
        frame = hits(names).frame.select("variant", *VARIANT_KEY)
        found = gwas_catalog.look_up(options, Variants(frame, build), Loci.empty(), nobody).published
        return ended(lambda: sorted(found.frame["chrom"]) == sorted(expected))

    return Case("variant names", f"GWAS Catalog: {what}", RIGHT, "", run)


ONE_NAME, NO_NAMES = ("rs1", "rs1", "rs2", "rs3"), (".", ".", ".", ".")
NAMES = [
    named("no names, as from a VCF without IDs", NO_NAMES),
    named("an empty cell", (None, None, None, None)),
    named("one name for variants of two chromosomes", ONE_NAME),
    named("one name for everything", ("rs1",) * 4),
    named("one name for the alleles of a position", ("rs1", "rs2", "rs1", "rs3")),
    named("each other's positions as names", ("6:150:A:G", "3:150:A:G", "11:950:A:G", "3:150:T:G")),
    named("gene symbols as names", ("CDKN1A", "SCN5A", "KCNQ1", "SCN5A")),
    published("a name that two chromosomes have", "3|999|rs1", ONE_NAME, ["3"]),
    published("`3;3`, two variants of one chromosome", "3;3|998;999|rs1; rs2", ONE_NAME, ["3", "3"]),
    published("`3 x 6`, an interaction", "3 x 6|998 x 999|rs2 x rs1", ONE_NAME, ["3", "6"]),
    published("no chromosome", "||rs3", ONE_NAME, ["11"]),
    published("hg38, no names: by position", "6|150|rs77", NO_NAMES, ["6"], "hg38"),
    published("hg38, no names: `3;6` by positions", "3;6|1;150|rs77; rs78", NO_NAMES, ["6"], "hg38"),
    published("hg19, no names: positions are of another build", "6|150|rs77", NO_NAMES, []),
]


def cautioned(facts: Sequence[str]) -> Ending:
    """RIGHT with the words of the one warning over damaged symbols, which say how many there are."""
    warnings = [fact for fact in facts if isinstance(fact, Caution) and "gene symbols" in fact]
    return Ending(RIGHT, warnings[0]) if len(warnings) == 1 else Ending(f"{len(warnings)} warnings")


def gene_table(what: str, says: str, symbols: Sequence[str], separator: str = "\t") -> Case:
    lines = [separator.join(("1", str(100 * k + 1), str(100 * k + 50), name)) for k, name in enumerate(("AAA", *symbols))]

    def run(at: Path) -> Ending:
        return cautioned(genes.check([Regions(file=put(at / "glist", "\n".join(lines) + "\n"))]))

    return Case("gene symbols of a spreadsheet", what, RIGHT, says, run)


def terms(at: Path) -> Ending:
    content = "heart\tx\tSCN5A\t1-Mar\tTTN\nskin\ty\t2-Sep\tKRT1\n"
    return cautioned(genes.check([Regions(file=put(at / "glist", GLIST)), Enrichment(terms=put(at / "a.gmt", content))]))


def network(at: Path) -> Ending:
    content = "#node1\tnode2\tcombined_score\nSCN5A\t2001-09-02\t0.9\nSCN5A\tTTN\t0.8\n"
    return cautioned(genes.check([Regions(file=put(at / "glist", GLIST)), StringFiles(links=put(at / "n.tsv", content))]))


def proteins(at: Path) -> Ending:
    info = put(at / "info.txt", "#string_protein_id\tpreferred_name\n9606.P0\tSCN5A\n9606.P1\t01.03.\n")
    links = put(at / "links.txt", "protein1 protein2 combined_score\n9606.P0 9606.P1 900\n")
    return cautioned(genes.check([Regions(file=put(at / "glist", GLIST)), StringFiles(links=links, info=info)]))


def known_genes(at: Path) -> Ending:
    frame = known.read(put(at / "k.tsv", "trait\tchrom\tpos\tgene\nQT\t1\t5\t1. Mrz\nQT\t1\t9\tNOS1AP\n")).frame
    warning = gene_symbols.warning(frame["gene"], "k.tsv")
    return cautioned([] if warning is None else [warning])


OF_SPREADSHEETS = [
    gene_table("English dates, serial numbers, powers of ten", "4 of 5 gene symbols", ("1-Mar", "2-Sep", "43891", "2.31E+13")),
    gene_table("German dates", "2 of 3 gene symbols", ("1. Mrz", "01.09.2001")),
    gene_table("French and Spanish dates", "2 of 3 gene symbols", ("1-mars", "2-sept")),
    gene_table("dates with the year first", "1 of 2 gene symbols", ("2001-03-01",)),
    gene_table("month and year, columns separated by blanks", "1 of 2 gene symbols", ("Sep-02",), " "),
    gene_table("formula errors", "1 of 2 gene symbols", ("#NAME?",)),
    Case("gene symbols of a spreadsheet", "in a GMT file", RIGHT, "a.gmt: 2 of 5 gene symbols", terms),
    Case("gene symbols of a spreadsheet", "in an exported network", RIGHT, "n.tsv: 1 of 3 gene symbols", network),
    Case("gene symbols of a spreadsheet", "in STRING's protein.info", RIGHT, "info.txt: 1 of 2 gene symbols", proteins),
    Case("gene symbols of a spreadsheet", "in the table of known loci", RIGHT, "k.tsv: 1 of 2 gene symbols", known_genes),
]  # fmt: skip


def of_chromosomes(what: str, how: str, says: str, name: str) -> Case:
    """A table whose genes are on chromosomes of other names."""

    def run(at: Path) -> Ending:
        path = put(at / "genes.tsv", f"{name}\t100\t200\tAAA\n{name}\t300\t400\tBBB\n")
        return ended(lambda: bool(genes.check([Regions(file=path)], "hg19")) and set(regions.read(path)) == {"6"})

    return Case("gene tables", what, how, says, run)


CHROMOSOME_NAMES = [
    of_chromosomes("chromosomes with chr", RIGHT, "", "chr6"),
    of_chromosomes("chromosomes by RefSeq accession", RIGHT, "", "NC_000006.11"),
    of_chromosomes("cytogenetic bands as chromosomes", REFUSED, "the table calls its chromosomes 1p36", "1p36"),
    of_chromosomes("only contigs", REFUSED, "no gene is on a chromosome", "GL000192.1"),
]


def not_alike(what: str) -> Case:
    make, words = NOT_ALIKE[what]

    def run(at: Path) -> Ending:
        studies = make(at)
        return ended(lambda: bool(comparable([read_study(path) for path in studies])))

    return Case("meta-analysis", what, REFUSED, words.split(".*")[0].strip(), run)


CASES: list[Case] = [*NAMES, *OF_SPREADSHEETS, *CHROMOSOME_NAMES, *(not_alike(what) for what in NOT_ALIKE)]
