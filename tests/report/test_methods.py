"""What the Methods say of the threshold where variances differ."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from ecgwas.report.findings import Findings
from ecgwas.report.methods import methods
from tests.report.example import make_findings


@pytest.fixture(scope="module")
def findings() -> Findings:
    return make_findings()


def said(findings: Findings, **status: str) -> str:
    guards = pl.DataFrame({"guard": list(status), "status": list(status.values())})
    return "\n".join(methods(replace(findings, more={**findings.more, "traits/guards": guards})))


@pytest.mark.parametrize(
    ("by_ancestry", "by_sex", "words"),
    [("warn", "pass", "differs between ancestries:"), ("not judged", "warn", "differs between men and women (on X):"),
     ("warn", "warn", "differs between ancestries and men and women (on X):")],
)  # fmt: skip
def test_unequal_variances_are_named_with_the_threshold(findings: Findings, by_ancestry: str, by_sex: str, words: str) -> None:
    text = said(findings, variance_by_ancestry=by_ancestry, variance_by_sex=by_sex)
    assert f"The variance of some traits {words} their false positive rate may be above the stated level." in text
    assert "The variance of some traits" not in said(findings, variance_by_ancestry="pass", variance_by_sex="not judged")
