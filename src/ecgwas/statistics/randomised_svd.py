"""Leading singular vectors of a matrix that is read in passes, by randomised iteration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

Floats = NDArray[np.float64]


def leading_space(start: Floats, gram: Callable[[Floats], Floats], *, rounds: int, keep_blocks: bool) -> Floats:
    """Orthonormal columns whose span is close to that of the leading right singular vectors of a matrix A (M, D).

    start (D, c) is random; gram multiplies (D, c) by A'A, in one pass over A. With keep_blocks, block Krylov iteration (Musco
    and Musco 2015, NeurIPS 28, algorithm 2) returns (D, c (rounds + 1)), at most D columns, and separates close singular
    values. Otherwise subspace iteration (Halko, Martinsson and Tropp 2011, SIAM Rev 53:217) returns (D, c) in less memory.
    """
    blocks = [_orthonormal(start)]
    for _ in range(rounds):
        block = _orthonormal(gram(blocks[-1]))
        blocks = [*blocks, block] if keep_blocks else [block]
    return _orthonormal(np.hstack(blocks)) if keep_blocks else blocks[0]


def _orthonormal(columns: Floats) -> Floats:
    """Orthonormal columns with the same span."""
    return np.asarray(qr(columns, mode="economic")[0])
