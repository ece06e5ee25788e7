"""Effects within groups of people: in each ancestry group, and in men and women, with a test of their difference.

Each group is fitted alone, by the scan's model (least squares, or with relatives kept a mixed model) with its own covariate
effects and variances, so that nothing that differs between groups besides the effect enters the comparison (as in scans by
sex, Randall et al. 2013, PLoS Genet 9:e1003500). Coding of genotypes and the rule for missing calls are the scan's. Relatives
in different groups, such as brother and sister, count as unrelated. On X men count 0 or 2, so that a difference between the
sexes also says whether that suits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.people_lists import MALE
from ecgwas.loci.individual_data import find_variants, lead_variant_of
from ecgwas.scan import chosen_tests
from ecgwas.scan.chosen_tests import ChosenTests
from ecgwas.scan.engine.samples import HAPLOID
from ecgwas.statistics import heterogeneity
from ecgwas.statistics.heterogeneity import Combined
from ecgwas.statistics.projection import row_residuals, span
from ecgwas.study import Matrix
from ecgwas.tables import Covariates, Traits
from ecgwas.tables.loci import PLACE, GroupEffects

MIN_PEOPLE = 50
"""A smaller group has no effect of its own: its standard error would be too uncertain to weigh it by."""
MIN_PEOPLE_PER_COVARIATE = 3
"""Nor does a group with fewer people per covariate."""
MIN_ALLELES = 10
"""Nor is a variant fitted with fewer minor alleles in the group, or fewer than scan.min_mac."""

COLUMNS = ("n", "eaf", "beta", "se", "neglog10p")
ANCESTRY, SEX = "ancestry", "sex"
ALL, COMBINED = "all", "combined"
"""Rows of GroupEffects besides those of the groups: the scan's test of everybody, and the mean of the groups."""


@dataclass(frozen=True)
class Grouping:
    """Groups without common members. by: ANCESTRY or SEX; members: name -> (N,) bool, in the order of the traits."""

    by: str
    members: Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class GroupFits:
    """H tests in each of G groups, (H, G) float64 each; NaN where the test was not made.

    n: participants; eaf: frequency of the effect allele among them; beta, se: in the unit of the trait; neglog10p: of t
    """

    names: tuple[str, ...]
    n: NDArray[np.float64]
    eaf: NDArray[np.float64]
    beta: NDArray[np.float64]
    se: NDArray[np.float64]
    neglog10p: NDArray[np.float64]

    @property
    def combined(self) -> Combined:
        """Mean and heterogeneity of the groups."""
        return heterogeneity.combine(self.beta, self.se)


def by_ancestry(groups: NDArray[np.int64]) -> Grouping:
    """The ancestry groups (N,); none if there is only one."""
    numbers = np.unique(groups)
    members = {str(number): groups == number for number in numbers} if len(numbers) > 1 else {}
    return Grouping(ANCESTRY, members)


def by_sex(sexes: NDArray[np.int8]) -> Grouping:
    """Men and women, of (N,) 1 male, 2 female, 0 unknown."""
    return Grouping(SEX, {"men": sexes == MALE, "women": sexes == MALE + 1})


def fits(
    engine: Matrix, traits: Traits, covariates: Covariates, genotypes_of: Callable[[str], Genotypes], hits: pl.DataFrame,
    grouping_of: Callable[[Genotypes], Grouping],
) -> GroupFits:  # fmt: skip
    """The tests of `hits` (columns trait and of a variant: chrom, pos, effect_allele, other_allele, variant) in each group.

    Traits and covariates have the same participants in the same order; genotypes_of: chromosome -> its genotypes; grouping_of:
    groups of these participants, by the sexes of a chromosome's files. Groups that are too small (MIN_PEOPLE), traits that do
    not vary in a group, and variants too rare in it have NaN.
    """
    used = np.isin(traits.names, hits["trait"].unique().to_numpy())
    chosen = Traits(traits.eids, tuple(np.array(traits.names, dtype=object)[used]), traits.values[:, used])
    order = {name: k for k, name in enumerate(chosen.names)}
    groups = _Groups(engine, chosen, covariates)
    names: tuple[str, ...] = ()
    of_chromosomes: list[tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]] = []
    for (chrom,), rows in hits.with_row_index("row").group_by("chrom", maintain_order=True):
        genotypes = genotypes_of(str(chrom))
        members_of = grouping_of(genotypes).members
        names = tuple(members_of)
        trait = rows["trait"].replace_strict(order, return_dtype=pl.Int64).to_numpy()
        tests = ChosenTests(find_variants(genotypes, rows), trait)
        eligible = _eligible(genotypes, traits.eids)
        columns = [groups.fit(genotypes, tests, members & eligible) for members in members_of.values()]
        if columns:
            stacked = {name: np.column_stack([column[name] for column in columns]) for name in columns[0]}
            of_chromosomes.append((rows["row"].to_numpy().astype(np.int64), stacked))
    arrays = {name: np.full((hits.height, len(names)), np.nan) for name in COLUMNS}
    for places, stacked in of_chromosomes:
        for name, values in stacked.items():
            arrays[name][places] = values
    return GroupFits(names, **arrays)


def _eligible(genotypes: Genotypes, eids: Sequence[str]) -> NDArray[np.bool_]:
    """(N,) bool: who is tested on the chromosome, which on X and Y depends on sex."""
    sexes = genotypes.sexes[genotypes.sample_index(tuple(eids))]
    if genotypes.chrom == "Y":
        return np.asarray(sexes == MALE)
    return np.asarray(sexes > 0) if genotypes.chrom == "X" else np.ones(len(eids), dtype=bool)


class _Groups:
    """Fits the traits in groups of their participants. Which traits a group can be fitted for is found out once."""

    def __init__(self, engine: Matrix, traits: Traits, covariates: Covariates) -> None:
        self.engine, self.traits, self.covariates = engine, traits, covariates
        self._testable: dict[bytes, NDArray[np.bool_]] = {}

    def fit(self, genotypes: Genotypes, tests: ChosenTests, members: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        """COLUMNS (H,) of the tests in one group of participants (N,) bool."""
        columns = {name: np.full(len(tests), np.nan) for name in COLUMNS}
        people, key = np.flatnonzero(members), np.packbits(members).tobytes()
        if key not in self._testable:
            self._testable[key] = testable(self.traits.values[people], self.covariates.values[people])
        rows = self._testable[key][tests.trait]
        if not rows.any():
            return columns
        eids = tuple(self.traits.eids[i] for i in people)
        own = Traits(eids, self.traits.names, self.traits.values[people])
        more = Covariates(eids, self.covariates.names, self.covariates.values[people])
        with np.errstate(divide="ignore", invalid="ignore"):  # variants that do not vary in the group
            effects = chosen_tests.fit(self.engine, own, more, genotypes, tests.pick(rows))
        alleles = (1 if genotypes.chrom in HAPLOID else 2) * effects.n * np.minimum(effects.eaf, 1 - effects.eaf)
        usable = (alleles >= max(self.engine.min_mac, MIN_ALLELES)) & np.isfinite(effects.beta) & np.isfinite(effects.se)
        usable &= effects.se > 0
        for name in COLUMNS:
            values = getattr(effects, name)
            columns[name][rows] = values if name in ("n", "eaf") else np.where(usable, values, np.nan)
        return columns


def testable(values: NDArray[np.float64], covariates: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(K,) bool: traits (n, K), missing NaN, that enough people of a group have, and of which covariates (n, C) leave some."""
    present = np.isfinite(values)
    enough = present.sum(axis=0) >= max(MIN_PEOPLE, MIN_PEOPLE_PER_COVARIATE * (covariates.shape[1] + 1))
    patterns: dict[bytes, list[int]] = {}
    for k in np.flatnonzero(enough):
        patterns.setdefault(present[:, k].tobytes(), []).append(int(k))
    varies = np.zeros(values.shape[1], dtype=bool)
    for same in patterns.values():
        rows = present[:, same[0]]
        own = np.ascontiguousarray(values[rows][:, same].T)
        left = row_residuals(own, span(covariates[rows]))
        varies[same] = np.linalg.norm(left, axis=1) > 1e-8 * np.linalg.norm(own, axis=1)
    return varies


def of_loci(loci: pl.DataFrame, lead_tests: pl.DataFrame, fitted: Sequence[tuple[str, GroupFits]]) -> GroupEffects:
    """The table: for each locus and grouping the groups, their mean and the test of everybody.

    loci: columns of Loci; lead_tests: of LeadTests; fitted: grouping (`by`) and its fits of `leads_of(loci)`, row by row. A
    grouping has rows at a locus if two groups or more have an effect there.
    """
    joint = lead_tests.join(loci.select("locus", trait="best_trait"), on=["locus", "trait"])
    tested = {row["locus"]: row for row in joint.iter_rows(named=True)}
    rows: list[dict[str, Any]] = []
    for i, locus in enumerate(loci.iter_rows(named=True)):
        about = {"locus": locus["locus"], "trait": locus["best_trait"], **lead_variant_of(locus)}
        for by, fit in fitted:
            rows += [about | {"by": by} | row for row in _rows(fit, i, tested.get(locus["locus"]))]
    return GroupEffects.of(rows)


def leads_of(loci: pl.DataFrame) -> pl.DataFrame:
    """The lead variant of each locus with its best trait, as rows for `fits`."""
    places = [pl.col("lead_variant" if name == "variant" else name).alias(name) for name in PLACE]
    return loci.select(*places, trait="best_trait")


def _rows(fit: GroupFits, i: int, joint: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Rows of one locus and grouping."""
    given = np.isfinite(fit.beta[i])
    if given.sum() < 2:
        return []
    names = ("eaf", "beta", "se", "neglog10p")
    none = {"q": None, "q_p": None, "i2": None}
    rows: list[dict[str, Any]] = [
        {"group": name, "n": _whole(fit.n[i, g]), **{column: _real(getattr(fit, column)[i, g]) for column in names}, **none}
        for g, name in enumerate(fit.names)
    ]
    combined = fit.combined
    values = {name: float(getattr(combined, name)[i]) for name in ("beta", "se", "neglog10p", "q", "q_p", "i2")}
    rows.append({"group": COMBINED, "n": int(fit.n[i, given].sum()), "eaf": None, **values})
    if joint is not None:
        rows.append({"group": ALL, "n": joint["n"], **{name: joint[name] for name in names}, **none})
    return rows


def _real(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _whole(value: float) -> int | None:
    return int(value) if np.isfinite(value) else None
