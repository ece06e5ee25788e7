"""The files that PLINK 2 reads and writes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import ToolError, first_few
from ecgwas.genotypes.chromosome_codes import PAR_CODES
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.scan.engine.samples import Cohort

MISSING = "-99999"
"""Missing code that no trait takes as a value. PLINK's default, -9, is a possible value."""

PASSING = ("Hostname:", "Working directory:", "Start time:", "End time:", "Random number seed:", "Using ", "Logging to ")
"""Prefixes of lines of PLINK's log that differ between two identical runs."""

NAMES = {
    "ID": "variant_id", "POS": "pos", "REF": "other_allele", "ALT": "effect_allele", "A1": "counted", "A1_FREQ": "eaf",
    "OBS_CT": "n", "BETA": "beta", "SE": "se", "T_STAT": "t", "LOG10_P": "neglog10p", "NEG_LOG10_P": "neglog10p",
    "ERRCODE": "code",
}  # fmt: skip
"""PLINK's columns; -log10 p is LOG10_P in 2.00a3 and NEG_LOG10_P in newer builds."""

SAMPLE, VARIANTS, PLACES = "people.sample", "variants.txt", "places.txt"

EXTRACT = [
    "--set-missing-var-ids", "@:#:$r:$a", "--new-id-max-allele-len", "10000", "--extract", VARIANTS,
    "--extract-intersect", "bed1", PLACES, "--force-intersect",
]  # fmt: skip
"""Selects by name and by position, because names may repeat. Variants without a name are named as in variant_lists.py."""

KEY = ["variant_id", "pos", "other_allele", "effect_allele"]


def safe(name: str) -> str:
    """The name with every other character than letters, digits, dot, dash and underscore replaced by an underscore."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def labels(names: Sequence[str]) -> list[str]:
    """PLINK's names of the traits of one lead: the feature's name, with a number where two would be the same."""
    plain = [safe(name.rsplit(".", 1)[-1]) for name in names]
    return [label if plain.count(label) == 1 else f"{label}_{i + 1}" for i, label in enumerate(plain)]


def write_people(folder: Path, genotypes: Genotypes, cohort: Cohort) -> list[str]:
    """Writes people.txt and returns `family id<tab>eid` of the cohort's participants."""
    ids = [f"{genotypes.samples.families[row]}\t{genotypes.eids[row]}" for row in cohort.fam_index]
    (folder / "people.txt").write_text("".join(f"{one}\n" for one in ids))
    return ids


def write_variants(folder: Path, genotypes: Genotypes) -> None:
    """Writes names to variants.txt and positions to places.txt.

    Generated names of X are also listed as PLINK generates them from the codes of the pseudoautosomal regions.
    """
    names = [str(name) for name in genotypes.variants]
    codes = PAR_CODES if genotypes.is_diploid else ()
    names += [f"{code}{name[1:]}" for name in names if name.startswith("X:") for code in codes]
    (folder / VARIANTS).write_text("".join(f"{name}\n" for name in names))
    places = [f"{code}\t{pos}\t{pos}\n" for code in (genotypes.chrom, *codes) for pos in np.unique(genotypes.positions)]
    (folder / PLACES).write_text("".join(places))


def write_sample(folder: Path, genotypes: Genotypes) -> None:
    """Writes people.sample: the samples of a .bgen in the order of the .bgen, which that of its .sample may not be."""
    listed = genotypes.samples
    lines = [f"{family} {eid} 0 {sex}\n" for family, eid, sex in zip(listed.families, listed.eids, listed.sexes, strict=True)]
    (folder / SAMPLE).write_text("ID_1 ID_2 missing sex\n0 0 0 D\n" + "".join(lines))


def write_covariates(folder: Path, ids: Sequence[str], cohort: Cohort) -> None:
    """Writes covariates.tsv, in the covariates' own units."""
    _write(folder / "covariates.tsv", ids, [f"c{i + 1}" for i in range(cohort.covariates.shape[1])], cohort.covariates)


def write_traits(folder: Path, ids: Sequence[str], names: Sequence[str], values: NDArray[np.float64]) -> None:
    """Writes traits.tsv; missing values are NA."""
    _write(folder / "traits.tsv", ids, names, values)


def _write(path: Path, ids: Sequence[str], names: Sequence[str], values: NDArray[np.float64]) -> None:
    with path.open("w") as file:
        file.write("\t".join(["#FID", "IID", *names]) + "\n")
        for one, row in zip(ids, values, strict=True):
            file.write("\t".join([one, *("NA" if np.isnan(value) else repr(float(value)) for value in row)]) + "\n")


def read(path: Path, genotypes: Genotypes, *, listed: bool = False) -> pl.DataFrame:
    """Reads one .glm.linear: variant (index on the chromosome), eaf, n, beta, se, t, neglog10p, code; NA becomes null.

    listed: `genotypes` are the variants of a list. PLINK also tests variants that share name and position with a listed one but
    have other alleles; these are ignored. Raises ToolError if a column is missing or another variant is not in `genotypes`.
    """
    if not path.exists():
        fix = "see plink2.log in the same folder; the trait may be constant or have too few people"
        raise ToolError(f"PLINK 2 wrote no {path.name}", where=path.parent, fix=fix)
    frame = pl.read_csv(path, separator="\t", infer_schema=False, null_values=["NA", "nan"])
    frame = frame.rename({name: column for name, column in NAMES.items() if name in frame.columns})
    absent = sorted(set(NAMES.values()) - set(frame.columns))
    if absent:
        fix = "use a PLINK 2 build of 2.00a3 or later"
        raise ToolError(f"PLINK 2 wrote no column for {first_few(absent)}", where=path, fix=fix)
    if not (frame["counted"] == frame["effect_allele"]).all():
        raise ToolError("PLINK 2 counted the other allele", where=path, fix="use a PLINK 2 build that knows --glm omit-ref")
    numbers = pl.col("eaf", "beta", "se", "t", "neglog10p").cast(pl.Float64)
    frame = frame.with_columns(pl.col("pos", "n").cast(pl.Int64), numbers)
    joined = _numbered(frame).join(_variants(genotypes), on=[*KEY, "copy"], how="left", maintain_order="left")
    if listed:
        joined = joined.filter(pl.col("variant").is_not_null() | ~pl.col("pos").is_in(np.unique(genotypes.positions)))
    unknown = joined.filter(pl.col("variant").is_null())["variant_id"]
    if len(unknown):
        fix = "the .bim has changed since the stage began; run it again"
        raise ToolError(f"PLINK 2 tested variants that are not in the .bim: {first_few(unknown)}", where=path, fix=fix)
    return joined.select("variant", "eaf", "n", "beta", "se", "t", "neglog10p", "code")


def _variants(genotypes: Genotypes) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "variant_id": pl.Series(genotypes.variants, dtype=pl.String), "pos": genotypes.positions,
            "other_allele": pl.Series(genotypes.other_alleles, dtype=pl.String),
            "effect_allele": pl.Series(genotypes.effect_alleles, dtype=pl.String),
            "variant": np.arange(len(genotypes), dtype=np.int64),
        }
    )  # fmt: skip
    return _numbered(frame)


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers lines with equal KEY in their order. Names that consist of position and alleles count as missing."""
    place_and_alleles = pl.concat_str(pl.lit(""), "pos", "other_allele", "effect_allele", separator=":")
    named = pl.when(pl.col("variant_id").str.ends_with(place_and_alleles)).then(pl.lit(".")).otherwise(pl.col("variant_id"))
    frame = frame.with_columns(variant_id=named)
    return frame.with_columns(copy=pl.int_range(pl.len()).over(KEY))


def lasting(log: str) -> str:
    """PLINK's log without the lines that differ between two identical runs: times, host, memory."""
    kept = [line for line in log.splitlines() if not line.startswith(PASSING) and " RAM detected" not in line]
    return "\n".join(kept).strip() + "\n"


def complaint(output: str) -> str:
    """PLINK's error message, extracted from its output."""
    lines = output.splitlines()
    first = next((i for i, line in enumerate(lines) if line.strip().startswith("Error")), None)
    if first is None:
        return " ".join(output.split())[-300:] or "it said nothing"
    rest = [line.strip() for line in lines[first : first + 4] if line.strip() and not line.startswith("End time")]
    return " ".join(rest)
