"""Contents that may be shared: no one's recording, no small group, nothing that depends on one participant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from ecgwas.report import outcomes, predictions, scores
from ecgwas.report.contents import (
    LociResults,
    LocusRegion,
    NullStudy,
    ReportContents,
    RepresentationResults,
    Traversal,
)
from ecgwas.report.mean_beats import GenotypeBeats
from ecgwas.report.scan_rows import carried_by_few
from ecgwas.signals import LEAD_STATUS
from ecgwas.tables import VARIANT_KEY, Loci, files
from ecgwas.tables.files import ResultFile
from ecgwas.tables.loci import Hits

OF_ONE_PERSON = ("top_share", "neglog10p_without_top")
"""Columns of the audit about the most influential participant."""

OF_GENOTYPES = ("people_0", "people_1", "people_2", "missing", "mean_0", "mean_1", "mean_2", "hwe_p")
OF_VISITS = ("icc", "icc_low", "icc_high", "people")
RHYTHM_NUMBERS = ("recordings", "excluded")
OF_CARRIERS = ("carriers", "carriers_rank", "carriers_extreme")


def shareable(contents: ReportContents, min_people: int) -> ReportContents:
    """The contents with nothing about one participant, nor about a group of fewer than `min_people`.

    Removed: the example recording and what is decoded from it, signals with their reconstruction, histograms of single
    recordings, the audit's columns about one participant, tests of alleles carried fewer than `min_people` times. Counts of
    fewer people become "fewer than"; where one genotype is that rare, all genotypes of the variant become null, since its
    count follows from the others. Mean beats are rounded to a microvolt, so that no one's beat follows from the difference
    of two means over nearly the same people.
    """
    scan, run = contents.scan, contents.run
    n_rare = scan.rows.carried_by_few(min_people)
    note = [f"{n_rare:,} tests of alleles carried fewer than {min_people} times are not shown"] if n_rare else []
    tables = _tables(contents.tables, min_people)
    rows = replace(scan.rows, min_people=max(min_people, scan.rows.min_people))
    return replace(
        contents,
        run=replace(run, notes=(*run.notes, *note), min_people=min_people),
        cohort=replace(contents.cohort, example=None),
        representations=tuple(_without_recordings(one, min_people) for one in contents.representations),
        scan=replace(scan, rows=rows, trait_report=_trait_report(scan.trait_report, min_people)),
        loci=_loci(contents.loci, min_people),
        tables=tables,
        case_beats=outcomes.shareable_beats(contents.case_beats, tables, min_people),
        null_study=None if contents.null_study is None else _null_study(contents.null_study, min_people),
    )


def _loci(results: LociResults, min_people: int) -> LociResults:
    """Without the hits and loci whose rarer allele few people carry."""
    hidden = results.hits.frame.filter(carried_by_few(min_people)).select(VARIANT_KEY).unique()
    loci = results.loci.frame.join(hidden, on=VARIANT_KEY, how="anti", maintain_order="left")
    shown = set(loci["locus"])
    lead_tests = results.lead_tests.filter(~carried_by_few(min_people), pl.col("locus").is_in(shown))
    return replace(
        results,
        genotype_beats=tuple(shareable_beats(beats) for beats in results.genotype_beats if beats.locus in shown),
        hits=Hits(results.hits.frame.filter(~carried_by_few(min_people))),
        loci=Loci(loci),
        regions=tuple(_region(region, min_people) for region in results.regions if region.locus in shown),
        lead_tests=lead_tests,
    )


def _region(region: LocusRegion, min_people: int) -> LocusRegion:
    """Without tests of alleles carried by few."""
    is_rare = carried_by_few(min_people)
    layers = tuple(replace(layer, tests=layer.tests.filter(~is_rare)) for layer in region.layers)
    return replace(region, tests=region.tests.filter(~is_rare), layers=layers)


def _null_study(null: NullStudy, min_people: int) -> NullStudy:
    return replace(null, loci=_loci(null.loci, min_people))


def _without_recordings(one: RepresentationResults, min_people: int) -> RepresentationResults:
    traversals = {name: _whole_microvolts(moved) for name, moved in one.traversals.items()}
    excluded = one.signals_excluded if one.signals_excluded >= min_people else 0
    too_few = pl.col("people") < min_people
    reliability = one.reliability.with_columns(_hidden(one.reliability, OF_VISITS, too_few))
    return replace(
        one, reliability=reliability, mse=one.mse.clear(), reconstruction=None, traversals=traversals,
        signals_excluded=excluded, example_mse={}, signals=(),
    )  # fmt: skip


def _whole_microvolts(moved: Traversal) -> Traversal:
    return replace(moved, beats_uv=np.round(moved.beats_uv))


def shareable_beats(beats: GenotypeBeats) -> GenotypeBeats:
    """Means rounded to a microvolt; genotypes of few participants must be pooled (`pooled`) before the beats are computed."""
    return replace(beats, mean_uv=np.round(beats.mean_uv), half_width_uv=np.round(beats.half_width_uv, 1))


def _trait_report(report: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """The report on features without small counts, also within its reasons."""

    def redacted(reason: str) -> str:
        return re.sub(r"measured in \d+ ", f"measured in fewer than {min_people} ", reason)

    too_few = pl.col("n") < min_people
    reasons = pl.col("reason").map_elements(redacted, return_dtype=pl.String)
    columns = [pl.when(too_few).then(None).otherwise(pl.col("n")).alias("n")]
    columns += [pl.when(too_few).then(reasons).otherwise(pl.col("reason")).alias("reason")]
    return report.with_columns(columns) if {"n", "reason"} <= set(report.columns) else report


def _tables(tables: Mapping[ResultFile, pl.DataFrame], min_people: int) -> dict[ResultFile, pl.DataFrame]:
    shown = dict(tables)
    if files.LEAD_COUNTS in shown:
        shown[files.LEAD_COUNTS] = _leads(shown[files.LEAD_COUNTS], min_people)
    if files.RHYTHM_COUNTS in shown:
        shown[files.RHYTHM_COUNTS] = _rhythms(shown[files.RHYTHM_COUNTS], min_people)
    if files.AUDIT in shown:
        shown[files.AUDIT] = _audit(shown[files.AUDIT], min_people)
    if files.GROUP_EFFECTS in shown:
        shown[files.GROUP_EFFECTS] = _groups(shown[files.GROUP_EFFECTS], min_people)
    if files.OUTCOMES in shown:
        shown |= outcomes.shareable(shown, min_people)
    if files.PREDICTION_TARGETS in shown:
        shown |= predictions.shareable(shown, min_people)
    shown |= scores.shareable(shown, min_people)
    for file, table in shown.items():
        if table.height > 0 and "left_out" in table.columns and "about" in table.columns:
            shown[file] = _guards(table, min_people)
    return shown


def _groups(table: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """Without comparisons in which few people of a group carry the rarer allele. Where few belong to no group shown, numbers of
    people and frequencies become null: those of the few follow from all and the others."""
    if table.height == 0:
        return table
    own = ("locus", "by")
    shown = table.filter(~carried_by_few(min_people).any().over(own))
    of_all, of_groups = (pl.col("n").filter(pl.col("group") == name).max().over(own) for name in ("all", "combined"))
    rest = (of_all - of_groups).abs().is_between(1, min_people - 1).fill_null(False)
    return shown.with_columns(_hidden(shown, ("n", "eaf"), rest))


def _leads(table: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """One small count hides all three of a lead: it follows from the others."""
    too_few = pl.any_horizontal(pl.col(name).is_between(1, min_people - 1) for name in LEAD_STATUS)
    return table.with_columns(_hidden(table, LEAD_STATUS, too_few))


def _rhythms(table: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """A small count hides the largest one, too: with the number of participants it could follow from the others."""
    small = pl.any_horizontal(pl.col(name).is_between(1, min_people - 1) for name in RHYTHM_NUMBERS)
    largest = pl.col("recordings") == pl.col("recordings").max()
    return table.with_columns(_hidden(table, RHYTHM_NUMBERS, small | largest & small.any()))


def _guards(table: pl.DataFrame, min_people: int) -> pl.DataFrame:
    too_few = (pl.col("about") == "people") & pl.col("left_out").is_between(1, min_people - 1)
    words = pl.when(too_few).then(pl.lit(f"fewer than {min_people}")).otherwise(pl.col("left_out").cast(pl.String))
    return table.with_columns(left_out=words)


def _audit(table: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """One small genotype hides all of them: with the number of people and the frequency it follows from the others."""
    if table.height == 0:  # nothing to hide, and a CSV file without rows has no types
        return table.drop(OF_ONE_PERSON, strict=False)
    counts = [name for name in OF_GENOTYPES[:4] if name in table.columns]
    few_of_a_genotype = pl.any_horizontal(pl.col(name).is_between(1, min_people - 1) for name in counts)
    few_carriers = pl.col("carriers").is_between(1, min_people - 1)
    hidden = [*_hidden(table, OF_GENOTYPES, few_of_a_genotype), *_hidden(table, OF_CARRIERS, few_carriers)]
    return table.with_columns(hidden).drop(OF_ONE_PERSON, strict=False)


def _hidden(table: pl.DataFrame, names: tuple[str, ...], where: pl.Expr) -> list[pl.Expr]:
    return [pl.when(where).then(None).otherwise(pl.col(name)).alias(name) for name in names if name in table.columns]
