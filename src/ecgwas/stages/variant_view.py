"""One variant, looked at after a run: every trait's test, the ECG by genotype, its surroundings. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import report
from ecgwas import scan as engines
from ecgwas.errors import InputError
from ecgwas.genes.sources.gene_positions import ChromosomeGenes
from ecgwas.genotypes import chromosome_codes, chromosomes
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.variant_lookup import FoundVariant
from ecgwas.loci import neighbourhoods
from ecgwas.loci.individual_data import KEY_AND_NAME, find_variants, variant_keys
from ecgwas.report.figures.genotype import FEWEST
from ecgwas.report.scan_rows import carried_by_few
from ecgwas.scan import imported
from ecgwas.signals import Signals
from ecgwas.stages import read, report_data, scan, traits
from ecgwas.stages import represent as represent_stage
from ecgwas.study import Study
from ecgwas.tables import VARIANT_KEY, Covariates, Traits, files

NO_FILTERS = {"min_maf": 0.0, "min_mac": 0.0, "min_call_rate": 0.0, "min_hwe_p": 0.0, "min_info": 0.0}

FOREIGN = (imported.REPEATED, imported.OTHER_ALLELES, imported.NOT_IN_GENOTYPES)
"""Reasons of rows of imported results that are no variant's of the genotypes."""

FILTER_WORDS = {
    imported.NOT_IN_FILES: "it is not in the imported results",
    "call_rate": "its call rate is below scan.min_call_rate ({min_call_rate:g})",
    "maf": "its minor allele frequency is below scan.min_maf ({min_maf:g})",
    "mac": "its minor allele count is below scan.min_mac ({min_mac:g})",
    "info": "its imputation quality is below scan.min_info ({min_info:g})",
    "hwe": "its Hardy-Weinberg p is below scan.min_hwe_p ({min_hwe_p:g})",
}


@dataclass(frozen=True)
class StudyTables:
    """Tables of a study that several views of a variant need, read once.

    ancestry (N,): each participant's ancestry group, in the order of the traits; genes: chromosome -> its genes
    """

    traits: Traits
    covariates: Covariates
    ancestry: NDArray[np.int64]
    genes: Mapping[str, ChromosomeGenes]

    @classmethod
    def of(cls, study: Study) -> StudyTables:
        """Those of a study whose stage `traits` has run."""
        groups = traits.load_ancestry(study, "ancestry_group")
        return cls(traits.load_traits(study), traits.load_covariates(study), groups, report_data.chromosome_genes(study))


@dataclass(frozen=True)
class VariantTests:
    """Tests of one variant.

    tests     columns of Associations, one row per trait tested, in the order of the traits
    untested  columns trait, reason: traits without a test
    """

    tests: pl.DataFrame
    untested: pl.DataFrame

    @property
    def strongest(self) -> str | None:
        """The trait with the smallest p; None if no trait was tested."""
        finite = self.tests.filter(pl.col("neglog10p").is_finite())
        return None if finite.height == 0 else str(finite.sort("neglog10p", descending=True)["trait"][0])


def why_excluded(study: Study, variant: FoundVariant) -> str | None:
    """Why the study's scan does not test the variant, in words; None if it does."""
    if variant.chrom not in scan.tested_chromosomes(study):
        return f"chromosome {variant.chrom} is {chromosome_codes.NOT_ASKED_FOR}"
    key = pl.DataFrame([variant.key])
    tested = chromosomes.open_chromosome(study.scan, variant.chrom)
    if variant_keys(tested).join(key, on=KEY_AND_NAME, how="semi").height == 0:
        return f"it is {chromosome_codes.NOT_LISTED}"
    reason = _reason_for_all_traits(files.LEFT_OUT_VARIANTS.read(study.results, part=variant.chrom).frame, key)
    if reason is None:
        return None
    return FILTER_WORDS.get(reason, reason).format(**study.scan.model_dump())


def _reason_for_all_traits(excluded: pl.DataFrame, key: pl.DataFrame | None = None) -> str | None:
    """Why variants, by default all, are excluded for all traits: the first reason; None if they are not.

    excluded: columns of LeftOutVariants; key: those of KEY_AND_NAME. Rows of imported results that match no variant of the
    genotypes are passed over, whatever their name.
    """
    rows = excluded if key is None else excluded.join(key, on=KEY_AND_NAME, how="semi")
    own = rows.filter((pl.col("trait").fill_null("") == "") & ~pl.col("reason").is_in(FOREIGN))
    return str(own["reason"][0]) if own.height else None


def tests_of(study: Study, tables: StudyTables, variant: FoundVariant) -> VariantTests:
    """The variant against every trait, whatever the filters of variants say."""
    engine = scan.whole_engine(study).model_copy(update=NO_FILTERS)
    result = engines.scan(engine, tables.traits, tables.covariates, _alone(variant), seed=0, ancestry=tables.ancestry)
    order = pl.DataFrame({"trait": list(tables.traits.names)}).with_row_index("place")
    rows = result.associations.frame.join(order, on="trait").sort("place").drop("place")
    excluded = result.left_out.frame
    for_all = _reason_for_all_traits(excluded)
    own = excluded.filter(pl.col("trait").fill_null("") != "").select("trait", "reason")
    lacking = order.join(rows, on="trait", how="anti").join(own, on="trait", how="left").sort("place")
    untested = lacking.select("trait", pl.col("reason").fill_null(for_all or "no result"))
    return VariantTests(rows, untested)


def _alone(variant: FoundVariant) -> Any:
    return variant.genotypes.select(_place(variant))


def _place(variant: FoundVariant) -> NDArray[np.int64]:
    """(1,) index of the variant on its chromosome."""
    return find_variants(variant.genotypes, pl.DataFrame([variant.key]))


def dosage(variant: FoundVariant, tested: Sequence[str], eids: Sequence[str]) -> NDArray[np.float64]:
    """(N,) copies of the effect allele of `eids`; NaN for those who are not `tested` or have no call.

    Participants tested who are not in `eids` are passed over: features from tables may be of people without a recording.
    """
    return copies_of(variant.genotypes, int(_place(variant)[0]), tested, eids)


def copies_of(genotypes: Genotypes, index: int, tested: Sequence[str], eids: Sequence[str]) -> NDArray[np.float64]:
    """(N,) copies of the effect allele of a variant (its index on the chromosome), as `dosage` says."""
    known = dict(zip(tested, genotypes.dosage_of(index, tested), strict=True))
    return np.array([known.get(eid, np.nan) for eid in eids], dtype=np.float64)


def copies_of_leads(
    study: Study, loci: pl.DataFrame, tested: Sequence[str], eids: Sequence[str]
) -> Iterator[tuple[dict[str, Any], NDArray[np.float64]]]:
    """Each locus (a row of Loci) with the (N,) copies of its lead variant's effect allele, as `dosage` says."""
    for locus in loci.iter_rows(named=True):
        genotypes = chromosomes.open_chromosome(study.scan, locus["chrom"])
        yield locus, copies_of(genotypes, neighbourhoods.place_of_lead(genotypes, locus), tested, eids)


def with_beats(study: Study, variant: FoundVariant, tested: Sequence[str]) -> tuple[Signals, report.LeadVariant]:
    """The study's signals, and the variant's copies in the participants `tested` who have a median beat; NaN for others."""
    signals = read.load_signals(study)
    copies = dosage(variant, tested, signals.eids)
    named = report.LeadVariant(None, variant.variant, variant.effect_allele, variant.other_allele, copies)
    (of_beats,) = report.without_missing_beats(signals, [named])
    return signals, of_beats


def beats_of(study: Study, tables: StudyTables, variant: FoundVariant, min_people: int) -> report.GenotypeBeats | None:
    """The ECG by genotype with the decoded effect of one allele, as in the report; None if it cannot be shown (`comparable`).

    min_people: genotypes of fewer participants are pooled with their neighbours and means are rounded; 0: neither. None also
    if the study has no recordings.
    """
    if study.read is None:
        return None
    signals, whole = with_beats(study, variant, tables.traits.eids)
    grouped = report.pooled(whole, min_people) if min_people else whole
    if grouped is None or not comparable(grouped.dosage):
        return None
    (beats,) = report.genotype_beats(signals, [grouped])
    decoders = report_data.beat_decoders(represent_stage.load_fitted(study), len(signals.beat_times_ms))
    beats = replace(beats, decoded=report_data.decoded_effects(decoders, grouped, signals.eids))
    return report.shareable_beats(beats) if min_people else beats


def comparable(copies: NDArray[np.float64]) -> bool:
    """True if two genotypes have at least FEWEST participants; else the effect would be nearly one person's recording."""
    known = copies[np.isfinite(copies)]
    counts = np.bincount(np.round(known).astype(np.int64), minlength=3)
    return int((counts >= FEWEST).sum()) >= 2


def region_of(
    study: Study, tables: StudyTables, variant: FoundVariant, trait: str, own: pl.DataFrame, min_people: int
) -> report.LocusRegion:  # fmt: skip
    """The trait against every variant around, with the study's filters, and the genes there.

    own: the variant's own tests (VariantTests.tests), which are drawn even if a filter excludes it; min_people: alleles
    carried fewer times are not shown; 0: all are.
    """
    locus = {
        **variant.key,
        "locus": 0,
        "lead_variant": variant.variant,
        "start": variant.pos,
        "stop": variant.pos,
        "best_trait": trait,
    }
    table = neighbourhoods.neighbourhoods(
        pl.DataFrame([locus]), tables.traits, tables.covariates, lambda chrom: variant.genotypes,
        engine=scan.whole_engine(study), ancestry=tables.ancestry,
    ).frame  # fmt: skip
    if table.join(pl.DataFrame([variant.key]), on=KEY_AND_NAME, how="semi").height == 0:
        added = own.filter(pl.col("trait") == trait).with_columns(r2_with_lead=pl.lit(1.0))
        table = pl.concat([table, added.select([name for name in table.columns if name in added.columns])], how="diagonal")
    shown = table.filter(~carried_by_few(min_people)) if min_people else table
    start, stop = (int(np.clip(edge, 1, None)) for edge in _span(shown, variant.pos))
    window = (variant.chrom, start, stop)
    (genes,), (rates,) = report_data.genes_in(study, [window]), report_data.recombination_in(study, [window])
    columns = report_data.region_tests(shown.sort("pos"))
    return report.LocusRegion(None, trait, *window, variant.key, columns, genes, recombination=rates)


def _span(table: pl.DataFrame, pos: int) -> tuple[int, int]:
    """First and last position of the neighbourhood; 250 kb on either side if it has no variant."""
    first, last = table["start"].drop_nulls(), table["stop"].drop_nulls()
    flank = neighbourhoods.FLANK_BP
    return (int(first[0]), int(last[0])) if len(first) else (pos - flank, pos + flank)


def likely_chroms(study: Study, name: str) -> list[str]:
    """Chromosomes on which the scan kept rows of a variant of this name; none if the scan has not run to its end."""
    if not all(files.ASSOCIATIONS.exists(study.results, part=part) for part in scan.tested_chromosomes(study)):
        return []
    rows = scan.rows(study).filter(pl.col("variant") == name).select("chrom").unique()
    return rows.collect(engine="streaming")["chrom"].to_list()


def locus_of(study: Study, variant: FoundVariant) -> dict[str, Any] | None:
    """The locus, as a row of Loci, in which the variant lies; None if it lies in none."""
    loci = files.LOCI.read(study.results).frame
    around = loci.filter(
        (pl.col("chrom") == variant.chrom) & (pl.col("start") <= variant.pos) & (pl.col("stop") >= variant.pos)
    )
    return around.row(0, named=True) if around.height else None


def genes_near(tables: StudyTables, variant: FoundVariant) -> list[str]:
    """Genes of the study's table over the variant, or the nearest one within reach of a regional plot; else none."""
    ranges = tables.genes.get(variant.chrom)
    flank = neighbourhoods.FLANK_BP
    around = report_data.genes_between(ranges, variant.pos - flank, variant.pos + flank)
    away = pl.max_horizontal(pl.col("start") - variant.pos, variant.pos - pl.col("stop"), pl.lit(0))
    near = around.with_columns(away=away).sort("away", "gene")
    return near.filter(pl.col("away") == pl.col("away").min())["gene"].to_list()


def refuse_few_carriers(variant: FoundVariant, variant_tests: VariantTests, min_people: int) -> None:
    """Raises InputError if the rarer allele is carried fewer than `min_people` times: nothing of it may be passed on."""
    if min_people and variant_tests.tests.filter(carried_by_few(min_people)).height:
        problem = f"{variant.variant}: its rarer allele is carried fewer than {min_people} times (share.min_people)"
        raise InputError(problem, where=":".join(str(variant.key[name]) for name in VARIANT_KEY),
                         fix="look at it without --shareable, and keep the result to yourself")  # fmt: skip
