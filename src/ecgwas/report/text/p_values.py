"""p-values in words."""

from __future__ import annotations

import math

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
PLAIN_TO = 3.0
"""-log10 p up to which p is written as a plain decimal number."""


def p_value(neglog10p: float) -> str:
    """p with two significant digits, from -log10 p, so that it never underflows: `3.2×10⁻¹²`, `0.0047`."""
    if neglog10p < PLAIN_TO:
        return f"{10**-neglog10p:.2g}"
    exponent = math.ceil(neglog10p)
    digits = f"{10 ** (exponent - neglog10p):.1f}"
    if digits == "10.0":
        digits, exponent = "1.0", exponent - 1
    return f"{digits}×10{str(-exponent).translate(SUPERSCRIPTS)}"
