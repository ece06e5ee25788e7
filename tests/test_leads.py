"""Equations between leads stand once; they are the textbook's, to the last bit."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ecgwas.leads import DERIVED_LEADS, INDEPENDENT, LEADS, derived_lead, twelve_from_eight, twelve_leads
from ecgwas.simulate.waves import twelve_leads_of_counts
from tests.conftest import ROOT


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_derived_leads_are_einthovens_and_goldbergers(dtype: type) -> None:
    one, two = np.random.default_rng(1).normal(0, 500, (2, 4000)).astype(dtype)
    textbook = {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}
    assert tuple(textbook) == DERIVED_LEADS
    for lead, expected in textbook.items():
        found = derived_lead(lead, one, two)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected)


def test_twelve_leads_from_eight_stand_in_their_order() -> None:
    eight = np.random.default_rng(2).normal(0, 500, (3, 8, 50))
    twelve = twelve_from_eight(eight)
    np.testing.assert_array_equal(twelve[:, INDEPENDENT], eight)
    by_name = {LEADS[k]: eight[1, i] for i, k in enumerate(INDEPENDENT)}
    np.testing.assert_array_equal(twelve[1], twelve_leads(by_name))


def test_counts_are_rounded_half_up() -> None:
    eight = np.random.default_rng(3).integers(-9, 10, (8, 500)).astype(np.int32)
    one, two = eight[0], eight[1]
    augmented = [(1 - one - two) // 2, (2 * one - two + 1) // 2, (2 * two - one + 1) // 2]
    twelve = twelve_leads_of_counts(eight)
    assert twelve.dtype == np.int32
    np.testing.assert_array_equal(twelve[:6], [one, two, two - one, *augmented])


def test_no_other_file_writes_an_equation_between_leads() -> None:
    weights = re.compile(r"\(-0\.5, -0\.5\)|two - one\b|one - two / 2|two - one / 2")
    files = [path for path in (ROOT / "src" / "ecgwas").rglob("*.py") if weights.search(path.read_text())]
    # Philips' own compression predicts limb leads in whole numbers; kinship subtracts genotypes.
    assert {path.name for path in files} <= {"leads.py", "philips.py", "kinship.py"}
