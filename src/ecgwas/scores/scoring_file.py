"""Reads scoring files: effect weights of variants in the format of the PGS Catalog, 2.0, as given or harmonised.

Comment lines begin with `#` and state `key=value`; then follow a header and one line per variant, separated by tabs. Harmonised
files (`..._hmPOS_GRCh37.txt.gz`) have further columns hm_chr, hm_pos and hm_rsID, whose positions are of HmPOS_build.

Format: https://www.pgscatalog.org/downloads/ (Lambert et al. 2021, Nat Genet 53:420).
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes.chromosome_codes import chromosome_code, reported_chromosome
from ecgwas.scores import weights
from ecgwas.tables import user_table
from ecgwas.tables.user_table import read_text

BUILDS = {
    "grch37": "hg19", "hg19": "hg19", "37": "hg19", "b37": "hg19",
    "grch38": "hg38", "hg38": "hg38", "38": "hg38", "b38": "hg38",
}  # fmt: skip
ASSEMBLIES = {"hg19": "GRCh37", "hg38": "GRCh38"}
NOT_REPORTED = ("", "nr", "na", "none", "null")
OTHER_NAMES = {"rsid": "rsid", "snp": "rsid", "variant_id": "rsid", "reference_allele": "other_allele",
               "non_effect_allele": "other_allele", "chromosome": "chr_name", "chr": "chr_name", "position": "chr_position",
               "bp": "chr_position"}  # fmt: skip
"""Names of columns in earlier and other files -> those of format 2.0, in lower case."""

NO_EFFECT_ALLELE, NOT_BASES, NO_WEIGHT = "no effect allele", "alleles not of A, C, G and T", "no weight"
INTERACTION, HAPLOTYPE, NO_PLACE = "interaction", "haplotype or diplotype", "no position and no rs number"
BASES = r"^[ACGT]+$"
ALL_POSITIVE = 10
"""As many weights of one sign, all above 0.5, are more likely ratios than their logarithms."""


@dataclass(frozen=True)
class ScoringFile:
    """One score.

    name     pgs_id of the header, else the file's name
    header   what the comment lines state;  weight_type: beta, OR, HR ... as stated; empty where it is not
    frame    one row per line of the file: line, rsid, chrom, pos, effect_allele, other_allele, frequency of the effect allele,
             weights.CONTRIBUTIONS, and problem: why the line cannot be used, else null. Without a position, pos is null
    notes    what was decided, in words;  cautions: what the user should look at
    """

    path: Path
    name: str
    header: Mapping[str, str]
    weight_type: str
    frame: pl.DataFrame
    notes: tuple[str, ...]
    cautions: tuple[str, ...]

    def __len__(self) -> int:
        return self.frame.height


def read(path: Path, build: str) -> ScoringFile:
    """The scoring file, with positions of `build` (hg19 | hg38) where it has them, else with rs numbers.

    Raises InputError for text that is no scoring file, cells that are no numbers, and positions of another build without rs
    numbers. Lines that cannot be used remain, with their problem.
    """
    header, table = _parsed(path)
    places, notes = _places(header, table, path, build)
    contributions, more = weights.contributions(table, path)
    frame = pl.concat([table.select("line"), places, _alleles(table, path), contributions], how="horizontal")
    frame = frame.with_columns(problem=_problem(table, frame))
    if frame["problem"].null_count() == 0:
        kinds = frame["problem"].value_counts(sort=True).rows()
        why = "; ".join(f"{problem}: {count}" for problem, count in kinds)
        fix = "give each variant an effect allele, a weight, and a position or an rs number"
        raise InputError(f"no line of the scoring file can be used ({why})", where=path, fix=fix)
    stated = header.get("weight_type", "")
    weight_type = "" if stated.lower() in NOT_REPORTED else stated
    return ScoringFile(
        path, _name(header, path), header, weight_type, frame, (*notes, *more), tuple(_cautions(frame, weight_type)),
    )  # fmt: skip


def _parsed(path: Path) -> tuple[dict[str, str], pl.DataFrame]:
    """What the comment lines state, and the table as text, with names in lower case and `line`."""
    text = read_text(path, what="the scoring file", fix="correct the path")
    header: dict[str, str] = {}
    number, start = 1, 0
    while text[start : start + 1] in ("#", "\n", "\r"):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        key, equals, value = text[start:end].strip().lstrip("#").partition("=")
        if equals:
            header[key.strip()] = value.strip()
        number, start = number + 1, end + 1
    body = text[start:].replace("\r\n", "\n")
    if not body.strip():
        fix = "after its comment lines a scoring file has a header with effect_allele and effect_weight, and a line per variant"
        raise InputError("the scoring file has no table", where=path, fix=fix)
    try:
        table = pl.read_csv(io.StringIO(body), separator="\t", infer_schema=False, quote_char=None)
    except (pl.exceptions.ComputeError, pl.exceptions.DuplicateError) as error:
        problem = f"lines of the scoring file have other numbers of columns than its header: {str(error).splitlines()[0]}"
        raise InputError(problem, where=path, fix="separate the columns by tabs, as many in every line") from None
    table = table.rename(_renamed(table.columns, path)).with_columns(pl.all().str.strip_chars())
    if "effect_allele" not in table.columns:
        problem = f"the scoring file has no column effect_allele: {first_few(table.columns)}"
        fix = "files of haplotypes have none and cannot be read; else name the column, and separate columns by tabs"
        raise InputError(problem, where=path, fix=fix)
    lines = pl.int_range(number + 1, number + 1 + table.height, dtype=pl.Int64, eager=True)
    table = table.with_columns(line=lines)
    return header, table.filter(pl.any_horizontal(pl.exclude("line").is_not_null()))


def _renamed(names: list[str], path: Path) -> dict[str, str]:
    new = {name: OTHER_NAMES.get(name.strip().lower(), name.strip().lower()) for name in names}
    twice = sorted({name for name in new.values() if list(new.values()).count(name) > 1})
    if twice:
        problem = f"two columns of the scoring file mean {first_few(twice)}: {first_few(names, 20)}"
        raise InputError(problem, where=path, fix="remove one of them")
    return new


def _name(header: Mapping[str, str], path: Path) -> str:
    stated = header.get("pgs_id", "") or header.get("omicspred_id", "")
    name = stated if stated.lower() not in NOT_REPORTED else re.sub(r"\.(txt|tsv)(\.gz)?$", "", path.name)
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _missing(column: str) -> pl.Expr:
    """The column with null for cells that mean no value."""
    cell = pl.col(column)
    return pl.when(cell.str.to_lowercase().is_in(list(user_table.MISSING))).then(None).otherwise(cell)


def _places(header: Mapping[str, str], table: pl.DataFrame, path: Path, build: str) -> tuple[pl.DataFrame, list[str]]:
    """rsid, chrom and pos of each row, and where they come from."""
    columns, notes, named = table.columns, [], BUILDS.get(header.get("genome_build", "").lower())
    harmonised = BUILDS.get(header.get("HmPOS_build", "").lower())
    chrom = position = None
    if harmonised == build and "hm_pos" in columns:
        chrom, position = "hm_chr", "hm_pos"
        notes.append(f"harmonised positions of {ASSEMBLIES[build]}")
    elif named == build and "chr_position" in columns:
        chrom, position = "chr_name", "chr_position"
        notes.append(f"positions of {ASSEMBLIES[build]}")
    rsid = "hm_rsid" if "hm_rsid" in columns else "rsid"
    if position is None:
        why = _without_positions(header, columns, build)
        if rsid not in columns:
            fix = f"take the file harmonised to {ASSEMBLIES[build]} (..._hmPOS_{ASSEMBLIES[build]}.txt.gz), or state "
            fix += f"its build in a line #genome_build={ASSEMBLIES[build]} if that is what it is"
            raise InputError(f"no positions of {ASSEMBLIES[build]} and no rs numbers: {why}", where=path, fix=fix)
        notes.append(f"variants are matched by rs number: {why}")
    if position is not None and chrom not in columns:
        raise InputError(f"a column {position} without {chrom}", where=path, fix=f"add the column {chrom}")
    if position is None:
        text = pl.Series("pos", [None] * table.height, dtype=pl.String)
    else:
        text = table.select(_missing(position)).to_series()
    _check_positions(text, table["line"], path)
    nothing = pl.lit(None, dtype=pl.String)
    numbered = (
        _missing("rsid") if rsid == "rsid" else pl.coalesce(_missing(rsid), _missing("rsid") if "rsid" in columns else nothing)
    )
    frame = table.select(
        rsid=(numbered if rsid in columns else nothing).str.extract(r"(?i)(rs[0-9]+)").str.to_lowercase(),
        chrom=nothing if chrom is None else _missing(chrom), pos=pl.lit(text).cast(pl.Int64),
    )  # fmt: skip
    codes = {name: reported_chromosome(chromosome_code(name)) for name in frame["chrom"].drop_nulls().unique()}
    placed = pl.col("chrom").is_not_null() & pl.col("pos").is_not_null()
    frame = frame.with_columns(chrom=pl.col("chrom").replace(codes))
    return frame.with_columns(pl.when(placed).then(pl.col(name)).alias(name) for name in ("chrom", "pos")), notes


def _without_positions(header: Mapping[str, str], columns: list[str], build: str) -> str:
    """Why the positions of the file, if any, are not used."""
    stated = header.get("HmPOS_build") if "hm_pos" in columns else header.get("genome_build")
    if "hm_pos" not in columns and "chr_position" not in columns:
        return "it has no column of positions"
    if stated is None or stated.lower() in NOT_REPORTED:
        return "its positions are of a build that it does not state"
    return f"its positions are of {stated}, those of the genotypes of {ASSEMBLIES[build]}"


def _check_positions(cells: pl.Series, lines: pl.Series, path: Path) -> None:
    wrong = (cells.is_not_null() & ~cells.str.contains(r"^[0-9]{1,10}$")).fill_null(value=False)
    if wrong.any():
        places = [f"line {line}: {cell}" for line, cell in zip(lines.filter(wrong), cells.filter(wrong), strict=True)]
        raise InputError(f"not a position: {first_few(places)}", where=path, fix="write positions as whole numbers")


def _alleles(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """effect_allele, other_allele (null where not stated) in upper case, and frequency of the effect allele."""
    nothing = pl.lit(None, dtype=pl.String)
    inferred = _missing("hm_inferotherallele") if "hm_inferotherallele" in table.columns else nothing
    single = pl.when(inferred.str.contains(r"^[A-Za-z]+$")).then(inferred)  # Several alleles, A/C, are none.
    own = _missing("other_allele") if "other_allele" in table.columns else nothing
    frame = table.select(
        effect_allele=_missing("effect_allele").str.to_uppercase(), other_allele=pl.coalesce(own, single).str.to_uppercase()
    )
    if "allelefrequency_effect" not in table.columns:
        return frame.with_columns(frequency=pl.lit(None, dtype=pl.Float64))
    cells = table["allelefrequency_effect"].fill_null("")
    frequency = cells.cast(pl.Float64, strict=False)
    wrong = user_table.not_numbers(cells) | ((frequency < 0) | (frequency > 1)).fill_null(value=False).to_numpy()
    if wrong.any():
        problem = f"not an allele frequency: line {first_few(table['line'].to_numpy()[wrong])}"
        raise InputError(problem, where=path, fix="write allelefrequency_effect as a number from 0 to 1")
    return frame.with_columns(frequency=frequency)


def _problem(table: pl.DataFrame, frame: pl.DataFrame) -> pl.Series:
    """Why each row cannot be used; null if it can."""
    kinds = [pl.lit(None, dtype=pl.String)]
    for problem, names in ((INTERACTION, ("is_interaction",)), (HAPLOTYPE, ("is_haplotype", "is_diplotype"))):
        for name in names:
            if name in table.columns:
                kinds.append(pl.when(pl.col(name).str.to_lowercase().is_in(list(weights.TRUE))).then(pl.lit(problem)))
    of_kind = table.with_columns(kind=pl.coalesce(kinds))["kind"]
    effect, other = pl.col("effect_allele"), pl.col("other_allele")
    return frame.with_columns(kind=of_kind).select(
        pl.when(pl.col("kind").is_not_null()).then(pl.col("kind"))
        .when(effect.is_null()).then(pl.lit(NO_EFFECT_ALLELE))
        .when(~effect.str.contains(BASES) | ~other.str.contains(BASES).fill_null(value=True)).then(pl.lit(NOT_BASES))
        .when(effect == other).then(pl.lit(NOT_BASES))
        .when(pl.col(weights.CONTRIBUTIONS[1]).is_null()).then(pl.lit(NO_WEIGHT))
        .when(pl.col("pos").is_null() & pl.col("rsid").is_null()).then(pl.lit(NO_PLACE))
        .alias("problem")
    )["problem"]  # fmt: skip


def _cautions(frame: pl.DataFrame, weight_type: str) -> list[str]:
    """What the user should look at: weights that seem to be ratios."""
    own = frame.filter(pl.col("problem").is_null()).select(pl.col("copies_1") - pl.col("copies_0")).to_series()
    if own.len() < ALL_POSITIVE or float(own.min() or 0.0) <= 0.5:  # type: ignore[arg-type]
        return []
    stated = f"weight_type is {weight_type}" if weight_type else "it does not state a weight_type"
    return [f"all weights are above 0.5, and {stated}: if they are odds or hazard ratios, write their logarithms"]
