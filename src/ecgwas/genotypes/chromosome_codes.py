"""Names of chromosomes, and the ends of X that men have twice.

A leading "chr" is dropped, 23, 24, 25, 26 are X, Y, XY, MT (PLINK's codes), M is MT. Variants of PAR1, PAR2 and XY (25), and
those of X that lie in the pseudoautosomal regions of the study's build, are tested as diploid in both sexes and reported on X.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.long_range_ld import PSEUDOAUTOSOMAL

PLINK_NUMBERS = {"23": "X", "24": "Y", "25": "XY", "26": "MT", "M": "MT", "CHRM": "MT"}

PAR_CODES = ("XY", "PAR1", "PAR2")
"""Codes of variants in the pseudoautosomal regions: files of their own have these names."""

PAR_LABEL = "PAR"
"""What the pseudoautosomal regions are called where variants are counted by chromosome."""

STANDARD_CODES = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")

REPORT_ORDER = (*STANDARD_CODES[:23], PAR_LABEL, *PAR_CODES, *STANDARD_CODES[23:])
"""In which chromosomes are counted."""

NOT_ASKED_FOR = "not in scan.chromosomes"
NO_FILE, NO_VARIANTS = "no file of genotypes", "no variants in the file"
UNPLACED, NO_CHROMOSOME = "unplaced (chromosome 0)", "a contig or an unknown chromosome code"
NOT_LISTED = "not in scan.variants"


def chromosome_code(name: str) -> str:
    """A chromosome without chr, X for 23: `chr1` -> `1`, `01` -> `1`, `chr0` -> `0`."""
    bare = name[3:] if name.lower().startswith("chr") else name
    bare = (bare.lstrip("0") or "0") if bare.isdigit() else bare.upper()
    return PLINK_NUMBERS.get(bare, bare)


def reported_chromosome(chrom: str) -> str:
    """The chromosome on which variants of a code are reported: X for the codes of the pseudoautosomal regions."""
    return "X" if chrom in PAR_CODES else chrom


def reason_untested(chrom: str) -> str:
    """Why variants of a chromosome that is not tested are excluded."""
    if chrom in STANDARD_CODES or chrom in PAR_CODES:
        return NOT_ASKED_FOR
    return UNPLACED if chrom == "0" else NO_CHROMOSOME


def is_pseudoautosomal(build: str, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(V,) bool: positions of X up to the end of PAR1, or from the beginning of PAR2 on, as PLINK 2's --split-par has them."""
    (_, end), (start, _) = PSEUDOAUTOSOMAL[build]
    return np.asarray((positions <= end) | (positions >= start))
