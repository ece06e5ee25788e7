"""The STREGA checklist, filled as far as a study's settings and results tell.

STREGA: Little et al. 2009, PLoS Medicine 6:e22 (STROBE's 22 items with what genetic association studies add).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ecgwas.report.contents import Findings
from ecgwas.report.text.methods import covariate_names

CAPTION = "STREGA checklist (Little et al. 2009), as far as the study's files tell; – is for the authors"
SPELLING = {"item": ("item", ""), "what": ("what to report", ""), "here": ("this study", "")}


def items(findings: Findings) -> pl.DataFrame:
    """Columns item, what, here; `here` is null where only the authors can say."""
    rows = [*_design(findings), *_methods(findings), *_results(findings), *_discussion()]
    return pl.DataFrame(rows, schema={"item": pl.String, "what": pl.String, "here": pl.String}, orient="row")


Rows = list[tuple[str, str, str | None]]


def _people(findings: Findings) -> int:
    return findings.people.frame.filter(pl.col("status") == "kept").height


def _design(findings: Findings) -> Rows:
    representations = "; ".join(f"{one.name} ({one.kind.replace('_', ' ')})" for one in findings.representations)
    return [
        ("1", "title and abstract: the study's design", "genome-wide association study of the electrocardiogram"),
        ("2", "background and rationale; first report or replication", None),
        ("3", "objectives, hypotheses", None),
        ("4", "study design", "association of all traits with all variants"),
        ("5", "setting, locations, dates", None),
        ("6", "participants: eligibility, sources, selection",
         f"{_people(findings):,} people with recording, genotypes and covariates; reasons: Who is in the study"),
        ("7a", "variables: outcomes, covariates", f"{_traits(findings)} of {representations}{_covariates(findings)}"),
        ("7b", "genetic variants by a widely used naming",
         f"identifiers of the genotype files, positions 1-based, build {findings.settings['scan']['build']}"),
        ("8a", "sources and measurement of data", "recordings as files of the device; see Methods"),
        ("8b", "laboratory methods: genotyping platform, call rate, where genotyped", _genotyping(findings)),
    ]  # fmt: skip


def _traits(findings: Findings) -> str:
    return f"{len(findings.trait_names):,} traits"


def _covariates(findings: Findings) -> str:
    return f"; covariates {', '.join(covariate_names(findings.covariates))}" if findings.covariates else "; no covariates"


def _genotyping(findings: Findings) -> str:
    judged = _guard(findings, "variant_call_rate", None, stage="loci")
    return f"platform: for the authors to state{f'; variants: {judged}' if judged else ''}"


def _methods(findings: Findings) -> Rows:
    scan, traits = findings.settings["scan"], findings.settings["traits"]
    counts = "; ".join(f"{reason}: {count:,}" for reason, count in findings.left_out.iter_rows()) or "none"
    shuffles = len(findings.permutation_max)
    return [
        ("9", "bias", f"strongest tests of {shuffles:,} shuffled studies under Calibration" if shuffles else None),
        ("10", "study size", _power(findings)),
        ("11", "handling of quantitative variables", f"transformation: {str(traits['transform']).replace('_', ' ')}"),
        ("12a", "statistical methods, software and its version",
         f"engine {scan['kind']}, ecgwas {findings.versions.get('ecgwas', '')}; see Versions"),
        ("12d", "missing data",
         f"missing genotypes: {scan.get('missing', 'exact')}; missing traits: person left out of the trait"),
        ("12f", "Hardy-Weinberg equilibrium", f"variants below p {scan['min_hwe_p']:g} left out; in all: {counts}"),
        ("12g", "inferring genotypes or haplotypes (imputation)", None),
        ("12h", "population stratification", _guard(findings, "ancestry", _inflation(findings))),
        ("12i", "multiple comparisons", _threshold(findings)),
        ("12j", "relatedness", _guard(findings, "kinship", None)),
    ]  # fmt: skip


def _threshold(findings: Findings) -> str:
    said = f"{findings.threshold['kind'].replace('_', ' ')}: {findings.threshold['note']}"
    return said if findings.beside_threshold is None else f"{said}; {findings.beside_threshold}"


def _power(findings: Findings) -> str | None:
    rows = findings.power.filter(pl.col("kind") == findings.threshold["kind"])
    share: Any = rows["share_at_power_80"][0] if rows.height else None
    if share is None:
        return None
    return f"{_people(findings):,} people; 80 % power for a variant that explains {share:.2%} of a trait's variance"


def _guard(findings: Findings, name: str, more: str | None, *, stage: str = "traits") -> str | None:
    """What the guard of that name saw, and what else is known."""
    table = findings.more.get(f"{stage}/guards")
    rows = [] if table is None else table.filter(pl.col("guard") == name).to_dicts()
    said = [f"{row['status']}: {row.get('note') or name}; left out {row.get('left_out') or 0}" for row in rows]
    return "; ".join([*said, *([more] if more else [])]) or None


def _inflation(findings: Findings) -> str | None:
    values = np.array(findings.summary.frame["lambda_gc"].drop_nulls().to_list())
    if len(values) == 0:
        return None
    return f"genomic inflation λ: median {np.median(values):.3f}, largest {values.max():.3f} over {len(values)} traits"


def _results(findings: Findings) -> Rows:
    tests = max(findings.summary.frame["tests"].to_list(), default=0)
    found = f"{len(findings.loci)} loci, {len(findings.hits):,} significant variant–trait pairs"
    return [
        ("13", "participants: numbers at each stage, reasons", "under Who is in the study"),
        ("14", "descriptive data of participants", None),
        ("15", "outcome data", f"{len(findings.trait_names):,} traits; each has a page with its people and λ"),
        ("16", "main results", f"{found} at −log10 p {findings.threshold['neglog10p']:.2f}"),
        ("17", "other analyses; how many variants were tested", f"{tests:,} variants by {len(findings.trait_names):,} traits"),
    ]


def _discussion() -> Rows:
    return [
        ("18", "key results", None), ("19", "limitations", None), ("20", "interpretation", None),
        ("21", "generalisability", None), ("22", "funding", None),
    ]  # fmt: skip
