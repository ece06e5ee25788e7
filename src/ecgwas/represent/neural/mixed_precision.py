"""Mixed precision: the digits with which a GPU multiplies during training. CPUs always use float32.

TF32 keeps float32's range with 10 bits of fraction, bfloat16 with 7 (Micikevicius et al., Mixed Precision Training, ICLR 2018;
Kalamkar et al., arXiv:1905.12322). Sums, weights, their updates and the loss stay float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from ecgwas.study.represent import Precision

REDUCED_PRECISION_DEVICES = ("cuda",)
"""Types of devices that multiply shorter numbers faster."""


@contextmanager
def matmul_precision(precision: Precision, device: torch.device) -> Iterator[None]:
    """Context in which products and convolutions of float32 use TF32, or full precision for `float32`.

    The settings are restored afterwards (PyTorch's default is TF32 for convolutions alone).
    """
    if device.type not in REDUCED_PRECISION_DEVICES:
        yield
        return
    libraries: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [library.allow_tf32 for library in libraries]
    try:
        for library in libraries:
            library.allow_tf32 = precision != "float32"
        yield
    finally:
        for library, value in zip(libraries, before, strict=True):
            library.allow_tf32 = value


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Context for a forward pass and its loss: bfloat16 where torch.autocast allows it, if `precision` asks for it."""
    if precision != "bfloat16" or device.type not in REDUCED_PRECISION_DEVICES:
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)
