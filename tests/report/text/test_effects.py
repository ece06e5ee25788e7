"""Effects in words: decimals follow the standard error, and a locus names its strongest measured trait."""

from __future__ import annotations

import polars as pl
import pytest

from ecgwas.report.text import effects
from tests.report.example import make_contents, with_measured_hits

LOCUS = {"chrom": "1", "start": 159_000_000, "stop": 161_000_000}


@pytest.mark.parametrize(
    ("effect", "error", "unit", "words"),
    [
        (4.1268, 0.5234, "ms", "+4.13 ms (SE 0.52)"), (-31.6, 12.4, "µV", "−32 µV (SE 12)"),
        (0.00412, 0.000987, "SD", "+0.00412 SD (SE 0.00099)"), (250.0, 123.0, "µV", "+250 µV (SE 123)"),
        (1.5, 0.0, "ms", "+1.50 ms (SE 0.00)"), (1.5, float("inf"), "", "+1.50 (SE inf)"),
        (-0.004, 0.31, "degrees", "−0.00 degrees (SE 0.31)"),
    ],
)  # fmt: skip
def test_the_standard_error_has_two_significant_digits(effect: float, error: float, unit: str, words: str) -> None:
    assert effects.amount(effect, error, unit) == words


def test_an_effect_without_a_unit_has_no_words() -> None:
    rows = pl.DataFrame({"effect": [1.0, None], "effect_se": [0.25, None], "unit": ["ms", None]})
    assert effects.in_words(rows).to_list() == ["+1.00 ms (SE 0.25)", None]


def test_a_locus_without_hits_of_single_traits_has_no_sentence() -> None:
    hits = make_contents().loci.hits.frame
    assert effects.of_locus(hits.clear(), LOCUS, None, "SD") is None


def test_without_an_audit_nothing_is_corrected() -> None:
    hits = with_measured_hits(make_contents()).loci.hits.frame
    words = effects.of_locus(hits, LOCUS, None, "SD")
    assert words is not None
    assert words.trait == "clinical.12L.heart_rate_bpm"
    assert words.after == " per copy, the strongest of 2 measured traits with a hit here."


def test_opposite_signs_of_ranks_and_values_are_not_corrected() -> None:
    """Where outliers turn an effect's sign, its share of beta's correction means nothing."""
    contents = with_measured_hits(make_contents())
    turned = contents.loci.hits.frame.with_columns(effect=-pl.col("effect"))
    audit = next(table for file, table in contents.tables.items() if file.name == "audit.csv")
    words = effects.of_locus(turned, LOCUS, audit, "SD")
    assert words is not None
    assert words.before == "A allele of rs12143842: +3.12 beats/min (SE 0.44) of"
    assert "winner's curse" not in words.after
