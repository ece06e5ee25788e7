"""The user's tables: covariates and lists of ids."""

from __future__ import annotations

from tests.bad_input.harness import Case

CASES: list[Case] = []
