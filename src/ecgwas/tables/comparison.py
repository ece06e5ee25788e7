"""Tables of the command `compare`: representations of one study, and several studies in one table.

Declared as in ecgwas.tables; docs/tables.md is made from them.
"""

from __future__ import annotations

from ecgwas.tables import BETA_UNIT, FLAG, REAL, TEXT, WHOLE, Column, Table


class Comparison(Table):
    """What each representation of one study found, one row per representation."""

    columns = {
        "representation": Column(TEXT, "its name"), "kind": Column(TEXT, "its kind"),
        "traits": Column(WHOLE, "traits that were tested"),
        "significant": Column(WHOLE, "significant variant-trait pairs"),
        "loci": Column(WHOLE, "loci with a significant trait of the representation"),
        "alone": Column(WHOLE, "of those, loci that no other representation finds"),
        "best_trait": Column(TEXT, "trait of the strongest association; null: no hit"),
        "neglog10p": Column(REAL, "of the strongest association"),
        "lambda_gc": Column(REAL, "genomic inflation, median over traits"),
        "repeatability": Column(REAL, "mean correlation of features between odd and even heartbeats; null for strips"),
        "between_visits": Column(REAL, "mean ICC(2,1) of features of two visits; null if nobody has two"),
    }  # fmt: skip


class StudyComparison(Table):
    """Several studies in one table, one row per study and representation: settings, training, errors, hits."""

    columns = {
        "study": Column(TEXT, "name of the study; its file where two studies have one name"),
        "representation": Column(TEXT, "name of the representation"), "kind": Column(TEXT, "its kind"),
        "cleaning": Column(TEXT, "kind of read.baseline, kind of read.denoise; null: the features come from a table"),
        "input": Column(TEXT, "beat | strip; null: the kind has no choice"),
        "leads": Column(TEXT, "each | together; null: the kind has no choice"),
        "features": Column(WHOLE, "features of a lead, or of all leads together"),
        "normalisation": Column(TEXT, "global | per_signal | none; null: the kind has no choice"),
        "skip": Column(TEXT, "skip connections and how they are merged; null: no residual autoencoder"),
        "activation": Column(TEXT, "activation"), "blocks": Column(TEXT, "number and kind of blocks"),
        "kernels": Column(TEXT, "kernel size of each block"), "channels": Column(TEXT, "channels of each block"),
        "dropout": Column(REAL, "dropout after each block"), "l2": Column(REAL, "weight of the squared weights in the loss"),
        "epochs_at_most": Column(WHOLE, "the option `epochs`"),
        "epochs": Column(WHOLE, "epochs trained (history.csv); null: nothing is trained step by step"),
        "best_epoch": Column(WHOLE, "epoch of the weights that are used: smallest validation loss"),
        "validation_loss": Column(REAL, "of that epoch"),
        "test_loss": Column(REAL, "squared error and penalty on held-out participants, as Keras reports it; null: no penalty"),
        "test_mse": Column(REAL, "squared error on held-out participants, in the units of the normalisation"),
        "pearson_r": Column(REAL, "correlation of signal and reconstruction, mean over held-out participants' leads"),
        "people": Column(WHOLE, "participants encoded"),
        "max_mse": Column(REAL, "limit of the reconstruction error; null: none"),
        "beyond_max_mse": Column(REAL, "share of signals whose reconstruction error is larger; null: no limit"),
        "traits": Column(WHOLE, "traits that were tested; null: stage loci has not run"),
        "snps": Column(WHOLE, "distinct significant variants; null: stage loci has not run"),
        "pairs": Column(WHOLE, "significant variant-trait pairs; null: stage loci has not run"),
        "loci": Column(WHOLE, "loci with a significant trait of the representation; null: stage loci has not run"),
    }  # fmt: skip


class ComparedLoci(Table):
    """Loci of several studies or representations side by side, one row per locus, study and representation, at one threshold
    for all."""

    columns = {
        "locus": Column(WHOLE, "number, by position; hits of all studies together form the loci"),
        "lead_variant": Column(TEXT, "variant of the strongest association of any study"),
        "chrom": Column(TEXT, "chromosome"), "pos": Column(WHOLE, "position of the lead variant"),
        "start": Column(WHOLE, "first significant position of any study"), "stop": Column(WHOLE, "last one"),
        "effect_allele": Column(TEXT, "of the lead variant: the allele that beta, effect and eaf are of, in every study"),
        "other_allele": Column(TEXT, "of the lead variant"),
        "threshold": Column(REAL, "-log10 p that all tests of all studies must exceed"),
        "study": Column(TEXT, "name of the study; its file where two studies have one name"),
        "representation": Column(TEXT, "name of the representation"),
        "found": Column(FLAG, "one of its traits passes the threshold in the locus"),
        "best_trait": Column(TEXT, "its strongest trait in the locus; null: the scan kept no row there"),
        "best_variant": Column(TEXT, "variant of that association"), "best_neglog10p": Column(REAL, "-log10 p of it"),
        "trait": Column(TEXT, "its strongest trait at the lead variant; null: the scan kept no row of that variant"),
        "alleles": Column(TEXT, "alleles of that variant: same | swapped | palindromic (strand unknown: no effect is given)"),
        "eaf": Column(REAL, "frequency of the effect allele"), "n": Column(WHOLE, "participants tested"),
        "beta": Column(REAL, f"effect of one effect allele on that trait, {BETA_UNIT}"),
        "se": Column(REAL, "standard error of beta"), "neglog10p": Column(REAL, "-log10 p of that trait at the lead variant"),
        "effect": Column(REAL, "effect of one effect allele in `unit`; null: the trait has no unit, or the study's own "
                               "hits lack the test"),
        "effect_se": Column(REAL, "standard error of effect"), "unit": Column(TEXT, "unit of the trait, such as ms"),
    }  # fmt: skip


class EngineAgreement(Table):
    """The built-in engine compared with association programs of other authors on one chromosome: one row per program."""

    columns = {
        "engine": Column(TEXT, "program"), "version": Column(TEXT, "its version"),
        "verdict": Column(TEXT, "agrees | disagrees (beyond `tolerance`, or tests are missing) | approximate (not the same "
                                "test, or not of the same data) | failed"),
        "chrom": Column(TEXT, "chromosome tested"), "people": Column(WHOLE, "participants"),
        "traits": Column(WHOLE, "traits compared"), "variants": Column(WHOLE, "variants given to the program"),
        "rows": Column(WHOLE, "tests compared: variants and traits that both tested"),
        "missing": Column(WHOLE, "tests of ecgwas that the program lacks"),
        "max_rel_chi2": Column(REAL, "largest difference of chi-squares, divided by the larger of the program's and 1"),
        "max_diff_neglog10p": Column(REAL, "largest difference of -log10 p"),
        "correlation": Column(REAL, "of chi-squares, smallest of the traits"),
        "lambda_ours": Column(REAL, "genomic inflation of the tests compared, by ecgwas; median over traits"),
        "lambda_theirs": Column(REAL, "the same by the program"),
        "seconds_per_trait": Column(REAL, "CPU seconds of the program per trait, with one thread; median over traits"),
        "traits_ours": Column(WHOLE, "traits of the study"),
        "seconds_ours": Column(REAL, "CPU seconds of ecgwas for all traits of the study: one thread, no permutations"),
        "ratio": Column(REAL, "CPU seconds of the program for as many traits, over seconds_ours"),
        "tolerance": Column(REAL, "largest max_rel_chi2 at which the programs agree; null: it approximates"),
        "note": Column(TEXT, "what the program computes, or why it failed"),
    }  # fmt: skip
