"""Stage `predict`: how well the ECG tells diseases and genotypes, in participants to whom nothing was fitted."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes import chromosomes, variant_lookup
from ecgwas.outcomes import decision_curve, measures, prediction
from ecgwas.outcomes.checks import MISSING
from ecgwas.outcomes.prediction import MODELS, Prediction
from ecgwas.progress import track
from ecgwas.stages import loci, outcomes, traits, variant_view
from ecgwas.stages.base import Needs, Stage, seed_of
from ecgwas.stages.report_data import strongest
from ecgwas.study import PredictOptions, Study
from ecgwas.tables import Traits, files
from ecgwas.tables.predictions import DecisionCurves, PredictionRisks, Predictions, PredictionTargets, PredictionWeights

logger = logging.getLogger(__name__)

DIGITS = 6
"""Significant digits of tables."""
MAX_WEIGHTS = 20
"""Traits listed for each target."""
CONSTANT = 1e-9
"""Risks of a fold that differ by less are the same but for rounding."""
LEAD = "the variant was chosen in these participants, for its association with a trait: the area is too large on average"
RELATED = "relatives are kept, and may be in different folds: the area is too large where they share trait and target"


@dataclass(frozen=True)
class Target:
    """What is predicted. coded (N,) int8 of the participants tested: 1 case or carrier, 0 other, -1 not in the analysis."""

    name: str
    kind: str
    analysis: str | None
    coded: NDArray[np.int8]
    note: str = ""

    @property
    def named(self) -> dict[str, str | None]:
        """The columns that every table has."""
        return {"target": self.name, "kind": self.kind, "analysis": self.analysis}


def options_of(study: Study) -> PredictOptions:
    """The section `predict`, which the study must have."""
    if study.predict is None:
        raise ValueError("the study has no section predict")
    return study.predict


def _parts(study: Study) -> tuple[str, ...]:
    """None without a section `predict`."""
    return () if study.predict is None else ("all",)


def _options(study: Study, part: str) -> Any:
    return [study.as_written(study.predict), study.as_written(study.outcomes), seed_of(study, "predict")]


def _needs(study: Study, part: str) -> Needs:
    of_loci = [(loci.STAGE.name, name) for name in loci.STAGE.parts(study)] if options_of(study).loci else []
    return [("traits", "all"), *of_loci]


def _files(study: Study, part: str) -> Sequence[Path]:
    of_outcomes = [] if study.outcomes is None else study.outcomes.input_files
    return [*of_outcomes, *chromosomes.input_files(study.scan)]


def targets(study: Study, tested: Traits) -> Iterator[Target]:
    """In the order of outcomes, variants named, and loci. Raises InputError for one that there is not."""
    options, related = options_of(study), RELATED if study.scan.keeps_relatives else ""
    every = () if study.outcomes is None else outcomes.read(study, tested.eids)
    binary = [one for one in every if one.model == "logistic"]
    if options.outcomes != "all":
        unknown = [name for name in options.outcomes if name not in {one.name for one in binary}]
        if unknown:
            fix = f"outcomes with cases and controls: {first_few([one.name for one in binary], 20) or 'none'}"
            raise InputError(f"predict.outcomes: {first_few(unknown)} is not among them", where=study.folder, fix=fix)
        binary = [one for one in binary if one.name in options.outcomes]
    for one in binary:
        yield Target(one.name, "outcome", one.analysis, one.coded, related)
    for name in options.variants:
        variant = variant_lookup.find(study.scan, name)
        copies = variant_view.dosage(variant, tested.eids, tested.eids)
        yield Target(name, "variant", None, carriers(copies), related)
    chosen = strongest(files.LOCI.read(study.results), options.loci) if options.loci else pl.DataFrame()
    note = "; ".join(filter(None, (LEAD, related)))
    for locus, copies in variant_view.copies_of_leads(study, chosen, tested.eids, tested.eids):
        yield Target(locus["lead_variant"], "lead variant", None, carriers(copies), note)


def carriers(copies: NDArray[np.float64]) -> NDArray[np.int8]:
    """(N,) 1 with a copy of the rarer allele or two, 0 with none, -1 without a call; copies (N,) of one allele, missing NaN."""
    rounded = np.round(copies)
    if np.nanmean(copies) > 1:
        rounded = 2 - rounded
    return np.where(np.isnan(rounded), MISSING, rounded > 0).astype(np.int8)


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    options, tested = options_of(study), traits.load_traits(study)
    adjusted = traits.load_covariates(study).values
    listed: list[dict[str, Any]] = []
    rows = _Rows([], [], [], [])
    every = list(targets(study, tested))
    for target in track(every, "targets", len(every)):
        people, cases = int((target.coded != MISSING).sum()), int((target.coded == 1).sum())
        row: dict[str, Any] = {**target.named, "people": people, "cases": cases, "note": target.note}
        status = _status(target, cases, people, options.min_cases)
        if status is None:
            known = target.coded != MISSING
            predicted = prediction.predict(
                tested.values[known], adjusted[known], target.coded[known] == 1, folds=options.folds,
                permutations=options.permutations, seed=seed_of(study, "predict"),
            )  # fmt: skip
            row |= _gain(predicted)
            rows.add(target, predicted, tested, np.flatnonzero(known))
        listed.append({name: row.get(name) for name in PredictionTargets.columns} | {"status": status or "predicted"})
    files.PREDICTION_TARGETS.write(PredictionTargets(_rounded(PredictionTargets.of(listed).frame)), out)
    files.PREDICTION_MODELS.write(Predictions(_rounded(Predictions.of(rows.models).frame)), out)
    files.DECISION_CURVES.write(DecisionCurves(_rounded(DecisionCurves.of(rows.curves).frame)), out)
    files.PREDICTION_WEIGHTS.write(PredictionWeights(_rounded(PredictionWeights.of(rows.weights).frame)), out)
    files.PREDICTION_RISKS.write(_risks(rows.risks), out)
    logger.debug("predict: %d targets, %d predicted", len(listed), len(rows.risks))


def _rounded(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.selectors.float().round_sig_figs(DIGITS))


def _status(target: Target, cases: int, people: int, min_cases: int) -> str | None:
    """Why it is not predicted; None: it is."""
    words = ("cases", "controls") if target.kind == "outcome" else ("carriers", "others")
    for count, group in zip((cases, people - cases), words, strict=True):
        if count < min_cases:
            return f"fewer than {min_cases} {group} (predict.min_cases)"
    return None


def _gain(predicted: Prediction) -> dict[str, float | None]:
    gain = predicted.gain
    return {
        "gain": gain.value, "gain_low": gain.low, "gain_high": gain.high, "p": gain.p,
        "p_permutation": None if np.isnan(predicted.p) else predicted.p,
    }  # fmt: skip


@dataclass(frozen=True)
class _Rows:
    """Rows of the tables; risks: a frame for each target."""

    models: list[dict[str, Any]]
    curves: list[dict[str, Any]]
    weights: list[dict[str, Any]]
    risks: list[pl.DataFrame]

    def add(self, target: Target, predicted: Prediction, tested: Traits, people: NDArray[np.int64]) -> None:
        """What was predicted of a target for the participants `people` (n,) of those tested."""
        self.models.extend(target.named | row for row in _judged(predicted))
        for name, risks in zip(MODELS, predicted.risks.T, strict=True):
            self.curves.extend(target.named | {"model": name} | row for row in decision_curve.rows(risks, predicted.cases))
        self.curves.extend(target.named | {"model": "everyone"} | row for row in decision_curve.of_everyone(predicted.cases))
        self.weights.extend(target.named | row for row in _weights(predicted, tested.names))
        self.risks.append(pl.DataFrame({
            "eid": [tested.eids[i] for i in people], **{name: [value] * len(people) for name, value in target.named.items()},
            "fold": predicted.folds, "case": predicted.cases.astype(np.int64), "covariates": predicted.risks[:, 0],
            "ecg": predicted.risks[:, 1], "ecg_and_covariates": predicted.risks[:, 2],
        }, schema_overrides={"analysis": pl.String}))  # fmt: skip


def _judged(predicted: Prediction) -> Iterator[dict[str, Any]]:
    """A row per model."""
    for name, area, risks in zip(MODELS, predicted.areas, predicted.risks.T, strict=True):
        varies = any(np.ptp(risks[predicted.folds == fold]) > CONSTANT for fold in np.unique(predicted.folds))
        calibration = measures.calibration(risks, predicted.cases)
        yield {
            "model": name, "auroc": area.value, "low": _known(area.low), "high": _known(area.high),
            "auprc": measures.auprc(risks, predicted.cases), "brier": measures.brier(risks, predicted.cases),
            "calibration_slope": _known(calibration.slope) if varies else None,
            "calibration_intercept": _known(calibration.intercept) if varies else None,
            "top_tenth": measures.top_prevalence(risks, predicted.cases),
        }  # fmt: skip


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _weights(predicted: Prediction, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The traits with the largest mean coefficients, largest first; none where the features say nothing in every fold."""
    mean, spread = predicted.coefficients.mean(axis=0), predicted.coefficients.std(axis=0)
    for k in np.argsort(-np.abs(mean), kind="stable")[:MAX_WEIGHTS]:
        if mean[k] != 0:
            agree = int((np.sign(predicted.coefficients[:, k]) == np.sign(mean[k])).sum())
            yield {"trait": names[k], "coefficient": float(mean[k]), "sd": float(spread[k]), "folds": agree}


def _risks(frames: Sequence[pl.DataFrame]) -> PredictionRisks:
    if not frames:
        return PredictionRisks.of([])
    return PredictionRisks(pl.concat(frames).select(list(PredictionRisks.columns)))


def _check(study: Study) -> Sequence[str]:
    """Looks up every target that does not depend on loci. Cases are those of all with covariates and genotypes."""
    if study.predict is None:
        return ()
    facts = []
    if study.predict.variants:
        for name in study.predict.variants:
            variant_lookup.find(study.scan, name)
        facts.append(f"{len(study.predict.variants)} variant(s) whose carriers are predicted")
    if study.outcomes is None and study.predict.outcomes != "all":
        raise InputError("predict.outcomes names outcomes", where=study.folder, fix="write a section outcomes")
    return facts


STAGE = Stage(
    "predict", "tell diseases and genotypes by the ECG", _parts, _options, _needs, _files, _work, _check, version=1,
)  # fmt: skip
