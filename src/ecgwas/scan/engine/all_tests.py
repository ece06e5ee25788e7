"""Every test of a chromosome: `beta` and `se` as [variant x trait] arrays, with one description of each variant.

A folder contains

    beta.npy, se.npy   (V, K) float32, effect of one effect allele, units as in Associations; NaN: not tested (see left_out)
    n.npy              (V, G) int32, participants tested; G groups of traits with the same participants
    degrees.npy        (V, G) int32, degrees of freedom of the t test
    eaf.npy            (V, G) float32, frequency of the effect allele
    variants.parquet   variant chrom pos effect_allele other_allele, row by row
    traits.parquet     trait group, column by column

t = beta / se and p follow. Tests that the scan refits are its float64 numbers rounded to float32; the others are screened
in float32 (t within 1e-5). Rows are written block by block, so memory does not grow with the number of variants.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.scan.engine import block_results
from ecgwas.scan.engine.block_results import BlockResult
from ecgwas.scan.engine.samples import Group
from ecgwas.statistics.least_squares import neglog10p
from ecgwas.tables import Associations

ARRAYS: dict[str, Any] = {"beta": np.float32, "se": np.float32, "n": np.int32, "degrees": np.int32, "eaf": np.float32}


@dataclass(frozen=True)
class AllTests:
    """Every test of some variants; see the module's docstring.

    variants (V,) int64, indices on the chromosome; beta, se (V, K) float32; n, degrees (V, G) int32; eaf (V, G) float32
    """

    variants: NDArray[np.int64]
    beta: NDArray[np.float32]
    se: NDArray[np.float32]
    n: NDArray[np.int32]
    degrees: NDArray[np.int32]
    eaf: NDArray[np.float32]


def empty(variants: NDArray[np.int64], *, traits: int, groups: int) -> AllTests:
    """Arrays for these variants, to be filled in."""
    shape, narrow = (len(variants), traits), (len(variants), groups)
    values = {"beta": shape, "se": shape, "n": narrow, "degrees": narrow, "eaf": narrow}
    filling = {
        name: np.full(size, np.nan if name in ("beta", "se", "eaf") else 0, ARRAYS[name]) for name, size in values.items()
    }
    return AllTests(variants, **filling)


def written(
    steps: Iterable[BlockResult], folder: Path, genotypes: Genotypes, groups: Sequence[Group], names: Sequence[str]
) -> Iterator[BlockResult]:
    """Yields the block results and writes their kept_tests into the folder, which it creates."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {"beta": len(names), "se": len(names), "n": len(groups), "degrees": len(groups), "eaf": len(groups)}
    variants: list[NDArray[np.int64]] = []
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / f"{name}.npy").open("wb")) for name in ARRAYS}
        for name, file in files.items():
            _head(file, name, (0, columns[name]))
        for step in steps:
            if step.kept_tests is not None:
                variants.append(step.kept_tests.variants)
                for name, file in files.items():
                    file.write(np.ascontiguousarray(getattr(step.kept_tests, name)).tobytes())
            yield replace(step, kept_tests=None)
        index = np.concatenate([np.empty(0, dtype=np.int64), *variants])
        for name, file in files.items():
            file.seek(0)
            _head(file, name, (len(index), columns[name]))
    listed = block_results.variant_columns(pl.Series(index), genotypes)
    pl.DataFrame(listed).write_parquet(folder / "variants.parquet", compression="zstd", statistics=False)
    group_of = {int(trait): number for number, group in enumerate(groups) for trait in group.traits}
    traits = pl.DataFrame({"trait": list(names), "group": [group_of[k] for k in range(len(names))]})
    traits.write_parquet(folder / "traits.parquet", compression="zstd", statistics=False)


def _head(file: BinaryIO, name: str, shape: tuple[int, int]) -> None:
    """Writes the header of a .npy, in which NumPy leaves space for the first axis to grow."""
    described = {"descr": np.dtype(ARRAYS[name]).str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)


def is_kept(folder: Path) -> bool:
    """True if every test was kept in the folder."""
    return (folder / "traits.parquet").exists()


def kept_below(folder: Path) -> list[Path]:
    """Folders below this one in which every test was kept, in order of paths."""
    return sorted(path.parent for path in folder.rglob("traits.parquet") if (path.parent / "beta.npy").exists())


def listed(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The variants row by row, and the traits with their groups column by column."""
    return pl.read_parquet(folder / "variants.parquet"), pl.read_parquet(folder / "traits.parquet")


def traits(folder: Path) -> list[str]:
    """Names of the traits in a folder, in the order of the columns."""
    return list(pl.read_parquet(folder / "traits.parquet")["trait"])


def rows(folder: Path, trait: str) -> Associations:
    """Every test of one trait; reads only its column."""
    variants, columns = listed(folder)
    column = list(columns["trait"]).index(trait)
    group = int(columns["group"][column])
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
    beta, se = (arrays[name][:, column].astype(np.float64) for name in ("beta", "se"))
    n, degrees, eaf = (arrays[name][:, group].astype(np.float64) for name in ("n", "degrees", "eaf"))
    tested = np.flatnonzero(~np.isnan(beta))
    with np.errstate(divide="ignore"):
        t = beta[tested] / se[tested]
    frame = variants[tested].with_columns(
        pl.lit(trait).alias("trait"), pl.Series("eaf", eaf[tested]), pl.Series("n", n[tested].astype(np.int64)),
        pl.Series("beta", beta[tested]), pl.Series("se", se[tested]), pl.Series("t", t),
        pl.Series("neglog10p", neglog10p(t, degrees[tested])),
    )  # fmt: skip
    return Associations(frame)
