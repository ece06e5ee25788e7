"""Some variants of one chromosome and the people tested, in memory, for a closer look: exact single regressions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.scan.engine.samples import Cohort, assemble
from ecgwas.statistics.correlation import r2
from ecgwas.statistics.least_squares import neglog10p
from ecgwas.statistics.projection import row_residuals, span
from ecgwas.tables import VARIANT_KEY, Covariates, Traits

STEP = 256
"""Variants decoded at once: of a biobank's people a few hundred fill memory."""

STRIP_BYTES = 2**25
"""Of float64 numbers of a region that are held at once."""

BY = [*VARIANT_KEY, "variant"]
"""Where a variant stands among the genotypes. The name only tells lines apart that agree in place and both alleles."""


@dataclass(frozen=True)
class Region:
    """V variants of the N people tested on this chromosome, in the order of the .fam.

    places    (V,) int64, where the variants stand on the chromosome
    copies    (V, N) float32, copies of the effect allele, no call NaN
    """

    genotypes: Genotypes
    places: NDArray[np.int64]
    copies: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.places)

    @property
    def positions(self) -> NDArray[np.int64]:
        """(V,) int64, 1-based."""
        return np.asarray(self.genotypes.positions[self.places])

    @property
    def filled(self) -> NDArray[np.float64]:
        """(V, N) float64 copies, no call replaced by the variant's mean: for a few variants, else `strips`."""
        return filled(self.copies.astype(np.float64))

    def strips(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """`filled`, some variants at a time, and which they are."""
        step = max(1, STRIP_BYTES // (8 * max(self.copies.shape[1], 1)))
        for start in range(0, len(self), step):
            some = slice(start, start + step)
            yield some, filled(self.copies[some].astype(np.float64))

    def named(self, i: int) -> dict[str, object]:
        """Columns variant, chrom, pos, effect_allele, other_allele of a variant."""
        place, here = self.places[i], self.genotypes
        return {
            "variant": str(here.variants[place]), "chrom": here.chrom, "pos": int(here.positions[place]),
            "effect_allele": str(here.effect_alleles[place]), "other_allele": str(here.other_alleles[place]),
        }  # fmt: skip

    def pick(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Region:
        """Some of the variants."""
        return Region(self.genotypes, self.places[chosen], self.copies[chosen])

    def place_of(self, row: dict[str, object]) -> int:
        """Where in the region the variant of a row (variant and VARIANT_KEY) is."""
        here, at = self.genotypes, self.places
        same = (here.positions[at] == row["pos"]) & (here.effect_alleles[at] == row["effect_allele"])
        found = np.flatnonzero(same & (here.other_alleles[at] == row["other_allele"]))
        named = found[here.variants[at][found] == row["variant"]]
        return int((named if len(named) else found)[0])


@dataclass(frozen=True)
class Chromosome:
    """The people tested on one chromosome with their traits and covariates, and its genotypes."""

    genotypes: Genotypes
    cohort: Cohort
    names: tuple[str, ...]

    @classmethod
    def of(
        cls, genotypes: Genotypes, traits: Traits, covariates: Covariates, ancestry: NDArray[np.int64] | None = None
    ) -> Chromosome:
        """Traits and covariates hold the same people in the same order; ancestry (N,): their groups, None: one."""
        return cls(genotypes, assemble(traits, covariates, genotypes, ancestry), traits.names)

    def at(self, places: NDArray[np.int64]) -> Region:
        """These variants."""
        rows = self.cohort.fam_index
        copies = np.empty((len(places), len(rows)), dtype=np.float32)
        for start in range(0, len(places), STEP):
            some = places[start : start + STEP]
            copies[start : start + STEP] = self._decoded(some)[:, rows]
        return Region(self.genotypes, places, copies)

    def _decoded(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        if len(places) and places[-1] - places[0] < 4 * STEP and np.all(np.diff(places) > 0):
            whole = self.genotypes.dosages(int(places[0]), int(places[-1]) + 1)
            return np.asarray(whole[places - places[0]])
        return np.concatenate([self.genotypes.dosages(int(i), int(i) + 1) for i in places])

    def around(self, start: int, stop: int, tested: VariantsTested) -> Region:
        """Every variant that was tested and lies in start..stop."""
        positions = self.genotypes.positions
        places = np.flatnonzero((positions >= start) & (positions <= stop) & tested.of(self.genotypes))
        return self.at(places)

    def rows(self, frame: pl.DataFrame) -> NDArray[np.int64]:
        """(R,) int64: where the variants of a frame (variant and VARIANT_KEY) stand on the chromosome."""
        return rows_of(self.genotypes, frame)

    def model(self, trait: str) -> Model:
        """The trait of the people who have it, and their covariates."""
        values = self.cohort.values[:, self.names.index(trait)]
        people = np.flatnonzero(~np.isnan(values))
        return Model(people, values[people], span(self.cohort.covariates[people]))


@dataclass(frozen=True)
class VariantsTested:
    """Which variants were tested: all but those excluded for all traits.

    left_out: columns BY, excluded (how many lines of the genotypes with this key and name were excluded)
    """

    left_out: pl.DataFrame

    @classmethod
    def from_frame(cls, left_out: pl.DataFrame) -> VariantsTested:
        """left_out: columns of LeftOutVariants; trait null or empty: all traits."""
        whole = left_out.filter(pl.col("trait").is_null() | (pl.col("trait") == ""))
        return cls(whole.group_by(BY).agg(excluded=pl.len()))

    def of(self, genotypes: Genotypes) -> NDArray[np.bool_]:
        """(V,) bool for the variants of a chromosome. Of identical lines, all count as tested if any of them was."""
        keys = keys_of(genotypes).with_columns(lines=pl.len().over(BY))
        joined = keys.join(self.left_out, on=BY, how="left", maintain_order="left", nulls_equal=True)
        return (joined["excluded"].fill_null(0) < joined["lines"]).to_numpy()


def lead_of(locus: Mapping[str, Any]) -> dict[str, Any]:
    """Columns BY of a locus' lead variant."""
    return {name: locus["lead_variant" if name == "variant" else name] for name in BY}


def keys_of(genotypes: Genotypes) -> pl.DataFrame:
    """Columns BY of the variants of a chromosome, in its order."""
    columns = {
        "chrom": pl.Series([genotypes.chrom], dtype=pl.String).new_from_index(0, len(genotypes)),
        "pos": pl.Series(genotypes.positions, dtype=pl.Int64),
        "effect_allele": pl.Series(genotypes.effect_alleles, dtype=pl.String),
        "other_allele": pl.Series(genotypes.other_alleles, dtype=pl.String),
        "variant": pl.Series(genotypes.variants, dtype=pl.String),
    }
    return pl.DataFrame(columns)


def rows_of(genotypes: Genotypes, frame: pl.DataFrame) -> NDArray[np.int64]:
    """(R,) int64: where the variants of a frame (columns BY) stand on the chromosome; of identical lines the first.

    Raises InputError for variants that are not there.
    """
    near = keys_of(genotypes).with_row_index("place").filter(pl.col("pos").is_in(frame["pos"].unique().implode()))
    first = near.unique(BY, keep="first", maintain_order=True)
    joined = frame.select(BY).join(first, on=BY, how="left", maintain_order="left", nulls_equal=True)
    absent = joined.filter(pl.col("place").is_null()).select(pl.concat_str(VARIANT_KEY, separator=":")).to_series()
    if len(absent):
        problem = f"{len(absent)} variants of the scan are not among the genotypes: {first_few(absent)}"
        fix = "run the stage scan again: the genotypes have changed since"
        raise InputError(problem, where=genotypes.files.variants, fix=fix)
    return joined["place"].to_numpy().astype(np.int64)


@dataclass(frozen=True)
class Fit:
    """One regression: effect of a copy of the effect allele, standard error, t, degrees of freedom, people."""

    beta: float
    se: float
    df: int
    people: int

    @property
    def t(self) -> float:
        """beta / se."""
        return self.beta / self.se if self.se > 0 else float("inf")

    @property
    def neglog10p(self) -> float:
        """-log10 p of the two-sided t test."""
        return float(neglog10p(np.array([self.t]), float(self.df))[0])


@dataclass(frozen=True)
class Model:
    """A trait (n,) of the people who have it (places among the N), and an orthonormal basis (n, R) of the covariates."""

    people: NDArray[np.int64]
    values: NDArray[np.float64]
    basis: NDArray[np.float64]

    @property
    def residual(self) -> NDArray[np.float64]:
        """(n,) the trait without its covariates."""
        return row_residuals(self.values, self.basis)

    def called(self, copies: NDArray[np.floating]) -> tuple[Model, NDArray[np.float64]]:
        """The model of those with a call of one variant (N,), and their copies (n',)."""
        own = copies[self.people].astype(np.float64)
        seen = np.isfinite(own)
        if seen.all():
            return self, own
        basis = np.linalg.qr(self.basis[seen])[0]
        return Model(self.people[seen], self.values[seen], basis), own[seen]

    def fit(self, copies: NDArray[np.floating], others: Sequence[NDArray[np.floating]] = ()) -> Fit:
        """Ordinary least squares on covariates, other variants and the variant (N,) each; no call of any: left out."""
        everyone = np.sum([*others, copies], axis=0)
        model, _ = self.called(everyone)
        genotype = copies[model.people].astype(np.float64)
        basis = model.basis
        if others:
            basis = np.linalg.qr(np.column_stack([basis, *(other[model.people] for other in others)]))[0]
        rest, trait = row_residuals(genotype, basis), row_residuals(model.values, basis)
        length = float(rest @ rest)
        if length <= 1e-9 * float(genotype @ genotype):
            return Fit(0.0, float("inf"), 1, len(genotype))
        beta = float(rest @ trait) / length
        df = len(genotype) - basis.shape[1] - 1
        left = trait - beta * rest
        return Fit(beta, float(np.sqrt(left @ left / df / length)), df, len(genotype))


def filled(copies: NDArray[Any]) -> NDArray[Any]:
    """(V, N) copies, no call replaced by the variant's mean, in the precision given."""
    return np.where(np.isnan(copies), np.nanmean(copies, axis=1, keepdims=True), copies)


def with_one(region: Region, one: NDArray[np.float64]) -> NDArray[np.float64]:
    """(V,) squared correlation of a region's variants with one (N,), no call the mean."""
    found = [r2(copies, one) for _, copies in region.strips()]
    return np.concatenate([np.empty(0), *found])
