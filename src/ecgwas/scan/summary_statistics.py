"""Reads results of other programs: regenie (step 2), SAIGE, BOLT-LMM, PLINK 2 and GWAS-SSF, plain or gzipped.

    regenie    CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ N TEST BETA SE CHISQ LOG10P; beta counts ALLELE1
               (https://rgcgithub.github.io/regenie/options/#output)
    SAIGE      CHR POS MarkerID Allele1 Allele2 AF_Allele2 BETA SE p.value N; beta counts Allele2
               (https://saigegit.github.io/SAIGE-doc/docs/single_step2.html)
    BOLT-LMM   SNP CHR BP ALLELE1 ALLELE0 A1FREQ BETA SE P_BOLT_LMM_INF P_BOLT_LMM; beta counts ALLELE1 (manual, section 8.1)
    PLINK 2    #CHROM POS ID REF ALT A1 TEST OBS_CT BETA SE P; beta counts A1
               (https://www.cog-genomics.org/plink/2.0/formats#glm_linear)
    GWAS-SSF   chromosome base_pair_location effect_allele other_allele beta standard_error (Hayhurst et al. 2022)

Chromosomes may be called 1 or chr1, 23 or X; 25 is MT in GWAS-SSF and XY in the others. p is read as text,
so that 1e-400 is not 0.
"""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml
from scipy import special

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes.chromosome_codes import chromosome_code, reported_chromosome

logger = logging.getLogger(__name__)

MISSING = ["", "NA", "nan", "NaN", "#NA", ".", "-nan", "inf", "-inf"]
BUILDS = {"GRCh37": "hg19", "GRCh38": "hg38"}
ADDITIVE = ("ADD",)
NO_RESULT = "no result in the file"
INCOMPLETE = "run the program again: the file may be incomplete"

COLUMNS: dict[str, Any] = {
    "chrom": pl.String, "pos": pl.Int64, "variant": pl.String, "effect_allele": pl.String, "other_allele": pl.String,
    "eaf": pl.Float64, "n": pl.Int64, "beta": pl.Float64, "se": pl.Float64, "chi2": pl.Float64, "neglog10p": pl.Float64,
    "code": pl.String,
}  # fmt: skip
"""Columns of `read`; null where the file says nothing. code: why there is no result; null where there is one."""


@dataclass(frozen=True)
class Format:
    """One program's table: ours -> its names for a column, of which the first present one is read.

    program  the program that writes it; None: several do
    marks    names by which the header is recognised
    codes    its numbers of chromosomes that differ from PLINK's -> chromosome
    """

    name: str
    program: str | None
    marks: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    codes: Mapping[str, str] = field(default_factory=dict)

    def chromosome(self, name: str) -> str:
        """The chromosome on which variants of this code are reported."""
        return reported_chromosome(self.codes.get(name.removeprefix("chr"), chromosome_code(name)))

    def header(self, names: list[str]) -> dict[str, str]:
        """Ours -> the file's name of each column that it has."""
        own = {column: next((name for name in spellings if name in names), None) for column, spellings in self.columns.items()}
        return {column: name for column, name in own.items() if name is not None}


NEEDED = ("chrom", "pos", "effect_allele", "beta", "se")
P_VALUES = ("neglog10p", "p")

FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("regenie", "regenie", ("GENPOS", "ALLELE0", "ALLELE1"), {
            "chrom": ("CHROM",), "pos": ("GENPOS",), "variant": ("ID",), "effect_allele": ("ALLELE1",),
            "other_allele": ("ALLELE0",), "eaf": ("A1FREQ",), "n": ("N",), "beta": ("BETA",), "se": ("SE",),
            "chi2": ("CHISQ",), "neglog10p": ("LOG10P",), "test": ("TEST",),
        }),
        Format("saige", "SAIGE", ("Allele1", "Allele2", "p.value"), {
            "chrom": ("CHR",), "pos": ("POS",), "variant": ("MarkerID", "SNPID"), "effect_allele": ("Allele2",),
            "other_allele": ("Allele1",), "eaf": ("AF_Allele2",), "n": ("N",), "beta": ("BETA",), "se": ("SE",),
            "p": ("p.value",),
        }),
        Format("bolt", "BOLT-LMM", ("ALLELE1", "ALLELE0", "BP", "GENPOS"), {
            "chrom": ("CHR",), "pos": ("BP",), "variant": ("SNP",), "effect_allele": ("ALLELE1",), "other_allele": ("ALLELE0",),
            "eaf": ("A1FREQ",), "beta": ("BETA",), "se": ("SE",),
            "chi2": ("CHISQ_BOLT_LMM", "CHISQ_BOLT_LMM_INF", "CHISQ_LINREG"),
            "p": ("P_BOLT_LMM", "P_BOLT_LMM_INF", "P_LINREG"),
        }),
        Format("plink2", "PLINK 2", ("#CHROM", "A1"), {
            "chrom": ("#CHROM",), "pos": ("POS",), "variant": ("ID",), "effect_allele": ("A1",), "ref": ("REF",),
            "alt": ("ALT",), "eaf": ("A1_FREQ",), "n": ("OBS_CT",), "beta": ("BETA",), "se": ("SE",),
            "neglog10p": ("NEG_LOG10_P", "LOG10_P"), "p": ("P",), "test": ("TEST",), "code": ("ERRCODE",),
        }),
        Format("gwas_ssf", None, ("base_pair_location", "effect_allele", "other_allele"), {
            "chrom": ("chromosome",), "pos": ("base_pair_location",), "variant": ("variant_id", "rsid", "rs_id"),
            "effect_allele": ("effect_allele",), "other_allele": ("other_allele",), "eaf": ("effect_allele_frequency",),
            "n": ("n",), "beta": ("beta",), "se": ("standard_error",), "neglog10p": ("neg_log_10_p_value",), "p": ("p_value",),
        }, {"25": "MT"}),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A file of results: its format, its header, the character between cells, and lines before the header."""

    path: Path
    format: Format
    names: tuple[str, ...]
    separator: str
    skipped: int


def opened(path: Path, format_name: str = "auto") -> Table:
    """The format of a file, by its header if `auto`. Raises InputError for a file that cannot be read, or of another format."""
    skipped, header = _header(path)
    separator = "\t" if "\t" in header else " "
    names = tuple(header.split(separator))
    if format_name == "auto":
        known = [one for one in FORMATS.values() if set(one.marks) <= set(names)]
    else:
        known = [FORMATS[format_name]]
    fix = f"scan.files must name results of {first_few(FORMATS, 10)}; scan.format says which"
    if not known:
        raise InputError(f"the format is not recognised; columns: {first_few(names, 12)}", where=path, fix=fix)
    table = Table(path, known[-1] if "BP" in names else known[0], names, separator, skipped)
    own = table.format.header(list(names))
    absent = [table.format.columns[column][0] for column in NEEDED if column not in own]
    other = ("other_allele",) if "other_allele" in table.format.columns else ("ref", "alt")
    absent += [table.format.columns[column][0] for column in other if column not in own]
    if not any(column in own for column in P_VALUES):
        absent.append(" or ".join(name for column in P_VALUES for name in table.format.columns.get(column, ())))
    if absent:
        also = "; regenie: without --no-split" if table.format.name == "regenie" else ""
        problem = f"the table lacks column {first_few(absent)}, which {table.format.name} writes; it has {first_few(names, 15)}"
        raise InputError(problem, where=path, fix=f"write it with alleles, effects and errors{also}, or correct scan.format")
    return table


def _header(path: Path) -> tuple[int, str]:
    """Number of lines before the header (they begin with ##), and the header."""
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            for number, line in enumerate(lines):
                if not line.startswith("##"):
                    return number, line.rstrip("\r\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"the results cannot be read: {error}", where=path, fix="give text, plain or gzipped (.gz)") from None
    raise InputError("the file of results is empty", where=path, fix="run the program again, or correct scan.files")


def _metadata_path(path: Path) -> Path:
    """The YAML file that describes a GWAS-SSF table."""
    return path.with_name(f"{path.name}-meta.yaml")


def _metadata(path: Path) -> Mapping[str, Any]:
    """What the YAML file of a GWAS-SSF table states; empty without one. Raises InputError if it cannot be read."""
    metadata = _metadata_path(path)
    if not metadata.is_file():
        return {}
    try:
        content = yaml.safe_load(metadata.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = f"the metadata cannot be read: {str(error).splitlines()[0]}"
        raise InputError(problem, where=metadata, fix="correct the file, or remove it") from None
    return content if isinstance(content, Mapping) else {}


def refuse_other_build(path: Path, build: str) -> None:
    """Raises InputError if the YAML file of a GWAS-SSF table states another build."""
    stated = BUILDS.get(str(_metadata(path).get("genome_assembly", "")))
    if stated is not None and stated != build:
        fix = "lift the results over to the build of the genotypes, or correct scan.build"
        raise InputError(f"the positions are of {stated}, those of the study of {build}", where=_metadata_path(path), fix=fix)


def program_of(path: Path, format_name: str = "auto") -> str | None:
    """The program that made a file of results: by its format, or of GWAS-SSF by its YAML file; None if that does not say."""
    known = opened(path, format_name).format.program
    stated = _metadata(path).get("analysis_software") if known is None else known
    return str(stated) if stated else None


def read(table: Table, chrom: str) -> pl.DataFrame:
    """The additive tests of one chromosome, in the file's order, with COLUMNS. Alleles are in upper case.

    Rows of other tests are counted in the log. Raises InputError for a file that is damaged or incomplete, without any additive
    test, or with cells that are not numbers.
    """
    own = table.format.header(list(table.names))
    stretches = _stretches(table.path, table.format.name, *_stamp(table.path)).get(chrom, ())
    if len(stretches) > MAX_STRETCHES:
        every = _cells(table, list(own))
        frame = every.filter(pl.col("chrom").replace(_codes(table, every["chrom"])) == chrom)
    else:
        empty = pl.DataFrame(schema=dict.fromkeys(own, pl.String))
        frame = pl.concat([empty, *(_cells(table, list(own), stretch) for stretch in stretches)])
    if "test" in own:
        _count_other_tests(table, frame, chrom)
        frame = frame.filter(pl.col("test").is_in(ADDITIVE))
    return _numbers(table, _with_other_allele(frame.with_columns(chrom=pl.lit(chrom))))


MAX_STRETCHES = 20
"""A chromosome whose rows lie in more separate stretches of a file is filtered from the whole file."""


def _stamp(path: Path) -> tuple[int, int]:
    """Size and modification time of a file."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=4096)
def _stretches(path: Path, format_name: str, *_: int) -> Mapping[str, tuple[tuple[int, int], ...]]:
    """Chromosome -> first row and number of rows of each stretch of a file in which it lies.

    Found in one pass for all chromosomes, which are then read without the rest of the file; the pass also checks what concerns
    the whole file. The last arguments distinguish versions of the file. Raises InputError, as `read` says.
    """
    table = opened(path, format_name)
    has_test = "test" in table.format.header(list(table.names))
    frame = _cells(table, ["chrom", *(["test"] if has_test else []), LAST])
    _refuse_short_line(table, frame)
    if has_test:
        _refuse_tests(table, frame)
    chroms = frame["chrom"].replace(_codes(table, frame["chrom"]))
    runs = chroms.rle().struct.unnest().with_columns(start=pl.col("len").cum_sum() - pl.col("len")).drop_nulls("value")
    stretches: dict[str, list[tuple[int, int]]] = {}
    for length, name, start in runs.select("len", "value", "start").iter_rows():
        stretches.setdefault(str(name), []).append((int(start), int(length)))
    return {name: tuple(own) for name, own in stretches.items()}


def _codes(table: Table, chroms: pl.Series) -> dict[str, str]:
    """Name of a chromosome in the file -> the chromosome on which its variants are reported."""
    return {name: table.format.chromosome(name) for name in chroms.drop_nulls().unique()}


LAST = "last"
"""The last column of a file, whatever it holds: it is absent from lines that end too early."""


def _cells(table: Table, columns: Sequence[str], stretch: tuple[int, int] | None = None) -> pl.DataFrame:
    """Columns, by our names, of all rows or of a stretch (first row, number of rows), as text; null for missing values, but in
    LAST only where the line lacks it. Raises InputError if the file cannot be read."""
    own = {**table.format.header(list(table.names)), LAST: table.names[-1]}
    cells = [
        pl.col(own[column]).alias(LAST)
        if column == LAST
        else pl.when(~pl.col(own[column]).is_in(MISSING)).then(pl.col(own[column])).alias(column)
        for column in columns
    ]
    lines = pl.scan_csv(table.path, separator=table.separator, infer_schema=False, skip_rows=table.skipped)
    try:
        return (lines if stretch is None else lines.slice(*stretch)).select(cells).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        problem = f"the results cannot be read: {str(error).splitlines()[0][:200]}"
        raise InputError(problem, where=table.path, fix=INCOMPLETE) from None


def _refuse_short_line(table: Table, frame: pl.DataFrame) -> None:
    """Raises InputError if a line ends before its last cell: polars gives null for the cells that it lacks."""
    if frame[LAST].null_count() == 0:
        return
    with gzip.open(table.path, "rt") if table.path.suffix == ".gz" else table.path.open() as lines:
        for number, line in enumerate(lines, start=1):
            cells = line.rstrip("\r\n").count(table.separator) + 1
            if number > table.skipped and line.strip() and cells < len(table.names):
                problem = f"line {number} has {cells} cells, the header {len(table.names)}"
                raise InputError(problem, where=table.path, fix=INCOMPLETE)


def _refuse_tests(table: Table, frame: pl.DataFrame) -> None:
    """Raises InputError if no row of a file is of an additive test, or if one names no test."""
    nameless = frame.filter(pl.col("test").is_null() & pl.col("chrom").is_not_null()).height
    if nameless:
        raise InputError(f"{nameless} rows name no test (column TEST)", where=table.path, fix=INCOMPLETE)
    if frame.height and not frame["test"].is_in(ADDITIVE).any():
        problem = (
            f"no row is of an additive test (TEST is ADD); there are {first_few(sorted(frame['test'].drop_nulls().unique()))}"
        )
        raise InputError(problem, where=table.path, fix="run the program with its additive model, or correct scan.files")


def _count_other_tests(table: Table, here: pl.DataFrame, chrom: str) -> None:
    """Logs how many rows of a chromosome are of tests that are not additive."""
    counts = here.filter(~pl.col("test").is_in(ADDITIVE))["test"].value_counts(sort=True)
    if counts.height:
        shown = first_few(f"{count} of {test}" for test, count in counts.iter_rows())
        logger.info("scan %s: %s: %d rows of other tests than ADD are not read: %s",
                    chrom, table.path.name, counts["count"].sum(), shown)  # fmt: skip


def _with_other_allele(frame: pl.DataFrame) -> pl.DataFrame:
    """PLINK names REF and ALT; the other allele is the one that is not A1."""
    if "other_allele" in frame.columns:
        return frame
    other = pl.when(pl.col("effect_allele") == pl.col("alt")).then(pl.col("ref")).otherwise(pl.col("alt"))
    return frame.with_columns(other_allele=other)


def _numbers(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with numbers as numbers, and -log10 p from p where the file has no logarithm."""
    absent = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in COLUMNS.items() if name not in frame.columns]
    frame = frame.with_columns(*absent, *([] if "p" in frame.columns else [pl.lit(None, pl.String).alias("p")]))
    cast = [pl.col(name).cast(dtype, strict=False) for name, dtype in COLUMNS.items() if dtype == pl.Float64]
    whole = [pl.col(name).cast(pl.Float64, strict=False).cast(pl.Int64, strict=False) for name in ("pos", "n")]
    read_numbers = frame.with_columns(*cast, *whole)
    # A p-value of 1e-400 is 0 as a number, so its mantissa and exponent are read apart.
    parts = pl.col("p").str.extract_groups(r"^\s*([0-9.]+)(?:[eE]([-+]?[0-9]+))?\s*$")
    mantissa, exponent = parts.struct[0].cast(pl.Float64, strict=False), parts.struct[1].cast(pl.Float64, strict=False)
    unread = [frame[name].is_not_null() & read_numbers[name].is_null() for name in ("beta", "se", "neglog10p", "eaf")]
    unread += [read_numbers["pos"].is_null(), frame.select(pl.col("p").is_not_null() & mantissa.is_null()).to_series()]
    wrong = frame.filter(pl.any_horizontal(unread))
    if wrong.height:
        shown = first_few(wrong.select(pl.format("position {}", pl.col("pos").fill_null("?"))).to_series())
        problem = f"{wrong.height} rows with a cell that is not a number: {shown}"
        raise InputError(problem, where=table.path, fix=INCOMPLETE)
    from_p = -(mantissa.log10() + exponent.fill_null(0.0))
    rows = read_numbers.with_columns(
        neglog10p=pl.coalesce("neglog10p", from_p), effect_allele=pl.col("effect_allele").str.to_uppercase(),
        other_allele=pl.col("other_allele").str.to_uppercase(),
    ).with_columns(t=pl.col("beta") / pl.col("se"))  # fmt: skip
    strength = rows["neglog10p"].fill_null(np.inf).to_numpy()
    by_t = -(special.log_ndtr(-np.abs(rows["t"].fill_null(0.0).to_numpy())) + np.log(2)) / np.log(10)
    finite = np.where(np.isfinite(strength), strength, by_t)
    computed = pl.col("beta").is_not_null() & (pl.col("se") > 0)
    reason = pl.when(pl.col("code").is_null() | (pl.col("code") == ".")).then(pl.lit(NO_RESULT)).otherwise("code")
    rows = rows.with_columns(
        neglog10p=pl.Series(np.maximum(finite, 0.0)), chi2=pl.coalesce("chi2", pl.col("t") ** 2),
        code=pl.when(computed.fill_null(False)).then(None).otherwise(reason),
    )  # fmt: skip
    return rows.select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
