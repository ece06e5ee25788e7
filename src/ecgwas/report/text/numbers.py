"""Numbers in words: p-values as a reader writes them, 3.2×10⁻¹², and negative numbers with a minus sign."""

from __future__ import annotations

import math

PLAIN_FROM = 3.0
"""-log10 p from which p is written with a power of ten."""

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def with_minus(digits: str) -> str:
    """A number's text with a minus sign instead of the hyphen: `−1.5`."""
    return digits.replace("-", "−")


def p_and_neglog10p(neglog10p: float, more: str = "") -> str:
    """Both ways of writing p: `p 3.2×10⁻¹² (−log10 p 11.49)`. more: ends the parenthesis."""
    return f"p {p_value(neglog10p)} (−log10 p {neglog10p:.2f}{more})"


def p_value(neglog10p: float) -> str:
    """p with two significant digits, from -log10 p, which also holds where p is too small for a number: `3.2×10⁻⁴⁰⁰`.

    An infinite -log10 p gives `0`, NaN a dash.
    """
    if math.isnan(neglog10p):
        return "–"
    if math.isinf(neglog10p):
        return "0" if neglog10p > 0 else "–"
    if neglog10p < PLAIN_FROM:
        return f"{10.0**-neglog10p:.2g}"
    exponent = math.floor(-neglog10p)
    digits = f"{10.0 ** (-neglog10p - exponent):.1f}"
    if digits == "10.0":
        digits, exponent = "1.0", exponent + 1
    return f"{digits}×10{str(exponent).translate(SUPERSCRIPTS)}"
