"""Variant names: they are labels and join nothing."""

from __future__ import annotations

from tests.bad_input.harness import Case

CASES: list[Case] = []
