"""Part `own` of stage `scores`: scores of the study's own traits, out of fold, and files of their weights."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import __version__
from ecgwas.errors import StudyError, first_few
from ecgwas.genotypes import chromosomes
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.progress import track
from ecgwas.scan import polygenic
from ecgwas.scan.polygenic import Panel, PlacedVariants
from ecgwas.scores import association, catalog_file, own, thresholding
from ecgwas.scores.own import THRESHOLD, OwnResult, OwnScore
from ecgwas.stages import disease_scores, traits
from ecgwas.stages.base import seed_of
from ecgwas.study import OwnScores, Study
from ecgwas.tables import Traits, files
from ecgwas.tables.scores import OwnScoreTests

logger = logging.getLogger(__name__)

PART = "own"
EVERY = "all"


def work(study: Study, options: OwnScores, out: Path) -> None:
    """Writes the tests, the participants' scores, and the files of weights."""
    tested, covariates = traits.load_traits(study), traits.load_covariates(study).values
    written = _written(options, tested.names)
    seed = seed_of(study, "own scores")
    order = own.random_order(len(tested.eids), seed)
    panel = Panel(study.scan, [tested.eids[i] for i in order])

    def positions(name: str, index: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(chromosomes.open_chromosome(study.scan, name).positions[index])

    result = own.evaluate(options, panel, tested.values[order], covariates[order], positions, seed=seed, track=track)
    files.OWN_SCORE_TESTS.write(_tests(result, tested.names), out)
    back = np.argsort(order)
    names = [f"{trait}.{_label(one)}" for one in result.scores for trait in tested.names]
    values = np.concatenate([one.values[:, back] for one in result.scores]).T.astype(np.float64)
    files.OWN_SCORES.write(Traits(tested.eids, tuple(names), values), out)
    if options.diseases:
        predictions = disease_scores.predictions(study, options, panel, tested, order, positions)
        files.DISEASE_SCORES.write(predictions, out)
    if written:
        chosen = [tested.names.index(name) for name in written]
        values, covariates, people = tested.values[order][:, chosen], covariates[order], result.people[chosen]
        _write_weights(study, options, panel, values, covariates, written, people, out)
    logger.info("scores: %s", in_words(_tests(result, tested.names)))


def _written(options: OwnScores, names: Sequence[str]) -> list[str]:
    """Traits whose weights are written. Raises StudyError for a trait that the study does not have."""
    chosen = list(names) if EVERY in options.weights else list(options.weights)
    unknown = [name for name in chosen if name not in names]
    if unknown:
        problem = f"scores.own.weights names {first_few(unknown)}, which is no trait of the study"
        raise StudyError(problem, fix=f"name some of {first_few(names, 10)}, or write all")
    return chosen


def _label(one: OwnScore) -> str:
    return one.method if one.p_value is None else f"{one.method}_{one.p_value:g}"


def _tests(result: OwnResult, names: Sequence[str]) -> OwnScoreTests:
    rows = []
    for one in result.scores:
        null = np.sort(own.signed_r2(np.nan_to_num(one.null)).ravel())
        r2 = own.signed_r2(one.r)
        low, high = association.interval_of_r(one.r, result.freedom)
        of_trait = own.signed_r2(np.nan_to_num(one.null)).mean(axis=0)
        for k, name in enumerate(names):
            has = bool(np.isfinite(one.r[k]))
            larger = len(null) - np.searchsorted(null, r2[k] - 1e-12) if has else 0
            rows.append({
                "trait": name, "method": one.method, "p_value": one.p_value, "people": int(result.people[k]),
                "variants": float(one.variants[k]), "r": float(one.r[k]) if has else None,
                "r2": float(r2[k]) if has else None, "r2_low": float(own.signed_r2(low)[k]) if has else None,
                "r2_high": float(own.signed_r2(high)[k]) if has else None, "r2_null": float(of_trait[k]),
                "r2_null_95": float(np.quantile(null, 0.95)),
                "p_null": float((1 + larger) / (1 + len(null))) if has else None,
                "h2": _or_none(result.h2[k]), "r2_expected": _or_none(result.expected_r2[k]),
            })  # fmt: skip
    return OwnScoreTests.of(rows)


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _write_weights(
    study: Study, options: OwnScores, panel: Panel, values: NDArray[np.float64], covariates: NDArray[np.float64],
    names: Sequence[str], people: NDArray[np.int64], out: Path,
) -> None:  # fmt: skip
    """One file for each trait and limit, from all participants; weights in units of the trait per copy."""
    prepared = polygenic.prepare(values, covariates, panel, np.random.default_rng(1), options.folds)
    limits = thresholding.t_limits(options.p_values, people, prepared.cohort.basis.shape[1])
    by_score: dict[tuple[int, int], list[pl.DataFrame]] = {}
    for chrom in panel.common:
        placed, genotypes = panel.placed(chrom), chromosomes.open_chromosome(study.scan, chrom)
        pairs = thresholding.neighbours(
            placed.variants, genotypes.positions[placed.index], len(values), min_r2=options.clump_r2,
            window_bp=options.clump_window_bp,
        )  # fmt: skip
        weights = thresholding.clumped_weights(thresholding.effects_of_all(placed.variants, prepared.cohort), pairs, limits)
        for t, k in np.ndindex(weights.shape[:2]):
            lines = _lines(genotypes, placed, weights[t, k], float(prepared.scale[k]))
            by_score.setdefault((t, k), []).append(lines)
    for (t, k), tables in by_score.items():
        table, score = pl.concat(tables), f"{names[k]}.{THRESHOLD}_{options.p_values[t]:g}"
        if table.height == 0:
            logger.info("scores: no variant of %s reaches p %g: no file of weights", names[k], options.p_values[t])
            continue
        how = f"clumping (r2 {options.clump_r2:g}, {options.clump_window_bp} bp) and thresholding (p {options.p_values[t]:g})"
        further = {"program": f"ecgwas {__version__}", "sample_size": str(int(people[k])), "method": how}
        content = catalog_file.text(table, name=score, trait=names[k], build=study.scan.build, further=further)
        catalog_file.write(files.OWN_WEIGHTS.within(out, score=score), content)


def _lines(genotypes: Genotypes, placed: PlacedVariants, weights: NDArray[np.float32], scale: float) -> pl.DataFrame:
    """Lines of a scoring file from weights (V,) of standardised genotypes; scale: SD of the trait in its unit."""
    used = np.flatnonzero(weights)
    at, is_other = placed.index[used], placed.minor_is_other[used]
    codes = placed.variants.values[used].astype(np.float64)
    per_copy = codes[:, 1] - codes[:, 0]
    minor = -codes[:, 0] / per_copy / 2
    return pl.DataFrame({
        "variant": genotypes.variants[at], "chrom": [genotypes.chrom] * len(at), "pos": genotypes.positions[at],
        "effect_allele": genotypes.effect_alleles[at], "other_allele": genotypes.other_alleles[at],
        "weight": weights[used] * per_copy * np.where(is_other, -scale, scale),
        "eaf": np.round(np.where(is_other, 1 - minor, minor), 6),
    }, schema=catalog_file.LINES)  # fmt: skip


def in_words(table: OwnScoreTests) -> str:
    """How many traits are predicted better than permuted ones, and the best."""
    frame = table.frame.filter(pl.col("r2").is_not_null())
    if frame.height == 0:
        return "no own score has variants"
    above = frame.filter(pl.col("r2") > pl.col("r2_null_95"))
    best = frame.sort("r2", descending=True).row(0, named=True)
    return (
        f"{above.height} of {frame.height} own scores predict more than 95 % of permuted traits do; best: {best['trait']}, "
        f"{best['method']}, R2 {best['r2']:.4f} out of fold (expected {best['r2_expected'] or 0:.4f})"
    )
