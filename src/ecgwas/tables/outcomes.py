"""Tables of stage `outcomes`. Declared as in ecgwas.tables; docs/tables.md is made from them."""

from __future__ import annotations

from ecgwas.tables import FLAG, REAL, TEXT, WHOLE, Column, Table

NAMED = {
    "outcome": Column(TEXT, "name of the outcome"),
    "analysis": Column(
        TEXT,
        "binary | ever | prevalent (diagnosed by the day of the ECG) | incident (after it) | survival | numeric",
    ),
}


class Outcomes(Table):
    """Each outcome: how it is tested, and in how many participants."""

    columns = {
        **NAMED, "group": Column(TEXT, "group of the outcome, as the study names it"),
        "model": Column(TEXT, "logistic | cox | linear"), "people": Column(WHOLE, "participants in the analysis"),
        "cases": Column(WHOLE, "cases or events; null of numbers"),
        "controls": Column(WHOLE, "controls, or participants without the event; null of numbers"),
        "excluded": Column(WHOLE, "participants with traits who are not in the analysis; reasons are in excluded.csv"),
        "person_time": Column(REAL, "sum of follow-up: years of incident diseases, else the unit of the table's time; or null"),
        "status": Column(TEXT, "tested, or why not"), "tests": Column(WHOLE, "traits with a test"),
        "best_trait": Column(TEXT, "trait with the strongest test; null without tests"),
        "neglog10p": Column(REAL, "-log10 p of its score test"),
    }  # fmt: skip


class OutcomeExclusions(Table):
    """How many participants with traits each outcome excludes, and why."""

    columns = {**NAMED, "reason": Column(TEXT, "why"), "people": Column(WHOLE, "participants, each under one reason")}


class OutcomeScreen(Table):
    """Every trait with every outcome that is tested: score tests."""

    columns = {
        "trait": Column(TEXT, "trait"), **NAMED,
        "z": Column(REAL, "signed square root of the score test, chi-square with 1 df (of numbers: t); null: not computed"),
        "neglog10p": Column(REAL, "-log10 p of it"),
    }  # fmt: skip


class OutcomeTests(Table):
    """The strongest associations of traits with outcomes, with estimated effects, strongest first: each outcome's strongest
    trait, and all of -log10 p `outcomes.keep_neglog10p` or more."""

    columns = {
        "trait": Column(TEXT, "trait"), **NAMED, "group": Column(TEXT, "group of the outcome"),
        "measure": Column(TEXT, "odds ratio | hazard ratio | slope"),
        "people": Column(WHOLE, "participants with trait and outcome"),
        "cases": Column(WHOLE, "cases or events; null of numbers"),
        "beta": Column(REAL, "log odds ratio, log hazard ratio, or slope in the outcome's unit, per SD of the trait"),
        "se": Column(REAL, "standard error of beta; of slopes, consistent with unequal variances (HC3)"),
        "low": Column(REAL, "lower end of the 95 % interval of beta: profile likelihood by Firth's method, else Wald"),
        "high": Column(REAL, "upper end"),
        "ratio": Column(REAL, "odds ratio or hazard ratio per SD of the trait; null of slopes"),
        "ratio_low": Column(REAL, "lower end of its 95 % interval"), "ratio_high": Column(REAL, "upper end"),
        "neglog10p": Column(REAL, "-log10 p of the estimate: likelihood ratio test, or t test of slopes"),
        "neglog10p_score": Column(REAL, "-log10 p of the score test, which is compared with the threshold"),
        "p_family": Column(REAL, "family-wise p over all traits and outcomes, by permutation; null without permutations"),
        "significant": Column(FLAG, "beyond the threshold"),
        "neglog10p_ph": Column(REAL, "-log10 p of the test of proportional hazards; null of other models"),
        "method": Column(TEXT, "logistic | firth | cox | linear"),
        "status": Column(TEXT, "tested | separated | too few | constant | predicted | infinite | not converged"),
    }  # fmt: skip


class OutcomeThresholds(Table):
    """Thresholds over all traits and outcomes, of which one is used."""

    columns = {
        "kind": Column(TEXT, "permutation | bonferroni"),
        "neglog10p": Column(REAL, "-log10 p beyond which a test is significant"),
        "low": Column(REAL, "lower end of its 95 % Monte-Carlo interval; null if exact"),
        "high": Column(REAL, "upper end; null if exact, or if so few permutations set none"),
        "tests": Column(WHOLE, "tests of traits with outcomes"), "significant": Column(WHOLE, "tests beyond it"),
        "used": Column(FLAG, "the study's threshold"), "note": Column(TEXT, "how it was determined"),
    }  # fmt: skip
