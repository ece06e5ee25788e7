"""Ranges against a loop over every gene, and each format against a hand-made line."""

from __future__ import annotations

import csv
import gzip
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgwas.errors import InputError
from ecgwas.genes.sources import regions
from ecgwas.genes.sources.gene_positions import ChromosomeGenes, GeneModel, GenePositions
from ecgwas.genes.web.contract import chromosome
from ecgwas.study import Regions
from ecgwas.tables import Loci
from tests.genes.hits import variants_of

FORMATS = {
    "glist-hg19": "19 101 200 AAA\nX 5 9 BBB\n",
    "genes.bed": "chr19\t100\t200\tAAA\t0\t+\nchrX\t4\t9\tBBB\t0\t-\n",
    "nine.bed": "chr19\t100\t200\tAAA\t0\t+\t100\t200\t0\nchrX\t4\t9\tBBB\t0\t-\t4\t9\t0\n",
    "NCBI37.3.gene.loc": "7\t19\t101\t200\t-\tAAA\n8\tX\t5\t9\t+\tBBB\n",
    "gencode.gtf": (
        "##format: gtf\n"
        'chr19\tHAVANA\tgene\t101\t200\t.\t+\t.\tgene_id "ENSG1"; gene_name "AAA";\n'
        'chr19\tHAVANA\texon\t101\t150\t.\t+\t.\tgene_id "ENSG1"; gene_name "AAA";\n'
        'chrX\tHAVANA\tgene\t5\t9\t.\t+\t.\tgene_id "ENSG2"; gene_name "BBB";\n'
    ),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_every_format_gives_the_same_genes(name: str, packed: bool, line_end: str, tmp_path: Path) -> None:
    text = FORMATS[name].replace("\n", line_end).encode()
    path = tmp_path / (name + ".gz" if packed else name)
    path.write_bytes(gzip.compress(text) if packed else text)
    table = regions.read(path)
    assert {chrom: (r.start.tolist(), r.stop.tolist(), r.symbols) for chrom, r in table.items()} == {
        "19": ([101], [200], ("AAA",)),
        "X": ([5], [9], ("BBB",)),
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no genes"),
        (b"1 100\n", "line 1"),
        (b"1 1 10 A\n1 30 20 B\n", "line 2"),
        (b"1 one two A\n", "line 1"),
        (gzip.compress(b"1 1 10 A\n" * 5000, mtime=0)[:-20], "gzip"),
    ],
)
def test_bad_tables_are_refused(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / ("genes.gz" if content[:2] == b"\x1f\x8b" else "genes")
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        regions.read(path)
    with pytest.raises(InputError, match="missing"):
        regions.read(tmp_path / "absent")


ranges = st.lists(st.tuples(st.integers(1, 300), st.integers(0, 80)), min_size=1, max_size=25)


@given(ranges, st.integers(1, 400), st.integers(0, 30), st.integers(0, 200))
def test_nearest_is_what_a_loop_over_all_genes_finds(found: list[tuple[int, int]], pos: int, window: int, limit: int) -> None:
    genes = [(start, start + width, f"G{k:02d}") for k, (start, width) in enumerate(found)]
    positions = GenePositions({"1": ChromosomeGenes.of(genes)}, window, limit)
    distance = {name: max(0, a - pos, pos - b) for a, b, name in genes}
    inside = {name: d for name, d in distance.items() if d <= window}
    least = min(distance.values())
    expected = inside or {name: d for name, d in distance.items() if d == least and d <= limit}
    nearest = positions.nearest("1", pos)
    assert {gene.gene: gene.distance_bp for gene in nearest} == expected
    assert {gene.relation for gene in nearest} <= {"overlap" if inside else "nearest"}
    distances = [gene.distance_bp for gene in nearest]
    assert distances == sorted(distances)


def test_a_variant_far_from_all_genes_is_kept_without_one(tmp_path: Path) -> None:
    path = tmp_path / "glist"
    path.write_text("1 100 200 A\n1 150 160 A\n")
    variants = variants_of([("rs1", "1", 155, "A", "G"), ("rs2", "1", 260, "A", "G"), ("rs3", "7", 5, "A", "G")])
    loci = Loci.empty()
    genes = regions.annotate(Regions(file=path, max_distance_bp=50), variants, loci).frame
    assert genes.select("variant", "gene", "distance_bp", "rank", "relation", "evidence").rows() == [
        ("rs1", "A", 0, 1, "overlap", None),
        ("rs2", None, None, None, "none", "no gene within 50 bp"),
        ("rs3", None, None, None, "none", "no gene within 50 bp"),
    ]


def test_several_genes_of_a_variant_are_kept_with_distance_and_rank(tmp_path: Path) -> None:
    path = tmp_path / "glist"
    path.write_text("1 100 200 B\n1 150 260 A\n1 205 300 C\nchr1 900 950 D\n")
    variants = variants_of([("rs1", "1", 198, "A", "G")])
    genes = regions.annotate(Regions(file=path, window_bp=10), variants, Loci.empty()).frame
    assert genes.select("gene", "distance_bp", "rank").rows() == [("A", 0, 1), ("B", 0, 2), ("C", 7, 3)]


GTF = (
    'chr1\tX\tgene\t1\t9\t.\t+\t.\tgene_id "E1"; gene_type "lncRNA"; gene_name "AAA";\n'
    'chr1\tX\texon\t1\t9\t.\t+\t.\tgene_id "E1"; gene_type "lncRNA"; gene_name "AAA";\n'
    'chr1\tX\tgene\t5\t20\t.\t+\t.\tgene_id "E2"; gene_{}type "protein_coding"; gene_name "BBB";\n'
)


@pytest.mark.parametrize("bio", ["", "bio"])
def test_protein_coding_genes_alone(bio: str, tmp_path: Path) -> None:
    path = tmp_path / "genes.gtf"
    path.write_text(GTF.format(bio))
    assert regions.read(path)["1"].symbols == ("AAA", "BBB")
    assert regions.read(path, protein_coding=True)["1"].symbols == ("BBB",)


def test_a_table_without_types_of_genes_cannot_be_asked_for_one(tmp_path: Path) -> None:
    (tmp_path / "glist").write_text("1 100 200 A\n")
    with pytest.raises(InputError, match="types"):
        regions.read(tmp_path / "glist", protein_coding=True)


@pytest.mark.real
def test_known_ecg_loci_meet_their_genes(shared: Path) -> None:
    positions = regions.gene_positions(Regions(file=shared / "data" / "genes" / "glist-hg19"))
    # hg19 positions of lead variants of the literature (rs12143842, rs6801957, rs1805128, rs2074238).
    places = {"NOS1AP": ("1", 162033890), "SCN10A": ("3", 38767315), "KCNE1": ("21", 35821680), "KCNQ1": ("11", 2484803)}
    for gene, (chrom, pos) in places.items():
        assert gene in [nearest.gene for nearest in positions.nearest(chrom, pos)], gene


@pytest.mark.real
def test_published_ecg_loci_meet_the_genes_that_their_papers_name(shared: Path) -> None:
    """The 699 published variants of Verweij et al. 2020 (table S13, hg19); a paper may name several genes, or a farther one."""
    positions = regions.gene_positions(Regions(file=shared / "data" / "genes" / "glist-hg19"))
    with (shared / "data" / "known" / "ecgenetics_tableS13.tsv").open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    agreeing, found = 0, set()
    for row in rows:
        mapped = {nearest.gene for nearest in positions.nearest(chromosome(row["CHR"]), int(row["BP"]))}
        agreeing += bool(mapped & set(re.split(r"[,;/\s]+|-(?=[A-Z])", row["gene"])))
        found |= mapped
    print(f"table S13: {agreeing} of {len(rows)} variants lie in or nearest to a gene that the table names")
    assert len(rows) == 699
    assert agreeing / len(rows) > 0.85
    assert {"SCN5A", "SCN10A", "NOS1AP", "KCNQ1", "KCNH2"} <= found


def contract_options(folder: Path, address: str) -> Regions:
    """What test_contract.py tests this kind with."""
    path = folder / "genes.txt"
    path.write_text(
        "1 162000000 162030000 NOS1AP\n3 38500000 38600000 SCN5A\n3 38700000 38800000 SCN10A\n11 2400000 2500000 KCNQ1\n"
    )
    return Regions(file=path)


def exon(symbol: str, start: int, stop: int, tag: str = "") -> str:
    attributes = f'gene_id "E1"; gene_name "{symbol}";{tag}'
    return f"chr19\tHAVANA\texon\t{start}\t{stop}\t.\t-\t.\t{attributes}\n"


def models(path: Path, *windows: tuple[str, int, int]) -> list[list[GeneModel]]:
    return regions.gene_models(Regions(file=path, protein_coding=False), windows)


def test_exons_are_those_of_the_canonical_transcript_or_of_all(tmp_path: Path) -> None:
    path = tmp_path / "genes.gtf"
    genes = "".join(
        f'chr19\tHAVANA\tgene\t{start}\t{stop}\t.\t{strand}\t.\tgene_id "E1"; gene_name "{name}";\n'
        for name, start, stop, strand in (("AAA", 101, 900, "-"), ("BBB", 1001, 1900, "+"), ("FAR", 9001, 9900, "+"))
    )
    canonical = ' tag "Ensembl_canonical";'
    exons = [exon("AAA", 101, 200, canonical), exon("AAA", 801, 900, canonical), exon("AAA", 401, 500),
             exon("BBB", 1001, 1100), exon("BBB", 1051, 1200), exon("BBB", 1801, 1900), exon("BBB", 5000, 5100)]  # fmt: skip
    path.write_text(genes + "".join(exons))
    first, second, none = models(path, ("19", 850, 1000), ("19", 1, 2000), ("1", 1, 2000))
    assert first == [GeneModel("AAA", 101, 900, "-", ((101, 200), (801, 900)))]
    assert second[1] == GeneModel("BBB", 1001, 1900, "+", ((1001, 1200), (1801, 1900)))
    assert none == []


@pytest.mark.parametrize(("name", "strands"), [("glist-hg19", [None, None]), ("genes.bed", ["+", "-"]),
                                              ("NCBI37.3.gene.loc", ["-", "+"]), ("gencode.gtf", ["+", "+"])])  # fmt: skip
def test_strands_are_read_where_the_format_has_them(name: str, strands: list[str | None], tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(FORMATS[name])
    found = models(path, ("19", 1, 1000), ("X", 1, 1000))
    assert [gene.strand for genes in found for gene in genes] == strands
    assert [(gene.symbol, gene.start, gene.stop) for genes in found for gene in genes] == [("AAA", 101, 200), ("BBB", 5, 9)]


def test_a_bed_of_twelve_columns_has_exons(tmp_path: Path) -> None:
    path = tmp_path / "genes.bed"
    path.write_text("chr1\t1000\t5000\tAAA\t0\t-\t1000\t5000\t0\t2\t567,488,\t0,3512,\n")
    # The example of UCSC's description of the format: blocks 1000-1567 and 4512-5000, counted from 0.
    assert models(path, ("1", 1, 9000)) == [[GeneModel("AAA", 1001, 5000, "-", ((1001, 1567), (4513, 5000)))]]
