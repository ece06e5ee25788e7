"""GWAS-SSF 1.0, the format of summary statistics of the GWAS Catalog (Hayhurst et al. 2022, bioRxiv 2022.07.15.500230).

A tab-separated table whose first eight columns have a fixed order, and a YAML file that describes it. `check` tests both
against the rules; the tests compare it with the Catalog's own validator (gwas-sumstats-tools). The effect allele is the one
that beta counts. p is written as -log10 p, which does not underflow.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from ecgwas.tables import VARIANT_KEY

CHROMOSOME_NUMBERS = {"X": 23, "Y": 24, "MT": 25}
MISSING = "#NA"
FIRST_COLUMNS = (
    "chromosome", "base_pair_location", "effect_allele", "other_allele", "beta", "standard_error", "effect_allele_frequency",
    "neg_log_10_p_value",
)  # fmt: skip
ALLELE = re.compile(r"[ACGTacgt]+")
RS_NUMBER = re.compile(r"rs[0-9]+")
ASSEMBLIES = {"hg19": "GRCh37", "hg38": "GRCh38"}
FILE_TYPE = "GWAS-SSF v1.0"
MIN_ROWS = 100_000
AUTOSOMES = tuple(range(1, 23))
MAX_PROBLEMS = 20
"""A wrong file may be wrong on every line: checking stops after so many problems."""


@dataclass(frozen=True)
class Rows:
    """The table, and the variants that the format excludes: columns variant, VARIANT_KEY, reason."""

    frame: pl.DataFrame
    excluded: pl.DataFrame


@dataclass(frozen=True)
class CheckResult:
    """Result of a check: number of rows; problems with the format; what the Catalog also requires of a submission."""

    rows: int
    problems: tuple[str, ...]
    cautions: tuple[str, ...]


def rows(tests: pl.DataFrame) -> Rows:
    """Tests of one trait as the format's table, by chromosome and position.

    tests: columns of ecgwas.tables.Associations. Variants whose alleles are not spelled in bases, or without a finite beta,
    standard error, frequency and p, are excluded.
    """
    alleles = [pl.col(name).str.contains(f"^{ALLELE.pattern}$") for name in ("effect_allele", "other_allele")]
    finite = pl.all_horizontal(pl.col("beta", "se", "neglog10p", "eaf").is_finite().fill_null(False))
    reason = (
        pl.when(~pl.all_horizontal(alleles))
        .then(pl.lit("alleles are not spelled in bases"))
        .when(~finite)
        .then(pl.lit("no finite effect, standard error, frequency or p"))
    )
    judged = tests.with_columns(reason=reason)
    kept = judged.filter(pl.col("reason").is_null()).with_columns(
        chromosome=pl.col("chrom").replace(CHROMOSOME_NUMBERS).cast(pl.Int64),
        rsid=pl.col("variant").str.extract(r"^(rs[0-9]+)(?:[^0-9A-Za-z]|$)"),
    )
    frame = kept.sort("chromosome", "pos", "effect_allele", "other_allele").select(
        "chromosome", pl.col("pos").alias("base_pair_location"), "effect_allele", "other_allele", "beta",
        pl.col("se").alias("standard_error"), pl.col("eaf").alias("effect_allele_frequency"),
        pl.col("neglog10p").alias("neg_log_10_p_value"), "rsid", "n",
    )  # fmt: skip
    return Rows(frame, judged.filter(pl.col("reason").is_not_null()).select("variant", *VARIANT_KEY, "reason"))


def as_text(frame: pl.DataFrame) -> str:
    """The content of the file."""
    return frame.write_csv(separator="\t", null_value=MISSING)


def metadata(
    trait: str,
    frame: pl.DataFrame,
    file: Path,
    *,
    build: str,
    covariates: Sequence[str],
    min_maf: float,
    written_by: str,
    date: str,
    transform: str,
    effect_unit: str,
    untransformed_unit: str | None = None,
    is_imported: bool = False,
    tested_by: str = "",
) -> dict[str, Any]:
    """The content of the YAML file of `file`. Ancestry and sex are not known here: NR, for the user to fill in.

    written_by: ecgwas and its version, which also tested, unless the results were imported; tested_by: the program that made
    imported results, empty if they do not say; date: day of writing, such as 2026-11-25; transform: traits.transform of the
    study; effect_unit: unit of beta; untransformed_unit: of the trait's values before their transformation, None: they have
    none. The format has no key for the last three: they are in the notes in words, and under additional keys, which its
    validator ignores.
    """
    how = {"rank_normal": "rank-based inverse normal transformation, residuals ranked again", "none": "no transformation"}
    notes = "association of an electrocardiographic feature; ancestry, sex and ontology terms to be filled in"
    unit = "" if untransformed_unit is None else f"; unit of the trait before it: {untransformed_unit}"
    software = tested_by if is_imported else written_by
    return {
        "author_notes": f"{notes}; trait: {how.get(transform, transform)}{unit}; beta: {effect_unit}"
        + (_imported_note(tested_by, written_by) if is_imported else ""),
        "transformation": transform,
        "effect_unit": effect_unit,
        **({} if untransformed_unit is None else {"untransformed_unit": untransformed_unit}),
        "date_metadata_last_modified": date,
        "trait_description": [trait],
        "genome_assembly": ASSEMBLIES[build],
        "coordinate_system": "1-based",
        "samples": [{"sample_ancestry_category": ["NR"], "sample_size": int(frame["n"].max() or 0)}],  # type: ignore[arg-type]
        "sex": "NR",
        "data_file_name": file.name,
        "file_type": FILE_TYPE,
        "data_file_md5sum": hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest(),
        **({"analysis_software": software} if software else {}),
        "adjusted_covariates": list(covariates),
        "minor_allele_freq_lower_limit": min_maf,
        "is_harmonised": False,
        "is_sorted": True,
    }


def _imported_note(tested_by: str, written_by: str) -> str:
    """Which program tested, and what ecgwas did with its results."""
    program = f"{tested_by}, as the imported files say" if tested_by else "a program that the imported files do not name"
    return (
        f"; tested by {program}; imported, matched to the genotypes, filtered and written by {written_by}; covariates and "
        "transformation are those of the study that imported the results"
    )


def metadata_path(file: Path) -> Path:
    """Path of the YAML file of a table."""
    return file.with_name(f"{file.name}-meta.yaml")


def check(file: Path) -> CheckResult:
    """Checks table and YAML against the format, line by line. Never raises for their content."""
    problems, cautions = _check_metadata(file)
    chromosomes: set[int] = set()
    count, last = 0, (0, 0)
    try:
        with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
            header = next(lines, "").rstrip("\n").split("\t")
            header_problems = _check_header(header)
            if header_problems:
                return CheckResult(0, (*problems, *header_problems), tuple(cautions))
            for count, line in enumerate(lines, start=1):
                cells = line.rstrip("\n").split("\t")
                wrong = _check_row(header, cells)
                problems += [f"line {count + 1}: {words}" for words in wrong]
                if not wrong:
                    place = (int(cells[0]), int(cells[1]))
                    if place < last:
                        problems.append(f"line {count + 1}: not in order of chromosome and position")
                    chromosomes.add(place[0])
                    last = place
                if len(problems) >= MAX_PROBLEMS:
                    return CheckResult(count, (*problems, "and perhaps more"), tuple(cautions))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        problems.append(f"the table cannot be read to its end: {error}")
    return CheckResult(count, tuple(problems), (*cautions, *_cautions(count, chromosomes)))


def _check_header(header: Sequence[str]) -> list[str]:
    wrong = [
        f"column {k + 1} is {name!r}"
        for k, (name, expected) in enumerate(zip(header, FIRST_COLUMNS, strict=False))
        if name != expected
    ]
    if wrong or len(header) < len(FIRST_COLUMNS):
        return [f"the first columns must be {', '.join(FIRST_COLUMNS)}", *wrong]
    return []


def _check_row(header: Sequence[str], cells: Sequence[str]) -> list[str]:
    if len(cells) != len(header):
        return [f"{len(cells)} columns, the header has {len(header)}"]
    chromosome, position, effect, other, beta, error, frequency, neglog10p = cells[:8]
    tests = {
        f"chromosome {chromosome!r} is not 1-25": chromosome.isdigit() and 1 <= int(chromosome) <= 25,
        f"position {position!r} is not a whole number": position.isdigit(),
        f"allele {effect!r} is not spelled in bases": ALLELE.fullmatch(effect) is not None,
        f"allele {other!r} is not spelled in bases": ALLELE.fullmatch(other) is not None,
        f"beta {beta!r} is not a number": _within(beta, -math.inf, math.inf),
        f"standard error {error!r} is not a number of at least 0": _within(error, 0, math.inf),
        f"frequency {frequency!r} is not within 0-1": _within(frequency, 0, 1),
        f"-log10 p {neglog10p!r} is not a number of at least 0": _within(neglog10p, 0, math.inf),
    }
    named = dict(zip(header[8:], cells[8:], strict=True))
    rsid, people = named.get("rsid", MISSING), named.get("n", MISSING)
    tests[f"rsid {rsid!r} is not an rs number"] = rsid in (MISSING, "NA") or RS_NUMBER.fullmatch(rsid) is not None
    tests[f"n {people!r} is not a whole number"] = people in (MISSING, "NA") or people.isdigit()
    return [words for words, good in tests.items() if not good]


def _within(text: str, low: float, high: float) -> bool:
    try:
        return low <= float(text) <= high and math.isfinite(float(text))
    except ValueError:
        return False


def _check_metadata(file: Path) -> tuple[list[str], list[str]]:
    path = metadata_path(file)
    try:
        content = yaml.safe_load(path.read_text())
        digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return [f"table and {path.name} cannot both be read: {error}"], []
    if not isinstance(content, Mapping):
        return [f"{path.name} has no keys"], []
    expected = {"data_file_name": file.name, "file_type": FILE_TYPE, "data_file_md5sum": digest}
    problems = [f"{key} is {content.get(key)!r}, not {value!r}" for key, value in expected.items() if content.get(key) != value]
    if content.get("genome_assembly") not in ASSEMBLIES.values():
        problems.append(f"genome_assembly is {content.get('genome_assembly')!r}, not {' or '.join(ASSEMBLIES.values())}")
    unknown = ["sex is not stated"] if content.get("sex") in (None, "NR") else []
    return problems, unknown


def _cautions(count: int, chromosomes: set[int]) -> list[str]:
    words = [] if count >= MIN_ROWS else [f"{count} rows; the Catalog asks for {MIN_ROWS} or more"]
    absent = [str(chromosome) for chromosome in AUTOSOMES if chromosome not in chromosomes]
    return words + ([f"no row of chromosome {', '.join(absent)}; the Catalog asks for all autosomes"] if absent else [])
