"""Which figures a paper needs, and the widths of columns that a user may give."""

from __future__ import annotations

from fnmatch import fnmatchcase

import click
import pytest

from ecgwas.commands import figures
from ecgwas.commands.cli import figures_command
from ecgwas.report import all_figures
from ecgwas.report.figures.publication import JOURNALS, Columns
from ecgwas.study import ReportOptions
from tests.report.example import make_contents

CONTEXT, OPTION = click.Context(figures_command), figures_command.params[-1]


def test_a_paper_needs_fewer_than_forty_figures_the_study_and_its_loci_among_them() -> None:
    names = [f"{kind}_{k}" for k in range(1, 31) for kind in ("region", "locus")]
    names += [*figures.OF_THE_STUDY, "strip", "manhattan_a", "qq_a", "meaning_pca_f01", "cluster_1", "chance_genes"]
    names += [f"{kind}_{name}" for kind in ("grid", "reliability", "error", "training") for name in ("pca", "ae")]
    chosen = figures.for_a_paper(names, [], [30, *range(1, 30)], figures.MOST_FILES)
    assert len(chosen) == len(set(chosen)) == 39
    assert set(figures.OF_THE_STUDY) | {"locus_30", "region_1", "locus_9", "grid_pca", "error_ae", "locus_10"} <= set(chosen)
    others = ("manhattan_*", "qq_*", "meaning_*", "cluster_*", "chance_*", "training_*")
    assert not [name for name in chosen if any(fnmatchcase(name, pattern) for pattern in others)]
    assert figures.for_a_paper(names, ["a"], [1], 3) == ["manhattan_a", "qq_a", "all_traits"]


def test_figures_about_a_trait_or_a_locus_say_so_above() -> None:
    contents = make_contents()
    heads = figures.headings(contents)
    drawn = all_figures(ReportOptions(), contents)
    about_one = [name for name in drawn if name.startswith(("manhattan_", "qq_", "region_", "locus_", "grid_", "meaning_"))]
    assert len(about_one) > 20
    assert set(about_one) <= set(heads)
    assert heads["manhattan_pca.12L.f01"] == "pca.12L.f01"
    assert heads["region_3"] == "Locus 3: pca.12L.f01"
    assert heads["locus_3"] == "Locus 3: rs6801957"
    assert heads["meaning_pca_f01"] == "pca: f01"


@pytest.mark.parametrize(("text", "columns"), [("85/175", Columns(85, 175)), ("Nature", JOURNALS["nature"]),
                                               ("60.5/120", Columns(60.5, 120))])  # fmt: skip
def test_widths_of_columns_are_a_journal_or_two_numbers(text: str, columns: Columns) -> None:
    assert figures.columns_of(CONTEXT, OPTION, text) == columns


@pytest.mark.parametrize("text", ["nurture", "85", "175/85", "1/2", "85/175000"])
def test_other_widths_are_refused_with_those_that_are_known(text: str) -> None:
    with pytest.raises(click.BadParameter, match="neither one of nature, cell, science, plos nor the widths"):
        figures.columns_of(CONTEXT, OPTION, text)
