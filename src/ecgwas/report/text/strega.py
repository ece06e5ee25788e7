"""The STREGA checklist, filled as far as a study's settings and results tell.

STREGA: Little et al. 2009, PLoS Medicine 6:e22 (STROBE's 22 items with what genetic association studies add).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ecgwas.report.contents import ReportContents
from ecgwas.report.text.methods import covariate_names

CAPTION = "STREGA checklist (Little et al. 2009), as far as the study's files tell; – is for the authors"
SPELLING = {"item": ("item", ""), "what": ("what to report", ""), "here": ("this study", "")}


def items(contents: ReportContents) -> pl.DataFrame:
    """Columns item, what, here; `here` is null where only the authors can say."""
    rows = [*_design(contents), *_methods(contents), *_results(contents), *_discussion()]
    return pl.DataFrame(rows, schema={"item": pl.String, "what": pl.String, "here": pl.String}, orient="row")


Rows = list[tuple[str, str, str | None]]


def _people(contents: ReportContents) -> int:
    return contents.people.frame.filter(pl.col("status") == "kept").height


def _design(contents: ReportContents) -> Rows:
    representations = "; ".join(f"{one.name} ({one.kind.replace('_', ' ')})" for one in contents.representations)
    return [
        ("1", "title and abstract: the study's design", "genome-wide association study of the electrocardiogram"),
        ("2", "background and rationale; first report or replication", None),
        ("3", "objectives, hypotheses", None),
        ("4", "study design", "association of all traits with all variants"),
        ("5", "setting, locations, dates", None),
        ("6", "participants: eligibility, sources, selection",
         f"{_people(contents):,} people with recording, genotypes and covariates; reasons: Who is in the study"),
        ("7a", "variables: outcomes, covariates", f"{_traits(contents)} of {representations}{_covariates(contents)}"),
        ("7b", "genetic variants by a widely used naming",
         f"identifiers of the genotype files, positions 1-based, build {contents.settings['scan']['build']}"),
        ("8a", "sources and measurement of data", "recordings as files of the device; see Methods"),
        ("8b", "laboratory methods: genotyping platform, call rate, where genotyped", _genotyping(contents)),
    ]  # fmt: skip


def _traits(contents: ReportContents) -> str:
    return f"{len(contents.trait_names):,} traits"


def _covariates(contents: ReportContents) -> str:
    return f"; covariates {', '.join(covariate_names(contents.covariates))}" if contents.covariates else "; no covariates"


def _genotyping(contents: ReportContents) -> str:
    judged = _guard(contents, "variant_call_rate", None, stage="loci")
    return f"platform: for the authors to state{f'; variants: {judged}' if judged else ''}"


def _methods(contents: ReportContents) -> Rows:
    scan, traits = contents.settings["scan"], contents.settings["traits"]
    counts = "; ".join(f"{reason}: {count:,}" for reason, count in contents.left_out.iter_rows()) or "none"
    shuffles = len(contents.permutation_max)
    return [
        ("9", "bias", f"strongest tests of {shuffles:,} shuffled studies under Calibration" if shuffles else None),
        ("10", "study size", _power(contents)),
        ("11", "handling of quantitative variables", f"transformation: {str(traits['transform']).replace('_', ' ')}"),
        ("12a", "statistical methods, software and its version",
         f"engine {scan['kind']}, ecgwas {contents.versions.get('ecgwas', '')}; see Versions"),
        ("12d", "missing data",
         f"missing genotypes: {scan.get('missing', 'exact')}; missing traits: person left out of the trait"),
        ("12f", "Hardy-Weinberg equilibrium", f"variants below p {scan['min_hwe_p']:g} left out; in all: {counts}"),
        ("12g", "inferring genotypes or haplotypes (imputation)", None),
        ("12h", "population stratification", _guard(contents, "ancestry", _inflation(contents))),
        ("12i", "multiple comparisons", _threshold(contents)),
        ("12j", "relatedness", _guard(contents, "kinship", None)),
    ]  # fmt: skip


def _threshold(contents: ReportContents) -> str:
    said = f"{contents.threshold['kind'].replace('_', ' ')}: {contents.threshold['note']}"
    return said if contents.threshold_caveat is None else f"{said}; {contents.threshold_caveat}"


def _power(contents: ReportContents) -> str | None:
    rows = contents.power.filter(pl.col("kind") == contents.threshold["kind"])
    share: Any = rows["share_at_power_80"][0] if rows.height else None
    if share is None:
        return None
    return f"{_people(contents):,} people; 80 % power for a variant that explains {share:.2%} of a trait's variance"


def _guard(contents: ReportContents, name: str, more: str | None, *, stage: str = "traits") -> str | None:
    """What the guard of that name saw, and what else is known."""
    table = contents.more.get(f"{stage}/guards")
    rows = [] if table is None else table.filter(pl.col("guard") == name).to_dicts()
    said = [f"{row['status']}: {row.get('note') or name}; left out {row.get('left_out') or 0}" for row in rows]
    return "; ".join([*said, *([more] if more else [])]) or None


def _inflation(contents: ReportContents) -> str | None:
    values = np.array(contents.summary.frame["lambda_gc"].drop_nulls().to_list())
    if len(values) == 0:
        return None
    return f"genomic inflation λ: median {np.median(values):.3f}, largest {values.max():.3f} over {len(values)} traits"


def _results(contents: ReportContents) -> Rows:
    tests = max(contents.summary.frame["tests"].to_list(), default=0)
    found = f"{len(contents.loci)} loci, {len(contents.hits):,} significant variant–trait pairs"
    return [
        ("13", "participants: numbers at each stage, reasons", "under Who is in the study"),
        ("14", "descriptive data of participants", None),
        ("15", "outcome data", f"{len(contents.trait_names):,} traits; each has a page with its people and λ"),
        ("16", "main results", f"{found} at −log10 p {contents.threshold['neglog10p']:.2f}"),
        ("17", "other analyses; how many variants were tested", f"{tests:,} variants by {len(contents.trait_names):,} traits"),
    ]


def _discussion() -> Rows:
    return [
        ("18", "key results", None), ("19", "limitations", None), ("20", "interpretation", None),
        ("21", "generalisability", None), ("22", "funding", None),
    ]  # fmt: skip
