"""Order of chromosomes, leads and traits, and the parts of a trait's name."""

from __future__ import annotations

import re

import polars as pl

from ecgwas.leads import ALL_LEADS, LEADS

CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")
LEAD_ORDER = (*LEADS, ALL_LEADS)


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
