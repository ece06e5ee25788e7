"""Tables of stage `loci` - hits, clumps, separate signals, audits of hits - of meta-analysis, and of what shared tables reveal.

Declared as in ecgwas.tables; docs/tables.md is made from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import polars as pl

from ecgwas.tables import BETA_UNIT, FLAG, HETEROGENEITY, NATURAL_EFFECT, REAL, TEXT, WHOLE, Associations, Column, Table

PLACE = {
    "variant": Column(TEXT, "variant id"), "chrom": Column(TEXT, "chromosome"), "pos": Column(WHOLE, "position, 1-based"),
    "effect_allele": Column(TEXT, "the allele that beta counts"), "other_allele": Column(TEXT, "the other allele"),
}  # fmt: skip


def inside(locus: Mapping[str, Any]) -> pl.Expr:
    """True for rows (columns chrom, pos) from the locus' first to its last significant variant."""
    within: pl.Expr = (pl.col("chrom") == locus["chrom"]) & pl.col("pos").is_between(locus["start"], locus["stop"])
    return within


class Hits(Associations):
    """The significant associations: one row per variant and trait, with lead, feature and unit of the trait."""

    columns = {
        "trait": Associations.columns["trait"], "lead": Column(TEXT, "lead of the trait; 12L for all leads together"),
        "feature": Column(TEXT, "feature of the trait, without its representation"), **Associations.columns, **NATURAL_EFFECT,
        **HETEROGENEITY,
    }  # fmt: skip
    version = 3
    later = (*NATURAL_EFFECT, *HETEROGENEITY)

    @classmethod
    def of_associations(cls, hits: Associations, *more: pl.DataFrame) -> Self:
        """The same rows, with lead and feature as further columns; more: columns NATURAL_EFFECT and HETEROGENEITY of the same
        rows, null if not given."""
        pieces = pl.col("trait").str.splitn(".", 3).struct
        named = hits.frame.with_columns(lead=pieces[1], feature=pieces[2])
        joined = pl.concat([named, *more], how="horizontal")
        absent = [name for name in cls.later if name not in joined.columns]
        return cls(joined.with_columns(pl.lit(None).alias(name) for name in absent).select(list(cls.columns)))

    @property
    def associations(self) -> Associations:
        """The same rows, with the columns of the scan."""
        return Associations(self.frame.select(list(Associations.columns)))


class GroupEffects(Table):
    """The lead variant of each locus on its best trait in each ancestry group, and in men and women: each group fitted alone by
    least squares, the mean of the groups, Cochran's Q, and the scan's test of everybody. Groups of fewer than 50 people, or
    with fewer than three per covariate, are not fitted; no rows where fewer than two groups have an effect."""

    columns = {
        "locus": Column(WHOLE, "locus"), "trait": Column(TEXT, "the locus's best trait"), **PLACE,
        "by": Column(TEXT, "ancestry (groups of sample QC) | sex"),
        "group": Column(TEXT, "1, 2 ... or men, women; combined: mean of the groups by inverse variance; all: the scan's test"),
        "n": Column(WHOLE, "participants; null: group too small"),
        "eaf": Column(REAL, "frequency of the effect allele among them; null for combined"),
        "beta": Column(REAL, f"effect of one effect allele, {BETA_UNIT}; null: allele too rare in the group"),
        "se": Column(REAL, "its standard error"), "neglog10p": Column(REAL, "-log10 p of it"),
        "q": Column(REAL, "Cochran's Q of the groups' effects; only in the row combined"),
        "q_p": Column(REAL, "its p: small if the effect differs between the groups"),
        "i2": Column(REAL, "share of the variance of effects that is between groups"),
    }  # fmt: skip


class VariantCounts(Table):
    """Outcomes of the variants of each chromosome in the files: one row per outcome; the rows add up to `in_file`."""

    columns = {
        "chrom": Column(TEXT, "chromosome as its files call it, without chr; PAR: pseudoautosomal regions of X, tested on X"),
        "outcome": Column(TEXT, "tested (with at least one trait), or why not: a filter or error code, or not in the study"),
        "variants": Column(WHOLE, "number of variants"),
        "in_file": Column(WHOLE, "variants of the chromosome in the files, the same in each of its rows"),
    }  # fmt: skip


class Clumps(Table):
    """Each variant with a hit, with the lead variant of its clump (by linkage disequilibrium)."""

    columns = PLACE | {
        "trait": Column(TEXT, "its strongest trait"), "neglog10p": Column(REAL, "of that trait"),
        "lead": Column(TEXT, "strongest variant of the clump"), "lead_pos": Column(WHOLE, "its position"),
        "lead_effect_allele": Column(TEXT, "its effect allele"), "lead_other_allele": Column(TEXT, "its other allele"),
        "r2": Column(REAL, "squared correlation with it among the participants tested"),
    }  # fmt: skip


class SetHits(Table):
    """Significant tests of trait sets (of one representation at one lead, or of one representation)."""

    columns = {
        "set": Column(TEXT, "<representation>[.<lead>]"), **PLACE,
        "eaf": Column(REAL, "frequency of the effect allele"),
        "test": Column(TEXT, "omnibus | acat: the stronger of the two"), "neglog10p": Column(REAL, "of it, nominal"),
        "omnibus": Column(REAL, "-log10 p of the omnibus test"), "acat": Column(REAL, "-log10 p of the aggregated Cauchy test"),
        "trait": Column(TEXT, "trait of the set with the smallest p of its own test"),
    }  # fmt: skip

    def as_rows(self, hits: pl.DataFrame) -> pl.DataFrame:
        """Its rows with the columns that hits also have, and test and set."""
        shared = [name for name in hits.columns if name in self.frame.columns]
        return self.frame.select(*shared, "test", "set")


class Conditional(Table):
    """Stepwise conditional analysis of each locus on its best trait: lead, further signals, and the next best variant."""

    columns = {
        "locus": Column(WHOLE, "locus"), "trait": Column(TEXT, "the locus's best trait"),
        "step": Column(WHOLE, "1: the lead variant; each later one conditional on all before it"), **PLACE,
        "beta": Column(REAL, f"effect conditional on the variants of earlier steps, {BETA_UNIT}"),
        "se": Column(REAL, "its standard error"),
        "neglog10p": Column(REAL, "-log10 p conditional on the variants of earlier steps"),
        "neglog10p_alone": Column(REAL, "unconditional -log10 p"),
        "neglog10p_joint": Column(REAL, "-log10 p conditional on all other signals; null for the row that is not a signal"),
        "r2_with_lead": Column(REAL, "squared correlation with the lead variant"),
        "significant": Column(FLAG, "a separate signal; the last row of a locus is the next best variant"),
    }  # fmt: skip


class Credible(Table):
    """Credible sets of each locus on its best trait: variants that contain the causal one with a nominal probability of 95 %
    (90 % did in simulated loci with two or three causal variants)."""

    columns = {
        "locus": Column(WHOLE, "locus"), "trait": Column(TEXT, "the locus's best trait"),
        "set": Column(WHOLE, "number of the set in the locus"),
        "method": Column(TEXT, "susie; abf: SuSiE found no effect, approximate Bayes factors"), **PLACE,
        "posterior": Column(REAL, "probability that the set's effect is on this variant"),
        "inclusion": Column(REAL, "probability that any effect of the locus is on it"),
        "variants": Column(WHOLE, "variants of the set"), "coverage": Column(REAL, "sum of their posteriors"),
        "purity": Column(REAL, "smallest absolute correlation of two of them"),
    }  # fmt: skip


class Audit(Table):
    """Further tests of every hit (of the strongest, if there are more than `loci.audit`)."""

    columns = {
        "trait": Column(TEXT, "trait"), **PLACE, "eaf": Column(REAL, "frequency of the effect allele"),
        "n": Column(WHOLE, "participants tested"), "beta": Column(REAL, f"effect of one effect allele, {BETA_UNIT}"),
        "se": Column(REAL, "its standard error"), "neglog10p": Column(REAL, "of the scan"),
        "neglog10p_hc3": Column(REAL, "with heteroscedasticity-consistent standard errors (HC3)"),
        "neglog10p_without_top": Column(REAL, "after removing the participant whose removal weakens the association most"),
        "top_share": Column(REAL, "share of the effect that this participant contributes"),
        "carriers": Column(WHOLE, "participants with the minor allele"),
        "carriers_rank": Column(REAL, "their mean rank in the trait among all participants: 0 lowest, 1 highest"),
        "carriers_extreme": Column(REAL, "share of them in the extreme tenth of participants on their allele's side"),
        "people_0": Column(WHOLE, "participants with no effect allele"), "people_1": Column(WHOLE, "with one"),
        "people_2": Column(WHOLE, "with two"), "missing": Column(WHOLE, "participants without a call"),
        "mean_0": Column(REAL, "mean of the trait's residuals with no effect allele, in beta's unit; null: no participant"),
        "mean_1": Column(REAL, "with one"), "mean_2": Column(REAL, "with two"),
        "neglog10p_dominance": Column(REAL, "of heterozygotes off the midpoint; null: a genotype in fewer than 5 participants"),
        "hwe_p": Column(REAL, "Hardy-Weinberg mid-p (on X, of women); smallest of several ancestry groups"),
        "strongest_of": Column(WHOLE, "tests in the locus's region, of which this is the strongest; null: not a lead variant"),
        "beta_corrected": Column(REAL, "beta corrected for the winner's curse: for the threshold and, for lead variants, "
                                       "for being the strongest; null at or below the threshold"),
        "beta_corrected_low": Column(REAL, "its 95 % interval"), "beta_corrected_high": Column(REAL, "its 95 % interval"),
        "beta_odd": Column(REAL, "effect on the trait measured in odd heartbeats, in beta's unit; null for whole strips"),
        "neglog10p_odd": Column(REAL, "-log10 p of it"),
        "beta_even": Column(REAL, "effect on the trait measured in even heartbeats"),
        "neglog10p_even": Column(REAL, "-log10 p of it"),
        "seeds": Column(WHOLE, "further trainings of the representation from other seeds (represent, other_seeds)"),
        "neglog10p_seeds": Column(
            REAL, "smallest -log10 p with the matched feature of another seed, 0 if the effect changes sign"
        ),
        "flags": Column(TEXT, "reasons for doubt, ; between; empty: none"),
    }  # fmt: skip


class Neighbourhoods(Table):
    """At most five traits of each locus (the best first, then the strongest of each other representation, then the strongest of
    the others) against every variant within 250 kb of it (at most 8,000, nearest to the lead variant)."""

    columns = {
        "locus": Column(WHOLE, "locus"), "trait": Column(TEXT, "a trait with a hit in the locus, its best trait first"),
        "start": Column(WHOLE, "first position of the neighbourhood's variants, tested or not"),
        "stop": Column(WHOLE, "last position of them"), **PLACE, "eaf": Column(REAL, "frequency of the effect allele"),
        "n": Column(WHOLE, "participants tested"), "beta": Column(REAL, f"effect of one effect allele, {BETA_UNIT}"),
        "se": Column(REAL, "its standard error"), "neglog10p": Column(REAL, "-log10 p; null: not computed"),
        "r2_with_lead": Column(REAL, "squared correlation with the lead variant, of all participants with traits"),
    }  # fmt: skip


class SignalNeighbourhoods(Table):
    """The best trait of each locus with several signals against the variants of its neighbourhood, once for each signal,
    conditional on all other signals of the locus; missing calls count as the mean."""

    columns = {
        "locus": Column(WHOLE, "locus"), "trait": Column(TEXT, "the locus's best trait"),
        "signal": Column(WHOLE, "the signal that is not in the model: its step in conditional.csv"), **PLACE,
        "beta": Column(REAL, f"effect conditional on the other signals, {BETA_UNIT}"), "se": Column(REAL, "its standard error"),
        "neglog10p": Column(REAL, "-log10 p of it; null: the variant is in linkage disequilibrium with the other signals"),
        "r2_with_signal": Column(REAL, "squared correlation with the signal's variant, of the participants tested"),
    }  # fmt: skip


class LeadTests(Table):
    """The lead variant of each locus against every trait."""

    columns = {"locus": Column(WHOLE, "locus"), **Associations.columns}


class VariantTraits(Table):
    """One variant against every trait."""

    columns = {
        "trait": Column(TEXT, "trait"), "n": Column(WHOLE, "people tested; null: not tested"),
        "eaf": Column(REAL, "frequency of the effect allele among them"),
        "beta": Column(REAL, f"effect of one effect allele, {BETA_UNIT}"), "se": Column(REAL, "its standard error"),
        "t": Column(REAL, "beta / se"), "neglog10p": Column(REAL, "-log10 p"),
        "p": Column(TEXT, "p, five digits; text, because spreadsheets and programs take very small numbers for 0"),
        "reason": Column(TEXT, "why the trait was not tested; else null"),
    }  # fmt: skip


class KnownTested(Table):
    """Known variants that were tested here, one row for each published trait: positive controls."""

    columns = {
        "known_trait": Column(TEXT, "trait of the table of known loci"), "gene": Column(TEXT, "its gene; null: none named"),
        **PLACE, "best_trait": Column(TEXT, "this study's trait with the smallest p"), "neglog10p": Column(REAL, "of it"),
        "neglog10p_acat": Column(REAL, "over all traits of this study (ACAT); guards.csv has the share below p 0.05 by chance"),
        "trait": Column(TEXT, "this study's trait of the same measurement; null: none"),
        "alleles": Column(TEXT, "same | swapped | palindromic | others; several: none named, several there; null: none named"),
        "known_beta": Column(REAL, "published effect of the effect allele here, in its own unit; null if unknown"),
        "beta": Column(REAL, f"effect on that trait here, {BETA_UNIT}"), "se": Column(REAL, "its standard error"),
        "neglog10p_trait": Column(REAL, "its -log10 p"),
        "same_direction": Column(FLAG, "both effects have the same sign; null if one is unknown"),
    }  # fmt: skip


class MetaAssociations(Table):
    """Meta-analysis: one row per variant and trait found in two studies or more."""

    columns = {
        "trait": Column(TEXT, "trait"), **PLACE,
        "eaf": Column(REAL, "frequency of the effect allele, weighted"),
        "n": Column(WHOLE, "participants of all studies; null where a study does not say"), "studies": Column(WHOLE, "studies"),
        "beta": Column(REAL, "mean of the effects by inverse variance, in their unit"),
        "se": Column(REAL, "its standard error"),
        "z": Column(REAL, "beta / se"), "neglog10p": Column(REAL, "-log10 p, normal distribution"),
        "beta_random": Column(REAL, "mean of the effects by random effects (DerSimonian-Laird)"),
        "se_random": Column(REAL, "its standard error"),
        "neglog10p_random": Column(REAL, "-log10 p of beta_random / se_random, normal distribution"),
        "tau2": Column(REAL, "variance of the effects between studies (DerSimonian-Laird)"),
        "directions": Column(TEXT, "sign of the effect in each study that has the variant, in the order given"),
        "q": Column(REAL, "Cochran's Q"), "q_p": Column(REAL, "its p-value"),
        "i2": Column(REAL, "share of the variance of effects that is between studies"),
    }  # fmt: skip


class MetaDropped(Table):
    """Meta-analysis: each row of a study that was not used, and why."""

    columns = {
        "study": Column(TEXT, "file or folder"), "trait": Column(TEXT, "trait"), "variant": Column(TEXT, "variant id"),
        "chrom": Column(TEXT, "chromosome"), "pos": Column(WHOLE, "position, 1-based"), "reason": Column(TEXT, "why"),
    }  # fmt: skip


class ExcludedCounts(Table):
    """How many participants each step of the analysis excluded, and why; counts of small groups are null."""

    columns = {
        "before": Column(TEXT, "the step that excluded them"), "reason": Column(TEXT, "why"),
        "left_out": Column(WHOLE, "participants; null: fewer than `share.min_people`"),
    }  # fmt: skip


class UntestedCounts(Table):
    """How many variants were not tested for any trait, and why."""

    columns = {"reason": Column(TEXT, "filter or PLINK 2 error code"), "variants": Column(WHOLE, "variants")}


class Matching(Table):
    """How often ECGs and genomes are matched, in both directions, by loci found in other participants, compared with chance."""

    columns = {
        "predictors": Column(TEXT, "the part of the genome that predicts the ECG"),
        "matched": Column(TEXT, "one ECG with one genome | genome of an ECG (among all) | ECG of a genome (among all)"),
        "people": Column(WHOLE, "participants matched: the candidates of each"), "measure": Column(TEXT, "what the rate is"),
        "rate": Column(REAL, "by the predictors, selected and estimated in other participants"),
        "chance": Column(REAL, "without predictors"),
        "chance_limit": Column(REAL, "exceeded by random matching in one of 40 cases (for the error rate: undercut)"),
    }  # fmt: skip


class Membership(Table):
    """How well shared statistics distinguish the study's members from others, compared with chance and with theory."""

    columns = {
        "shared": Column(TEXT, "allele frequencies | effects"),
        "extent": Column(TEXT, "everything tested | rows kept (`scan.keep_neglog10p` or more)"),
        "variants": Column(WHOLE, "variants that are shared"),
        "used": Column(WHOLE, "of those, without variants in linkage disequilibrium with another"),
        "tests": Column(WHOLE, "frequencies or effects of those used"),
        "known": Column(TEXT, "what is known of a participant: genome | genome and ECG"),
        "members": Column(WHOLE, "participants whose statistics were shared: a random third of the study's"),
        "outsiders": Column(WHOLE, "participants to be distinguished from them; as many again form the reference panel"),
        "measure": Column(TEXT, "what the rate is"), "rate": Column(REAL, "mean over random divisions of the participants"),
        "chance": Column(REAL, "rate of random scores"),
        "chance_limit": Column(REAL, "exceeded by random scores in one of 40 cases"),
        "expected": Column(REAL, "theoretical rate, if variants and traits were independent"),
    }  # fmt: skip


VARIANCE_GUARDS = {"variance_by_ancestry": "ancestries", "variance_by_sex": "men and women (on X)"}
"""Guard of stage `traits` -> groups between which the variance of a trait may differ."""


WITHIN_GROUPS = "permutations stay within ancestry groups, so that their threshold holds"
"""In the note of variance_by_ancestry where there are several groups."""


def unequal_variances(guards: pl.DataFrame) -> str:
    """Groups between which some trait's variance differs, by stage `traits`' guards; empty if none, or not judged."""
    failed = {row["guard"] for row in guards.iter_rows(named=True) if row.get("status") in ("warn", "fail")}
    return " and ".join(between for guard, between in VARIANCE_GUARDS.items() if guard in failed)


def threshold_caveat(guards: pl.DataFrame) -> str | None:
    """The warning to show with every threshold if guards of stage `traits` found unequal variances; else None."""
    groups = unequal_variances(guards)
    if not groups:
        return None
    if groups == VARIANCE_GUARDS["variance_by_ancestry"] and guards["note"].fill_null("").str.contains(WITHIN_GROUPS).any():
        return (
            f"beware: the variance of some traits differs between {groups}, and p-values of variants whose frequency differs, "
            f"too, are too small or too large; {WITHIN_GROUPS} (guards.csv, variance_by_ancestry; see traits.normalise_within)"
        )
    named = " and ".join(guard for guard, words in VARIANCE_GUARDS.items() if words in groups)
    return (
        f"beware: the variance of some traits differs between {groups}, and chance then passes this threshold more often, or "
        f"less often, than stated (guards.csv, {named}; see traits.normalise_within)"
    )
