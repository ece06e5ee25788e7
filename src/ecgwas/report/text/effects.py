"""Effects in words: `+4.1 ms (SE 0.5)`, the strongest measured effect of a locus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from ecgwas.report.queries import strongest_of_traits
from ecgwas.report.text.numbers import with_minus
from ecgwas.tables import VARIANT_KEY
from ecgwas.tables.loci import inside

MOST_DECIMALS = 9


@dataclass(frozen=True)
class EffectWords:
    """The effect of a locus in one sentence: before the trait, the trait, and after it."""

    before: str
    trait: str
    after: str


def amount(effect: float, error: float, unit: str) -> str:
    """An effect and its standard error, with as many decimals as give the error two significant digits; unit: may be empty."""
    decimals = _decimals(error)
    return " ".join(piece for piece in (_signed(effect, decimals), unit, f"(SE {error:.{decimals}f})") if piece)


def per_copy(row: Mapping[str, Any], sd_unit: str) -> str:
    """The effect of one copy: in the trait's unit where it was fitted, otherwise beta; empty where neither is known.

    row: effect_allele, beta, se and, where fitted, effect, effect_se, unit; sd_unit: unit of beta
    """
    if None not in (row.get("effect"), row.get("effect_se"), row.get("unit")):
        size = amount(row["effect"], row["effect_se"], row["unit"])
    elif row.get("beta") is not None and row.get("se") is not None:
        size = amount(row["beta"], row["se"], sd_unit)
    else:
        return ""
    return f"{size} per copy of {row['effect_allele']}"


def _decimals(error: float) -> int:
    if not math.isfinite(error) or error <= 0:
        return 2
    return min(max(0, 1 - math.floor(math.log10(error))), MOST_DECIMALS)


def _signed(value: float, decimals: int) -> str:
    return with_minus(f"{value:+.{decimals}f}")


def in_words(rows: pl.DataFrame) -> pl.Series:
    """(R,) text: each row's effect in its unit; null where it has none. rows: columns effect, effect_se, unit."""
    given = zip(*(rows[name].to_list() for name in ("effect", "effect_se", "unit")), strict=True)
    words = [None if None in row else amount(*row) for row in given]
    return pl.Series(words, dtype=pl.String)


def of_locus(
    hits: pl.DataFrame, locus: Mapping[str, Any], audit: pl.DataFrame | None, sd_unit: str
) -> EffectWords | None:  # fmt: skip
    """The strongest hit of a measured trait in the locus or, if there is none, the strongest hit, in SD.

    hits: columns of Hits; audit: columns of Audit, for the correction for the winner's curse, which shrinks an effect as it
    shrinks beta; sd_unit: unit of beta. None for a locus without hits of single traits.
    """
    here = hits.filter(inside(locus))
    measured = here.drop_nulls(["effect", "effect_se", "unit"])
    if here.height == 0:
        return None
    if measured.height == 0:
        best = strongest_of_traits(here).row(0, named=True)
        return EffectWords(f"{_allele(best)}: {amount(best['beta'], best['se'], sd_unit)} of", best["trait"], " per copy.")
    best = strongest_of_traits(measured).row(0, named=True)
    count = measured["trait"].n_unique()
    chosen = f", the strongest of {count:,} measured traits with a hit here" if count > 1 else ""
    words = f"{_allele(best)}: {amount(best['effect'], best['effect_se'], best['unit'])} of"
    return EffectWords(words, best["trait"], f" per copy{chosen}{_corrected(best, audit)}.")


def _allele(hit: Mapping[str, Any]) -> str:
    return f"{hit['effect_allele']} allele of {hit['variant']}"


def _corrected(hit: Mapping[str, Any], audit: pl.DataFrame | None) -> str:
    """The effect corrected for the winner's curse in proportion to beta, and its 95 % interval; empty if beta was not."""
    names = ("beta_corrected", "beta_corrected_low", "beta_corrected_high")
    if audit is None or not {*names, "trait", *VARIANT_KEY} <= set(audit.columns):
        return ""
    rows = audit.filter(pl.all_horizontal(pl.col(name) == hit[name] for name in ("trait", *VARIANT_KEY))).head(1)
    values = [rows[name].cast(pl.Float64).item() for name in names] if rows.height else [None]
    if None in values or hit["beta"] * hit["effect"] <= 0:
        return ""
    scale = hit["effect"] / hit["beta"]
    middle, *ends = (scale * value for value in values)
    decimals = _decimals(hit["effect_se"])
    low, high = (_signed(end, decimals) for end in sorted(ends))
    return f"; corrected for the winner's curse {_signed(middle, decimals)} {hit['unit']} ({low} to {high})"
