"""Tables, lists, genotypes, gene files and study files that were once misread, or refused unclearly."""

from __future__ import annotations

from pathlib import Path

from tests.bad_input.harness import REFUSED, RIGHT, Case
from tests.bad_input.whole_study import (
    PEOPLE,
    Spoil,
    beside,
    both,
    by_chromosome,
    cohort,
    column,
    eids,
    header,
    recordings,
    rows_of,
    scan,
    study,
    table,
    traits,
    whole,
    written,
)


def covariates(what: str, how: str, says: str, spoil: Spoil, cure: str = "") -> Case:
    return whole("covariates", what, how, says, spoil, cure)


def ids(what: str, how: str, says: str, spoil: Spoil, cure: str = "") -> Case:
    return whole("lists of ids", what, how, says, spoil, cure)


def folders(what: str, how: str, says: str, spoil: Spoil, cure: str = "") -> Case:
    return whole("folders of recordings", what, how, says, spoil, cure)


def genotypes(what: str, how: str, says: str, spoil: Spoil, cure: str = "") -> Case:
    return whole("genotype files", what, how, says, spoil, cure)


def yaml(what: str, how: str, says: str, spoil: Spoil, cure: str = "") -> Case:
    return whole("study.yaml", what, how, says, spoil, cure)


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def genes(what: str, how: str, says: str, spoil: Spoil, cure: str = "") -> Case:
    return whole("files of genes, terms and networks, together", what, how, says, spoil, cure)


def known(what: str, how: str, says: str, content: str, cure: str = "") -> Case:
    named = study("  threshold: permutation", "  known: k.tsv\n  threshold: permutation")
    return whole("known loci", what, how, says, written("k.tsv", content, named), cure)


COVARIATES = [
    covariates("the id again, as IID", RIGHT, "an id of the person: IID", column("IID", lambda i, row: row[0])),
    covariates("the id again, under another name", RIGHT, "an id of the person: barcode",
               column("barcode", lambda i, row: row[0])),
    covariates("families as FID, in words", RIGHT, "an id of the person: FID", column("FID", lambda i, row: f"F{i}")),
    covariates("#FID and IID, no eid", REFUSED, "no column eid",
               table(lambda rows: [["#FID", "IID", *rows[0][1:]], *([row[0], *row] for row in rows[1:])]), "rename the column IID"),
    covariates("column names of UK Biobank's Research Analysis Platform", REFUSED, "no column eid",
               header(("eid", "participant.eid")), "rename the column participant.eid"),
    covariates("assessment centres named by UK Biobank's field", RIGHT, "covariate p54_i2 (UK Biobank: assessment centre)",
               header(("center", "p54_i2"))),
    covariates("centres in British spelling", RIGHT, "covariate centre: 6 whole numbers", header(("center", "centre"))),
    covariates("batches numbered below and above zero", RIGHT, "covariate 22000-0.0 (UK Biobank: genotyping batch)",
               column("22000-0.0", lambda i, row: str(i % 9 - 11))),
    covariates("centres missing from the user's list of categories", RIGHT, "covariate center: 6 whole numbers",
               traits("categorical: [sex]")),
    covariates("a category that is not used", RIGHT, "names sex, which traits.use does not",
               both(traits("use: [age]"), traits("categorical: [sex]"))),
    covariates("a number declared a category", RIGHT, "pc1: none of its 60 levels has 5 people",
               traits("categorical: [pc1, center]")),
    covariates("a category with one participant per level", RIGHT, "ward: none of its 60 levels",
               both(column("ward", lambda i, row: f"w{i}"), traits("categorical: [ward, center]"))),
    covariates("values too large to be squared", REFUSED, "covariate x cannot be used",
               column("x", lambda i, row: f"{i}e160"), "another unit"),
    covariates("values too small to be squared", REFUSED, "covariate x cannot be used", column("x", lambda i, row: f"{i}e-320")),
    covariates("whole numbers that are equal after rounding", RIGHT, "", column("x", lambda i, row: str(10**17 + i))),
    covariates("an empty first line", RIGHT, "", table(lambda rows: rows, above="\n")),
    covariates("Excel's first line sep=,", RIGHT, "", table(lambda rows: rows, ",", above="sep=,\n")),
    covariates("a title above the header", REFUSED, "the header has 3 columns",
               table(lambda rows: rows, above="# exported 2024\n"), "titles and comments"),
    covariates("| between cells", REFUSED, "| seems to separate its cells", table(lambda rows: rows, "|"), "by tabs"),
    covariates("tabs in the header, commas below", REFUSED, "line 2 has 1",
               table(lambda rows: [rows[0], *([",".join(row)] for row in rows[1:])]), "the same character"),
    covariates("sexes coded opposite to the .fam", RIGHT, "covariate sex and the sexes in the genotype files differ in 60",
               beside("fam", 4, lambda i, sex: str(3 - int(sex)))),
    covariates("sexes that do not match the .fam, as of people in another order", RIGHT, "differ in",
               table(lambda rows: [rows[0], *([row[0], row[1], str(1 + i // 2 % 2), *row[3:]] for i, row in enumerate(rows[1:]))])),
    covariates("sexes as 0 and 1, as in UK Biobank", RIGHT, "",
               table(lambda rows: [rows[0], *([row[0], row[1], str(2 - int(row[2])), *row[3:]] for row in rows[1:])])),
    covariates("sexes as words", RIGHT, "",
               both(table(lambda rows: [rows[0], *([*row[:2], ("Male", "Female")[int(row[2]) - 1], *row[3:]] for row in rows[1:])]),
                    traits("categorical: [sex, center]"))),
]  # fmt: skip


def left_out(*lines: str) -> Spoil:
    return lambda at: written(
        "w.txt", "\n".join(lines) + "\n", study("  recordings: ecg", "  leave_out: w.txt\n  recordings: ecg")
    )(at)


def tested_people(make: str) -> Spoil:
    """make: a line of the list, with {eid}."""
    return lambda at: written(
        "p.txt", "".join(f"{make.format(eid=eid, i=i)}\n" for i, eid in enumerate(eids())), scan("people: p.txt")
    )(at)


def tested_variants(above: str, make: str) -> Spoil:
    def spoil(at: Path) -> None:
        names = [row[1] for row in rows_of(at / "genotypes" / "cohort.bim")][::2]
        lines = [make.format(name=name, chrom=name.split(":")[0], under=name.replace(":", "_")) for name in names]
        written("v.txt", above + "\n".join(lines) + "\n", scan("variants: v.txt"))(at)

    return spoil


IDS = [
    ids("everyone is to be excluded", REFUSED, "no participant is left to read", lambda at: left_out(*eids())(at), "read.leave_out"),
    ids("a header of two words", RIGHT, "", lambda at: left_out("Participant ID", *eids()[:2])(at)),
    ids("a comment above a header of several columns", RIGHT, "",
        lambda at: left_out("# of May", "eid,date", *(f"{eid},2024-05-01" for eid in eids()[:2]))(at)),
    ids("an id that became a date", REFUSED, "3-Jan is a date", lambda at: left_out("3-Jan", *eids()[:2])(at)),
    ids("narrow cells in the first line", REFUSED, "too narrow", lambda at: left_out("########", *eids()[:2])(at)),
    ids("people to test as PLINK's FID IID, no header", REFUSED, "none of the people listed is genotyped (listed: F",
        tested_people("F{i} {eid}"), "FID IID"),
    ids("only five people to test", REFUSED, "only 5 of 5", lambda at: written("p.txt", "\n".join(eids()[:5]), scan("people: p.txt"))(at),
        "traits.min_people"),
    ids("variants written with chr", RIGHT, "", tested_variants("", "chr{name}")),
    ids("variants written with _ instead of :", RIGHT, "", tested_variants("", "{under}")),
    ids("lines of a VCF as the list of variants", RIGHT, "",
        tested_variants("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\n", "{chrom}\t1\t{name}\tA")),
    ids("SAIGE's results as the list of variants", RIGHT, "", tested_variants("CHR POS MarkerID Allele1\n", "{chrom} 1 {name} A")),
]  # fmt: skip

FOLDERS = [
    folders("a table: one file for two people", REFUSED, "listed for several people",
            recordings(rows=lambda all: [(eid, all[max(i - 1, 0)] if i == 1 else eid) for i, eid in enumerate(all)]), "whose recording it is"),
    folders("a table: each person's file is another person's by its name", RIGHT, f"{PEOPLE} files are named with the eid of another person",
            recordings(rows=lambda all: [(eid, all[i - 1]) for i, eid in enumerate(all)])),
    folders("a table: none of the files exists", REFUSED, "60 of 60 files", recordings(rows=lambda all: [(eid, f"x/{eid}") for eid in all]),
            "the table's folder"),
    folders("a table: some files do not exist", RIGHT, "5 of 60 files",
            recordings(rows=lambda all: [(eid, f"x/{eid}" if i < 5 else eid) for i, eid in enumerate(all)])),
    folders("a table: Windows paths", REFUSED, "60 of 60 files",
            recordings(rows=lambda all: [(eid, f"x/C:\\data\\{eid}") for eid in all]), "with /"),
    folders("a table: IID instead of eid", REFUSED, "no column eid",
            recordings("IID\tpath", rows=lambda all: [(eid, eid) for eid in all]), "rename IID to eid"),
]  # fmt: skip


def renamed(change: Spoil, name: str) -> Spoil:
    """Files changed, then scan.genotypes."""
    return both(change, study("genotypes/cohort ", f"{name} "))


def capitals(at: Path) -> None:
    for path in (at / "genotypes").iterdir():
        path.rename(path.with_suffix(path.suffix.upper()))


def dangling(at: Path) -> None:
    path = at / "genotypes" / "cohort.fam"
    path.unlink()
    path.symlink_to("/not/mounted/cohort.fam")


def empty(name: str) -> Spoil:
    return lambda at: (at / "genotypes" / name).write_bytes(b"")


def nothing(at: Path) -> None:
    return None


def other_sexes(at: Path) -> None:
    by_chromosome(lambda chrom: range(PEOPLE))(at)
    path = at / "genotypes" / "chr3.fam"
    path.write_text("".join(" ".join([*row[:4], str(3 - int(row[4])), "-9"]) + "\n" for row in rows_of(path)))


GENOTYPES = [
    genotypes("a folder", REFUSED, "missing", renamed(nothing, "genotypes"), "names a folder: name the fileset in it"),
    genotypes("the .bim instead of the fileset", REFUSED, "missing", renamed(nothing, "genotypes/cohort.bim"), "name the fileset without its ending: "),
    genotypes("a VCF", REFUSED, "missing", renamed(empty("c.vcf.gz"), "genotypes/c.vcf.gz"), "plink2 --vcf c.vcf.gz"),
    genotypes("a VCF, named without its extension", REFUSED, "missing", renamed(empty("c.vcf.gz"), "genotypes/c"), "plink2 --vcf c.vcf.gz"),
    genotypes(".ped and .map", REFUSED, "missing", renamed(empty("c.ped"), "genotypes/c"), "plink2 --pedmap c"),
    genotypes("extensions in capitals", REFUSED, "missing", capitals, "rename cohort.BIM to cohort.bim"),
    genotypes("a .fam that is a broken link", REFUSED, "missing", dangling, "a link to /not/mounted"),
    genotypes("{chr} instead of {chrom}", REFUSED, "missing", renamed(nothing, "genotypes/chr{chr}"), "{chrom}"),
    genotypes("* instead of {chrom}", REFUSED, "missing", renamed(nothing, "genotypes/chr*"), "{chrom}"),
    genotypes("a .pgen of the same name in the folder", RIGHT, "cohort.bed is read, cohort.pgen is not", empty("cohort.pgen")),
    genotypes("a .pgen of the same name in the folder, the .bed named", RIGHT, "",
              renamed(empty("cohort.pgen"), "genotypes/cohort.bed")),
    genotypes("chromosomes by RefSeq accession", REFUSED, "NC_000001.10", beside("bim", 0, lambda i, chrom: f"NC_{int(chrom):06d}.10"),
              "in the file 1 to 22"),
    genotypes("a .bim with a header line", REFUSED, "line 1",
              lambda at: (at / "genotypes" / "cohort.bim").write_text(
                  "chrom\tid\tcm\tpos\ta1\ta2\n" + (at / "genotypes" / "cohort.bim").read_text()), "a .bim has no header"),
    genotypes("position 0 throughout", REFUSED, "have position 0, which means unknown", beside("bim", 3, lambda i, pos: "0")),
    genotypes("position 0 of five variants", RIGHT, "5 of 240 variants have position 0",
              beside("bim", 3, lambda i, pos: "0" if i < 5 else pos)),
    genotypes("sexes written male and female", RIGHT, "", beside("fam", 4, lambda i, sex: ("Male", "FEMALE")[int(sex) - 1])),
    genotypes("sexes written in another language", RIGHT, "sexes written homme count as unknown",
              beside("fam", 4, lambda i, sex: "homme" if sex == "1" else sex)),
    genotypes("a .fam with IID before FID", REFUSED, "more than once",
              both(beside("fam", 1, lambda i, eid: "1")), "are the two columns swapped?"),
    genotypes("a .fam with a Latin-1 letter", REFUSED, "not text in UTF-8 (line 1)",
              lambda at: (at / "genotypes" / "cohort.fam").write_bytes(
                  b"M\xfcller " + (at / "genotypes" / "cohort.fam").read_bytes().split(b" ", 1)[1]), "save it as UTF-8"),
    genotypes("a chromosome that ten people lack", RIGHT, "chr3.fam lacks 10 people",
              by_chromosome(lambda chrom: range(50 if chrom == "3" else PEOPLE))),
    genotypes("a chromosome with the same people in another order", RIGHT, "chr3.fam: the same people in another order than in chr1",
              by_chromosome(lambda chrom: range(PEOPLE)[::-1] if chrom == "3" else range(PEOPLE))),
    genotypes("two chromosomes that contradict each other on sex", RIGHT, "chr3.fam and chr1.fam differ in the sex of 60", other_sexes),
    genotypes("X, and no person with a known sex", REFUSED, "no participant has a known sex",
              both(beside("fam", 4, lambda i, sex: "0"), beside("bim", 0, lambda i, chrom: "X" if chrom == "6" else chrom)),
              "fill in the sexes"),
    genotypes("Y requested, and no men", REFUSED, "no participant is known to be male",
              both(beside("fam", 4, lambda i, sex: "2"), beside("bim", 0, lambda i, chrom: "24" if chrom == "6" else chrom),
                   scan("chromosomes: [1, Y]"))),
    genotypes("one fileset per chromosome, correct", RIGHT, "", by_chromosome(lambda chrom: range(PEOPLE))),
]  # fmt: skip

YAML = [
    yaml("an octal number", REFUSED, "YAML reads 010 as 8", study("seed: 1", "seed: 010")),
    yaml("a window with a leading zero", REFUSED, "YAML reads 0500000 as 163840",
         study("  threshold: permutation", "  window_bp: 0500000\n  threshold: permutation")),
    yaml("a number in base 60", REFUSED, "YAML reads 1:30 as 90", study("seed: 1", "seed: 1:30")),
    yaml("results in the folder of study.yaml", REFUSED, "a folder of their own", study("results: results", "results: .")),
    yaml("results above study.yaml", REFUSED, "a folder of their own", study("results: results", "results: ..")),
    yaml("results without a name", REFUSED, "a folder of their own", study("results: results", 'results: ""')),
    yaml("results among the recordings", REFUSED, "`results` lies among these inputs, in ecg",
         study("results: results", "results: ecg/results")),
    yaml("results in the folder of genotypes", REFUSED, "`results` lies among these inputs", study("results: results", "results: genotypes")),
    yaml("results in a folder below the genotypes", RIGHT, "", study("results: results", "results: genotypes/results")),
    yaml("a shell variable in a path", REFUSED, "$HOME is not replaced", study("results: results", "results: $HOME/r")),
    yaml("a web address instead of a path", REFUSED, "a web address is not a path", study("covariates.tsv ", "https://x.org/c.tsv ")),
    yaml("a Windows path", REFUSED, "a Windows path", study("results: results", "results: C:\\data\\results")),
    yaml("chromosomes without quotation marks", RIGHT, "", scan("chromosomes: [1, 2, 3]")),
    yaml("a range of chromosomes", REFUSED, "unknown chromosome; use 1 to 22", scan('chromosomes: ["1-22"]')),
    yaml("a chromosome that does not exist", REFUSED, "unknown chromosome; use 1 to 22", scan("chromosomes: [1, 30]")),
    yaml("no chromosomes", REFUSED, "a list that is not empty", scan("chromosomes: []")),
    yaml("a preset in capitals: one mistake", REFUSED, "1 mistake(s)", study("preset: calibrated", "preset: Published")),
    yaml("`yes` as a key", REFUSED, "line 6: yes: unknown key", study("seed: 1", "seed: 1\nyes: x")),
    yaml("two names that differ only by capitals", REFUSED, "two representations are named clinical",
         study("name: pca", "name: Clinical")),
    yaml("a pattern that begins with {", REFUSED, "not valid YAML", study("genotypes/cohort ", "{chrom}/cohort "), "in quotation marks"),
    yaml("a colon within a name", REFUSED, "not valid YAML", study("  title: good", "  title: good: better"), "in quotation marks"),
    yaml("a tab as indentation: the fix", REFUSED, "not valid YAML", study("  min_mac: 10", "\tmin_mac: 10"), "with blanks"),
    yaml("two documents", REFUSED, "another document", study("seed: 1", "---\nseed: 1"), "delete the line ---"),
    yaml("too few permutations for the threshold", REFUSED, "20 permutations are too few",
         study("permutations: 100", "permutations: 20"), "scan.permutations to 40"),
    yaml("a permutation threshold without permutations", REFUSED, "makes no permutations", study("permutations: 100", "permutations: 0")),
    yaml("a permutation threshold with plink2", REFUSED, "makes no permutations",
         study("min_mac: 10\n  permutations: 100", "min_mac: 10\n  kind: plink2")),
    yaml("a threshold below scan.keep_neglog10p", REFUSED, "lies below scan.keep_neglog10p",
         both(study("threshold: permutation", "threshold: 0.01"), scan("keep_neglog10p: 4"))),
    yaml("a thousands separator", REFUSED, "did you mean 1000?", study("permutations: 100", "permutations: 1,000")),
    yaml("rank_normal under another name", REFUSED, "did you mean 'rank_normal'?", traits("transform: INT")),
]  # fmt: skip


def gene_rows(*places: int | str, sep: str = "\t") -> Spoil:
    """genes.tsv with its columns (chrom, start, stop, symbol) in that order; text stands for itself."""

    def spoil(at: Path) -> None:
        rows = rows_of(cohort() / "genes.tsv")
        lines = [
            sep.join(row[one] if isinstance(one, int) else one.format(i=i) for one in places) for i, row in enumerate(rows)
        ]
        (at / "genes.tsv").write_text("\n".join(lines) + "\n")

    return spoil


def terms(change: object) -> Spoil:
    """terms.gmt with each line's cells changed by a function."""

    def spoil(at: Path) -> None:
        lines = [change(line.split("\t")) for line in (at / "terms.gmt").read_text().splitlines()]
        (at / "terms.gmt").write_text("".join("\t".join(cells) + "\n" for cells in lines))

    return spoil


def above(name: str, line: str) -> Spoil:
    return lambda at: (at / name).write_text(f"{line}\n{(at / name).read_text()}")


def scores_of_a_thousand(at: Path) -> None:
    first, *lines = (at / "network.tsv").read_text().splitlines()
    rows = [line.rsplit("\t", 1) for line in lines]
    (at / "network.tsv").write_text("\n".join([first, *(f"{row}\t{float(score) * 1000:.0f}" for row, score in rows)]) + "\n")


GENES = [
    genes("a header above the genes", REFUSED, "line 1", above("genes.tsv", "chrom\tstart\tstop\tgene"), "begin the header line with #"),
    genes("commas between the columns of genes", REFUSED, "line 1", gene_rows(0, 1, 2, 3, sep=","), "by tabs or blanks"),
    genes("positions of genes with decimals", REFUSED, "line 1",
          lambda at: (at / "genes.tsv").write_text("1\t161694615.0\t161762308.0\tDDR2\n"), "whole numbers"),
    genes("no gene with a symbol", REFUSED, "no gene of the table of genes has a symbol", gene_rows(0, 1, 2, "NA")),
    genes("a gene without a symbol", RIGHT, "1 genes without a symbol are named by their position",
          lambda at: append(at / "genes.tsv", "1\t100\t200\t.\n")),
    genes("Ensembl identifiers of genes, symbols in the network", RIGHT, "genes of network.tsv are not in genes.tsv",
          gene_rows(0, 1, 2, "ENSG{i:011d}")),
    genes("mouse symbols in the terms", RIGHT, "genes of genes.tsv are not in terms.gmt",
          terms(lambda cells: [*cells[:2], *(cell.capitalize() for cell in cells[2:])])),
    genes("; between the genes of a term", RIGHT, "genes of network.tsv are not in terms.gmt",
          terms(lambda cells: [*cells[:2], ";".join(cells[2:])])),
    genes("terms without descriptions", RIGHT, "where a description should be", terms(lambda cells: [cells[0], *cells[2:]])),
    genes("a header above the terms", RIGHT, "", above("terms.gmt", "term\tdescription\tgenes")),
    genes("scores of 0 to 1000 in an exported network", REFUSED, "not between 0 and 1", scores_of_a_thousand, "by 1000"),
]  # fmt: skip

HEAD = "trait\tchr\tbp\tgene\tbeta\n"
KNOWN = [
    known("only a header", REFUSED, "a header and no loci", HEAD),
    known("positions beyond the end of the chromosome", RIGHT, "1 of 2 loci lie on no chromosome of hg19: 1:262118147",
          HEAD + "qt\t1\t262118147\tA\t1\nqt\t1\t5\tA\t1\n"),
    known("a chromosome that does not exist", RIGHT, "lie on no chromosome of hg19: 30:5", HEAD + "qt\t30\t5\tA\t1\n"),
    known("chromosomes as CHR1 and 23", RIGHT, "", HEAD + "qt\tCHR1\t5\tA\t1\nqt\t23\t5\tA\t1\n"),
    known("an effect with a decimal comma", RIGHT, "1 cell(s) of beta are not numbers", HEAD + "qt\t1\t5\tA\t0,5\n"),
]  # fmt: skip

CASES: list[Case] = [*COVARIATES, *IDS, *FOLDERS, *GENOTYPES, *YAML, *GENES, *KNOWN]
