"""Files that are joined by position, and lists in all the shapes that they have: whose genotypes are read, or a refusal."""

from __future__ import annotations

import sqlite3
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.genotypes import bgen_files, chromosomes, filesets
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.scan import matrix, plink2
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options, plink2_options
from tests.scan.test_matrix import agree

PEOPLE, VARIANTS = 30, 24
DOSAGE = fileset.draw(PEOPLE, VARIANTS, 11)
EIDS = tuple(f"p{i}" for i in range(PEOPLE))


def write_bgen(path: Path, dosage: NDArray[np.int8], ids: list[str] | None, *, names: list[str] | None = None) -> None:
    """BGEN 1.2, layout 2, zlib, 8 bits, hard calls of (people, variants); ids: identifiers, or none."""
    people, variants = dosage.shape
    block = b""
    if ids is not None:
        inner = b"".join(struct.pack("<H", len(name.encode())) + name.encode() for name in ids)
        block = struct.pack("<II", 8 + len(inner), len(ids)) + inner
    flags = 1 | 2 << 2 | (0x80000000 if ids is not None else 0)
    head = struct.pack("<III4sI", 20, variants, people, b"bgen", flags)
    parts = [struct.pack("<I", 20 + len(block)), head, block]
    probabilities = {0: (255, 0), 1: (0, 255), 2: (0, 0)}
    for j in range(variants):
        for text in (f"id{j}", f"v{j}" if names is None else names[j], "1"):
            parts.append(struct.pack("<H", len(text)) + text.encode())
        parts.append(struct.pack("<IH", 3_000_000 + j, 2))
        parts += [struct.pack("<I", 1) + allele for allele in (b"A", b"G")]
        ploidy = bytes(2 | (0x80 if copies < 0 else 0) for copies in dosage[:, j])
        body = struct.pack("<IHBB", people, 2, 2, 2) + ploidy + bytes((0, 8))
        body += b"".join(bytes(probabilities.get(int(copies), (0, 0))) for copies in dosage[:, j])
        packed = zlib.compress(body)
        parts.append(struct.pack("<II", 4 + len(packed), len(body)) + packed)
    path.write_bytes(b"".join(parts))


def write_sample(path: Path, eids: tuple[str, ...] | list[str], *, families: list[str] | None = None) -> None:
    rows = [f"{family} {eid} 0 {1 + int(eid.strip('p')) % 2}\n" for family, eid in zip(families or eids, eids, strict=True)]
    path.write_text("ID_1 ID_2 missing sex\n0 0 0 D\n" + "".join(rows))


def opened(stem: Path) -> Genotypes:
    return fileset.opened(matrix_options(stem))


def right(part: Genotypes) -> None:
    """Everybody has their own genotypes and their own sex, whatever the order of the lines."""
    number = np.array([int(eid[1:]) for eid in part.eids])
    assert sorted(number) == list(range(PEOPLE))
    np.testing.assert_array_equal(part.dosages(0, VARIANTS), DOSAGE[number].T)
    np.testing.assert_array_equal(part.sexes, 1 + number % 2)


SHUFFLED = [f"p{i}" for i in np.random.default_rng(3).permutation(PEOPLE)]


@pytest.mark.parametrize(
    "make",
    [
        lambda eid: eid, lambda eid: f"{eid}_{eid}", lambda eid: f"{eid}:{eid}", lambda eid: f"{eid}-{eid}",
        lambda eid: f"{eid} {eid}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("lines", [list(EIDS), list(reversed(EIDS)), SHUFFLED])
def test_the_identifiers_of_a_bgen_decide(tmp_path: Path, make: Callable[[str], str], lines: list[str]) -> None:
    write_bgen(tmp_path / "g.bgen", DOSAGE, [make(eid) for eid in EIDS])
    write_sample(tmp_path / "g.sample", lines)
    right(opened(tmp_path / "g"))
    told = filesets.sample_order(filesets.fileset(matrix_options(tmp_path / "g"), ""))
    assert told is not None
    assert told.startswith("g.bgen has identifiers, which are used")
    assert ("another order" in told) == (lines != list(EIDS))


@pytest.mark.parametrize("which", ["ID_1", "ID_2", "ID_1_ID_2"])
def test_id_1_and_id_2_may_differ_and_people_are_known_by_id_2(tmp_path: Path, which: str) -> None:
    families = {eid: f"F{i % 7}x{i}" for i, eid in enumerate(EIDS)}
    ids = [{"ID_1": families[eid], "ID_2": eid, "ID_1_ID_2": f"{families[eid]}_{eid}"}[which] for eid in EIDS]
    write_bgen(tmp_path / "g.bgen", DOSAGE, ids)
    write_sample(tmp_path / "g.sample", SHUFFLED, families=[families[eid] for eid in SHUFFLED])
    right(opened(tmp_path / "g"))


@pytest.mark.parametrize("ids", [None, [f"(anonymous_sample_{i + 1})" for i in range(PEOPLE)]])
def test_without_identifiers_the_order_rests_on_the_sample(tmp_path: Path, ids: list[str] | None) -> None:
    write_bgen(tmp_path / "g.bgen", DOSAGE, ids)
    write_sample(tmp_path / "g.sample", EIDS)
    right(opened(tmp_path / "g"))
    told = filesets.sample_order(filesets.fileset(matrix_options(tmp_path / "g"), ""))
    assert told == "g.bgen has no identifiers: participants are identified by the order of g.sample alone"


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([f"q{i}" for i in range(PEOPLE)], "30 of the 30 identifiers"),
        ([*EIDS[:-1], "stranger"], "1 of the 30 identifiers that g.bgen holds are not in g.sample: stranger"),
        ([str(i + 1) for i in range(PEOPLE)], "30 of the 30 identifiers"),
        ([*EIDS[:-1], "p0"], "more than once"),
    ],
)
def test_identifiers_that_contradict_the_sample(tmp_path: Path, ids: list[str], words: str) -> None:
    write_bgen(tmp_path / "g.bgen", DOSAGE, ids)
    write_sample(tmp_path / "g.sample", EIDS)
    with pytest.raises(InputError, match=words) as caught:
        chromosomes.eids_in_all_files(matrix_options(tmp_path / "g"))
    assert caught.value.where == str(tmp_path / "g.sample")


@pytest.mark.parametrize("count", [PEOPLE - 1, PEOPLE + 1, 2 * PEOPLE, 0])
@pytest.mark.parametrize("ids", [None, list(EIDS)])
def test_a_sample_of_another_length_is_refused(tmp_path: Path, count: int, ids: list[str] | None) -> None:
    write_bgen(tmp_path / "g.bgen", DOSAGE, ids)
    write_sample(tmp_path / "g.sample", [f"p{i}" for i in range(count)])
    with pytest.raises(InputError, match=f"g.bgen holds {PEOPLE} people, but g.sample lists {count}"):
        opened(tmp_path / "g")


def test_the_sample_of_another_chromosome_is_named(tmp_path: Path) -> None:
    write_bgen(tmp_path / "chr1.bgen", DOSAGE, None)
    write_sample(tmp_path / "chr1.sample", EIDS)
    write_bgen(tmp_path / "chr2.bgen", DOSAGE, None)
    write_sample(tmp_path / "chr2.sample", EIDS[:-3])
    with pytest.raises(InputError, match=r"chr2\.bgen holds 30 people, but chr2\.sample lists 27"):
        chromosomes.eids_in_all_files(matrix_options(tmp_path / "chr{chrom}"))


@pytest.mark.parametrize("second", ["p0 p0 0 1", "", "0 p0 0 D", "0 0 0 X", "ID ID 0 D"])
def test_a_sample_without_its_line_of_types(tmp_path: Path, second: str) -> None:
    write_bgen(tmp_path / "g.bgen", DOSAGE, None)
    rows = "".join(f"{eid} {eid} 0 1\n" for eid in EIDS)
    (tmp_path / "g.sample").write_text("ID_1 ID_2 missing sex\n" + (f"{second}\n" if second else "") + rows)
    with pytest.raises(InputError, match="the second line must hold the types"):
        opened(tmp_path / "g")


def test_a_sample_of_one_column_of_ids(tmp_path: Path) -> None:
    write_bgen(tmp_path / "g.bgen", DOSAGE, list(EIDS))
    (tmp_path / "g.sample").write_text("ID sex\n0 D\n" + "".join(f"{eid} {1 + int(eid[1:]) % 2}\n" for eid in SHUFFLED))
    right(opened(tmp_path / "g"))


@pytest.mark.plink2
def test_both_engines_take_the_order_of_the_bgen(tmp_path: Path) -> None:
    """A .sample in another order than the .bgen's identifiers gives what the right order gives, in both engines."""
    fileset.write(tmp_path / "bed", DOSAGE, sexes=[1 + (i % 2) for i in range(PEOPLE)])
    write_bgen(tmp_path / "g.bgen", DOSAGE, list(EIDS))
    write_sample(tmp_path / "g.sample", SHUFFLED)
    traits, covariates = fileset.tables(EIDS, 3, 2, 2)
    plain, ours, theirs = matrix_options(tmp_path / "bed"), matrix_options(tmp_path / "g"), plink2_options(tmp_path / "g")
    expected = matrix.scan(plain, traits, covariates, fileset.opened(plain), seed=1)
    found = matrix.scan(ours, traits, covariates, fileset.opened(ours), seed=1)
    agree(found, plink2.scan(theirs, traits, covariates, fileset.opened(theirs), seed=1))
    numbers = ["trait", "variant", "n", "eaf"]
    assert found.associations.frame.select(numbers).equals(expected.associations.frame.select(numbers))
    np.testing.assert_allclose(found.associations.frame["t"], expected.associations.frame["t"], rtol=1e-12)


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.98])
def test_a_bgen_that_is_cut_off(tmp_path: Path, kept: float) -> None:
    write_bgen(tmp_path / "g.bgen", DOSAGE, list(EIDS))
    write_sample(tmp_path / "g.sample", EIDS)
    whole = (tmp_path / "g.bgen").read_bytes()
    (tmp_path / "g.bgen").write_bytes(whole[: int(kept * len(whole))])

    def read() -> None:
        part = opened(tmp_path / "g")
        part.dosages(0, len(part))

    with pytest.raises(InputError, match="cannot be read"):
        read()


@pytest.mark.parametrize("content", [b"", b"BGEN" * 20, b"\0" * 64])
def test_a_bgen_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "g.bgen").write_bytes(content)
    write_sample(tmp_path / "g.sample", EIDS)
    with pytest.raises(InputError, match="cannot be read"):
        opened(tmp_path / "g")


def index(path: Path, size: int, start: bytes) -> None:
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE Metadata (filename TEXT, file_size INT, last_write_time INT, first_1000_bytes BLOB)")
        base.execute("INSERT INTO Metadata VALUES ('g.bgen', ?, 0, ?)", (size, start))
    base.close()


@pytest.mark.parametrize("what", ["right", "size", "start", "no index"])
def test_an_index_of_another_bgen_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "g.bgen"
    write_bgen(path, DOSAGE, list(EIDS))
    content = path.read_bytes()
    start = content[:1000] if what != "start" else content[:900] + b"another file"
    if what == "no index":
        path.with_name("g.bgen.bgi").write_bytes(b"nothing of the kind" * 50)
    else:
        index(path.with_name("g.bgen.bgi"), len(content) + (what == "size"), start)
    if what == "right":
        bgen_files.check_index(path)
        return
    with pytest.raises(InputError, match="the index") as caught:
        bgen_files.check_index(path)
    assert caught.value.where == str(path) + ".bgi"


# .bed and .fam: four people share a byte.


@pytest.mark.parametrize("people", [29, 30, 31])
@pytest.mark.parametrize("more", [-3, -2, -1, 1, 2, 3])
def test_a_fam_of_another_length_is_refused_though_the_size_fits(tmp_path: Path, people: int, more: int) -> None:
    fileset.write(tmp_path / "g", fileset.draw(people, 60, 5))
    fam = tmp_path / "g.fam"
    lines = fam.read_text().splitlines(keepends=True)
    fam.write_text("".join(lines[:more] if more < 0 else [*lines, *(f"f q{i} 0 0 1 -9\n" for i in range(more))]))
    with pytest.raises(InputError, match=r"bytes, but|more people than") as caught:
        opened(tmp_path / "g")
    assert caught.value.where == str(tmp_path / "g.bed")


def test_a_last_person_without_the_other_allele_is_no_mistake(tmp_path: Path) -> None:
    """In a fileset of few variants, or of variants that hardly vary, this happens."""
    dosage = fileset.draw(29, 60, 5)
    dosage[:, :] = 2
    dosage[:5, ::7] = 1
    fileset.write(tmp_path / "g", dosage)
    assert len(opened(tmp_path / "g").eids) == 29


@pytest.mark.parametrize("code", [1, 2, 3])
def test_bits_beyond_the_people_may_be_filled_in_any_one_way(tmp_path: Path, code: int) -> None:
    fileset.write(tmp_path / "g", fileset.draw(30, 60, 5))
    expected = opened(tmp_path / "g").dosages(0, 60)
    bed = tmp_path / "g.bed"
    content = bytearray(bed.read_bytes())
    for last in range(3 + 7, len(content), 8):
        content[last] |= code << 4 | code << 6
    bed.write_bytes(bytes(content))
    np.testing.assert_array_equal(opened(tmp_path / "g").dosages(0, 60), expected)


@pytest.mark.plink2
@pytest.mark.parametrize("more", [-1, 1, 4])
def test_a_psam_of_another_length_is_refused(tmp_path: Path, more: int) -> None:
    fileset.write(tmp_path / "g", DOSAGE)
    subprocess.run(["plink2", "--bfile", "g", "--make-pgen", "--out", "p"], cwd=tmp_path, check=True, capture_output=True)
    psam = tmp_path / "p.psam"
    lines = psam.read_text().splitlines(keepends=True)
    psam.write_text("".join(lines[:more] if more < 0 else [*lines, *(f"f\tq{i}\t1\n" for i in range(more))]))
    with pytest.raises(InputError) as caught:
        opened(tmp_path / "p")
    assert str(tmp_path / "p.pgen") == caught.value.where


def test_chromosomes_whose_people_stand_in_another_order_are_joined_by_id(tmp_path: Path) -> None:
    """Each chromosome has its own .fam: other people, in another order."""
    fileset.write(tmp_path / "chr1", DOSAGE, chrom="1")
    order = np.random.default_rng(2).permutation(PEOPLE)[:-2]
    fileset.write(tmp_path / "chr2", DOSAGE[order], chrom="2")
    fam = tmp_path / "chr2.fam"
    fam.write_text("".join(f"other p{i} 0 0 {1 + i % 2} -9\n" for i in order))
    options = matrix_options(tmp_path / "chr{chrom}")
    people = chromosomes.eids_in_all_files(options)
    assert set(people) == {f"p{i}" for i in order}
    traits, covariates = fileset.tables(people, 3, 2, 2)
    parts = [chromosomes.open_chromosome(options, chrom) for chrom in ("1", "2")]
    first, second = (matrix.scan(options, traits, covariates, part, seed=1).associations.frame for part in parts)
    numbers = ["trait", "variant", "pos", "n"]
    assert first.select(numbers).equals(second.select(numbers))
    np.testing.assert_allclose(first["t"], second["t"], rtol=1e-10)
    of_each = [part.dosages(3, 4)[0, part.sample_index(people)] for part in parts]
    np.testing.assert_array_equal(*of_each)


# Lists in all their shapes.

PSAM = {
    "#IID": ("#IID\n", "{eid}"), "#IID SEX": ("#IID\tSEX\n", "{eid}\t{sex}"), "#FID IID": ("#FID\tIID\n", "f\t{eid}"),
    "#FID IID SID SEX": ("#FID\tIID\tSID\tSEX\n", "f\t{eid}\ts\t{sex}"),
    "#FID IID PAT MAT SEX": ("#FID IID PAT MAT SEX\n", "f {eid} 0 0 {sex}"),
    "comments above": ("##made for a test\n#IID\tSEX\tage\n", "{eid}\t{sex}\t40"),
    "no header, 5": ("", "f {eid} 0 0 {sex}"), "no header, 5, tabs": ("", "f\t{eid}\t0\t0\t{sex}"),
    "no header, 6": ("", "f {eid} 0 0 {sex} -9"),
}  # fmt: skip
"""Lines above, and the line of a person."""


@pytest.mark.parametrize("ending", [".fam", ".psam"])
@pytest.mark.parametrize("shape", list(PSAM))
def test_lists_of_people_of_every_shape(tmp_path: Path, shape: str, ending: str) -> None:
    path = tmp_path / f"g{ending}"
    above, line = PSAM[shape]
    path.write_text(above + "".join(f"{line}\n".format(eid=eid, sex=1 + i % 2) for i, eid in enumerate(EIDS)))
    found = filesets.read_samples(filesets.Fileset(tmp_path / "g.bed", tmp_path / "g.bim", path))
    assert found.eids == EIDS
    assert found.sexes.tolist() == [1 + i % 2 if "{sex}" in line else 0 for i in range(PEOPLE)]


@pytest.mark.parametrize(
    ("text", "words", "fix"),
    [
        ("FID IID PAT MAT SEX\nf p0 0 0 1\n", "does not begin with #", "#FID IID PAT MAT SEX"),
        ("IID SEX\np0 1\n", "does not begin with #", "#IID SEX"),
        ("#ID SEX\np0 1\n", "must begin with #FID or #IID", "header line"),
        ("#FID SEX\np0 1\n", "must begin with #FID or #IID", "header line"),
        ("p0 1\n", "lines without 6 columns: 1", "header line that begins with #FID or #IID"),
        ("f p0 0 0\n", "lines without 6 columns: 1", "FID IID PAT MAT SEX"),
        ("f p0 0 0 1\nf p1 0 0 1 -9\n", "lines without 5 columns: 2", "FID IID PAT MAT SEX"),
        ("#FID IID SEX\nf p0 1\nf p1\n", "lines without 3 columns: 3", "header line"),
    ],
)
@pytest.mark.parametrize("ending", [".fam", ".psam"])
def test_lists_of_people_that_are_refused_name_the_header_line(
    tmp_path: Path, text: str, words: str, fix: str, ending: str
) -> None:
    path = tmp_path / f"g{ending}"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        filesets.read_samples(filesets.Fileset(tmp_path / "g.bed", tmp_path / "g.bim", path))
    assert fix in caught.value.fix


def pvar(tmp_path: Path, text: str) -> Genotypes:
    fileset.write(tmp_path / "g", DOSAGE[:, :2])
    subprocess.run(["plink2", "--bfile", "g", "--make-pgen", "--out", "p"], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "p.pvar").write_text(text)
    return opened(tmp_path / "p")


HEAD = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


@pytest.mark.plink2
@pytest.mark.parametrize(
    "text",
    [
        HEAD + "1\t5\ta\tA\tG\t.\tPASS\tAF=0.1; R2=0.9 ;note=two words\n1\t6\tb\tC\tT\t.\t.\tDR2=0.5\n",
        HEAD + "1\t5\ta\tA\tG\t.\tlow quality\tR2=0.9;CSQ=a b c\n1\t6\tb\tC\tT\t.\t.\tINFO=0.5\n",
        HEAD.replace("\n", "\r\n") + "1\t5\ta\tA\tG\t.\tPASS\tR2=0.9 x\r\n1\t6\tb\tC\tT\t.\t.\tINFO=0.5\r\n",
        '##contig=<ID=1>\n##INFO=<ID=R2,Description="some words">\n'
        + HEAD
        + "1\t5\ta\tA\tG\t.\t.\t R2=0.9\n1\t6\tb\tC\tT\t\t\tR2=0.5\n",
        "#CHROM POS ID REF ALT INFO\n1 5 a A G R2=0.9\n1 6 b C T R2=0.5\n",
    ],
)
def test_an_info_with_blanks_is_read(tmp_path: Path, text: str) -> None:
    part = pvar(tmp_path, text)
    assert part.variants.tolist() == ["a", "b"]
    assert part.positions.tolist() == [5, 6]
    assert part.effect_alleles.tolist() == ["G", "T"]
    np.testing.assert_allclose(part.file_info, [0.9, 0.5])


@pytest.mark.plink2
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "1\t5\ta\tA\tG\t.\tPASS\n1\t6\tb\tC\tT\t.\t.\tR2=1\n", "lines without 8 columns: 2"),
        (HEAD + "1 5 a A G . PASS R2=1\n1\t6\tb\tC\tT\t.\t.\tR2=1\n", "lines without 8 columns: 2"),
        ("##a\n#CHROM\tPOS\tREF\tALT\n1\t5\tA\tG\n1\t6\tC\tT\n", "columns missing: ID"),
    ],
)
def test_a_pvar_with_a_mistake_names_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        pvar(tmp_path, text)


def test_variants_without_a_name_are_called_by_place_and_alleles(tmp_path: Path) -> None:
    fileset.write(tmp_path / "g", DOSAGE[:, :4].copy())
    bim = tmp_path / "g.bim"
    bim.write_text("chr1\t.\t0\t5\tG\tA\n1\t\t0\t6\tG\tA\n01\trs1\t0\t7\tG\tA\nPAR1\t.\t0\t70000\tGAT\tA\n")
    names = [chromosomes.open_chromosome(matrix_options(tmp_path / "g"), chrom).variants.tolist() for chrom in ("1", "X")]
    assert names == [["1:5:A:G", "1:6:A:G", "rs1"], ["X:70000:A:GAT"]]
    (tmp_path / "list").write_text("1:6:A:G\n")
    part = fileset.opened(matrix_options(tmp_path / "g", variants=tmp_path / "list"))
    assert (part.variants.tolist(), part.not_listed) == (["1:6:A:G"], (2, 0))


def test_variants_of_a_bgen_without_a_name(tmp_path: Path) -> None:
    write_bgen(tmp_path / "g.bgen", DOSAGE[:, :3], list(EIDS), names=[".", "", "rs7"])
    write_sample(tmp_path / "g.sample", EIDS)
    assert opened(tmp_path / "g").variants.tolist() == ["1:3000000:A:G", "1:3000001:A:G", "rs7"]


@pytest.mark.plink2
@pytest.mark.parametrize("kind", ["bed", "pgen"])
@pytest.mark.parametrize("listed", [False, True])
def test_plink2_finds_variants_without_a_name(tmp_path: Path, kind: str, listed: bool) -> None:
    fileset.write(tmp_path / "g", DOSAGE)
    bim = tmp_path / "g.bim"
    rows = [line.split("\t") for line in bim.read_text().splitlines()]
    for i, row in enumerate(rows):
        row[1] = "." if i % 2 else "twice"
    bim.write_text("".join("\t".join(row) + "\n" for row in rows))
    if kind == "pgen":
        subprocess.run(["plink2", "--bfile", "g", "--make-pgen", "--out", "g"], cwd=tmp_path, check=True, capture_output=True)
        for ending in (".bed", ".bim", ".fam"):
            (tmp_path / f"g{ending}").unlink()
    more = {}
    if listed:
        (tmp_path / "list").write_text("1:3000003:A:G\n1:3000005:A:G\n")
        more = {"variants": tmp_path / "list"}
    traits, covariates = fileset.tables(EIDS, 3, 2, 2)
    ours, theirs = matrix_options(tmp_path / "g", **more), plink2_options(tmp_path / "g", **more)
    found = matrix.scan(ours, traits, covariates, fileset.opened(ours), seed=1)
    agree(found, plink2.scan(theirs, traits, covariates, fileset.opened(theirs), seed=1))
    assert found.associations.frame["variant"].n_unique() == (2 if listed else VARIANTS // 2 + 1)


@pytest.mark.plink2
@pytest.mark.parametrize("version", ["bgen-1.1", "bgen-1.2", "bgen-1.3"])
def test_every_version_of_bgen_that_plink2_writes(tmp_path: Path, version: str) -> None:
    """1.1 holds no identifiers; the .sample of the others is put in another order."""
    fileset.write(tmp_path / "g", DOSAGE, sexes=[1 + i % 2 for i in range(PEOPLE)])
    command = ["plink2", "--bfile", "g", "--export", version, "ref-first", "--out", "x"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    if version != "bgen-1.1":
        assert bgen_files.has_ids(tmp_path / "x.bgen")
        rows = (tmp_path / "x.sample").read_text().splitlines()
        (tmp_path / "x.sample").write_text("\n".join([*rows[:2], *reversed(rows[2:])]) + "\n")
    part = opened(tmp_path / "x")
    number = np.array([int(eid[1:]) for eid in part.eids])
    np.testing.assert_array_equal(part.dosages(0, VARIANTS), np.where(DOSAGE < 0, np.nan, DOSAGE)[number].T)
    np.testing.assert_array_equal(part.sexes, 1 + number % 2)
