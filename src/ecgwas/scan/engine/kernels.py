"""The product at the heart of the scan: copies of the minor allele times columns, for a block of variants.

A kernel is built for columns (N, C) float32. For a block of V variants it returns products (V, C') float32, of which the
first C belong to the columns. A missing call counts as 0. All kernels return the same numbers up to float32 rounding.

    numpy   the reference: decoded genotypes and NumPy's BLAS
    table   compiled, optional at install: looks up the sums of four samples by their packed byte (_table.c)
    torch   on a GPU (cuda_kernel.py)
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ecgwas import extras
from ecgwas.errors import StudyError
from ecgwas.genotypes.dosages import GenotypeBlock, hard_calls
from ecgwas.native import compiled

DECODED_BYTES = 2**26
"""Size of the genotypes that the reference kernel decodes at a time."""

NO_TABLE = "the compiled table kernel is not installed; the NumPy kernel is used (same numbers, about half as fast)"


class Kernel(Protocol):
    """See the module's docstring."""

    name: str

    def products(self, block: GenotypeBlock) -> NDArray[np.float32]:
        """(V, C') float32."""


class NumpyKernel:
    """Decoded genotypes and NumPy's BLAS."""

    name = "numpy"

    def __init__(self, columns: NDArray[np.float32]) -> None:
        self.columns = np.ascontiguousarray(columns)
        self.step = max(1, DECODED_BYTES // (4 * max(len(columns), 1)))

    def products(self, block: GenotypeBlock) -> NDArray[np.float32]:
        """(V, C) float32."""
        out = np.empty((len(block), self.columns.shape[1]), dtype=np.float32)
        for start in range(0, len(block), self.step):
            chunk = np.arange(start, min(start + self.step, len(block)))
            np.matmul(block.select(chunk).minor_copies(), self.columns, out=out[start : start + self.step])
        return out


class TableKernel:
    """Looks up the sums of four samples by their packed byte. Results are identical to the bit on every machine."""

    name = "table"

    def __init__(self, columns: NDArray[np.float32]) -> None:
        self.tiles = compiled.tiled(columns)

    def products(self, block: GenotypeBlock) -> NDArray[np.float32]:
        """(V, C') float32; hard calls only."""
        return compiled.products(hard_calls(block).packed, self.tiles)


def check(name: str) -> None:
    """Raises StudyError if the kernel that `scan.kernel` names is not available, ToolError if it needs PyTorch."""
    if name == "torch":
        extras.require("torch", by="scan.kernel: torch", otherwise="set scan.kernel: auto")
    if name == "table" and not compiled.is_available():
        fix = "install a C compiler (apt install gcc) and install ecgwas again, or set scan.kernel: auto"
        raise StudyError("scan.kernel is table, but the compiled table kernel is not installed", fix=fix)


def resolved(name: str) -> str:
    """The kernel's name; `auto` becomes the fastest kernel available."""
    if name != "auto":
        return name
    return "table" if compiled.is_available() else "numpy"


def make(name: str, columns: NDArray[np.float32], *, hard: bool = True) -> Kernel:
    """The kernel that `scan.kernel` names, for columns (N, C) float32. Raises StudyError if it is not available.

    hard: genotypes are hard calls. Dosages have no table and use the reference kernel (or torch).
    """
    check(name)
    if name == "torch":
        from ecgwas.scan.engine.cuda_kernel import TorchKernel

        return TorchKernel(columns)
    return TableKernel(columns) if hard and resolved(name) == "table" else NumpyKernel(columns)
