"""Input of PheWeb (Gagliano Taliun et al. 2020, Nat Genet 52:550): a table per trait, and the list of traits.

PheWeb expects `ref` to be the reference genome's allele, which PLINK files do not contain. Here `ref` is the other allele and
`alt` the effect allele, so that beta is of alt, as PheWeb expects; let PheWeb check the alleles itself. p is written from
-log10 p, so that it does not underflow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

CHROMOSOME_ORDER = {str(k): k for k in range(1, 23)} | {"X": 23, "Y": 24, "MT": 25}
NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_~-]")


def rows(tests: pl.DataFrame) -> pl.DataFrame:
    """Tests of one trait as PheWeb's table: chrom pos ref alt pval beta sebeta af num_samples, in PheWeb's order."""
    finite = pl.all_horizontal(pl.col("beta", "se", "neglog10p").is_finite().fill_null(False))
    ordered = tests.filter(finite).sort(
        pl.col("chrom").replace_strict(CHROMOSOME_ORDER, default=99), "pos", "other_allele", "effect_allele"
    )
    return ordered.select(
        "chrom", "pos", pl.col("other_allele").alias("ref"), pl.col("effect_allele").alias("alt"),
        pl.col("neglog10p").map_elements(p_as_text, return_dtype=pl.String).alias("pval"), "beta",
        pl.col("se").alias("sebeta"), pl.col("eaf").alias("af"), pl.col("n").alias("num_samples"),
    )  # fmt: skip


def p_as_text(neglog10p: float) -> str:
    """p with five digits, such as 3.1623e-401 for 400.5."""
    exponent = -int(neglog10p // 1)
    mantissa = 10 ** -(neglog10p + exponent)
    if mantissa < 1:
        mantissa, exponent = 10 * mantissa, exponent - 1
    digits = f"{mantissa:.4f}"
    if digits.startswith("10"):
        digits, exponent = "1.0000", exponent + 1
    return f"{digits}e{exponent:d}"


def phenotype_code(trait: str) -> str:
    """PheWeb's code of a trait, with the letters that it allows."""
    return NOT_ALLOWED.sub("_", trait)


def phenotype_list(files: Mapping[str, str], people: Mapping[str, int]) -> Sequence[Mapping[str, Any]]:
    """The entries of pheno-list.json. files: trait -> its file; people: trait -> number of participants tested."""
    return [
        {
            "assoc_files": [file], "phenocode": phenotype_code(trait), "phenostring": trait, "category": trait.split(".")[0],
            "num_samples": people[trait],
        }
        for trait, file in files.items()
    ]  # fmt: skip
