"""Genotypes of a region and the participants tested on its chromosome, in memory, with exact regressions of one variant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.loci.models import BATCH_BYTES, MixedModel, Model, mean_imputed
from ecgwas.scan import kept_relatives
from ecgwas.scan.engine.samples import Cohort, assemble
from ecgwas.scan.kept_relatives import KeptRelatives
from ecgwas.statistics.correlation import r2
from ecgwas.statistics.projection import span
from ecgwas.study.scan import Matrix, Scan
from ecgwas.tables import VARIANT_KEY, Covariates, Traits

VARIANTS_AT_ONCE = 256
"""Variants decoded at a time: with a biobank's participants a few hundred fill the memory."""

KEY_AND_NAME = [*VARIANT_KEY, "variant"]
"""Columns that identify a line of the genotype file. The name only separates lines with the same position and alleles."""


@dataclass(frozen=True)
class Region:
    """V variants of the N participants tested on this chromosome, in the order of the .fam file.

    variant_index  (V,) int64, index among the variants of the chromosome
    copies         (V, N) float32, copies of the effect allele, missing calls NaN
    """

    genotypes: Genotypes
    variant_index: NDArray[np.int64]
    copies: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.variant_index)

    @property
    def positions(self) -> NDArray[np.int64]:
        """(V,) int64, 1-based."""
        return np.asarray(self.genotypes.positions[self.variant_index])

    @property
    def mean_imputed(self) -> NDArray[np.float64]:
        """(V, N) float64 copies, missing calls replaced by the variant's mean. For many variants use `batches`."""
        return mean_imputed(self.copies.astype(np.float64))

    def batches(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Slices of the variants, each with its rows of `mean_imputed`."""
        step = max(1, BATCH_BYTES // (8 * max(self.copies.shape[1], 1)))
        for start in range(0, len(self), step):
            batch = slice(start, start + step)
            yield batch, mean_imputed(self.copies[batch].astype(np.float64))

    def variant_row(self, i: int) -> dict[str, object]:
        """Columns variant, chrom, pos, effect_allele, other_allele of the region's variant i."""
        k, genotypes = self.variant_index[i], self.genotypes
        return {
            "variant": str(genotypes.variants[k]), "chrom": genotypes.chrom, "pos": int(genotypes.positions[k]),
            "effect_allele": str(genotypes.effect_alleles[k]), "other_allele": str(genotypes.other_alleles[k]),
        }  # fmt: skip

    def pick(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Region:
        """The region with the chosen variants only."""
        return Region(self.genotypes, self.variant_index[chosen], self.copies[chosen])

    def index_of(self, row: dict[str, object]) -> int:
        """Index in the region of the variant of a row (columns KEY_AND_NAME)."""
        genotypes, k = self.genotypes, self.variant_index
        same_effect = (genotypes.positions[k] == row["pos"]) & (genotypes.effect_alleles[k] == row["effect_allele"])
        same_key = np.flatnonzero(same_effect & (genotypes.other_alleles[k] == row["other_allele"]))
        same_name = same_key[genotypes.variants[k][same_key] == row["variant"]]
        return int((same_name if len(same_name) else same_key)[0])


@dataclass(frozen=True)
class Chromosome:
    """The genotypes of one chromosome, and the participants tested on it with their traits and covariates.

    relatives: the scan's mixed model, if it keeps relatives; otherwise tests are by least squares
    """

    genotypes: Genotypes
    cohort: Cohort
    names: tuple[str, ...]
    relatives: KeptRelatives | None = None

    @classmethod
    def of(
        cls, genotypes: Genotypes, traits: Traits, covariates: Covariates, ancestry: NDArray[np.int64] | None = None, *,
        men_on_x: int = 2,
    ) -> Chromosome:  # fmt: skip
        """Traits and covariates hold the same participants in the same order; ancestry (N,): their groups, None: only one.
        men_on_x: as the option of Scan."""
        return cls(genotypes, assemble(traits, covariates, genotypes, ancestry, men_on_x=men_on_x), traits.names)

    def keeping_relatives(self, options: Scan) -> Chromosome:
        """With the mixed model of a scan that keeps relatives; unchanged for another scan."""
        if not isinstance(options, Matrix):
            return self
        return replace(self, relatives=kept_relatives.of_cohort(options, self.cohort, self.genotypes))

    def region(self, variant_index: NDArray[np.int64]) -> Region:
        """The variants with these indices on the chromosome."""
        fam_index = self.cohort.fam_index
        copies = np.empty((len(variant_index), len(fam_index)), dtype=np.float32)
        for start in range(0, len(variant_index), VARIANTS_AT_ONCE):
            batch = variant_index[start : start + VARIANTS_AT_ONCE]
            copies[start : start + VARIANTS_AT_ONCE] = self._dosages(batch)[:, fam_index]
        if self.cohort.counted_once is not None:
            copies[:, self.cohort.counted_once] *= np.float32(0.5)
        return Region(self.genotypes, variant_index, copies)

    def _dosages(self, variant_index: NDArray[np.int64]) -> NDArray[np.float64]:
        """(V, samples) of these variants; read in one go where they lie close together."""
        first, last = (int(variant_index[0]), int(variant_index[-1])) if len(variant_index) else (0, 0)
        if len(variant_index) and last - first < 4 * VARIANTS_AT_ONCE and np.all(np.diff(variant_index) > 0):
            return np.asarray(self.genotypes.dosages(first, last + 1)[variant_index - first])
        return np.concatenate([self.genotypes.dosages(int(i), int(i) + 1) for i in variant_index])

    def region_around(self, start: int, stop: int, tested: VariantsTested) -> Region:
        """Every variant that was tested and lies in start..stop."""
        positions = self.genotypes.positions
        inside = (positions >= start) & (positions <= stop)
        return self.region(np.flatnonzero(inside & tested.mask(self.genotypes)))

    def find_variants(self, frame: pl.DataFrame) -> NDArray[np.int64]:
        """(R,) int64 index on the chromosome of the variants of a frame (columns KEY_AND_NAME)."""
        return find_variants(self.genotypes, frame)

    def model(self, trait: str) -> Model:
        """The trait of the participants who have it, and their covariates."""
        return self.model_of(self.cohort.values[:, self.names.index(trait)])

    def model_of(self, values: NDArray[np.float64]) -> Model:
        """Values (N,) of the participants who have them, and their covariates."""
        sample_index = np.flatnonzero(~np.isnan(values))
        basis = span(self.cohort.covariates[sample_index])
        if self.relatives is None:
            return Model(sample_index, values[sample_index], basis)
        return MixedModel(sample_index, values[sample_index], basis, self.relatives.coordinates(sample_index, basis))


OpenChromosome = Callable[[str], Chromosome]
"""Chromosome name -> its data."""


@dataclass(frozen=True)
class VariantsTested:
    """Which variants were tested: all but those excluded for all traits.

    excluded: columns KEY_AND_NAME and excluded (the number of lines with this key and name that were excluded)
    """

    excluded: pl.DataFrame

    @classmethod
    def from_frame(cls, left_out: pl.DataFrame) -> VariantsTested:
        """left_out: columns of LeftOutVariants; trait null or empty: all traits."""
        for_all = left_out.filter(pl.col("trait").is_null() | (pl.col("trait") == ""))
        return cls(for_all.group_by(KEY_AND_NAME).agg(excluded=pl.len()))

    def mask(self, genotypes: Genotypes) -> NDArray[np.bool_]:
        """(V,) bool for the variants of a chromosome. Identical lines all count as tested if any of them was."""
        keys = variant_keys(genotypes).with_columns(lines=pl.len().over(KEY_AND_NAME))
        joined = keys.join(self.excluded, on=KEY_AND_NAME, how="left", maintain_order="left", nulls_equal=True)
        return (joined["excluded"].fill_null(0) < joined["lines"]).to_numpy()


def lead_variant_of(locus: Mapping[str, Any]) -> dict[str, Any]:
    """Columns KEY_AND_NAME of the lead variant of a locus (a row of Loci)."""
    return {name: locus["lead_variant" if name == "variant" else name] for name in KEY_AND_NAME}


def variant_keys(genotypes: Genotypes) -> pl.DataFrame:
    """Columns KEY_AND_NAME of the variants of a chromosome, in its order."""
    columns = {
        "chrom": pl.Series([genotypes.chrom], dtype=pl.String).new_from_index(0, len(genotypes)),
        "pos": pl.Series(genotypes.positions, dtype=pl.Int64),
        "effect_allele": pl.Series(genotypes.effect_alleles, dtype=pl.String),
        "other_allele": pl.Series(genotypes.other_alleles, dtype=pl.String),
        "variant": pl.Series(genotypes.variants, dtype=pl.String),
    }
    return pl.DataFrame(columns)


def find_variants(genotypes: Genotypes, frame: pl.DataFrame) -> NDArray[np.int64]:
    """(R,) int64 index on the chromosome of the variants of a frame (columns KEY_AND_NAME); of identical lines the first.

    Raises InputError for variants that are not there.
    """
    near = variant_keys(genotypes).with_row_index("index").filter(pl.col("pos").is_in(frame["pos"].unique().implode()))
    first = near.unique(KEY_AND_NAME, keep="first", maintain_order=True)
    joined = frame.select(KEY_AND_NAME).join(first, on=KEY_AND_NAME, how="left", maintain_order="left", nulls_equal=True)
    absent = joined.filter(pl.col("index").is_null()).select(pl.concat_str(VARIANT_KEY, separator=":")).to_series()
    if len(absent):
        problem = f"{len(absent)} variants of the scan are not among the genotypes: {first_few(absent)}"
        fix = "run the stage scan again: the genotypes have changed since"
        raise InputError(problem, where=genotypes.fileset.variant_list, fix=fix)
    return joined["index"].to_numpy().astype(np.int64)


def r2_with(region: Region, copies: NDArray[np.float64]) -> NDArray[np.float64]:
    """(V,) squared correlation of a region's variants with the copies of one variant (N,); missing calls count as the mean."""
    return np.concatenate([np.empty(0), *(r2(batch, copies) for _, batch in region.batches())])
