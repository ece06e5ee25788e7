"""Genotypes: people, chromosomes and builds of filesets."""

from __future__ import annotations

from tests.bad_input.harness import Case

CASES: list[Case] = []
