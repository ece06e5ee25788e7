"""Comparison of several studies: settings of each representation, its errors on held-out participants, its hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ecgwas import stages
from ecgwas.errors import MissingStageError, StudyError, first_few
from ecgwas.study import RepresentationOptions, Study
from ecgwas.tables import VARIANT_KEY, files
from ecgwas.tables.comparison import StudyComparison

SETTINGS = (
    "study", "representation", "cleaning", "features", "normalisation", "skip", "activation", "blocks", "kernels",
    "channels", "epochs", "test_loss",
)  # fmt: skip
"""Columns of the first table printed, in the order of the source study's tables of experiments."""
RESULTS = (
    "study", "representation", "people", "test_mse", "pearson_r", "max_mse", "beyond_max_mse", "traits", "snps", "pairs",
    "loci",
)  # fmt: skip
"""Columns of the second table printed."""


def read_studies(paths: Sequence[Path]) -> dict[str, Study]:
    """Studies by name, or by path if two have the same name.

    Raises StudyError for a file that is given twice and for studies that share a results folder.
    """
    duplicates = sorted({str(path) for path in paths if [other.resolve() for other in paths].count(path.resolve()) > 1})
    if duplicates:
        raise StudyError(f"given more than once: {first_few(duplicates)}", where=paths[0], fix="name each study file once")
    studies = [Study.read_file(path) for path in paths]
    folders: dict[Path, list[str]] = {}
    for path, study in zip(paths, studies, strict=True):
        folders.setdefault(study.results.resolve(), []).append(str(path))
    shared = {folder: given for folder, given in folders.items() if len(given) > 1}
    for folder, given in shared.items():
        problem = f"{first_few(given)} have the same results folder: each overwrites the results of the other"
        raise StudyError(problem, where=folder, fix="give each study file its own `results:` and run it again")
    names = [study.name for study in studies]
    return {
        study.name if names.count(study.name) == 1 else str(path): study
        for path, study in zip(paths, studies, strict=True)
    }  # fmt: skip


def compared(studies: Mapping[str, Study]) -> StudyComparison:
    """One row per study (named by the mapping's key) and representation; hits are null before stage `loci` has run.

    Raises MissingStageError listing every study (and representation) without results of stage `represent`.
    """
    not_run = [
        f"{name}: {', '.join(names)}"
        for name, study in studies.items()
        if (names := [options.name for options in study.represent if not _has_errors(study, options)])
    ]
    if not_run:
        fix = "run `ecgwas run --until represent STUDY.yaml` on each, or omit it from the comparison"
        raise MissingStageError(f"no results of stage represent: {first_few(not_run)}", fix=fix)
    return StudyComparison.of([_row(name, study, options) for name, study in studies.items() for options in study.represent])


def printed(table: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The columns SETTINGS and RESULTS of StudyComparison, without those that say nothing: empty ones, and the representation
    where each study has one."""
    one_representation_each = table["study"].is_unique().all()
    settings, results = (
        table.select(name for name in columns if not (one_representation_each and name == "representation"))
        for columns in (SETTINGS, RESULTS)
    )
    return _without_empty_columns(settings), _without_empty_columns(results)


def _without_empty_columns(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(name for name in frame.columns if frame[name].null_count() < frame.height)


def outdated(studies: Mapping[str, Study]) -> list[str]:
    """`study, representation` of each whose results do not match its present study file and inputs."""
    return [
        f"{name}, {options.name}"
        for name, study in studies.items()
        for options in study.represent
        if not stages.is_fresh(study, "represent", options.name)
    ]


def _has_errors(study: Study, options: RepresentationOptions) -> bool:
    return files.ERRORS.exists(study.results, representation=options.name)


def _row(name: str, study: Study, options: RepresentationOptions) -> dict[str, Any]:
    read = study.read if options.uses_recordings else None
    return dict.fromkeys(StudyComparison.columns) | {
        "study": name, "representation": options.name, "kind": options.kind,
        "cleaning": None if read is None else f"{read.baseline.kind}, {read.denoise.kind}",
        "input": getattr(options, "input", None), "leads": getattr(options, "leads", None),
        "normalisation": getattr(options, "normalisation", None), **options.network_settings,
        **_trained(study, options), **_errors(study, options), **_hits(study, options),
    }  # fmt: skip


def _trained(study: Study, options: RepresentationOptions) -> Mapping[str, Any]:
    history = files.HISTORY.read(study.results, representation=options.name).frame
    if history.is_empty():
        return {}
    best = history.sort("validation_loss", maintain_order=True).row(0, named=True)
    return {"epochs": history.height, "best_epoch": best["epoch"], "validation_loss": best["validation_loss"]}


def _errors(study: Study, options: RepresentationOptions) -> Mapping[str, Any]:
    features = files.FEATURES.read(study.results, representation=options.name)
    row: dict[str, Any] = {
        "features": len(features.names), "people": features.frame["eid"].n_unique(),
        "max_mse": options.error_limit,
    }  # fmt: skip
    if row["max_mse"] is not None and "mse" in features.frame.columns:
        mse = features.frame["mse"].drop_nulls().drop_nans()
        row["beyond_max_mse"] = (mse > row["max_mse"]).mean()
    errors = files.ERRORS.read(study.results, representation=options.name).frame.filter(pl.col("method") == "self")
    if errors.height:
        own = errors.row(0, named=True)
        row |= {"test_loss": own.get("loss"), "test_mse": own["mse"], "pearson_r": own["pearson_r"]}
    return row


def _hits(study: Study, options: RepresentationOptions) -> Mapping[str, Any]:
    """Counts of hits and loci; empty before stage loci has run. A SNP significant for several traits counts once in `snps`."""
    if not files.HITS.exists(study.results):
        return {}
    own_traits = pl.col("trait").str.starts_with(f"{options.name}.")
    summary, hits = (file.read(study.results).frame.filter(own_traits) for file in (files.SUMMARY, files.HITS))
    loci = files.LOCI.read(study.results).frame
    return {
        "traits": summary.height, "snps": hits.select(VARIANT_KEY).n_unique(), "pairs": hits.height,
        "loci": len(loci_of(options.name, hits, loci)),
    }  # fmt: skip


def loci_of(representation: str, hits: pl.DataFrame, loci: pl.DataFrame) -> set[int]:
    """Numbers (`locus`) of the loci in which a trait of the representation is significant."""
    own = hits.filter(pl.col("trait").str.starts_with(f"{representation}."))
    within = own.select("chrom", at="pos").join(loci.select("locus", "chrom", "start", "stop"), on="chrom")
    return set(within.filter(pl.col("at").is_between(pl.col("start"), pl.col("stop")))["locus"])
