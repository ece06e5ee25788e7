"""Recordings: noise of one or two leads."""

from __future__ import annotations

from tests.bad_input.harness import Case

CASES: list[Case] = []
