"""Recordings: XML and DICOM, and foreign formats told by their first bytes."""

from __future__ import annotations

from tests.bad_input.harness import Case

CASES: list[Case] = []
