"""Stage `loci`: thresholds, hits, loci, and their follow-up on individual data."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import gene_symbols
from ecgwas.errors import Caution
from ecgwas.genotypes import chromosomes
from ecgwas.loci import guards, inflation, known, merge, natural_units, positive_controls, power, thresholds
from ecgwas.loci.individual_data import VariantsTested
from ecgwas.loci.merge import LociTables
from ecgwas.stages import loci_genotypes, scan, traits
from ecgwas.stages.base import Needs, Stage, all_in_one, seed_of
from ecgwas.stages.loci_genotypes import LocusData
from ecgwas.study import Study
from ecgwas.tables import VARIANT_KEY, Associations, Guards, Loci, ScanResult, Thresholds, files
from ecgwas.tables.calibration import Power, QQPoints
from ecgwas.tables.loci import Hits, inside, threshold_caveat

logger = logging.getLogger(__name__)

DIGITS = 8
"""Significant digits of the points of QQ plots."""

MAX_CHECKED_ROWS = 500_000
"""Maximum number of kept rows, evenly spaced, in which beta, standard error and t are checked for agreement."""


def _options(study: Study, part: str) -> Any:
    return [study.as_written(study.loci), study.as_written(study.scan), seed_of(study, "scan")]


def _needs(study: Study, part: str) -> Needs:
    of_features = [*loci_genotypes.of_beats(study), *loci_genotypes.of_seeds(study), *loci_genotypes.measured(study)]
    read_again = dict.fromkeys(options.name for options in of_features)
    represent = [("represent", name) for name in read_again]
    return [*represent, ("traits", "all"), *(("scan", name) for name in scan.tested_chromosomes(study))]


def _files(study: Study, part: str) -> Sequence[Path]:
    return [*chromosomes.input_files(study.scan), *(path for path in (study.loci.known,) if path is not None)]


def features_per_lead(names: Sequence[str]) -> int:
    """The largest number of features at any lead of a representation: the divisor of the published threshold."""
    counts = Counter(name.rsplit(".", 1)[0] for name in names)
    return max(counts.values(), default=1)


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    tested = traits.load_traits(study)
    covariates = traits.load_covariates(study)
    results = scan.load_results(study)
    thresholds_table = thresholds.table(study.loci, results, tested, features_per_lead(tested.names))
    power_table = power.table(thresholds_table, len(tested.eids), covariates=len(covariates.names))
    _log_power(thresholds_table, power_table)
    _log_threshold(study, thresholds.neglog10p_used(thresholds_table))
    associations = _above_lowest_threshold(study, thresholds_table)
    data = LocusData(study, tested, covariates, results)
    tables = merge.find_loci(
        study.loci, thresholds_table, associations, results, keep_neglog10p=study.scan.keep_neglog10p, clump=data.clump
    )
    files.THRESHOLDS.write(tables.thresholds, out)
    files.SUMMARY.write(tables.summary, out)
    rows = tables.hits.frame
    hits = Hits.of_associations(tables.hits, data.natural_effects(rows), data.heterogeneity(rows))
    files.HITS.write(hits, out)
    files.SET_HITS.write(tables.set_hits, out)
    files.CLUMPS.write(tables.clumps, out)
    of_scan = scan.rows_in_turn(study, ("trait", "neglog10p"))
    files.VARIANT_COUNTS.write(scan.variant_counts(study), out)
    points = inflation.qq(results, of_scan, covariates=len(covariates.names))
    files.QQ.write(QQPoints(points.with_columns(pl.selectors.float().round_sig_figs(DIGITS))), out)
    files.POWER.write(Power(power_table), out)
    _follow_up(study, data, tables, hits, results, out)
    for note in tables.notes:
        logger.info("loci: %s", note)
    logger.debug(
        "loci: %d significant variants (%d variant-trait pairs) in %d loci; %d rows without a p-value",
        tables.hits.frame.select(VARIANT_KEY).n_unique(), len(tables.hits), len(tables.loci), tables.not_computed,
    )  # fmt: skip


def _follow_up(
    study: Study, data: LocusData, tables: LociTables, hits: Hits, results: Sequence[ScanResult], out: Path
) -> None:  # fmt: skip
    """Analyses that read individual data again, and the guards of their results."""
    fine_mapped = data.fine_map(tables)
    files.CONDITIONAL.write(fine_mapped.conditional, out)
    files.CREDIBLE.write(fine_mapped.credible, out)
    files.AUDIT.write(fine_mapped.audit, out)
    files.SIGNAL_NEIGHBOURHOODS.write(fine_mapped.signal_neighbourhoods, out)
    files.NEIGHBOURHOODS.write(data.neighbourhoods(fine_mapped.loci, hits.frame), out)
    lead_tests = data.lead_tests(fine_mapped.loci)
    files.LEAD_TESTS.write(lead_tests, out)
    files.GROUP_EFFECTS.write(data.group_effects(fine_mapped.loci, lead_tests), out)
    known_tested = data.known_tested()
    files.KNOWN.write(known_tested, out)
    ambiguous = positive_controls.ambiguous(known_tested)
    if ambiguous is not None:
        logger.warning("loci: %s", ambiguous)
    known_guards = data.known_guards(known_tested)
    for row in known_guards:
        logger.debug("loci: %s", row["note"])
    files.LOCI.write(Loci(natural_units.of_loci(data.known_by_ld(fine_mapped.loci), hits.frame)), out)
    by_maf = data.inflation_by_maf()
    files.INFLATION.write(by_maf, out)
    files.HERITABILITY.write(data.heritability(), out)
    judged = guards.judge(
        study.scan, results, tables.summary, by_maf, fine_mapped.audit, fine_mapped.loci,
        scan.some_rows(study, MAX_CHECKED_ROWS, guards.COLUMNS), limit=thresholds.neglog10p_used(tables.thresholds),
        imputed=data.imputed(),
    )  # fmt: skip
    files.SCAN_GUARDS.write(Guards.of([*judged.frame.to_dicts(), *known_guards]), out)


def _above_lowest_threshold(study: Study, table: Thresholds) -> Associations:
    """The kept rows above the lowest threshold that is not below keep_neglog10p, and those without a p-value.

    These rows form the loci and are counted; the millions of others stay on disk.
    """
    kept_from = study.scan.keep_neglog10p
    lowest = min((limit for limit in table.frame["neglog10p"] if limit >= kept_from), default=kept_from)
    strength = pl.col("neglog10p")
    kept = strength.is_null() | strength.is_nan() | (strength > lowest)
    return Associations(scan.rows(study).filter(kept).collect(engine="streaming"))


def _log_power(table: Thresholds, power_table: pl.DataFrame) -> None:
    """Logs the study's power, before its findings."""
    used = power_table.filter(table.frame["used"])
    share = used["share_at_power_80"].item()
    words = "none" if share is None else f"{share:.1%} of a trait's variance"
    logger.debug(
        "loci: with %d people, 80 %% power at the threshold needs a variant explaining %s", used["people"].item(), words
    )


def _log_threshold(study: Study, limit: float) -> None:
    """Logs the study's threshold, with a warning if variances differ between groups."""
    logger.debug("loci: the threshold is -log10 p %.2f", limit)
    warning = threshold_caveat(files.SAMPLE_GUARDS.read(study.results).frame)
    if warning is not None:
        logger.warning("loci: %s", warning)


def load_hits(study: Study) -> Associations:
    """The significant rows. Loci found only by trait sets have rows with the set's strongest trait and without an effect."""
    hits = files.HITS.read(study.results).associations.frame
    loci = files.LOCI.read(study.results).frame
    of_sets = files.SET_HITS.read(study.results).frame.sort("neglog10p", descending=True, maintain_order=True)
    of_sets = of_sets.unique(VARIANT_KEY, keep="first", maintain_order=True)
    rows = [hits]
    for locus in loci.filter(pl.col("test") != merge.SINGLE).iter_rows(named=True):
        rows.append(of_sets.filter(inside(locus)).select([name for name in hits.columns if name in of_sets.columns]))
    return Associations(pl.concat(rows, how="diagonal"))


def tested_positions(study: Study) -> dict[str, NDArray[np.int64]]:
    """Chromosome -> (V,) positions of the variants that were tested."""
    results = scan.load_results(study)
    tested = VariantsTested.from_frame(pl.concat([result.left_out.frame for result in results]))
    opened = [chromosomes.open_chromosome(study.scan, part) for part in scan.tested_chromosomes(study)]
    return {part.chrom: part.positions[tested.mask(part)] for part in opened}


def _check(study: Study) -> Sequence[str]:
    """Checks that the threshold can be computed, and describes the table of known loci."""
    thresholds.check(study.loci, study.scan.permutation_count, study.scan.keep_neglog10p)
    if study.loci.known is None:
        return []
    table = known.read(study.loci.known)
    genes = (gene.strip() for cell in table.frame["gene"].drop_nulls() for gene in re.split(r"[;,]", cell))
    damaged = gene_symbols.warning(genes, study.loci.known.name)
    warnings = [] if damaged is None else [damaged]
    warnings += map(Caution, known.warnings_of(study.loci.known, study.scan.build))
    return [f"{table.frame.height} known loci in {study.loci.known.name}", *warnings]


STAGE = Stage(
    "loci", "decide what is significant, join it into loci", all_in_one, _options, _needs, _files, _work, _check,
    version=10,
)  # fmt: skip
