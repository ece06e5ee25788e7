"""p-values in words, in Python and by the page's script alike."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ecgwas.report.page import render
from ecgwas.report.text.p_values import p_value
from tests.report.page.test_scripts import FOLDER, NODE, node

CASES = [
    (0.0, "1"), (0.3, "0.5"), (1.30103, "0.05"), (2.3279, "0.0047"), (3.0, "1.0×10⁻³"), (7.30103, "5.0×10⁻⁸"),
    (8.0, "1.0×10⁻⁸"), (11.49485, "3.2×10⁻¹²"), (8.0000001, "1.0×10⁻⁸"), (7.9999999, "1.0×10⁻⁸"), (451.5, "3.2×10⁻⁴⁵²"),
]  # fmt: skip


@pytest.mark.parametrize(("neglog10p", "words"), CASES)
def test_two_digits_and_never_zero(neglog10p: float, words: str) -> None:
    assert p_value(neglog10p) == words


@pytest.mark.parametrize("neglog10p", [3.14159, 19.5, 62.7, 308.0, 323.9])
def test_digits_are_those_of_decimal_arithmetic(neglog10p: float) -> None:
    digits, power = f"{Decimal(10) ** -Decimal(neglog10p):.1e}".split("e")
    assert p_value(neglog10p) == f"{digits}×10{power.translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


@pytest.mark.skipif(NODE is None, reason="there is no Node: neither Playwright's nor one on PATH")
def test_the_script_says_the_same() -> None:
    text = (FOLDER / render.SCRIPTS[0]).read_text()
    own = text[text.index("const SUPERSCRIPTS") : text.index("const byId")]
    done = node("-e", f"{own}console.log([{', '.join(str(value) for value, _ in CASES)}].map(pWords).join('\\n'))")
    assert done.stdout.splitlines() == [words for _, words in CASES]
