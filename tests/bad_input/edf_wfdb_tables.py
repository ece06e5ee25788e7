"""Recordings: EDF, WFDB, CSV and NPY."""

from __future__ import annotations

from tests.bad_input.harness import Case

CASES: list[Case] = []
