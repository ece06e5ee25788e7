"""PLINK 2 and BGEN files: what is read from them, and what is found in them, against PLINK 2 and Pgenlib's writer."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pgenlib
import polars as pl
import pytest
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.genotypes import chromosomes, filesets
from ecgwas.genotypes.readers import hard_call_codes, pack, unpack
from ecgwas.scan import matrix, plink2
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options, plink2_options
from tests.scan.test_matrix import agree, lost

PEOPLE, VARIANTS = 160, 50


def draw(seed: int, *, missing: float = 0.03) -> NDArray[np.float32]:
    """(V, N) dosages, multiples of 1/16384; -9: none. Some are whole numbers, some variants are constant."""
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(0.05, 0.95, (VARIANTS, 1))
    copies = rng.binomial(2, frequency, (VARIANTS, PEOPLE)).astype(np.float64)
    blurred = np.where(rng.random(copies.shape) < 0.5, copies + rng.normal(0, 0.1, copies.shape), copies)
    found = np.round(np.clip(blurred, 0, 2) * 16384) / 16384
    found[3], found[4] = 1.0, 0.25
    found[(rng.random(found.shape) < missing) & (np.arange(VARIANTS)[:, None] % 2 == 0)] = -9
    return found.astype(np.float32)


def write(stem: Path, dosages: NDArray[np.float32], *, chrom: str = "1", sexes: str = "12") -> tuple[str, ...]:
    """.pgen .pvar .psam; ALT is G."""
    variants, people = dosages.shape
    writer = pgenlib.PgenWriter(
        str(stem.with_name(stem.name + ".pgen")).encode(), people, variant_ct=variants, nonref_flags=False, dosage_present=True
    )
    writer.append_dosages_batch(np.ascontiguousarray(dosages))
    writer.close()
    lines = [f"{chrom}\t{3_000_000 + j}\tv{j}\tA\tG\n" for j in range(variants)]
    stem.with_name(stem.name + ".pvar").write_text("##made for a test\n#CHROM\tPOS\tID\tREF\tALT\n" + "".join(lines))
    rows = [f"p{i}\t{sexes[i % len(sexes)]}\n" for i in range(people)]
    stem.with_name(stem.name + ".psam").write_text("#IID\tSEX\n" + "".join(rows))
    return tuple(f"p{i}" for i in range(people))


def run_plink2(*arguments: str, folder: Path) -> None:
    subprocess.run(["plink2", *arguments, "--threads", "1"], cwd=folder, check=True, capture_output=True)


def same(folder: Path, stem: str | Path, eids: tuple[str, ...], **more: object) -> None:
    """matrix and plink2 find the same in these genotypes."""
    traits, covariates = fileset.tables(eids, 5, 3, 2)
    traits.values[:9, 3] = np.nan
    ours, theirs = matrix_options(folder / stem, **more), plink2_options(folder / stem, **more)
    found = matrix.scan(ours, traits, covariates, fileset.opened(ours), seed=1)
    expected = plink2.scan(theirs, traits, covariates, fileset.opened(theirs), seed=1)
    agree(found, expected)
    assert lost(found) == lost(expected)


def test_dosages_are_those_that_were_written(tmp_path: Path) -> None:
    dosages = draw(1)
    eids = write(tmp_path / "some.cohort", dosages)
    part = fileset.opened(matrix_options(tmp_path / "some.cohort"))
    expected = np.where(dosages < 0, np.nan, dosages)
    assert (part.hard_calls_only, part.eids, part.sexes[:3].tolist(), len(part)) == (False, eids, [1, 2, 1], VARIANTS)
    assert (part.variants[7], part.positions[7], part.effect_alleles[7], part.other_alleles[7]) == ("v7", 3_000_007, "G", "A")
    np.testing.assert_allclose(part.dosages(0, VARIANTS), expected, atol=1e-7)
    np.testing.assert_allclose(part.dosage_of(9, ("p5", "p2")), expected[9, [5, 2]], atol=1e-7)


def test_dosages_near_whole_numbers_are_hard_calls() -> None:
    codes = hard_call_codes(np.array([[0.0, 0.1, 0.11, 0.9, 1.1, 1.89, 1.9, 2.0, np.nan]]))
    assert codes.tolist() == [[3, 3, 1, 2, 2, 1, 0, 0, 1]]
    np.testing.assert_array_equal(unpack(pack(codes), 9), codes)


@pytest.mark.plink2
def test_hard_calls_of_a_pgen_are_those_of_its_bed(tmp_path: Path) -> None:
    fileset.write(tmp_path / "cohort", fileset.draw(37, 40, 1, missing=0.1))
    run_plink2("--bfile", "cohort", "--make-pgen", "--out", "other", folder=tmp_path)
    bed, pgen = (fileset.opened(matrix_options(tmp_path / name)) for name in ("cohort", "other"))
    assert pgen.hard_calls_only
    assert pgen.samples.families == bed.samples.families
    np.testing.assert_array_equal(pgen.dosages(3, 30), bed.dosages(3, 30))
    np.testing.assert_array_equal(unpack(pgen.packed(0, 40), 37), unpack(np.asarray(bed.packed(0, 40)), 37))


@pytest.mark.plink2
@pytest.mark.parametrize("guards", [{}, {"min_maf": 0.1, "min_mac": 40, "min_call_rate": 0.97, "min_hwe_p": 1e-3}])
def test_plink2_finds_the_same_in_dosages(tmp_path: Path, guards: dict[str, float]) -> None:
    same(tmp_path, "cohort", write(tmp_path / "cohort", draw(2)), **guards)


@pytest.mark.plink2
def test_plink2_finds_the_same_in_dosages_of_x(tmp_path: Path) -> None:
    dosages = draw(3)
    men = np.arange(PEOPLE) % 2 == 0
    dosages[:, men] = np.where(dosages[:, men] < 0, -9, 2 * np.rint(dosages[:, men] / 2))
    same(tmp_path, "cohort", write(tmp_path / "cohort", dosages, chrom="X"))


@pytest.mark.plink2
def test_bgen_is_read_as_plink2_reads_it(tmp_path: Path) -> None:
    eids = write(tmp_path / "cohort", draw(4))
    arguments = ["--pfile", "cohort", "--export", "bgen-1.2", "bits=8", "ref-first", "--out", "exported"]
    run_plink2(*arguments, folder=tmp_path)
    part = fileset.opened(matrix_options(tmp_path / "exported"))
    assert (part.hard_calls_only, part.eids, part.sexes[:3].tolist()) == (False, eids, [1, 2, 1])
    assert (part.effect_alleles[7], part.other_alleles[7]) == ("G", "A")
    np.testing.assert_allclose(part.dosages(0, VARIANTS), np.where(draw(4) < 0, np.nan, draw(4)), atol=0.01)
    same(tmp_path, "exported", eids)


@pytest.mark.plink2
@pytest.mark.parametrize("chrom", ["Y", "MT"])
@pytest.mark.parametrize("guards", [{}, {"min_maf": 0.1, "min_mac": 20, "min_call_rate": 0.97}])
def test_y_and_mt_as_plink2_has_them(tmp_path: Path, chrom: str, guards: dict[str, float]) -> None:
    rng = np.random.default_rng(6)
    dosage = 2 * rng.binomial(1, rng.uniform(0.02, 0.6, 60), (150, 60)).astype(np.int8)
    dosage[rng.random(dosage.shape) < 0.02] = fileset.NO_CALL
    sexes = [1 + i % 2 for i in range(150)]
    sexes[5] = sexes[60] = 0
    eids = fileset.write(tmp_path / "cohort", dosage, chrom=chrom, sexes=sexes)
    options = matrix_options(tmp_path / "cohort", chromosomes=(chrom,))
    traits, more = fileset.tables(eids, 2, 2, 1)
    people = matrix.scan(options, traits, more, fileset.opened(options), seed=1).people
    assert people.tolist() == [sum(sex == 1 for sex in sexes) if chrom == "Y" else 150] * 2
    same(tmp_path, "cohort", eids, chromosomes=(chrom,), **guards)


def test_lists_of_people_and_variants(tmp_path: Path) -> None:
    eids = fileset.write(tmp_path / "cohort", fileset.draw(30, 20, 1))
    (tmp_path / "people.txt").write_text("#eid\n" + "".join(f"{eid}\tmore\n" for eid in [*eids[5:25], "stranger"]))
    (tmp_path / "variants.txt").write_text("v3\nv11\nrs1\n")
    options = matrix_options(tmp_path / "cohort", people=tmp_path / "people.txt", variants=tmp_path / "variants.txt")
    assert chromosomes.eids_in_all_files(options) == eids[5:25]
    assert set(chromosomes.input_files(options)) >= {tmp_path / "people.txt", tmp_path / "variants.txt"}
    part = fileset.opened(options)
    assert part.variants.tolist() == ["v3", "v11"]
    np.testing.assert_array_equal(part.dosages(1, 2), fileset.opened(matrix_options(tmp_path / "cohort")).dosages(11, 12))
    traits, covariates = fileset.tables(eids[5:25], 1, 1, 1)
    result = matrix.scan(options, traits, covariates, part, seed=1)
    assert sorted(result.associations.frame["variant"].unique()) == ["v11", "v3"]


@pytest.mark.plink2
def test_plink2_tests_the_variants_listed(tmp_path: Path) -> None:
    eids = fileset.write(tmp_path / "cohort", fileset.draw(60, 20, 1))
    (tmp_path / "variants.txt").write_text("v3\nv11\n")
    same(tmp_path, "cohort", eids, variants=tmp_path / "variants.txt")


def test_lists_that_are_empty_or_of_others(tmp_path: Path) -> None:
    fileset.write(tmp_path / "cohort", fileset.draw(30, 20, 1))
    (tmp_path / "people.txt").write_text("#eid\n\n")
    with pytest.raises(InputError, match="list of people is empty"):
        chromosomes.eids_in_all_files(matrix_options(tmp_path / "cohort", people=tmp_path / "people.txt"))
    (tmp_path / "people.txt").write_text("stranger\n")
    with pytest.raises(InputError, match="none of the people listed"):
        chromosomes.eids_in_all_files(matrix_options(tmp_path / "cohort", people=tmp_path / "people.txt"))


def test_chromosomes_named_in_every_way(tmp_path: Path) -> None:
    for name, chrom in (("c01", "chr1"), ("c2", "02"), ("c23", "chrX"), ("cMT", "M")):
        fileset.write(tmp_path / name, fileset.draw(9, 4, 1), chrom=chrom)
    options = matrix_options(tmp_path / "c{chrom}", chromosomes=("chr1", "2", "23", "chrM"))
    assert chromosomes.available(options) == ("1", "2", "X", "MT")
    assert [len(chromosomes.open_chromosome(options, chrom)) for chrom in chromosomes.available(options)] == [4] * 4


def test_a_pattern_may_mix_formats(tmp_path: Path) -> None:
    fileset.write(tmp_path / "c1", fileset.draw(PEOPLE, 4, 1), chrom="1")
    write(tmp_path / "c2", draw(1), chrom="2")
    options = matrix_options(tmp_path / "c{chrom}")
    assert [chromosomes.open_chromosome(options, chrom).hard_calls_only for chrom in chromosomes.available(options)] == [
        True,
        False,
    ]
    assert len(chromosomes.eids_in_all_files(options)) == PEOPLE


def test_several_alternate_alleles_are_named(tmp_path: Path) -> None:
    write(tmp_path / "cohort", draw(1))
    pvar = tmp_path / "cohort.pvar"
    pvar.write_text(pvar.read_text().replace("v7\tA\tG", "v7\tA\tG,T"))
    with pytest.raises(InputError, match="several ALT alleles: v7") as caught:
        fileset.opened(matrix_options(tmp_path / "cohort"))
    assert "bcftools norm" in caught.value.fix


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    write(tmp_path / "cohort", draw(1))
    psam = tmp_path / "cohort.psam"
    psam.write_text("".join(psam.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(InputError):
        fileset.opened(matrix_options(tmp_path / "cohort"))
    (tmp_path / "cohort.bgen").write_bytes(b"no bgen at all")
    (tmp_path / "cohort.sample").write_text("ID_1 ID_2 missing\n0 0 0\n1 1 0\n")
    with pytest.raises(InputError, match="cannot be read"):
        fileset.opened(matrix_options(tmp_path / "cohort.bgen"))


def test_a_packed_list_is_to_be_unpacked(tmp_path: Path) -> None:
    write(tmp_path / "cohort", draw(1))
    (tmp_path / "cohort.pvar").rename(tmp_path / "cohort.pvar.zst")
    with pytest.raises(InputError, match="missing") as caught:
        fileset.opened(matrix_options(tmp_path / "cohort"))
    assert "--zst-decompress" in caught.value.fix


def test_threads_and_blocks_do_not_change_what_dosages_give(tmp_path: Path) -> None:
    eids = write(tmp_path / "cohort", draw(5))
    traits, covariates = fileset.tables(eids, 4, 3, 2)
    found: list[pl.DataFrame] = []
    for more in ({}, {"block": 7, "threads": 3}, {"block": 1}):
        options = matrix_options(tmp_path / "cohort", **more)
        found.append(matrix.scan(options, traits, covariates, fileset.opened(options), seed=1).associations.frame)
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


def test_lists_of_any_making_are_read_alike(tmp_path: Path) -> None:
    """With tabs as PLINK writes them, with blanks, with Windows line ends."""
    fileset.write(tmp_path / "cohort", fileset.draw(9, 40, 1))
    bim = tmp_path / "cohort.bim"
    tabbed = bim.read_text()
    expected = fileset.opened(matrix_options(tmp_path / "cohort"))
    for text in (tabbed.replace("\t", "  "), tabbed.replace("\n", "\r\n"), tabbed + "\n\n"):
        bim.write_text(text)
        found = fileset.opened(matrix_options(tmp_path / "cohort"))
        assert found.variants.tolist() == expected.variants.tolist()
        np.testing.assert_array_equal(found.positions, expected.positions)
        assert found.other_alleles.tolist() == expected.other_alleles.tolist()


def test_a_list_with_a_mistake_names_its_line(tmp_path: Path) -> None:
    fileset.write(tmp_path / "cohort", fileset.draw(9, 40, 1))
    bim = tmp_path / "cohort.bim"
    lines = bim.read_text().splitlines()
    bim.write_text("\n".join([*lines[:6], lines[6].rsplit("\t", 1)[0], *lines[7:]]) + "\n")
    with pytest.raises(InputError, match="lines without 6 columns: 7"):
        fileset.opened(matrix_options(tmp_path / "cohort"))


@pytest.mark.plink2
def test_variants_are_counted_without_reading_their_list(tmp_path: Path) -> None:
    fileset.write(tmp_path / "hard", fileset.draw(9, 40, 1))
    write(tmp_path / "dosage", draw(1))
    arguments = ["--pfile", "dosage", "--export", "bgen-1.2", "bits=8", "ref-first", "--out", "exported"]
    run_plink2(*arguments, folder=tmp_path)
    for name, count in (("hard", 40), ("dosage", VARIANTS), ("exported.bgen", VARIANTS)):
        files = filesets.fileset(matrix_options(tmp_path / name), "")
        assert filesets.count_variants(files) == count == filesets.read_variants(files).height
