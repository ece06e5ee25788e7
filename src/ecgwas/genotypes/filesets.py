"""Finds the genotype files that `scan.genotypes` names and reads their lists of variants and samples.

    .bed .bim .fam                    PLINK 1; column 5 of the .bim is the effect allele, column 6 the other allele
    .pgen .pvar .psam                 PLINK 2; ALT is the effect allele (a .bim and .fam may replace the .pvar and .psam)
    .bgen .sample                     BGEN 1.2; the second allele is the effect allele

One fileset holds all chromosomes, or a pattern with {chrom} names one fileset per chromosome (chromosome_codes.py). The
pseudoautosomal regions of X may be in separate files, named XY (25), PAR1 or PAR2.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ecgwas import ids
from ecgwas.errors import InputError, first_few
from ecgwas.genotypes import bgen_files, people_lists, variant_lists
from ecgwas.genotypes.chromosome_codes import PLINK_NUMBERS
from ecgwas.genotypes.missing_files import how_to_fix
from ecgwas.genotypes.people_lists import SampleList
from ecgwas.genotypes.readers import BED_MAGIC
from ecgwas.study.scan import Scan

COMPANIONS = {".bed": (), ".pgen": (".pvar.zst", ".pgen.pgi"), ".bgen": (".bgen.bgi",)}
"""Extension of genotypes -> extensions of further files that may accompany them."""

ENDINGS = {".bed": ((".bim",), (".fam",)), ".pgen": ((".pvar", ".bim"), (".psam", ".fam")), ".bgen": ((), (".sample",))}
"""Extension of genotypes -> extensions of the lists of variants and of samples, in order of preference."""


@dataclass(frozen=True)
class Fileset:
    """Files that belong together. The `variant_list` of a .bgen is the .bgen itself."""

    genotypes: Path
    variant_list: Path
    sample_list: Path

    @property
    def format_name(self) -> str:
        """bed, pgen or bgen."""
        return self.genotypes.suffix[1:]

    @property
    def files(self) -> tuple[Path, ...]:
        """All files, without duplicates."""
        return tuple(dict.fromkeys((self.genotypes, self.variant_list, self.sample_list)))


def has_pattern(options: Scan) -> bool:
    """True if there is one fileset per chromosome."""
    return "{chrom}" in str(options.genotypes)


def fileset(options: Scan, chrom: str) -> Fileset:
    """The fileset of a chromosome, whether or not it exists."""
    stems, endings = _stems(options, chrom)
    for stem in stems:
        for ending in endings:
            if suffixed(stem, ending).exists():
                return _fileset_at(stem, ending)
    return _fileset_at(stems[0], endings[0])


def exists(options: Scan, chrom: str) -> bool:
    """True if the chromosome's genotype file exists."""
    return fileset(options, chrom).genotypes.exists()


def _stems(options: Scan, chrom: str) -> tuple[list[Path], tuple[str, ...]]:
    """Possible stems of a chromosome's fileset, and the extensions of genotypes to look for."""
    text, endings = str(options.genotypes), tuple(ENDINGS)
    for ending in ENDINGS:
        if text.endswith(ending):
            text, endings = text.removesuffix(ending), (ending,)
    names = [chrom, *(number for number, name in PLINK_NUMBERS.items() if name == chrom and number.isdigit())]
    if chrom.isdigit():
        names.append(f"{int(chrom):02d}")
    return list(dict.fromkeys(Path(text.replace("{chrom}", name)) for name in names)), endings


def lists_without_genotypes(options: Scan, chrom: str) -> tuple[Path, tuple[Path, ...]] | None:
    """The missing genotype file and the lists, if a chromosome has lists of variants or samples but no genotypes; else None."""
    if exists(options, chrom):
        return None
    stems, endings = _stems(options, chrom)
    for stem in stems:
        for ending in endings:
            sides = [*(side for each in ENDINGS[ending] for side in each), *COMPANIONS[ending]]
            present = tuple(path for path in (suffixed(stem, side) for side in sides) if path.exists())
            if present:
                return suffixed(stem, ending), present
    return None


def _fileset_at(stem: Path, ending: str) -> Fileset:
    genotypes = suffixed(stem, ending)
    lists = []
    for endings in ENDINGS[ending]:
        paths = [suffixed(stem, one) for one in endings] or [genotypes]
        lists.append(next((path for path in paths if path.exists()), paths[0]))
    return Fileset(genotypes, *lists)


def suffixed(stem: Path, ending: str) -> Path:
    """The fileset's file with this extension. Dots in the stem are kept."""
    return stem.with_name(stem.name + ending)


def must_exist(path: Path) -> None:
    """Raises InputError if a genotype file is missing."""
    if path.is_file():
        return
    raise InputError("the genotype file is missing", where=path, fix=how_to_fix(path))


def read_ids(path: Path) -> frozenset[str]:
    """Ids in a list of participants (see ids.read_list). Further columns are ignored."""
    return frozenset(ids.read_list(path, what="people", fix="correct the path", more_columns=True))


def read_variants(files: Fileset) -> pl.DataFrame:
    """One row per variant, in the file's order: row, chrom, variant, pos, effect_allele, other_allele, info (NaN: not stated).

    Cached until the file changes. Raises InputError that names the file and the lines.
    """
    must_exist(files.variant_list)
    status = files.variant_list.stat()
    return variant_lists.read(files.variant_list, status.st_size, status.st_mtime_ns)


def count_variants(files: Fileset) -> int:
    """Number of variants, from the header or size of the genotype file. The list of variants is not read.

    For a .bed whose size is not a whole number of variants, the result is the number of whole variants in it.
    """
    must_exist(files.genotypes)
    if files.format_name == "bed":
        people = len(read_samples(files).eids)
        return (files.genotypes.stat().st_size - len(BED_MAGIC)) // max(1, (people + 3) // 4)
    with files.genotypes.open("rb") as file:
        start = file.read(12)
    # .pgen: two magic bytes, storage mode, then the number of variants. .bgen: two 32-bit words, then the number.
    return int.from_bytes(start[3:7] if files.format_name == "pgen" else start[8:12], "little")


def read_samples(files: Fileset) -> SampleList:
    """The samples in the order of the genotypes.

    The order is that of the .fam or .psam, which must list as many samples as the genotypes have. For a .bgen it is that of
    its own identifiers (bgen_files.sample_lines) or, if it has none, that of the .sample. Raises InputError for duplicate
    ids, which it names, and for a .sample that does not match its .bgen.
    """
    path = files.sample_list
    must_exist(path)
    people = people_lists.read_sample(path) if path.suffix == ".sample" else people_lists.read_psam(path)
    twice = sorted(eid for eid, count in Counter(people.eids).items() if count > 1)
    if twice:
        problem = f"{len(twice)} ids occur more than once in column 2: {first_few(twice)}"
        fix = "give each person an id of their own, or remove the copies with plink2 --remove"
        if len(set(people.families)) == len(people.families):
            fix = "column 2 must be the person's id (IID); those of column 1 differ: are the two columns swapped?"
        raise InputError(problem, where=path, fix=fix)
    if files.format_name != "bgen":
        return people
    must_exist(files.genotypes)
    return people.select(bgen_files.sample_lines(files.genotypes, path, people.families, people.eids))


def unread_format(options: Scan, files: Fileset) -> str | None:
    """Warns of genotypes with the same name in another format; None if scan.genotypes specifies the format to read."""
    if str(options.genotypes).endswith(tuple(ENDINGS)):
        return None
    stem = files.genotypes.with_suffix("")
    others = [suffixed(stem, ending).name for ending in ENDINGS if suffixed(stem, ending).exists()]
    others = [name for name in others if name != files.genotypes.name]
    if not others:
        return None
    return f"{files.genotypes.name} is read, {first_few(others)} is not: name the one to read with its extension"


def sample_order(files: Fileset) -> str | None:
    """Says what determines the order of samples of a .bgen; None for other formats, whose lists must be in order."""
    if files.format_name != "bgen":
        return None
    name, listed = files.genotypes.name, files.sample_list.name
    if not bgen_files.has_ids(files.genotypes):
        return f"{name} has no identifiers: participants are identified by the order of {listed} alone"
    stands = people_lists.read_sample(files.sample_list).eids == read_samples(files).eids
    return f"{name} has identifiers, which are used" + ("" if stands else f"; the lines of {listed} are in another order")
