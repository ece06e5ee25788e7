"""Several finished studies in one table: how each representation was made, its errors on held-out participants, its hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ecgwas import stages
from ecgwas.errors import MissingStageError, StudyError, first_few
from ecgwas.represent.neural.network import kernel_sizes
from ecgwas.represent.reliability.reconstruction import ERRORS, HISTORY
from ecgwas.stages.base import stage_folder
from ecgwas.study import RepresentationOptions, ResidualAutoencoder, Study
from ecgwas.tables import VARIANT_KEY, Associations, Features, Loci
from ecgwas.tables.comparison import StudyComparison

SETTINGS = (
    "study", "representation", "cleaning", "features", "normalisation", "skip", "activation", "blocks", "kernels",
    "channels", "epochs", "test_loss",
)  # fmt: skip
"""Columns of the first table on the terminal, in the order of the source study's tables of experiments."""
RESULTS = (
    "study", "representation", "people", "test_mse", "pearson_r", "max_mse", "beyond_max_mse", "traits", "snps", "pairs",
    "loci",
)  # fmt: skip
"""Columns of the second."""


def read_studies(paths: Sequence[Path]) -> dict[str, Study]:
    """Study files by the study's name, or by the path as given where two have one name.

    Raises StudyError for a file that is given twice and for studies that share a results folder.
    """
    twice = sorted({str(path) for path in paths if [other.resolve() for other in paths].count(path.resolve()) > 1})
    if twice:
        raise StudyError(f"given more than once: {first_few(twice)}", where=paths[0], fix="name each study file once")
    studies = [Study.read_file(path) for path in paths]
    folders: dict[Path, list[str]] = {}
    for path, study in zip(paths, studies, strict=True):
        folders.setdefault(study.results.resolve(), []).append(str(path))
    shared = {folder: files for folder, files in folders.items() if len(files) > 1}
    for folder, files in shared.items():
        problem = f"{first_few(files)} have the same results folder: each overwrites the results of the other"
        raise StudyError(problem, where=folder, fix="give each study file its own `results:` and run it again")
    names = [study.name for study in studies]
    return {
        study.name if names.count(study.name) == 1 else str(path): study
        for path, study in zip(paths, studies, strict=True)
    }  # fmt: skip


def compared(studies: Mapping[str, Study]) -> StudyComparison:
    """One row per study (by what it is called) and representation; hits are null where stage `loci` has not run.

    Raises MissingStageError naming every study (and representation) without results of stage `represent`.
    """
    absent = [
        f"{name}: {', '.join(names)}"
        for name, study in studies.items()
        if (names := [one.name for one in study.represent if not (_folder(study, one) / "errors.csv").exists()])
    ]
    if absent:
        fix = "run `ecgwas run --until represent STUDY.yaml` on each, or leave it out of the comparison"
        raise MissingStageError(f"no results of stage represent: {first_few(absent)}", fix=fix)
    return StudyComparison.of([_row(name, study, one) for name, study in studies.items() for one in study.represent])


def outdated(studies: Mapping[str, Study]) -> list[str]:
    """`study, representation` of each whose results are not those of its study file and inputs as they are now."""
    return [
        f"{name}, {one.name}"
        for name, study in studies.items()
        for one in study.represent
        if not stages.is_fresh(study, "represent", one.name)
    ]


def _folder(study: Study, options: RepresentationOptions) -> Path:
    return stage_folder(study, "represent") / options.name


def _row(name: str, study: Study, options: RepresentationOptions) -> dict[str, Any]:
    return dict.fromkeys(StudyComparison.columns) | {
        "study": name, "representation": options.name, "kind": options.kind,
        "cleaning": f"{study.read.baseline.kind}, {study.read.denoise.kind}",
        "input": getattr(options, "input", None), "leads": getattr(options, "leads", None),
        "normalisation": getattr(options, "normalisation", None), **_network(options),
        **_trained(_folder(study, options)), **_errors(study, options), **_hits(study, options),
    }  # fmt: skip


def _network(options: RepresentationOptions) -> Mapping[str, Any]:
    """The choices of the study's tables of experiments; empty for kinds that have none of them."""
    if not isinstance(options, ResidualAutoencoder):
        return {"epochs_at_most": getattr(options, "epochs", None)}
    around = options.skip if options.skip == "none" else f"{options.skip}, {options.skip_merge}"
    return {
        "skip": around, "activation": options.activation, "blocks": f"{len(options.channels)} {options.block}",
        "kernels": ",".join(map(str, kernel_sizes(options))), "channels": ",".join(map(str, options.channels)),
        "dropout": options.dropout, "l2": options.l2, "epochs_at_most": options.epochs,
    }  # fmt: skip


def _trained(folder: Path) -> Mapping[str, Any]:
    history = pl.read_csv(folder / "history.csv", schema_overrides=HISTORY)
    if history.is_empty():
        return {}
    best = history.sort("validation_loss", maintain_order=True).row(0, named=True)
    return {"epochs": history.height, "best_epoch": best["epoch"], "validation_loss": best["validation_loss"]}


def _errors(study: Study, options: RepresentationOptions) -> Mapping[str, Any]:
    folder = _folder(study, options)
    features = Features.read(folder / "features.parquet")
    found: dict[str, Any] = {
        "features": len(features.names), "people": features.frame["eid"].n_unique(),
        "max_mse": options.error_limit,
    }  # fmt: skip
    if found["max_mse"] is not None and "mse" in features.frame.columns:
        mse = features.frame["mse"].drop_nulls().drop_nans()
        found["beyond_max_mse"] = (mse > found["max_mse"]).mean()
    errors = pl.read_csv(folder / "errors.csv", schema_overrides=ERRORS).filter(pl.col("method") == "self")
    if errors.height:
        row = errors.row(0, named=True)
        found |= {"test_loss": row.get("loss"), "test_mse": row["mse"], "pearson_r": row["pearson_r"]}
    return found


def _hits(study: Study, options: RepresentationOptions) -> Mapping[str, Any]:
    """Counts of stage loci; nothing before it has run. A SNP that is significant for several traits counts once in `snps`."""
    folder = stage_folder(study, "loci")
    if not (folder / "hits.csv").exists():
        return {}
    mine = pl.col("trait").str.starts_with(f"{options.name}.")
    text = {"trait": pl.String, "chrom": pl.String}
    summary = pl.read_csv(folder / "summary.csv", schema_overrides=text).filter(mine)
    types = {name: column.dtype for name, column in Associations.columns.items()}
    hits = pl.read_csv(folder / "hits.csv", schema_overrides=types).filter(mine)
    places = {name: Loci.columns[name].dtype for name in ("locus", "chrom", "start", "stop")}
    loci = pl.read_csv(folder / "loci.csv", schema_overrides=places)
    return {
        "traits": summary.height, "snps": hits.select(VARIANT_KEY).n_unique(), "pairs": hits.height,
        "loci": len(loci_of(options.name, hits, loci)),
    }  # fmt: skip


def loci_of(representation: str, hits: pl.DataFrame, loci: pl.DataFrame) -> set[int]:
    """Numbers of the loci in which a trait of the representation is significant."""
    mine = hits.filter(pl.col("trait").str.starts_with(f"{representation}."))
    within = mine.select("chrom", at="pos").join(loci.select("locus", "chrom", "start", "stop"), on="chrom")
    return set(within.filter(pl.col("at").is_between(pl.col("start"), pl.col("stop")))["locus"])
