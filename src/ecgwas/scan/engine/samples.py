"""Participants, traits and covariates of a scan, in the order of the genotypes and grouped by missing values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.genotypes.people_lists import MALE
from ecgwas.scan.engine.plink2_checks import Plink2Checks
from ecgwas.statistics.least_squares import Design, design
from ecgwas.statistics.projection import span
from ecgwas.tables import Covariates, Traits

HAPLOID = ("Y", "MT")


@dataclass(frozen=True)
class Cohort:
    """The participants tested on one chromosome, in the order of the .fam.

    fam_index   (N,) int64 ascending, rows of the .fam
    table_index (N,) int64, the same participants' rows in the tables of traits and covariates
    values      (N, K) float64, traits, missing NaN
    covariates  (N, C) float64; on X with sex (1 male, 2 female) as the last column unless the others span it
    males       (N,) bool on X, else None
    haploid     on Y (men only) and MT: everyone has one allele, and effects are per allele
    total       number of participants with traits; more than N where some are excluded because of their sex
    ancestry    (N,) int64, groups in which Hardy-Weinberg equilibrium is tested; None: one group
    men_once    on X: the one allele of a man counts 1, not 2
    exchangeable  (total,) int64, groups within which participants are permuted, in the order of the tables; None: one group
    """

    fam_index: NDArray[np.int64]
    table_index: NDArray[np.int64]
    values: NDArray[np.float64]
    covariates: NDArray[np.float64]
    males: NDArray[np.bool_] | None
    total: int
    haploid: bool = False
    ancestry: NDArray[np.int64] | None = None
    exchangeable: NDArray[np.int64] | None = None
    men_once: bool = False

    @property
    def counted_once(self) -> NDArray[np.bool_] | None:
        """(N,) bool: men whose one allele counts 1; None if there are none."""
        return self.males if self.men_once and self.males is not None and self.males.any() else None

    def has_hard_calls(self, genotypes: Genotypes) -> bool:
        """True if everybody's copies are whole numbers of two alleles, as the table kernel needs."""
        return genotypes.hard_calls_only and self.counted_once is None

    def is_same_as(self, other: Cohort) -> bool:
        """True if a cohort from the same tables has the same participants and covariates, as all do except on X, Y and MT."""
        own_diploid, other_diploid = (one.males is None and not one.haploid for one in (self, other))
        same_people = np.array_equal(self.fam_index, other.fam_index) and np.array_equal(self.table_index, other.table_index)
        return own_diploid and other_diploid and same_people


@dataclass(frozen=True)
class Group:
    """Traits with values for the same participants, and those participants.

    traits         (k,) int64, indices of the traits;  people (n,) int64 ascending, indices among the cohort's N
    design         the design of these participants
    plink2_checks  finds tests that PLINK 2 does not compute
    """

    traits: NDArray[np.int64]
    people: NDArray[np.int64]
    design: Design
    plink2_checks: Plink2Checks


def assemble(
    traits: Traits, covariates: Covariates, genotypes: Genotypes, ancestry: NDArray[np.int64] | None = None, *,
    men_on_x: int = 2,
) -> Cohort:  # fmt: skip
    """Traits and covariates must have the same participants in the same order; ancestry (N,): their groups, in that order.
    men_on_x: as the option of Scan.

    Variants of X that are all pseudoautosomal (Genotypes.pieces) are treated as autosomal. As in PLINK 2, participants of
    unknown sex are excluded on X, and all but men on Y. Raises InputError for participants without genotypes, and if nobody
    remains.
    """
    if traits.eids != covariates.eids:
        raise ValueError("traits and covariates differ in their people, or in the order")
    places = genotypes.sample_index(traits.eids)
    order = np.argsort(places, kind="stable")
    on_x, on_y = genotypes.chrom == "X" and not genotypes.is_diploid, genotypes.chrom == "Y"
    if on_x or on_y:
        sexes = genotypes.sexes[places[order]]
        refuse_unknown_sexes(genotypes, sexes)
        order = order[sexes == MALE if on_y else sexes > 0]
    fam_index = places[order]
    sexes = genotypes.sexes[fam_index]
    values = covariates.values[order]
    if on_x:
        values = with_sex(values, sexes)
    males = sexes == MALE if on_x else None
    haploid = genotypes.chrom in HAPLOID
    several = ancestry if ancestry is not None and len(np.unique(ancestry)) > 1 else None
    within = None if several is None else several[order]
    return Cohort(
        fam_index, order, traits.values[order], values, males, len(traits.eids), haploid, within, several,
        men_once=on_x and men_on_x == 1,
    )  # fmt: skip


def strata(cohort: Cohort, total: int) -> list[tuple[SampleSelector, SampleSelector | None]]:
    """Selectors of each ancestry group and, on X, of the men in it; empty for a cohort of one group.

    total: samples in the .fam. On X, a group without women is uninformative about Hardy-Weinberg equilibrium and is omitted.
    """
    if cohort.ancestry is None:
        return []
    selectors: list[tuple[SampleSelector, SampleSelector | None]] = []
    for number in np.unique(cohort.ancestry):
        members = cohort.ancestry == number
        men = np.zeros(len(members), dtype=bool) if cohort.males is None else members & cohort.males
        if men.sum() < members.sum():
            men_of_group = SampleSelector(cohort.fam_index[men], total) if men.any() else None
            selectors.append((SampleSelector(cohort.fam_index[members], total), men_of_group))
    return selectors


def with_sex(covariates: NDArray[np.float64], sexes: NDArray[np.int8]) -> NDArray[np.float64]:
    """(N, C) or (N, C + 1): adds sex, unless all have the same sex or the covariates span it."""
    more = np.column_stack([covariates, sexes.astype(np.float64)])
    return more if span(more).shape[1] > span(covariates).shape[1] else covariates


def groups(cohort: Cohort, names: Sequence[str]) -> list[Group]:
    """Groups traits by their pattern of missing values, in the order of their first trait.

    Raises InputError for traits that the covariates explain entirely, or with too few participants for the covariates.
    """
    present = ~np.isnan(cohort.values)
    patterns: dict[bytes, list[int]] = {}
    for k in range(present.shape[1]):
        patterns.setdefault(present[:, k].tobytes(), []).append(k)
    return [_group(cohort, np.array(members), names) for members in patterns.values()]


def _group(cohort: Cohort, members: NDArray[np.int64], names: Sequence[str]) -> Group:
    people = np.flatnonzero(~np.isnan(cohort.values[:, members[0]]))
    covariates = _independent(cohort.covariates[people])
    basis = span(covariates) if len(people) else np.empty((0, 1))
    if len(people) <= basis.shape[1] + 1:
        problem = f"only {len(people)} people for {basis.shape[1] - 1} covariates: {first_few(names[k] for k in members)}"
        raise InputError(problem, fix="raise traits.min_people, so that such traits are excluded, or use fewer covariates")
    group_design = design(basis, cohort.values[np.ix_(people, members)])
    explained = [names[k] for k in members[group_design.norms == 0]]
    if explained:
        problem = f"traits that the covariates explain entirely: {first_few(explained)}"
        raise InputError(problem, fix="remove that feature or that covariate")
    return Group(members, people, group_design, Plink2Checks(basis, covariates))


def _independent(covariates: NDArray[np.float64]) -> NDArray[np.float64]:
    """The columns that are neither constant nor a combination of earlier ones in these participants."""
    if span(covariates).shape[1] == covariates.shape[1] + 1:
        return covariates
    kept: list[int] = []
    rank = 1
    for column in range(covariates.shape[1]):
        if span(covariates[:, [*kept, column]]).shape[1] > rank:
            kept.append(column)
            rank += 1
    return covariates[:, kept]


def people(cohort: Cohort) -> NDArray[np.int64]:
    """(K,) int64, number of participants with each trait."""
    return np.asarray((~np.isnan(cohort.values)).sum(axis=0, dtype=np.int64))


def refuse_unknown_sexes(genotypes: Genotypes, sexes: NDArray[np.int8]) -> None:
    """Raises InputError if nobody can be tested on X (no known sex) or on Y (no man)."""
    on_y = genotypes.chrom == "Y"
    if genotypes.is_diploid or not (on_y or genotypes.chrom == "X") or (sexes == MALE if on_y else sexes > 0).any():
        return
    problem = "no participant is known to be male" if on_y else "no participant has a known sex"
    fix = f"fill in the sexes (1 male, 2 female), or leave {genotypes.chrom} out of scan.chromosomes"
    raise InputError(problem, where=genotypes.fileset.sample_list, fix=fix)
