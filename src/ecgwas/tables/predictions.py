"""Tables of stage `predict`. Declared as in ecgwas.tables; docs/tables.md is made from them."""

from __future__ import annotations

from ecgwas.tables import REAL, TEXT, WHOLE, Column, Table

NAMED = {
    "target": Column(TEXT, "name of the outcome, or the variant whose carriers are predicted"),
    "kind": Column(TEXT, "outcome | variant (named in the study) | lead variant (of one of its loci)"),
    "analysis": Column(TEXT, "of outcomes: binary | ever | prevalent; null of variants"),
}
MODEL = Column(TEXT, "covariates | ECG | ECG and covariates")


class PredictionTargets(Table):
    """Every target, and what the ECG adds to the covariates."""

    columns = {
        **NAMED, "people": Column(WHOLE, "participants in the analysis"),
        "cases": Column(WHOLE, "cases, or carriers of the rarer allele"),
        "gain": Column(REAL, "area under the ROC curve of `ECG and covariates` minus that of `covariates`"),
        "gain_low": Column(REAL, "lower end of its 95 % interval"), "gain_high": Column(REAL, "upper end"),
        "p": Column(REAL, "two-sided p of the gain by DeLong's method"),
        "p_permutation": Column(REAL, "share of permutations of the ECG with as large a gain; null without permutations"),
        "status": Column(TEXT, "predicted, or why not"), "note": Column(TEXT, "what limits the result"),
    }  # fmt: skip


class Predictions(Table):
    """How well each model tells cases from controls, in participants to whom it was not fitted."""

    columns = {
        **NAMED, "model": MODEL, "auroc": Column(REAL, "area under the ROC curve, compared within folds"),
        "low": Column(REAL, "lower end of its 95 % interval"), "high": Column(REAL, "upper end"),
        "auprc": Column(REAL, "average precision; of risks without information the share of cases"),
        "brier": Column(REAL, "mean squared difference of risk and outcome"),
        "calibration_slope": Column(REAL, "of logit risk; 1 is ideal, below 1 risks are too extreme; null: risks do not vary"),
        "calibration_intercept": Column(REAL, "with logit risk as offset; 0 is ideal; null: risks do not vary"),
        "top_tenth": Column(REAL, "share of cases among the tenth of participants with the highest risks"),
    }  # fmt: skip


class DecisionCurves(Table):
    """Net benefit of acting on risks from a threshold on (Vickers and Elkin 2006, Med Decis Making 26:565)."""

    columns = {
        **NAMED, "model": Column(TEXT, "covariates | ECG | ECG and covariates | everyone (acting on all)"),
        "threshold": Column(REAL, "risk from which one acts, 0 to 1"),
        "net_benefit": Column(REAL, "share of true positives minus that of false ones times threshold / (1 - threshold)"),
    }  # fmt: skip


class PredictionWeights(Table):
    """Traits with the largest coefficients in the model `ECG`, by target."""

    columns = {
        **NAMED, "trait": Column(TEXT, "trait"), "coefficient": Column(REAL, "log odds ratio per SD, mean over folds"),
        "sd": Column(REAL, "standard deviation over folds"),
        "folds": Column(WHOLE, "folds in which it has the sign of the mean"),
    }  # fmt: skip


class PredictionRisks(Table):
    """Risks of participants by models that were not fitted to them. Private."""

    columns = {
        "eid": Column(TEXT, "participant"), **NAMED, "fold": Column(WHOLE, "part of the participants, from 0"),
        "case": Column(WHOLE, "1 case or carrier, 0 other"), "covariates": Column(REAL, "risk by this model"),
        "ecg": Column(REAL, "risk by the model `ECG`"), "ecg_and_covariates": Column(REAL, "risk by `ECG and covariates`"),
    }  # fmt: skip
