"""Genotypes on disk: PLINK 1 filesets (.bed .bim .fam), one for all chromosomes or one per chromosome.

Formats: https://www.cog-genomics.org/plink/1.9/formats (bed, bim, fam). Column 5 of .bim is the effect allele (PLINK 2's
ALT), column 6 the other one (REF). Chromosome codes 23, 24, 25, 26 are X, Y, XY, MT; a leading "chr" is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, StudyError, first_few
from ecgwas.study.scan import Scan

MAGIC = b"\x6c\x1b\x01"
"""First bytes of a .bed whose genotypes follow variant by variant."""

NUMBERED = {"23": "X", "24": "Y", "25": "XY", "26": "MT", "M": "MT"}

HAPLOID = ("Y", "MT")

COPIES = np.array([2.0, np.nan, 1.0, 0.0])
"""Copies of the effect allele for the 2-bit codes 0 (homozygous), 1 (no call), 2 (heterozygous), 3 (homozygous other)."""


SHIFTS = np.array([0, 2, 4, 6], dtype=np.uint8)


@dataclass(frozen=True)
class Genotypes:
    """Variants of one chromosome and the people of their fileset; genotypes stay on disk until asked for.

    eids            P ids (.fam column 2), as text, in the file's order
    sexes           (P,) int8: 1 male, 2 female, 0 unknown
    variants        (V,) ids as text;  positions (V,) int64, 1-based
    effect_alleles  (V,) text, the allele that dosages count;  other_alleles (V,) text
    rows            (V,) int64, where each variant lies in the .bed
    """

    stem: Path
    chrom: str
    eids: tuple[str, ...]
    sexes: NDArray[np.int8]
    variants: NDArray[np.object_]
    positions: NDArray[np.int64]
    effect_alleles: NDArray[np.object_]
    other_alleles: NDArray[np.object_]
    rows: NDArray[np.int64]
    _size: int = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def packed(self, start: int, stop: int) -> NDArray[np.uint8]:
        """(stop - start, ceil(P / 4)) uint8: four people a byte, lowest bits first, in the codes of COPIES."""
        wanted = self.rows[start:stop]
        if len(wanted) and wanted[-1] - wanted[0] == len(wanted) - 1 and np.all(np.diff(wanted) == 1):
            return self._bytes[wanted[0] : wanted[-1] + 1]
        return self._bytes[wanted]

    def dosages(self, start: int, stop: int) -> NDArray[np.float64]:
        """(stop - start, P) float64: copies of the effect allele as in the file, no call NaN. Males of X count 0 or 2."""
        codes = unpacked(self.packed(start, stop), len(self.eids))
        copies: NDArray[np.float64] = COPIES[codes]
        return copies

    def dosage_of(self, variant: str, eids: Sequence[str]) -> NDArray[np.float64]:
        """(N,) float64 of the people in `eids`, in that order: copies of the effect allele, no call NaN.

        Raises InputError where there is no such variant or person here.
        """
        index = np.flatnonzero(self.variants == variant)
        if len(index) == 0:
            fix = f"its id must stand in column 2 of {suffixed(self.stem, '.bim').name}, on chromosome {self.chrom}"
            raise InputError(f"there is no variant {variant}", where=suffixed(self.stem, ".bim"), fix=fix)
        first = int(index[0])
        values: NDArray[np.float64] = self.dosages(first, first + 1)[0, self.find(eids)]
        return values

    def find(self, eids: Sequence[str]) -> NDArray[np.int64]:
        """(N,) int64: where each of `eids` stands in the .fam. Raises InputError for people who are not there."""
        absent = [eid for eid in eids if eid not in self._places]
        if absent:
            problem = f"{len(absent)} people with traits have no genotypes on chromosome {self.chrom}: {first_few(absent)}"
            raise InputError(problem, where=suffixed(self.stem, ".fam"), fix="run the stage traits again: the .fam has changed")
        return np.array([self._places[eid] for eid in eids], dtype=np.int64)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {eid: i for i, eid in enumerate(self.eids)}

    @cached_property
    def _bytes(self) -> NDArray[np.uint8]:
        shape = (self._size, (len(self.eids) + 3) // 4)
        return np.memmap(suffixed(self.stem, ".bed"), dtype=np.uint8, mode="r", offset=len(MAGIC), shape=shape)


def unpacked(packed: NDArray[np.uint8], people: int) -> NDArray[np.uint8]:
    """(V, people) uint8 2-bit codes from (V, ceil(people / 4)) packed bytes."""
    codes = (packed[:, :, None] >> SHIFTS) & np.uint8(3)
    flat: NDArray[np.uint8] = codes.reshape(len(packed), 4 * packed.shape[1])[:, :people]
    return flat


def parts(options: Scan) -> tuple[str, ...]:
    """Chromosomes of `options.chromosomes` that exist here, in that order.

    Raises InputError if there is none, StudyError for Y and MT, whose carriers have one copy.
    """
    wanted = tuple(dict.fromkeys(chromosome(name) for name in options.chromosomes))
    haploid = [name for name in wanted if name in HAPLOID]
    if haploid:
        problem = f"chromosomes that cannot be tested: {first_few(haploid)}"
        raise StudyError(
            problem, where=options.genotypes, fix="leave them out of scan.chromosomes; 1 to 22, X and XY are tested"
        )
    stems = {name: _stem(options, name) for name in wanted}
    if _has_pattern(options):
        found = tuple(name for name in wanted if suffixed(stems[name], ".bed").exists())
        if not found:
            fix = f"scan.genotypes must name files such as {suffixed(stems[wanted[0]], '.bed')}"
            raise InputError("no chromosome has a .bed file", where=options.genotypes, fix=fix)
        return found
    stem = _stem(options, "")
    present = set(_read_bim(stem)["chrom"].unique())
    found = tuple(name for name in wanted if name in present)
    if not found:
        problem = f"none of the chromosomes asked for is in the file; it holds {first_few(sorted(present), 30)}"
        raise InputError(problem, where=suffixed(stem, ".bim"), fix="correct scan.chromosomes")
    return found


def open_part(options: Scan, chrom: str) -> Genotypes:
    """The genotypes of one chromosome. Raises InputError where .bed, .bim and .fam are missing or contradict each other."""
    stem = _stem(options, chrom)
    table, (eids, sexes) = _read_bim(stem), _read_fam(stem)
    _check_bed(stem, variants=table.height, people=len(eids))
    strangers = sorted(set(table["chrom"].unique()) - {chrom})
    if _has_pattern(options) and strangers:
        problem = f"the file of chromosome {chrom} holds variants of chromosome {first_few(strangers)}"
        raise InputError(problem, where=suffixed(stem, ".bim"), fix="split it: plink2 --bfile FILE --chr CHROM --make-bed")
    here = table.filter(pl.col("chrom") == chrom)
    return Genotypes(
        stem=stem,
        chrom=chrom,
        eids=eids,
        sexes=sexes,
        variants=here["variant"].to_numpy(),
        positions=here["pos"].to_numpy(),
        effect_alleles=here["effect_allele"].to_numpy(),
        other_alleles=here["other_allele"].to_numpy(),
        rows=here["row"].to_numpy().astype(np.int64),
        _size=table.height,
    )


def files(options: Scan) -> tuple[Path, ...]:
    """Every .bed, .bim and .fam that the scan reads. Raises InputError where one is missing."""
    stems = dict.fromkeys(_stem(options, chrom) for chrom in parts(options))
    found = tuple(suffixed(stem, ending) for stem in stems for ending in (".bed", ".bim", ".fam"))
    for path in found:
        _must_exist(path)
    return found


def people(options: Scan) -> tuple[str, ...]:
    """Ids of the people who are in every .fam, in the order of the first. Raises InputError for ids that stand twice."""
    stems = dict.fromkeys(_stem(options, chrom) for chrom in parts(options))
    each = [_read_fam(stem)[0] for stem in stems]
    shared = set(each[0]).intersection(*each[1:])
    if not shared:
        raise InputError(
            "no person is in all .fam files", where=options.genotypes, fix="use the same people's files throughout"
        )
    return tuple(eid for eid in each[0] if eid in shared)


def chromosome(name: str) -> str:
    """A chromosome without chr, X for 23: `chr1` -> `1`."""
    bare = name[3:] if name.lower().startswith("chr") else name
    return NUMBERED.get(bare.upper(), bare.upper())


def suffixed(stem: Path, ending: str) -> Path:
    """The fileset's file with that ending; dots in the stem stay."""
    return stem.with_name(stem.name + ending)


def _has_pattern(options: Scan) -> bool:
    return "{chrom}" in str(options.genotypes)


def _stem(options: Scan, chrom: str) -> Path:
    text = str(options.genotypes)
    text = text[:-4] if text.endswith(".bed") else text
    stem = Path(text.replace("{chrom}", chrom))
    numbers = [number for number, name in NUMBERED.items() if name == chrom]
    other = [Path(text.replace("{chrom}", number)) for number in numbers]
    existing = [path for path in (stem, *other) if suffixed(path, ".bed").exists()]
    return existing[0] if existing else stem


def _must_exist(path: Path) -> None:
    if path.is_file():
        return
    fix = "scan.genotypes names the fileset without its ending; .bed, .bim and .fam must lie side by side"
    raise InputError("the genotype file is missing", where=path, fix=fix)


def _read_bim(stem: Path) -> pl.DataFrame:
    path = suffixed(stem, ".bim")
    _must_exist(path)
    status = path.stat()
    return _parsed_bim(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=2)
def _parsed_bim(path: Path, size: int, changed: int) -> pl.DataFrame:
    """One row per line: row, chrom, variant, pos, effect_allele, other_allele. Kept while the file is the same."""
    columns = _columns(path, 6)
    frame = pl.DataFrame(
        {"chrom": columns[0], "variant": columns[1], "pos": columns[3], "effect_allele": columns[4], "other_allele": columns[5]}
    )
    names = {name: chromosome(name) for name in frame["chrom"].unique()}
    numbers = frame["pos"].cast(pl.Int64, strict=False)
    wrong = np.flatnonzero(numbers.is_null().to_numpy())
    if len(wrong):
        shown = first_few(f"line {i + 1}" for i in wrong)
        raise InputError(f"positions that are no whole numbers: {shown}", where=path, fix="column 4 of .bim is the position")
    return frame.with_columns(pl.col("chrom").replace(names), numbers.alias("pos")).with_row_index("row")


def _read_fam(stem: Path) -> tuple[tuple[str, ...], NDArray[np.int8]]:
    path = suffixed(stem, ".fam")
    _must_exist(path)
    columns = _columns(path, 6)
    eids = tuple(columns[1])
    twice = sorted(eid for eid, count in Counter(eids).items() if count > 1)
    if twice:
        problem = f"{len(twice)} ids stand more than once in column 2: {first_few(twice)}"
        raise InputError(
            problem, where=path, fix="give each person an id of their own, or remove the copies with plink2 --remove"
        )
    sexes = np.array([int(code) if code in ("1", "2") else 0 for code in columns[4]], dtype=np.int8)
    return eids, sexes


def _columns(path: Path, count: int) -> list[list[str]]:
    """Columns of a table without header, split at tabs or blanks."""
    try:
        lines = path.read_text().split("\n")
    except UnicodeDecodeError:
        raise InputError("the file is not text", where=path, fix="make the fileset again with plink2 --make-bed") from None
    rows = [line.split() for line in lines]
    while rows and not rows[-1]:
        rows.pop()
    wrong = [i for i, row in enumerate(rows, start=1) if len(row) != count]
    if wrong or not rows:
        problem = f"lines without {count} columns: {first_few(wrong)}" if rows else "the file is empty"
        raise InputError(problem, where=path, fix="make the fileset again with plink2 --make-bed")
    return [list(column) for column in zip(*rows, strict=True)]


def _check_bed(stem: Path, *, variants: int, people: int) -> None:
    path = suffixed(stem, ".bed")
    _must_exist(path)
    with path.open("rb") as file:
        start = file.read(len(MAGIC))
    if start != MAGIC:
        older = "it is ordered person by person" if start[:2] == MAGIC[:2] else "it does not begin as a .bed does"
        raise InputError(f"not a .bed file that can be read: {older}", where=path, fix="make it again with plink2 --make-bed")
    expected = len(MAGIC) + variants * ((people + 3) // 4)
    size = path.stat().st_size
    if size == expected:
        return
    problem = f"{size} bytes, but {variants} variants (.bim) of {people} people (.fam) make {expected}"
    fix = "the three files must belong together and be copied whole; make them again with plink2 --make-bed"
    raise InputError(problem, where=path, fix=fix)
