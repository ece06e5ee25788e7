"""What an association program of other authors is given, and what it returns: the contract of each module of this folder.

They are programs, started without a shell in a folder that only the user can read. None of them is imported: two are under the
GPL, and the packages that another needs would be in the way of ecgwas' own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

EXACT = 1e-3
"""Largest difference of chi-squares, divided by the larger of the other program's and 1, at which two programs of one model
agree. Printed digits explain 1e-5, and searches for the ratio of variances that stop early somewhat more."""

Model = Literal["least_squares", "polygenic"]


@dataclass(frozen=True)
class Material:
    """What is tested. Files name participants by number, p0 to p(N-1), and variants v0 to v(V-1).

    folder         for the programs' files
    stem           fileset .bed .bim .fam of the V variants and N participants
    background     fileset of the variants of the relationship, of the other autosomes; None: least squares
    traits         (N, K) float64, missing NaN;  covariates (N, C) float64, without a column of ones
    relationship   (N, N) float64;  None: least squares
    """

    folder: Path
    stem: Path
    background: Path | None
    traits: NDArray[np.float64]
    covariates: NDArray[np.float64]
    relationship: NDArray[np.float64] | None

    @property
    def relationship_text(self) -> Path:
        """File of the relationship as text, for programs that read it so."""
        return self.folder / "relationship.txt"


@dataclass(frozen=True)
class Tested:
    """Tests of one trait. frame: variant (index, as in Material), chi2, neglog10p, of the variants that the program tested.

    seconds  CPU seconds of the program; of one that tests several traits in one run, an equal share of them
    """

    frame: pl.DataFrame
    seconds: float


SCHEMA = pl.Schema({"variant": pl.Int64(), "chi2": pl.Float64(), "neglog10p": pl.Float64()})


@dataclass(frozen=True)
class Peer:
    """An association program of other authors.

    name       as `--engines` and PATH call it
    model      of the study to which it belongs
    test       what it computes
    against    what it is compared with: `rows`, as the scan writes them, or `screen`, the test with the ratio of variances
               estimated without the variant
    tolerance  largest relative difference of chi-squares; None: it approximates, and nothing can be expected of the digits
    cubic      its time grows with the cube of the participants
    install    how to get it
    find       the path of its program, or of the interpreter that has it; None if it is absent
    version    what the program at a path says it is; raises ToolError if it is something else
    run        tests chosen traits (indices), in turn; raises ToolError with the program's words
    """

    name: str
    model: Model
    test: str
    against: Literal["rows", "screen"]
    tolerance: float | None
    cubic: bool
    install: str
    find: Callable[[Path | None], str | None]
    version: Callable[[str], str]
    run: Callable[[str, Material, Sequence[int]], Iterator[Tested]]
