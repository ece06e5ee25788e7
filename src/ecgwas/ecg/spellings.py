"""The words of files: which lead a spelling names, and how many µV a unit has. One table each, for all formats."""

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
"""Further spellings in upper case: Latin countries' D for derivation, old unaugmented names, C of chest electrodes, and the
names of DICOM PS3.16, CID 3001."""

AROUND = re.compile(r"^(?:MDC_ECG_LEAD_|(?:ECG|EKG|LEAD)[\s_:.-]*)*|\s*\([^()]*\)$|[\s_-]+REF$")
"""What may stand around a lead's name: `MDC_ECG_LEAD_AVR`, `ECG aVR`, `Lead I (Einthoven)`, `V1-REF`."""

PREFIXES = {
    1e3: ("m", "milli"),
    1e6: ("",),
    1e-3: ("n", "nano"),
    1.0: ("u", "micro", "\u00b5", "\u03bc", "\u00e6", "\u00ec", "\u0083\u00ea", "\u00e2\u00b5", "\u00ee\u00bc"),
}
"""µV of a volt with each prefix. Micro sign and Greek mu are different letters. The last five are what the bytes of a micro
sign in code page 437, ISO 8859-7, Shift JIS (0x83 0xCA, as Nihon Kohden writes) and, read twice, UTF-8 look like in Latin-1."""

UV_OF = {
    prefix + volt: uv for uv, prefixes in PREFIXES.items() for prefix in prefixes for volt in ("v", "volt", "volts")
}  # fmt: skip
"""µV of each unit, in lower case."""

UTF_16_BYTES = 32
UTF_16 = re.compile(rb"(?:[\t\n\r -~]\0){16}|(?:\0[\t\n\r -~]){16}")
"""How text of ASCII's letters begins in UTF-16 without a byte-order mark."""

DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
COULD_BE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
"""1,234; but not 0,234 or 1234,567, where a separator of thousands could not stand."""


def standard_lead(spelling: str) -> str | None:
    """The standard name of a lead, of whatever case and with whatever words around it; None if it is none of the twelve."""
    core = AROUND.sub("", spelling.strip().upper()).strip()
    return STANDARD_LEAD.get(core) or OTHER_SPELLING.get(core)


def uv_of(unit: str) -> float | None:
    """µV of one unit; case and blanks do not matter; None for what is no voltage."""
    return UV_OF.get(unit.strip().lower())


def number(text: str | None) -> float | None:
    """The finite number that a text is; None for all other texts."""
    if text is None or not text.isascii() or "_" in text:
        # Python reads 4_6 as 46, and the digits of every alphabet.
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def number_with_comma(text: str) -> float | None:
    """As `number`, with a decimal comma understood; None for all other texts and for 1,234, which can be 1234 or 1.234."""
    if DECIMAL_COMMA.fullmatch(text) is None:
        return number(text)
    return None if COULD_BE_THOUSANDS.fullmatch(text) else number(text.replace(",", "."))


def decoded(content: bytes) -> str:
    """Text of a file whose encoding nobody states: UTF-8, or UTF-16 where a byte-order mark or zeros say so, else Latin-1."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    if UTF_16.fullmatch(content[:UTF_16_BYTES]):
        return content.decode("utf-16-le" if content[1] == 0 else "utf-16-be", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
