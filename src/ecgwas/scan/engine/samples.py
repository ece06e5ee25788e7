"""People, traits and covariates of a scan, brought into the order of the genotypes and grouped by missing values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.genotypes.people_lists import MALE
from ecgwas.scan.engine.plink2_checks import Rules
from ecgwas.statistics.least_squares import Design, design
from ecgwas.statistics.transform import span
from ecgwas.tables import Covariates, Traits

HAPLOID = ("Y", "MT")


@dataclass(frozen=True)
class Cohort:
    """Everyone who is tested on one chromosome, in the order of the .fam.

    rows        (N,) int64 ascending, places in the .fam
    order       (N,) int64, the same people's places in the tables of traits and covariates
    values      (N, K) float64, traits, missing NaN
    covariates  (N, C) float64; on X with sex (1 male, 2 female) as last column unless it is spanned already
    males       (N,) bool on X, else None
    haploid     on Y (men only) and MT: everybody has one allele, and effects are those of one allele
    total       people with traits; more than N where people are left out for their sex
    ancestry    (N,) int64, groups in which Hardy-Weinberg is judged; None: one
    """

    rows: NDArray[np.int64]
    order: NDArray[np.int64]
    values: NDArray[np.float64]
    covariates: NDArray[np.float64]
    males: NDArray[np.bool_] | None
    total: int
    haploid: bool = False
    ancestry: NDArray[np.int64] | None = None

    def same_as(self, other: Cohort) -> bool:
        """True if another one, made of the same tables, is the same: so are the chromosomes' but for X, Y and MT."""
        here, there = (one.males is None and not one.haploid for one in (self, other))
        return here and there and np.array_equal(self.rows, other.rows) and np.array_equal(self.order, other.order)


@dataclass(frozen=True)
class Group:
    """Traits that the same people have, and those people.

    traits  (k,) int64, which traits;  people (n,) int64 ascending, places among the cohort's N
    design  of these people;  rules: when PLINK does not compute
    """

    traits: NDArray[np.int64]
    people: NDArray[np.int64]
    design: Design
    rules: Rules


def assemble(traits: Traits, covariates: Covariates, genotypes: Genotypes, ancestry: NDArray[np.int64] | None = None) -> Cohort:
    """Traits and covariates must hold the same people in the same order; ancestry (N,): their
    groups, in that order, too.

    Variants of X that are all pseudoautosomal (Genotypes.pieces) are as those of an autosome. As in PLINK 2, people of unknown
    sex are left out on X, and all but men on Y. Raises InputError for people without genotypes, and where nobody is left.
    """
    if traits.eids != covariates.eids:
        raise ValueError("traits and covariates hold other people, or in another order")
    places = genotypes.find(traits.eids)
    order = np.argsort(places, kind="stable")
    on_x, on_y = genotypes.chrom == "X" and not genotypes.diploid, genotypes.chrom == "Y"
    if on_x or on_y:
        sexes = genotypes.sexes[places[order]]
        refuse_unknown_sexes(genotypes, sexes)
        order = order[sexes == MALE if on_y else sexes > 0]
    rows = places[order]
    sexes = genotypes.sexes[rows]
    numbers = covariates.values[order]
    if on_x:
        numbers = with_sex(numbers, sexes)
    males = sexes == MALE if on_x else None
    haploid = genotypes.chrom in HAPLOID
    own = None if ancestry is None or len(np.unique(ancestry)) == 1 else ancestry[order]
    return Cohort(rows, order, traits.values[order], numbers, males, len(traits.eids), haploid, own)


def strata(cohort: Cohort, total: int) -> list[tuple[SampleSelector, SampleSelector | None]]:
    """Choosers of each group of ancestry and, on X, of the men in it; none in a cohort of one group.

    total: people in the .fam. A group of X without women says nothing of Hardy-Weinberg and is not there.
    """
    if cohort.ancestry is None:
        return []
    found: list[tuple[SampleSelector, SampleSelector | None]] = []
    for number in np.unique(cohort.ancestry):
        own = cohort.ancestry == number
        men = np.zeros(len(own), dtype=bool) if cohort.males is None else own & cohort.males
        if men.sum() < own.sum():
            found.append(
                (SampleSelector(cohort.rows[own], total), SampleSelector(cohort.rows[men], total) if men.any() else None)
            )
    return found


def with_sex(covariates: NDArray[np.float64], sexes: NDArray[np.int8]) -> NDArray[np.float64]:
    """(N, C) or (N, C + 1): sex joins unless all have the same or the covariates tell it already."""
    more = np.column_stack([covariates, sexes.astype(np.float64)])
    return more if span(more).shape[1] > span(covariates).shape[1] else covariates


def groups(cohort: Cohort, names: Sequence[str]) -> list[Group]:
    """Traits by their pattern of missing values, in the order of their first trait.

    Raises InputError for traits that do not vary once covariates are taken out, or with too few people for them.
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
        raise InputError(problem, fix="raise traits.min_people, so that such traits are left out, or use fewer covariates")
    made = design(basis, cohort.values[np.ix_(people, members)])
    flat = [names[k] for k in members[made.norms == 0]]
    if flat:
        problem = f"traits that the covariates explain entirely: {first_few(flat)}"
        raise InputError(problem, fix="leave that feature or that covariate out")
    return Group(members, people, made, Rules(basis, covariates))


def _independent(covariates: NDArray[np.float64]) -> NDArray[np.float64]:
    """The columns that are neither constant nor a combination of those before them, among these people."""
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
    """(K,) int64: people with a value of each trait."""
    return np.asarray((~np.isnan(cohort.values)).sum(axis=0, dtype=np.int64))


def refuse_unknown_sexes(genotypes: Genotypes, sexes: NDArray[np.int8]) -> None:
    """Raises InputError where nobody can be tested on X or Y: nobody has a known sex, or nobody is a man."""
    on_y = genotypes.chrom == "Y"
    if genotypes.diploid or not (on_y or genotypes.chrom == "X") or (sexes == MALE if on_y else sexes > 0).any():
        return
    problem = "nobody is known to be a man" if on_y else "nobody has a known sex"
    fix = f"fill in the sexes (1 male, 2 female), or leave {genotypes.chrom} out of scan.chromosomes"
    raise InputError(problem, where=genotypes.files.people, fix=fix)
