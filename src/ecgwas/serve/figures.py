"""Figures of the report, drawn for any variant, trait or region of a served study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from ecgwas import report
from ecgwas.loci.neighbourhoods import FLANK_BP
from ecgwas.report.contents import Figure
from ecgwas.report.figures import associations, genome_points, phewas, region
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.thinning import DRAWN, PixelThinner
from ecgwas.report.plot_data import PlotData
from ecgwas.serve import addresses
from ecgwas.serve.kept import NUMBERS
from ecgwas.serve.study import Served
from ecgwas.serve.variants import NAMED
from ecgwas.serve.words import TestWords
from ecgwas.tables import VARIANT_KEY, Summary

ONE = "one"
OVERVIEW = "overview"
REGION_COLUMNS = ("variant", "pos", "effect_allele", "other_allele", "eaf", "n", "beta", "se", "neglog10p", "r2")


def manhattan(served: Served, trait: str) -> Figure | None:
    """Kept tests of a trait along the genome; None if there are none."""
    rows = served.kept.trait(served.trait_number(trait))
    limit = served.threshold[0]
    beyond = int((rows["neglog10p"] > limit).sum())
    what = f"{trait}: {beyond:,} variants beyond the study's threshold, −log10 p {limit:.2f} ({served.threshold[1]}; dashed)"
    return _along_genome(served, rows, f"Manhattan plot of {trait}", what, [])


def overview(served: Served) -> Figure | None:
    """Each variant's strongest kept test along the genome, with the loci's genes; None without kept tests. Drawn once."""
    if OVERVIEW not in served.drawn:
        served.drawn[OVERVIEW] = _overview(served)
    return served.drawn[OVERVIEW]


def _overview(served: Served) -> Figure | None:
    limit, loci = served.threshold[0], served.loci
    labels = [(row["chrom"], row["pos"], row["neglog10p"],
               served.genes.nearest(row["chrom"], row["pos"]) or row["lead_variant"])
              for row in loci.iter_rows(named=True)]  # fmt: skip
    what = (
        f"Every variant's strongest kept test over {len(served.kept.traits):,} traits; the dashed line is the study's "
        f"threshold, −log10 p {limit:.2f} ({served.threshold[1]})"
    )
    return _along_genome(served, _strongest_of_variants(served), "All traits along the genome", what, labels)


def _strongest_of_variants(served: Served) -> pl.DataFrame:
    """Each variant's strongest kept test, of those of weak ones about one per pixel: columns NAMED, trait, NUMBERS."""
    kept = served.kept
    if len(kept) == 0:
        return kept.trait(0)
    heights = np.nan_to_num(kept.rows["neglog10p"].fill_null(0.0).to_numpy(), posinf=1e9)
    best = np.maximum.reduceat(heights, kept.of_variant[:-1])
    number = kept.rows["variant_number"].to_numpy()
    places = np.flatnonzero(heights == best[number])
    places = places[np.unique(number[places], return_index=True)[1]]
    starts = np.repeat([served.genome.starts[chrom] for chrom in kept.table.spans],
                       [after - first for first, after in kept.table.spans.values()])  # fmt: skip
    column = np.round((starts + kept.table.positions) * 860 / served.genome.end).astype(np.int64)
    row = np.round(np.minimum(best, 1e4) * 1000 / max(float(np.minimum(best, 1e4).max()), 1.0)).astype(np.int64)
    first = np.unique(column * 100_000 + row, return_index=True)[1]
    chosen = np.union1d(first, np.flatnonzero(best > served.threshold[0]))
    rows = kept.rows[places[chosen]]
    traits = pl.Series("trait", kept.traits, dtype=pl.String).gather(rows["trait_number"])
    described: pl.DataFrame = pl.concat([kept.table.frame[chosen], rows.select(traits, *NUMBERS)], how="horizontal")
    return described


def _along_genome(
    served: Served, rows: pl.DataFrame, title: str, what: str, labels: Sequence[tuple[str, int, float, str]]
) -> Figure | None:  # fmt: skip
    finite = rows.filter(pl.col("neglog10p").is_finite())
    if finite.height == 0:
        return None
    limit, genome = served.threshold[0], served.genome
    lowest, highest = (
        float(value) for value in finite.select(low=pl.col("neglog10p").min(), high=pl.col("neglog10p").max()).row(0)
    )
    floor = min(lowest if served.keep_neglog10p is None else served.keep_neglog10p, limit)
    panel = associations.panel_along(genome, floor, max(highest, limit) * (1.14 if labels else 1.06), height=300)
    thinner = PixelThinner(genome, limit, {ONE: panel}, pl.lit(ONE))
    thinner.add(finite.select(DRAWN))
    drawn = thinner.drawn(ONE)
    words = TestWords.of_rows(served, finite)
    marks, points = genome_points.drawn(panel, 0, drawn, genome, limit, words)
    moving = d.zoomable(0, panel, [*marks, *associations.labels_of_loci(panel, genome, labels)], "genome")
    kept = f"Tests below −log10 p {served.floor_words} were counted, not kept"
    caption = f"{what}. {kept}. Below the threshold, one test per pixel is drawn."
    picture = associations.along_genome(panel, genome, limit, caption, [moving])
    return Figure(title, caption, picture, drawn.write_csv(), PlotData([panel], points, zoomed=[0], axis="genome"))


def qq(served: Served, trait: str) -> Figure | None:
    """QQ plot of a trait, of all its tests, kept or not; None without tests."""
    return associations.qq(trait, served.qq, Summary(served.summary))


def all_traits(served: Served, variant: Mapping[str, Any], tests: pl.DataFrame) -> Figure | None:
    """-log10 p of a variant's tests by representation and lead; each leads to the region of its trait.

    tests: as Served.tests_of gives them
    """
    limit, unit = served.threshold[0], served.sd_unit or "units of the feature"
    drawn = phewas.phewas(variant["variant"], variant["effect_allele"], tests, limit, sd_unit=unit)
    if drawn is None or drawn.plot is None:
        return None
    start, stop = max(1, variant["pos"] - FLANK_BP), variant["pos"] + FLANK_BP
    ordered = phewas.in_order(tests.filter(pl.col("neglog10p").is_finite()))
    to = [addresses.region(variant["chrom"], start, stop, name, served.key) for name in ordered["trait"]]
    points = [replace(one, links=to) for one in drawn.plot.points]
    return replace(drawn, caption=f"{drawn.caption} {which_tests(served, tests)}", plot=replace(drawn.plot, points=points))


def which_tests(served: Served, tests: pl.DataFrame) -> str:
    """Which of a variant's tests are there, in a sentence."""
    traits = len(served.kept.traits)
    if served.dense is not None or served.keep_neglog10p == 0:
        return f"Every test is there: {tests.height:,} of {traits:,} traits were tested."
    absent = traits - tests.height
    return (
        f"The scan kept tests with −log10 p of {served.floor_words} or more: {tests.height:,} of {traits:,} traits; the other "
        f"{absent:,} are below it or were not tested."
    )


@dataclass(frozen=True)
class RegionTests:
    """tests: columns REGION_COLUMNS; lead: the variant of the diamond (NAMED); which: which tests they are, in words."""

    tests: pl.DataFrame
    lead: Mapping[str, Any]
    which: str


def region_tests(served: Served, chrom: str, start: int, stop: int, trait: str) -> RegionTests | None:
    """Tests of a trait in a region: kept ones, all with every test on disk, and those around loci; None if there are none."""
    number = served.trait_number(trait)
    rows = served.kept.trait_between(number, served.kept.table.between(chrom, start, stop))
    which = f"the variants here with −log10 p of {served.floor_words} or more, which are those kept"
    if served.keep_neglog10p == 0:
        which = ""
    elif served.dense is not None:
        every = served.dense.trait_between(number, served.dense.table.between(chrom, start, stop))
        rows, which = pl.concat([rows, every.join(rows, on=VARIANT_KEY, how="anti")]), ""
    around = served.neighbourhoods.filter((pl.col("chrom") == chrom) & pl.col("pos").is_between(start, stop))
    of_trait = around.filter(pl.col("trait") == trait).unique(VARIANT_KEY, maintain_order=True)
    added = of_trait.join(rows, on=VARIANT_KEY, how="anti")
    if added.height and which:
        which = f"{which}, and all variants tested within 250 kb of locus {', '.join(map(str, added['locus'].unique().sort()))}"
        rows = pl.concat([rows, added.select(*NAMED, "trait", "eaf", "n", "beta", "se", t=pl.col("beta") / pl.col("se"),
                                             neglog10p="neglog10p")], how="diagonal")  # fmt: skip
    finite = rows.filter(pl.col("neglog10p").is_finite())
    if finite.height == 0:
        return None
    lead, correlations = _lead(served, chrom, start, stop, finite, around)
    joined = rows.join(correlations, on=VARIANT_KEY, how="left").sort("pos", *VARIANT_KEY)
    return RegionTests(joined.select(REGION_COLUMNS), lead, which)


def _lead(
    served: Served, chrom: str, start: int, stop: int, tests: pl.DataFrame, around: pl.DataFrame
) -> tuple[Mapping[str, Any], pl.DataFrame]:
    """The lead variant of the strongest locus within the region, and r squared with it (columns VARIANT_KEY, r2); without a
    locus the strongest variant, with which r squared is not known."""
    here = served.loci.filter((pl.col("chrom") == chrom) & pl.col("pos").is_between(start, stop))
    loci = here.sort("neglog10p", descending=True).filter(pl.col("locus").is_in(around["locus"].unique().to_list()))
    if loci.height:
        row = loci.row(0, named=True)
        own = around.filter(pl.col("locus") == row["locus"]).unique(VARIANT_KEY, maintain_order=True)
        lead = {"variant": row["lead_variant"], **{name: row[name] for name in VARIANT_KEY}}
        return lead, own.select(*VARIANT_KEY, r2="r2_with_lead")
    best = tests.sort("neglog10p", descending=True).row(0, named=True)
    nothing = tests.clear().select(*VARIANT_KEY, r2=pl.lit(None, pl.Float64))
    return {name: best[name] for name in NAMED}, nothing


def regional(served: Served, chrom: str, start: int, stop: int, trait: str, shown: RegionTests) -> Figure | None:
    """-log10 p of a trait along a region, with its genes."""
    genes, rates = served.genes.between(chrom, start, stop), served.genes.rates(chrom, start, stop)
    here = report.LocusRegion(None, trait, chrom, start, stop, shown.lead, shown.tests, genes, recombination=rates)
    return region.region(here, served.threshold[0], hits=served.natural, sd_unit=served.sd_unit or "units of the feature",
                         which=shown.which)  # fmt: skip
