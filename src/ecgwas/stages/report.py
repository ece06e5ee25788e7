"""Stage `report`: the results of all other stages on one page."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import report, represent
from ecgwas.errors import EcgwasError, InputError, first_few
from ecgwas.genes import recombination_map
from ecgwas.genotypes import variant_choice
from ecgwas.loci import thresholds
from ecgwas.signals import Signals, example_index
from ecgwas.stages import (
    feature_tables,
    genes,
    loci,
    null,
    outcomes,
    predict,
    read,
    reconstructions,
    scan,
    scores,
    traits,
    variant_view,
)
from ecgwas.stages import report_data as gathering
from ecgwas.stages import represent as represent_stage
from ecgwas.stages.base import Needs, Stage, all_in_one, note_path
from ecgwas.stages.case_beats import case_beats
from ecgwas.stages.represent import Fitted
from ecgwas.store import Note
from ecgwas.study import RepresentationOptions, Study
from ecgwas.tables import Features, Loci, ScanResult, files
from ecgwas.tables.recordings import Reliability
from ecgwas.tables.user_table import read_user_table

logger = logging.getLogger(__name__)

EARLIER = (
    read.STAGE, represent_stage.STAGE, traits.STAGE, scan.STAGE, loci.STAGE, genes.STAGE, outcomes.STAGE, predict.STAGE,
    scores.STAGE,
)  # fmt: skip
LISTED = ("read", "traits", "scan", "loci", "genes", "outcomes", "predict", "scores")
"""Stages whose tables the page lists."""

ABOUT_THE_RUN = ("results", "offline", "threads", "memory_mib", "program")
"""Options that change neither results nor the page."""

WORDS = ("name", "title")
"""Options of free text, which are never paths, even if they begin with /."""

WITH_OWN_FIELD = (
    files.TRAIT_REPORT, files.LOCI, files.HITS, files.SUMMARY, files.THRESHOLDS, files.QQ, files.POWER, files.GENES,
    files.CLUSTERS, files.EDGES, files.TERMS,
)  # fmt: skip
"""Tables that have a field of their own in the contents of the report."""

PLANTED = ("variant", "chrom", "pos", "parameter", "effect", "unit")


def _options(study: Study, part: str) -> Any:
    return settings(study)


def settings(study: Study) -> dict[str, Any]:
    """The study file with defaults filled in, without options of the run. Absolute paths are reduced to the file's name."""
    plain: dict[str, Any] = _without_places(study.as_written(study))
    return plain


def _without_places(value: Any) -> Any:
    if isinstance(value, dict):
        shown = {key: inner for key, inner in value.items() if key not in ABOUT_THE_RUN}
        return {key: inner if key in WORDS else _without_places(inner) for key, inner in shown.items()}
    if isinstance(value, list):
        return [_without_places(inner) for inner in value]
    if isinstance(value, str) and value.startswith("/"):
        return PurePosixPath(value).name
    return value


def _needs(study: Study, part: str) -> Needs:
    return [(stage.name, name) for stage in EARLIER for name in stage.parts(study)]


def _files(study: Study, part: str) -> Sequence[Path]:
    planted = [] if study.report.planted is None else [study.report.planted]
    path = study.report.recombination_map
    rates = [] if path is None else recombination_map.files_of(path)
    return [*planted, *rates, *null.table_paths(study)]


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    write_page(report.render(study.report, gather(study)), out)


def write_page(page: report.Page, out: Path) -> None:
    """Writes the page, its figures and their numbers into a folder, with the same names in results/report and results/share."""
    files.REPORT.within(out).write_text(page.html, encoding="utf-8")
    for name, figure in page.figures.items():
        path = files.FIGURE.within(out, figure=name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(figure.svg, encoding="utf-8")
        files.FIGURE_NUMBERS.within(out, figure=name).write_text(figure.csv, encoding="utf-8")
    size = len(page.html.encode()) / 2**20
    logger.debug("%d pictures, page of %.1f MiB", len(page.figures), size)


def gather(study: Study, *, min_people: int = 0) -> report.ReportContents:
    """The contents of the page; genotypes of fewer than `min_people` are pooled with their neighbours, and no mean beat is of
    fewer cases or controls.

    All contents are in memory, except for the rows that the scan kept.
    """
    signals = None if study.read is None else read.load_signals(study)
    fitted, tables = represent_stage.load_fitted(study), feature_tables.load(study)
    loci_results = _loci_results(study)
    return report.ReportContents(
        run=_run_info(study),
        cohort=_cohort(study, tables, signals),
        representations=_representations(study, fitted, tables, signals),
        scan=_scan_results(study),
        loci=replace(
            loci_results,
            genotype_beats=() if signals is None else _beats(study, signals, fitted, loci_results.loci, min_people),
            regions=gathering.neighbourhoods(study, loci_results.loci),
            planted=None if study.report.planted is None else _planted(study.report.planted),
            lead_tests=files.LEAD_TESTS.read(study.results).frame,
        ),
        genes=_gene_results(study),
        tables=_further_tables(study.results),
        null_study=_null_study(study, loci_results.min_neglog10p),
        case_beats=() if signals is None else case_beats(study, signals, min_people),
    )


def _run_info(study: Study) -> report.RunInfo:
    notes = [*study.scan.remarks, *json.loads(files.GENE_NOTES.path(study.results).read_text())]
    return report.RunInfo(study.name, study.seed, settings(study), report.KindWords.of(study), _versions(study), tuple(notes))


def _cohort(study: Study, tables: Mapping[str, Features], signals: Signals | None) -> report.Cohort:
    return report.Cohort(
        recordings=None if signals is None else files.RECORDINGS.read(study.results),
        people=files.PEOPLE.read(study.results),
        covariates=traits.load_covariates(study).names,
        example=None if signals is None else _example(study, signals),
        in_tables={name: table.frame["eid"].n_unique() for name, table in tables.items()},
    )


def _scan_results(study: Study) -> report.ScanResults:
    results = scan.load_results(study)
    return report.ScanResults(
        trait_names=traits.load_traits(study).names,
        trait_report=files.TRAIT_REPORT.read(study.results).frame,
        rows=report.ScanRows(partial(scan.rows_in_turn, study)),
        keep_neglog10p=study.scan.keep_neglog10p,
        excluded_variants=_excluded_variants(results),
        summary=files.SUMMARY.read(study.results),
        qq=files.QQ.read(study.results).frame,
        permutation_max=thresholds.joint_maxima(results),
        background=gathering.background(study, results),
    )


def _loci_results(study: Study) -> report.LociResults:
    return report.LociResults(
        thresholds=files.THRESHOLDS.read(study.results),
        hits=files.HITS.read(study.results),
        loci=files.LOCI.read(study.results),
        power=files.POWER.read(study.results).frame,
    )


def _gene_results(study: Study) -> report.GeneResults:
    return report.GeneResults(
        genes=files.GENES.read(study.results),
        clusters=files.CLUSTERS.read(study.results),
        edges=files.EDGES.read(study.results),
        terms=files.TERMS.read(study.results),
    )


def _further_tables(results: Path) -> dict[files.ResultFile, pl.DataFrame]:
    """The tables of LISTED that may be shared and have no field of their own in the contents."""
    listed = (
        file for stage in LISTED for file in sorted(files.of_stage(stage), key=lambda file: file.name)
        if isinstance(file, files.TableFile) and file.shared and file not in WITH_OWN_FIELD and file.exists(results)
    )  # fmt: skip
    return {file: _as_listed(file.read(results).frame) for file in listed}


def _as_listed(frame: pl.DataFrame) -> pl.DataFrame:
    """The table with columns without any value cast to text."""
    return frame.with_columns(pl.col(name).cast(pl.String) for name in frame.columns if frame[name].is_null().all())


def _null_study(study: Study, min_neglog10p: float) -> report.NullStudy | None:
    """The results of the null study, if `ecgwas null` has run it at this threshold (-log10 p)."""
    if not null.is_complete(study) or not study.scan.tests_traits:
        return None
    null_study = null.null_study_of(study)
    try:
        results = report.NullStudy(traits.load_traits(null_study).names, _loci_results(null_study), _gene_results(null_study))
    except (OSError, EcgwasError, pl.exceptions.PolarsError) as error:
        logger.warning("report: the null study cannot be read (%s); `ecgwas null` runs it again", error)
        return None
    if abs(results.loci.min_neglog10p - min_neglog10p) > 1e-9:
        logger.warning("report: the null study was run at another threshold and is not shown; `ecgwas null` runs it again")
        return None
    return results


def _beats(
    study: Study, signals: Signals, fitted: Sequence[Fitted], loci: Loci, min_people: int
) -> tuple[report.GenotypeBeats, ...]:
    """The ECG by genotype at the strongest loci, with the decoded effect of one allele for each decoder."""
    strongest = lead_variants(study, signals, gathering.strongest(loci, study.report.max_loci))
    with_beats = report.without_missing_beats(signals, strongest)
    grouped = (report.pooled(variant, min_people) if min_people else variant for variant in with_beats)
    variants = [variant for variant in grouped if variant is not None and variant_view.comparable(variant.dosage)]
    decoders = gathering.beat_decoders(fitted, len(signals.beat_times_ms))
    return tuple(
        replace(beats, decoded=gathering.decoded_effects(decoders, variant, signals.eids))
        for beats, variant in zip(report.genotype_beats(signals, variants), variants, strict=True)
    )


def _versions(study: Study) -> dict[str, str]:
    """Versions of the programs that made the results, from the notes; all versions of a program where stages differ."""
    numbers_of: dict[str, set[str]] = {}
    for note in _notes(study):
        for program, number in note.facts.get("versions", {}).items():
            numbers_of.setdefault(program, set()).add(str(number))
    return {program: ", ".join(sorted(numbers)) for program, numbers in sorted(numbers_of.items())}


def _notes(study: Study) -> Iterator[Note]:
    for stage, part in _needs(study, "all"):
        note = Note.read(note_path(study, stage, part))
        if note is not None:
            yield note


def _example(study: Study, signals: Signals) -> report.Example:
    """The first kept recording without a missing lead."""
    person = example_index(signals.lead_status)
    raw_uv = read.load_raw_example(study)
    return report.Example(
        raw_uv=raw_uv,
        baseline_removed_uv=reconstructions.baseline_removed(read.options_of(study), raw_uv),
        clean_uv=np.asarray(signals.strips[person]),
        beat_uv=np.asarray(signals.beats[person]),
        beat_times_ms=signals.beat_times_ms,
        rate_hz=signals.rate_hz,
        leads=signals.leads,
    )


def _representations(
    study: Study, fitted: Sequence[Fitted], tables: Mapping[str, Features], signals: Signals | None
) -> tuple[report.RepresentationResults, ...]:
    """In the order of the study."""
    of_recordings = {each.options.name: each for each in fitted}
    results = []
    for options in study.represent:
        if options.uses_recordings and signals is not None:
            each = of_recordings[options.name]
            results.append(_representation(study, options, each.features, _decoded_fields(study, each, signals)))
            continue
        table = tables[options.name]
        results.append(_representation(study, options, table, {"source": gathering.source_of_table(options, table)}))
    return tuple(results)


def _decoded_fields(study: Study, fitted: Fitted, signals: Signals) -> dict[str, Any]:
    """The fields of RepresentationResults about what is decoded."""
    example = example_index(signals.lead_status)
    return {
        "traversals": gathering.feature_traversals(fitted, _times_ms(fitted.options, signals)),
        **reconstructions.reconstruction_fields(study, fitted, signals, example=example),
    }


def _representation(
    study: Study, options: RepresentationOptions, features: Features, fields: Mapping[str, Any]
) -> report.RepresentationResults:
    name = options.name
    repeats = files.RELIABILITY.exists(study.results, representation=name)
    reliability = files.RELIABILITY.read(study.results, representation=name) if repeats else Reliability.empty()
    empty = pl.DataFrame(schema={"lead": pl.String, "mse": pl.Float64})
    return report.RepresentationResults(
        name=name,
        kind=options.kind,
        history=files.HISTORY.read(study.results, representation=name).frame,
        errors=files.ERRORS.read(study.results, representation=name).frame,
        reliability=reliability.frame,
        mse=features.frame.select("lead", "mse") if "mse" in features.frame.columns else empty,
        meanings=represent.meanings(options),
        **gathering.device_agreement_fields(study, name),
        **fields,
    )


def _times_ms(options: RepresentationOptions, signals: Signals) -> NDArray[np.float64]:
    """Times of the decoded signal: of median beats from R, of whole recordings from the first sample."""
    if not options.uses_strips:
        return signals.beat_times_ms
    samples = np.arange(signals.strips.shape[2], dtype=np.float64)
    return samples * (1000.0 / signals.rate_hz)


def _excluded_variants(results: Sequence[ScanResult]) -> pl.DataFrame:
    rows = pl.concat([result.left_out.frame for result in results])
    for_all = rows.filter(pl.col("trait").is_null() | (pl.col("trait") == ""))
    return for_all.group_by("reason").agg(variants=pl.len().cast(pl.Int64)).sort("reason")


def lead_variants(study: Study, signals: Signals, chosen: pl.DataFrame) -> list[report.LeadVariant]:
    """The lead variants of the chosen loci, with the genotypes of the participants tested who have a recording."""
    tested = traits.load_traits(study).eids
    variants = []
    for locus, dosage in variant_view.copies_of_leads(study, chosen, tested, signals.eids):
        alleles = locus["effect_allele"], locus["other_allele"]
        variants.append(report.LeadVariant(locus["locus"], locus["lead_variant"], *alleles, dosage))
    return variants


def _planted(path: Path) -> pl.DataFrame:
    """The table of planted effects. `variant` may contain chrom and pos, as chrom:pos or chrom:pos:ref:alt.

    Raises InputError if a column is missing or a position is not a number.
    """
    table = read_user_table(path, what="planted effects")
    frame = table.frame
    if "variant" in frame.columns and not {"chrom", "pos"} & set(frame.columns):
        placed = variant_choice.parsed(frame["variant"].to_list())
        if placed["pos"].is_not_null().all():
            frame = frame.with_columns(placed["chrom"], placed["pos"].cast(pl.String))
    absent = [name for name in PLANTED if name not in frame.columns]
    if absent:
        fix = f"its header must have {', '.join(PLANTED)}; chrom:pos:ref:alt as variant serves for chrom and pos"
        raise InputError(f"the table of planted effects has no column {', '.join(absent)}", where=path, fix=fix)
    whole = frame["pos"].str.contains("^[0-9]+$")
    if not whole.all():
        wrong = first_few(f"line {line}" for line, good in zip(table.lines, whole, strict=True) if not good)
        raise InputError(f"a position of the planted effects is not a number: {wrong}", where=path, fix="correct column pos")
    chrom = pl.col("chrom").replace(variant_choice.reported_codes(frame["chrom"]))
    return frame.select(PLANTED).with_columns(pl.col("pos").cast(pl.Int64), chrom)


def _check(study: Study) -> Sequence[str]:
    planted, rates = study.report.planted, study.report.recombination_map
    facts = [] if planted is None else [f"{_planted(planted).height} planted effects"]
    return facts if rates is None else [*facts, recombination_map.check(rates, study.scan.build)]


STAGE = Stage("report", "put everything on one page", all_in_one, _options, _needs, _files, _work, _check, version=10)
