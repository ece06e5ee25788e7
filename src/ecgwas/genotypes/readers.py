"""Readers of genotype files, one class per format: hard calls packed four to a byte, and dosages if the format has them.

Every reader has

    hard_calls_only      True if the file holds hard calls only
    packed(rows)         (V, ceil(P / 4)) uint8, four samples per byte, lowest bits first, coded as in COPIES_OF_CODE; a
                         dosage is rounded to the nearest whole number if it is no more than 0.1 away (PLINK 2's rule),
                         and becomes a missing call otherwise
    dosages(rows)        (V, P) float64, copies of the effect allele, missing NaN

`rows` are indices of variants in the file. Threads may share a reader.

Formats: https://www.cog-genomics.org/plink/1.9/formats#bed, https://www.cog-genomics.org/plink/2.0/formats#pgen (read by
Pgenlib), https://www.chg.ox.ac.uk/~gav/bgen_format (read by the package bgen).
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError

BED_MAGIC = b"\x6c\x1b\x01"
"""First bytes of a .bed that is ordered by variant."""

COPIES_OF_CODE = np.array([2.0, np.nan, 1.0, 0.0])
"""Copies of the effect allele for the 2-bit codes 0 (homozygous), 1 (missing), 2 (heterozygous), 3 (homozygous other)."""

CODE_OF_COPIES = np.array([3, 2, 0, 1], dtype=np.uint8)
"""2-bit codes of 0, 1 and 2 copies and of a missing call."""

SHIFTS = np.array([0, 2, 4, 6], dtype=np.uint8)

HARD_CALL_WITHIN = 0.1
"""Maximum distance of a dosage from a whole number to count as a hard call; PLINK 2's --hard-call-threshold."""


MAX_MAPPED_BYTES = 2**24
"""Bytes of a .bed that may be read before its mapped pages are released from memory."""

BGEN_STEPS = 16_384
"""Dosages of a .bgen are rounded to multiples of 1/16384, as in PLINK 2. Float32 represents these exactly."""


class GenotypeReader(Protocol):
    """A reader of one genotype file; see the module's docstring."""

    hard_calls_only: bool

    def packed(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]: ...

    def dosages(self, rows: NDArray[np.int64]) -> NDArray[np.float64]: ...


def unpack(packed: NDArray[np.uint8], people: int) -> NDArray[np.uint8]:
    """(V, people) uint8 2-bit codes from (V, ceil(people / 4)) packed bytes."""
    codes = (packed[:, :, None] >> SHIFTS) & np.uint8(3)
    flat: NDArray[np.uint8] = codes.reshape(len(packed), 4 * packed.shape[1])[:, :people]
    return flat


def pack(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(V, ceil(N / 4)) uint8 from 2-bit codes (V, N); padding bits are 0."""
    width = 4 * ((codes.shape[1] + 3) // 4)
    wide = np.zeros((len(codes), width), dtype=np.uint8)
    wide[:, : codes.shape[1]] = codes
    packed: NDArray[np.uint8] = np.bitwise_or.reduce(wide.reshape(len(codes), width // 4, 4) << SHIFTS, axis=2)
    return packed


def hard_call_codes(dosages: NDArray[np.float64]) -> NDArray[np.uint8]:
    """2-bit codes of dosages of the effect allele, in the same shape."""
    whole = np.rint(dosages)
    with np.errstate(invalid="ignore"):
        sure = np.abs(dosages - whole) <= HARD_CALL_WITHIN + 1e-9
    codes: NDArray[np.uint8] = CODE_OF_COPIES[np.where(sure, whole, 3).astype(np.int64)]
    return codes


class BedReader:
    """A PLINK 1 .bed, memory-mapped."""

    hard_calls_only = True

    def __init__(self, path: Path, *, variants: int, people: int) -> None:
        """Raises InputError if the file is not a .bed with these numbers of variants and samples."""
        _check_bed(path, variants=variants, people=people)
        shape = (variants, (people + 3) // 4)
        self.samples = people
        self.bytes: NDArray[np.uint8] = np.memmap(path, dtype=np.uint8, mode="r", offset=len(BED_MAGIC), shape=shape)
        self._bytes_read = 0
        check_last_byte(path, self.bytes, people)

    def packed(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        self._bytes_read += len(rows) * self.bytes.shape[1]
        if self._bytes_read > MAX_MAPPED_BYTES:
            self._release_pages()
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and np.all(np.diff(rows) == 1):
            return self.bytes[rows[0] : rows[-1] + 1]
        return self.bytes[rows]

    def _release_pages(self) -> None:
        """Releases the pages read from this process's memory. Views stay valid and read them again."""
        self._bytes_read = 0
        if isinstance(self.bytes.base, mmap.mmap):
            self.bytes.base.madvise(mmap.MADV_DONTNEED)

    def dosages(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        copies: NDArray[np.float64] = COPIES_OF_CODE[unpack(self.packed(rows), self.samples)]
        return copies


class PgenReader:
    """A PLINK 2 .pgen with hard calls or dosages and two alleles per variant. Each thread opens its own pgenlib reader."""

    def __init__(self, path: Path, *, variants: int, people: int) -> None:
        """Raises InputError if the file is not a .pgen with these numbers of variants and samples."""
        self.path, self.samples, self.variants = path, people, variants
        self._local = threading.local()
        reader = self._reader()
        if reader.get_variant_ct() != variants or reader.get_raw_sample_ct() != people:
            problem = f"{reader.get_variant_ct()} variants of {reader.get_raw_sample_ct()} people, "
            problem += f"but its .pvar and .psam list {variants} variants and {people} people"
            fix = "the three files must belong together; make them again with plink2 --make-pgen"
            raise InputError(problem, where=path, fix=fix)
        self.hard_calls_only = not _holds_dosages(path)

    def _reader(self) -> Any:
        if not hasattr(self._local, "reader"):
            self._local.reader = _open_pgen(self.path, self.samples, self.variants)
        return self._local.reader

    def packed(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        if not self.hard_calls_only:
            return pack(hard_call_codes(self.dosages(rows)))
        calls = np.empty((len(rows), self.samples), dtype=np.int8)
        with _pgen_errors(self.path):
            self._reader().read_list(rows.astype(np.uint32), calls)
        return pack(CODE_OF_COPIES[np.where(calls < 0, 3, calls)])

    def dosages(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        dosages = np.empty((len(rows), self.samples))
        with _pgen_errors(self.path):
            self._reader().read_dosages_list(rows.astype(np.uint32), dosages)
        dosages[dosages < 0] = np.nan
        return dosages


class BgenReader:
    """A .bgen. The second allele of a variant is the effect allele."""

    hard_calls_only = False

    def __init__(self, path: Path, *, people: int) -> None:
        self.path, self.samples = path, people
        self._local = threading.local()

    def packed(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        return pack(hard_call_codes(self.dosages(rows)))

    def dosages(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        if not hasattr(self._local, "reader"):
            self._local.reader = open_bgen(self.path)
        dosages = np.empty((len(rows), self.samples))
        with bgen_errors(self.path):
            for i, row in enumerate(rows):
                dosages[i] = _copies(self._local.reader[int(row)], self.path)
        return np.asarray(np.rint(dosages * BGEN_STEPS) / BGEN_STEPS)


def _copies(variant: Any, path: Path) -> NDArray[np.float64]:
    """(P,) copies of the second allele. A haploid genotype (X in men, Y, MT) counts 0 or 2, as in PLINK 2.

    Raises InputError for more than two alleles per sample.
    """
    ploidy = np.asarray(variant.ploidy)
    if ploidy.max(initial=0) > 2:
        problem = f"{variant.rsid} at {variant.chrom}:{variant.pos} has genotypes of {ploidy.max()} alleles"
        raise InputError(problem, where=path, fix="exclude such variants: plink2 --bgen FILE --exclude LIST --export bgen-1.2")
    dosage: NDArray[np.float64] = variant.alt_dosage
    return np.where(ploidy == 1, 2 * dosage, dosage)


class ConcatenatedReader:
    """Several files in sequence, for the samples that are in all of them.

    starts (S + 1,) int64: first row of each file, and the end;  people: for each file (P,) int64, indices of the samples in it
    """

    def __init__(
        self, sources: Sequence[GenotypeReader], starts: NDArray[np.int64], people: Sequence[NDArray[np.int64]]
    ) -> None:
        self.readers, self.starts, self.sample_index = tuple(sources), starts, tuple(people)
        self.hard_calls_only = all(source.hard_calls_only for source in sources)

    def packed(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        count = len(self.sample_index[0])
        packed = np.empty((len(rows), (count + 3) // 4), dtype=np.uint8)
        for source, people, chosen, own in self._each(rows):
            packed[chosen] = pack(unpack(np.asarray(source.packed(own)), int(people.max()) + 1)[:, people])
        return packed

    def dosages(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        dosages = np.empty((len(rows), len(self.sample_index[0])))
        for source, people, chosen, own in self._each(rows):
            dosages[chosen] = source.dosages(own)[:, people]
        return dosages

    def _each(
        self, rows: NDArray[np.int64]
    ) -> Iterator[tuple[GenotypeReader, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        """For each file that holds some of `rows`: reader, sample indices, indices of those `rows`, and their rows in it."""
        for i, (source, people) in enumerate(zip(self.readers, self.sample_index, strict=True)):
            chosen = np.flatnonzero((rows >= self.starts[i]) & (rows < self.starts[i + 1]))
            if len(chosen):
                yield source, people, chosen, rows[chosen] - self.starts[i]


def open_bgen(path: Path) -> Any:
    """Opens a .bgen with the package bgen. Raises InputError if it cannot be read."""
    from bgen import BgenReader

    with bgen_errors(path):
        return BgenReader(path)


@contextmanager
def bgen_errors(path: Path) -> Iterator[None]:
    """Turns the errors that the package bgen raises for a damaged file into InputError."""
    try:
        yield
    except (ValueError, OSError, IndexError, OverflowError, MemoryError, UnicodeDecodeError, RuntimeError) as error:
        fix = "copy it whole, or make it again as BGEN 1.2: plink2 --export bgen-1.2 bits=8"
        raise InputError(f"the .bgen cannot be read: {error}", where=path, fix=fix) from None


@contextmanager
def _pgen_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, OSError, ValueError, MemoryError) as error:
        fix = "the .pgen must belong to its .pvar and .psam, and be copied whole; make them again with plink2 --make-pgen"
        raise InputError(f"the .pgen cannot be read: {error}", where=path, fix=fix) from None


def _open_pgen(path: Path, people: int, variants: int) -> Any:
    import pgenlib

    with _pgen_errors(path):
        return pgenlib.PgenReader(str(path).encode(), raw_sample_ct=people, variant_ct=variants)


BLOCK = 65_536
"""Variants per block of a .pgen's header."""


def _holds_dosages(path: Path) -> bool:
    """True if any variant of the .pgen has dosages: bits 5 and 6 of its record type (pgen specification, 2.2 and 2.3)."""
    with path.open("rb") as file:
        start = file.read(12)
        if start[2] < 0x10:
            return start[2] not in (0x01, 0x02)
        if start[11] & 0x0F < 4:
            return False  # four-bit record types: hard calls only
        variants = int.from_bytes(start[3:7], "little")
        bytes_of_length, bytes_of_alleles = (start[11] & 0x0F) - 3, start[11] >> 4 & 3
        file.seek(8 * -(-variants // BLOCK), 1)
        for first in range(0, variants, BLOCK):
            count = min(BLOCK, variants - first)
            kinds = np.frombuffer(file.read(count), dtype=np.uint8)
            if np.any(kinds & 0x60):
                return True
            flags = (count + 7) // 8 if start[11] >> 6 == 3 else 0
            file.seek(count * (bytes_of_length + bytes_of_alleles) + flags, 1)
    return False


def _check_bed(path: Path, *, variants: int, people: int) -> None:
    with path.open("rb") as file:
        start = file.read(len(BED_MAGIC))
    if start != BED_MAGIC:
        reason = "it is ordered person by person" if start[:2] == BED_MAGIC[:2] else "it does not begin as a .bed does"
        raise InputError(f"not a .bed file that can be read: {reason}", where=path, fix="make it again with plink2 --make-bed")
    expected = len(BED_MAGIC) + variants * ((people + 3) // 4)
    size = path.stat().st_size
    if size != expected:
        problem = f"{size} bytes, but {variants} variants (.bim) of {people} people (.fam) make {expected}"
        raise InputError(problem, where=path, fix=MAKE_AGAIN)


MAKE_AGAIN = "the three files must belong together and be copied whole; make them again with plink2 --make-bed"
CHECKED_VARIANTS, CHECKED_BYTES, MIN_VARYING = 256, 64, 20
"""Variants of a .bed, evenly spaced, and last bytes of each that are checked; variants that must vary to give a verdict."""


def check_last_byte(path: Path, packed: NDArray[np.uint8], people: int) -> None:
    """Raises InputError if the rows (V, W) of a .bed have another number of samples, which the file size may not show.

    Four samples share a byte. If the .fam lists one to three samples too few, the padding holds calls; otherwise padding bits
    are the same at every variant (0 as written by PLINK). If it lists one to three too many, the bits of the last samples are 0
    at every variant.
    """
    rows = packed[:: max(1, len(packed) // CHECKED_VARIANTS), -CHECKED_BYTES:]
    codes, padding = unpack(rows, 4 * rows.shape[1]), -people % 4
    here = codes.shape[1] - padding
    beyond = codes[:, here:]
    if (beyond != beyond[:1]).any():
        problem = f"calls of more people than the .fam lists ({people})"
    elif _is_last_empty(codes[:, :here]):
        problem = f"no calls of the last of the {people} people of the .fam: it lists more people than there are"
    else:
        return
    raise InputError(problem, where=path, fix=MAKE_AGAIN)


def _is_last_empty(codes: NDArray[np.uint8]) -> bool:
    """True if the last sample has code 0 at every variant, while most other samples have another code at many of them."""
    others = (codes[:, :-1] != 0).sum(axis=1) > codes.shape[1] / 2
    return bool(others.sum() >= MIN_VARYING and not codes[:, -1].any())
