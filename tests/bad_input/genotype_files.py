"""Genotypes: people, chromosomes and builds of filesets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ecgwas.genotypes import chromosomes, genome_build
from tests.bad_input.harness import REFUSED, RIGHT, Case, Ending, ended, put
from tests.genotypes import fileset
from tests.genotypes.test_filesets import write_bgen

PEOPLE, VARIANTS = 14, 60
DOSAGE = fileset.draw(PEOPLE, VARIANTS, 21)
EIDS = [f"p{i}" for i in range(PEOPLE)]
MIXED = [f"p{i}" for i in np.random.default_rng(5).permutation(PEOPLE)]


def read(stem: Path, **more: object) -> bool:
    """Every file opened as `check` does; True if everybody has the genotypes and the sex that were drawn for them."""
    options = fileset.matrix_options(stem, **more)
    opened = [chromosomes.open_chromosome(options, part) for part in chromosomes.available(options)]
    genome_build.check_build(options, opened)
    chromosomes.untested(options)
    people = chromosomes.eids_in_all_files(options)
    number = np.array([int(eid[1:]) for eid in people])
    for part in opened:
        drawn = np.where(DOSAGE < 0, np.nan, DOSAGE)[:, : len(part)][number].T
        if not np.array_equal(part.dosages(0, len(part))[:, part.sample_index(people)], drawn, equal_nan=True):
            return False
        if not np.array_equal(part.sexes[part.sample_index(people)] % 2, (number + 1) % 2):
            return False
    return len(people) == PEOPLE


def fileset_case(
    what: str, how: str, says: str, spoil: Callable[[Path], object], *, name: str = "g", first: str = "g", **more: object
) -> Case:
    """A .bed spoilt by a function of its folder; name: what scan.genotypes says; first: the stem that is written."""

    def run(at: Path) -> Ending:
        fileset.write(at / first, DOSAGE, chrom=first.removeprefix("chr") if first != "g" else "1")
        spoil(at)
        return ended(lambda: read(at / name, **more))

    return Case("genotype files", what, how, says, run)


def sample(lines: Sequence[str]) -> str:
    rows = [f"F{eid} {eid} 0 {1 + int(eid[1:]) % 2}" for eid in lines]
    return "\n".join(["ID_1 ID_2 missing sex", "0 0 0 D", *rows]) + "\n"


def bgen(what: str, how: str, says: str, ids: list[str] | None, listed: str) -> Case:
    """A .bgen with identifiers of its own, or none, and a .sample."""

    def run(at: Path) -> Ending:
        write_bgen(at / "g.bgen", DOSAGE, ids)
        put(at / "g.sample", listed)
        return ended(lambda: read(at / "g"))

    return Case("genotype files", what, how, says, run)


def rewritten(ending: str, line: Callable[[int, list[str]], str], above: str = "", stem: str = "g") -> Callable[[Path], object]:
    """Each line of a list made anew from its number and cells."""

    def spoil(at: Path) -> None:
        path = at / f"{stem}.{ending}"
        rows = [row.split() for row in path.read_text().splitlines()]
        put(path, above + "".join(f"{line(i, row)}\n" for i, row in enumerate(rows)))

    return spoil


def moved(chrom: str, first: int, names: Sequence[str] = ()) -> Callable[[Path], object]:
    def line(i: int, row: list[str]) -> str:
        return "\t".join([chrom, names[i] if i < len(names) else row[1], "0", str(first + i), *row[4:]])

    return rewritten("bim", line)


def without(*names: str) -> Callable[[Path], object]:
    """The fileset of chromosome 6 without some of its files."""

    def spoil(at: Path) -> None:
        fileset.write(at / "chr6", DOSAGE, chrom="6")
        for name in names:
            (at / name).unlink()

    return spoil


def fam(count: int) -> Callable[[Path], object]:
    rows = "".join(f"f p{i} 0 0 {1 + i % 2} -9\n" for i in range(count))
    return lambda at: put(at / "g.fam", rows)


def other_people(at: Path) -> None:
    """Chromosome 6 with its own .fam, in another order."""
    number = [int(eid[1:]) for eid in MIXED]
    fileset.write(at / "chr6", DOSAGE[number], chrom="6")
    put(at / "chr6.fam", "".join(f"f {eid} 0 0 {1 + int(eid[1:]) % 2} -9\n" for eid in MIXED))


def person(*columns: str) -> Callable[[int, list[str]], str]:
    return lambda i, row: " ".join(name.format(eid=row[1], sex=row[4]) for name in columns)


CASES: list[Case] = [
    bgen("a .sample in the order of the .bgen", RIGHT, "", EIDS, sample(EIDS)),
    bgen("a .sample in another order than the .bgen", RIGHT, "", EIDS, sample(MIXED)),
    bgen("the same, identifiers of family and person", RIGHT, "", [f"F{eid}_{eid}" for eid in EIDS], sample(MIXED)),
    bgen("the same, identifiers of the family column", RIGHT, "", [f"F{eid}" for eid in EIDS], sample(MIXED)),
    bgen("a .bgen without identifiers", RIGHT, "", None, sample(EIDS)),
    bgen("identifiers made up by a program",
         RIGHT, "", [f"(unknown_sample_{i})" for i in range(1, PEOPLE + 1)], sample(EIDS)),
    bgen("identifiers of other people in the .bgen",
         REFUSED, "not in g.sample", [f"q{i}" for i in range(PEOPLE)], sample(EIDS)),
    bgen("one identifier that only the .bgen has", REFUSED, "not in g.sample: x", [*EIDS[:-1], "x"], sample(EIDS)),
    bgen("an identifier given twice in the .bgen", REFUSED, "more than once", [*EIDS[:-1], "p0"], sample(EIDS)),
    bgen("a .sample without its line of column types", REFUSED, "second line must hold the types", EIDS,
         sample(EIDS).replace("0 0 0 D\n", "")),
    bgen("the same, no identifiers in the .bgen", REFUSED, "second line must hold the types", None,
         sample(EIDS).replace("0 0 0 D\n", "")),
    bgen("a .sample with one person too few", REFUSED, "holds 14 people, but g.sample lists 13", None, sample(EIDS[:-1])),
    bgen("a .sample with one person too many", REFUSED, "holds 14 people, but g.sample lists 15", EIDS, sample([*EIDS, "p99"])),
    bgen("a .sample without people", REFUSED, "g.sample lists 0", EIDS, sample([])),
    bgen("a .sample with a line that is too short",
         REFUSED, "lines without 4 columns: 5", EIDS, sample(EIDS).replace("Fp2 p2", "p2")),
    bgen("a .sample with other column names", REFUSED, "ID_1 and ID_2", EIDS, sample(EIDS).replace("ID_1 ID_2", "FID IID")),
    fileset_case("a .fam with one person too few that matches the size of the .bed",
                 REFUSED, "more people than the .fam lists", fam(PEOPLE - 1)),
    fileset_case("a .fam with one person too many that matches the size of the .bed",
                 REFUSED, "lists more people than there are", fam(PEOPLE + 1)),
    fileset_case("a .fam with two people too many that matches the size of the .bed",
                 REFUSED, "lists more people than there are", fam(PEOPLE + 2)),
    fileset_case("chromosomes with people in different orders", RIGHT, "", other_people, name="chr{chrom}", first="chr3"),
    fileset_case("a chromosome without its .bed",
                 REFUSED, "chr6.bed is not", without("chr6.bed"), name="chr{chrom}", first="chr3"),
    fileset_case("a chromosome with only a .bim", REFUSED, "chr6.bed is not", without("chr6.bed", "chr6.fam"),
                 name="chr{chrom}", first="chr3"),
    fileset_case("a chromosome with only a .fam", REFUSED, "chr6.bed is not", without("chr6.bed", "chr6.bim"),
                 name="chr{chrom}", first="chr3"),
    fileset_case("a chromosome without its .bim", REFUSED, "missing", without("chr6.bim"), name="chr{chrom}", first="chr3"),
    fileset_case("a chromosome without files", RIGHT, "", lambda at: None, name="chr{chrom}", first="chr3"),
    fileset_case("a .fam without phenotypes: five columns", RIGHT, "", rewritten("fam", person("f", "{eid}", "0", "0", "{sex}"))),
    fileset_case("a .fam with a header line", RIGHT, "",
                 rewritten("fam", person("f", "{eid}", "{sex}"), "#FID IID SEX\n")),
    fileset_case("a .fam with #IID and SID", RIGHT, "", rewritten("fam", person("{eid}", "s1", "{sex}"), "#IID SID SEX\n")),
    fileset_case("a .fam with a header line without #", REFUSED, "does not begin with #",
                 rewritten("fam", person("f", "{eid}", "{sex}"), "FID IID SEX\n")),
    fileset_case("a .fam of two columns", REFUSED, "without 6 columns", rewritten("fam", person("{eid}", "{sex}"))),
    fileset_case("variants without a name", RIGHT, "", moved("1", 5_000_000, ["."] * VARIANTS)),
    fileset_case("one name for all variants", RIGHT, "", moved("1", 5_000_000, ["rs1"] * VARIANTS)),
    fileset_case("variants of PAR1", RIGHT, "", moved("PAR1", 500_000)),
    fileset_case("variants of XY", RIGHT, "", moved("25", 500_000)),
    fileset_case("XY requested without X", REFUSED, "but not X", moved("25", 500_000), chromosomes=("1", "XY")),
    fileset_case("only unplaced variants", REFUSED, "none of the requested chromosomes", moved("0", 0)),
    fileset_case("only contigs", REFUSED, "none of the requested chromosomes", moved("chrUn_KI270742v1", 7_000)),
    fileset_case("positions of hg38, recognised by well-known variants", REFUSED, "rs7412", moved("19", 44_908_822, ["rs7412"])),
    fileset_case("the same in a study of hg38", RIGHT, "", moved("19", 44_908_822, ["rs7412"]), build="hg38"),
    fileset_case("positions beyond the end of the chromosome on hg19",
                 REFUSED, "positions are those of hg38", moved("17", 83_000_000)),
    fileset_case("positions beyond the end of the chromosome on hg19 and hg38", REFUSED, "on hg19 and on hg38", moved("21", 80_000_000)),
]  # fmt: skip
