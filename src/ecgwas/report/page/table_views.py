"""Views of the tables that have a place on the page, as specifications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from ecgwas.report.page.table_view import P_VALUE, TableView
from ecgwas.report.page.table_view import ColumnView as Column
from ecgwas.report.text import labels
from ecgwas.tables import files
from ecgwas.tables.files import ResultFile

EFFECT_UNITS = {"rank_normal": "SD per allele", "none": "feature's unit per allele"}
"""traits.transform -> unit of an effect: standard deviations of ranked residuals, or the unit of the feature."""


def on_request(column: Column) -> Column:
    """The column, shown only after a click on `all columns`."""
    return replace(column, when="asked")


LOCUS = Column("locus", "locus", "d", links_to="locus")
TRAIT = Column("trait", "trait", links_to="trait")
VARIANT = Column("variant", "variant")
CHROM, POS = Column("chrom", "chr"), Column("pos", "position", ",d")
EFFECT_ALLELE, OTHER_ALLELE = Column("effect_allele", "effect allele"), Column("other_allele", "other allele")
BETA = Column("beta", "beta", ".3f", of_effect=True)
SE = Column("se", "standard error", ".3f", of_effect=True)
NEGLOG10P = Column("neglog10p", "−log10 p", ".2f")

LOCI = TableView("loci", "Loci: significant variants that belong together", (
    LOCUS, Column("gene", "nearest gene"), Column("lead_variant", "lead variant", when="wide"), on_request(CHROM),
    on_request(POS), on_request(NEGLOG10P), Column("p", "p", P_VALUE),
    Column("best_trait", "strongest trait", links_to="trait", when="wide"),
    Column("effect_allele", "effect allele", when="wide"), on_request(OTHER_ALLELE),
    Column("per_allele", "effect per allele", if_any=True, unbroken=True),
    on_request(Column("eaf", "effect allele frequency", ".3f")), on_request(Column("traits", "traits", ",d")),
    on_request(Column("variants", "variants", ",d")), on_request(Column("clumps", "clumps", ",d")),
    on_request(Column("signals", "signals", ",d")),
    on_request(Column("neglog10p_conditional", "−log10 p conditional on the other loci", ".2f")), Column("test", "test"),
    Column("set", "set of traits", if_any=True), Column("known", "known or new", if_any=True),
))  # fmt: skip

TRAITS = TableView("traits", "All traits, strongest test first", (
    TRAIT, Column("unit", "unit", if_any=True), Column("neglog10p", "strongest −log10 p", ".2f"),
    Column("lambda_gc", "λ", ".3f"), Column("loci", "loci", ",d"),
    Column("significant", "significant variants", ",d"), Column("n", "participants", ",d"), Column("tests", "tests", ",d"),
    Column("not_computed", "not computed", ",d"),
))  # fmt: skip

TRAITS_OF_LOCUS = TableView("traits-of", "Traits associated with the locus", (
    TRAIT, NEGLOG10P, Column("variant", "strongest variant"), EFFECT_ALLELE, Column("eaf", "frequency", ".3f"), BETA, SE,
    Column("effect", "effect per allele in the trait's unit", ".3g", if_any=True),
    Column("effect_se", "its standard error", ".2g", if_any=True), Column("unit", "unit", if_any=True),
    Column("n", "participants", ",d"), Column("gene", "nearest gene", if_any=True),
    Column("variants", "variants with a hit", ",d"),
    on_request(Column("q_p_ancestry", "p of a difference between ancestries", ".2g", if_any=True)),
    on_request(Column("q_p_sex", "p of a difference between men and women", ".2g", if_any=True)),
))  # fmt: skip

GENES_OF_LOCUS = TableView("genes-of", "Genes of the variants with a hit", (
    Column("gene", "gene"), Column("relation", "relation"), Column("distance_bp", "smallest distance (bp)", ",d"),
    Column("variants", "variants with a hit", ",d"), Column("source", "source"),
))  # fmt: skip

AUDIT = TableView("audit", "Audit of the hits", (
    Column("trait", "trait"), Column("variant", "strongest variant"), NEGLOG10P,
    Column("neglog10p_hc3", "allowing for unequal variances (HC3)", ".2f"),
    Column("neglog10p_without_top", "without the most influential participant", ".2f"),
    on_request(Column("top_share", "that participant's share of the effect", ".1%")),
    on_request(Column("carriers", "carriers", ",d")),
    on_request(Column("neglog10p_dominance", "dominance", ".2f")), on_request(Column("hwe_p", "Hardy-Weinberg p", ".2g")), BETA,
    Column("beta_corrected", "beta corrected for the winner's curse", ".3f", of_effect=True),
    on_request(Column("beta_corrected_low", "from", ".3f", of_effect=True)),
    on_request(Column("beta_corrected_high", "to", ".3f", of_effect=True)),
    on_request(Column("neglog10p_odd", "odd beats", ".2f")), on_request(Column("neglog10p_even", "even beats", ".2f")),
    on_request(Column("neglog10p_seeds", "weakest with other seeds", ".2f")), Column("flags", "flags"),
))  # fmt: skip

GROUP_EFFECTS = TableView("groups-of", "The lead variant in ancestry groups, in men and in women", (
    Column("by", "by"), Column("group", "group"), Column("n", "participants", ",d"), Column("eaf", "frequency", ".3f"), BETA,
    Column("low", "95 % interval from", ".3f", of_effect=True), Column("high", "to", ".3f", of_effect=True), NEGLOG10P,
    Column("q_p", "p of a difference between the groups (Cochran's Q)", ".2g", if_any=True),
    Column("i2", "I²", ".0%", if_any=True),
))  # fmt: skip

FLAGS = TableView("flags", "Audit of the hits", (Column("flags", "flags"), Column("hits", "hits", ",d")))

COVERED = (
    "nominally 95 %; of simulated sets, 99 % contained the causal variant in loci with one, 90 % in those with two or three"
)
CREDIBLE = TableView("credible", f"Credible sets ({COVERED})", (
    Column("set", "set", "d"), VARIANT, POS, Column("posterior", "posterior", ".3f"), Column("inclusion", "inclusion", ".3f"),
    Column("variants", "variants of the set", ",d"), Column("coverage", "coverage", ".3f"),
    Column("purity", "purity", ".3f"), Column("method", "method"),
))  # fmt: skip

CONDITIONAL = TableView("conditional", "Separate signals", (
    Column("step", "step", "d"), VARIANT, POS, EFFECT_ALLELE,
    Column("beta", "beta conditional on earlier steps", ".3f", of_effect=True), SE,
    Column("neglog10p", "−log10 p conditional on earlier steps", ".2f"), Column("neglog10p_alone", "unconditional", ".2f"),
    Column("neglog10p_joint", "conditional on all other signals", ".2f"), Column("r2_with_lead", "r² with the lead", ".3f"),
    Column("significant", "separate signal"),
))  # fmt: skip

THRESHOLDS = TableView("thresholds", "Thresholds, and what is significant at each", (
    Column("kind", "threshold"), NEGLOG10P, Column("low", "from", ".2f", when="wide"), Column("high", "to", ".2f", when="wide"),
    Column("significant", "significant tests", ",d"), Column("loci", "loci", ",d"), Column("used", "used"),
    Column("note", "how it was set"),
))  # fmt: skip

POWER = TableView("power", "Smallest share of a trait's variance that a variant must explain to be found with this power", (
    Column("kind", "threshold"), Column("share_at_power_50", "50 % power", ".2%"),
    Column("share_at_power_80", "80 % power", ".2%"), Column("share_at_power_95", "95 % power", ".2%"),
))  # fmt: skip

EXCLUDED_FEATURES = TableView("traits_left_out", "Features excluded from testing", (
    Column("reason", "reason"), Column("count", "features", ",d"),
))  # fmt: skip

EXCLUDED_VARIANTS = TableView("variants_left_out", "Variants not tested", (
    Column("reason", "reason"), Column("count", "variants", ",d"),
))  # fmt: skip

RECONSTRUCTION = "Reconstruction of held-out participants, compared with 32 principal components and the mean"
ERRORS = TableView("errors", RECONSTRUCTION, (
    Column("representation", "representation"), Column("method", "method"), Column("mse", "mean squared error", ".4g"),
    Column("pearson_r", "correlation", ".4f"), Column("mae_uv", "mean absolute error (µV)", ".1f"),
    Column("loss", "loss with penalty", ".4g", if_any=True),
))  # fmt: skip

DEVICE_AGREEMENT = TableView("agreement", "Measured here minus measured by the ECG device, with limits of agreement", (
    Column("measurement", "measurement"), Column("n", "participants", ",d"),
    Column("mean_difference", "mean difference", ".1f"),
    Column("sd", "SD", ".1f"), Column("low", "lower limit", ".1f"), Column("high", "upper limit", ".1f"),
    Column("median_difference", "median difference", ".1f"), Column("r", "correlation", ".3f"),
))  # fmt: skip

REPRESENTATIONS = TableView("compared", "What each representation found", (
    Column("representation", "representation"), Column("kind", "kind"), Column("traits", "traits", ",d"),
    Column("significant", "significant variant–trait pairs", ",d"), Column("loci", "loci", ",d"),
    Column("alone", "loci found by no other", ",d"), Column("best_trait", "strongest trait"), NEGLOG10P,
    Column("lambda_gc", "median λ", ".3f"), Column("repeatability", "mean correlation of odd and even beats", ".3f"),
    Column("between_visits", "mean ICC of two visits", ".3f", if_any=True),
))  # fmt: skip

CLUSTERS = TableView("clusters", "MCL clusters of the network", (
    Column("colour", "colour", is_colour=True), Column("cluster", "cluster", "d"), Column("size", "genes", "d"),
    Column("name", "description"), Column("named_by", "named by"), Column("genes", "members"),
))  # fmt: skip

TERMS = TableView("enrichment", "Enriched terms", (
    Column("category", "category"), Column("term", "term"), Column("description", "description"),
    Column("observed", "observed", ",d"), Column("expected", "expected", ".2f"), Column("strength", "strength", ".2f"),
    Column("fdr", "FDR", ".2g"), Column("group", "group"), Column("reason", "reason"), Column("genes", "genes"),
))  # fmt: skip

NULL_COUNTS = TableView("null_counts", "Counts compared with those of the null study: the same analysis and threshold", (
    Column("what", "count"), Column("study", "this study", ",d"), Column("null", "null study", ",d"),
))  # fmt: skip

PLANTED = TableView("planted", "Planted effects, and which of them were found", (
    Column("variant", "planted variant"), CHROM, POS, Column("parameter", "parameter"), Column("effect", "effect"),
    Column("locus", "found as locus", "d"), Column("trait", "by trait"), NEGLOG10P,
    Column("per_allele", "effect found, per allele", if_any=True, unbroken=True),
    Column("distance_bp", "distance (bp)", ",d"),
))  # fmt: skip

CHECKLIST = "STREGA checklist (Little et al. 2009), as far as the study's files allow; – is for the authors to state"
STREGA = TableView("strega", CHECKLIST, (
    Column("item", "item"), Column("what", "what to report"), Column("here", "this study"),
))  # fmt: skip

OUTCOMES = TableView("outcomes", "Outcomes: cases, controls, and the trait with the strongest test", (
    Column("group", "group"), Column("outcome", "outcome"), Column("analysis", "analysis"),
    Column("people", "participants", ",d"), Column("cases", "cases or events", ",d"), Column("controls", "controls", ",d"),
    on_request(Column("excluded", "excluded", ",d")),
    on_request(Column("person_time", "follow-up (years, or the table's unit)", ",.0f", if_any=True)),
    Column("best_trait", "strongest trait", links_to="trait"), NEGLOG10P, Column("status", "status"),
))  # fmt: skip

OUTCOME_TESTS = TableView("outcome-tests", "Traits and outcomes, strongest first", (
    TRAIT, Column("outcome", "outcome"), Column("analysis", "analysis"), Column("measure", "measure", when="wide"),
    Column("people", "participants", ",d", when="wide"), Column("cases", "cases or events", ",d"),
    Column("ratio", "odds or hazard ratio per SD", ".2f"), Column("ratio_low", "95 % interval from", ".2f"),
    Column("ratio_high", "to", ".2f"), Column("slope", "slope per SD", ".3g", if_any=True),
    on_request(Column("beta", "log ratio, or slope", ".3f")), on_request(SE),
    on_request(Column("low", "95 % interval of it from", ".3f")), on_request(Column("high", "to", ".3f")),
    Column("p", "p", P_VALUE), on_request(Column("neglog10p_score", "−log10 p of the score test", ".2f")),
    Column("p_family", "family-wise p", ".2g", if_any=True), Column("significant", "significant"),
    on_request(Column("neglog10p_ph", "−log10 p of non-proportional hazards", ".2f", if_any=True)),
    on_request(Column("method", "method")), on_request(Column("status", "status")),
))  # fmt: skip

PREDICTION_TARGETS = TableView("prediction-targets", "What the ECG adds to the covariates", (
    Column("target", "target"), Column("kind", "kind"), Column("analysis", "analysis", if_any=True),
    Column("people", "participants", ",d", when="wide"), Column("cases", "cases or carriers", ",d"),
    Column("gain", "gain of area under the ROC curve", ".3f"), Column("gain_low", "95 % interval from", ".3f"),
    Column("gain_high", "to", ".3f"), Column("p_permutation", "p, permuted ECG", ".2g", if_any=True),
    on_request(Column("p", "p, DeLong", ".2g")), Column("status", "status"), on_request(Column("note", "note", if_any=True)),
))  # fmt: skip

PREDICTION_MODELS = TableView("prediction-models", "Models: discrimination and calibration out of fold", (
    Column("target", "target"), Column("analysis", "analysis", if_any=True), Column("model", "model"),
    Column("auroc", "area under the ROC curve", ".3f"), Column("low", "95 % interval from", ".3f"), Column("high", "to", ".3f"),
    Column("auprc", "average precision", ".3f"), Column("brier", "Brier score", ".3f"),
    Column("calibration_slope", "calibration slope", ".2f"), on_request(Column("calibration_intercept", "intercept", ".2f")),
    Column("top_tenth", "cases in the tenth with the highest risks", ".2f"),
))  # fmt: skip

SCORE_FILES = TableView("score-files", "Polygenic scores: variants of each file that are in the genotypes", (
    Column("score", "score"), Column("reported_trait", "trait of the file"),
    Column("weight_type", "type of weights", when="wide"), Column("variants", "variants", ",d"), Column("used", "used", ",d"),
    Column("share", "share used", ".1%"), Column("weight_share", "share of weights used", ".1%"),
    on_request(Column("file", "file")), on_request(Column("note", "note")),
))  # fmt: skip

SCORE_TRAITS = TableView("score-traits", "Scores and traits, strongest first", (
    Column("score", "score"), TRAIT, Column("people", "participants", ",d", when="wide"),
    Column("r", "partial correlation", ".3f"), Column("r2", "partial R²", ".4f"), Column("r2_low", "95 % interval from", ".4f"),
    Column("r2_high", "to", ".4f"), Column("r2_null", "R² of permuted scores", ".4f", if_any=True), Column("p", "p", P_VALUE),
    Column("p_family", "family-wise p", ".2g"), Column("significant", "significant"),
    on_request(Column("p_permuted", "p by permutation", ".2g", if_any=True)),
    on_request(Column("beta", "effect per SD of the score", ".3f")), on_request(SE),
))  # fmt: skip

OWN_SCORES = TableView("own-scores", "Own scores of the traits, out of fold, compared with permuted traits and theory", (
    TRAIT, Column("method", "method"), Column("p_value", "limit p", ".0e", if_any=True),
    Column("people", "participants", ",d", when="wide"), Column("variants", "variants", ",.0f"),
    Column("r2", "R² out of fold", ".4f"), Column("r2_low", "95 % interval from", ".4f"), Column("r2_high", "to", ".4f"),
    Column("r2_null", "R² of permuted traits", ".4f"), Column("r2_null_95", "95 % of them below", ".4f"),
    Column("p_null", "share of permuted traits as high", ".2g"), on_request(Column("r", "correlation", ".3f")),
    Column("h2", "h²", ".2f"), Column("r2_expected", "R² expected", ".4f"),
))  # fmt: skip

CAPTIONS: Mapping[ResultFile, str] = {
    files.PREDICTION_WEIGHTS: "Traits with the largest coefficients, ECG alone",
    files.DECISION_CURVES: "Net benefit by threshold",
    files.DISEASE_SCORES: "Diseases predicted by covariates, and by these and own scores combined, out of fold",
    files.SCORE_OUTCOMES: "Scores and outcomes, strongest first",
    files.SCORE_MATCHES: "Variants of each scoring file by what became of them",
    files.OUTCOME_EXCLUSIONS: "Participants whom an outcome excludes, and why",
    files.OUTCOME_THRESHOLDS: "Thresholds over all traits and outcomes",
    files.MATCHING: "ECGs matched to genomes, and genomes to ECGs, by loci found in other participants, compared with chance",
    files.MEMBERSHIP: "Participants distinguished from other people by what is shared, compared with chance",
    files.LEAD_COUNTS: "Kept recordings by the quality of each lead",
    files.RHYTHM_COUNTS: "Participants by rhythm of their recording, as found by ecgwas",
    files.SAMPLE_GUARDS: "Guards on participants and traits",
    files.SCAN_GUARDS: "Guards on variants, scan and hits",
    files.INFLATION: "Inflation by allele frequency",
    files.HERITABILITY: "Heritability by all common variants together (Haseman-Elston, GREML)",
    files.POLYGENIC: "What the other chromosomes predict of each trait, out of fold, and what theory expects",
    files.KNOWN: "Positive controls: known variants tested here",
    files.SET_HITS: "Significant tests of trait sets",
    files.GENE_COUNTS: "Genes by variants, loci, leads and traits with a hit",
    files.GENE_LEADS: "Genes and the leads with a hit in them",
    files.NETWORK_TESTS: "The network compared with random networks of the same degrees",
    files.CLUSTER_TERMS: "Enriched terms of each cluster",
    files.CLUSTER_VIEW: "Clusters by terms: strength of each kept term",
    files.TERM_CHOICE: "Terms chosen for the paper: cardiovascular ones, and the strongest others",
    files.PUBLISHED: "Published associations at the hit variants",
    files.UNPLACED: "What a source could not place",
}
"""Captions of tables without a view, where the name of the file says too little."""

OF_EFFECT = ("beta", "se")
"""Columns in the unit of effects, which their headings name."""


def plain(name: str, title: str, schema: pl.Schema) -> TableView:
    """The view of a table that has none of its own: headings by the names of its columns, formats by their types."""
    columns = tuple(
        Column(column, labels.heading(column), _form(kind), of_effect=column in OF_EFFECT) for column, kind in schema.items()
    )
    return TableView(name, title, columns)


def _form(kind: pl.DataType) -> str:
    if kind.is_integer():
        return ",d"
    return ".4g" if kind.is_float() else ""
