"""Genotypes in memory, in the form in which files are read, so that the scan tests arrays and files alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes.chromosome_codes import chromosome_code
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.filesets import Fileset
from ecgwas.genotypes.people_lists import SampleList
from ecgwas.genotypes.readers import hard_call_codes, pack
from ecgwas.tables import VARIANT_KEY

VARIANT_COLUMNS = ("variant", *VARIANT_KEY)
AUTOSOMES = tuple(str(number) for number in range(1, 23))
PLACE = Path("genotypes in memory")
"""Named in error messages where genotypes in files name their file."""


class ArrayReader:
    """Reads an array (N, V) of copies of the effect allele, missing NaN, as the readers of files read theirs."""

    def __init__(self, copies: NDArray[np.float64]) -> None:
        self.copies = copies
        called = copies[np.isfinite(copies)]
        self.hard_calls_only = bool((called == np.rint(called)).all())

    def packed(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        return pack(hard_call_codes(self.dosages(rows)))

    def dosages(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.ascontiguousarray(self.copies[:, rows].T, dtype=np.float64)


def by_chromosome(copies: NDArray[np.float64], variants: pl.DataFrame, eids: tuple[str, ...]) -> Iterator[Genotypes]:
    """The Genotypes of each chromosome, in the order in which chromosomes first appear.

    copies (N, V) float64, copies of the effect allele from 0 to 2, missing NaN; variants: VARIANT_COLUMNS, one row per variant;
    eids: N. Raises InputError for copies beyond these bounds and for chromosomes other than 1 to 22, whose tests need sexes.
    """
    outside = (copies < 0) | (copies > 2) | np.isinf(copies)
    if outside.any():
        names = variants["variant"].filter(pl.Series(outside.any(axis=0)))
        fix = "count copies of the effect allele, and write NaN where there is no call"
        raise InputError(f"genotypes must be 0 to 2, or NaN; others are in {first_few(names)}", fix=fix)
    codes = np.array([chromosome_code(str(name)) for name in variants["chrom"]], dtype=object)
    others = sorted(set(codes) - set(AUTOSOMES))
    if others:
        fix = "give variants of chromosomes 1 to 22; a study (`ecgwas run`) also tests X, Y and MT, with the sexes of its files"
        raise InputError(f"arrays of genotypes are of autosomes; chromosome {first_few(others)} is not one", fix=fix)
    samples = SampleList(eids, ("0",) * len(eids), np.zeros(len(eids), dtype=np.int8))
    reader = ArrayReader(copies)
    for chrom in dict.fromkeys(codes):
        index = np.flatnonzero(codes == chrom)
        here = variants[index]
        yield Genotypes(
            fileset=Fileset(PLACE, PLACE, PLACE),
            chrom=str(chrom),
            samples=samples,
            variants=here["variant"].to_numpy(),
            positions=here["pos"].to_numpy(),
            effect_alleles=here["effect_allele"].to_numpy(),
            other_alleles=here["other_allele"].to_numpy(),
            file_index=index.astype(np.int64),
            file_info=np.full(len(index), np.nan),
            is_pseudoautosomal=np.zeros(len(index), dtype=bool),
            reader=reader,
            variants_in_file=len(variants),
        )
