"""Lists of variants by name, by position, and by position and alleles; names that several variants share."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas.errors import InputError
from ecgwas.genotypes import chromosomes, requested
from ecgwas.scan import matrix, plink2
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options, plink2_options

BIM = (
    "1 rs1 0 100 G A", "1 rs1 0 200 G A", "1 rs5 0 300 G A", "1 rs5 0 300 T A", "1 . 0 400 GAT A", "1 1:100:A:G 0 500 G A",
    "1 rs7 0 600 G A", "X . 0 70000 g a", "X rsx 0 90000600 G A",
)  # fmt: skip
"""One name for two positions, one for two variants of a position, no name, and the place of another variant as a name."""


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    fileset.write(tmp_path / "g", fileset.draw(60, len(BIM), 1))
    (tmp_path / "g.bim").write_text("".join("\t".join(line.split()) + "\n" for line in BIM))
    return tmp_path / "g"


def listed(stem: Path, *entries: str) -> Path:
    path = stem.with_name(f"list {len(list(stem.parent.iterdir()))}")
    path.write_text("".join(f"{entry}\n" for entry in entries))
    return path


def places(stem: Path, *entries: str) -> list[tuple[str, int, str]]:
    """Chromosome, position and effect allele of what is tested."""
    options = matrix_options(stem, variants=listed(stem, *entries))
    opened = [chromosomes.open_chromosome(options, part) for part in chromosomes.available(options)]
    return [
        (part.chrom, pos, allele) for part in opened for pos, allele in zip(part.positions, part.effect_alleles, strict=True)
    ]


@pytest.mark.parametrize(
    "entry",
    [
        "rs7", "1:600", "chr1:600", "01:600", "1:600:A:G", "1:600:G:A", "chr1:600:a:g", "CHR1:600:G:A", "1:600_A_G",
        "1-600-A-G", "1_600_G_A", "chr1:600_A/G",
    ],
)  # fmt: skip
def test_every_way_of_writing_a_variant(stem: Path, entry: str) -> None:
    assert places(stem, entry) == [("1", 600, "G")]
    assert requested.check_lists(matrix_options(stem, variants=listed(stem, entry))) == []


@pytest.mark.parametrize("entry", ["23:70000", "X:70000:A:G", "chrX:70000", "XY:70000:G:A", "PAR1:70000", "X:70000:a:g"])
def test_a_variant_of_the_ends_of_x_by_any_of_its_codes(stem: Path, entry: str) -> None:
    assert places(stem, entry) == [("X", 70000, "g")]


def test_a_name_of_two_positions_is_refused_with_the_cure(stem: Path) -> None:
    options = matrix_options(stem, variants=listed(stem, "rs7", "rs1", "rsx"))
    for refuse in (lambda: requested.check_lists(options), lambda: chromosomes.open_chromosome(options, "1")):
        with pytest.raises(
            InputError, match=r"1 of 3 variants listed mean several variants: rs1 \(2: 1:100:A:G, 1:200:A:G\)"
        ) as e:
            refuse()
        assert "chrom:pos:ref:alt" in e.value.fix
    assert places(stem, "1:200:A:G") == [("1", 200, "G")]


def test_a_name_of_two_chromosomes_is_refused_where_each_has_its_file(tmp_path: Path) -> None:
    for chrom in ("1", "2"):
        fileset.write(tmp_path / f"chr{chrom}", fileset.draw(20, 3, 1), chrom=chrom)
    with pytest.raises(InputError, match=r"v1 \(2: 1:3000001:A:G, 2:3000001:A:G\)"):
        requested.check_lists(matrix_options(tmp_path / "chr{chrom}", variants=listed(tmp_path / "g", "v1")))


@pytest.mark.parametrize("entry", ["rs5", "1:300"])
def test_variants_of_one_position_are_all_tested_and_counted(stem: Path, entry: str) -> None:
    assert places(stem, entry) == [("1", 300, "G"), ("1", 300, "T")]
    (warning,) = requested.check_lists(matrix_options(stem, variants=listed(stem, entry, "rs7")))
    assert f"1 of 2 variants listed mean several variants of one position, all of which are tested ({entry}: 2)" in warning
    assert "chrom:pos:ref:alt" in warning


def test_the_alleles_say_which_variant_of_a_position_is_meant(stem: Path) -> None:
    assert places(stem, "1:300:T:A") == [("1", 300, "T")]
    assert requested.check_lists(matrix_options(stem, variants=listed(stem, "1:300:T:A"))) == []


def test_a_place_that_is_another_variants_name_is_refused(stem: Path) -> None:
    with pytest.raises(InputError, match=r"1:100:A:G \(2: 1:100:A:G, 1:500:A:G\)") as caught:
        places(stem, "1:100:A:G")
    assert "add or remove the prefix chr" in caught.value.fix
    assert places(stem, "chr1:100:A:G") == [("1", 100, "G")]
    assert places(stem, "1:500:A:G") == [("1", 500, "G")]


def test_what_matches_nothing_is_counted_and_other_alleles_are_told(stem: Path) -> None:
    (warning,) = requested.check_lists(matrix_options(stem, variants=listed(stem, "rs7", "rs8", "1:600:A:T", "2:600")))
    assert warning.startswith("3 of 4 variants listed are not in the genotypes")
    assert warning.endswith("; 1 of them are at a position of the genotypes, with other alleles")
    with pytest.raises(InputError, match="none of the 2 variants listed is in the genotypes") as caught:
        requested.check_lists(matrix_options(stem, variants=listed(stem, "1:600:A:T", "rs8")))
    assert "in scan.build hg19; 1 of them are at a position" in caught.value.fix


def test_a_point_is_no_variant(stem: Path) -> None:
    with pytest.raises(InputError, match=r"line 2: \. is no id") as caught:
        places(stem, "rs7", ".")
    assert "chrom:pos:ref:alt" in caught.value.fix


def test_names_in_the_files_of_the_ends_of_x_are_known(tmp_path: Path) -> None:
    for chrom, code in (("X", "X"), ("XY", "XY")):
        fileset.write(tmp_path / f"chr{chrom}", fileset.draw(20, 2, 1), chrom=code)
        bim = tmp_path / f"chr{chrom}.bim"
        bim.write_text(bim.read_text().replace("v", f"of_{code}_"))
    options = matrix_options(tmp_path / "chr{chrom}", chromosomes=("X",), variants=listed(tmp_path / "g", "of_XY_1"))
    assert requested.check_lists(options) == []


@pytest.mark.plink2
@pytest.mark.parametrize("entries", [("1:200:G:A", "rs7"), ("1:300:A:T",), ("1:400:A:GAT", "1:500"), ("X:70000", "X:90000600")])
def test_plink2_tests_the_variants_listed_and_not_their_namesakes(stem: Path, entries: tuple[str, ...]) -> None:
    eids = tuple(f"p{i}" for i in range(60))
    traits, more = fileset.tables(eids, 1, 2, 1)
    chosen = {"variants": listed(stem, *entries)}
    chrom = "X" if entries[0].startswith("X") else "1"
    found = []
    for engine, options in ((matrix, matrix_options(stem, **chosen)), (plink2, plink2_options(stem, **chosen))):
        opened = chromosomes.open_chromosome(options, chrom)
        result = engine.scan(options, traits, more, opened, seed=1)
        assert result.tests.tolist() == [len(entries)]
        found.append(result.associations.frame.select("variant", "pos", "effect_allele").rows())
    assert found[0] == found[1]
