"""Study options and outcomes as text for the terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import polars as pl
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from rich.console import Console
from rich.table import Column, Table

from ecgwas import represent, stages
from ecgwas.commands import compare, compare_page
from ecgwas.errors import MissingStageError
from ecgwas.progress import duration
from ecgwas.report.text import effects
from ecgwas.stages import null
from ecgwas.study import Matrix, Study
from ecgwas.study.origins import EntryAdded, EntryMissing, as_yaml
from ecgwas.tables import VARIANT_KEY, files
from ecgwas.tables.comparison import Comparison
from ecgwas.tables.loci import threshold_caveat
from ecgwas.workflow import costs_of_permutations, costs_of_relatives, planning
from ecgwas.workflow.planning import Job


def options_text() -> str:
    """Every option of study.yaml: place, default, unit, meaning."""
    return "\n".join(_option_lines(Study, ""))


def settings_lines(study: Study) -> Iterator[str]:
    """Every option that will run: place, value, source, and the preset's value where the two differ."""
    yield f"{study.name}, preset {study.preset}"
    for setting in study.settings:
        if isinstance(setting, EntryAdded | EntryMissing):
            continue
        value = study.as_written(setting.value)
        source = f"{setting.source} (preset: {as_yaml(setting.preset)})" if setting.contradicts else setting.source
        yield f"{setting.place:<44} {as_yaml(value):<40} {source}"


def _option_lines(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        sections = _models(field.annotation)
        place = f"{prefix}{name}"
        yield f"{place:<34} {_default(field, bool(sections))}{_unit(field)}"
        yield f"    {' '.join((field.description or '').split())}"
        for section in sections:
            if "kind" in section.model_fields:
                yield f"  {place}, kind: {section.model_fields['kind'].default}"
                yield f"    {' '.join((section.__doc__ or '').split())}"
            yield from (f"  {line}" for line in _option_lines(section, f"{place}."))


def _default(field: FieldInfo, is_section: bool) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True) if field.default is PydanticUndefined else field.default
    if is_section:
        return ""
    return f"default {value}"


def _unit(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return f" {extra['unit']}" if isinstance(extra, dict) and "unit" in extra else ""


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]


def null_comparison(study: Study, null_study: Study) -> list[tuple[str, int, int]]:
    """Each count of a study with the same count of its null study."""
    counts = null.counts(study) or {}
    null_counts = null.counts(null_study) or {}
    return [(name, count, null_counts[name]) for name, count in counts.items() if name in null_counts]


def representation_comparison(study: Study) -> pl.DataFrame:
    """One row per representation, with the columns of Comparison. Raises MissingStageError before stage `loci` has run."""
    if not files.HITS.exists(study.results):
        raise MissingStageError("no loci have been found", where=study.results, fix=f"run `ecgwas run` on {study.name} first")
    summary, hits, loci = (file.read(study.results).frame for file in (files.SUMMARY, files.HITS, files.LOCI))
    loci_of = {options.name: compare.loci_of(options.name, hits, loci) for options in study.represent}
    rows = []
    for options in study.represent:
        own = pl.col("trait").str.starts_with(f"{options.name}.")
        traits, best = summary.filter(own), hits.filter(own).sort("neglog10p", descending=True).head(1)
        others = set[int]().union(*(loci for name, loci in loci_of.items() if name != options.name))
        rows.append({
            "representation": options.name, "kind": options.kind, "traits": traits.height,
            "significant": hits.filter(own).height, "loci": len(loci_of[options.name]),
            "alone": len(loci_of[options.name] - others), "best_trait": best["trait"].item() if best.height else None,
            "neglog10p": best["neglog10p"].item() if best.height else None,
            "lambda_gc": traits["lambda_gc"].median(), "repeatability": _mean_reliability(study, options.name, "r"),
            "between_visits": _mean_reliability(study, options.name, "icc"),
        })  # fmt: skip
    return Comparison.of(rows).frame


def _mean_reliability(study: Study, name: str, column: str) -> float | None:
    """Mean over features of a column of reliability.csv; None if it has no values."""
    if not files.RELIABILITY.exists(study.results, representation=name):
        return None
    values = files.RELIABILITY.read(study.results, representation=name).frame[column].drop_nulls().to_numpy()
    return float(np.mean(values)) if len(values) else None


@dataclass(frozen=True)
class ComparisonOutput:
    """What `ecgwas compare` prints and writes.

    table      the whole comparison
    printed    the tables that fit a terminal
    file       file in the results folder to write the table to; None: only where the user says
    """

    table: pl.DataFrame
    printed: tuple[pl.DataFrame, ...]
    file: Path | None = None
    warnings: tuple[str, ...] = ()


def comparison_output(paths: Sequence[Path]) -> ComparisonOutput:
    """Compares the representations of one study (Comparison), or those of several studies (StudyComparison).

    Raises MissingStageError for studies that have not been run, StudyError for files that cannot be compared.
    """
    if len(paths) == 1:
        study = Study.read_file(paths[0])
        table = representation_comparison(study)
        return ComparisonOutput(table, (table,), files.COMPARISON.path(study.results))
    studies = compare.read_studies(paths)
    table = compare.compared(studies).frame
    changed = "the study file or its inputs have changed since; `ecgwas run` updates the results"
    warnings = tuple(f"{study}: {changed}" for study in compare.outdated(studies))
    return ComparisonOutput(table, compare.printed(table), None, warnings)


def comparison_page(paths: Sequence[Path], comparison: ComparisonOutput, page: Path) -> Iterator[str]:
    """Writes the page of the comparison and its table; yields warnings, what they say and where they are."""
    one = comparison.table if len(paths) == 1 else None
    output = compare_page.page(compare.read_studies(paths), one)
    for warning in output.warnings:
        yield f"warning: {warning}"
    yield from output.summary
    for path in output.write(page):
        yield f"Wrote {path}"


def cells(frame: pl.DataFrame) -> Iterator[list[str]]:
    """Each row as text: real numbers with four significant digits, missing values empty."""
    for row in frame.iter_rows():
        yield ["" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value) for value in row]


def print_table(frame: pl.DataFrame) -> None:
    """Prints a data frame; long cells are folded."""
    table = Table(*(Column(name, overflow="fold") for name in frame.columns), box=None)
    for row in cells(frame):
        table.add_row(*row)
    wide_console().print(table)


def wide_console() -> Console:
    """A console as wide as the terminal, or 160 columns without a terminal (rich would use 80)."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


PLAN_COLUMNS = (("stage", 10), ("parts", 6), ("fresh", 6), ("core time", 10), ("longest", 9), ("memory", 9), ("disk", 9))
"""Heading and width."""


def plan_lines(study: Study, jobs: Sequence[Job]) -> Iterator[str]:
    """The plan as a table: what each stage needs, and the total."""
    yield "  ".join(f"{name:>{width}}" for name, width in PLAN_COLUMNS) + "   (longest: clock time of the longest part)"
    for row in planning.table(jobs).iter_rows(named=True):
        parts = [job for job in jobs if job.stage == row["stage"]]
        fresh = sum(stages.is_fresh(study, job.stage, job.part) for job in parts)
        cells = [row["stage"], len(parts), fresh, duration(3600 * row["cpu_hours"]), duration(3600 * row["longest_hours"])]
        cells += [f"{row['memory_gib']:.1f} GiB", f"{row['disk_gib']:.2f} GiB"]
        yield "  ".join(f"{cell:>{width}}" for cell, (_, width) in zip(cells, PLAN_COLUMNS, strict=True))
    start, disk = planning.start_seconds(jobs), sum(job.cost.disk_mib for job in jobs) / 1024
    core_seconds = start + sum(job.cost.work_seconds for job in jobs)
    yield f"in all {duration(core_seconds)} of one core like that of docs/validation/scaling.md, {disk:.2f} GiB of results"
    yield f"as jobs on a cluster (run --on), each of the {len(jobs)} parts takes up to {start:.0f} s more to start"


def scan_lines(study: Study) -> Iterator[str]:
    """Who is permuted; what each value of scan.relatives costs and gains; how many are related, if stage traits has counted
    them."""
    size, n_traits = planning.size_of(study), sum(represent.traits_of(options) for options in study.represent)
    yield from costs_of_permutations.lines(study, size, n_traits)
    yield from costs_of_relatives.choices(study, size, n_traits)
    if isinstance(study.scan, Matrix):
        for row in _frame(files.SAMPLE_GUARDS, study.results).filter(pl.col("guard") == "kinship").iter_rows(named=True):
            yield f"  related people: {row['left_out']} of {row['of']} excluded ({row['note']})"


MAX_LINES = 10
"""At most this many loci and guards are printed; the report has them all."""


def nothing_to_do(study: Study, parts: int) -> str:
    """The line of a run that found everything fresh, with the place of the report if there is one."""
    report = files.REPORT.path(study.results)
    return f"Nothing to do: all {parts} parts are fresh" + (f"; report: {report}" if report.exists() else "")


def stage_without_work(stage: str, parts: Collection[str]) -> str:
    """The line of a stage's command that computed nothing: the study has no part of it, or all are fresh."""
    if not parts:
        why = "for all its features come from tables" if stage == "read" else f"for it has no section `{stage}`"
        return f"Nothing to do: the study has no stage {stage}, {why}."
    return f"Nothing to do: {stage} is fresh. --force makes it again"


def outcome(study: Study) -> list[str]:
    """What a finished run found, in a few lines; empty before stage `loci` has run."""
    folder = study.results
    if not files.LOCI.exists(folder):
        return []
    report = files.REPORT.path(folder)
    where = [f"report: {report}"] if report.exists() else []
    shared = files.SHARED_README.path(folder)
    where += [f"to be passed on: {shared.parent}"] if shared.exists() else []
    return [*_cohort_size(folder), *_guard_warnings(folder), *_loci(folder), *where]


def _frame(file: files.TableFile[Any], folder: Path) -> pl.DataFrame:
    """A table of results; without rows if its stage has not written it."""
    frame: pl.DataFrame = (file.read(folder) if file.exists(folder) else file.table.empty()).frame
    return frame


def _cohort_size(folder: Path) -> list[str]:
    people, summary = _frame(files.PEOPLE, folder), _frame(files.SUMMARY, folder)
    if people.is_empty() or summary.is_empty():
        return []
    kept = people.filter(pl.col("status") == "kept").height
    tests, inflation = max(summary["tests"]), summary["lambda_gc"].drop_nulls().to_numpy()
    about = f"{kept:,} people, {summary.height:,} traits, {tests:,} variants"
    return [f"{about}, median lambda {np.median(inflation):.3f}" if len(inflation) else about]


def _guard_warnings(folder: Path) -> list[str]:
    """Guards that did not pass, and the value that each measured."""
    tables = [_frame(file, folder) for file in (files.SAMPLE_GUARDS, files.SCAN_GUARDS)]
    rows = [row for table in tables for row in table.iter_rows(named=True) if row["status"] in ("warn", "fail")]
    return [f"  {row['status']}: {row['guard']}, {_measured(row)} ({row['note']})" for row in rows[:MAX_LINES]]


def _measured(row: Mapping[str, Any]) -> str:
    """The number of people that a guard excluded, or the value that did not pass."""
    if row["left_out"] or row["value"] is None:
        return f"{row['left_out'] or 0} of {row['of']}"
    return f"{row['value']:g} of {row['of']}" if row["limit"] is None else f"{row['value']:g}, limit {row['limit']:g}"


def _loci(folder: Path) -> list[str]:
    loci, hits = _frame(files.LOCI, folder), _frame(files.HITS, folder)
    used = _frame(files.THRESHOLDS, folder).filter(pl.col("used"))
    limit = f"-log10 p > {used['neglog10p'][0]:.2f} ({used['kind'][0]})" if used.height else "the threshold"
    variants = hits.select(VARIANT_KEY).n_unique() if hits.height else 0
    lines = [f"{loci.height:,} loci, {variants:,} significant variants ({hits.height:,} variant-trait pairs) at {limit}"]
    caveat = threshold_caveat(_frame(files.SAMPLE_GUARDS, folder))
    lines += [] if caveat is None else [f"  {caveat}"]
    for row in loci.sort("neglog10p", "locus", descending=[True, False]).head(MAX_LINES).iter_rows(named=True):
        place = f"{row['lead_variant']} at {row['chrom']}:{row['pos']}"
        known = f", {row['known']}" if row.get("known") else ""
        effect = f", {effects.amount(row['effect'], row['effect_se'], row['unit'])} per allele" if row.get("unit") else ""
        lines.append(f"  locus {row['locus']}: {place}, {row['best_trait']}{effect}, -log10 p {row['neglog10p']:.1f}{known}")
    return [*lines, f"  and {loci.height - MAX_LINES} more"] if loci.height > MAX_LINES else lines
