"""Findings that may be passed on: nobody's recording, no small group, nothing that one person alone makes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from ecgwas.report.contents import GenotypeBeats, ReportContents, RepresentationResults, Traversal
from ecgwas.report.scan_rows import carried_by_few
from ecgwas.signals import LEAD_STATUS
from ecgwas.tables import VARIANT_KEY, Associations, Loci

OF_ONE_PERSON = ("top_share", "neglog10p_without_top")
"""Columns of the audit about the most influential person."""

OF_GENOTYPES = ("people_0", "people_1", "people_2", "missing", "mean_0", "mean_1", "mean_2", "hwe_p")
OF_VISITS = ("icc", "icc_low", "icc_high", "people")
OF_CARRIERS = ("carriers", "carriers_rank", "carriers_extreme")


def shareable(contents: ReportContents, min_people: int) -> ReportContents:
    """The findings with nothing in them of one person, nor of a group of fewer than `min_people`.

    Left out: the example recording and what is decoded from it, signals beside their reconstruction, histograms of single
    recordings, the audit's columns about one person, tests of alleles carried fewer than `min_people` times. Counts of fewer
    people become "fewer than", groups of genotypes among them become null together, since one could be had from the others.
    Mean beats are rounded to a microvolt: from the difference of two means over nearly the same people no one's beat can be
    had.
    """
    few = contents.associations.carried_by_few(min_people)
    note = [f"{few:,} tests of alleles carried fewer than {min_people} times are not shown"] if few else []
    lost = contents.hits.frame.filter(carried_by_few(min_people)).select(VARIANT_KEY).unique()
    return replace(
        contents,
        example=None,
        representations=tuple(_without_recordings(one, min_people) for one in contents.representations),
        genotype_beats=tuple(_rounded(beats) for beats in contents.genotype_beats),
        associations=replace(contents.associations, min_people=max(min_people, contents.associations.min_people)),
        hits=Associations(contents.hits.frame.filter(~carried_by_few(min_people))),
        loci=Loci(contents.loci.frame.join(lost, on=VARIANT_KEY, how="anti", maintain_order="left")),
        traits_report=_traits(contents.traits_report, min_people),
        more=_tables(contents.more, min_people),
        null_study=None if contents.null_study is None else shareable(contents.null_study, min_people),
        notes=(*contents.notes, *note),
        min_people=min_people,
    )


def _without_recordings(one: RepresentationResults, min_people: int) -> RepresentationResults:
    traversals = {name: _whole_microvolts(moved) for name, moved in one.traversals.items()}
    left_out = one.left_out if one.left_out >= min_people else 0
    few = pl.col("people") < min_people
    visits = _hidden(one.reliability, OF_VISITS, few)
    repeated = one.reliability.with_columns(visits)
    return replace(
        one, reliability=repeated, mse=one.mse.clear(), reconstruction=None, traversals=traversals, left_out=left_out,
        example_mse={}, signals=(),
    )  # fmt: skip


def _whole_microvolts(moved: Traversal) -> Traversal:
    return replace(moved, beats_uv=np.round(moved.beats_uv))


def _rounded(beats: GenotypeBeats) -> GenotypeBeats:
    return replace(beats, mean_uv=np.round(beats.mean_uv), half_width_uv=np.round(beats.half_width_uv, 1))


def _traits(report: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """The report on features with small counts blotted out, in its words, too."""

    def blotted(reason: str) -> str:
        return re.sub(r"measured in \d+ ", f"measured in fewer than {min_people} ", reason)

    few = pl.col("n") < min_people
    words = pl.col("reason").map_elements(blotted, return_dtype=pl.String)
    columns = [pl.when(few).then(None).otherwise(pl.col("n")).alias("n")]
    columns += [pl.when(few).then(words).otherwise(pl.col("reason")).alias("reason")]
    return report.with_columns(columns) if {"n", "reason"} <= set(report.columns) else report


def _tables(tables: Mapping[str, pl.DataFrame], min_people: int) -> dict[str, pl.DataFrame]:
    shown = dict(tables)
    if "read/leads" in shown:
        shown["read/leads"] = _leads(shown["read/leads"], min_people)
    if "loci/audit" in shown:
        shown["loci/audit"] = _audit(shown["loci/audit"], min_people)
    for name, table in shown.items():
        if table.height > 0 and "left_out" in table.columns and "about" in table.columns:
            shown[name] = _guards(table, min_people)
    return shown


def _leads(table: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """One small count hides all three of a lead: it could be had from the others."""
    few = pl.any_horizontal(pl.col(name).is_between(1, min_people - 1) for name in LEAD_STATUS)
    return table.with_columns(_hidden(table, LEAD_STATUS, few))


def _guards(table: pl.DataFrame, min_people: int) -> pl.DataFrame:
    few = (pl.col("about") == "people") & pl.col("left_out").is_between(1, min_people - 1)
    words = pl.when(few).then(pl.lit(f"fewer than {min_people}")).otherwise(pl.col("left_out").cast(pl.String))
    return table.with_columns(left_out=words)


def _audit(table: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """One small genotype hides all of them: with the number of people and the frequency it could be had from the others."""
    if table.height == 0:  # nothing to hide, and CSV does not tell what its columns are
        return table.drop(OF_ONE_PERSON, strict=False)
    counts = [name for name in OF_GENOTYPES[:4] if name in table.columns]
    few_of_a_genotype = pl.any_horizontal(pl.col(name).is_between(1, min_people - 1) for name in counts)
    few_carriers = pl.col("carriers").is_between(1, min_people - 1)
    hidden = [*_hidden(table, OF_GENOTYPES, few_of_a_genotype), *_hidden(table, OF_CARRIERS, few_carriers)]
    return table.with_columns(hidden).drop(OF_ONE_PERSON, strict=False)


def _hidden(table: pl.DataFrame, names: tuple[str, ...], where: pl.Expr) -> list[pl.Expr]:
    return [pl.when(where).then(None).otherwise(pl.col(name)).alias(name) for name in names if name in table.columns]
