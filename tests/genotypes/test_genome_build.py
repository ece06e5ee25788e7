"""Builds told from well-known variants and from the lengths of chromosomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas.errors import InputError
from ecgwas.genotypes import chromosomes, genome_build
from ecgwas.genotypes.genome_build import LANDMARKS, LENGTHS
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options

HG19, HG38 = 1, 2


def write(stem: Path, rows: list[tuple[str, str, int]]) -> Path:
    """A fileset of variants (chromosome, name, position)."""
    fileset.write(stem, fileset.draw(10, len(rows), 1))
    lines = "".join(f"{chrom}\t{name}\t0\t{pos}\tG\tA\n" for chrom, name, pos in rows)
    stem.with_name(stem.name + ".bim").write_text(lines)
    return stem


def judge(stem: Path, build: str) -> None:
    options = matrix_options(stem, build=build)
    genome_build.check_build(options, [chromosomes.open_chromosome(options, part) for part in chromosomes.available(options)])


def landmarks(build: int, names: list[str]) -> list[tuple[str, str, int]]:
    return [(LANDMARKS[name][0], name, int(LANDMARKS[name][build])) for name in names]


@pytest.mark.parametrize("names", [["rs7412"], ["rs6801957", "rs2200733", "rs1805128"], list(LANDMARKS)])
@pytest.mark.parametrize(("build", "own", "other"), [(HG19, "hg19", "hg38"), (HG38, "hg38", "hg19")])
def test_well_known_variants_speak_for_their_build(tmp_path: Path, names: list[str], build: int, own: str, other: str) -> None:
    stem = write(tmp_path / "g", landmarks(build, names))
    judge(stem, own)
    with pytest.raises(InputError, match=f"scan.build is {other}, but the positions are those of {own}") as caught:
        judge(stem, other)
    chrom, *positions = LANDMARKS[names[0]]
    assert f"{len(names)} variants lie where {own} has them" in caught.value.problem
    assert f"{names[0]} ({chrom}:{positions[build - 1]})" in caught.value.problem or len(names) > 5
    assert f"set scan.build to {own}" in caught.value.fix


@pytest.mark.parametrize(
    ("chrom", "position", "own"), [("17", 82_000_000, "hg38"), ("19", 59_000_000, "hg19"), ("X", 155_900_000, "hg38")]
)
def test_positions_beyond_the_end_of_a_chromosome_speak_against_a_build(
    tmp_path: Path, chrom: str, position: int, own: str
) -> None:
    stem = write(tmp_path / "g", [(chrom, "a", 5_000_000), (chrom, "b", position)])
    other = {"hg19": "hg38", "hg38": "hg19"}[own]
    judge(stem, own)
    with pytest.raises(InputError, match=rf"1 lie beyond the end of their chromosome on {other}: b \({chrom}:{position}\)"):
        judge(stem, other)


def test_what_speaks_for_either_is_told(tmp_path: Path) -> None:
    rows = [*landmarks(HG38, ["rs7412", "rs429358", "rs671"]), *landmarks(HG19, ["rs6025"])]
    stem = write(tmp_path / "g", rows)
    judge(stem, "hg38")
    with pytest.raises(InputError, match=r"for hg19 speak: 1 variants lie where hg19 has them: rs6025"):
        judge(stem, "hg19")


def test_positions_of_neither(tmp_path: Path) -> None:
    stem = write(tmp_path / "g", [("21", "a", 5_000_000), ("21", "b", 49_000_000)])
    with pytest.raises(InputError, match="1 variants lie beyond the end of their chromosome on hg19 and on hg38"):
        judge(stem, "hg19")


@pytest.mark.parametrize("build", ["hg19", "hg38"])
def test_nothing_is_said_where_nothing_speaks(tmp_path: Path, build: str) -> None:
    """Names without a number, a well-known number at another place, or a well-known number on another chromosome."""
    rows = [("1", "v1", 1_000_000), ("19", "rs7412", 1_000_000), ("2", "rs429358", 45_411_941), ("MT", "m", 16_000)]
    judge(write(tmp_path / "g", rows), build)


def test_the_table_is_in_order() -> None:
    for chrom, *positions in LANDMARKS.values():
        assert all(0 < position <= end for position, end in zip(positions, LENGTHS[chrom], strict=True))
        assert positions[0] != positions[1]
