"""The product at the heart of the scan: copies of the minor allele times columns of numbers, for a block of variants.

A kernel is made for columns (N, C) float32 and gives, for a Block of V variants, their products (V, C) float32; a missing
call counts 0. All kernels give the same numbers but for float32 rounding.

    numpy   the reference: decoded genotypes, and the BLAS that NumPy has
    table   compiled, optional at install: sums of four people looked up by their packed byte (_table.c)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecgwas.associate.codes import Block
from ecgwas.errors import StudyError

LANES = 16
"""Columns that the table kernel handles together; as in _table.c."""

DECODED_BYTES = 2**26
"""Genotypes that the reference kernel decodes at once."""

NO_TABLE = "the compiled table kernel is not installed; the NumPy kernel serves (same numbers, about half as fast)"


class Kernel(Protocol):
    """See the module."""

    name: str

    def products(self, block: Block) -> NDArray[np.float32]:
        """(V, C) float32."""


class NumpyKernel:
    """Decoded genotypes and the BLAS that NumPy has."""

    name = "numpy"

    def __init__(self, columns: NDArray[np.float32]) -> None:
        self.columns = np.ascontiguousarray(columns)
        self.step = max(1, DECODED_BYTES // (4 * max(len(columns), 1)))

    def products(self, block: Block) -> NDArray[np.float32]:
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
        people, self.wanted = columns.shape
        self.bytes, self.tiles = (people + 3) // 4, -(-self.wanted // LANES)
        wide = np.zeros((4 * self.bytes, LANES * self.tiles), dtype=np.float32)
        wide[:people, : self.wanted] = columns
        self.columns = np.ascontiguousarray(wide.reshape(4 * self.bytes, self.tiles, LANES).transpose(1, 0, 2))
        self.module = _table()

    def products(self, block: Block) -> NDArray[np.float32]:
        """(V, C) float32."""
        packed = np.ascontiguousarray(block.packed)
        found = np.empty((len(block), self.tiles * LANES), dtype=np.float32)
        self.module.products(packed, self.columns, found, len(block), packed.shape[1], self.bytes, self.tiles)
        return found[:, : self.wanted]


def _table() -> Any:
    return import_module("ecgwas.associate._table")


def table_is_there() -> bool:
    """True if the compiled kernel was installed."""
    try:
        _table()
    except ImportError:
        return False
    return True


def check(name: str) -> None:
    """Raises StudyError if the kernel that `scan.kernel` names is not there."""
    if name == "table" and not table_is_there():
        fix = "install a C compiler (apt install gcc) and install ecgwas again, or set scan.kernel: auto"
        raise StudyError("scan.kernel is table, but the compiled table kernel is not installed", fix=fix)


def chosen(name: str) -> str:
    """`auto` takes the fastest kernel there is."""
    if name != "auto":
        return name
    return "table" if table_is_there() else "numpy"


def make(name: str, columns: NDArray[np.float32]) -> Kernel:
    """The kernel that `scan.kernel` names, for columns (N, C) float32. Raises StudyError if it is not there."""
    check(name)
    return TableKernel(columns) if chosen(name) == "table" else NumpyKernel(columns)
