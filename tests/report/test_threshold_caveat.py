"""Where variances differ between groups of people, a warning stands beside the threshold wherever that is told."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from ecgwas.report.contents import ReportContents
from ecgwas.report.page import render, tables
from ecgwas.report.text import strega
from ecgwas.stages import loci as loci_stage
from ecgwas.study import Study
from ecgwas.tables import Guards, files
from ecgwas.tables.loci import WITHIN_GROUPS, threshold_caveat, unequal_variances
from tests.report.example import changed, make_contents

WORDS = "the variance of some traits differs between ancestries"


def guards(by_ancestry: str, by_sex: str = "not judged") -> Guards:
    shared = {"about": "traits", "value": 1e-5, "limit": 0.05, "left_out": 0, "of": 12, "note": "3 traits differ"}
    rows = (("variance_by_ancestry", by_ancestry), ("variance_by_sex", by_sex), ("kinship", "warn"))
    return Guards.of([{"guard": name, "status": status, **shared} for name, status in rows])


def with_guards(found: ReportContents, *status: str) -> ReportContents:
    return replace(found, tables={**found.tables, files.SAMPLE_GUARDS: guards(*status).frame})


@pytest.fixture(scope="module")
def contents() -> ReportContents:
    return make_contents()


def test_between_whom_variances_differ() -> None:
    assert unequal_variances(guards("warn").frame) == "ancestries"
    assert unequal_variances(guards("warn", "warn").frame) == "ancestries and men and women (on X)"
    assert threshold_caveat(guards("pass").frame) is None
    assert threshold_caveat(pl.DataFrame()) is None
    words = str(threshold_caveat(guards("pass", "warn").frame))
    assert "between men and women (on X)" in words
    assert "guards.csv, variance_by_sex;" in words


def test_permutations_within_groups_keep_the_threshold() -> None:
    """The warning is then about p-values, unless the sexes differ as well."""
    noted = pl.col("note") + f"; p-values are then too small or too large ({WITHIN_GROUPS})"
    in_groups = pl.when(pl.col("guard") == "variance_by_ancestry").then(noted).otherwise(pl.col("note"))
    words = str(threshold_caveat(guards("warn").frame.with_columns(note=in_groups)))
    assert words.startswith(f"beware: {WORDS}, and p-values")
    assert WITHIN_GROUPS in words
    assert "passes this threshold more often" in str(
        threshold_caveat(guards("warn", "warn").frame.with_columns(note=in_groups))
    )
    assert "passes this threshold more often" in str(threshold_caveat(guards("warn").frame))


@pytest.mark.parametrize("loci", [0, 1], ids=["no locus", "loci"])
def test_the_reports_first_lines_say_it_next_to_the_threshold(contents: ReportContents, loci: int) -> None:
    some = changed(contents, loci=type(contents.loci.loci)(contents.loci.loci.frame.head(loci)))
    said = render.headline(with_guards(some, "warn")).sentences
    assert "threshold of" in said[0]
    assert said[1].startswith(f"Beware: {WORDS}")
    assert "traits.normalise_within" in said[1]
    assert not [line for line in render.headline(with_guards(some, "pass")).sentences if "eware" in line]


def test_the_table_of_thresholds_and_the_checklist_say_it(contents: ReportContents) -> None:
    for status, told in (("warn", True), ("pass", False)):
        found = with_guards(contents, status)
        table = tables.thresholds(found.loci, found.threshold_caveat)
        assert table is not None
        assert (WORDS in table.caption) == told
        item = strega.items(found).filter(pl.col("item") == "12i")
        assert (WORDS in str(item.row(0))) == told


def test_the_log_says_it_with_the_threshold(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    study = Study.model_validate(
        {"name": "s", "read": {"recordings": "ecg"}, "traits": {"covariates": "c.tsv"}, "results": "results",
         "represent": [{"kind": "pca", "name": "a"}], "scan": {"kind": "matrix", "genotypes": "g"}},
        context={"folder": tmp_path},
    )  # fmt: skip
    folder = study.results / "traits"
    folder.mkdir(parents=True)
    for status, level in (("warn", logging.WARNING), ("pass", logging.DEBUG)):
        caplog.clear()
        guards(status).write(folder / "guards.csv")
        with caplog.at_level(logging.DEBUG, logger="ecgwas"):
            loci_stage._log_threshold(study, 8.253)
        assert "the threshold is -log10 p 8.25" in caplog.records[0].getMessage()
        assert caplog.records[-1].levelno == level
        assert (WORDS in caplog.text) == (status == "warn")
