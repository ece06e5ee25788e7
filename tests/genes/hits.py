"""Hit variants and loci for tests of sources."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ecgwas.genes.web.contract import Build, Variants
from ecgwas.tables import VARIANT_KEY, Loci

PLACES = {
    "rs12143842": ("1", 162033890),
    "rs6801957": ("3", 38767315),
    "rs2074238:C:T": ("11", 2484803),
    "3:38600000_A_G": ("3", 38600000),
}
"""hg19; one id with alleles behind its rs number, one without an rs number."""


def make_variants(names: Sequence[str] = tuple(PLACES), build: Build = "hg19") -> Variants:
    return variants_of([(name, *PLACES[name], "A", "G") for name in names], build)


def variants_of(rows: Sequence[tuple[str, str, int, str, str]], build: Build | None = None) -> Variants:
    """Of (variant, chrom, pos, effect allele, other allele)."""
    return Variants(pl.DataFrame(rows, schema=["variant", *VARIANT_KEY], orient="row"), build)


def make_loci() -> Loci:
    """One locus: 3:38.5-38.8 Mb."""
    return Loci.of(
        [
            {
                "locus": 1, "lead_variant": "rs6801957", "chrom": "3", "pos": 38767315, "start": 38500000, "stop": 38800000,
                "effect_allele": "T", "other_allele": "C", "eaf": 0.4, "best_trait": "clinical.12L.pr_ms",
                "neglog10p": 12.0, "traits": 1,
                "variants": 2,
            }
        ]
    )  # fmt: skip
