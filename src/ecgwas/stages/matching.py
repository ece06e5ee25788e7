"""Stage `share`, matching: ECGs and genomes of each fold of people, by loci found in all other people."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.genotypes import chromosomes
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.people_lists import FEMALE, MALE
from ecgwas.loci.held_out import Discovered, DiscoverySample, Rule, discover
from ecgwas.privacy.matching import MIN_PEOPLE, Fold, assign_folds, matching
from ecgwas.stages import represent as represent_stage
from ecgwas.stages import scan, traits
from ecgwas.stages.base import seed_of
from ecgwas.study import Matrix, Study
from ecgwas.tables import Covariates, Features, Traits, files
from ecgwas.tables.loci import Matching
from ecgwas.traits import remeasure

logger = logging.getLogger(__name__)

MAX_FEATURES = 200
"""Largest number of features used for matching; those with the strongest hits come first."""

SEX = "sex"

WHY_NOTHING = f"fewer than {MIN_PEOPLE} people, permuted people, or no locus and one sex"
"""Why there may be nothing to match."""


@dataclass
class FoldLoci:
    """Loci found so far by the people outside one fold: copies (N,) of each lead variant, traits with hits."""

    sample: DiscoverySample
    leads: list[NDArray[np.float64]] = field(default_factory=list)
    hits: list[pl.DataFrame] = field(default_factory=list)

    def add(self, discovered: Discovered, part: Genotypes, eids: Sequence[str]) -> None:
        """Adds the loci of a further chromosome."""
        self.leads += [part.dosage_of(int(place), eids) for place in discovered.lead_index]
        self.hits.append(discovered.traits)


def matched(study: Study) -> Matching:
    """ECGs matched to genomes by lead variants, by sex, and by both; see privacy.matching.

    No rows if people are too few, or permuted, so that ECGs and genomes do not belong together.
    """
    tested, seed = traits.load_traits(study), seed_of(study, "share")
    fold_people = () if study.traits.shuffle else assign_folds(len(tested.eids), seed=seed)
    if not fold_people:
        return Matching.empty()
    features = represent_stage.load_features(study)
    others = loci_of_folds(study, features, tested, fold_people)
    nothing = Covariates(tested.eids, (), np.empty((len(tested.eids), 0)))
    measured = remeasure.remeasured(study.traits, features, nothing, tested.names)
    sex, named = _sex(study, tested.eids), _named([len(one.leads) for one in others])
    folds = [
        Fold(people, _columns(one.hits, measured.names), _predictors(named, one.leads, sex))
        for people, one in zip(fold_people, others, strict=True)
    ]
    return matching(measured.values, folds, seed=seed)


def loci_of_folds(
    study: Study, features: Mapping[str, Features], tested: Traits, fold_people: Sequence[NDArray[np.int64]]
) -> list[FoldLoci]:  # fmt: skip
    """The loci of each fold, from a scan of all chromosomes in the people outside it."""
    seed = seed_of(study, "scan")
    thresholds = files.THRESHOLDS.read(study.results)
    own = scan.engine(study)
    engine = own if isinstance(own, Matrix) else scan.builtin_engine(study)
    rule = Rule(engine, study.loci, thresholds)
    folds = [FoldLoci(one) for one in _choosers(study, features, tested, fold_people)]
    for name in scan.tested_chromosomes(study):
        part = chromosomes.open_chromosome(study.scan, name)
        for number, one in enumerate(folds, 1):
            try:
                chosen = discover(rule, one.sample, part, seed=seed)
            except InputError as error:  # Such as too few men for Y, where all people together were just enough.
                logger.warning("share: chromosome %s cannot be scanned without fold %d: %s", name, number, error.problem)
                continue
            one.add(chosen, part, tested.eids)
    counts = ", ".join(str(len(one.leads)) for one in folds)
    logger.debug("share: loci found without the people of each of %d folds: %s", len(folds), counts)
    return folds


def _choosers(
    study: Study, features: Mapping[str, Features], tested: Traits, fold_people: Sequence[NDArray[np.int64]]
) -> Iterator[DiscoverySample]:  # fmt: skip
    """Everybody outside each fold, with traits computed anew, so that nobody in the fold affects their ranks or covariates."""
    own = traits.load_covariates(study)
    strata, ancestry = (traits.load_ancestry(study, name) for name in ("normalised_within", "ancestry_group"))
    for people in fold_people:
        rest = np.setdiff1d(np.arange(len(own.eids)), people)
        covariates = Covariates(tuple(own.eids[i] for i in rest), own.names, own.values[rest])
        remeasured = remeasure.remeasured(study.traits, features, covariates, tested.names, strata[rest])
        enough = np.isfinite(remeasured.values).sum(axis=0) > len(own.names) + 2
        names = tuple(name for name, kept in zip(remeasured.names, enough, strict=True) if kept)
        yield DiscoverySample(Traits(remeasured.eids, names, remeasured.values[:, enough]), covariates, ancestry[rest])


def _columns(hits: Sequence[pl.DataFrame], names: Sequence[str]) -> NDArray[np.int64]:
    """(F,) indices of the features to compare: those with the strongest hits, then the others in order."""
    rows = pl.concat(hits).sort("neglog10p", "trait", descending=[True, False]) if hits else pl.DataFrame({"trait": []})
    order = {name: k for k, name in enumerate(names)}
    chosen = [name for name in dict.fromkeys([*rows["trait"], *names]) if name in order][:MAX_FEATURES]
    return np.sort(np.array([order[name] for name in chosen], dtype=np.int64))


def _named(counts: Sequence[int]) -> str:
    """Name of the lead variants in the tables, from the number of loci per fold; empty if no fold has any."""
    lowest, highest = min(counts), max(counts)
    counted = f"{highest}" if lowest == highest else f"{lowest} to {highest}"
    return f"lead variants of {counted} loci found in other people" if highest else ""


def _predictors(
    named: str, leads: Sequence[NDArray[np.float64]], sex: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:  # fmt: skip
    """What a genome predicts with: loci, if any (named), and sex, which is (N, 1), or (N, 0) if all have the same."""
    loci = np.stack(leads, axis=1) if leads else np.empty((len(sex), 0))
    predictors = {named: loci} if named else {}
    predictors |= {SEX: sex} if sex.shape[1] else {}
    return predictors | ({f"{named}, and sex": np.hstack([loci, sex])} if len(predictors) == 2 else {})


def _sex(study: Study, eids: Sequence[str]) -> NDArray[np.float64]:
    opened = chromosomes.open_chromosome(study.scan, scan.tested_chromosomes(study)[0])
    sexes = opened.sexes[opened.sample_index(eids)].astype(np.float64)
    sex = np.where(np.isin(sexes, (MALE, FEMALE)), sexes, np.nan)[:, None]
    return sex if len(np.unique(sex[np.isfinite(sex)])) == 2 else np.empty((len(eids), 0))
