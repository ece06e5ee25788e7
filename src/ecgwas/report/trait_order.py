"""Order of chromosomes, leads and traits, and the parts of a trait's name."""

from __future__ import annotations

import re

import polars as pl

from ecgwas.leads import ALL_LEADS, LEADS

CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")
LEAD_ORDER = (*LEADS, ALL_LEADS)

WAVES = (
    ("rate", "heart_rate|rr|rmssd|sdnn"), ("P", "p|pr|pq"), ("QRS", "qrs|q|r|s|cornell|sokolow"), ("ST", "j|st[0-9]*"),
    ("T", "qtc?|jtc?|t|u"),
)  # fmt: skip
"""Waves and the first words of the names of features measured on them."""

UNITS_IN_NAMES = "ms|uv|deg|bpm"


def wave_of(feature: str) -> str | None:
    """The wave on which a feature is measured, by its name, such as T of qt_ms; None for features without a unit in it."""
    for wave, words in WAVES:
        if re.fullmatch(f"({words})(_[a-z0-9_]+)?_({UNITS_IN_NAMES})", feature):
            return wave
    return None


def wave_rank(feature: str) -> int:
    """Rank of the feature's wave in the order of the beat; those without one last."""
    names = [wave for wave, _ in WAVES]
    wave = wave_of(feature)
    return len(names) if wave is None else names.index(wave)


def chromosome_rank(column: str) -> pl.Expr:
    """1-22, X, Y, MT; others after them."""
    ranks = {name: rank for rank, name in enumerate(CHROMOSOMES)}
    return pl.col(column).replace_strict(ranks, default=len(CHROMOSOMES), return_dtype=pl.Int64)


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key: numbers by value, words by alphabet."""
    pieces = re.findall(r"\d+|\D+", name)
    return tuple((int(piece), "") if piece.isdigit() else (1 << 60, piece) for piece in pieces)


def lead_rank(lead: str) -> tuple[int, str]:
    """Rank in the standard order of leads; 12L last, others after it."""
    return (LEAD_ORDER.index(lead) if lead in LEAD_ORDER else len(LEAD_ORDER), lead)


def with_pieces(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows (column trait) with the parts of the trait's name as columns representation, lead and feature."""
    pieces = pl.col("trait").str.splitn(".", 3).struct
    return rows.with_columns(pieces[i].alias(name) for i, name in enumerate(("representation", "lead", "feature")))
