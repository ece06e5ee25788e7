"""The STREGA checklist, completed as far as a study's settings and results allow.

STREGA: Little et al. 2009, PLoS Medicine 6:e22 (STROBE's 22 items with what genetic association studies add).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ecgwas.report.contents import Cohort, LociResults, ReportContents, ScanResults
from ecgwas.report.text import labels
from ecgwas.report.text.methods import covariate_names
from ecgwas.tables import Summary, files
from ecgwas.tables.files import ResultFile


def items(contents: ReportContents) -> pl.DataFrame:
    """Columns item, what, here; `here` is null where only the authors can say."""
    rows = [*_design(contents), *_methods(contents), *_results(contents.scan, contents.loci), *_discussion()]
    return pl.DataFrame(rows, schema={"item": pl.String, "what": pl.String, "here": pl.String}, orient="row")


Rows = list[tuple[str, str, str | None]]


def _design(contents: ReportContents) -> Rows:
    traits, tested = f"{len(contents.scan.trait_names):,} traits", contents.cohort.tested
    what = "features" if contents.cohort.in_tables else "recording"
    representations = "; ".join(f"{one.name} ({labels.words(one.kind)})" for one in contents.representations)
    return [
        ("1", "title and abstract: the study's design", "genome-wide association study of the electrocardiogram"),
        ("2", "background and rationale; first report or replication", None),
        ("3", "objectives, hypotheses", None),
        ("4", "study design", "association of all traits with all variants"),
        ("5", "setting, locations, dates", None),
        ("6", "participants: eligibility, sources, selection",
         f"{tested:,} participants with {what}, genotypes and covariates; reasons: see Participants"),
        ("7a", "variables: outcomes, covariates", f"{traits} of {representations}{_covariates(contents.cohort.covariates)}"),
        ("7b", "genetic variants by a widely used naming",
         f"identifiers of the genotype files, positions 1-based, build {contents.run.settings['scan']['build']}"),
        ("8a", "sources and measurement of data", _sources(contents.cohort)),
        ("8b", "laboratory methods: genotyping platform, call rate, where genotyped", _genotyping(contents.tables)),
    ]  # fmt: skip


def _sources(cohort: Cohort) -> str:
    recordings = [] if cohort.recordings is None else ["recordings as files of the device; see Methods"]
    tables = [f"feature table {name}, made elsewhere: for the authors to state" for name in cohort.in_tables]
    return "; ".join([*recordings, *tables])


def _covariates(names: Sequence[str]) -> str:
    return f"; covariates {', '.join(covariate_names(names))}" if names else "; no covariates"


def _genotyping(tables: Mapping[ResultFile, pl.DataFrame]) -> str:
    judged = _guard(tables.get(files.SCAN_GUARDS), "variant_call_rate", None)
    return f"platform: for the authors to state{f'; variants: {judged}' if judged else ''}"


def _methods(contents: ReportContents) -> Rows:
    run, sample_guards = contents.run, contents.tables.get(files.SAMPLE_GUARDS)
    scan, traits = run.settings["scan"], run.settings["traits"]
    excluded = contents.scan.excluded_variants.iter_rows()
    counts = "; ".join(f"{labels.words(reason)}: {count:,}" for reason, count in excluded) or "none"
    permutations = len(contents.scan.permutation_max)
    missing = "mean" if scan.get("relatives", "drop") != "drop" else scan.get("missing", "exact")
    return [
        ("9", "bias", f"strongest tests of {permutations:,} permutations under Calibration" if permutations else None),
        ("10", "study size", _power(contents.loci, contents.cohort.tested)),
        ("11", "handling of quantitative variables", f"transformation: {labels.words(str(traits['transform']))}"),
        ("12a", "statistical methods, software and its version",
         f"engine {scan['kind']}, ecgwas {run.versions.get('ecgwas', '')}; see Versions"),
        ("12d", "missing data",
         f"missing genotypes: {missing}; missing traits: participant excluded from the trait"),
        ("12f", "Hardy-Weinberg equilibrium", f"variants below p {scan['min_hwe_p']:g} excluded; all exclusions: {counts}"),
        ("12g", "inferring genotypes or haplotypes (imputation)", None),
        ("12h", "population stratification", _guard(sample_guards, "ancestry", _inflation(contents.scan.summary))),
        ("12i", "multiple comparisons", _threshold(contents.loci, contents.threshold_caveat)),
        ("12j", "relatedness", _guard(sample_guards, "kinship", None)),
    ]  # fmt: skip


def _threshold(loci: LociResults, warning: str | None) -> str:
    threshold = f"{labels.words(loci.threshold['kind'])}: {loci.threshold['note']}"
    return threshold if warning is None else f"{threshold}; {warning}"


def _power(loci: LociResults, people: int) -> str | None:
    rows = loci.power.filter(pl.col("kind") == loci.threshold["kind"])
    share: Any = rows["share_at_power_80"][0] if rows.height else None
    if share is None:
        return None
    return f"{people:,} participants; 80 % power for a variant that explains {share:.2%} of a trait's variance"


def _guard(guards: pl.DataFrame | None, name: str, more: str | None) -> str | None:
    """What the guard of that name found, and what else is known."""
    rows = [] if guards is None else guards.filter(pl.col("guard") == name).to_dicts()
    words = labels.words(name)
    statuses = [f"{row['status']}: {row.get('note') or words}; excluded {row.get('left_out') or 0}" for row in rows]
    return "; ".join([*statuses, *([more] if more else [])]) or None


def _inflation(summary: Summary) -> str | None:
    values = np.array(summary.frame["lambda_gc"].drop_nulls().to_list())
    if len(values) == 0:
        return None
    return f"genomic inflation λ: median {np.median(values):.3f}, largest {values.max():.3f} over {len(values)} traits"


def _results(scan: ScanResults, results: LociResults) -> Rows:
    traits = f"{len(scan.trait_names):,} traits"
    counts = f"{len(results.loci)} loci, {len(results.hits):,} significant variant–trait pairs"
    return [
        ("13", "participants: numbers at each stage, reasons", "under Participants"),
        ("14", "descriptive data of participants", None),
        ("15", "outcome data", f"{traits}; each has a page with its participants and λ"),
        ("16", "main results", f"{counts} at −log10 p {results.min_neglog10p:.2f}"),
        ("17", "other analyses; how many variants were tested", f"{scan.variants_tested:,} variants by {traits}"),
    ]


def _discussion() -> Rows:
    return [
        ("18", "key results", None), ("19", "limitations", None), ("20", "interpretation", None),
        ("21", "generalisability", None), ("22", "funding", None),
    ]  # fmt: skip
