"""Tables of stage `scores`. Declared as in ecgwas.tables; docs/tables.md is made from them."""

from __future__ import annotations

from ecgwas.tables import FLAG, REAL, TEXT, WHOLE, Column, Table
from ecgwas.tables.outcomes import OutcomeTests


class ScoreFiles(Table):
    """Each scoring file: what it states, and how many of its variants are in the genotypes."""

    columns = {
        "score": Column(TEXT, "name of the score: pgs_id of its file, or the file's name"), "file": Column(TEXT, "its file"),
        "reported_trait": Column(TEXT, "trait_reported of the file; null if it states none"),
        "weight_type": Column(TEXT, "weight_type of the file; null if it states none"),
        "variants": Column(WHOLE, "lines of the file"), "used": Column(WHOLE, "lines that are part of the score here"),
        "share": Column(REAL, "used / variants"),
        "weight_share": Column(REAL, "share of the sum of absolute weights that is used"),
        "note": Column(TEXT, "how its columns were read"),
    }  # fmt: skip


class ScoreMatches(Table):
    """Lines of each scoring file by what became of them."""

    columns = {
        "score": Column(TEXT, "name of the score"),
        "status": Column(
            TEXT,
            "used: matched | swapped (effect allele is the other allele of the genotypes) | other strand | other strand, "
            "swapped | palindromic; not used: ambiguous palindrome | absent | other alleles | several variants | duplicated | "
            "no effect allele | alleles not of A, C, G and T | no weight | interaction | haplotype or diplotype | no position "
            "and no rs number",
        ),
        "variants": Column(WHOLE, "lines"),
        "weight_share": Column(REAL, "their share of the sum of absolute weights; 0 of lines without a weight"),
    }  # fmt: skip


class ScoreVariants(Table):
    """Every line of every scoring file, with the variant of the genotypes that it means."""

    columns = {
        "score": Column(TEXT, "name of the score"), "line": Column(WHOLE, "line of its file"),
        "rsid": Column(TEXT, "rs number of the file"), "chrom": Column(TEXT, "chromosome; null if unknown"),
        "pos": Column(WHOLE, "position in the file, in the study's build; null if matched by rs number"),
        "effect_allele": Column(TEXT, "effect allele of the file"), "other_allele": Column(TEXT, "other allele of the file"),
        "weight": Column(REAL, "effect weight of one copy; of dominant, recessive and other lines, half that of two copies"),
        "status": Column(TEXT, "see ScoreMatches"), "variant": Column(TEXT, "variant of the genotypes; null if not used"),
    }  # fmt: skip


R2_INTERVAL = "of the 95 % interval of r2, by Fisher's transformation of the partial correlation"


class ScoreTraits(Table):
    """Every score with every trait: linear regression of the trait on the score, given the study's covariates."""

    columns = {
        "score": Column(TEXT, "name of the score"), "trait": Column(TEXT, "trait"),
        "people": Column(WHOLE, "participants with the trait"),
        "beta": Column(REAL, "change of the trait, as tested, per SD of the score"), "se": Column(REAL, "its standard error"),
        "r": Column(REAL, "partial correlation of score and trait"),
        "r2": Column(REAL, "partial R2: share of the trait's variance, after the covariates, that the score explains"),
        "r2_low": Column(REAL, f"lower end {R2_INTERVAL}; 0 if it includes 0"),
        "r2_high": Column(REAL, f"upper end {R2_INTERVAL}"),
        "r2_null": Column(REAL, "mean partial R2 of permuted scores; null without permutations"),
        "neglog10p": Column(REAL, "-log10 p of the t test"),
        "p_permuted": Column(REAL, "p by permutation of this score and trait; null without permutations"),
        "p_family": Column(REAL, "family-wise p over all scores and traits, by permutation, else Bonferroni's"),
        "significant": Column(FLAG, "p_family below 0.05"),
    }  # fmt: skip


class ScoreOutcomes(Table):
    """Scores and outcomes of the participants, strongest first: each outcome's strongest score, and all of -log10 p
    `outcomes.keep_neglog10p` or more; tests and estimates as in OutcomeTests."""

    columns = {
        "score": Column(TEXT, "name of the score"),
        **{name: about for name, about in OutcomeTests.columns.items() if name not in ("trait", "beta", "ratio")},
        "beta": Column(REAL, "log odds ratio, log hazard ratio, or slope in the outcome's unit, per SD of the score"),
        "ratio": Column(REAL, "odds ratio or hazard ratio per SD of the score; null of slopes"),
    }  # fmt: skip


class DiseaseScores(Table):
    """How well the study's own scores, combined, predict each disease in participants who contributed neither to the scores nor
    to the model."""

    columns = {
        "outcome": Column(TEXT, "name of the disease"), "analysis": Column(TEXT, "binary | ever | prevalent"),
        "predictors": Column(TEXT, "covariates | a representation: covariates and scores of its traits | all: of all traits"),
        "scores": Column(WHOLE, "scores combined; 0 of covariates alone"),
        "people": Column(WHOLE, "participants in the analysis"), "cases": Column(WHOLE, "cases"),
        "auroc": Column(REAL, "area under the ROC curve, out of fold"),
        "auroc_low": Column(REAL, "lower end of its 95 % interval (DeLong)"), "auroc_high": Column(REAL, "upper end"),
        "gain": Column(REAL, "AUROC minus that of the covariates alone; null of these"),
        "gain_low": Column(REAL, "lower end of its 95 % interval, by paired bootstrap"),
        "gain_high": Column(REAL, "upper end"),
        "p_gain": Column(REAL, "p of a gain as large, by permutation of the scores; null without permutations"),
    }  # fmt: skip


class OwnScoreTests(Table):
    """How well the study's own scores predict its traits in participants who did not contribute to their effects."""

    columns = {
        "trait": Column(TEXT, "trait"), "method": Column(TEXT, "threshold | ridge"),
        "p_value": Column(REAL, "limit of the score by clumping and thresholding; null of ridge"),
        "people": Column(WHOLE, "participants with the trait"),
        "variants": Column(REAL, "variants in the score, mean over folds"),
        "r": Column(REAL, "partial correlation of score and trait out of fold, given the covariates, pooled over folds"),
        "r2": Column(REAL, "r squared, negative if r is: worse than no prediction"),
        "r2_low": Column(REAL, f"lower end {R2_INTERVAL}, with its sign"), "r2_high": Column(REAL, f"upper end {R2_INTERVAL}"),
        "r2_null": Column(REAL, "mean r2 of permuted traits, predicted in the same way"),
        "r2_null_95": Column(REAL, "95 % quantile of r2 of permuted traits, over all traits of the method and p_value"),
        "p_null": Column(REAL, "share of permuted traits, over all traits of the method and p_value, with r2 as high"),
        "h2": Column(REAL, "estimate of the trait's heritability by Haseman-Elston regression"),
        "r2_expected": Column(REAL, "r2 expected at that heritability with 60,000 independent segments (Daetwyler)"),
    }  # fmt: skip
