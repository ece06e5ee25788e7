"""Section `scan`: which genotypes, which engine."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ecgwas.study.base import Options, StudyPath, option

CHROMOSOME = re.compile(r"(chr)?(0?[1-9]|1[0-9]|2[0-6]|X|Y|XY|M|MT|PAR1|PAR2)", re.IGNORECASE)


def _name(given: object) -> object:
    """1 without quotation marks is a name, too."""
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


def _known(name: str) -> str:
    if CHROMOSOME.fullmatch(name) is None:
        raise ValueError("no chromosome; they are 1 to 22, X, Y and MT, with or without chr, one by one, as in [1, 2, X]")
    return name


Chromosome = Annotated[str, BeforeValidator(_name), AfterValidator(_known)]
"""A name such as 1, chr1, X."""


class Scan(Options):
    """What every engine has."""

    genotypes: StudyPath
    """Fileset without its ending (.bed .bim .fam, .pgen .pvar .psam, or .bgen .sample), or a pattern: genotypes/chr{chrom}."""
    people: StudyPath | None = None
    """List of the people to test, ids in its first column; none: everybody genotyped."""
    variants: StudyPath | None = None
    """List of the variants to test, in its first column names, chrom:pos or chrom:pos:ref:alt (either order); none: all."""
    build: Literal["hg19", "hg38"] = "hg19"
    """Genome build of the positions."""
    chromosomes: tuple[Chromosome, ...] = option((*tuple(str(c) for c in range(1, 23)), "X"), min_length=1)
    """Chromosomes to test, X with its pseudoautosomal regions; Y (men only) and MT may be added."""
    min_maf: float = option(0.01, ge=0, lt=0.5)
    """Smallest minor allele frequency."""
    min_mac: float = option(20, ge=0)
    """Smallest minor allele count among the people tested."""
    min_call_rate: float = option(0.98, ge=0, le=1)
    """Smallest share of people with a call."""
    min_hwe_p: float = option(1e-6, ge=0, lt=1)
    """Smallest Hardy-Weinberg mid-p."""
    min_info: float = option(0.3, ge=0, le=1)
    """Smallest information of imputed variants: observed over expected variance of dosages, and what the .pvar states."""
    keep_neglog10p: float = option(3.0, ge=0)
    """Rows below are counted in histograms (lambda and QQ stay exact) but not written; 0 writes all."""

    # What the rest of the program asks of an engine. One that answers otherwise overrides the property.

    @property
    def permutation_count(self) -> int:
        """Permutations that the scan tests, too."""
        return 0

    @property
    def own_folder(self) -> str:
        """Where the engine leaves files of its own, below results/scan."""
        return "dense"

    @property
    def prints_six_digits(self) -> bool:
        """Numbers were printed with six digits, so that they agree with each other to that precision only."""
        return False


class Matrix(Scan):
    """The built-in engine: all traits at once, exact least squares, PLINK 2's numbers."""

    kind: Literal["matrix"] = "matrix"
    missing: Literal["exact", "mean"] = "exact"
    """Missing genotypes: the person left out of that variant as PLINK 2 does, or filled with the mean."""
    kernel: Literal["auto", "table", "numpy", "torch"] = "auto"
    """How the product is computed; `auto` takes the fastest on the processor, `torch` the GPU if there is one."""
    dense: bool = False
    """Keep effect and standard error of every test, too (results/scan/dense/): 8 bytes per test."""
    block: int = option(16_384, ge=1)
    """Variants per block."""
    threads: int = option(0, ge=0)
    """Threads; 0 takes all cores."""
    permutations: int = option(1000, ge=0)
    """Shuffles of people for the permutation threshold; 0: none."""
    sets_of_traits: bool = True
    """Test sets of traits (of a representation, and of its leads) at once, too, in the same shuffles."""

    @property
    def permutation_count(self) -> int:
        """`permutations`."""
        return self.permutations


class Plink2(Scan):
    """PLINK 2 itself, one run per lead and chromosome."""

    kind: Literal["plink2"] = "plink2"
    program: str = "plink2"
    """Name or path of the program."""
    threads: int = option(0, ge=0)
    """Threads; 0 takes all cores."""
    memory_mib: int = option(4000, unit="MiB", ge=200)
    """Memory given to PLINK."""

    @property
    def own_folder(self) -> str:
        """For PLINK's tables and logs."""
        return "plink2"

    @property
    def prints_six_digits(self) -> bool:
        """As PLINK does."""
        return True


ScanOptions = Annotated[Matrix | Plink2, Field(discriminator="kind")]
