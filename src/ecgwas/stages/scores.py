"""Stage `scores`: polygenic scores of the participants, and their tests with the traits."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ecgwas.errors import Caution, EcgwasError, InputError, StudyError, first_few
from ecgwas.genotypes import chromosomes, variant_lookup
from ecgwas.outcomes import phenome
from ecgwas.progress import track
from ecgwas.scores import association, scoring_file, sums
from ecgwas.scores.association import ScoreTests
from ecgwas.scores.matching import Matched
from ecgwas.scores.scoring_file import ScoringFile
from ecgwas.stages import disease_scores, own_scores, traits
from ecgwas.stages import outcomes as outcomes_stage
from ecgwas.stages.base import Needs, Stage, seed_of
from ecgwas.study import ScoreOptions, Study
from ecgwas.tables import Traits, files
from ecgwas.tables.scores import ScoreFiles, ScoreMatches, ScoreOutcomes, ScoreTraits, ScoreVariants

logger = logging.getLogger(__name__)

FILES = "files"
OF_SCAN = ("genotypes", "variants", "chromosomes", "build")
"""Options of the scan on which own scores depend."""
LOW_MATCH = 0.9
"""A smaller share of a file's variants in the genotypes is a caution."""
FAMILY_WISE_ERROR = 0.05
RELATIVES = (
    "scores: the scan keeps relatives, and tests of scores take all participants as unrelated: p-values are too small where "
    "relatives share traits, and own scores out of fold know relatives in the other folds"
)


def options_of(study: Study) -> ScoreOptions:
    """The section `scores`, which the study must have."""
    if study.scores is None:
        raise ValueError("the study has no section scores")
    return study.scores


def _parts(study: Study) -> tuple[str, ...]:
    """None without a section `scores`."""
    if study.scores is None:
        return ()
    return (*((FILES,) if study.scores.files else ()), *((own_scores.PART,) if study.scores.own is not None else ()))


def _options(study: Study, part: str) -> Any:
    options = options_of(study)
    if part == own_scores.PART:
        scan = study.as_written(study.scan)
        written = [study.as_written(options.own), [scan[name] for name in OF_SCAN], seed_of(study, "own scores")]
        return [*written, *([study.as_written(study.outcomes)] if _predicts_diseases(study) else [])]
    written = [study.as_written(options.model_dump(exclude={"own"})), study.scan.build, seed_of(study, "scores")]
    return [*written, *([] if study.outcomes is None else [study.as_written(study.outcomes)])]


def _predicts_diseases(study: Study) -> bool:
    own = options_of(study).own
    return own is not None and own.diseases


def _needs(study: Study, part: str) -> Needs:
    return [("traits", "all")]


def _files(study: Study, part: str) -> Sequence[Path]:
    if part == own_scores.PART:
        own = study.outcomes.input_files if study.outcomes is not None and _predicts_diseases(study) else ()
        return [*own, *chromosomes.input_files(study.scan)]
    of_outcomes = () if study.outcomes is None else study.outcomes.input_files
    return [*options_of(study).files, *of_outcomes, *chromosomes.input_files(variant_lookup.everything(study.scan))]


def read_files(study: Study) -> tuple[ScoringFile, ...]:
    """The scoring files. Raises InputError for a faulty file, and for two of the same name."""
    each = tuple(scoring_file.read(path, study.scan.build) for path in options_of(study).files)
    names = [one.name for one in each]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        paths = [one.path.name for one in each if one.name == twice[0]]
        fix = "name one of them: files harmonised to different builds are the same score"
        raise InputError(f"two scoring files are of the score {twice[0]}: {first_few(paths)}", where=each[0].path, fix=fix)
    return each


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    options = options_of(study)
    if study.scan.keeps_relatives:
        logger.warning(RELATIVES)
    if part == own_scores.PART:
        assert options.own is not None
        own_scores.work(study, options.own, out)
        return
    tested = traits.load_traits(study)
    scorings = read_files(study)
    each = sums.matched(study.scan, scorings, tested.eids, palindromes=options.palindromes, track=track)
    for words in _checked(options, scorings, each):
        logger.warning("scores: %s", words)
    values = sums.scores(study.scan, each, tested.eids, track)
    if options.within_ancestry:
        values = association.within_groups(values, traits.load_ancestry(study, "ancestry_group"))
    names = tuple(one.name for one in each)
    files.SCORES.write(Traits(tested.eids, names, values), out)
    files.SCORE_FILES.write(_score_files(study, scorings, each), out)
    files.SCORE_MATCHES.write(_matches(each), out)
    files.SCORE_VARIANTS.write(_variants(each), out)
    tests = association.partial_r2(
        values, tested.values, traits.load_covariates(study).values, permutations=options.permutations,
        seed=seed_of(study, "scores"), track=track,
    )  # fmt: skip
    files.SCORE_TRAITS.write(_score_traits(tests, names, tested.names), out)
    if study.outcomes is not None:
        files.SCORE_OUTCOMES.write(_with_outcomes(study, Traits(tested.eids, names, values)), out)


def _with_outcomes(study: Study, scored: Traits) -> ScoreOutcomes:
    """Every score with every outcome of the study, in SD of the score."""
    options, seed = outcomes_stage.options_of(study), seed_of(study, "scores")
    outcomes, adjusted = outcomes_stage.read(study, scored.eids), traits.load_covariates(study).values
    spread = scored.values.std(axis=0, ddof=1)
    standard = Traits(scored.eids, scored.names, scored.values / np.where(spread > 0, spread, 1.0))
    screened = phenome.screen(
        standard.values, adjusted, outcomes, min_cases=options.min_cases, permutations=options.permutations, seed=seed,
        track=track,
    )  # fmt: skip
    rows = outcomes_stage.estimates(options, screened, standard, adjusted, outcomes)
    return ScoreOutcomes.of(
        [{name: (row | {"score": row["trait"]}).get(name) for name in ScoreOutcomes.columns} for row in rows]
    )


def _checked(options: ScoreOptions, scorings: Sequence[ScoringFile], each: Sequence[Matched]) -> list[str]:
    """Cautions. Raises InputError if too few variants of a score are in the genotypes."""
    words = [f"{one.name}: {caution}" for one in scorings for caution in one.cautions]
    for scoring, one in zip(scorings, each, strict=True):
        counts = "; ".join(f"{status}: {count:,}" for status, count, _ in one.counts())
        shown = f"{one.used.height:,} of {len(scoring):,} variants of the score {one.name} are used ({counts})"
        if one.share < options.min_match:
            fix = "take the file harmonised to the build of the genotypes (scan.build), or genotypes with more variants; or "
            fix += "lower scores.min_match, which makes it another score than the published one"
            raise InputError(shown, where=scoring.path, fix=fix)
        if one.share < LOW_MATCH:
            words.append(shown)
    return words


def _score_files(study: Study, scorings: Sequence[ScoringFile], each: Sequence[Matched]) -> ScoreFiles:
    rows = []
    for scoring, one in zip(scorings, each, strict=True):
        stated = scoring.header.get("trait_reported", "")
        used = sum(share for status, _, share in one.counts() if status in _used(one))
        rows.append({
            "score": one.name, "file": scoring.path.name, "reported_trait": stated or None,
            "weight_type": scoring.weight_type or None, "variants": len(scoring), "used": one.used.height, "share": one.share,
            "weight_share": used, "note": "; ".join(scoring.notes),
        })  # fmt: skip
    return ScoreFiles.of(rows)


def _used(one: Matched) -> set[str]:
    return set(one.used["status"].unique())


def _matches(each: Sequence[Matched]) -> ScoreMatches:
    return ScoreMatches.of([
        {"score": one.name, "status": status, "variants": count, "weight_share": share}
        for one in each for status, count, share in one.counts()
    ])  # fmt: skip


def _variants(each: Sequence[Matched]) -> ScoreVariants:
    columns = list(ScoreVariants.columns)
    return ScoreVariants(pl.concat([one.frame.with_columns(score=pl.lit(one.name)).select(columns) for one in each]))


def _score_traits(tests: ScoreTests, scores: Sequence[str], names: Sequence[str]) -> ScoreTraits:
    """Every score with every trait, strongest first."""
    shape = tests.r.shape
    columns = {
        "beta": tests.beta, "se": tests.se, "r": tests.r, "r2": tests.r2, "r2_low": tests.low, "r2_high": tests.high,
        "r2_null": tests.null, "neglog10p": tests.neglog10p, "p_permuted": tests.p_permuted, "p_family": tests.p_family,
    }  # fmt: skip
    frame = pl.DataFrame({
        "score": np.repeat(list(scores), shape[1]), "trait": np.tile(list(names), shape[0]),
        "people": np.tile(tests.people, shape[0]), **{name: values.ravel() for name, values in columns.items()},
    })  # fmt: skip
    frame = frame.with_columns(pl.col(list(columns)).fill_nan(None))
    frame = frame.with_columns(significant=(pl.col("p_family") < FAMILY_WISE_ERROR).fill_null(value=False))
    ordered = frame.sort("neglog10p", "score", "trait", descending=[True, False, False], nulls_last=True)
    return ScoreTraits(ordered.select(list(ScoreTraits.columns)))


def _check(study: Study) -> Sequence[str]:
    """Reads every scoring file and matches it with the lists of variants."""
    if study.scores is None:
        return ()
    if not study.scores.files and study.scores.own is None:
        fix = "name scoring files in `files`, or write `own: {}` for scores of the study's traits"
        raise StudyError("the section scores names nothing to compute", where=study.folder, fix=fix)
    facts: list[str] = []
    if _predicts_diseases(study):
        disease_scores.refuse_without_outcomes(study)
    if study.scores.files:
        scorings = read_files(study)
        facts.append(f"{len(scorings)} scoring file(s), {sum(len(one) for one in scorings):,} variants")
        with suppress(EcgwasError):  # Other stages' checks report the genotypes.
            eids = chromosomes.eids_in_all_files(study.scan)
            each = sums.matched(study.scan, scorings, eids, palindromes=study.scores.palindromes)
        facts += [Caution(words) for words in _checked(study.scores, scorings, each)]
    return [*facts, *([Caution(RELATIVES)] if study.scan.keeps_relatives else [])]


STAGE = Stage(
    "scores", "polygenic scores of the participants, and what they predict", _parts, _options, _needs, _files, _work, _check,
    version=1,
)  # fmt: skip
