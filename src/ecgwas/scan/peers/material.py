"""Writes what the programs read: a fileset of the variants tested, one of the others' relationship, traits and covariates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes import pruned_panel
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.packed import PackedBlock
from ecgwas.genotypes.readers import pack, unpack

MAGIC = bytes([0x6C, 0x1B, 0x01])
"""The first bytes of a .bed whose variants follow each other (https://www.cog-genomics.org/plink/1.9/formats#bed)."""
CODES = np.array([[3, 2, 0, 1], [0, 2, 3, 1]], dtype=np.uint8)
"""Copies of the minor allele, 3 for no call -> code of a .bed; row 1: the minor allele is not allele 1."""


def write_fileset(
    stem: Path, parts: Sequence[tuple[Genotypes, NDArray[np.int64]]], eids: Sequence[str], *, letter: str = "v"
) -> None:
    """Writes .bed .bim .fam of chosen variants (indices, ascending) of chromosomes, named by letter and number.

    Participants are those of `eids` in that order, named by number; allele 1 is the effect allele. Dosages are rounded.
    """
    variants = 0
    with stem.with_suffix(".bed").open("wb") as bed, stem.with_suffix(".bim").open("w") as bim:
        bed.write(MAGIC)
        for part, chosen in parts:
            own = part.select(chosen)
            for places, block in pruned_panel.read_blocks(own, eids, 1):
                bed.write(bed_bytes(block).tobytes())
                for place in places:
                    alleles = f"{own.effect_alleles[place]}\t{own.other_alleles[place]}"
                    bim.write(f"{own.chrom}\t{letter}{variants}\t0\t{own.positions[place]}\t{alleles}\n")
                    variants += 1
    # The sixth column is a trait to GEMMA, which excludes whoever has none, whatever other files say.
    stem.with_suffix(".fam").write_text("".join(f"p{i} p{i} 0 0 0 1\n" for i in range(len(eids))))


def bed_bytes(block: PackedBlock) -> NDArray[np.uint8]:
    """(V, ceil(N / 4)) uint8, the block as a .bed has it."""
    copies = unpack(block.packed, block.people)
    return pack(CODES[block.minor_is_other.astype(np.int64)[:, None], copies])


def common(part: Genotypes, eids: Sequence[str], stride: int) -> NDArray[np.int64]:
    """Indices of the variants of a chromosome that a relationship has: every `stride`-th, if it is common."""
    chosen = [places[pruned_panel.is_common(block)] for places, block in pruned_panel.read_blocks(part, eids, stride)]
    return np.concatenate([np.empty(0, dtype=np.int64), *chosen])


def write_numbers(path: Path, values: NDArray[np.float64]) -> None:
    """Text without names: a line per row, blanks between; missing NA."""
    with path.open("w") as file:
        for row in values:
            file.write(" ".join("NA" if np.isnan(value) else f"{value:.12g}" for value in row) + "\n")


def write_named(path: Path, values: NDArray[np.float64], letter: str, *, plink: bool = False) -> list[str]:
    """FID, IID and a column per number, missing NA; returns the columns' names: t0, t1 and so on."""
    names = [f"{letter}{k}" for k in range(values.shape[1])]
    with path.open("w") as file:
        file.write(("#" if plink else "") + "\t".join(["FID", "IID", *names]) + "\n")
        file.writelines(f"{line}\n" for line in _lines(values))
    return names


def _lines(values: NDArray[np.float64]) -> Iterator[str]:
    for i, row in enumerate(values):
        yield "\t".join([f"p{i}", f"p{i}", *("NA" if np.isnan(value) else repr(float(value)) for value in row)])
