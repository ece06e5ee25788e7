"""Variants in lists of users: by name, by place, by place and alleles; names that several variants share."""

from __future__ import annotations

from pathlib import Path

from ecgwas.genotypes import chromosomes, requested
from ecgwas.loci import known
from ecgwas.stages import report
from tests.bad_input.harness import REFUSED, RIGHT, Case, Ending, ended, put
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options

BIM = "1 rs1 0 100 G A\n1 rs1 0 200 G A\n1 rs5 0 300 G A\n1 rs5 0 300 T A\n1 . 0 400 GAT A\n1 1:100:A:G 0 500 G A\n"


def listed(what: str, how: str, says: str, content: str, expected: list[tuple[int, str]] | None = None, *,
           warns: str = "") -> Case:  # fmt: skip
    """expected: position and effect allele of what is tested; warns: part of the one warning, empty: none."""

    def run(at: Path) -> Ending:
        fileset.write(at / "g", fileset.draw(12, BIM.count("\n"), 1))
        put(at / "g.bim", BIM)
        options = matrix_options(at / "g", variants=put(at / "v.txt", content))

        def right() -> bool:
            warnings = requested.check_lists(options)
            part = chromosomes.open_chromosome(options, "1")
            told = warnings == [] if not warns else len(warnings) == 1 and warns in warnings[0]
            return told and list(zip(part.positions, part.effect_alleles, strict=True)) == expected

        return ended(right)

    return Case("lists of variants", what, how, says, run)


def loci(what: str, how: str, says: str, content: str, expected: list[tuple[str, int, str | None]]) -> Case:
    return Case("known loci", what, how, says, lambda at: ended(
        lambda: known.read(put(at / "k.tsv", content)).frame.select("chrom", "pos", "first").rows() == expected))  # fmt: skip


def planted(what: str, how: str, says: str, header: str, line: str, expected: tuple[str, int] = ("X", 7)) -> Case:
    content = f"{header}\tparameter\teffect\tunit\n{line}\tqt_ms\t5\tms\n"
    return Case("planted effects", what, how, says, lambda at: ended(
        lambda: report._planted(put(at / "p.tsv", content)).select("chrom", "pos").row(0) == expected))  # fmt: skip


CASES: list[Case] = [
    listed("chrom:pos:ref:alt", RIGHT, "", "1:200:A:G\n", [(200, "G")]),
    listed("chrom:pos:alt:ref", RIGHT, "", "1:200:G:A\n", [(200, "G")]),
    listed("with chr", RIGHT, "", "chr1:200:A:G\n", [(200, "G")]),
    listed("underscores between place and alleles", RIGHT, "", "1:200_A_G\n", [(200, "G")]),
    listed("dashes, as in gnomAD", RIGHT, "", "1-400-A-GAT\n", [(400, "GAT")]),
    listed("chrom:pos", RIGHT, "", "chr1:400\n", [(400, "GAT")]),
    listed("places and names together", RIGHT, "", "variant\tp\n1:200:A:G\t1\n1:400:A:GAT\t1\n", [(200, "G"), (400, "GAT")]),
    listed("a name shared by two positions", REFUSED, "rs1 (2: 1:100:A:G, 1:200:A:G)", "rs1\n1:400\n"),
    listed("a name shared by two variants of a position", RIGHT, "", "rs5\n", [(300, "G"), (300, "T")], warns="(rs5: 2)"),
    listed("chrom:pos of two variants", RIGHT, "", "1:300\n", [(300, "G"), (300, "T")], warns="(1:300: 2)"),
    listed("one allele of such a position", RIGHT, "", "1:300:A:T\n", [(300, "T")]),
    listed("a place that is another variant's name", REFUSED, "1:100:A:G (2:", "1:100:A:G\n"),
    listed("that place with chr", RIGHT, "", "chr1:100:A:G\n", [(100, "G")]),
    listed("other alleles", REFUSED, "1 of them are at a position of the genotypes, with other alleles", "1:400:A:C\n"),
    listed("other alleles in one of two", RIGHT, "", "1:400:A:C\n1:200\n", [(200, "G")], warns="with other alleles"),
    listed("a dot as a name", REFUSED, "chrom:pos:ref:alt", "1:200\n.\n"),
    listed("PAR1 in the first line", REFUSED, "none of the 1 variants listed", "PAR1:70000\n"),
    loci("place and alleles in one column", RIGHT, "", "trait\tvariant\nqt\tchr3:5:G:A\n", [("3", 5, "A")]),
    loci("place in one column, other lines named", RIGHT, "", "trait,SNP\nqt,rs1\nqt,23:7\n", [("X", 7, None)]),
    loci("alleles, and columns of the place", RIGHT, "", "trait\tchrom\tpos\tvariant\nqt\t3\t5\t3:5_T_C\n", [("3", 5, "C")]),
    loci("a name that is another place", RIGHT, "", "trait\tchrom\tpos\tvariant\nqt\t3\t5\t3:9:T:C\n", [("3", 5, None)]),
    loci("CHR in capitals", RIGHT, "", "trait\tchrom\tpos\nqt\tCHR3\t5\n", [("3", 5, None)]),
    loci("only names", REFUSED, "chrom:pos:ref:alt in a column variant", "trait\trsid\nqt\trs1\n", []),
    planted("columns of the place, CHRX", RIGHT, "", "variant\tchrom\tpos", "rs1\tCHRX\t7"),
    planted("PLINK's code of X", RIGHT, "", "variant\tchrom\tpos", "rs1\t23\t7"),
    planted("the place in the name", RIGHT, "", "variant", "chrX:7:A:G"),
    planted("only a name", REFUSED, "chrom:pos:ref:alt as variant", "variant", "rs1"),
]  # fmt: skip
