"""Associations of one trait, for tests of the export formats."""

from __future__ import annotations

from typing import Any

import polars as pl

from ecgwas.tables import Associations


def make_tests(*changes: dict[str, Any]) -> pl.DataFrame:
    """One row per dict of changes; without changes three unsorted rows, one of them with p 1e-400."""
    changes = changes or (
        {"variant": "rs2", "chrom": "X", "pos": 900}, {"variant": "rs1:A:G", "chrom": "2", "pos": 50, "neglog10p": 400.5},
        {"variant": "2:40_T_TC", "chrom": "2", "pos": 40, "effect_allele": "TC", "other_allele": "T"},
    )  # fmt: skip
    row = {
        "trait": "clinical.12L.qt_ms", "variant": "rs5", "chrom": "1", "pos": 5, "effect_allele": "A", "other_allele": "G",
        "eaf": 0.25, "n": 466, "beta": 0.5, "se": 0.125, "t": 4.0, "neglog10p": 4.0,
    }  # fmt: skip
    return Associations.of([row | change for change in changes]).frame
