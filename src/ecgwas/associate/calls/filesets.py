"""Files of genotypes: which ones `scan.genotypes` means, and their lists of variants and people.

    .bed .bim .fam                    PLINK 1; column 5 of .bim is the effect allele, column 6 the other one
    .pgen .pvar .psam                 PLINK 2; ALT is the effect allele (a .bim and .fam beside a .pgen serve as well)
    .bgen .sample                     BGEN 1.2; the second allele is the effect allele

One fileset holds all chromosomes, or a pattern with {chrom} names one per chromosome. Chromosome codes 23, 24, 25, 26 are
X, Y, XY, MT; a leading "chr" is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import ids
from ecgwas.associate.calls.sources import BED_MAGIC, open_bgen
from ecgwas.errors import InputError, first_few
from ecgwas.study.scan import Scan

NUMBERED = {"23": "X", "24": "Y", "25": "XY", "26": "MT", "M": "MT", "CHRM": "MT"}

ENDINGS = {".bed": ((".bim",), (".fam",)), ".pgen": ((".pvar", ".bim"), (".psam", ".fam")), ".bgen": ((), (".sample",))}
"""Endings of genotypes -> endings of the lists of variants and of people, in the order they are looked for."""

INFORMATION = r"(?:^|;)(?:R2|DR2|INFO|IMPINFO)=([0-9.eE+-]+)"
"""How well a variant is imputed, in the column INFO of Minimac (R2), Beagle (DR2) and IMPUTE (INFO)."""

SEXES = {"1": 1, "2": 2, "M": 1, "F": 2, "m": 1, "f": 2}


@dataclass(frozen=True)
class People:
    """eids (P,) text; families (P,) text, 0 where there is none; sexes (P,) int8: 1 male, 2 female, 0 unknown."""

    eids: tuple[str, ...]
    families: tuple[str, ...]
    sexes: NDArray[np.int8]


@dataclass(frozen=True)
class Fileset:
    """Files that belong together; for a .bgen `variants` is the .bgen itself."""

    genotypes: Path
    variants: Path
    people: Path

    @property
    def kind(self) -> str:
        """bed, pgen or bgen."""
        return self.genotypes.suffix[1:]

    @property
    def files(self) -> tuple[Path, ...]:
        """All files, each once."""
        return tuple(dict.fromkeys((self.genotypes, self.variants, self.people)))


def chromosome(name: str) -> str:
    """A chromosome without chr, X for 23: `chr1` -> `1`, `01` -> `1`."""
    bare = name[3:] if name.lower().startswith("chr") else name
    bare = bare.lstrip("0") if bare.isdigit() else bare.upper()
    return NUMBERED.get(bare, bare)


def has_pattern(options: Scan) -> bool:
    """True if there is one fileset per chromosome."""
    return "{chrom}" in str(options.genotypes)


def fileset(options: Scan, chrom: str) -> Fileset:
    """The fileset of a chromosome, whether it exists or not."""
    stems, endings = _stems(options, chrom)
    for stem in stems:
        for ending in endings:
            if suffixed(stem, ending).exists():
                return _beside(stem, ending)
    return _beside(stems[0], endings[0])


def exists(options: Scan, chrom: str) -> bool:
    """True if the chromosome's genotypes are there."""
    return fileset(options, chrom).genotypes.exists()


def _stems(options: Scan, chrom: str) -> tuple[list[Path], tuple[str, ...]]:
    """Stems that may be meant, and the endings of genotypes to look for."""
    text, endings = str(options.genotypes), tuple(ENDINGS)
    for ending in ENDINGS:
        if text.endswith(ending):
            text, endings = text.removesuffix(ending), (ending,)
    names = [chrom, *(number for number, name in NUMBERED.items() if name == chrom and number.isdigit())]
    if chrom.isdigit():
        names.append(f"{int(chrom):02d}")
    return list(dict.fromkeys(Path(text.replace("{chrom}", name)) for name in names)), endings


def _beside(stem: Path, ending: str) -> Fileset:
    genotypes = suffixed(stem, ending)
    lists = []
    for endings in ENDINGS[ending]:
        paths = [suffixed(stem, one) for one in endings] or [genotypes]
        lists.append(next((path for path in paths if path.exists()), paths[0]))
    return Fileset(genotypes, *lists)


def suffixed(stem: Path, ending: str) -> Path:
    """The fileset's file with that ending; dots in the stem stay."""
    return stem.with_name(stem.name + ending)


def must_exist(path: Path) -> None:
    """Raises InputError where a file of genotypes is missing."""
    if path.is_file():
        return
    fix = "scan.genotypes names the fileset without its ending; .bed .bim .fam (or .pgen .pvar .psam, or .bgen .sample) "
    fix += "must lie side by side"
    packed = suffixed(path, ".zst")
    if packed.is_file():
        fix = f"unpack it: plink2 --zst-decompress {packed.name} {path.name}"
    raise InputError("the genotype file is missing", where=path, fix=fix)


def read_ids(path: Path, *, what: str) -> frozenset[str]:
    """Ids of a list of `people` or of `variant` names (see ids.read_list); more columns are passed over."""
    names = ids.VARIANT_NAMES if what.startswith("variant") else ids.EID_NAMES
    fix = "correct the path"
    return frozenset(ids.read_list(path, what=what, fix=fix, names=names, more_columns=True))


def read_variants(files: Fileset) -> pl.DataFrame:
    """One row per variant, in the file's order: row, chrom, variant, pos, effect_allele, other_allele, info (NaN: not stated).

    Kept while the file is the same. Raises InputError naming file and lines.
    """
    must_exist(files.variants)
    status = files.variants.stat()
    return _variants(files.variants, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=2)
def _variants(path: Path, size: int, changed: int) -> pl.DataFrame:
    reader = {".bim": _bim, ".pvar": _pvar, ".bgen": _of_bgen}[path.suffix]
    frame = reader(path)
    names = {name: chromosome(name) for name in frame["chrom"].unique()}
    numbers = frame["pos"].cast(pl.Int64, strict=False)
    wrong = np.flatnonzero(numbers.is_null().to_numpy())
    if len(wrong):
        shown = first_few(f"line {i + 1}" for i in wrong)
        raise InputError(f"positions that are no whole numbers: {shown}", where=path, fix="mend the column of positions")
    _check_variants(path, numbers, frame)
    return frame.with_columns(pl.col("chrom").replace(names), numbers.alias("pos")).with_row_index("row")


def _check_variants(path: Path, positions: pl.Series, frame: pl.DataFrame) -> None:
    below = np.flatnonzero((positions < 0).to_numpy())
    if len(below):
        shown = first_few(f"line {i + 1}" for i in below)
        raise InputError(
            f"positions below 0: {shown}", where=path, fix="PLINK leaves such variants out: make the fileset again"
        )
    effect, other = frame["effect_allele"], frame["other_allele"]
    same = np.flatnonzero(((effect == other) & ~effect.is_in(["0", "."])).to_numpy())
    if len(same):
        shown = first_few(f"line {i + 1} ({frame['variant'][int(i)]})" for i in same)
        raise InputError(f"variants whose two alleles are the same: {shown}", where=path, fix="correct the columns of alleles")


def count_variants(files: Fileset) -> int:
    """Variants of a fileset, from the header or size of its genotypes: the list of variants is not read.

    A .bed whose size contradicts its people counts as what fits in it.
    """
    must_exist(files.genotypes)
    if files.kind == "bed":
        people = len(read_people(files).eids)
        return (files.genotypes.stat().st_size - len(BED_MAGIC)) // max(1, (people + 3) // 4)
    with files.genotypes.open("rb") as file:
        start = file.read(12)
    # .pgen: magic of two bytes, storage mode, then the number of variants. .bgen: two words, then the number.
    return int.from_bytes(start[3:7] if files.kind == "pgen" else start[8:12], "little")


def _frame(
    chrom: Sequence[str], variant: Sequence[str], pos: Sequence[str], alleles: list[Sequence[str]],
    info: Sequence[str] | None = None,
) -> pl.DataFrame:  # fmt: skip
    """alleles: of effect, and the other one; info: cells of a .pvar's column INFO."""
    columns = {"chrom": chrom, "variant": variant, "pos": pos, "effect_allele": alleles[0], "other_allele": alleles[1]}
    stated = pl.Series("info", [None] * len(chrom) if info is None else info, dtype=pl.String)
    numbers = stated.str.extract(INFORMATION).cast(pl.Float64, strict=False).fill_null(float("nan"))
    return pl.DataFrame(columns).with_columns(numbers)


def _bim(path: Path) -> pl.DataFrame:
    columns = _tabbed(path, 6, 0) or _columns(_rows(path), path, 6)
    return _frame(columns[0], columns[1], columns[3], [columns[4], columns[5]])


def _pvar(path: Path) -> pl.DataFrame:
    """https://www.cog-genomics.org/plink/2.0/formats#pvar; without a header line it has the columns of a .bim."""
    names, before = _header(path)
    if not names or not names[0].startswith("#"):
        return _bim(path)
    header = [name.lstrip("#") for name in names]
    cells = _tabbed(path, len(header), before)
    if cells is None:
        rows = [row for row in _rows(path) if not row[0].startswith("##")]
        cells = _columns(rows[1:], path, len(header))
    columns = dict(zip(header, cells, strict=True))
    absent = [name for name in ("CHROM", "POS", "ID", "REF", "ALT") if name not in columns]
    if absent:
        raise InputError(f"columns missing: {first_few(absent)}", where=path, fix="make it again with plink2 --make-pgen")
    several = [columns["ID"][i] for i, alleles in enumerate(columns["ALT"]) if "," in alleles]
    if several:
        problem = f"{len(several)} variants have several ALT alleles: {first_few(several)}"
        fix = "split them: bcftools norm -m-any, then plink2 --vcf FILE dosage=DS --make-pgen"
        raise InputError(problem, where=path, fix=fix)
    info = columns.get("INFO")
    return _frame(columns["CHROM"], columns["ID"], columns["POS"], [columns["ALT"], columns["REF"]], info)


def _of_bgen(path: Path) -> pl.DataFrame:
    """Of the .bgen itself; its own index (.bgi) is used where it lies beside it."""
    with open_bgen(path) as reader:
        rows = [(each.chrom, each.rsid, str(each.pos), each.alleles) for each in reader]
    chroms, names, positions, alleles = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    several = [name for name, pair in zip(names, alleles, strict=True) if len(pair) != 2]
    if several:
        problem = f"{len(several)} variants have not two alleles: {first_few(several)}"
        raise InputError(problem, where=path, fix="split them, or leave them out: plink2 --bgen FILE --max-alleles 2")
    return _frame(chroms, names, positions, [[pair[1] for pair in alleles], [pair[0] for pair in alleles]])


def _fam(path: Path) -> People:
    columns = _columns(_rows(path), path, 6)
    return _people(columns[0], columns[1], columns[4])


def _psam(path: Path) -> People:
    """https://www.cog-genomics.org/plink/2.0/formats#psam; without a header line it has the columns of a .fam."""
    rows = [row for row in _rows(path) if not row[0].startswith("##")]
    if not rows or not rows[0][0].startswith(("#FID", "#IID")):
        return _fam(path)
    header = [name.lstrip("#") for name in rows[0]]
    columns = dict(zip(header, _columns(rows[1:], path, len(header)), strict=True))
    eids = columns["IID"]
    return _people(columns.get("FID", ["0"] * len(eids)), eids, columns.get("SEX", ["0"] * len(eids)))


def _sample(path: Path) -> People:
    """https://www.cog-genomics.org/plink/2.0/formats#sample: two lines of header; ID_2 is the person, ID_1 the family."""
    rows = _rows(path)
    header = rows[0]
    columns = dict(zip(header, _columns(rows, path, len(header)), strict=True))
    lower = {name.lower(): column[2:] for name, column in columns.items()}
    if "id_1" not in lower or "id_2" not in lower:
        raise InputError("the first columns must be ID_1 and ID_2", where=path, fix="write a .sample file of BGEN 1.2")
    return _people(lower["id_1"], lower["id_2"], lower.get("sex", ["0"] * len(lower["id_2"])))


def _people(families: Sequence[str], eids: Sequence[str], sexes: Sequence[str]) -> People:
    return People(tuple(eids), tuple(families), np.array([SEXES.get(code, 0) for code in sexes], dtype=np.int8))


def _rows(path: Path) -> list[list[str]]:
    """Lines split at tabs or blanks."""
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8-sig").split("\n")]
    except UnicodeDecodeError:
        raise InputError("the file is not text", where=path, fix="make the fileset again with plink2 --make-bed") from None
    while rows and not rows[-1]:
        rows.pop()
    if not rows:
        raise InputError("the file is empty", where=path, fix="make the fileset again with plink2 --make-bed")
    return [row or [""] for row in rows]


def _header(path: Path) -> tuple[list[str], int]:
    """The first line that does not begin with ##, split, and how many lines there are up to its end."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.startswith("##"):
                return line.split(), number
    return [], 0


def _tabbed(path: Path, count: int, before: int) -> list[Sequence[str]] | None:
    """The columns of a list whose cells are parted by single tabs, below `before` lines; None for any other list.

    The lists of ten million variants are such; split line by line they would take gigabytes. Other lists, and those with
    mistakes, are read line by line, which names the lines.
    """
    try:
        frame = pl.read_csv(
            path, separator="\t", has_header=False, skip_rows=before, infer_schema=False, quote_char=None
        )  # fmt: skip
    except (pl.exceptions.PolarsError, OSError):
        return None
    blank = pl.any_horizontal(pl.all().is_null() | pl.all().str.contains(r"\s"))
    if frame.width != count or frame.select(blank.any()).item():
        return None
    return list(frame)  # type: ignore[arg-type]  # a Series of text is read as a sequence of text


def _columns(rows: list[list[str]], path: Path, count: int) -> list[Sequence[str]]:
    wrong = [i for i, row in enumerate(rows, start=1) if len(row) != count]
    if wrong:
        problem = f"lines without {count} columns: {first_few(wrong)}"
        raise InputError(problem, where=path, fix="make the fileset again with plink2 --make-bed")
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]


def read_people(files: Fileset) -> People:
    """Raises InputError for ids that stand twice, naming them."""
    path = files.people
    must_exist(path)
    reader = {".fam": _fam, ".psam": _psam, ".sample": _sample}[path.suffix]
    found = reader(path)
    twice = sorted(eid for eid, count in Counter(found.eids).items() if count > 1)
    if twice:
        problem = f"{len(twice)} ids stand more than once in column 2: {first_few(twice)}"
        fix = "give each person an id of their own, or remove the copies with plink2 --remove"
        raise InputError(problem, where=path, fix=fix)
    return found
