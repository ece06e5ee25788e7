"""Guards over variants, the scan, hits and loci: each has a number, a limit and a verdict, as the guards over participants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from ecgwas.errors import first_few
from ecgwas.study.scan import Scan
from ecgwas.tables import Guards, ScanResult, Summary
from ecgwas.tables.calibration import Inflation
from ecgwas.tables.loci import Audit
from ecgwas.traits.sample_qc import FAIL, NOT_JUDGED, PASS, WARN

FILTERS = {"call_rate": "min_call_rate", "maf": "min_maf", "mac": "min_mac", "info": "min_info", "hwe": "min_hwe_p"}
"""Reason in left_out -> its option, in the order in which variants are judged."""

MAX_UNINFORMATIVE = 0.2
"""Few common variants are imputed badly: more means an imputation panel or an array that does not suit these participants."""

LAMBDA_WARN, LAMBDA_FAIL = 1.05, 1.15
"""Limits of genomic inflation over all tests: beyond them, population structure, relatives or heavy tails are at work."""

BIN_LAMBDA_WARN, BIN_LAMBDA_FAIL = 1.1, 1.2
"""The same for a frequency bin, whose variants are fewer and in linkage disequilibrium."""

MAX_SE_DEVIATION = 0.1
"""A larger median deviation of standard errors from those expected of frequency and sample size means odd genotypes or
traits."""

MIN_BIN_VARIANTS = 100
MAX_T_DEVIATION = 1e-6
MAX_PRINTED_T_DEVIATION = 2e-5
"""The same if PLINK printed beta, se and t with six digits each: three errors of up to 5e-6."""

COLUMNS = ("trait", "eaf", "n", "beta", "se", "t")
"""Columns of a kept row that are checked against each other."""

CONDITIONAL = "neglog10p_conditional"
"""Column of loci.csv: -log10 p of the lead variant, conditional on the lead variants of the other loci."""


def judge(
    options: Scan, results: Sequence[ScanResult], summary: Summary, by_frequency: Inflation, audit: Audit,
    loci: pl.DataFrame, kept: pl.DataFrame, *, limit: float, imputed: bool,
) -> Guards:  # fmt: skip
    """One row per guard, about variants, scan, hits and loci.

    loci: with column CONDITIONAL; limit: -log10 p of the study's threshold; kept: COLUMNS of rows that the scan kept;
    imputed: the genotypes are dosages, or their file reports imputation quality.
    """
    rows = [
        *_filters(options, results, imputed),
        _overall(summary),
        *_by_frequency(by_frequency),
        *_consistent(kept, MAX_PRINTED_T_DEVIATION if options.prints_six_digits else MAX_T_DEVIATION),
    ]
    return Guards.of([*rows, _permutations(results), *_hits(audit), _conditional(loci, limit)])


def _row(guard: str, about: str, status: str, value: float | None, limit: float | None, **more: Any) -> dict[str, Any]:
    number = None if value is None else round(value, 6)
    row = {"guard": guard, "about": about, "status": status, "value": number, "limit": limit, "left_out": None, "of": None}
    return row | more


def _filters(options: Scan, results: Sequence[ScanResult], imputed: bool) -> list[dict[str, Any]]:
    """Variants excluded by each filter; value: their share of those that passed the filters before it."""
    for_all_traits = [result.left_out.frame.filter(pl.col("trait").fill_null("") == "") for result in results]
    excluded = Counter(reason for frame in for_all_traits for reason in frame["reason"])
    tested = sum(int(result.tests.max(initial=0)) for result in results)
    rows, remaining = [], tested + sum(excluded[name] for name in FILTERS)
    for name in FILTERS:
        limit = float(getattr(options, FILTERS[name]))
        share = excluded[name] / remaining if remaining else None
        status = NOT_JUDGED if limit == 0 or (name == "info" and not imputed) else _filter_status(name, share)
        note = f"variants below {FILTERS[name]}, judged after the guards above it"
        note += "; the genotypes are not imputed" if name == "info" and not imputed else ""
        counts = {"left_out": excluded[name], "of": remaining}
        rows.append(_row(f"variant_{name}", "variants", status, share, limit, **counts, note=note))
        remaining -= excluded[name]
    return rows


def _filter_status(name: str, share: float | None) -> str:
    """Verdict on the genotypes from the share of variants that a filter excludes."""
    if share == 1.0:
        return FAIL
    return WARN if name == "info" and share is not None and share > MAX_UNINFORMATIVE else PASS


def _overall(summary: Summary) -> dict[str, Any]:
    values = summary.frame["lambda_gc"].drop_nulls().to_numpy()
    if len(values) == 0:
        return _row("lambda", "scan", NOT_JUDGED, None, LAMBDA_WARN, note="median over traits of genomic inflation")
    median = float(np.median(values))
    note = f"median over {len(values)} traits of genomic inflation; smallest {values.min():.3f}, largest {values.max():.3f}"
    return _row("lambda", "scan", _verdict(median, LAMBDA_WARN, LAMBDA_FAIL), median, LAMBDA_WARN, note=note)


def _verdict(inflation: float, warn_above: float, fail_above: float) -> str:
    return PASS if inflation <= warn_above else WARN if inflation <= fail_above else FAIL


def _by_frequency(table: Inflation) -> list[dict[str, Any]]:
    """The bin with the largest lambda among those with enough variants."""
    tested = table.frame.filter((pl.col("variants") >= MIN_BIN_VARIANTS) & pl.col("lambda_gc").is_not_null())
    rows = tested.sort("lambda_gc", "maf_from", descending=[True, False])
    note = f"largest genomic inflation of a frequency bin with {MIN_BIN_VARIANTS} variants or more"
    if rows.height == 0:
        return [_row("lambda_by_frequency", "scan", NOT_JUDGED, None, BIN_LAMBDA_WARN, note=note)]
    worst = rows.row(0, named=True)
    status = _verdict(worst["lambda_gc"], BIN_LAMBDA_WARN, BIN_LAMBDA_FAIL)
    note += f": {worst['maf_from']:g} to {worst['maf_to']:g}, {worst['variants']} variants"
    return [_row("lambda_by_frequency", "scan", status, worst["lambda_gc"], BIN_LAMBDA_WARN, note=note)]


def _consistent(rows: pl.DataFrame, max_deviation: float = MAX_T_DEVIATION) -> list[dict[str, Any]]:
    """Of the kept rows: t against beta / se, and standard errors against 1 / sqrt(2 N p (1 - p))."""
    rows = rows.filter(pl.col("se").is_finite() & (pl.col("se") > 0) & pl.col("eaf").is_between(0, 1, closed="none"))
    if rows.height == 0:
        return []
    difference = (rows["t"] - rows["beta"] / rows["se"]).abs().to_numpy().max()
    deviation = float(difference / max(rows["t"].abs().to_numpy().max(), 1.0))
    t_row = _row("t_is_beta_over_se", "scan", PASS if deviation <= max_deviation else FAIL, deviation, max_deviation,
                 note="largest difference of t and beta / se, relative to the largest t")  # fmt: skip
    # The SD of each trait is unknown here; the ratio to the trait's own median cancels it.
    scaled = rows.select("trait", value=pl.col("se") * (2 * pl.col("n") * pl.col("eaf") * (1 - pl.col("eaf"))).sqrt())
    ratio = scaled.with_columns(pl.col("value") / pl.col("value").median().over("trait"))["value"].to_numpy()
    se_deviation = float(np.median(np.abs(ratio - 1)))
    status = PASS if se_deviation <= MAX_SE_DEVIATION else WARN
    note = "median deviation from 1 of se sqrt(2 N p (1 - p)), relative to its median for the trait"
    return [t_row, _row("se_by_frequency", "scan", status, se_deviation, MAX_SE_DEVIATION, note=note)]


def _permutations(results: Sequence[ScanResult]) -> dict[str, Any]:
    count = max((len(result.permutation_max) for result in results), default=0)
    status = PASS if count >= 1000 else WARN if count else NOT_JUDGED
    note = "permutations of the participants behind the permutation threshold; fewer than 1,000 make it less certain"
    return _row("permutations", "scan", status, float(count), 1000.0, note=note)


def _hits(audit: Audit) -> list[dict[str, Any]]:
    frame = audit.frame
    flagged = frame.filter(pl.col("flags").fill_null("") != "").height
    status = NOT_JUDGED if frame.height == 0 else WARN if flagged else PASS
    note = "share of the audited hits that have flags (audit.csv)"
    share = flagged / frame.height if frame.height else None
    return [_row("audit", "hits", status, share, 0.0, left_out=0, of=frame.height, note=note)]


def _conditional(loci: pl.DataFrame, limit: float) -> dict[str, Any]:
    """Loci that are not significant conditional on the others."""
    judged = loci.filter(pl.col(CONDITIONAL).is_not_null())
    dependent = judged.filter(pl.col(CONDITIONAL) <= limit)
    status = NOT_JUDGED if judged.height == 0 else WARN if dependent.height else PASS
    note = "loci whose lead variant is not significant conditional on those of the other loci (loci.csv, neglog10p_conditional)"
    if dependent.height:
        note += f": {first_few(dependent.select(pl.format('{} ({}:{})', 'lead_variant', 'chrom', 'pos')).to_series())}"
    return _row("dependent_loci", "loci", status, float(dependent.height), 0.0, left_out=0, of=judged.height, note=note)
