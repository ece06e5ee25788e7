"""The mean beats by genotype of any variant, as the report computes those of lead variants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from ecgwas import report
from ecgwas.errors import InputError, first_few
from ecgwas.genotypes import chromosomes, variant_choice
from ecgwas.loci.individual_data import variant_keys
from ecgwas.stages import read, scan
from ecgwas.stages.report import lead_variants
from ecgwas.study import Study
from ecgwas.tables import files


def mean_beats(study: Study, variant: str) -> report.GenotypeBeats:
    """Mean median beats of the participants tested, by copies of the variant's effect allele.

    variant: name or chrom:pos:ref:alt. Raises InputError if no variant or several have it, and if fewer than three participants
    have both a call and median beats, or all of them the same genotype.
    """
    row = _row_of(study, variant)
    signals = read.load_signals(study)
    chosen = report.without_missing_beats(signals, lead_variants(study, signals, row))
    called = chosen[0].dosage[np.isfinite(chosen[0].dosage)]
    if len(called) < 3 or called.min() == called.max():
        problem = f"{variant} does not vary among the {len(called)} participants tested with a call and a median beat"
        raise InputError(problem, where=study.scan.genotypes, fix="choose a variant that passes the study's filters")
    return report.genotype_beats(signals, chosen)[0]


def _row_of(study: Study, name: str) -> pl.DataFrame:
    """One row with columns of Loci: the variant as the lead of locus 0."""
    listed = variant_choice.VariantList(Path(name), {name: 1}, variant_choice.parsed([name]))
    matches = [rows for part in _chromosomes(study, listed, name) if (rows := _matches(study, listed, part)).height]
    rows = pl.concat(matches) if matches else pl.DataFrame()
    if rows.height == 1:
        return rows
    if rows.height == 0:
        fix = "give its name in the genotype files, or chrom:pos:ref:alt in their genome build"
        raise InputError(f"no variant is named {name}", where=study.scan.genotypes, fix=fix)
    places = first_few(rows.select(pl.concat_str("chrom", "pos", "other_allele", "effect_allele", separator=":")).to_series())
    raise InputError(f"{rows.height} variants are named {name}", where=study.scan.genotypes, fix=f"give one of {places}")


def _chromosomes(study: Study, listed: variant_choice.VariantList, name: str) -> list[str]:
    """Where the variant can be: on its chromosome if the name or a hit says which, else on any."""
    parts = list(scan.STAGE.parts(study))
    of_name = listed.frame["chrom"].drop_nulls().to_list()
    hits = files.HITS.read(study.results).frame if files.HITS.exists(study.results) else None
    of_hits = [] if hits is None else hits.filter(pl.col("variant") == name)["chrom"].unique().to_list()
    return [part for part in parts if part in {*of_name, *of_hits}] or parts


def _matches(study: Study, listed: variant_choice.VariantList, part: str) -> pl.DataFrame:
    """The variants of a chromosome that the name means, as rows of Loci."""
    keys = variant_keys(chromosomes.open_chromosome(study.scan, part)).with_row_index("row")
    chosen = keys[variant_choice.matches(listed, keys)["row"].unique().to_list()]
    return chosen.select(
        pl.lit(0).alias("locus"), pl.col("variant").alias("lead_variant"), "chrom", "pos", "effect_allele", "other_allele"
    )
