"""Genotypes of a study, chromosome by chromosome, whatever the files are: PLINK 1, PLINK 2 or BGEN (filesets.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.associate.calls import filesets
from ecgwas.associate.calls.filesets import Fileset, People, chromosome, has_pattern, read_ids
from ecgwas.associate.calls.sources import COPIES, SHIFTS, Bed, Bgen, Pgen, Source, unpacked
from ecgwas.errors import InputError, first_few
from ecgwas.study.scan import Scan

__all__ = ["COPIES", "SHIFTS", "Genotypes", "chromosome", "files", "open_part", "parts", "people", "unpacked"]


@dataclass(frozen=True)
class Genotypes:
    """Variants of one chromosome and the people of their fileset; genotypes stay on disk until asked for.

    eids            P ids, as text, in the file's order
    sexes           (P,) int8: 1 male, 2 female, 0 unknown
    variants        (V,) ids as text;  positions (V,) int64, 1-based
    effect_alleles  (V,) text, the allele that dosages count;  other_alleles (V,) text
    rows            (V,) int64, where each variant lies in the file
    stated_info     (V,) float64, information of the imputation that the .pvar states, NaN where it does not
    """

    files: Fileset
    chrom: str
    listed: People
    variants: NDArray[np.object_]
    positions: NDArray[np.int64]
    effect_alleles: NDArray[np.object_]
    other_alleles: NDArray[np.object_]
    rows: NDArray[np.int64]
    stated_info: NDArray[np.float64]
    source: Source = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def eids(self) -> tuple[str, ...]:
        """P ids, as text, in the file's order."""
        return self.listed.eids

    @property
    def sexes(self) -> NDArray[np.int8]:
        """(P,) int8: 1 male, 2 female, 0 unknown."""
        return self.listed.sexes

    @property
    def hard(self) -> bool:
        """True if the file holds hard calls only, no dosages."""
        return self.source.hard

    @property
    def imputed(self) -> bool:
        """True if the file holds dosages, or states how well variants are imputed."""
        return not self.hard or bool(np.isfinite(self.stated_info).any())

    def packed(self, start: int, stop: int) -> NDArray[np.uint8]:
        """(stop - start, ceil(P / 4)) uint8: four people a byte, lowest bits first, in the codes of COPIES.

        Dosages count as the nearest whole number, or as no call if they are further than 0.1 from it.
        """
        return self.source.packed(self.rows[start:stop])

    def dosages(self, start: int, stop: int) -> NDArray[np.float64]:
        """(stop - start, P) float64: copies of the effect allele as in the file, no call NaN. Males of X count 0 or 2."""
        return self.source.dosages(self.rows[start:stop])

    def dosage_of(self, place: int, eids: Sequence[str]) -> NDArray[np.float64]:
        """(N,) float64 of the people in `eids`, in that order: copies of the effect allele of the variant at that place.

        No call is NaN. Raises InputError where a person is not here.
        """
        values: NDArray[np.float64] = self.dosages(place, place + 1)[0, self.find(eids)]
        return values

    def find(self, eids: Sequence[str]) -> NDArray[np.int64]:
        """(N,) int64: where each of `eids` stands in the file. Raises InputError for people who are not there."""
        absent = [eid for eid in eids if eid not in self._places]
        if absent:
            problem = f"{len(absent)} people with traits have no genotypes on chromosome {self.chrom}: {first_few(absent)}"
            fix = f"run the stage traits again: {self.files.people.name} has changed"
            raise InputError(problem, where=self.files.people, fix=fix)
        return np.array([self._places[eid] for eid in eids], dtype=np.int64)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {eid: i for i, eid in enumerate(self.eids)}


def parts(options: Scan) -> tuple[str, ...]:
    """Chromosomes of `options.chromosomes` that exist here, in that order. Raises InputError if there is none."""
    wanted = tuple(dict.fromkeys(chromosome(name) for name in options.chromosomes))
    if has_pattern(options):
        found = tuple(name for name in wanted if filesets.exists(options, name))
        if not found:
            fix = f"scan.genotypes must name files such as {filesets.fileset(options, wanted[0]).genotypes}"
            raise InputError("no chromosome has a file of genotypes", where=options.genotypes, fix=fix)
        return found
    files = filesets.fileset(options, "")
    present = set(filesets.read_variants(files)["chrom"].unique())
    found = tuple(name for name in wanted if name in present)
    if not found:
        problem = f"none of the chromosomes asked for is in the file; it holds {first_few(sorted(present), 30)}"
        raise InputError(problem, where=files.variants, fix="correct scan.chromosomes")
    return found


def open_part(options: Scan, chrom: str) -> Genotypes:
    """The genotypes of one chromosome. Raises InputError where its files are missing or contradict each other."""
    files = filesets.fileset(options, chrom)
    for path in files.files:
        filesets.must_exist(path)
    table, listed = filesets.read_variants(files), filesets.read_people(files)
    source = _source(files, variants=table.height, people=len(listed.eids))
    strangers = sorted(set(table["chrom"].unique()) - {chrom})
    if has_pattern(options) and strangers:
        problem = f"the file of chromosome {chrom} holds variants of chromosome {first_few(strangers)}"
        raise InputError(problem, where=files.variants, fix="split it: plink2 --bfile FILE --chr CHROM --make-bed")
    here = table.filter(pl.col("chrom") == chrom)
    if options.variants is not None:
        here = here.filter(pl.col("variant").is_in(list(read_ids(options.variants, what="variant"))))
    return Genotypes(
        files=files,
        chrom=chrom,
        listed=listed,
        variants=here["variant"].to_numpy(),
        positions=here["pos"].to_numpy(),
        effect_alleles=here["effect_allele"].to_numpy(),
        other_alleles=here["other_allele"].to_numpy(),
        rows=here["row"].to_numpy().astype(np.int64),
        stated_info=here["info"].to_numpy(),
        source=source,
    )


def _source(files: Fileset, *, variants: int, people: int) -> Source:
    if files.kind == "bed":
        return Bed(files.genotypes, variants=variants, people=people)
    if files.kind == "pgen":
        return Pgen(files.genotypes, variants=variants, people=people)
    return Bgen(files.genotypes, people=people)


def files(options: Scan) -> tuple[Path, ...]:
    """Every file that the scan reads. Raises InputError where one is missing."""
    each = dict.fromkeys(filesets.fileset(options, chrom) for chrom in parts(options))
    found = tuple(path for one in each for path in one.files)
    lists = tuple(path for path in (options.people, options.variants) if path is not None)
    for path in found:
        filesets.must_exist(path)
    return found + lists


def people(options: Scan) -> tuple[str, ...]:
    """Ids of the people who are in every fileset and, if there is one, in the list `options.people`.

    In the order of the first fileset. Raises InputError for ids that stand twice, and where nobody is left.
    """
    each = dict.fromkeys(filesets.fileset(options, chrom) for chrom in parts(options))
    listed = [filesets.read_people(one).eids for one in each]
    shared = set(listed[0]).intersection(*listed[1:])
    if not shared:
        fix = "use the same people's files throughout"
        raise InputError("no person is in all files of genotypes", where=options.genotypes, fix=fix)
    if options.people is not None:
        shared &= read_ids(options.people, what="people")
        if not shared:
            fix = "its first column must hold the ids of the genotypes"
            raise InputError("none of the people listed is genotyped", where=options.people, fix=fix)
    return tuple(eid for eid in listed[0] if eid in shared)
