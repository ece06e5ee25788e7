"""Genetic maps: the same rates from every format, compared with NumPy's interpolation of the map."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from ecgwas.errors import InputError
from ecgwas.genes import recombination_map

POSITIONS = (55_550, 82_571, 88_169, 254_996)
CM = (0.0, 0.080572, 0.092229, 0.439456)

HAPMAP = "Chromosome\tPosition(bp)\tRate(cM/Mb)\tMap(cM)\n" + "".join(
    f"chr1\t{pos}\t2.9\t{cm}\n" for pos, cm in zip(POSITIONS, CM, strict=True)
)
FORMATS = {
    "genetic_map_GRCh37_chr1.txt": HAPMAP,
    "genetic_map_hg19_withX.txt": "chr position COMBINED_rate(cM/Mb) Genetic_Map(cM)\n"
    + "".join(f"1 {pos} 2.9 {cm}\n" for pos, cm in zip(POSITIONS, CM, strict=True))
    + "23 100 0 0\n23 2000100 0 3\n",
    "genetic_map_chr1_combined_b37.txt": "position COMBINED_rate(cM/Mb) Genetic_Map(cM)\n"
    + "".join(f"{pos} 2.9 {cm}\n" for pos, cm in zip(POSITIONS, CM, strict=True)),
    "chr1.b37.gmap": "pos\tchr\tcM\n" + "".join(f"{pos}\t1\t{cm}\n" for pos, cm in zip(POSITIONS, CM, strict=True)),
    "plink.chr1.GRCh37.map": "".join(f"1 . {cm} {pos}\n" for pos, cm in zip(POSITIONS, CM, strict=True)),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("packed", [False, True])
def test_every_format_gives_the_same_rates(name: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(FORMATS[name].encode()) if packed else FORMATS[name].encode())
    table = recombination_map.read(path)["1"].between(60_000, 200_000)
    assert table["pos"].to_list() == list(POSITIONS)
    at = np.array([60_000.0, 85_000.0, 200_000.0])
    slope = (np.interp(at + 1, POSITIONS, CM) - np.interp(at, POSITIONS, CM)) * 1e6
    assert table["rate"].to_list()[:3] == pytest.approx(slope)
    assert table["rate"][3] is None
    assert recombination_map.build_in_name(path) == "hg19"
    assert "4 positions on 1 chromosomes" in recombination_map.check(path, "hg19") or "withX" in name


def test_the_stretch_between_two_positions_is_returned(tmp_path: Path) -> None:
    path = tmp_path / "genetic_map_hg19_withX.txt"
    path.write_text(FORMATS[path.name])
    maps = recombination_map.read(path, {"X"})
    assert set(maps) == {"X"}
    assert maps["X"].between(500, 600).rows() == [(100, pytest.approx(1.5)), (2_000_100, None)]
    assert recombination_map.read(path)["1"].between(83_000, 84_000)["pos"].to_list() == [82_571, 88_169]


def test_a_folder_holds_a_file_for_each_chromosome(tmp_path: Path) -> None:
    for chrom in ("1", "2"):
        (tmp_path / f"genetic_map_chr{chrom}_combined_b37.txt").write_text(FORMATS["genetic_map_chr1_combined_b37.txt"])
    assert set(recombination_map.read(tmp_path)) == {"1", "2"}
    assert "8 positions on 2 chromosomes, hg19" in recombination_map.check(tmp_path, "hg19")


def test_a_decreasing_map_has_no_rate_there(tmp_path: Path) -> None:
    """Maps lifted over to another build decrease in places; the pseudoautosomal map of X starts anew."""
    path = tmp_path / "chr2.map"
    path.write_text("2 . 0.5 100\n2 . 0.1 200\n2 . 0.3 300\n")
    assert recombination_map.read(path)["2"].between(100, 300)["rate"].to_list() == [None, pytest.approx(2000.0), None]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("map.txt", "a b\n", "columns of the recombination map are unknown"),
        ("map.txt", "position COMBINED_rate(cM/Mb) Genetic_Map(cM)\n1 2 3\n", "names no chromosome"),
        ("map.txt", "chr position COMBINED_rate(cM/Mb) Genetic_Map(cM)\n1 100 0 0\n1 x 0 0\n", "line 3"),
        ("map.txt", "chr position COMBINED_rate(cM/Mb) Genetic_Map(cM)\n1 100 0\n", "line 2"),
        ("map.txt", "chr position COMBINED_rate(cM/Mb) Genetic_Map(cM)\n1 100 0 nan\n", "line 2"),
        ("cohort.map", "1 rs1 0 100\n1 rs2 0 200\n", "no genetic distances"),
        ("genetic_map_GRCh38_chr1.txt", HAPMAP, "is of hg38 by its name"),
        ("map.txt", HAPMAP.replace("chr1", "scaffold7"), "no chromosome of the genotypes"),
    ],
)
def test_what_cannot_be_used_is_refused(name: str, text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        recombination_map.check(path, "hg19")


def test_a_missing_map_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the recombination map is missing"):
        recombination_map.check(tmp_path / "absent.map", "hg19")
    with pytest.raises(InputError, match="has no files"):
        recombination_map.check(tmp_path, "hg19")
