"""Stage `outcomes`: every trait with diseases, measurements and survival of the participants tested."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import Caution, EcgwasError, first_few
from ecgwas.genotypes import chromosomes
from ecgwas.outcomes import phenome
from ecgwas.outcomes.outcome import Outcome
from ecgwas.outcomes.person_tables import read_cohort
from ecgwas.outcomes.sources import read_all
from ecgwas.progress import track
from ecgwas.stages import traits
from ecgwas.stages.base import Needs, Stage, seed_of
from ecgwas.study import OutcomeOptions, Study
from ecgwas.tables import Traits, files
from ecgwas.tables.outcomes import OutcomeExclusions, Outcomes, OutcomeScreen, OutcomeTests, OutcomeThresholds
from ecgwas.traits import covariates

logger = logging.getLogger(__name__)

RELATIVES = (
    "outcomes: the scan keeps relatives, and tests with outcomes take all participants as unrelated: p-values are too small "
    "where relatives share traits and diseases"
)


def _parts(study: Study) -> tuple[str, ...]:
    """None without a section `outcomes`."""
    return () if study.outcomes is None else ("all",)


def options_of(study: Study) -> OutcomeOptions:
    """The section `outcomes`, which the study must have."""
    if study.outcomes is None:
        raise ValueError("the study has no section outcomes")
    return study.outcomes


def _options(study: Study, part: str) -> Any:
    return [study.as_written(study.outcomes), seed_of(study, "outcomes")]


def _needs(study: Study, part: str) -> Needs:
    return [("traits", "all")]


def _files(study: Study, part: str) -> Sequence[Path]:
    options = options_of(study)
    return [*options.input_files, *(chromosomes.input_files(study.scan) if options.needs_sex else [])]


def read(study: Study, eids: Sequence[str]) -> tuple[Outcome, ...]:
    """The outcomes of these participants. Raises InputError if a table is faulty, or of other people."""
    options = options_of(study)
    sexes = chromosomes.sex_by_eid(study.scan) if options.needs_sex else {}
    of_eids = np.array([sexes.get(eid, 0) for eid in eids], dtype=np.int8)
    cohort = read_cohort(eids, of_eids, options.follow_up, by_age=options.time_scale == "age")
    return read_all(options.tables, cohort)


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    options, tested = options_of(study), traits.load_traits(study)
    outcomes, adjusted = read(study, tested.eids), traits.load_covariates(study).values
    screened = phenome.screen(
        tested.values, adjusted, outcomes,
        min_cases=options.min_cases, permutations=options.permutations, seed=seed_of(study, "outcomes"), track=track,
    )  # fmt: skip
    thresholds = phenome.thresholds(screened)
    rows = estimates(options, screened, tested, adjusted, outcomes)
    files.OUTCOMES.write(_outcomes(outcomes, screened, tested), out)
    files.OUTCOME_EXCLUSIONS.write(_exclusions(outcomes), out)
    files.OUTCOME_SCREEN.write(_screen(outcomes, screened, tested), out)
    files.OUTCOME_TESTS.write(OutcomeTests.of(_complete(rows)), out)
    files.OUTCOME_THRESHOLDS.write(_thresholds(thresholds, screened), out)
    if study.scan.keeps_relatives:
        logger.warning(RELATIVES)
    logger.debug("outcomes: %d outcomes, %d tests, %d estimates", len(outcomes), screened.tests, len(rows))


def estimates(
    options: OutcomeOptions, screened: phenome.Screen, tested: Traits, adjusted: NDArray[np.float64],
    outcomes: Sequence[Outcome],
) -> list[dict[str, Any]]:  # fmt: skip
    """Estimated effects of the strongest tests, in columns of OutcomeTests; adjusted (N, C): covariates."""
    pairs, limit = phenome.chosen(screened, options.keep_neglog10p), phenome.thresholds(screened)[0].neglog10p
    rows, p_family = [], screened.p_family
    for k, d in track(pairs, "estimates", len(pairs)):
        estimated = phenome.estimate(tested.values[:, k], outcomes[d], adjusted, firth_below=options.firth_below)
        strength = float(screened.neglog10p[k, d])
        judged = {
            "neglog10p_score": strength, "p_family": None if np.isnan(p_family[k, d]) else float(p_family[k, d]),
            "significant": strength > limit,
        }  # fmt: skip
        rows.append(_named(outcomes[d], tested.names[k]) | estimated | judged)
    return rows


def _named(outcome: Outcome, trait: str) -> dict[str, Any]:
    return {"trait": trait, "outcome": outcome.name, "analysis": outcome.analysis, "group": outcome.group}


def _complete(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with every column of OutcomeTests, null where a row has none."""
    return [{name: row.get(name) for name in OutcomeTests.columns} for row in rows]


def _outcomes(outcomes: Sequence[Outcome], screened: phenome.Screen, tested: Traits) -> Outcomes:
    rows = []
    for d, outcome in enumerate(outcomes):
        strength = screened.neglog10p[:, d]
        tests = int(np.isfinite(strength).sum())
        best = int(np.nanargmax(strength)) if tests else None
        rows.append({
            "outcome": outcome.name, "analysis": outcome.analysis, "group": outcome.group, "model": outcome.model,
            "people": outcome.people, "cases": outcome.cases,
            "controls": None if outcome.cases is None else outcome.people - outcome.cases,
            "excluded": len(tested.eids) - outcome.people, "person_time": outcome.person_time,
            "status": phenome.in_words(screened.status[d]), "tests": tests,
            "best_trait": None if best is None else tested.names[best],
            "neglog10p": None if best is None else float(strength[best]),
        })  # fmt: skip
    return Outcomes.of(rows)


def _exclusions(outcomes: Sequence[Outcome]) -> OutcomeExclusions:
    rows = [
        {"outcome": outcome.name, "analysis": outcome.analysis, "reason": reason, "people": count}
        for outcome in outcomes
        for reason, count in outcome.exclusions().items()
    ]
    return OutcomeExclusions.of(rows)


def _screen(outcomes: Sequence[Outcome], screened: phenome.Screen, tested: Traits) -> OutcomeScreen:
    kept = [d for d, status in enumerate(screened.status) if status.has_result]
    count = len(tested.names)
    frame = pl.DataFrame({
        "trait": list(tested.names) * len(kept),
        "outcome": [outcomes[d].name for d in kept for _ in range(count)],
        "analysis": [outcomes[d].analysis for d in kept for _ in range(count)],
        "z": screened.z[:, kept].T.ravel(), "neglog10p": screened.neglog10p[:, kept].T.ravel(),
    }, schema={name: column.dtype for name, column in OutcomeScreen.columns.items()})  # fmt: skip
    return OutcomeScreen(frame.with_columns(pl.col("z", "neglog10p").fill_nan(None)))


def _thresholds(thresholds: Sequence[phenome.Threshold], screened: phenome.Screen) -> OutcomeThresholds:
    strength = screened.neglog10p[np.isfinite(screened.neglog10p)]
    rows = [
        {"kind": one.kind, "neglog10p": one.neglog10p, "low": one.low, "high": one.high, "tests": screened.tests,
         "significant": int((strength > one.neglog10p).sum()), "used": one is thresholds[0], "note": one.note}
        for one in thresholds
    ]  # fmt: skip
    return OutcomeThresholds.of(rows)


def _check(study: Study) -> Sequence[str]:
    """Opens every table. Whom stage `traits` will keep is not known yet: counts are of all with covariates and genotypes."""
    if study.outcomes is None:
        return ()
    eids: list[str] = []
    with suppress(EcgwasError):  # Other stages' checks report these files.
        genotyped = set(chromosomes.eids_in_all_files(study.scan))
        eids = [eid for eid in covariates.read(study.traits).eids if eid in genotyped]
    outcomes = read(study, eids)
    facts = [f"{len(outcomes)} outcomes of {len(study.outcomes.tables)} table(s), {len(eids):,} participants"]
    untested = [f"{outcome.name} ({outcome.analysis})" for outcome in outcomes if _too_few(outcome, study.outcomes.min_cases)]
    if untested:
        words = f"{len(untested)} outcome(s) with fewer than {study.outcomes.min_cases} cases or controls (outcomes.min_cases)"
        facts.append(Caution(f"{words} will not be tested: {first_few(untested)}"))
    return [*facts, *([Caution(RELATIVES)] if study.scan.keeps_relatives else [])]


def _too_few(outcome: Outcome, min_cases: int) -> bool:
    """True for too few cases, controls, events, or participants."""
    if outcome.cases is None:
        return outcome.people < min_cases
    if outcome.model == "cox":
        return outcome.cases < min_cases
    return min(outcome.cases, outcome.people - outcome.cases) < min_cases


STAGE = Stage(
    "outcomes", "test traits with diseases and measurements", _parts, _options, _needs, _files, _work, _check, version=1,
)  # fmt: skip
