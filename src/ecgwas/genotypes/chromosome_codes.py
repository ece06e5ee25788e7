"""Codes of chromosomes, and the pseudoautosomal regions of X.

A leading "chr" is removed. 23, 24, 25 and 26 are X, Y, XY and MT (PLINK's codes), and M is MT. Variants coded PAR1, PAR2 or XY
(25), and variants of X in the pseudoautosomal regions of the study's build, are tested as diploid in both sexes and reported
on X.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.long_range_ld import PSEUDOAUTOSOMAL

PLINK_NUMBERS = {"23": "X", "24": "Y", "25": "XY", "26": "MT", "M": "MT", "CHRM": "MT"}

PAR_CODES = ("XY", "PAR1", "PAR2")
"""Codes of variants in the pseudoautosomal regions. Separate files of these regions are named by the same codes."""

PAR_LABEL = "PAR"
"""Label of the pseudoautosomal regions in counts of variants by chromosome."""

STANDARD_CODES = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")

REPORT_ORDER = (*STANDARD_CODES[:23], PAR_LABEL, *PAR_CODES, *STANDARD_CODES[23:])
"""Order of chromosomes in counts of variants."""

NOT_ASKED_FOR = "not in scan.chromosomes"
NO_FILE, NO_VARIANTS = "no file of genotypes", "no variants in the file"
UNPLACED, NO_CHROMOSOME = "unplaced (chromosome 0)", "a contig or an unknown chromosome code"
NOT_LISTED = "not in scan.variants"


def chromosome_code(name: str) -> str:
    """Code of a chromosome, without chr or leading zeros: `chr1` -> `1`, `01` -> `1`, `chr0` -> `0`, `23` -> `X`."""
    bare = name[3:] if name.lower().startswith("chr") else name
    bare = (bare.lstrip("0") or "0") if bare.isdigit() else bare.upper()
    return PLINK_NUMBERS.get(bare, bare)


def reported_chromosome(chrom: str) -> str:
    """Chromosome on which variants with this code are reported: X for the codes of the pseudoautosomal regions."""
    return "X" if chrom in PAR_CODES else chrom


def reason_untested(chrom: str) -> str:
    """Reason why the variants of an untested chromosome are excluded."""
    if chrom in STANDARD_CODES or chrom in PAR_CODES:
        return NOT_ASKED_FOR
    return UNPLACED if chrom == "0" else NO_CHROMOSOME


def is_pseudoautosomal(build: str, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(V,) bool: positions on X up to the end of PAR1 or from the start of PAR2, as with PLINK 2's --split-par."""
    (_, end), (start, _) = PSEUDOAUTOSOMAL[build]
    return np.asarray((positions <= end) | (positions >= start))
