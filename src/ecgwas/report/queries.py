"""Questions about loci, hits and genes that figures, tables and text ask alike."""

from __future__ import annotations

import polars as pl

from ecgwas.report.contents import LociResults
from ecgwas.report.scan_rows import ScanRows
from ecgwas.report.trait_order import with_pieces
from ecgwas.study import ReportOptions
from ecgwas.tables import VARIANT_KEY, Associations, Genes, Loci
from ecgwas.tables.loci import inside

TRAITS_WITHOUT_HITS = 3
"""Traits drawn where none has a hit: those with the strongest tests, so that the page shows what the null looks like."""


def gene_hits(genes: Genes, hits: Associations) -> pl.DataFrame:
    """Significant rows of each gene, once per variant, trait and gene: columns gene, lead, trait, VARIANT_KEY, locus, variant,
    neglog10p."""
    mapped = genes.frame.drop_nulls("gene").select("locus", *VARIANT_KEY, "gene").unique()
    joined = mapped.join(hits.frame, on=VARIANT_KEY)
    columns = ("gene", "lead", "trait", *VARIANT_KEY, "locus", "variant", "neglog10p")
    return with_pieces(joined).select(columns).unique(maintain_order=True)


def nearest_genes(genes: Genes, loci: Loci) -> dict[int, str]:
    """Locus -> the gene of its lead variant, where there is one."""
    of_leads = genes.frame.join(loci.frame.select("locus", *VARIANT_KEY), on=["locus", *VARIANT_KEY])
    of_leads = of_leads.drop_nulls("gene").sort("locus", "rank", "gene")
    return dict(of_leads.unique("locus", keep="first", maintain_order=True).select("locus", "gene").iter_rows())


def genes_of_variants(genes: Genes) -> pl.DataFrame:
    """Columns VARIANT_KEY, gene: the gene of smallest rank of each variant that has one."""
    known = genes.frame.drop_nulls("gene").sort("rank", "gene", nulls_last=True)
    return known.unique(VARIANT_KEY, keep="first", maintain_order=True).select(*VARIANT_KEY, "gene")


def lead_tests(results: LociResults, locus: int) -> pl.DataFrame:
    """The locus' lead variant against every trait: columns of LeadTests without locus, and effect, effect_se and unit, where
    the test is a hit of a measured trait."""
    tests = results.lead_tests.filter(pl.col("locus") == locus).drop("locus")
    natural = results.hits.frame.select("trait", *VARIANT_KEY, "effect", "effect_se", "unit").unique(["trait", *VARIANT_KEY])
    return tests.join(natural, on=["trait", *VARIANT_KEY], how="left", maintain_order="left")


def loci_of_traits(loci: Loci, hits: Associations) -> dict[str, list[int]]:
    """Trait -> the loci in which it has a hit."""
    numbers: dict[str, list[int]] = {}
    for locus in loci.frame.sort("locus").iter_rows(named=True):
        for trait in hits.frame.filter(inside(locus))["trait"].unique():
            numbers.setdefault(trait, []).append(locus["locus"])
    return numbers


def strongest_of_traits(rows: pl.DataFrame) -> pl.DataFrame:
    """The strongest row of each trait, strongest trait first; columns neglog10p, trait, VARIANT_KEY."""
    ordered = rows.sort("neglog10p", "trait", *VARIANT_KEY, descending=[True, *(False for _ in range(5))])
    return ordered.unique("trait", keep="first", maintain_order=True)


def significant_variants(hits: Associations) -> int:
    """The number of distinct significant variants: each counts once, however many traits it is significant for."""
    return hits.frame.select(VARIANT_KEY).n_unique()


def loci_near(loci: Loci, chrom: str, pos: int, window_bp: int) -> pl.DataFrame:
    """The loci that reach to within `window_bp` of a position, strongest first."""
    near = (pl.col("chrom") == chrom) & (pl.col("start") - window_bp <= pos) & (pl.col("stop") + window_bp >= pos)
    return loci.frame.filter(near).sort("neglog10p", descending=True)


def loci_without_planted(loci: Loci, planted: pl.DataFrame, window_bp: int) -> list[int]:
    """Loci without a planted effect near them."""
    positions = planted.select("chrom", "pos").iter_rows()
    near = {locus for chrom, pos in positions for locus in loci_near(loci, str(chrom), int(pos), window_bp)["locus"]}
    return [locus for locus in loci.frame["locus"] if locus not in near]


def locus_pages(results: LociResults) -> list[int]:
    """Loci with a page, strongest first: those with a figure."""
    drawn = {region.locus for region in results.regions} | {beats.locus for beats in results.genotype_beats}
    order = results.loci.frame.sort("neglog10p", "locus", descending=[True, False])["locus"]
    return [locus for locus in order if locus in drawn]


def traits_drawn(options: ReportOptions, hits: Associations, rows: ScanRows) -> list[str]:
    """Traits with a hit, strongest first, at most `max_traits`; where there is no hit, those with the strongest tests."""
    if len(hits) == 0:
        strongest = rows.summary.strongest
        return sorted(strongest, key=lambda trait: (-strongest[trait], trait))[:TRAITS_WITHOUT_HITS]
    finite = hits.frame.filter(pl.col("neglog10p").is_finite())
    best = finite.group_by("trait").agg(pl.col("neglog10p").max())
    return best.sort("neglog10p", "trait", descending=[True, False])["trait"].to_list()[: options.max_traits]
