"""The scan's own tests, for the comparison: every row of a few traits, and the screen of the mixed model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.genotypes import chromosomes, pruned_panel
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.packed import NO_CALL
from ecgwas.genotypes.readers import unpack
from ecgwas.mixed import variant_tests
from ecgwas.mixed.rotation import Rotation, rotation
from ecgwas.mixed.variant_tests import RotatedTraits
from ecgwas.scan import relatives
from ecgwas.scan.peers import material as files
from ecgwas.scan.peers.contract import SCHEMA, Material
from ecgwas.statistics.least_squares import neglog10p
from ecgwas.statistics.projection import span
from ecgwas.study.scan import Matrix
from ecgwas.tables import VARIANT_KEY, Associations

KEY = ["variant", *VARIANT_KEY]


@dataclass(frozen=True)
class Rows:
    """variants (V,) int64 ascending: indices on the chromosome of those with a test; of_trait: a frame for each trait, with the
    columns of contract.SCHEMA, variants numbered from 0 among these V."""

    variants: NDArray[np.int64]
    of_trait: tuple[pl.DataFrame, ...]


def rows(tested: Associations, genotypes: Genotypes, names: Sequence[str]) -> Rows:
    """The scan's rows by number of variant. Variants that share name, position and alleles with another are not compared."""
    listed = pl.DataFrame({
        "variant": pl.Series(genotypes.variants, dtype=pl.String), "pos": genotypes.positions, "chrom": genotypes.chrom,
        "effect_allele": pl.Series(genotypes.effect_alleles, dtype=pl.String),
        "other_allele": pl.Series(genotypes.other_alleles, dtype=pl.String), "place": np.arange(len(genotypes)),
    }).unique(KEY, keep="none")  # fmt: skip
    matched = tested.frame.join(listed, on=KEY)
    places = np.unique(matched["place"].to_numpy()).astype(np.int64)
    numbered = matched.select(
        "trait", variant=pl.Series(np.searchsorted(places, matched["place"].to_numpy())), chi2=pl.col("t") ** 2,
        neglog10p="neglog10p",
    )  # fmt: skip
    return Rows(places, tuple(numbered.filter(pl.col("trait") == name).drop("trait").cast(SCHEMA) for name in names))


def relationship_variants(options: Matrix, chrom: str, eids: Sequence[str]) -> list[tuple[Genotypes, NDArray[np.int64]]]:
    """The variants of which relatives.loco_relationship is made."""
    parts = [name for name in chromosomes.available(options) if name in pruned_panel.AUTOSOMES and name != chrom]
    opened = [chromosomes.open_chromosome(options, name) for name in parts]
    stride = max(1, -(-sum(len(part) for part in opened) // relatives.MAX_VARIANTS_READ))
    return [(part, files.common(part, eids, stride)) for part in opened]


def screened(material: Material, tested: Genotypes, eids: Sequence[str], traits: Sequence[int]) -> list[pl.DataFrame]:
    """The mixed model's screen of the variants of `tested`: t squared in float32, lambda without the variant, one frame per
    trait (indices). Traits of the same participants share a rotation."""
    assert material.relationship is not None
    rotations: dict[bytes, Rotation] = {}
    models: list[tuple[NDArray[np.int64], RotatedTraits]] = []
    for k in traits:
        present = ~np.isnan(material.traits[:, k])
        people = np.flatnonzero(present)
        if present.tobytes() not in rotations:
            basis = span(material.covariates[people])
            rotations[present.tobytes()] = rotation(material.relationship[np.ix_(people, people)], basis)
        turned = rotations[present.tobytes()]
        models.append((people, variant_tests.rotated(turned, material.traits[people, k][:, None])))
    t2: list[list[NDArray[np.float32]]] = [[] for _ in traits]
    for _, block in pruned_panel.read_blocks(tested, eids, 1):
        codes = unpack(block.packed, block.people)
        for own, (people, model) in zip(t2, models, strict=True):
            own.append(variant_tests.screen(filled(codes[:, people]) @ model.rotation.basis32, model)[:, 0])
    return [_frame(np.concatenate(own), model.rotation.df) for own, (_, model) in zip(t2, models, strict=True)]


def filled(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(V, N) float32 copies, a missing call the variant's mean."""
    called = codes != NO_CALL
    copies = np.where(called, codes, 0).astype(np.float32)
    mean = copies.sum(axis=1, dtype=np.float64) / np.maximum(called.sum(axis=1), 1)
    return np.where(called, copies, mean[:, None].astype(np.float32))


def _frame(t2: NDArray[np.float32], df: int) -> pl.DataFrame:
    values = t2.astype(np.float64)
    p = neglog10p(np.sqrt(values), np.full(len(values), float(df)))
    frame = pl.DataFrame({"variant": np.arange(len(values)), "chi2": values, "neglog10p": p})
    return frame.filter(pl.col("chi2").is_finite())
