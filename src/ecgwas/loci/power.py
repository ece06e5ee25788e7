"""Power of a test at each threshold: which effects this study could find."""

from __future__ import annotations

import polars as pl
from scipy import optimize, stats

from ecgwas.tables import Thresholds

POWERS = (0.5, 0.8, 0.95)
SHARES = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Shares of a trait's variance; the largest of common variants on the ECG are near 0.01."""

MIN_SHARE = 1e-9


def power(share: float, p: float, people: int, *, covariates: int = 0) -> float:
    """Probability that a variant explaining `share` of a trait's variance has a p-value below `p` among `people`.

    F test with 1 and people - 2 - covariates degrees of freedom, non-centrality people * share / (1 - share)
    (Cohen 1988, chapter 9).
    """
    df = people - 2 - covariates
    critical = stats.t.isf(p / 2, df) ** 2
    return float(stats.ncf.sf(critical, 1, df, people * share / (1 - share)))


def smallest_share(p: float, people: int, *, target: float = 0.8, covariates: int = 0) -> float | None:
    """Smallest share of variance found with power `target`; None if even a share of 0.99 is not.

    0 if noise alone is below p as often.
    """

    def excess(share: float) -> float:
        return power(share, p, people, covariates=covariates) - target

    if people - 2 - covariates < 1 or excess(0.99) < 0:
        return None
    if excess(MIN_SHARE) >= 0:
        return 0.0
    return float(optimize.brentq(excess, MIN_SHARE, 0.99, xtol=1e-9))


def table(thresholds: Thresholds, people: int, *, covariates: int = 0) -> pl.DataFrame:
    """Each threshold: smallest share of variance found with 50, 80 and 95 % power, and the power for given shares.

    Columns kind, p, people, share_at_power_50 ..., power_at_share_0.001 ...; people: those of the study.
    """
    rows = []
    for kind, p in thresholds.frame.select("kind", "p").iter_rows():
        row: dict[str, object] = {"kind": kind, "p": p, "people": people}
        for target in POWERS:
            row[f"share_at_power_{round(target * 100)}"] = smallest_share(p, people, target=target, covariates=covariates)
        for share in SHARES:
            enough = people - 2 - covariates >= 1
            row[f"power_at_share_{share:g}"] = power(share, p, people, covariates=covariates) if enough else None
        rows.append(row)
    names = [f"share_at_power_{round(target * 100)}" for target in POWERS] + [f"power_at_share_{share:g}" for share in SHARES]
    schema = {"kind": pl.String, "p": pl.Float64, "people": pl.Int64} | dict.fromkeys(names, pl.Float64)
    return pl.DataFrame(rows, schema=schema)
