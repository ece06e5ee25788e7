"""PheWeb's input: order, spelling of p, names of traits."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgwas.exchange import pheweb
from tests.exchange.rows import make_tests


def test_rows_are_in_pheweb_s_order_with_beta_of_alt() -> None:
    frame = pheweb.rows(make_tests())
    assert frame.columns == ["chrom", "pos", "ref", "alt", "pval", "beta", "sebeta", "af", "num_samples"]
    assert frame.select("chrom", "pos", "ref", "alt", "pval").rows() == [
        ("2", 40, "T", "TC", "1.0000e-4"), ("2", 50, "G", "A", "3.1623e-401"), ("X", 900, "G", "A", "1.0000e-4"),
    ]  # fmt: skip


@given(st.floats(0, 5000))
def test_p_is_spelled_to_five_digits(neglog10p: float) -> None:
    text = pheweb.p_as_text(neglog10p)
    assert re.fullmatch(r"[1-9]\.\d{4}e-?\d+", text)
    exact = Decimal(10) ** -Decimal(neglog10p)
    assert abs(Decimal(text) / exact - 1) < Decimal("1e-4")


@pytest.mark.parametrize(("trait", "code"), [("ae.V1.f01", "ae_V1_f01"), ("clinical.12L.qt-ms~x", "clinical_12L_qt-ms~x")])
def test_codes_hold_the_letters_that_pheweb_allows(trait: str, code: str) -> None:
    assert pheweb.phenotype_code(trait) == code
    (entry,) = pheweb.phenotype_list({trait: "file.tsv"}, {trait: 5})
    assert (entry["phenocode"], entry["phenostring"], entry["category"]) == (code, trait, trait.split(".")[0])
