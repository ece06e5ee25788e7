"""Joins features, covariates and genotyped participants: one column per trait, one row per participant in every table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.study import TraitOptions
from ecgwas.tables import Covariates, Features, Guards, People, Traits
from ecgwas.tables.recordings import Ancestry, RelatedPairs
from ecgwas.traits import covariates as covariate_tables
from ecgwas.traits import overlap, variances
from ecgwas.traits.covariates import PC_NAME, CodedCovariates
from ecgwas.traits.exclusions import exclude_by_sample_qc, list_people
from ecgwas.traits.feature_columns import feature_columns, people_by_representation
from ecgwas.traits.overlap import RECORDINGS
from ecgwas.traits.sample_qc import RunSampleQc, SampleQc, unjudged
from ecgwas.traits.trait_qc import REPORT_SCHEMA, trait_guards, usable_traits
from ecgwas.traits.transform import TENS

PAIRS = {name: column.dtype for name, column in RelatedPairs.columns.items()}


@dataclass(frozen=True)
class TraitTables:
    """Results of the stage `traits`.

    traits      (N, K), participants sorted by eid, missing NaN
    covariates  (N, C), the same participants in the same order, no missing values
    people      every participant of any table
    report      one row per feature: trait, status kept | left_out, reason, n, skewness and excess kurtosis before, and of
                what is tested: after the transformation, residualised (biased estimators; null if excluded before that)
    guards      every guard on participants and traits
    ancestry    each participant's ancestry group and the group within which traits were normalised, in the order of traits
    notes       messages about what was changed or is worth knowing
    related     related pairs of the participants, if sample QC looked for them
    """

    traits: Traits
    covariates: Covariates
    people: People
    report: pl.DataFrame
    guards: Guards
    ancestry: Ancestry
    notes: tuple[str, ...]
    related: RelatedPairs | None = None


def build(
    options: TraitOptions, features: Mapping[str, Features], genotype_people: Sequence[str], judge: RunSampleQc = unjudged,
    sources: Mapping[str, str] | None = None,
) -> TraitTables:  # fmt: skip
    """Traits and covariates of the participants who have features, covariates and genotypes and who pass sample QC.

    features: representation name -> its features; genotype_people: eids of the genotype files; judge: sample QC, called once
    with all participants who have everything. Its principal components become covariates if the table has none. sources:
    representation name -> where its features come from, as in `the feature table mine`; None: all from the recordings.

    A feature that is null for everyone at a lead does not apply there and does not become a trait. Constant, duplicate and
    nearly empty features are excluded and listed. Raises InputError if two tables have no eid in common, if too few
    participants remain or if no feature is usable.
    """
    table = covariate_tables.read(options)
    represented = _represented(features, sources or {})
    unmet = overlap.check_ids(options, table, genotype_people, represented)
    people = list_people(table, genotype_people, features, absent_from(represented))
    kept = tuple(people.frame.filter(pl.col("status") == "kept")["eid"])
    overlap.refuse_too_few(options, kept, people, table, unmet, overlap.noun_of(represented))
    judged = judge(kept)
    people, kept = exclude_by_sample_qc(people, judged), judged.eids
    overlap.refuse_too_few(options, kept, people, table, unmet, overlap.noun_of(represented))
    coded = _with_components(covariate_tables.code(table, kept, options), judged, options)
    candidates, notes = feature_columns(features, kept)
    strata, more = _strata(options, judged)
    concerned = people_by_representation(features, kept)
    names, values, report = usable_traits(options, candidates, coded.covariates, strata, concerned)
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
        traits, coded.covariates, people, frame, Guards(guards), ancestry, (*unmet, *coded.notes, *notes, *more),
        _related(judged),
    )  # fmt: skip


def _related(judged: SampleQc) -> RelatedPairs | None:
    """The pairs that sample QC found, by eid."""
    pairs = judged.families
    if pairs is None:
        return None
    first, second = ([judged.eids[i] for i in part] for part in (pairs.first, pairs.second))
    return RelatedPairs(pl.DataFrame({"eid1": first, "eid2": second, "kinship": pairs.kinship}, schema=PAIRS))


def _strata(options: TraitOptions, judged: SampleQc) -> tuple[NDArray[np.int64], list[str]]:
    """(N,) group within which each participant's traits are normalised, and messages about options without effect."""
    columns = {"ancestry": TENS * judged.ancestry_groups, "sex": judged.sexes.astype(np.int64)}
    notes = [
        f"traits.normalise_within: {name} does nothing, everybody is in one group{' or X is not tested' * (name == 'sex')}"
        for name in dict.fromkeys(options.normalise_within or ())
        if len(np.unique(columns[name])) == 1
    ]
    numbers = np.zeros(len(judged.eids), dtype=np.int64)
    for name in options.normalised_within:
        if options.normalise_within is not None or len(np.unique(columns[name])) > 1:
            numbers += columns[name]
    return numbers, notes


def _of_variance(traits: Traits, coded: CodedCovariates, judged: SampleQc) -> Guards:
    """Guards on variances, with the principal components among the covariates or, if there are none, those computed."""
    given = [k for k, name in enumerate(coded.covariates.names) if PC_NAME.fullmatch(name)]
    scores = coded.covariates.values[:, given] if given else judged.genotype_pcs
    return variances.check_variances(
        traits, coded.covariates.values, variances.VarianceGroups(judged.ancestry_groups, scores, judged.sexes)
    )


def _with_components(coded: CodedCovariates, judged: SampleQc, options: TraitOptions) -> CodedCovariates:
    """The covariates and, if the table has none, the principal components of the genotypes."""
    given = [name for name in coded.covariates.names if PC_NAME.fullmatch(name)]
    count = 0 if given else min(options.components, judged.genotype_pcs.shape[1])
    if count == 0:
        return coded
    names = tuple(f"computed_pc{k + 1}" for k in range(count))
    values = np.hstack([coded.covariates.values, judged.genotype_pcs[:, :count]])
    note = f"{count} principal components of the genotypes computed: the covariate table has none"
    return CodedCovariates(Covariates(coded.covariates.eids, (*coded.covariates.names, *names), values), (*coded.notes, note))


def _represented(features: Mapping[str, Features], sources: Mapping[str, str]) -> dict[str, set[str]]:
    """`the recordings`, `the feature table mine` -> eids with features from there."""
    eids: dict[str, set[str]] = {}
    for name, one in features.items():
        eids.setdefault(sources.get(name, RECORDINGS), set()).update(one.frame["eid"])
    return eids


def absent_from(represented: Collection[str]) -> str:
    """The reason of those who are in none of the sources of features."""
    return " and ".join("no recording" if source == RECORDINGS else f"not in {source}" for source in represented)
