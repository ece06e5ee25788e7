"""How files spell leads, units and numbers: one table for each, used by all formats."""

from __future__ import annotations

import math
import re

from ecgwas.ecg.recording import STANDARD_LEAD

OTHER_SPELLING = {
    "DI": "I", "DII": "II", "DIII": "III", "D1": "I", "D2": "II", "D3": "III", "LI": "I", "LII": "II", "LIII": "III",
    "VR": "aVR", "VL": "aVL", "VF": "aVF", "AVR+": "aVR", "AVL+": "aVL", "AVF+": "aVF",
    "C1": "V1", "C2": "V2", "C3": "V3", "C4": "V4", "C5": "V5", "C6": "V6",
    "AVR, AUGMENTED VOLTAGE, RIGHT": "aVR", "AVL, AUGMENTED VOLTAGE, LEFT": "aVL", "AVF, AUGMENTED VOLTAGE, FOOT": "aVF",
}  # fmt: skip
"""Further spellings, in upper case: D for derivation (Romance languages), old names without "a", C for chest, and the names of
DICOM PS3.16, CID 3001."""

AROUND = re.compile(r"^(?:MDC_ECG_LEAD_|(?:ECG|EKG|LEAD)[\s_:.-]*)*|\s*\([^()]*\)$|[\s_-]+REF$")
"""What may surround a lead's name: `MDC_ECG_LEAD_AVR`, `ECG aVR`, `Lead I (Einthoven)`, `V1-REF`."""

PREFIXES = {
    1e3: ("m", "milli"),
    1e6: ("",),
    1e-3: ("n", "nano"),
    1.0: ("u", "micro", "\u00b5", "\u03bc", "\u00e6", "\u00ec", "\u0083\u00ea", "\u00e2\u00b5", "\u00ee\u00bc"),
}
"""µV per volt with each prefix. The micro sign and Greek mu are different characters. The last five are how a micro sign in
code page 437, ISO 8859-7, Shift JIS (0x83 0xCA, as Nihon Kohden writes) or twice-decoded UTF-8 appears in Latin-1."""

UV_OF = {
    prefix + volt: uv for uv, prefixes in PREFIXES.items() for prefix in prefixes for volt in ("v", "volt", "volts")
}  # fmt: skip
"""Unit in lower case -> µV."""

UTF_16_BYTES = 32
UTF_16 = re.compile(rb"(?:[\t\n\r -~]\0){16}|(?:\0[\t\n\r -~]){16}")
"""The beginning of ASCII text in UTF-16 without a byte-order mark."""

DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
COULD_BE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
"""1,234; but not 0,234 or 1234,567, where the comma cannot separate thousands."""


def standard_lead(spelling: str) -> str | None:
    """The standard name of a lead, whatever its case and the words around it; None if it is not one of the twelve."""
    core = AROUND.sub("", spelling.strip().upper()).strip()
    return STANDARD_LEAD.get(core) or OTHER_SPELLING.get(core)


def uv_of(unit: str) -> float | None:
    """µV per unit, whatever its case and surrounding blanks; None if it is not a voltage."""
    return UV_OF.get(unit.strip().lower())


def number(text: str | None) -> float | None:
    """The finite number that a text spells; None for any other text."""
    if text is None or not text.isascii() or "_" in text:
        # Python would read 4_6 as 46, and accepts the digits of every script.
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def number_with_comma(text: str) -> float | None:
    """As `number`, but accepts a decimal comma; None for any other text and for 1,234, which can mean 1234 or 1.234."""
    if DECIMAL_COMMA.fullmatch(text) is None:
        return number(text)
    return None if COULD_BE_THOUSANDS.fullmatch(text) else number(text.replace(",", "."))


def decoded(content: bytes) -> str:
    """The text of a file of unknown encoding: UTF-8, UTF-16 if a byte-order mark or zero bytes indicate it, else Latin-1."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    if UTF_16.fullmatch(content[:UTF_16_BYTES]):
        return content.decode("utf-16-le" if content[1] == 0 else "utf-16-be", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
