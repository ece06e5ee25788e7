"""Stage `share`: what may be passed on - report, figures, summary statistics, tables - without a trace of any one person."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from ecgwas import __version__, report
from ecgwas.errors import first_few
from ecgwas.genotypes import chromosomes, pruned_panel
from ecgwas.genotypes.readers import unpack
from ecgwas.privacy import membership as members
from ecgwas.privacy.matching import MAX_PEOPLE, beyond_chance
from ecgwas.report import sample_flow
from ecgwas.stages import matching, share_crate, traits
from ecgwas.stages import report as report_stage
from ecgwas.stages.base import Needs, Stage, all_in_one, nothing_to_check, seed_of, write_json
from ecgwas.study import Study
from ecgwas.tables import Associations, files
from ecgwas.tables.loci import ExcludedCounts, Matching, Membership, UntestedCounts

logger = logging.getLogger(__name__)

README = """\
# What may be passed on

Made by ecgwas for the study "{name}". No eid, no recording of one participant and no group of fewer than {min_people}
participants was written here; `ecgwas audit` searches the folder for all of them. That does not make it anonymous: anyone who
has a participant's genome or ECG may learn from summary statistics that this participant took part. How well that works was
measured in this study (`tables/share/membership.csv`), and so was how often an ECG was matched to its genome by loci found in
other participants (`tables/share/matching.csv`). Other attacks were not measured. Everything else under the results folder
contains data of individual participants and must not be passed on.

    report.html   the report             figures/   its pictures and their numbers
    tables/       tables of the stages   tables/scan/associations.parquet   summary statistics, as far as the scan kept them
    workflow/     the stages, in order   ro-crate-metadata.json             what each file is, with its SHA-256 (RO-Crate)
"""


def _options(study: Study, part: str) -> Any:
    return [study.as_written(study.share), report_stage.settings(study), seed_of(study, "share")]


def _needs(study: Study, part: str) -> Needs:
    return [*report_stage.STAGE.needs(study, part), ("report", "all")]


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    min_people = study.share.min_people
    contents = report.shareable(report_stage.gather(study, min_people=min_people), min_people)
    if study.share.matching:
        rates = matching.matched(study)
        contents = replace(contents, tables={**contents.tables, files.MATCHING: rates.frame})
        _log("matching", rates, matching.WHY_NOTHING)
    if study.share.membership:
        membership = _membership(study)
        contents = replace(contents, tables={**contents.tables, files.MEMBERSHIP: membership.frame})
        _log("membership", membership, members.WHY_NOTHING)
    report_stage.write_page(report.render(study.report, contents), out)
    for name, table in tables(contents).items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        table.write_csv(path)
    path = files.SHARED_ASSOCIATIONS.within(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(contents.scan.rows, path)
    files.SHARED_README.within(out).write_text(README.format(name=study.name, min_people=min_people))
    write_json(files.SHARED_ABOUT.within(out), {"min_people": min_people, "study": study.name, "ecgwas": __version__})
    share_crate.write(study, out)


def _files(study: Study, part: str) -> Sequence[Path]:
    return list(dict.fromkeys([*report_stage.STAGE.files(study, part), *share_crate.reference_files(study)]))


def _log(what: str, table: Matching | Membership, why_nothing: str) -> None:
    """Logs how many rates were measured, and how many are beyond chance; `ecgwas share` prints them all."""
    if len(table) == 0:
        logger.warning("share: %s cannot be measured (%s)", what, why_nothing)
        return
    beyond = sum(bool(beyond_chance(row)) for row in table.frame.iter_rows(named=True))
    level = logging.WARNING if beyond else logging.DEBUG
    logger.log(level, "share: %s: %d rates measured, %d beyond what chance gives in one of 40 cases", what, len(table), beyond)


def write_rows(kept: report.ScanRows, path: Path) -> None:
    """Writes the rows that the scan kept while they are read."""
    columns = Associations.columns

    def source(*_: object) -> Iterator[pl.DataFrame]:
        return kept.chunks(list(columns))

    register_io_source(source, schema={name: column.dtype for name, column in columns.items()}).sink_parquet(path)


def tables(contents: report.ReportContents) -> dict[str, pl.DataFrame]:
    """Name below results/share -> table: all tables that may be shared, except the rows of the scan.

    Raises ValueError for a table that is not declared, or not as `shared`.
    """
    results, loci, genes = contents.scan, contents.loci, contents.genes
    of_study: dict[files.ResultFile, pl.DataFrame] = {
        files.TRAIT_REPORT: results.trait_report, files.SUMMARY: results.summary.frame, files.QQ: results.qq,
        files.HITS: loci.hits.frame, files.LOCI: loci.loci.frame,
        files.THRESHOLDS: loci.thresholds.frame, files.POWER: loci.power, files.GENES: genes.genes.frame,
        files.EDGES: genes.edges.frame, files.CLUSTERS: genes.clusters.frame, files.TERMS: genes.terms.frame,
        **contents.tables,
    }  # fmt: skip
    undeclared = [file.place for file in of_study if file not in files.ALL]
    if undeclared:
        raise ValueError(f"{first_few(undeclared)} is not declared in tables/files.py")
    shared = {
        files.EXCLUDED_COUNTS.name: _excluded(contents).frame,
        files.UNTESTED_COUNTS.name: UntestedCounts(results.excluded_variants).frame,
        **{file.shared_copy.name: table for file, table in of_study.items()},
    }  # fmt: skip
    for one in contents.representations:
        shown: dict[files.ResultFile, pl.DataFrame] = {
            files.HISTORY: one.history,
            files.ERRORS: one.errors,
            files.RELIABILITY: one.reliability,
        }
        shared |= {file.shared_copy.name.format(representation=one.name): table for file, table in shown.items()}
    return shared


def _excluded(contents: report.ReportContents) -> ExcludedCounts:
    """How many participants each step of the analysis excluded, and why; small counts are null."""
    min_people = contents.run.min_people
    steps = sample_flow.steps(contents.cohort, min_people)
    reasons = [(step.what, reason, count) for step in steps for reason, count in step.excluded]
    schema = {"before": pl.String, "reason": pl.String, "left_out": pl.Int64}
    shown = pl.when(pl.col("left_out") >= min_people).then(pl.col("left_out"))
    return ExcludedCounts(pl.DataFrame(reasons, schema=schema, orient="row").with_columns(left_out=shown))


def _membership(study: Study) -> Membership:
    """How well members are distinguished from other people by what the study's options share."""
    tested, seed = traits.load_traits(study), seed_of(study, "share")
    drawn = np.sort(np.random.default_rng([seed, 5]).permutation(len(tested.eids))[:MAX_PEOPLE])
    columns = np.array([tested.names.index(name) for name in _strongest_features(study, tested.names)], dtype=np.int64)
    options = study.scan
    passed_on = members.SharedStatistics(options.keep_neglog10p, options.min_maf, max(options.min_mac, study.share.min_people))
    pieces = _calls(study, tuple(tested.eids[i] for i in drawn))
    return members.membership(pieces, tested.values[np.ix_(drawn, columns)], passed_on, seed=seed)


def _calls(study: Study, eids: tuple[str, ...]) -> Iterator[members.GenotypeCalls]:
    """Hard calls of the people, a piece of an autosome at a time; linkage disequilibrium between pieces is not considered."""
    step = max(1, members.CALLS_PER_STEP // len(eids))
    opened = [
        chromosomes.open_chromosome(study.scan, part)
        for part in chromosomes.available(study.scan)
        if part in pruned_panel.AUTOSOMES
    ]
    stride = max(1, -(-sum(len(part) for part in opened) // members.MAX_VARIANTS))
    for part in opened:
        read = [(places, unpack(calls.packed, calls.people)) for places, calls in pruned_panel.read_blocks(part, eids, stride)]
        if read:
            places, codes = (np.concatenate(each) for each in zip(*read, strict=True))
            for start in range(0, len(places), step):
                piece = slice(start, start + step)
                yield members.GenotypeCalls(codes[piece], part.positions[places[piece]])


def _strongest_features(study: Study, names: tuple[str, ...]) -> list[str]:
    hits = files.HITS.read(study.results).frame
    first = hits.sort("neglog10p", "trait", descending=[True, False])["trait"].unique(maintain_order=True)
    return [*dict.fromkeys([*first, *names])][: matching.MAX_FEATURES]


STAGE = Stage(
    "share", "collect what may be passed on", all_in_one, _options, _needs, _files, _work, nothing_to_check,
    version=10,
)  # fmt: skip
