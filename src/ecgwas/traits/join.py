"""Features, covariates and genotyped people joined: one column per trait, one row per person who has everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.study import TraitOptions
from ecgwas.tables import Covariates, Features, Guards, People, Traits
from ecgwas.tables.recordings import Ancestry
from ecgwas.traits import covariates as covariate_tables
from ecgwas.traits import overlap, variances
from ecgwas.traits.covariates import PC_NAME, CodedCovariates
from ecgwas.traits.exclusions import exclude_by_sample_qc, list_people
from ecgwas.traits.feature_columns import feature_columns
from ecgwas.traits.sample_qc import RunSampleQc, SampleQc, unjudged
from ecgwas.traits.trait_qc import REPORT_SCHEMA, trait_guards, usable_traits
from ecgwas.traits.transform import TENS


@dataclass(frozen=True)
class TraitTables:
    """What the stage `traits` gives.

    traits      (N, K), people sorted by eid, missing NaN
    covariates  (N, C), the same people in the same order, no missing values
    people      every person of any table
    report      one row per feature: trait, status kept | left_out, reason, n, skewness and excess kurtosis before, and of
                what is tested: after the transformation and without the covariates (biased; null where left out before it)
    guards      every guard over people and traits
    ancestry    group of ancestry of each person of the traits, in their order, and within which group traits were normalised
    notes       what was changed or is worth knowing, in words
    """

    traits: Traits
    covariates: Covariates
    people: People
    report: pl.DataFrame
    guards: Guards
    ancestry: Ancestry
    notes: tuple[str, ...]


def build(
    options: TraitOptions, features: Mapping[str, Features], genotype_people: Sequence[str], judge: RunSampleQc = unjudged
) -> TraitTables:
    """Traits and covariates of the people who have features, covariates and genotypes and whom the guards let pass.

    features: representation name -> its features; genotype_people: eids of the genotype files; judge: the guards over
    people, asked once with everyone who has everything; its principal components become covariates where the table has none.
    A feature that is null for everyone at a lead does not apply there and is no trait. Constant, duplicate and nearly
    empty ones are left out and listed. Raises InputError if the tables' eids never meet, or too few people remain.
    """
    table = covariate_tables.read(options)
    unmet = overlap.check_ids(options, table, genotype_people, _recorded(features))
    people = list_people(table, genotype_people, features)
    kept = tuple(people.frame.filter(pl.col("status") == "kept")["eid"])
    overlap.refuse_too_few(options, kept, people, table, unmet)
    judged = judge(kept)
    people, kept = exclude_by_sample_qc(people, judged), judged.eids
    overlap.refuse_too_few(options, kept, people, table, unmet)
    coded = _with_components(covariate_tables.code(table, kept, options), judged, options)
    candidates, notes = feature_columns(features, kept)
    strata, more = _strata(options, judged)
    names, values, report = usable_traits(options, candidates, coded.covariates, strata)
    if not names:
        problem = f"none of the {len(candidates)} features makes a trait: {first_few(sorted({r['reason'] for r in report}))}"
        raise InputError(problem, fix="see the features in results/represent; lower traits.min_people if the study is small")
    traits = Traits(kept, tuple(names), values)
    frame = pl.DataFrame(report, schema=REPORT_SCHEMA)
    guards = pl.concat([judged.guards.frame, trait_guards(frame).frame, _of_variance(traits, coded, judged).frame])
    ancestry = Ancestry(
        pl.DataFrame({"eid": list(kept), "ancestry_group": judged.ancestry_groups, "normalised_within": strata})
    )
    return TraitTables(
        traits, coded.covariates, people, frame, Guards(guards), ancestry, (*unmet, *coded.notes, *notes, *more)
    )  # fmt: skip


def _strata(options: TraitOptions, judged: SampleQc) -> tuple[NDArray[np.int64], list[str]]:
    """(N,) group within which each person's traits are normalised, and notes on options that do nothing."""
    columns = {"ancestry": TENS * judged.ancestry_groups, "sex": judged.sexes.astype(np.int64)}
    notes = [
        f"traits.normalise_within: {name} does nothing, everybody is in one group{' or X is not tested' * (name == 'sex')}"
        for name in dict.fromkeys(options.normalise_within)
        if len(np.unique(columns[name])) == 1
    ]
    numbers = np.zeros(len(judged.eids), dtype=np.int64)
    for name in dict.fromkeys(options.normalise_within):
        numbers += columns[name]
    return numbers, notes


def _of_variance(traits: Traits, coded: CodedCovariates, judged: SampleQc) -> Guards:
    """The guards over variances, with the components that are covariates, or else those computed."""
    given = [k for k, name in enumerate(coded.covariates.names) if PC_NAME.fullmatch(name)]
    scores = coded.covariates.values[:, given] if given else judged.genotype_pcs
    return variances.check_variances(
        traits, coded.covariates.values, variances.VarianceGroups(judged.ancestry_groups, scores, judged.sexes)
    )


def _with_components(coded: CodedCovariates, judged: SampleQc, options: TraitOptions) -> CodedCovariates:
    """The covariates and, where the table has none, the principal components of the genotypes."""
    given = [name for name in coded.covariates.names if PC_NAME.fullmatch(name)]
    count = 0 if given else min(options.components, judged.genotype_pcs.shape[1])
    if count == 0:
        return coded
    names = tuple(f"computed_pc{k + 1}" for k in range(count))
    values = np.hstack([coded.covariates.values, judged.genotype_pcs[:, :count]])
    note = f"{count} principal components of the genotypes computed: the covariate table has none"
    return CodedCovariates(Covariates(coded.covariates.eids, (*coded.covariates.names, *names), values), (*coded.notes, note))


def _recorded(features: Mapping[str, Features]) -> dict[str, set[str]]:
    """`the recordings` -> eids with features."""
    return {"the recordings": {eid for one in features.values() for eid in one.frame["eid"].unique()}}
