"""The product at the heart of the scan: copies of the minor allele times columns of numbers, for a block of variants.

A kernel is made for columns (N, C) float32 and gives, for a Block of V variants, their products (V, C) float32; a missing
call counts 0. All kernels give the same numbers but for float32 rounding.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ecgwas.associate.codes import Block


class Kernel(Protocol):
    """See the module."""

    name: str

    def products(self, block: Block) -> NDArray[np.float32]:
        """(V, C) float32."""


class NumpyKernel:
    """The reference: decoded genotypes and the BLAS that NumPy has."""

    name = "numpy"

    def __init__(self, columns: NDArray[np.float32]) -> None:
        self.columns = np.ascontiguousarray(columns)

    def products(self, block: Block) -> NDArray[np.float32]:
        product: NDArray[np.float32] = block.decoded() @ self.columns
        return product


def make(name: str, columns: NDArray[np.float32]) -> Kernel:
    """The kernel that `scan.kernel` names."""
    return NumpyKernel(columns)
