from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from bed_reader import open_bed

from ecgwas.errors import InputError
from ecgwas.genotypes import chromosomes
from ecgwas.loci.individual_data import find_variants
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    fileset.write(tmp_path / "some.cohort", fileset.draw(37, 50, 1, missing=0.1))
    return tmp_path / "some.cohort"


def test_dosages_are_those_of_bed_reader(stem: Path) -> None:
    part = fileset.opened(matrix_options(stem))
    expected = open_bed(f"{stem}.bed").read(dtype="float64").T
    np.testing.assert_array_equal(part.dosages(0, 50), expected)
    np.testing.assert_array_equal(part.dosages(7, 9), expected[7:9])


def test_dosage_of_gives_the_people_asked_for_in_their_order(stem: Path) -> None:
    part = fileset.opened(matrix_options(stem))
    expected = open_bed(f"{stem}.bed").read(dtype="float64")[[5, 2, 36], 31]
    np.testing.assert_array_equal(part.dosage_of(31, ("p5", "p2", "p36")), expected)


def test_the_bim_is_read_as_plink_names_it(stem: Path) -> None:
    part = fileset.opened(matrix_options(stem))
    assert (part.variants[3], part.positions[3], part.effect_alleles[3], part.other_alleles[3]) == ("v3", 3_000_003, "G", "A")
    assert part.sexes[:3].tolist() == [1, 2, 1]
    assert (len(part), part.chrom, len(part.eids)) == (50, "1", 37)


def test_one_fileset_falls_into_chromosomes_even_when_unsorted(stem: Path) -> None:
    lines = Path(f"{stem}.bim").read_text().splitlines()
    names = ["chr2", "X", "23"] * 17
    Path(f"{stem}.bim").write_text("".join(f"{names[i]}{line[1:]}\n" for i, line in enumerate(lines)))
    options = matrix_options(stem)
    assert chromosomes.available(options) == ("2", "X")
    part = chromosomes.open_chromosome(options, "X")
    expected = open_bed(f"{stem}.bed").read(dtype="float64").T[[i for i in range(50) if i % 3]]
    np.testing.assert_array_equal(part.dosages(0, len(part)), expected)


def test_a_pattern_names_one_fileset_per_chromosome(tmp_path: Path) -> None:
    fileset.write(tmp_path / "chr7", fileset.draw(10, 5, 1), chrom="7")
    fileset.write(tmp_path / "chr23", fileset.draw(9, 6, 1), chrom="23")
    options = matrix_options(tmp_path / "chr{chrom}")
    assert chromosomes.available(options) == ("7", "X")
    assert [len(chromosomes.open_chromosome(options, chrom)) for chrom in ("7", "X")] == [5, 6]
    assert len(chromosomes.input_files(options)) == 6
    assert chromosomes.eids_in_all_files(options) == tuple(f"p{i}" for i in range(9))


def test_no_chromosome_that_is_asked_for(stem: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of the requested chromosomes"):
        chromosomes.available(matrix_options(stem, chromosomes=("5",)))
    with pytest.raises(InputError, match="no chromosome has a"):
        chromosomes.available(matrix_options(tmp_path / "nothing{chrom}"))


def test_a_bed_of_the_wrong_size_is_named(stem: Path) -> None:
    bed = Path(f"{stem}.bed")
    bed.write_bytes(bed.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"502 bytes, but 50 variants .* make 503") as caught:
        fileset.opened(matrix_options(stem))
    assert caught.value.where == str(bed)


@pytest.mark.parametrize(("start", "words"), [(b"\x6c\x1b\x00", "person by person"), (b"PK\x03", "does not begin")])
def test_a_bed_that_is_none(stem: Path, start: bytes, words: str) -> None:
    bed = Path(f"{stem}.bed")
    bed.write_bytes(start + bed.read_bytes()[3:])
    with pytest.raises(InputError, match=words):
        fileset.opened(matrix_options(stem))


@pytest.mark.parametrize("ending", [".bed", ".bim", ".fam"])
def test_a_missing_file_is_named(stem: Path, ending: str) -> None:
    Path(f"{stem}{ending}").unlink()
    with pytest.raises(InputError, match="is missing") as caught:
        fileset.opened(matrix_options(stem))
    assert caught.value.where == f"{stem}{ending}"


def test_people_who_stand_twice(stem: Path) -> None:
    fam = Path(f"{stem}.fam")
    fam.write_text(fam.read_text().replace(" p4 ", " p3 ").replace("\tp4\t", "\tp3\t"))
    with pytest.raises(InputError, match="more than once in column 2: p3"):
        chromosomes.eids_in_all_files(matrix_options(stem))


def test_people_and_variants_that_are_not_there(stem: Path) -> None:
    part = fileset.opened(matrix_options(stem))
    with pytest.raises(InputError, match="no genotypes on chromosome 1: stranger"):
        part.sample_index(("p1", "stranger"))
    absent = {"variant": "v1", "chrom": "1", "pos": 3_000_001, "effect_allele": "C", "other_allele": "A"}
    with pytest.raises(InputError, match="1 variants of the scan are not among the genotypes: 1:3000001:C:A"):
        find_variants(part, pl.DataFrame([absent]))


def test_a_bim_with_text_for_a_position(stem: Path) -> None:
    bim = Path(f"{stem}.bim")
    bim.write_text(bim.read_text().replace("3000004", "here"))
    with pytest.raises(InputError, match="not whole numbers: line 5"):
        fileset.opened(matrix_options(stem))


def test_a_file_of_another_chromosome(tmp_path: Path, stem: Path) -> None:
    for ending in (".bed", ".bim", ".fam"):
        shutil.copy(f"{stem}{ending}", tmp_path / f"chr2{ending}")
    options = matrix_options(tmp_path / "chr{chrom}")
    with pytest.raises(InputError, match="file of chromosome 2 holds variants of chromosome 1"):
        chromosomes.open_chromosome(options, "2")
