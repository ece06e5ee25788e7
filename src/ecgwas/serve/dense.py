"""Every test of a study with `scan.dense`, read from its files on disk: only what is asked for is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.scan.engine import all_tests
from ecgwas.serve.kept import NUMBERS
from ecgwas.serve.variants import VariantTable, in_order
from ecgwas.statistics.least_squares import neglog10p


@dataclass(frozen=True)
class _Folder:
    """Arrays of one folder as all_tests describes them, on disk; group (K,): the group of each trait."""

    arrays: Mapping[str, NDArray[Any]]
    group: NDArray[np.int64]

    @classmethod
    def of(cls, folder: Path, traits: Sequence[str]) -> Self:
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in all_tests.ARRAYS}
        _, listed = all_tests.listed(folder)
        if tuple(listed["trait"]) != tuple(traits):
            raise ValueError(f"{folder} has other traits than the scan")
        return cls(arrays, listed["group"].to_numpy().astype(np.int64))


@dataclass(frozen=True)
class DenseTests:
    """Every test of V variants and K traits, rounded to float32.

    table   the variants tested;  traits  K names
    source  (V,) number of the folder that has the variant;  place  (V,) its row there
    """

    table: VariantTable
    traits: tuple[str, ...]
    source: NDArray[np.uint16]
    place: NDArray[np.uint32]
    folders: tuple[_Folder, ...]

    @classmethod
    def of(cls, folders: Sequence[Path], traits: Sequence[str]) -> Self:
        """From the folders of all chromosomes (`all_tests.is_kept`)."""
        frames = [
            all_tests.listed(folder)[0].with_row_index("place").with_columns(source=pl.lit(k, pl.UInt16))
            for k, folder in enumerate(folders)
        ]
        rows = in_order(pl.concat(frames))
        table = VariantTable.of(rows.drop("place", "source"))
        opened = tuple(_Folder.of(folder, traits) for folder in folders)
        return cls(table, tuple(traits), rows["source"].to_numpy(), rows["place"].to_numpy(), opened)

    def variant(self, number: int) -> pl.DataFrame:
        """Tests of a variant, in the order of the traits: columns trait, NUMBERS; traits without a test are absent."""
        folder, place = self.folders[int(self.source[number])], int(self.place[number])
        wide = {name: np.asarray(folder.arrays[name][place]) for name in ("beta", "se")}
        narrow = {name: np.asarray(folder.arrays[name][place])[folder.group] for name in ("n", "degrees", "eaf")}
        return _tests({"trait": np.array(self.traits, dtype=object)}, wide | narrow).select("trait", *NUMBERS)

    def trait_between(self, trait: int, variants: range) -> pl.DataFrame:
        """Tests of a trait with these variants, along the genome: columns NAMED, trait, NUMBERS."""
        parts = {name: np.empty(len(variants)) for name in all_tests.ARRAYS}
        sources, places = self.source[variants.start : variants.stop], self.place[variants.start : variants.stop]
        for k in np.unique(sources):
            own, folder = sources == k, self.folders[int(k)]
            for name, values in parts.items():
                column = trait if name in ("beta", "se") else int(folder.group[trait])
                values[own] = folder.arrays[name][places[own], column]
        frame = self.table.frame[variants.start : variants.stop]
        described = {name: frame[name] for name in frame.columns}
        tests = _tests(described, parts)
        return tests.with_columns(trait=pl.lit(self.traits[trait])).select(*frame.columns, "trait", *NUMBERS)


def _tests(described: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> pl.DataFrame:
    """Rows of the tests made. arrays: beta, se, n, degrees, eaf, one value per row; NaN beta: not tested."""
    beta, se = (arrays[name].astype(np.float64) for name in ("beta", "se"))
    tested = np.isfinite(beta)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = beta / se
    columns = {name: pl.Series(name, list(values) if isinstance(values, np.ndarray) else values)
               for name, values in described.items()}  # fmt: skip
    heights = np.full(len(beta), np.nan)
    heights[tested] = neglog10p(t[tested], arrays["degrees"].astype(np.float64)[tested])
    numbers = {"eaf": arrays["eaf"].astype(np.float64), "n": arrays["n"].astype(np.int64), "beta": beta, "se": se, "t": t,
               "neglog10p": heights}  # fmt: skip
    return pl.DataFrame(columns | numbers).filter(pl.Series(tested))
