"""The numbers by which coding schemes name leads: ISO/IEEE 11073-10101 (MDC), EN 1064 (SCP-ECG), DICOM PS3.16 CID 3001."""

from __future__ import annotations

import re

LEAD_OF_NUMBER = {1: "I", 2: "II", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF"} | {k + 2: f"V{k}" for k in range(1, 7)}
"""The twelve. -aVR (65), derived leads (31 to 38, 111 to 114) and unaugmented ones (88 to 90) have numbers of their own."""

FORMS = {
    "MDC": re.compile(r"2:(?P<number>\d{1,3})|(?P<context_free>131\d{3})"),
    "SCPECG": re.compile(r"(?:5\.6\.3-9-)?(?P<number>\d{1,3})"),
}
"""Coding scheme -> how it writes a number. MDC: partition 2, or 2 * 65536 added; SCPECG: the table's place in EN 1064."""


def lead_number(scheme: str, code: str) -> int | None:
    """The number of a lead from a code and its scheme, such as MDC `2:62` or SCPECG `5.6.3-9-62`, the same in all of them.

    None for a code of another scheme or form; where no scheme is given, the form alone decides.
    """
    scheme, code = re.sub(r"[^A-Z]", "", scheme.upper()), code.strip()
    if not scheme:
        scheme = "MDC" if code.startswith("2:") else "SCPECG" if code.startswith("5.6.3-9-") else ""
    found = FORMS[scheme].fullmatch(code) if scheme in FORMS else None
    if found is None:
        return None
    parts = found.groupdict()
    return int(parts["number"]) if parts.get("context_free") is None else int(parts["context_free"]) - 2 * 65536
