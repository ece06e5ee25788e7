"""Who computes the tests of a block of variants: NumPy, the compiled part or a GPU.

    numpy_backend.py     the reference: hard calls and dosages
    compiled_backend.py  the compiled part (native/_table.c): hard calls; of dosages only the tests
    cuda_backend.py      a GPU: hard calls; refits stay on the processor

`choose` decides once per scan and group of traits, and returns a `screening.Backend`. All backends give the same tests up to
float32 rounding; the rows that are written are refits in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.native import compiled
from ecgwas.scan.engine import kernels
from ecgwas.scan.engine.backends.compiled_backend import DosageBackend, FusedBackend, HardCallBackend
from ecgwas.scan.engine.backends.numpy_backend import NumpyBackend
from ecgwas.scan.engine.kernels import Kernel
from ecgwas.scan.engine.screening import Backend
from ecgwas.statistics.least_squares import Design
from ecgwas.study.scan import Matrix


def choose(options: Matrix, design: Design, *, hard: bool = True, keep_products: bool = True) -> Backend:
    """The backend for the traits of one group. Raises StudyError if the kernel requested is not available.

    hard: genotypes are hard calls, not dosages. keep_products: cross-products must be arrays on the host after `sums`;
    otherwise they may stay on the device, or be computed only while they are tested.
    """
    # The intercept's product follows exactly from the counts; the others are as precise as the traits'.
    columns = np.hstack([design.traits, design.basis[:, 1:]]).astype(np.float32)
    kernel = kernels.make(options.kernel, columns, hard=hard)
    fill_with_mean = options.missing == "mean"
    on_device = options.kernel == "torch" and hard and not options.dense and not fill_with_mean and not keep_products
    if not on_device:
        return _on_host(options, design, kernel, hard=hard, keep_products=keep_products)
    from ecgwas.scan.engine.backends.cuda_backend import CudaBackend
    from ecgwas.scan.engine.cuda_kernel import TorchKernel

    assert isinstance(kernel, TorchKernel)
    return CudaBackend(design, kernel, _on_host(options, design, kernel, hard=hard, keep_products=True))


def _on_host(options: Matrix, design: Design, kernel: Kernel, *, hard: bool, keep_products: bool) -> Backend:
    fill_with_mean = options.missing == "mean"
    if not compiled.is_available():
        return NumpyBackend(design, kernel, fill_with_mean=fill_with_mean)
    if not hard:
        return DosageBackend(design, kernel, fill_with_mean=fill_with_mean)
    each_product_once = not keep_products and not options.dense and options.keep_neglog10p >= FusedBackend.MIN_NEGLOG10P
    if each_product_once and kernel.name == "table" and len(design.traits) <= compiled.MOST_LISTED:
        return FusedBackend(design, kernel, fill_with_mean=fill_with_mean)
    return HardCallBackend(design, kernel, fill_with_mean=fill_with_mean, thorough=options.dense)


def allocator(options: Matrix) -> Callable[[tuple[int, ...], type], NDArray[Any]]:
    """The function that allocates arrays of packed genotypes: in pinned memory for a GPU."""
    if options.kernel != "torch":
        return np.empty
    from ecgwas.scan.engine.cuda_kernel import pinned

    return pinned
