"""Files as other people write them, as one table: each case ends in the right result or in one clear error.

`CASES` is the table; `docs/make_bad_input.py` writes docs/bad_input.md from it and `test_cases.py` runs it. A case makes its
input under a folder, hands it to the code that a stage runs, and gives how that ended:

    RIGHT      read correctly
    LEFT_OUT   that file is excluded and listed with a reason, all others are read
    REFUSED    one error of the ecgwas family that names the file and the cure
    EITHER     a flipped bit can turn a digit into another digit, which nothing shows; read or excluded, never lost
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from ecgwas.ecg import find_recordings
from ecgwas.genes.sources import enrichment, regions, string_files
from ecgwas.genes.web.contract import Variants
from ecgwas.genotypes import chromosomes
from ecgwas.leads import LEADS
from ecgwas.loci import known
from ecgwas.scan import matrix
from ecgwas.study import Enrichment, ReadOptions, Regions, StringFiles, Study, TraitOptions
from ecgwas.tables import Loci
from ecgwas.traits import covariates
from tests.bad_input import (
    contradictions,
    edf_wfdb_tables,
    genotype_files,
    noise,
    odd_tables,
    user_tables,
    variant_names,
    variant_places,
    xml_and_dicom,
)
from tests.bad_input.harness import (
    BAD,
    BYTES,
    EITHER,
    GOOD,
    LEFT_OUT,
    NAME,
    REFUSED,
    RIGHT,
    TEXT,
    Case,
    Ending,
    ecg,
    ecg_folder,
    ended,
    put,
    recordings,
)
from tests.ecg import vendors
from tests.ecg.make_recordings import make_counts, make_xml, wave
from tests.genotypes import fileset


def flipped(place: float, bit: int) -> bytes:
    content = bytearray(BYTES)
    content[int(place * len(content))] ^= 1 << bit
    return bytes(content)


def spoilt(lead: str, change: Callable[[np.ndarray], object]) -> str:
    counts = make_counts()
    change(counts[lead])
    return make_xml(counts)


def waves(**replaced: str) -> str:
    return "".join(replaced.get(lead, wave(lead, values)) for lead, values in make_counts().items())


def in_v2(word: str) -> str:
    values = [str(value) for value in make_counts()["V2"]]
    values[100] = word
    return make_xml(waves=waves(V2=f'<WaveformData lead="V2">{",".join(values)}</WaveformData>'))


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip

ECGS = [
    *(ecg(f"cut off after {10 * k} % of its length", LEFT_OUT, "cut off", lambda k=k: BYTES[: len(BYTES) * k // 10])
      for k in range(1, 10)),
    *(ecg(f"a bit flipped at {10 * k} % of its length", EITHER, "", lambda k=k: flipped(k / 10 + 0.03, k % 7)) for k in range(10)),
    ecg("empty", LEFT_OUT, "empty", lambda: b""),
    ecg("only blanks", LEFT_OUT, "", lambda: b" \n" * 50),
    ecg("a letter", LEFT_OUT, "", lambda: b"Dear colleague,\n\nplease find enclosed ...\n"),
    ecg("random bytes", LEFT_OUT, "", lambda: np.random.default_rng(1).bytes(50_000)),
    ecg("zeros, from a failed disk", LEFT_OUT, "", lambda: bytes(50_000)),
    ecg("a web page", LEFT_OUT, "", lambda: "<!DOCTYPE html>\n<html><body>404</body></html>"),
    ecg("GE MUSE with one lead that does not match its checksum", LEFT_OUT, "lead V2 does not match its checksum",
        lambda: vendors.muse(damaged="V2")),
    ecg("GE MUSE with every checksum wrong, from a program that computes none: kept, with a warning", RIGHT, "",
        lambda: vendors.muse(crc=1)),
    ecg("gzip", LEFT_OUT, "", lambda: gzip.compress(BYTES, mtime=0)),
    ecg("UTF-16", EITHER, "", lambda: TEXT.replace("ISO-8859-1", "UTF-16").encode("utf-16")),
    ecg("UTF-8 with a byte-order mark", RIGHT, "", lambda: TEXT.replace("ISO-8859-1", "UTF-8").encode("utf-8-sig")),
    ecg("Windows line endings", RIGHT, "", lambda: BYTES.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")),
    ecg("an entity bomb", LEFT_OUT, "document type", lambda: make_xml(before=BOMB).replace("do-not-read", "&i;")),
    ecg("an external entity", LEFT_OUT, "document type",
        lambda: make_xml(before='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>').replace("do-not-read", "&e;")),
    ecg("an external document type, which is not fetched", RIGHT, "", lambda: make_xml(before='<!DOCTYPE x SYSTEM "http://localhost:9/x">')),
    ecg("100,000 nested elements", LEFT_OUT, "", lambda: "<a>" * 100_000 + "</a>" * 100_000),
    ecg("a declared count of 1,000,000,000 samples", LEFT_OUT, "samples",
        lambda: make_xml(count="<ChannelSampleCountTotal>1000000000</ChannelSampleCountTotal>")),
    ecg("a declared count of -1", LEFT_OUT, "", lambda: make_xml(count="<ChannelSampleCountTotal>-1</ChannelSampleCountTotal>")),
    ecg("a declared count that is a word", LEFT_OUT, "", lambda: make_xml(count="<ChannelSampleCountTotal>many</ChannelSampleCountTotal>")),
    ecg("no samples", LEFT_OUT, "", lambda: make_xml(waves="")),
    ecg("text among the samples", LEFT_OUT, "V2", lambda: in_v2("oops")),
    ecg("NaN among the samples", RIGHT, "NaN or infinity in lead V2", lambda: in_v2("NaN")),
    ecg("infinity among the samples", RIGHT, "NaN or infinity in lead V2", lambda: in_v2("inf")),
    ecg("a sample of 1e400", RIGHT, "NaN or infinity in lead V2", lambda: in_v2("1e400")),
    ecg("a sample beyond any ECG", LEFT_OUT, "V2", lambda: in_v2("1e12")),
    ecg("an empty sample", LEFT_OUT, "V2", lambda: in_v2("")),
    ecg("a lead of zeros", LEFT_OUT, "V3", lambda: spoilt("V3", lambda v: v.fill(0))),
    ecg("all leads zero", LEFT_OUT, "flat", lambda: make_xml({lead: np.zeros(5000, np.int64) for lead in LEADS})),
    ecg("a lead missing", RIGHT, "V3", lambda: make_xml(waves=waves(V3=""))),
    ecg("a lead given twice", EITHER, "", lambda: make_xml(waves=waves() + wave("V3", make_counts()["V3"]))),
    ecg("an unknown lead in addition to the twelve", RIGHT, "", lambda: make_xml(waves=waves() + wave("V9", make_counts()["V6"]))),
    ecg("a lead of 4,999 samples", LEFT_OUT, "V1", lambda: make_xml(waves=waves(V1=wave("V1", make_counts()["V1"][:-1])))),
    ecg("a rate of zero", LEFT_OUT, "Rate", lambda: make_xml(rate='<SampleRate units="Hz">0</SampleRate>')),
    ecg("a rate that is a word", LEFT_OUT, "Rate", lambda: make_xml(rate='<SampleRate units="Hz">fast</SampleRate>')),
    ecg("a rate of 1e308", LEFT_OUT, "", lambda: make_xml(rate='<SampleRate units="Hz">1e308</SampleRate>')),
    ecg("a rate of NaN", LEFT_OUT, "Rate", lambda: make_xml(rate='<SampleRate units="Hz">nan</SampleRate>')),
    ecg("no rate", LEFT_OUT, "Rate", lambda: make_xml(rate="")),
    ecg("an unknown unit", LEFT_OUT, "furlong", lambda: make_xml(resolution='<Resolution units="furlong">5</Resolution>')),
    ecg("a resolution of zero", LEFT_OUT, "Resolution", lambda: make_xml(resolution='<Resolution units="uVperLsb">0</Resolution>')),
    ecg("a resolution of infinity", LEFT_OUT, "Resolution", lambda: make_xml(resolution='<Resolution units="uVperLsb">inf</Resolution>')),
    ecg("no heartbeat, only noise", LEFT_OUT, "", lambda: make_xml(
        {lead: np.random.default_rng(i).normal(0, 3, 5000).astype(int) for i, lead in enumerate(LEADS)})),
    ecg("5,000 empty samples", LEFT_OUT, "", lambda: make_xml(
        waves=waves(I='<WaveformData lead="I">' + "," * 4999 + "</WaveformData>"))),
]  # fmt: skip


def loops(folder: Path) -> None:
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / NAME.format(BAD)).symlink_to(folder / NAME.format(BAD))


def table(folder: Path, text: str) -> Path:
    return put(folder.parent / "recordings.tsv", text)


def of_table(text: str) -> Callable[[Path], Ending]:
    def run(at: Path) -> Ending:
        put(at / "ecg" / "a.xml", BYTES)
        path = put(at / "recordings.tsv", text)
        return ended(lambda: len(find_recordings(ReadOptions(recordings=path)).sources) == 1)

    return run


def with_withdrawn_list(at: Path, content: str | None) -> Ending:
    """A folder with one recording and a list of withdrawn people; None: the list is missing."""
    put(at / "e" / NAME.format(GOOD), BYTES)
    if content is not None:
        put(at / "x", content)
    return ended(lambda: bool(find_recordings(ReadOptions(recordings=at / "e", leave_out=at / "x"))))


def listing(what: str, how: str, says: str, text: str) -> Case:
    return Case("folders of recordings", what, how, says, of_table(text))


def withdrawn(folder: Path) -> None:
    put(folder.parent / "out.txt", f"\ufeffeid\r\n{BAD}\r\n\r\n9999999\r\n")
    put(folder / NAME.format(BAD), BYTES)


ODD_NAME = "Ünï cödé 'quoted' \"twice\" ; $(touch x) & {}_20205_2_0.xml"


def odd_names(at: Path) -> Ending:
    folder = at / "a folder; with 'quotes' and Ünïcode %20 #1"
    put(folder / NAME.format(GOOD), BYTES)
    put(folder / NAME.format(BAD), BYTES)
    return recordings(folder)


FOLDERS = [
    ecg_folder("a folder with the file's name", LEFT_OUT, "", lambda f: (f / NAME.format(BAD)).mkdir() or put(f / "note.txt", "x")),
    ecg_folder("circular links", LEFT_OUT, "link", loops),
    ecg_folder("a broken link", LEFT_OUT, "", lambda f: (f / NAME.format(BAD)).symlink_to(f / "gone.xml")),
    ecg_folder("a pipe with the file's name", LEFT_OUT, "", lambda f: os.mkfifo(f / NAME.format(BAD)) or put(f / "note.txt", "x")),
    ecg_folder("files of other kinds in the folder", LEFT_OUT, "read.pattern", lambda f: put(f / "Thumbs.db", b"\0\1")),
    ecg_folder("a name that is not UTF-8", LEFT_OUT, "read.pattern",
               lambda f: Path(os.fsdecode(os.fsencode(f) + b"/\xff_20205_2_0.xml")).write_bytes(BYTES)),
    ecg_folder("a name of 250 characters", RIGHT, "", lambda f: put(f / NAME.format("7" * 230), BYTES)),
    Case("folders of recordings", "spaces, quotes, Unicode and # in the folder's name", RIGHT, "", odd_names),
    ecg_folder("two visits of a participant", LEFT_OUT, "another recording of the person",
               lambda f: put(f / f"{GOOD}_20205_3_0.xml", BYTES) and put(f / NAME.format(BAD), BYTES)),
    ecg_folder("a withdrawn participant; Windows line endings and a byte-order mark in the list", LEFT_OUT, "withdrawn", withdrawn,
               leave_out="out.txt"),
    Case("folders of recordings", "no folder", REFUSED, "missing", lambda at: ended(lambda: bool(find_recordings(ReadOptions(recordings=at / "x"))))),
    Case("folders of recordings", "an empty folder", REFUSED, "holds no file",
         lambda at: ended(lambda: (at / "x").mkdir() or bool(find_recordings(ReadOptions(recordings=at / "x"))))),
    Case("folders of recordings", "a file instead of a folder", REFUSED, "neither a folder nor a table",
         lambda at: ended(lambda: bool(find_recordings(ReadOptions(recordings=put(at / "x.xml", BYTES)))))),
    listing("a table of recordings", RIGHT, "", "eid\tpath\n1\tecg/a.xml\n"),
    listing("a table without eid", REFUSED, "no column eid", "id\tpath\n1\tecg/a.xml\n"),
    listing("a table with an empty path", REFUSED, "line 2", "eid\tpath\n1\t\n"),
    listing("a table with an unknown lead", REFUSED, "line 2", "eid\tpath\tlead\n1\tecg/a.xml\tV77\n"),
    listing("a table that names a column twice", REFUSED, "named twice", "eid\tpath\tpath\n1\ta\tb\n"),
    listing("a table without rows", REFUSED, "no rows", "eid\tpath\n"),
    Case("folders of recordings", "a missing list of withdrawn participants", REFUSED, "exclude is missing",
         lambda at: with_withdrawn_list(at, None)),
    Case("folders of recordings", "two eids in one line of withdrawn participants", REFUSED, "line 1",
         lambda at: with_withdrawn_list(at, "1, 2\n")),
]  # fmt: skip

# study.yaml

STUDY = """\
name: s
read: {recordings: ecg}
represent:
  - {kind: pca, name: pca, features: 4}
traits: {covariates: c.tsv}
scan: {kind: matrix, genotypes: g}
"""


def study(what: str, how: str, says: str, text: str | bytes) -> Case:
    def run(at: Path) -> Ending:
        path = put(at / "study.yaml", text)
        return ended(lambda: Study.read_file(path).name == "s")

    return Case("study.yaml", what, how, says, run)


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join(['*' + a] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)  # fmt: skip

STUDIES = [
    study("a correct file", RIGHT, "", STUDY),
    study("a byte-order mark and Windows line endings", RIGHT, "", ("\ufeff" + STUDY).replace("\n", "\r\n").encode()),
    study("empty", REFUSED, "sections", ""),
    study("a list", REFUSED, "sections", "- a\n- b\n"),
    study("binary", REFUSED, "UTF-8", b"\x80\xff\x00"),
    study("UTF-16", REFUSED, "UTF-8", STUDY.encode("utf-16")),
    study("Latin-1", REFUSED, "UTF-8", STUDY.replace("name: s", "name: \u00e9").encode("latin-1")),
    study("a NUL character", REFUSED, "YAML", STUDY + "\0"),
    study("a tab as indentation", REFUSED, "YAML", STUDY.replace("  - {kind", "\t- {kind")),
    study("a key given twice", REFUSED, "twice", STUDY + "name: t\n"),
    study("an unknown key", REFUSED, "did you mean 'traits'", STUDY.replace("traits:", "trait:")),
    study("an unknown kind", REFUSED, "pca", STUDY.replace("kind: pca", "kind: pcaa")),
    study("text instead of a number", REFUSED, "seed", STUDY + "seed: one\n"),
    study("a number out of bounds", REFUSED, "seed", STUDY + "seed: -1\n"),
    study("infinity instead of a number", REFUSED, "min_maf", STUDY.replace("genotypes: g", "genotypes: g, min_maf: .inf")),
    study("NaN instead of a number", REFUSED, "min_maf", STUDY.replace("genotypes: g", "genotypes: g, min_maf: .nan")),
    study("a number of 5,000 digits", REFUSED, "", STUDY + f"seed: {'9' * 5000}\n"),
    study("an impossible date", REFUSED, "", STUDY.replace("name: s", "name: 2020-13-45")),
    study("a list as a key", REFUSED, "", STUDY + "? [a, b]\n: c\n"),
    study("a Python object", REFUSED, "YAML", STUDY + "x: !!python/object/apply:os.system ['true']\n"),
    study("an alias bomb", REFUSED, "", STUDY + LAUGHS),
    study("10,000 nested lists", REFUSED, "", STUDY + "x: " + "[" * 10_000 + "]" * 10_000 + "\n"),
    study("a path with a NUL character", REFUSED, "recordings", STUDY.replace("recordings: ecg", 'recordings: "e\\0cg"')),
    study("a representation that is a path", REFUSED, "name", STUDY.replace("name: pca", "name: ../../pca")),
    study("two representations with one name", REFUSED, "pca", STUDY.replace("traits:", "  - {kind: pca, name: pca}\ntraits:")),
    study("no representation", REFUSED, "represent", STUDY.replace("  - {kind: pca, name: pca, features: 4}\n", "  []\n")),
    study("a pattern that is not a regular expression", REFUSED, "pattern", STUDY.replace("recordings: ecg", "recordings: ecg, pattern: '(('")),
    Case("study.yaml", "a folder", REFUSED, "a folder", lambda at: ended(lambda: bool(Study.read_file(at)))),
    Case("study.yaml", "no file", REFUSED, "no such", lambda at: ended(lambda: bool(Study.read_file(at / "x.yaml")))),
]  # fmt: skip

# Covariates

PEOPLE = [str(1000 + i) for i in range(60)]


def rows(**changed: str) -> str:
    lines = ["eid\tage\tcenter\tpc1"]
    lines += [changed.get(f"_{eid}", f"{eid}\t{40 + i}\t{i % 3}\t{(i * 37 % 60) / 60}") for i, eid in enumerate(PEOPLE)]
    return "\n".join(lines) + "\n"


def covariate(what: str, how: str, says: str, text: str | bytes, check: Callable[[covariates.CodedCovariates], bool] = lambda _: True,
              **options: object) -> Case:  # fmt: skip
    def run(at: Path) -> Ending:
        path = put(at / "c.tsv", text)

        def work() -> bool:
            chosen = TraitOptions.model_validate({"covariates": path, **options})
            found = covariates.read(chosen)
            complete = [eid for eid in found.eids if eid not in found.missing()]
            coded = covariates.code(found, complete, chosen)
            return len(found.eids) == len(PEOPLE) and bool(np.isfinite(coded.covariates.values).all()) and check(coded)

        return ended(work)

    return Case("covariates", what, how, says, run)


def has(count: int) -> Callable[[covariates.CodedCovariates], bool]:
    return lambda coded: len(coded.covariates.eids) == count


COVARIATES = [
    covariate("a correct file", RIGHT, "", rows(), has(60)),
    covariate("a byte-order mark and Windows line endings", RIGHT, "", ("\ufeff" + rows()).replace("\n", "\r\n").encode()),
    covariate("commas instead of tabs", RIGHT, "", rows().replace("\t", ",")),
    covariate("blank lines at the end", RIGHT, "", rows() + "\n\n"),
    covariate("empty", REFUSED, "empty", ""),
    covariate("only a header", REFUSED, "no people", "eid\tage\n"),
    covariate("UTF-16", RIGHT, "", rows().encode("utf-16"), has(60)),
    covariate("Latin-1", REFUSED, "UTF-8", rows(_1000="1000\t40\tZ\u00fcrich\t0.1").encode("latin-1")),
    covariate("no eid", REFUSED, "no column eid", rows().replace("eid", "who", 1)),
    covariate("EID in capitals", REFUSED, "rename", rows().replace("eid", "EID", 1)),
    covariate("an eid given twice", REFUSED, "more than once", rows(_1001="1000\t41\t1\t0.5")),
    covariate("an empty eid", REFUSED, "line 3", rows(_1001="\t41\t1\t0.5")),
    covariate("a column given twice", REFUSED, "named twice", rows().replace("pc1", "age", 1)),
    covariate("a line that is too short", REFUSED, "line 3", rows(_1001="1001\t41")),
    covariate("a line that is too long", REFUSED, "line 3", rows(_1001="1001\t41\t1\t0.5\t9")),
    covariate("text in a column of numbers", REFUSED, "age", rows(_1001="1001\told\t1\t0.5")),
    covariate("a decimal comma", REFUSED, "pc1", rows(_1001="1001\t41\t1\t0,5")),
    covariate("infinity", REFUSED, "age", rows(_1001="1001\tinf\t1\t0.5")),
    covariate("1e400", REFUSED, "age", rows(_1001="1001\t1e400\t1\t0.5")),
    covariate("a missing value, NA", RIGHT, "", rows(_1001="1001\tNA\t1\t0.5"), has(59)),
    covariate("a missing value, nan", RIGHT, "", rows(_1001="1001\tnan\t1\t0.5"), has(59)),
    covariate("a missing value, empty", RIGHT, "", rows(_1001="1001\t\t1\t0.5"), has(59)),
    covariate("a constant column", RIGHT, "", rows().replace("age", "batch", 1), has(60)),
    covariate("the same column under two names", REFUSED, "combination",
              "\n".join(f"{line}\t{line.split(chr(9))[1] + ('b' if i == 0 else '')}" for i, line in enumerate(rows().splitlines())) + "\n"),
    covariate("a center of one participant", RIGHT, "", rows(_1001="1001\t41\tNowhere\t0.5"), has(60)),
    covariate("a quotation mark that continues into the next line", REFUSED, "quotation mark",
              rows(_1001='1001\t41\t"1\t0.5', _1002='1002\t42\t1"\t0.5')),
    covariate("a quotation mark that continues into the next line, found by fuzzing", REFUSED, "quotation mark",
              b'ei","\n\nd\tage0\t\x1c2\t\t\n2\t\tu\n'),
    covariate("a NUL character", REFUSED, "", rows(_1001="1001\t4\0001\t1\t0.5")),
    covariate("a requested column that does not exist", REFUSED, "did you mean", rows(), use=["agee"]),
    Case("covariates", "a folder", REFUSED, "cannot be read", lambda at: ended(lambda: bool(covariates.read(TraitOptions(covariates=at))))),
    Case("covariates", "no file", REFUSED, "missing", lambda at: ended(lambda: bool(covariates.read(TraitOptions(covariates=at / "x"))))),
]  # fmt: skip

# Genotypes

N, V = 13, 9
DOSAGE = fileset.draw(N, V, 3)


def scanned(stem: Path) -> bool:
    """The fileset opened, all calls read, every variant tested or listed."""
    options = fileset.matrix_options(stem)
    fileset_people = chromosomes.eids_in_all_files(options)
    total = told = 0
    for part in chromosomes.available(options):
        opened = chromosomes.open_chromosome(options, part)
        opened.dosages(0, len(opened))
        traits, table = fileset.tables(fileset_people, 1, 1, 1)
        found = matrix.scan(options, traits, table, opened, seed=1)
        lost = found.left_out.frame.filter(pl.col("trait").is_null() | (pl.col("trait") == "")).height
        total += len(opened)
        told += len(found.associations) + lost + int(found.not_computed.sum())
    return len(fileset_people) == N and total == V and told >= V


def genotype(what: str, how: str, says: str, spoil: Callable[[Path], object]) -> Case:
    def run(at: Path) -> Ending:
        fileset.write(at / "g", DOSAGE)
        spoil(at)
        return ended(lambda: scanned(at / "g"))

    return Case("genotypes", what, how, says, run)


def lines(ending: str, change: Callable[[list[str]], list[str]]) -> Callable[[Path], object]:
    def spoil(at: Path) -> None:
        path = at / f"g.{ending}"
        path.write_bytes(("\n".join(change(path.read_text().splitlines())) + "\n").encode())

    return spoil


def cell(row: int, column: int, value: str) -> Callable[[list[str]], list[str]]:
    def change(given: list[str]) -> list[str]:
        fields = given[row].split()
        fields[column] = value
        return [*given[:row], "\t".join(fields), *given[row + 1 :]]

    return change


def changed(ending: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda at: (at / f"g.{ending}").write_bytes(change((at / f"g.{ending}").read_bytes()))


GENOTYPES = [
    genotype("a correct file", RIGHT, "", lambda at: None),
    *(genotype(f"a .bed cut off after {10 * k} % of its length", REFUSED, "bytes",
               changed("bed", lambda b, k=k: b[: max(3, len(b) * k // 10)])) for k in (1, 3, 5, 7, 9)),
    genotype("an empty .bed", REFUSED, "", changed("bed", lambda b: b"")),
    genotype("a .bed that is too long", REFUSED, "bytes", changed("bed", lambda b: b + b"\0")),
    genotype("a .bed ordered by sample", REFUSED, "", changed("bed", lambda b: b[:2] + b"\0" + b[3:])),
    genotype("a .bed of another format", REFUSED, "", changed("bed", lambda b: b"BGEN" + b[4:])),
    genotype("a folder instead of the .bed", REFUSED, "missing", lambda at: (at / "g.bed").unlink() or (at / "g.bed").mkdir()),
    genotype("a .bed with one bit flipped among the calls", RIGHT, "", changed("bed", lambda b: b[:5] + bytes([b[5] ^ 1]) + b[6:])),
    genotype("no .bim", REFUSED, "missing", lambda at: (at / "g.bim").unlink()),
    genotype("no .fam", REFUSED, "missing", lambda at: (at / "g.fam").unlink()),
    genotype("a .bim that lacks one line", REFUSED, "", lines("bim", lambda t: t[:-1])),
    genotype("a .fam that lacks four people", REFUSED, "", lines("fam", lambda t: t[:-4])),
    genotype("a .fam with five people too many", REFUSED, "bytes", lines("fam", lambda t: [*t, *(f"f\tq{i}\t0\t0\t1\t-9" for i in range(5))])),
    genotype("an empty .bim", REFUSED, "empty", changed("bim", lambda b: b"")),
    genotype("an empty .fam", REFUSED, "empty", changed("fam", lambda b: b"")),
    genotype("a .bim with a byte-order mark and Windows line endings", RIGHT, "",
             changed("bim", lambda b: b"\xef\xbb\xbf" + b.replace(b"\n", b"\r\n"))),
    genotype("a .fam with a byte-order mark and Windows line endings", RIGHT, "",
             changed("fam", lambda b: b"\xef\xbb\xbf" + b.replace(b"\n", b"\r\n"))),
    genotype("a binary .bim", REFUSED, "not text", changed("bim", lambda b: b"\xff\xfe" + b)),
    genotype("a .bim with a column missing", REFUSED, "columns", lines("bim", lambda t: [line.rsplit("\t", 1)[0] for line in t])),
    genotype("a position that is a word", REFUSED, "line 2", lines("bim", cell(1, 3, "here"))),
    genotype("a position of 1e6", REFUSED, "line 2", lines("bim", cell(1, 3, "1e6"))),
    genotype("a position beyond 64 bits", REFUSED, "line 2", lines("bim", cell(1, 3, "9" * 30))),
    genotype("a negative position", REFUSED, "line 2", lines("bim", cell(1, 3, "-5"))),
    genotype("variants out of order", RIGHT, "", lines("bim", cell(1, 3, "2999999"))),
    genotype("a variant given twice", RIGHT, "", lines("bim", cell(1, 1, "v0"))),
    genotype("a position given twice", RIGHT, "", lines("bim", cell(1, 3, "3000000"))),
    genotype("swapped alleles", RIGHT, "", lines("bim", lambda t: cell(1, 4, "A")(cell(1, 5, "G")(t)))),
    genotype("both alleles the same", REFUSED, "line 2", lines("bim", cell(1, 4, "A"))),
    genotype("a missing allele", RIGHT, "", lines("bim", cell(1, 4, "0"))),
    genotype("alleles of several letters", RIGHT, "", lines("bim", cell(1, 4, "GATTACAGATTACA"))),
    genotype("chr before the chromosome", RIGHT, "", lines("bim", lambda t: [f"chr{line}" for line in t])),
    genotype("none of the requested chromosomes", REFUSED, "none of the requested chromosomes", lines("bim", lambda t: ["Q" + line[1:] for line in t])),
    genotype("a person given twice", REFUSED, "more than once", lines("fam", cell(1, 1, "p0"))),
    genotype("unknown sexes", RIGHT, "", lines("fam", lambda t: [cell(0, 4, "0")([line])[0] for line in t])),
    genotype("sex as a word", RIGHT, "", lines("fam", cell(0, 4, "male"))),
]  # fmt: skip

# Genes, networks, terms, known loci

GLIST = "1 100 200 AAA\n1 300 400 BBB\n2 100 200 CCC\n"
GMT = "heart\tof the heart\tAAA\tBBB\nother\t\tCCC\tDDD\n"
EDGES = "protein1 protein2 combined_score\n" + "".join(f"9606.P{i} 9606.P{i + 1} 900\n" for i in range(50))
INFO = "#string_protein_id\tpreferred_name\n" + "".join(f"9606.P{i}\tG{i}\n" for i in range(51))


def mapped(path: Path) -> list[str | None]:
    variants = Variants(
        pl.DataFrame({"variant": ["rs1"], "chrom": ["1"], "pos": [150], "effect_allele": ["A"], "other_allele": ["G"]})
    )
    return regions.annotate(Regions(file=path), variants, Loci.empty()).frame["gene"].to_list()


def gene_table(what: str, how: str, says: str, text: str | bytes, name: str = "glist") -> Case:
    return Case("gene tables", what, how, says, lambda at: ended(lambda: mapped(put(at / name, text)) == ["AAA"]))


def network(what: str, how: str, says: str, text: str | bytes, genes: tuple[str, ...] = ("G0", "G1"), edges: int = 1,
            name: str = "links.txt") -> Case:  # fmt: skip
    def run(at: Path) -> Ending:
        options = StringFiles(links=put(at / name, text), info=put(at / "info.txt", INFO))
        return ended(lambda: len(string_files.connect(options, list(genes)).edges) == edges)

    return Case("networks", what, how, says, run)


def terms(what: str, how: str, says: str, text: str | bytes, name: str = "a.gmt") -> Case:
    return Case("terms", what, how, says,
                lambda at: ended(lambda: len(list(enrichment.read_terms(Enrichment(terms=put(at / name, text))))) == 2))  # fmt: skip


def published(what: str, how: str, says: str, text: str | bytes, count: int = 1) -> Case:
    return Case(
        "known loci", what, how, says, lambda at: ended(lambda: known.read(put(at / "k.tsv", text)).frame.height == count)
    )


PACKED = gzip.compress(GLIST.encode() * 200, mtime=0)
GENES = [
    gene_table("a correct file", RIGHT, "", GLIST),
    gene_table("a byte-order mark and Windows line endings", RIGHT, "", ("\ufeff" + GLIST).replace("\n", "\r\n").encode()),
    gene_table("chr before the chromosome", RIGHT, "", GLIST.replace("1 1", "chr1 1", 1)),
    gene_table("a gene given twice", RIGHT, "", GLIST + "1 140 160 AAA\n"),
    gene_table("empty", REFUSED, "", ""),
    gene_table("another encoding", REFUSED, "UTF-8", b"1 1 9 Gen\xe9\n"),
    gene_table("start beyond stop", REFUSED, "line 1", "1 200 100 AAA\n"),
    gene_table("a position that is a word", REFUSED, "line 4", GLIST + "1 here 9 DDD\n"),
    gene_table("a position below one", REFUSED, "line 4", GLIST + "1 -5 9 DDD\n"),
    gene_table("a position beyond 64 bits", REFUSED, "line 4", GLIST + f"1 5 {'9' * 30} DDD\n"),
    gene_table("a line with a column missing", REFUSED, "line 4", GLIST + "1 5\n"),
    gene_table("a web page", REFUSED, "line 1", "<!DOCTYPE html>\n<html>\n"),
    gene_table("a gzip cut off", REFUSED, "cut-off gzip", PACKED[:-20], "glist.gz"),
    gene_table("a .gz file that is not gzip", REFUSED, "gzip", GLIST, "glist.gz"),
    network("a correct file", RIGHT, "", EDGES),
    network("a gene that the network lacks", RIGHT, "", EDGES, ("G0", "G1", "NOSUCH1")),
    network("an edge in both directions", RIGHT, "", EDGES + "9606.P1 9606.P0 900\n"),
    network("an edge from a gene to itself", RIGHT, "", EDGES + "9606.P0 9606.P0 900\n"),
    network("an unknown header", REFUSED, "header", EDGES.replace("protein1", "a")),
    network("a score that is a word", REFUSED, "line 52", EDGES + "9606.P0 9606.P2 high\n"),
    network("a score of NaN", REFUSED, "line 52", EDGES + "9606.P0 9606.P2 nan\n"),
    network("a gzip cut off", REFUSED, "cut-off gzip", gzip.compress((EDGES + "9606.P3 9606.P9 901\n" * 5000).encode(), mtime=0)[:-9], name="links.txt.gz"),
    network("empty", REFUSED, "", ""),
    terms("a correct file", RIGHT, "", GMT),
    terms("a byte-order mark and Windows line endings", RIGHT, "", ("\ufeff" + GMT).replace("\n", "\r\n").encode()),
    terms("a term given twice", RIGHT, "", GMT + "heart\tx\tEEE\n"),
    terms("empty", REFUSED, "", ""),
    terms("a web page", REFUSED, "line 1", "<!DOCTYPE html>\n"),
    terms("a gzip cut off", REFUSED, "cut-off gzip", gzip.compress(GMT.encode() * 500, mtime=0)[:-20], "a.gmt.gz"),
    published("a correct file", RIGHT, "", "trait\tchrom\tpos\nqt\t1\t5\n"),
    published("a column missing", REFUSED, "lacks columns", "trait\tchrom\nqt\t1\n"),
    published("another encoding", REFUSED, "UTF-8", b"trait\tchrom\tpos\nq\xe9\t1\t5\n"),
    published("a position that is a word", RIGHT, "", "trait\tchrom\tpos\nqt\t1\there\nqt\t1\t5\n"),
]  # fmt: skip

CASES: tuple[Case, ...] = (
    *ECGS, *xml_and_dicom.CASES, *edf_wfdb_tables.CASES, *contradictions.CASES, *noise.CASES,
    *FOLDERS, *STUDIES, *COVARIATES, *user_tables.CASES,
    *GENOTYPES, *genotype_files.CASES, *GENES, *variant_names.CASES, *variant_places.CASES, *odd_tables.CASES,
)  # fmt: skip
