"""Genotypes of a study by chromosome, independent of the file format: PLINK 1, PLINK 2 or BGEN (filesets.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import ids
from ecgwas.errors import InputError, first_few
from ecgwas.genotypes import chromosome_codes, filesets, variant_choice
from ecgwas.genotypes.chromosome_codes import PAR_CODES, chromosome_code, is_pseudoautosomal, reported_chromosome
from ecgwas.genotypes.filesets import Fileset, has_pattern, read_ids
from ecgwas.genotypes.people_lists import SampleList
from ecgwas.genotypes.readers import (
    BedReader,
    BgenReader,
    ConcatenatedReader,
    GenotypeReader,
    PgenReader,
)
from ecgwas.study.scan import Scan

__all__ = ["Genotypes", "available", "eids_in_all_files", "input_files", "open_chromosome"]


PER_VARIANT = (
    "variants", "positions", "effect_alleles", "other_alleles", "file_index", "file_info", "is_pseudoautosomal"
)  # fmt: skip
"""Arrays with one entry per variant."""


@dataclass(frozen=True)
class Genotypes:
    """Variants of one chromosome and the samples of their fileset. Genotypes stay on disk until they are read.

    Variants of X include those of the pseudoautosomal regions, of which men have two copies. If X has several files (such as
    X and XY), the samples are those present in all of them, and `file_index` counts through the files in sequence.

    samples              the P samples in the file's order: ids and sexes
    variants             (V,) ids as text;  positions (V,) int64, 1-based
    effect_alleles       (V,) text, the allele that dosages count;  other_alleles (V,) text
    file_index           (V,) int64, index of each variant in the file
    file_info            (V,) float64, imputation quality stated in the .pvar; NaN if not stated
    is_pseudoautosomal   (V,) bool: on X, in a region of which men have two copies
    reader               reads the genotypes of the file
    not_listed           numbers of variants absent from the list of variants to test: outside and inside those regions
    variants_in_file     number of variants in the file, of any chromosome
    by_file              the Genotypes of each file if the chromosome has several; otherwise empty
    """

    fileset: Fileset
    chrom: str
    samples: SampleList
    variants: NDArray[np.object_]
    positions: NDArray[np.int64]
    effect_alleles: NDArray[np.object_]
    other_alleles: NDArray[np.object_]
    file_index: NDArray[np.int64]
    file_info: NDArray[np.float64]
    is_pseudoautosomal: NDArray[np.bool_]
    reader: GenotypeReader = field(repr=False)
    not_listed: tuple[int, int] = (0, 0)
    variants_in_file: int = 0
    by_file: tuple[Genotypes, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.file_index)

    @property
    def eids(self) -> tuple[str, ...]:
        """P sample ids, as text, in the file's order."""
        return self.samples.eids

    @property
    def sexes(self) -> NDArray[np.int8]:
        """(P,) int8: 1 male, 2 female, 0 unknown."""
        return self.samples.sexes

    @property
    def is_diploid(self) -> bool:
        """True if all variants are pseudoautosomal, so that every sample is diploid; False without variants."""
        return len(self) > 0 and bool(self.is_pseudoautosomal.all())

    def select(self, places: NDArray[np.int64]) -> Genotypes:
        """A subset of the variants. places: (v,) indices among them."""
        chosen = {name: getattr(self, name)[places] for name in PER_VARIANT}
        return replace(self, not_listed=(0, 0), **chosen)

    def pieces(self) -> tuple[Piece, ...]:
        """Subsets that can be tested together: the variants of each file, split into pseudoautosomal and other variants."""
        if self.by_file:
            first = np.cumsum([0, *(member.variants_in_file for member in self.by_file)])
            inside = [(self.file_index >= first[i]) & (self.file_index < first[i + 1]) for i in range(len(self.by_file))]
        else:
            first, inside = np.zeros(1, dtype=np.int64), [np.ones(len(self), dtype=bool)]
        pieces = []
        for i, in_member in enumerate(inside):
            for twice in (False, True):
                places = np.flatnonzero(in_member & (self.is_pseudoautosomal == twice))
                if len(places):
                    pieces.append(self._piece(i, places, int(first[i])))
        return tuple(pieces) or (Piece(self, np.arange(len(self))),)

    def _piece(self, member: int, places: NDArray[np.int64], first: int) -> Piece:
        if len(places) == len(self) and not self.by_file:
            return Piece(self, places)
        picked = self.select(places)
        if not self.by_file:
            return Piece(picked, places)
        own = self.by_file[member]
        alone = replace(
            picked,
            fileset=own.fileset,
            samples=own.samples,
            reader=own.reader,
            file_index=picked.file_index - first,
            by_file=(),
        )
        return Piece(alone, places)

    @property
    def hard_calls_only(self) -> bool:
        """True if the file holds only hard calls and no dosages."""
        return self.reader.hard_calls_only

    @property
    def is_imputed(self) -> bool:
        """True if the file holds dosages or states imputation quality."""
        return not self.hard_calls_only or bool(np.isfinite(self.file_info).any())

    def packed(self, start: int, stop: int) -> NDArray[np.uint8]:
        """(stop - start, ceil(P / 4)) uint8: four samples per byte, lowest bits first, coded as in readers.COPIES_OF_CODE.

        A dosage is rounded to the nearest whole number. If it is more than 0.1 away, it becomes a missing call.
        """
        return self.reader.packed(self.file_index[start:stop])

    def dosages(self, start: int, stop: int) -> NDArray[np.float64]:
        """(stop - start, P) float64: copies of the effect allele as in the file, missing NaN. Men count 0 or 2 on X."""
        return self.reader.dosages(self.file_index[start:stop])

    def dosage_of(self, place: int, eids: Sequence[str]) -> NDArray[np.float64]:
        """(N,) float64: copies of the effect allele of one variant, for the participants `eids` in that order; missing NaN.

        place: index of the variant. Raises InputError for participants without a sample.
        """
        values: NDArray[np.float64] = self.dosages(place, place + 1)[0, self.sample_index(eids)]
        return values

    def sample_index(self, eids: Sequence[str]) -> NDArray[np.int64]:
        """(N,) int64: index of each of `eids` among the samples. Raises InputError for participants without a sample."""
        absent = [eid for eid in eids if eid not in self._index_of_eid]
        if absent:
            problem = f"{len(absent)} people with traits have no genotypes on chromosome {self.chrom}: {first_few(absent)}"
            fix = f"run the stage traits again: {self.fileset.sample_list.name} has changed"
            raise InputError(problem, where=self.fileset.sample_list, fix=fix)
        return np.array([self._index_of_eid[eid] for eid in eids], dtype=np.int64)

    @cached_property
    def _index_of_eid(self) -> dict[str, int]:
        return {eid: i for i, eid in enumerate(self.eids)}


@dataclass(frozen=True)
class Piece:
    """Genotypes of one file and one ploidy. variant_index (v,): indices of their variants on the chromosome."""

    genotypes: Genotypes
    variant_index: NDArray[np.int64]


def requested(options: Scan) -> tuple[str, ...]:
    """Chromosomes of `options.chromosomes`, in that order. The pseudoautosomal regions are part of X.

    Raises InputError if those regions are requested without X.
    """
    codes = tuple(dict.fromkeys(chromosome_code(name) for name in options.chromosomes))
    alone = [code for code in codes if code in PAR_CODES]
    if alone and "X" not in codes:
        problem = f"scan.chromosomes names {first_few(alone)}, but not X"
        fix = "name X: the pseudoautosomal regions are tested with it, as diploid in both sexes"
        raise InputError(problem, where=options.genotypes, fix=fix)
    return tuple(code for code in codes if code not in PAR_CODES)


def available(options: Scan) -> tuple[str, ...]:
    """Chromosomes of `options.chromosomes` that have genotypes, in that order.

    Raises InputError if none has, or if a chromosome has a list of variants or samples but no genotypes.
    """
    names = requested(options)
    if has_pattern(options):
        existing = tuple(name for name in names if filesets_of(options, name))
        if not existing:
            fix = f"scan.genotypes must name files such as {filesets.fileset(options, names[0]).genotypes}"
            raise InputError("no chromosome has a file of genotypes", where=options.genotypes, fix=fix)
        return existing
    files = filesets.fileset(options, "")
    present = {reported_chromosome(code) for code in filesets.read_variants(files)["chrom"].unique()}
    existing = tuple(name for name in names if name in present)
    if not existing:
        problem = f"none of the requested chromosomes is in the file; it contains {first_few(sorted(present), 30)}"
        fix = "correct scan.chromosomes"
        if present.isdisjoint(chromosome_codes.STANDARD_CODES):
            fix = "name the chromosomes in the file 1 to 22, X, Y and MT, with or without chr"
        raise InputError(problem, where=files.variant_list, fix=fix)
    return existing


def untested(options: Scan) -> list[tuple[str, str, int]]:
    """Chromosome, reason and number of variants, for each chromosome in the files that is not tested (see `available`).

    A chromosome of scan.chromosomes without a file, or without variants in the single file, is included with 0 variants.
    """
    tested = set(available(options))
    if not has_pattern(options):
        table = filesets.read_variants(filesets.fileset(options, ""))
        sizes = dict(table.group_by("chrom", maintain_order=True).len().iter_rows())
        others = [
            (code, chromosome_codes.reason_untested(code), count)
            for code, count in sizes.items()
            if reported_chromosome(code) not in tested
        ]
        absent = [(code, chromosome_codes.NO_VARIANTS, 0) for code in requested(options) if code not in tested]
        return [*absent, *others]
    absent = [(code, chromosome_codes.NO_FILE, 0) for code in requested(options) if code not in tested]
    others = []
    for code in (*chromosome_codes.STANDARD_CODES, *PAR_CODES, "0"):
        if reported_chromosome(code) not in tested and filesets.exists(options, code):
            others.append(
                (code, chromosome_codes.reason_untested(code), filesets.count_variants(filesets.fileset(options, code)))
            )
    return [*absent, *others]


def variant_counts(options: Scan) -> dict[str, int]:
    """Part -> number of variants in its files. With one fileset per chromosome, the lists of variants are not read."""
    tested = available(options)
    if has_pattern(options):
        return {part: sum(filesets.count_variants(each) for each in filesets_of(options, part)) for part in tested}
    table = filesets.read_variants(filesets.fileset(options, ""))
    codes = dict(table.group_by("chrom").len().iter_rows())
    return {part: sum(count for code, count in codes.items() if reported_chromosome(code) == part) for part in tested}


def filesets_of(options: Scan, chrom: str) -> tuple[Fileset, ...]:
    """Filesets of a chromosome: none or one; for X, also those of its pseudoautosomal regions.

    Raises InputError if there are lists of variants or samples without genotypes, as after an incomplete download.
    """
    if not has_pattern(options):
        return (filesets.fileset(options, ""),)
    codes = ("X", *PAR_CODES) if chrom == "X" else (chrom,)
    for code in codes:
        broken = filesets.lists_without_genotypes(options, code)
        if broken is not None:
            missing, lists = broken
            problem = (
                f"{first_few(path.name for path in lists)} {'is' if len(lists) == 1 else 'are'} there, {missing.name} is not"
            )
            fix = f"copy {missing.name} there too, or remove the other files of chromosome {code}"
            raise InputError(f"the genotype file is missing: {problem}", where=missing, fix=fix)
    return tuple(filesets.fileset(options, code) for code in codes if filesets.exists(options, code))


def open_chromosome(options: Scan, chrom: str) -> Genotypes:
    """Genotypes of one chromosome. Raises InputError if its files are missing or contradict each other."""
    each = filesets_of(options, chrom) or (filesets.fileset(options, chrom),)
    opened = [_open(options, files, chrom) for files in each]
    return opened[0] if len(opened) == 1 else _concatenated(opened)


def _open(options: Scan, files: Fileset, chrom: str) -> Genotypes:
    for path in files.files:
        filesets.must_exist(path)
    table, listed = filesets.read_variants(files), filesets.read_samples(files)
    source = _reader(files, variants=table.height, people=len(listed.eids))
    other_codes = sorted(code for code in table["chrom"].unique() if reported_chromosome(code) != chrom)
    if has_pattern(options) and other_codes:
        problem = f"the file of chromosome {chrom} holds variants of chromosome {first_few(other_codes)}"
        raise InputError(problem, where=files.variant_list, fix="split it: plink2 --bfile FILE --chr CHROM --make-bed")
    here = table.filter(pl.col("chrom").is_in([chrom, *PAR_CODES] if chrom == "X" else [chrom]))
    if here["chrom"].n_unique() > 1:
        here = here.sort("pos", maintain_order=True)
    twice = _is_pseudoautosomal(options, chrom, here)
    kept = np.ones(here.height, dtype=bool)
    if options.variants is not None:
        kept = variant_choice.is_listed(variant_choice.read(options.variants), here)
    unlisted = (int((~kept & ~twice).sum()), int((~kept & twice).sum()))
    here, twice = here.filter(pl.Series(kept)), twice[kept]
    return Genotypes(
        fileset=files,
        chrom=chrom,
        samples=listed,
        variants=here["variant"].to_numpy(),
        positions=here["pos"].to_numpy(),
        effect_alleles=here["effect_allele"].to_numpy(),
        other_alleles=here["other_allele"].to_numpy(),
        file_index=here["row"].to_numpy().astype(np.int64),
        file_info=here["info"].to_numpy(),
        is_pseudoautosomal=twice,
        reader=source,
        not_listed=unlisted,
        variants_in_file=table.height,
    )


def _is_pseudoautosomal(options: Scan, chrom: str, here: pl.DataFrame) -> NDArray[np.bool_]:
    """(V,) bool: pseudoautosomal variants, by their chromosome code or their position in the study's build."""
    if chrom != "X":
        return np.zeros(here.height, dtype=bool)
    coded = here["chrom"].is_in(list(PAR_CODES)).to_numpy()
    return np.asarray(coded | is_pseudoautosomal(options.build, here["pos"].to_numpy()))


def _concatenated(members: list[Genotypes]) -> Genotypes:
    """Combines several files of one chromosome, ordered by position. The samples are those in all files, matched by id.

    Raises InputError if no sample is in all files.
    """
    first = members[0]
    shared = set(first.eids).intersection(*(member.eids for member in members[1:]))
    if not shared:
        problem = (
            f"no one is in all files of chromosome {first.chrom}: {first_few(m.fileset.sample_list.name for m in members)}"
        )
        raise InputError(problem, where=first.fileset.sample_list, fix="use files of the same people throughout")
    listed = first.samples.select([i for i, eid in enumerate(first.eids) if eid in shared])
    starts = np.cumsum([0, *(member.variants_in_file for member in members)])
    arrays = {name: np.concatenate([getattr(member, name) for member in members]) for name in PER_VARIANT}
    arrays["file_index"] = np.concatenate([member.file_index + start for member, start in zip(members, starts, strict=False)])
    order = np.argsort(arrays["positions"], kind="stable")
    people = [member.sample_index(listed.eids) for member in members]
    source = ConcatenatedReader([member.reader for member in members], starts, people)
    unlisted = (sum(member.not_listed[0] for member in members), sum(member.not_listed[1] for member in members))
    changed: dict[str, Any] = {name: array[order] for name, array in arrays.items()}
    return replace(first, samples=listed, reader=source, not_listed=unlisted, by_file=tuple(members), **changed)


def _reader(files: Fileset, *, variants: int, people: int) -> GenotypeReader:
    if files.format_name == "bed":
        return BedReader(files.genotypes, variants=variants, people=people)
    if files.format_name == "pgen":
        return PgenReader(files.genotypes, variants=variants, people=people)
    return BgenReader(files.genotypes, people=people)


def all_filesets(options: Scan) -> tuple[Fileset, ...]:
    """All filesets to read, without duplicates."""
    return tuple(dict.fromkeys(files for chrom in available(options) for files in filesets_of(options, chrom)))


def input_files(options: Scan) -> tuple[Path, ...]:
    """All genotype files and lists that the scan reads. Raises InputError if a genotype file is missing."""
    each = all_filesets(options)
    paths = tuple(path for one in each for path in one.files)
    lists = tuple(path for path in (options.people, options.variants) if path is not None)
    for path in paths:
        filesets.must_exist(path)
    return paths + lists


def sex_by_eid(options: Scan) -> dict[str, int]:
    """Id -> sex (1 male, 2 female, 0 unknown) of the samples of the first fileset."""
    listed = filesets.read_samples(all_filesets(options)[0])
    return dict(zip(listed.eids, map(int, listed.sexes), strict=True))


def eids_in_all_files(options: Scan) -> tuple[str, ...]:
    """Ids of the samples in every fileset and, if given, in the list `options.people`, in the order of the first fileset.

    Raises InputError for duplicate ids, and if no sample remains.
    """
    each = all_filesets(options)
    listed = [filesets.read_samples(one).eids for one in each]
    shared = set(listed[0]).intersection(*listed[1:])
    if not shared:
        fix = "use the same people's files throughout"
        raise InputError("no person is in all files of genotypes", where=options.genotypes, fix=fix)
    if options.people is not None:
        requested_ids = read_ids(options.people)
        if shared.isdisjoint(requested_ids):
            fix = "its first column must hold the ids of the genotypes (PLINK's FID IID: with a header line that names them)"
            examples = ids.examples_of_both(requested_ids, shared, a="listed", b="the genotypes")
            raise InputError(f"none of the people listed is genotyped ({examples})", where=options.people, fix=fix)
        shared &= requested_ids
    return tuple(eid for eid in listed[0] if eid in shared)
