"""With how many digits a GPU multiplies while a network is trained; the CPU always has those of float32.

TF32 keeps float32's range with 10 bits of fraction, bfloat16 with 7 (Micikevicius et al., Mixed Precision Training, ICLR 2018;
Kalamkar et al., arXiv:1905.12322): sums, weights, their updates and the loss stay float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from ecgwas.study.represent import Precision

SHORTER = ("cuda",)
"""Sorts of devices that multiply shorter numbers faster."""


@contextmanager
def products(precision: Precision, where: torch.device) -> Iterator[None]:
    """Products and convolutions of float32 as TF32, or for `float32` never so; afterwards as it was (PyTorch's default is TF32
    for convolutions alone)."""
    if where.type not in SHORTER:
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


def forwards(precision: Precision, where: torch.device) -> AbstractContextManager[object]:
    """A pass through a network and its loss: in bfloat16 what bears it (torch.autocast), where that is wanted."""
    if precision != "bfloat16" or where.type not in SHORTER:
        return nullcontext()
    return torch.autocast(where.type, torch.bfloat16)
