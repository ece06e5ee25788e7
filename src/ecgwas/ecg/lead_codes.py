"""Numbers of leads in coding schemes: ISO/IEEE 11073-10101 (MDC), EN 1064 (SCP-ECG), DICOM PS3.16 CID 3001."""

from __future__ import annotations

import re

LEAD_BY_NUMBER = {1: "I", 2: "II", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF"} | {k + 2: f"V{k}" for k in range(1, 7)}
"""The twelve leads. -aVR (65), derived leads (31 to 38, 111 to 114) and unaugmented leads (88 to 90) have other numbers."""

CODE_PATTERNS = {
    "MDC": re.compile(r"2:(?P<number>\d{1,3})|(?P<context_free>131\d{3})"),
    "SCPECG": re.compile(r"(?:5\.6\.3-9-)?(?P<number>\d{1,3})"),
}
"""Coding scheme -> how it writes the number. MDC: with partition 2, or with 2 * 65536 added. SCPECG: after the number of the
table in EN 1064, or alone."""


def lead_number(scheme: str, code: str) -> int | None:
    """The number of a lead, the same in all schemes, from a code and its scheme, such as MDC `2:62` or SCPECG `5.6.3-9-62`.

    None for a code of another scheme or form. If no scheme is given, the form of the code decides.
    """
    scheme, code = re.sub(r"[^A-Z]", "", scheme.upper()), code.strip()
    if not scheme:
        scheme = "MDC" if code.startswith("2:") else "SCPECG" if code.startswith("5.6.3-9-") else ""
    match = CODE_PATTERNS[scheme].fullmatch(code) if scheme in CODE_PATTERNS else None
    if match is None:
        return None
    parts = match.groupdict()
    return int(parts["number"]) if parts.get("context_free") is None else int(parts["context_free"]) - 2 * 65536
