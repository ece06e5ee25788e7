"""Traits and covariates as the files of other association programs: names that they accept, categories, missing values.

regenie (https://rgcgithub.github.io/regenie/options), SAIGE (https://saigegit.github.io/SAIGE-doc), BOLT-LMM (manual, 5.2 and
5.3) and PLINK 2 (https://www.cog-genomics.org/plink/2.0/input#pheno) all read text separated by tabs with a header FID IID and
one row per participant. They differ in their words for categories, and in what is missing: all take NA; BOLT-LMM takes -9, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.study.scan import trait_columns
from ecgwas.tables import Covariates, Traits

REFERENCE = "reference"
"""Level of the participants who have none of a category's levels in the model: its reference, and small levels joined to it."""

MISSING = "NA"
MISSING_OF_BOLT = -9.0


@dataclass(frozen=True)
class HandOver:
    """What another program is given: N participants in the order of the traits.

    ids         (FID, IID) of each
    traits      column -> (N,) float64, missing NaN, in the study's order;  numbers  column -> (N,) float64 covariates
    categories  column -> (N,) text, covariates that are categories;  dummies  column -> (N,) the same as columns of 0 and 1
    names       column -> the study's name of the trait or covariate
    """

    ids: tuple[tuple[str, str], ...]
    traits: Mapping[str, NDArray[np.float64]]
    numbers: Mapping[str, NDArray[np.float64]]
    categories: Mapping[str, tuple[str, ...]]
    dummies: Mapping[str, NDArray[np.float64]]
    names: Mapping[str, str]

    @property
    def max_levels(self) -> int:
        """The largest number of levels of a category; 0 without categories."""
        return max((len(set(levels)) for levels in self.categories.values()), default=0)


def hand_over(
    traits: Traits, covariates: Covariates, families: Mapping[str, str], chosen: Sequence[str], categorical: Sequence[str]
) -> HandOver:
    """The chosen traits and all covariates of the participants tested.

    families: eid -> FID; chosen: names of traits; categorical: covariates that were coded as one column `name=level` per level.
    Raises InputError for an id with a blank, which these formats cannot hold.
    """
    blanks = [eid for eid in traits.eids if re.search(r"\s", eid) or re.search(r"\s", families[eid])]
    if blanks:
        fix = "rename the participants in the genotypes, recordings and covariates"
        raise InputError(f"ids with blanks: {first_few(blanks)}", fix=fix)
    own = {name: [column for column in covariates.names if column.startswith(f"{name}=")] for name in categorical}
    categorical_columns = {column for columns in own.values() for column in columns}
    plain = [name for name in covariates.names if name not in categorical_columns]
    coded = [name for name in own if own[name]]
    # Over all traits, chosen or not, as `imported` finds their files.
    every_trait = trait_columns(traits.names)
    trait_names = {name: every_trait[name] for name in chosen}
    columns = trait_columns([*plain, *coded, *sorted(categorical_columns)], taken=every_trait.values())
    of_traits = {trait_names[name]: traits.values[:, traits.names.index(name)] for name in chosen}
    of_covariates = {name: covariates.values[:, covariates.names.index(name)] for name in covariates.names}
    return HandOver(
        ids=tuple((families[eid], eid) for eid in traits.eids),
        traits=of_traits,
        numbers={columns[name]: of_covariates[name] for name in plain},
        categories={columns[name]: _levels(name, own[name], of_covariates, len(traits.eids)) for name in coded},
        dummies={columns[name]: of_covariates[name] for name in covariates.names if name in categorical_columns},
        names={column: name for own_columns in (trait_names, columns) for name, column in own_columns.items()},
    )


def _levels(
    name: str, columns: Sequence[str], values: Mapping[str, NDArray[np.float64]], people: int
) -> tuple[str, ...]:  # fmt: skip
    """(N,) level of each participant, from the category's columns of 0 and 1."""
    levels = np.full(people, REFERENCE, dtype=object)
    for column in columns:
        level = re.sub(r"\s", "_", column.removeprefix(f"{name}="))
        levels[values[column] == 1] = level if level != REFERENCE else f"level_{level}"
    return tuple(str(level) for level in levels)


def table(ids: Sequence[tuple[str, str]], columns: Mapping[str, Iterable[object]], *, plink: bool = False) -> str:
    """Text of a file: header FID IID and the columns' names, one line per participant; plink: the header begins with #."""
    rows = [f"{'#' if plink else ''}FID\tIID\t" + "\t".join(columns)]
    cells = [[_cell(value) for value in values] for values in columns.values()]
    rows += ["\t".join((*one, *(column[i] for column in cells))) for i, one in enumerate(ids)]
    return "\n".join(rows) + "\n"


def _cell(value: object) -> str:
    """A number with all its digits, NA if it is missing; text as it is."""
    if isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    return MISSING if np.isnan(number) else repr(number)


def without_missing_code(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) the values with those of exactly -9, which BOLT-LMM would take for missing, moved by the smallest step."""
    return np.where(values == MISSING_OF_BOLT, np.nextafter(MISSING_OF_BOLT, 0.0), values)


def people(ids: Sequence[tuple[str, str]]) -> str:
    """Text of people.txt: FID and IID of the participants tested, without a header."""
    return "".join(f"{family}\t{eid}\n" for family, eid in ids)
