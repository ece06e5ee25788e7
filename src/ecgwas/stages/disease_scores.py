"""Own scores combined for the diseases of the study, within part `own` of stage `scores`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import StudyError
from ecgwas.outcomes import measures
from ecgwas.outcomes.outcome import Outcome
from ecgwas.progress import track
from ecgwas.scan import polygenic
from ecgwas.scan.polygenic import Panel
from ecgwas.scores import diseases
from ecgwas.scores.diseases import Combined
from ecgwas.scores.own import Positions
from ecgwas.stages import outcomes as outcomes_stage
from ecgwas.stages import traits
from ecgwas.stages.base import seed_of
from ecgwas.study import OwnScores, Study
from ecgwas.tables import Traits
from ecgwas.tables.scores import DiseaseScores

COVARIATES, EVERYTHING = "covariates", "all"


def refuse_without_outcomes(study: Study) -> None:
    """Raises StudyError if there are no diseases."""
    if study.outcomes is None:
        fix = "write a section `outcomes` (docs/outcomes.md), or leave scores.own.diseases out"
        raise StudyError("scores.own.diseases: true, and the study has no section outcomes", where=study.folder, fix=fix)


def predictions(
    study: Study, options: OwnScores, panel: Panel, tested: Traits, order: NDArray[np.int64], positions: Positions
) -> DiseaseScores:  # fmt: skip
    """Of each case-control outcome; order (N,): the participants in the order of the panel."""
    refuse_without_outcomes(study)
    covariates = traits.load_covariates(study).values[order]
    seed, fewest = seed_of(study, "diseases"), outcomes_stage.options_of(study).min_cases
    cohort = polygenic.prepare(tested.values[order], covariates, panel, np.random.default_rng(seed), options.folds).cohort
    scores = diseases.nested_scores(
        panel, cohort, positions, p_value=options.disease_p_value, min_r2=options.clump_r2,
        window_bp=options.clump_window_bp, track=track,
    )  # fmt: skip
    each = [one for one in outcomes_stage.read(study, tested.eids) if one.model == "logistic" and _enough(one, fewest)]
    rows = []
    for outcome in track(each, "diseases", len(each)):
        cases = outcome.values[order]
        rows.append(_row(outcome, COVARIATES, 0, diseases.alone(covariates, cases, cohort.folds), None))
        for name, members in _sets(tested).items():
            result = diseases.combined(
                scores[:, members], covariates, cases, cohort.folds, permutations=options.disease_permutations, seed=seed
            )
            rows.append(_row(outcome, name, len(members), result.auroc, result))
    return DiseaseScores.of(rows)


def _enough(outcome: Outcome, fewest: int) -> bool:
    cases = outcome.cases or 0
    return min(cases, outcome.people - cases) >= fewest


def _sets(tested: Traits) -> dict[str, list[int]]:
    """Representation -> places of its traits; EVERYTHING, where there are several."""
    sets: dict[str, list[int]] = {}
    for k, name in enumerate(tested.names):
        sets.setdefault(name.split(".")[0], []).append(k)
    return sets if len(sets) == 1 else sets | {EVERYTHING: list(range(len(tested.names)))}


def _row(outcome: Outcome, name: str, scores: int, auroc: measures.Estimate, result: Combined | None) -> dict[str, object]:
    values = {
        "auroc": auroc.value, "auroc_low": auroc.low, "auroc_high": auroc.high,
        "gain": np.nan if result is None else result.gain.value, "gain_low": np.nan if result is None else result.gain.low,
        "gain_high": np.nan if result is None else result.gain.high, "p_gain": np.nan if result is None else result.p,
    }  # fmt: skip
    return {
        "outcome": outcome.name, "analysis": outcome.analysis, "predictors": name, "scores": scores,
        "people": outcome.people, "cases": outcome.cases,
        **{key: float(value) if np.isfinite(value) else None for key, value in values.items()},
    }  # fmt: skip
