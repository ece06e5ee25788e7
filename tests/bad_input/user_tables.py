"""Covariates, lists of ids and tables of recordings, as pandas, R, Excel and PLINK leave them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ecgwas.ecg import LEAVE_OUT, exclusion_reasons, find_recordings
from ecgwas.errors import Caution
from ecgwas.genotypes import variant_choice
from ecgwas.loci import known
from ecgwas.study import ReadOptions, Study, TraitOptions
from ecgwas.traits import covariates, overlap
from ecgwas.traits.covariates import CovariateTable
from tests.bad_input.harness import BYTES, REFUSED, RIGHT, Case, Ending, ended, put

PEOPLE = [str(1000 + i) for i in range(60)]
AGES = [40 + i for i in range(60)]


def lines(delimiter: str = "\t", **changed: str) -> list[str]:
    """A table eid, age, center, pc1 of 60 people; `_1003="..."` is that person's line."""
    made = [delimiter.join(("eid", "age", "center", "pc1"))]
    for i, eid in enumerate(PEOPLE):
        cells = (eid, str(AGES[i]), str(11001 + i % 3), f"{(i * 37 % 60) / 60:.4f}")
        made.append(changed.get(f"_{eid}", delimiter.join(cells)))
    return made


def text(given: list[str]) -> str:
    return "\n".join(given) + "\n"


def right_ages(table: CovariateTable) -> bool:
    return table.eids == tuple(PEOPLE) and table.numbers["age"].tolist() == AGES


def covariate(what: str, how: str, says: str, content: str | bytes, right: Callable[[CovariateTable], bool] = right_ages,
              **options: object) -> Case:  # fmt: skip
    def run(at: Path) -> Ending:
        path = put(at / "c.tsv", content)
        return ended(lambda: right(covariates.read(TraitOptions.model_validate({"covariates": path, **options}))))

    return Case("covariates", what, how, says, run)


def doubted(*words: str) -> Callable[[CovariateTable], bool]:
    return lambda table: len(table.warnings) == 1 and all(word in table.warnings[0] for word in words)


def age_of(value: str, eid: str = "1001") -> str:
    return text(lines(**{f"_{eid}": f"{eid}\t{value}\t11002\t0.5"}))


def aged(value: str) -> str:
    """Every tenth person has that age."""
    return text(
        [line if i % 10 or i == 0 else line.replace(f"\t{AGES[i - 1]}\t", f"\t{value}\t") for i, line in enumerate(lines())]
    )


def missing(value: str) -> Case:
    return covariate(
        f"{value} as a missing value", RIGHT, "", age_of(value), lambda table: table.missing() == {"1001": ["age"]}
    )


def same_levels(value: str) -> Callable[[CovariateTable], bool]:
    return lambda table: set(table.levels["center"]) == {"11001", "11002", "11003"} and table.levels["center"][1] == value


def checked(what: str, how: str, says: str, content: str, right: Callable[[list[str]], bool], genotyped: list[str] = PEOPLE,
            recorded: list[str] = PEOPLE) -> Case:  # fmt: skip
    """How `check` meets the table with genotypes and recordings; `right` is asked of the warnings."""

    def run(at: Path) -> Ending:
        options = TraitOptions(covariates=put(at / "c.tsv", content), min_people=20)
        return ended(
            lambda: right(
                [
                    str(one)
                    for one in overlap.check(options, genotyped, {"the recordings": set(recorded)})
                    if isinstance(one, Caution)
                ]
            )
        )

    return Case("covariates", what, how, says, run)


def sparse(value: str) -> str:
    return text(
        [lines()[0], *(line if i < 3 else "\t".join([*line.split("\t")[:-1], value]) for i, line in enumerate(lines()[1:]))]
    )


FIVE = text(["eid\tage\tage\t", *(line + "\t" for line in lines()[1:])])

COVARIATES = [
    covariate("an unnamed column of row numbers, from pandas", REFUSED, "column 1 of 5 has no name",
              text(["\t" + lines()[0], *(f"{i}\t{line}" for i, line in enumerate(lines()[1:]))])),
    covariate("an unnamed column of row numbers in quotation marks, from R", REFUSED, "column 1 of 5 has no name",
              text(['"",' + ",".join(f'"{one}"' for one in lines()[0].split("\t")),
                    *(f'"{i}",' + line.replace("\t", ",") for i, line in enumerate(lines()[1:], 1))])),
    covariate("row numbers called Unnamed: 0", REFUSED, "column 1 of 5 has no name",
              text(["Unnamed: 0\t" + lines()[0], *(f"{i}\t{line}" for i, line in enumerate(lines()[1:]))])),
    covariate("row names that the header does not name, from R", REFUSED, "row.names=FALSE",
              text([lines()[0], *(f"{i}\t{line}" for i, line in enumerate(lines()[1:]))])),
    covariate("a named column of row numbers", RIGHT, "",
              text(["X\t" + lines()[0], *(f"{i}\t{line}" for i, line in enumerate(lines()[1:], 1))]), doubted("X", "row number")),
    covariate("a tab at the end of every line", REFUSED, "column 5 of 5 has no name and no value", text([f"{line}\t" for line in lines()])),
    covariate("commas at the end of every line, from a spreadsheet", REFUSED, "column 5, 6, 7 of 7 has no name and no value",
              text([f"{line},,," for line in lines(",")])),
    covariate("a tab at the end of some lines", REFUSED, "remove the delimiters at the ends of the lines",
              text([line + ("\t" if i % 7 == 3 else "") for i, line in enumerate(lines())])),
    covariate("lines of only tabs at the end", RIGHT, "", text([*lines(), "\t\t\t", "\t\t\t"])),
    covariate("two columns whose names differ only by blanks", REFUSED, "named twice", text(["eid\tage\tcenter\tage ", *lines()[1:]])),
    covariate("an unnamed column and one given twice, both reported", REFUSED, "columns named twice", FIVE),
    covariate("an underscore in a number", REFUSED, "line 3 (eid 1001): '4_6' (an underscore within a number)", age_of("4_6")),
    covariate("decimal commas, semicolons between cells", REFUSED, "a comma where a decimal point is meant",
              text([line.replace(".", ",") for line in lines(";")])),
    covariate("semicolons between cells", RIGHT, "", text(lines(";"))),
    covariate("a thousands separator", REFUSED, "a thousands separator", age_of("1,234,567")),
    covariate("a thousands separator and decimals", REFUSED, "a thousands separator", age_of("1,234.5")),
    covariate("a space between thousands", REFUSED, "a thousands separator", age_of("1 234")),
    covariate("a word processor's minus sign", REFUSED, "not the minus sign of a keyboard", age_of("\u22125")),
    covariate("digits that are not ASCII", REFUSED, "not ASCII", age_of("\uff14\uff16")),
    covariate("a unit in the cell", REFUSED, "a number with a unit", age_of("46 years")),
    covariate("a date", REFUSED, "a date", age_of("1961-05-04")),
    covariate("a spreadsheet's error value", REFUSED, "a spreadsheet's error value", age_of("#DIV/0!")),
    covariate("a hexadecimal number", REFUSED, "'0x2E'", age_of("0x2E")),
    covariate("plus signs and exponents", RIGHT, "", age_of("+4.1e1")),
    *(missing(value) for value in ("NULL", ".", "N/A", "<NA>", "#N/A", "NaN", "n/a")),
    covariate("None in a column of numbers", REFUSED, "'None'", age_of("None")),
    covariate("none as a category", RIGHT, "", text(lines(_1001="1001\t41\tnone\t0.5")), lambda t: t.levels["center"][1] == "none"),
    covariate("categories with and without decimals", RIGHT, "", text(lines(_1001="1001\t41\t11002.0\t0.5")), same_levels("11002")),
    covariate("a category with an exponent", RIGHT, "", text(lines(_1001="1001\t41\t1.1002e+04\t0.5")), same_levels("11002")),
    covariate("categories that differ by case", RIGHT, "",
              text([f"{line}\t{('Man', 'man', 'woman')[i % 3] if i else 'who'}" for i, line in enumerate(lines())]),
              doubted("who", "Man, man"), categorical=["center", "who"]),
    covariate("blanks around cells", RIGHT, "", text([line.replace("\t", " \t  ") for line in lines()])),
    covariate("no-break spaces and zero-width characters around eids", RIGHT, "",
              text([line if i == 0 else f"\u200b{line[:4]}\u00a0\ufeff{line[4:]}" for i, line in enumerate(lines())])),
    covariate("UTF-16 without a byte-order mark", REFUSED, "control characters", text(lines()).encode("utf-16-le")),
    covariate("line endings of old Macs", RIGHT, "", text(lines()).replace("\n", "\r")),
    covariate("quotation marks around every cell, from R", RIGHT, "",
              text([" ".join(f'"{cell}"' for cell in line.split("\t")) for line in lines()])),
    covariate("an Excel workbook", REFUSED, "Excel workbook", b"PK\x03\x04" + bytes(200)),
    covariate("a gzip file", REFUSED, "gzip", b"\x1f\x8b\x08" + bytes(200)),
    covariate("a Parquet file", REFUSED, "Parquet", b"PAR1" + bytes(200)),
    covariate("eids with decimals, from pandas", REFUSED, "line 2: 1000.0 is a whole number with decimals",
              text([lines()[0], *(line[:4] + ".0" + line[4:] for line in lines()[1:])])),
    covariate("an eid in scientific notation, from a spreadsheet", REFUSED, "1.001e+03 is a number as a spreadsheet",
              text(lines(_1001="1.001e+03\t41\t11002\t0.5"))),
    covariate("mistakes in eids, numbers and options, all reported together", REFUSED, "4 mistakes",
              text(lines(_1001="1001.0\t41\t11002\t0.5", _1002="1002\told\t11002\t0.5", _1003="1003\t43\t11002\t1,5")), use=["age", "pc1", "bmi"]),
    *(covariate(f"{code} as a missing age", RIGHT, "", aged(code), doubted("age", f"6 value(s) are {code}", means))
      for code, means in (("-9", "PLINK"), ("-3", "prefer not to answer"), ("-1", "do not know"), ("-7", "none of the above"))),
    covariate("-9 as a missing component", RIGHT, "", text(lines(_1001="1001\t41\t11002\t-9")), doubted("pc1", "1 value(s) are -9")),
    covariate("-3 as a missing category", RIGHT, "", text(lines(_1001="1001\t41\t-3\t0.5")), doubted("center", "1 value(s) are -3")),
    covariate("-1 among values below and above zero: a value", RIGHT, "",
              text([lines()[0], *(f"{eid}\t{AGES[i]}\t11001\t{i % 5 - 2}" for i, eid in enumerate(PEOPLE))]),
              lambda table: right_ages(table) and table.warnings == ()),
    checked("a column that 57 of 60 lack: named", REFUSED, "missing: pc1 in 57 of 60", sparse("NA"), lambda _: True),
    checked("a column that a tenth lack: no warning", RIGHT, "", aged("NA").replace("\tNA\t", "\tNA\t", 5),
            lambda said: said == []),
    checked("a column that a sixth lack: a warning", RIGHT, "",
            text([line if i % 6 or not i else "\t".join([*line.split("\t")[:3], "NA"]) for i, line in enumerate(lines())]),
            lambda said: len(said) == 1 and "pc1 in 10 of 60" in said[0]),
    checked("45 of 60 recordings without covariates, whose ids have a suffix", RIGHT, "", text(lines()),
            lambda said: len(said) == 3 and "only 15 of 15 genotyped" in said[2] and "45 of 60 ids" in said[0] and "1000_1" in said[0] and "before the first _" in said[0],
            recorded=[eid + ("" if i % 4 == 3 else "_1") for i, eid in enumerate(PEOPLE)], genotyped=PEOPLE),
    checked("genotyped people as FID_IID, none in common", REFUSED, "with the other side read after the last _", text(lines()),
            lambda _: True, genotyped=[f"{eid}_{eid}" for eid in PEOPLE]),
]  # fmt: skip

NAMES = ("1000001", "1000008", "1000015", "1000022")


def left_out(content: str | bytes, expected: set[str]) -> Callable[[Path], Ending]:
    def run(at: Path) -> Ending:
        for eid in NAMES:
            put(at / "ecg" / f"{eid}_20205_2_0.xml", BYTES)
        listed = put(at / "w.csv", content)
        options = ReadOptions(recordings=at / "ecg", leave_out=listed)

        def work() -> bool:
            manifest = find_recordings(options)
            read = {source.eid for source in manifest.sources}
            return read == set(NAMES) - expected and exclusion_reasons(listed, LEAVE_OUT).keys() >= expected

        return ended(work)

    return run


def people_list(what: str, how: str, says: str, content: str | bytes) -> Case:
    """People to exclude: 1000008 and 1000015."""
    return Case("lists of ids", what, how, says, left_out(content, {"1000008", "1000015"}))


def variant_list(what: str, how: str, says: str, content: str, expected: set[str] = frozenset({"rs1", "rs2"})) -> Case:  # type: ignore[assignment]
    return Case("lists of ids", what, how, says,
                lambda at: ended(lambda: set(variant_choice.read(put(at / "v.txt", content)).lines) == expected))  # fmt: skip


LISTS = [
    people_list("eids with decimals, from pandas", REFUSED, "1000008.0 is a whole number with decimals", "1000008.0\n1000015.0\n"),
    people_list("eids with a bare decimal point", REFUSED, "1000008. is a whole number", "1000008.\n1000015\n"),
    people_list("eids as R and spreadsheets write them", REFUSED, "1.000008e+06 is a number as a spreadsheet", "1.000008e+06\n1000015\n"),
    people_list("eids as German spreadsheets write them", REFUSED, "more than an id", "1,00E+06\n1000015\n"),
    people_list("eids in scientific notation with a capital E", REFUSED, "1.00E+06", "1.00E+06\n1000015\n"),
    people_list("spreadsheet cells that were too narrow", REFUSED, "too narrow", "########\n1000015\n"),
    people_list("a spreadsheet's error value", REFUSED, "a spreadsheet's error value", "1000008\n#VALUE!\n1000015\n"),
    people_list("a missing value among the ids", REFUSED, "no id", "1000008\nNA\n1000015\n"),
    people_list("a spreadsheet's apostrophe before the id", REFUSED, "quotation mark", "'1000008\n'1000015\n"),
    people_list("thousands separators", REFUSED, "more than an id", "1,000,008\n1,000,015\n"),
    people_list("thousands separators in quotation marks", REFUSED, "thousands", '"1,000,008"\n"1,000,015"\n'),
    people_list("quotation marks", RIGHT, "", '"1000008"\n"1000015"\n'),
    people_list("zero-width and no-break spaces", RIGHT, "", "1000008\u200b\n\ufeff1000015\u00a0\n"),
    people_list("UTF-16", RIGHT, "", "eid\r\n1000008\r\n1000015\r\n".encode("utf-16")),
    people_list("line endings of old Macs", RIGHT, "", "eid\r1000008\r1000015\r"),
    people_list("a header and commas at the ends of lines", RIGHT, "", "eid,\n1000008,\n1000015,\n"),
    people_list("PLINK's two columns with the same id", RIGHT, "", "1000008 1000008\n1000015\t1000015\n"),
    people_list("PLINK's header with FID and IID", RIGHT, "", "#FID IID\n7 1000008\n7 1000015\n"),
    people_list("a table with a column eid", RIGHT, "", "date,eid,reason\n2023-01-01,1000008,moved\n2023-01-01,1000015,\n"),
    people_list("two columns that differ, without a header", REFUSED, "line 1", "7 1000008\n7 1000015\n"),
    people_list("a comment", RIGHT, "", "# withdrawn by May\n1000008\n1000015\n"),
    people_list("an Excel workbook", REFUSED, "Excel workbook", b"PK\x03\x04" + bytes(100)),
    variant_list("one name per line", RIGHT, "", "rs1\nrs2\n"),
    variant_list("a header and further columns", RIGHT, "", "SNP\tp\nrs1\t0.1\nrs2\t0.2\n"),
    variant_list("further columns without a header", RIGHT, "", "rs1 1 100\nrs2 1 200\n"),
    variant_list("a column of names after others", RIGHT, "", "chrom,pos,rsid\n1,100,rs1\n1,200,rs2\n"),
    variant_list("a variant without a name", REFUSED, "no id", "rs1\n.\n"),
    variant_list("empty", REFUSED, "empty", "\n\n"),
]  # fmt: skip


def table_of_recordings(what: str, how: str, says: str, content: str, eid: str = "1000008") -> Case:
    def run(at: Path) -> Ending:
        put(at / "ecg" / "a.xml", BYTES)
        path = put(at / "recordings.tsv", content)
        return ended(lambda: [source.eid for source in find_recordings(ReadOptions(recordings=path)).sources] == [eid])

    return Case("folders of recordings", what, how, says, run)


RECORDINGS = [
    table_of_recordings("a table of eids with decimals", REFUSED, "1000008.0", "eid\tpath\n1000008.0\tecg/a.xml\n"),
    table_of_recordings(
        "a table with an unnamed column of row numbers", REFUSED, "has no name", "\teid\tpath\n0\t1000008\tecg/a.xml\n"
    ),
    table_of_recordings("a table of visits with decimals", RIGHT, "", "eid\tpath\tinstance\n1000008\tecg/a.xml\t2.0\n"),
    table_of_recordings(
        "a table with invisible characters in its eids", RIGHT, "", "eid\tpath\n\u200b1000008\u00a0\tecg/a.xml\n"
    ),
    table_of_recordings("a table with NA instead of an eid", REFUSED, "line 2", "eid\tpath\nNA\tecg/a.xml\n"),
    table_of_recordings("a table in UTF-16, as Excel's `Unicode text`", RIGHT, "", "eid\tpath\n1000008\tecg/a.xml\n"),
]


def loci(what: str, how: str, says: str, content: str, expected: list[tuple[str, int]]) -> Case:
    return Case("known loci", what, how, says, lambda at: ended(
        lambda: known.read(put(at / "k.tsv", content)).frame.select("chrom", "pos").rows() == expected))  # fmt: skip


LOCI = [
    loci("whole numbers with decimals, from pandas", RIGHT, "", "trait\tchrom\tpos\nqt\t3.0\t38608126.0\n", [("3", 38608126)]),
    loci("commas between cells", RIGHT, "", "trait,chrom,pos\nqt,chr3,5\n", [("3", 5)]),
    loci("digits that are not ASCII", REFUSED, "no line", "trait\tchrom\tpos\nqt\t3\t5\u00b2\n", []),
    loci("thousands separators throughout", REFUSED, "38,608,126", "trait\tchrom\tpos\nqt\t3\t38,608,126\n", []),
    loci("an unnamed row number", REFUSED, "has no name", "\ttrait\tchrom\tpos\n0\tqt\t3\t5\n", []),
    loci(
        "missing frequencies as NA and .",
        RIGHT,
        "",
        "trait\tchrom\tpos\teaf\nqt\t3\t5\tNA\nqt\t4\t6\t.\n",
        [("3", 5), ("4", 6)],
    ),
]


def of_preset(what: str, how: str, says: str, *lines: str) -> Case:
    """A study file of `preset: published`; with RIGHT every warning is in `says`."""

    def run(at: Path) -> Ending:
        inputs = ["name: s", "preset: published", "traits: {covariates: c.tsv}", "scan: {genotypes: g}"]
        given = [line.partition(":")[0] for line in lines]
        kept = [line for line in inputs if line.partition(":")[0] not in given]
        read = [] if "read" in given else ["read: {recordings: e}"]
        path = put(at / "study.yaml", text([*kept, *read, *lines]))
        told: list[str] = []
        end = ended(lambda: told.extend(Study.read_file(path).contradictions) is None)
        return Ending(RIGHT, "; ".join(told)) if end.how == RIGHT and bool(told) == bool(says) else end

    return Case("study files of the published preset", what, how, says, run)


PRESET = [
    of_preset("only inputs", RIGHT, ""),
    of_preset("the preset's own values", RIGHT, "", "loci: {threshold: published}"),
    of_preset("a filter of variants", RIGHT, "scan.min_maf is 0.01; preset `published` has 0", "scan: {genotypes: g, min_maf: 0.01}"),
    of_preset(
        "another way of denoising", RIGHT, "read.denoise.kind is none; preset `published` has wavelet",
        "read: {recordings: e, denoise: {kind: none}}",
    ),
    of_preset(
        "another list of representations", RIGHT, "residual_autoencoder of preset `published` is not in this list",
        "represent: [{kind: pca, name: p, input: strip, leads: each}]",
    ),
    of_preset(
        "median beats, which some participants lack", REFUSED, "'c' uses median beats", "represent: [{kind: intervals, name: c}]"
    ),
    of_preset(
        "leads together, which some participants lack", REFUSED, "'ae' uses all leads together",
        "represent: [{kind: residual_autoencoder, leads: together}]",
    ),
    of_preset("too few leads to find beats", REFUSED, "read.quality.min_leads: 2",
              "read: {recordings: e, quality: {min_leads: 2}}"),
]  # fmt: skip

CASES: list[Case] = [*COVARIATES, *LISTS, *RECORDINGS, *LOCI, *PRESET]
