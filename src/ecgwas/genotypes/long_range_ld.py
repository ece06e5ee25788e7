"""Regions of long-range linkage disequilibrium: inversions, the MHC and others where one haplotype spans megabases.

Genotype PCs that include such a region reflect the region and not ancestry, and a hit in it says little about where the causal
variant lies. Sources: Price et al. 2008, Am J Hum Genet 83:132, table 1, on hg19; the regions that remain on hg38, as in common
use (Anderson et al. 2010, Nat Protoc 5:1564). The inversion of 17q21 is included in both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Region:
    """A part of a chromosome, 1-based with both ends included, and its usual name."""

    chrom: str
    start: int
    stop: int
    name: str


HG19 = (
    Region("1", 48_227_413, 52_227_412, "1p33"), Region("2", 86_146_489, 101_133_568, "2 centromere"),
    Region("2", 134_783_530, 138_283_530, "LCT"), Region("2", 183_291_755, 190_291_755, "2q32"),
    Region("3", 47_524_996, 50_024_996, "3p21"), Region("3", 83_417_310, 86_917_310, "3p12"),
    Region("3", 88_917_310, 96_017_310, "3 centromere"), Region("5", 44_464_243, 50_464_243, "5 centromere"),
    Region("5", 97_972_100, 100_472_101, "5q21"), Region("5", 128_972_101, 131_972_101, "5q31"),
    Region("5", 135_472_101, 138_472_101, "5q31.2"), Region("6", 25_392_021, 33_392_022, "MHC"),
    Region("6", 56_892_041, 63_942_041, "6 centromere"), Region("6", 139_958_307, 142_458_307, "6q24"),
    Region("7", 55_032_506, 66_362_565, "7 centromere"), Region("8", 7_962_590, 11_962_591, "8p23 inversion"),
    Region("8", 42_880_843, 49_837_447, "8 centromere"), Region("8", 111_930_824, 114_930_824, "8q23"),
    Region("10", 36_959_994, 43_679_994, "10 centromere"), Region("11", 46_043_424, 57_243_424, "11 centromere"),
    Region("11", 87_860_352, 90_860_352, "11q14"), Region("12", 33_108_733, 41_713_733, "12 centromere"),
    Region("12", 111_015_617, 113_515_617, "12q24"), Region("17", 43_500_000, 45_000_000, "17q21 inversion"),
    Region("20", 32_536_339, 35_066_586, "20q11"),
)  # fmt: skip

HG38 = (
    Region("1", 47_761_740, 51_761_740, "1p33"), Region("2", 85_919_365, 100_517_106, "2 centromere"),
    Region("2", 182_427_027, 189_427_029, "2q32"), Region("3", 47_483_505, 49_987_563, "3p21"),
    Region("3", 83_368_158, 86_868_160, "3p12"), Region("5", 44_464_140, 51_168_409, "5 centromere"),
    Region("5", 129_636_407, 132_636_409, "5q31"), Region("6", 25_391_792, 33_424_245, "MHC"),
    Region("6", 57_788_603, 61_424_451, "6 centromere"), Region("6", 139_637_169, 142_137_170, "6q24"),
    Region("7", 54_964_812, 66_897_578, "7 centromere"), Region("8", 8_105_067, 12_105_082, "8p23 inversion"),
    Region("8", 43_025_699, 48_924_888, "8 centromere"), Region("8", 110_918_594, 113_918_595, "8q23"),
    Region("10", 36_671_065, 43_184_546, "10 centromere"), Region("11", 88_127_183, 91_127_184, "11q14"),
    Region("12", 32_955_798, 41_319_931, "12 centromere"), Region("17", 45_400_000, 46_900_000, "17q21 inversion"),
    Region("20", 33_948_532, 36_438_183, "20q11"),
)  # fmt: skip

REGIONS = {"hg19": HG19, "hg38": HG38}

PSEUDOAUTOSOMAL = {
    "hg19": ((60_001, 2_699_520), (154_931_044, 155_260_560)),
    "hg38": ((10_001, 2_781_479), (155_701_383, 156_030_895)),
}
"""Build -> PAR1 and PAR2 on X, of which men have two copies (Genome Reference Consortium)."""


def region_name(build: str, chrom: str, start: int, stop: int) -> str | None:
    """Name of the first region that overlaps start..stop, or None."""
    touched = [r for r in REGIONS[build] if r.chrom == chrom and start <= r.stop and stop >= r.start]
    return touched[0].name if touched else None


def in_long_range_ld(build: str, chrom: str, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(V,) bool: positions of one chromosome in a region of long-range linkage disequilibrium."""
    linked = np.zeros(len(positions), dtype=bool)
    for region in REGIONS[build]:
        if region.chrom == chrom:
            linked |= (positions >= region.start) & (positions <= region.stop)
    return linked


def in_pseudoautosomal_region(build: str, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(V,) bool: positions on X in a pseudoautosomal region."""
    diploid = np.zeros(len(positions), dtype=bool)
    for start, stop in PSEUDOAUTOSOMAL[build]:
        diploid |= (positions >= start) & (positions <= stop)
    return diploid
