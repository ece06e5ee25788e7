"""Arrays and data frames of users, checked, as the tables and genotypes that the scan takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.in_memory import VARIANT_COLUMNS, by_chromosome
from ecgwas.tables import Covariates, Traits

Floats = NDArray[np.float64]
EID = "eid"


@dataclass(frozen=True)
class AssociationInputs:
    """Traits, covariates and genotypes of the same N participants, chromosome by chromosome."""

    traits: Traits
    covariates: Covariates
    genotypes: Sequence[Genotypes]


def association_inputs(
    traits: pl.DataFrame | ArrayLike, covariates: pl.DataFrame | ArrayLike | None, genotypes: ArrayLike,
    variants: pl.DataFrame | None,
) -> AssociationInputs:  # fmt: skip
    """Checks what `scan_variants` takes; see there. Raises InputError."""
    copies = _matrix("genotypes", genotypes)
    people, count = copies.shape
    names, values = _named("traits", traits, "trait", people)
    covariate_names: tuple[str, ...] = ()
    covariate_values = np.empty((people, 0))
    if covariates is not None:
        covariate_names, covariate_values = _named("covariates", covariates, "covariate", people)
        _refuse_other_eids(traits, covariates)
    if not np.isfinite(covariate_values).all():
        has_missing = np.flatnonzero(~np.isfinite(covariate_values).all(axis=0))
        incomplete = [covariate_names[k] for k in has_missing]
        fix = "exclude these participants from traits, covariates and genotypes, or impute the values"
        raise InputError(f"covariates have missing values: {first_few(incomplete)}", fix=fix)
    if count == 0 or len(names) == 0:
        raise InputError("there is nothing to test", fix="give at least one trait and one variant")
    eids = tuple(str(i) for i in range(people))
    chromosomes = tuple(by_chromosome(copies, _variants(variants, count), eids))
    return AssociationInputs(Traits(eids, names, values), Covariates(eids, covariate_names, covariate_values), chromosomes)


def _named(what: str, given: pl.DataFrame | ArrayLike, prefix: str, people: int) -> tuple[tuple[str, ...], Floats]:
    """Names and values (N, K) of a data frame's columns, or of an array's with names made from `prefix`."""
    if isinstance(given, pl.DataFrame):
        frame = given.drop(EID, strict=False)
        text = [name for name, dtype in frame.schema.items() if not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null))]
        if text:
            fix = "give numbers; drop columns that are not tested, and code categories as 0 and 1"
            raise InputError(f"columns of {what} are not numbers: {first_few(text)}", fix=fix)
        values = frame.select(pl.all().cast(pl.Float64).fill_null(float("nan"))).to_numpy().reshape(frame.height, frame.width)
        names = tuple(frame.columns)
    else:
        values = _matrix(what, given)
        names = tuple(f"{prefix}{k + 1}" for k in range(values.shape[1]))
    if len(values) != people:
        problem = f"{what} have {len(values)} rows, genotypes {people}: rows are participants"
        raise InputError(problem, fix="give the same participants in the same order (genotypes have a column per variant)")
    if np.isinf(values).any():
        raise InputError(f"{what} have infinite values", fix="write NaN for a missing value")
    return names, np.ascontiguousarray(values, dtype=np.float64)


def _matrix(what: str, given: ArrayLike) -> Floats:
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{what} are not an array of numbers", fix="give a NumPy array of numbers, missing NaN") from None
    if values.ndim != 2:
        fix = f"give two, participants x {'variants' if what == 'genotypes' else 'columns'}; values[:, None] has one column"
        raise InputError(f"{what} have {values.ndim} dimension(s)", fix=fix)
    return values


def _refuse_other_eids(traits: object, covariates: object) -> None:
    """Raises InputError if both have eids and these differ."""
    frames = [given for given in (traits, covariates) if isinstance(given, pl.DataFrame) and EID in given.columns]
    if len(frames) == 2 and frames[0][EID].cast(pl.String).to_list() != frames[1][EID].cast(pl.String).to_list():
        fix = "join them by eid: traits.join(covariates, on='eid'), and take the genotypes in that order"
        raise InputError("traits and covariates differ in their eids, or in the order", fix=fix)


def _variants(given: pl.DataFrame | None, count: int) -> pl.DataFrame:
    """VARIANT_COLUMNS of the variants."""
    if given is None:
        numbers = range(1, count + 1)
        names = [f"v{number}" for number in numbers]
        columns = {"variant": names, "pos": list(numbers)}
        alleles = {"effect_allele": pl.lit("A"), "other_allele": pl.lit("B")}
        return pl.DataFrame(columns).with_columns(chrom=pl.lit("1"), **alleles).select(VARIANT_COLUMNS)
    absent = [name for name in VARIANT_COLUMNS if name not in given.columns]
    if absent:
        raise InputError(f"variants lack the columns {first_few(absent)}", fix=f"give {', '.join(VARIANT_COLUMNS)}")
    if given.height != count:
        problem = f"there are {given.height} variants and {count} columns of genotypes"
        raise InputError(problem, fix="give one row of variants per column of genotypes (participants are rows)")
    try:
        types = [pl.String, pl.String, pl.Int64, pl.String, pl.String]
        frame = given.select(pl.col(name).cast(dtype) for name, dtype in zip(VARIANT_COLUMNS, types, strict=True))
    except pl.exceptions.PolarsError as error:
        raise InputError(f"variants cannot be used: {error}", fix="give pos as whole numbers, the others as text") from None
    if frame.select("chrom", "pos").null_count().sum_horizontal().item():
        raise InputError("variants lack a chromosome or a position", fix="fill in chrom and pos, or exclude these variants")
    return frame
