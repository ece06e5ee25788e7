"""Checks the genome build of positions against well-known variants and the lengths of chromosomes.

Positions: dbSNP build 155 on GRCh37 and GRCh38. Lengths: Genome Reference Consortium, GRCh37 and GRCh38.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.study.scan import Scan

LANDMARKS = {
    "rs1801133": ("1", 11_856_378, 11_796_321), "rs11591147": ("1", 55_505_647, 55_039_974),
    "rs2476601": ("1", 114_377_568, 113_834_946), "rs6025": ("1", 169_519_049, 169_549_811),
    "rs4988235": ("2", 136_608_646, 135_851_076), "rs53576": ("3", 8_804_371, 8_762_685),
    "rs1801282": ("3", 12_393_125, 12_351_626), "rs6795970": ("3", 38_766_675, 38_725_184),
    "rs6801957": ("3", 38_767_315, 38_725_824), "rs1229984": ("4", 100_239_319, 99_318_162),
    "rs2200733": ("4", 111_710_169, 110_789_013), "rs16891982": ("5", 33_951_693, 33_951_588),
    "rs1799945": ("6", 26_091_179, 26_090_951), "rs1800562": ("6", 26_093_141, 26_092_913),
    "rs1800629": ("6", 31_543_031, 31_575_254), "rs10455872": ("6", 161_010_118, 160_589_086),
    "rs1800795": ("7", 22_766_645, 22_727_026), "rs7903146": ("10", 114_758_349, 112_998_590),
    "rs4244285": ("10", 96_541_616, 94_781_859), "rs1799853": ("10", 96_702_047, 94_942_290),
    "rs5219": ("11", 17_409_572, 17_388_025), "rs6265": ("11", 27_679_916, 27_658_369),
    "rs1799963": ("11", 46_761_055, 46_739_505), "rs1815739": ("11", 66_328_095, 66_560_624),
    "rs4149056": ("12", 21_331_549, 21_178_615), "rs3184504": ("12", 111_884_608, 111_446_804),
    "rs671": ("12", 112_241_766, 111_803_962), "rs12913832": ("15", 28_365_618, 28_120_472),
    "rs1426654": ("15", 48_426_484, 48_134_287), "rs9923231": ("16", 31_107_689, 31_096_368),
    "rs17822931": ("16", 48_258_198, 48_224_287), "rs9939609": ("16", 53_820_527, 53_786_615),
    "rs1805007": ("16", 89_986_117, 89_919_709), "rs429358": ("19", 45_411_941, 44_908_684),
    "rs7412": ("19", 45_412_079, 44_908_822), "rs1805128": ("21", 35_821_680, 34_449_382),
    "rs4680": ("22", 19_951_271, 19_963_748), "rs738409": ("22", 44_324_727, 43_928_847),
}  # fmt: skip
"""Well-known variants: rs number -> chromosome, position on hg19, position on hg38."""

LENGTHS = {
    "1": (249_250_621, 248_956_422), "2": (243_199_373, 242_193_529), "3": (198_022_430, 198_295_559),
    "4": (191_154_276, 190_214_555), "5": (180_915_260, 181_538_259), "6": (171_115_067, 170_805_979),
    "7": (159_138_663, 159_345_973), "8": (146_364_022, 145_138_636), "9": (141_213_431, 138_394_717),
    "10": (135_534_747, 133_797_422), "11": (135_006_516, 135_086_622), "12": (133_851_895, 133_275_309),
    "13": (115_169_878, 114_364_328), "14": (107_349_540, 107_043_718), "15": (102_531_392, 101_991_189),
    "16": (90_354_753, 90_338_345), "17": (81_195_210, 83_257_441), "18": (78_077_248, 80_373_285),
    "19": (59_128_983, 58_617_616), "20": (63_025_520, 64_444_167), "21": (48_129_895, 46_709_983),
    "22": (51_304_566, 50_818_468), "X": (155_270_560, 156_040_895), "Y": (59_373_566, 57_227_415), "MT": (16_571, 16_569),
}  # fmt: skip
"""Chromosome -> its length in base pairs on hg19 and on hg38."""

BUILDS = ("hg19", "hg38")


@dataclass(frozen=True)
class PositionEvidence:
    """Evidence for and against each of BUILDS.

    landmarks   (2,) lists of well-known variants at their position on that build
    beyond_end  (2,) lists of variants beyond the end of their chromosome on that build
    """

    landmarks: tuple[list[str], list[str]]
    beyond_end: tuple[list[str], list[str]]

    def in_words(self, build: int) -> str:
        """Describes the evidence for a build (index into BUILDS); empty if there is none."""
        names, others = self.landmarks[build], self.beyond_end[1 - build]
        words = [f"{len(names)} variants lie where {BUILDS[build]} has them: {first_few(names)}"] if names else []
        if others:
            words.append(f"{len(others)} lie beyond the end of their chromosome on {BUILDS[1 - build]}: {first_few(others)}")
        return "; ".join(words)


def position_evidence(opened: Sequence[Genotypes]) -> PositionEvidence:
    """Collects the evidence from the variants of several chromosomes. X includes its pseudoautosomal regions."""
    landmarks: tuple[list[str], list[str]] = ([], [])
    beyond: tuple[list[str], list[str]] = ([], [])
    for part in opened:
        known = {name: at[1:] for name, at in LANDMARKS.items() if at[0] == part.chrom}
        for place in np.flatnonzero(np.isin(part.variants.astype(str), list(known))) if known else []:
            for build, at in enumerate(known[str(part.variants[place])]):
                if part.positions[place] == at:
                    landmarks[build].append(f"{part.variants[place]} ({part.chrom}:{at})")
        for build, end in enumerate(LENGTHS.get(part.chrom, ())):
            outside = np.flatnonzero(part.positions > end)
            beyond[build].extend(f"{part.variants[i]} ({part.chrom}:{part.positions[i]})" for i in outside)
    return PositionEvidence(landmarks, beyond)


def warn_of_unknown_positions(options: Scan, opened: Sequence[Genotypes]) -> str | None:
    """Warns of variants at position 0, which means unknown; None if there are none.

    Raises InputError if more than half of the variants are at position 0.
    """
    count, unknown = sum(map(len, opened)), sum(int((part.positions == 0).sum()) for part in opened)
    if unknown == 0:
        return None
    words = f"{unknown} of {count} variants have position 0, which means unknown"
    if 2 * unknown > count:
        fix = "give the list of variants positions in base pairs, 1-based (column 4 of a .bim)"
        raise InputError(words, where=options.genotypes, fix=fix)
    return f"{words}: their associations have no position on the genome; exclude them, or give them positions"


def check_build(options: Scan, opened: Sequence[Genotypes]) -> None:
    """Raises InputError if the positions indicate a build other than `options.build`, or fit neither build."""
    evidence = position_evidence(opened)
    own = BUILDS.index(options.build)
    nowhere = sorted(set(evidence.beyond_end[0]) & set(evidence.beyond_end[1]))
    if nowhere:
        problem = f"{len(nowhere)} variants lie beyond the end of their chromosome on hg19 and on hg38: {first_few(nowhere)}"
        fix = "correct the positions (base pairs, 1-based), or lift the genotypes over to hg19 or hg38"
        raise InputError(problem, where=options.genotypes, fix=fix)
    against = len(evidence.landmarks[1 - own]) + len(evidence.beyond_end[own])
    if against <= len(evidence.landmarks[own]) + len(evidence.beyond_end[1 - own]):
        return
    problem = f"scan.build is {options.build}, but the positions are those of {BUILDS[1 - own]}: {evidence.in_words(1 - own)}"
    for_own = evidence.in_words(own)
    if for_own:
        problem += f" (for {options.build} speak: {for_own})"
    raise InputError(problem, where=options.genotypes, fix=f"set scan.build to {BUILDS[1 - own]}, or lift the genotypes over")
