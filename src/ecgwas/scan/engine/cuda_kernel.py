"""The product on a GPU, by torch: exact allele copies times columns that are split into three bfloat16 parts.

Copies of an allele (0, 1, 2) are exact in bfloat16. A float32 column is the sum of three bfloat16 columns, eight bits each,
so three products on tensor cores, added in float32, are as precise as one in float32 (Henry, Tang and Heinecke 2019, ARITH
26). Genotypes are transferred packed, from pinned memory, in a sixteenth of the bytes of float32 copies. Every thread of the
scan has its own stream and buffers, so that one thread's transfer overlaps with another's product. Without a GPU, torch
computes the same on the CPU, slowly, which serves tests.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.genotypes.packed import COPIES_OF_BYTE, SAMPLES_PER_WORD

PARTS = 3
"""Parts of a float32 number, of eight of its 24 bits each."""

ALIGNED = 8
"""Columns of bfloat16 in 16 bytes, the alignment of rows that tensor cores require."""

DECODED_BYTES = 2**28
"""Size of the copies that a thread decodes on the device at a time."""


def device() -> torch.device:
    """The GPU if there is one, otherwise the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def split(columns: torch.Tensor) -> list[torch.Tensor]:
    """Three bfloat16 tensors whose sum is the float32 `columns`, except for the last bits of the smallest numbers."""
    parts, remainder = [], columns
    for _ in range(PARTS):
        part = remainder.to(torch.bfloat16)
        parts.append(part)
        remainder = remainder - part.to(torch.float32)
    return parts


def looked_up(packed: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """(V, 4 W): the entries of `table` (256, 4) for the four samples in each byte of packed (V, W)."""
    return functional.embedding(packed.to(torch.int32), table).flatten(1)


def pinned(shape: tuple[int, ...], dtype: type) -> NDArray[Any]:
    """An uninitialised array in pinned memory, which a GPU reads directly; without a GPU an ordinary array."""
    kind = torch.from_numpy(np.empty(0, dtype=dtype)).dtype
    return np.asarray(torch.empty(shape, dtype=kind, pin_memory=torch.cuda.is_available()).numpy())


class TorchKernel:
    """See the module's docstring; columns (N, C) float32."""

    name = "torch"

    def __init__(self, columns: NDArray[np.float32], where: torch.device | None = None) -> None:
        self.where = device() if where is None else where
        self.people, self.count = columns.shape
        self.columns = torch.from_numpy(np.ascontiguousarray(columns)).to(self.where)
        # Padded to the length of packed rows and to a width that suits tensor cores, with the parts side by side.
        padded = functional.pad(self.columns, (0, -self.count % ALIGNED, 0, -self.people % SAMPLES_PER_WORD))
        self.parts = torch.hstack(split(padded))
        self.copies = torch.from_numpy(COPIES_OF_BYTE).to(self.where, torch.bfloat16)
        self._local = threading.local()

    def products(self, block: GenotypeBlock) -> NDArray[np.float32]:
        """(V, C) float32."""
        with self.working():
            products = self.multiplied(self.sent(block))
            if self.where.type == "cpu":
                return np.asarray(products.numpy())
            target = self._buffer("target", tuple(products.shape), torch.float32)
            target.copy_(products, non_blocking=True)
            torch.cuda.current_stream().synchronize()
        # Copied, since the buffer is reused for this thread's next result.
        return np.asarray(target.numpy().copy())

    @contextmanager
    def working(self) -> Iterator[None]:
        """Runs torch on this thread's stream."""
        if self.where.type == "cpu":
            yield
            return
        if not hasattr(self._local, "stream"):
            self._local.stream = torch.cuda.Stream(self.where)  # type: ignore[no-untyped-call]
            self._local.buffers = {}
            # Wait for the tensors of the thread that made the kernel.
            torch.cuda.synchronize(self.where)
        with torch.cuda.stream(self._local.stream):
            yield

    def sent(self, block: GenotypeBlock) -> torch.Tensor:
        """Packed bytes (V, W) or dosages (V, N) float32, on the device. The stream must have finished the last block."""
        stored = torch.from_numpy(np.ascontiguousarray(block.stored))
        if self.where.type == "cpu":
            return stored
        if stored.is_pinned():
            return stored.to(self.where, non_blocking=True)
        buffer = self._buffer("source", tuple(stored.shape), stored.dtype)
        buffer.copy_(stored)
        return buffer.to(self.where, non_blocking=True)

    def multiplied(self, sent: torch.Tensor) -> torch.Tensor:
        """(V, C) float32 on the device, from the result of `sent`."""
        if sent.dtype != torch.uint8:
            return sent @ self.columns  # dosages are not exact in bfloat16
        products = torch.empty((len(sent), self.count), dtype=torch.float32, device=self.where)
        step = max(1, DECODED_BYTES // (2 * len(self.parts)))
        for start in range(0, len(sent), step):
            high, middle, low = _float32_product(looked_up(sent[start : start + step], self.copies), self.parts).chunk(3, dim=1)
            products[start : start + step] = (low + middle + high)[:, : self.count]  # smallest first
        return products

    def _buffer(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """This thread's pinned buffer, reused for the next block."""
        count = int(np.prod(shape))
        kept = self._local.buffers.get((name, dtype))
        if kept is None or len(kept) < count:
            kept = self._local.buffers[name, dtype] = torch.empty(count, dtype=dtype, pin_memory=True)
        buffer: torch.Tensor = kept[:count].view(shape)
        return buffer


def _float32_product(copies: torch.Tensor, parts: torch.Tensor) -> torch.Tensor:
    """Product of bfloat16 matrices, summed and returned in float32."""
    if copies.device.type == "cuda":
        try:
            return torch.mm(copies, parts, out_dtype=torch.float32)
        except TypeError:
            pass  # torch before 2.8 rounds the result to bfloat16; its float32 product is exact as well
    return copies.to(torch.float32) @ parts.to(torch.float32)
