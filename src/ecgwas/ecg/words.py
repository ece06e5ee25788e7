"""The words of files: which lead a spelling names, and how many µV a unit has. One table each, for all formats."""

from __future__ import annotations

import math
import re

from ecgwas.ecg.recording import STANDARD_LEAD

OTHER_SPELLING = {
    "DI": "I", "DII": "II", "DIII": "III", "LI": "I", "LII": "II", "LIII": "III",
    "VR": "aVR", "VL": "aVL", "VF": "aVF", "AVR+": "aVR", "AVL+": "aVL", "AVF+": "aVF",
    "C1": "V1", "C2": "V2", "C3": "V3", "C4": "V4", "C5": "V5", "C6": "V6",
    "AVR, AUGMENTED VOLTAGE, RIGHT": "aVR", "AVL, AUGMENTED VOLTAGE, LEFT": "aVL", "AVF, AUGMENTED VOLTAGE, FOOT": "aVF",
}  # fmt: skip
"""Further spellings in upper case: Latin countries' D for derivation, old unaugmented names, C of chest electrodes, and the
names of DICOM PS3.16, CID 3001."""

AROUND = re.compile(r"^(?:MDC_ECG_LEAD_|(?:ECG|EKG|LEAD)[\s_:.-]*)*|\s*\([^()]*\)$|[\s_-]+REF$")
"""What may stand around a lead's name: `MDC_ECG_LEAD_AVR`, `ECG aVR`, `Lead I (Einthoven)`, `V1-REF`."""

UV_OF = {
    "uv": 1.0, "µv": 1.0, "μv": 1.0, "microvolt": 1.0, "microvolts": 1.0, "nv": 1e-3, "nanovolt": 1e-3, "nanovolts": 1e-3,
    "mv": 1e3, "millivolt": 1e3, "millivolts": 1e3, "v": 1e6, "volt": 1e6, "volts": 1e6,
}  # fmt: skip
"""µV of each unit; micro sign and Greek mu are different letters."""


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
