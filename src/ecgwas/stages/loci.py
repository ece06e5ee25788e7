"""Stage `loci`: thresholds, hits, loci."""

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
from ecgwas.loci import inflation, known, merge, positive_controls, power, thresholds, verdicts
from ecgwas.loci.individual_data import VariantsTested
from ecgwas.stages import loci_genotypes, scan, traits
from ecgwas.stages.base import Needs, Stage, all_in_one, seed_of
from ecgwas.stages.loci_genotypes import LocusData
from ecgwas.study import Study
from ecgwas.tables import VARIANT_KEY, Associations, Guards, Loci, Thresholds, files
from ecgwas.tables.loci import Hits, Power, QQPoints, threshold_caveat

logger = logging.getLogger(__name__)

JUDGED_ROWS = 500_000
"""Kept rows, evenly spaced, whose numbers are checked against each other."""


def _options(study: Study, part: str) -> Any:
    return [study.as_written(study.loci), study.as_written(study.scan), seed_of(study, "scan")]


def _needs(study: Study, part: str) -> Needs:
    again = dict.fromkeys(options.name for options in (*loci_genotypes.of_beats(study), *loci_genotypes.of_seeds(study)))
    return [*(("represent", name) for name in again), ("traits", "all"), *(("scan", name) for name in scan.STAGE.parts(study))]


def _files(study: Study, part: str) -> Sequence[Path]:
    return [*chromosomes.files(study.scan), *(path for path in (study.loci.known,) if path is not None)]


def features_per_lead(names: Sequence[str]) -> int:
    """Most features that one lead of one representation has: what the published threshold divides by."""
    counts = Counter(name.rsplit(".", 1)[0] for name in names)
    return max(counts.values(), default=1)


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    tested = traits.load_traits(study)
    covariates = traits.load_covariates(study)
    results = scan.load_results(study)
    thresholds_table = thresholds.table(study.loci, results, tested, features_per_lead(tested.names))
    power_table = power.table(thresholds_table, len(tested.eids), covariates=len(covariates.names))
    _tell_power(thresholds_table, power_table)
    _tell_threshold(study, thresholds.used(thresholds_table))
    associations = _beyond_the_lowest(study, thresholds_table)
    look = LocusData(study, tested, covariates, results)
    found = merge.find(
        study.loci, thresholds_table, associations, results, keep_neglog10p=study.scan.keep_neglog10p, clump=look.clump
    )
    files.THRESHOLDS.write(found.thresholds, out)
    files.SUMMARY.write(found.summary, out)
    files.HITS.write(Hits.of_associations(found.hits), out)
    files.SET_HITS.write(found.set_hits, out)
    files.CLUMPS.write(found.clumps, out)
    in_turn = scan.rows_in_turn(study, ("trait", "neglog10p"))
    files.VARIANT_COUNTS.write(scan.variant_counts(study), out)
    files.QQ.write(QQPoints(inflation.qq(results, in_turn, covariates=len(covariates.names))), out)
    files.POWER.write(Power(power_table), out)
    evidence = look.closer(found)
    files.CONDITIONAL.write(evidence.conditional, out)
    files.CREDIBLE.write(evidence.credible, out)
    files.AUDIT.write(evidence.audit, out)
    known_tested = look.controls()
    files.KNOWN.write(known_tested, out)
    known_judged = look.controls_judged(known_tested)
    unclear = positive_controls.unclear(known_tested)
    if unclear is not None:
        logger.warning("loci: %s", unclear)
    for row in known_judged:
        logger.info("loci: %s", row["note"])
    files.LOCI.write(Loci(look.known(evidence.loci)), out)
    by_frequency = look.by_frequency()
    files.INFLATION.write(by_frequency, out)
    files.HERITABILITY.write(look.heritability(), out)
    files.NEIGHBOURHOODS.write(look.neighbourhoods(evidence.loci), out)
    judged = verdicts.judge(
        study.scan, results, found.summary, by_frequency, evidence.audit, evidence.loci,
        scan.some_rows(study, JUDGED_ROWS, verdicts.COLUMNS), limit=thresholds.used(found.thresholds), imputed=look.imputed(),
    )  # fmt: skip
    files.SCAN_GUARDS.write(Guards.of([*judged.frame.to_dicts(), *known_judged]), out)
    for note in found.notes:
        logger.info("loci: %s", note)
    logger.info(
        "loci: %d significant variants (%d variant-trait pairs) in %d loci; %d rows without a p-value",
        found.hits.frame.select(VARIANT_KEY).n_unique(), len(found.hits), len(found.loci), found.not_computed,
    )  # fmt: skip


def _beyond_the_lowest(study: Study, table: Thresholds) -> Associations:
    """The kept rows beyond the lowest of the thresholds that the scan's floor allows, and those without a p-value.

    They are what loci are made of and counted; the millions below stay on disk.
    """
    floor = study.scan.keep_neglog10p
    lowest = min((limit for limit in table.frame["neglog10p"] if limit >= floor), default=floor)
    at = pl.col("neglog10p")
    return Associations(scan.rows(study).filter(at.is_null() | at.is_nan() | (at > lowest)).collect(engine="streaming"))


def _tell_power(table: Thresholds, power_table: pl.DataFrame) -> None:
    """What this study could have found, said before what it found."""
    used = power_table.filter(table.frame["used"])
    share = used["share_at_power_80"].item()
    words = "none" if share is None else f"{share:.1%} of a trait's variance"
    logger.info(
        "loci: with %d people, 80 %% power at the threshold needs a variant explaining %s", used["people"].item(), words
    )


def _tell_threshold(study: Study, limit: float) -> None:
    """The study's threshold, with what the guards over variances say of it."""
    logger.info("loci: the threshold is -log10 p %.2f", limit)
    beside = threshold_caveat(files.SAMPLE_GUARDS.read(study.results).frame)
    if beside is not None:
        logger.warning("loci: %s", beside)


def load_hits(study: Study) -> Associations:
    """The significant rows; for loci that only sets of traits find, those with the set's strongest trait and no effect."""
    hits = files.HITS.read(study.results).associations.frame
    found = files.LOCI.read(study.results).frame
    of_sets = files.SET_HITS.read(study.results).frame.sort("neglog10p", descending=True, maintain_order=True)
    of_sets = of_sets.unique(VARIANT_KEY, keep="first", maintain_order=True)
    rows = [hits]
    for locus in found.filter(pl.col("test") != merge.SINGLE).iter_rows(named=True):
        inside = (pl.col("chrom") == locus["chrom"]) & pl.col("pos").is_between(locus["start"], locus["stop"])
        rows.append(of_sets.filter(inside).select([name for name in hits.columns if name in of_sets.columns]))
    return Associations(pl.concat(rows, how="diagonal"))


def tested_positions(study: Study) -> dict[str, NDArray[np.int64]]:
    """Chromosome -> positions of the variants that were tested."""
    results = scan.load_results(study)
    tested = VariantsTested.from_frame(pl.concat([result.left_out.frame for result in results]))
    opened = [chromosomes.open_part(study.scan, part) for part in scan.STAGE.parts(study)]
    return {part.chrom: part.positions[tested.of(part)] for part in opened}


def _check(study: Study) -> Sequence[str]:
    """The threshold foreseen, and the table of known loci opened."""
    thresholds.foresee(study.loci, study.scan.permutation_count, study.scan.keep_neglog10p)
    if study.loci.known is None:
        return []
    table = known.read(study.loci.known)
    genes = (gene.strip() for cell in table.frame["gene"].drop_nulls() for gene in re.split(r"[;,]", cell))
    damaged = gene_symbols.warning(genes, study.loci.known.name)
    warnings = [] if damaged is None else [damaged]
    warnings += map(Caution, known.doubts(study.loci.known, study.scan.build))
    return [f"{table.frame.height} known loci in {study.loci.known.name}", *warnings]


STAGE = Stage(
    "loci", "decide what is significant, join it into loci", all_in_one, _options, _needs, _files, _work, _check,
    version=3,
)  # fmt: skip
