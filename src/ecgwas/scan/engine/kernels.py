"""The product at the heart of the scan: copies of the minor allele times columns of numbers, for a block of variants.

A kernel is made for columns (N, C) float32 and gives, for a block of V variants, their products (V, C') float32, the first
C of which are the columns'; a missing call counts 0. All kernels give the same numbers but for float32 rounding.

    numpy   the reference: decoded genotypes, and the BLAS that NumPy has
    table   compiled, optional at install: sums of four people looked up by their packed byte (_table.c)
    torch   on a graphics processor (cuda_kernel.py)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import StudyError
from ecgwas.genotypes.dosages import AnyBlock
from ecgwas.genotypes.packed import Block
from ecgwas.native import compiled

DECODED_BYTES = 2**26
"""Genotypes that the reference kernel decodes at once."""

NO_TABLE = "the compiled table kernel is not installed; the NumPy kernel serves (same numbers, about half as fast)"


class Kernel(Protocol):
    """See the module."""

    name: str

    def products(self, block: AnyBlock) -> NDArray[np.float32]:
        """(V, C') float32."""


class NumpyKernel:
    """Decoded genotypes and the BLAS that NumPy has."""

    name = "numpy"

    def __init__(self, columns: NDArray[np.float32]) -> None:
        self.columns = np.ascontiguousarray(columns)
        self.step = max(1, DECODED_BYTES // (4 * max(len(columns), 1)))

    def products(self, block: AnyBlock) -> NDArray[np.float32]:
        """(V, C) float32."""
        found = np.empty((len(block), self.columns.shape[1]), dtype=np.float32)
        for start in range(0, len(block), self.step):
            some = np.arange(start, min(start + self.step, len(block)))
            np.matmul(block.pick(some).decoded(), self.columns, out=found[start : start + self.step])
        return found


class TableKernel:
    """Sums of four people looked up by their packed byte. Bits do not depend on the machine."""

    name = "table"

    def __init__(self, columns: NDArray[np.float32]) -> None:
        self.tiles = compiled.tiled(columns)

    def products(self, block: AnyBlock) -> NDArray[np.float32]:
        """(V, C') float32; hard calls only."""
        if not isinstance(block, Block):
            raise TypeError("the table kernel takes hard calls")
        return compiled.products(block.packed, self.tiles)


def check(name: str) -> None:
    """Raises StudyError if the kernel that `scan.kernel` names is not there."""
    if name == "table" and not compiled.there():
        fix = "install a C compiler (apt install gcc) and install ecgwas again, or set scan.kernel: auto"
        raise StudyError("scan.kernel is table, but the compiled table kernel is not installed", fix=fix)


def chosen(name: str) -> str:
    """`auto` takes the fastest kernel there is."""
    if name != "auto":
        return name
    return "table" if compiled.there() else "numpy"


def empty(name: str) -> Callable[[tuple[int, ...], type], NDArray[Any]]:
    """What makes arrays that this kernel reads best."""
    if name != "torch":
        return np.empty
    from ecgwas.scan.engine.cuda_kernel import pinned

    return pinned


def make(name: str, columns: NDArray[np.float32], *, hard: bool = True) -> Kernel:
    """The kernel that `scan.kernel` names, for columns (N, C) float32. Raises StudyError if it is not there.

    hard: for hard calls; dosages have no table, they take the reference kernel (or torch).
    """
    check(name)
    if name == "torch":
        from ecgwas.scan.engine.cuda_kernel import TorchKernel

        return TorchKernel(columns)
    return TableKernel(columns) if hard and chosen(name) == "table" else NumpyKernel(columns)
