"""The product on a graphics processor, by torch: exact copies times columns split in three bfloat16 parts.

Copies of an allele (0, 1, 2) are exact in bfloat16. A float32 column is the sum of three bfloat16 columns, eight bits each,
so three products on tensor cores, added up in float32, are as good as one in float32 (Henry, Tang and Heinecke 2019, ARITH
26). Packed bytes cross the bus, sixteen times fewer than float32 copies, from pinned memory; every thread of the scan has a
stream and buffers of its own, so that one thread's transfer goes on while another's product is computed. Without a GPU torch
computes the same on the processor, slowly: for tests.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ecgwas.associate.calls.codes import NO_CALL, Block
from ecgwas.associate.calls.dosages import AnyBlock

PARTS = 3
"""Of a float32 number's 24 bits, eight each."""


def device() -> torch.device:
    """The GPU if there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def split(columns: torch.Tensor) -> list[torch.Tensor]:
    """Three bfloat16 tensors whose sum is the float32 `columns`, but for the last bits of numbers near the smallest."""
    parts, rest = [], columns
    for _ in range(PARTS):
        part = rest.to(torch.bfloat16)
        parts.append(part)
        rest = rest - part.to(torch.float32)
    return parts


class TorchKernel:
    """See the module; columns (N, C) float32."""

    name = "torch"

    def __init__(self, columns: NDArray[np.float32], where: torch.device | None = None) -> None:
        self.where = device() if where is None else where
        self.people = len(columns)
        self.columns = torch.from_numpy(np.ascontiguousarray(columns)).to(self.where)
        self.parts = split(self.columns)
        self.shifts = torch.tensor([0, 2, 4, 6], dtype=torch.uint8, device=self.where)
        self._local = threading.local()

    def products(self, block: AnyBlock) -> NDArray[np.float32]:
        """(V, C) float32."""
        if self.where.type == "cpu":
            return np.asarray(self._multiplied(block, torch.from_numpy(_sent(block))).numpy())
        with torch.cuda.stream(self._stream()):
            source = self._pinned("source", _sent(block))
            found = self._multiplied(block, source.to(self.where, non_blocking=True))
            target = self._room("target", tuple(found.shape), torch.float32)
            target.copy_(found, non_blocking=True)
            torch.cuda.current_stream().synchronize()
        # The buffer is this thread's next result, too.
        return np.asarray(target.numpy().copy())

    def _multiplied(self, block: AnyBlock, sent: torch.Tensor) -> torch.Tensor:
        if not isinstance(block, Block):
            return sent @ self.columns  # dosages are no bfloat16 numbers
        copies = self._copies(sent)
        products = [_float32_product(copies, part) for part in self.parts]
        return products[2] + products[1] + products[0]  # smallest first

    def _copies(self, packed: torch.Tensor) -> torch.Tensor:
        """(V, N) bfloat16 copies of the minor allele from packed bytes (V, W); no call 0."""
        codes = (packed.unsqueeze(2) >> self.shifts) & 3  # (V, W, 4)
        codes = codes.flatten(1)[:, : self.people]
        return torch.where(codes == NO_CALL, 0, codes).to(torch.bfloat16)

    def _stream(self) -> Any:
        if not hasattr(self._local, "stream"):
            self._local.stream = torch.cuda.Stream(self.where)  # type: ignore[no-untyped-call]
            self._local.rooms = {}
            # What was made by the thread that made the kernel must have arrived.
            torch.cuda.synchronize(self.where)
        return self._local.stream

    def _pinned(self, name: str, array: NDArray[Any]) -> torch.Tensor:
        given = torch.from_numpy(array)
        room = self._room(name, tuple(given.shape), given.dtype)
        room.copy_(given)
        return room

    def _room(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Pinned memory of this thread, kept for the next block."""
        count = int(np.prod(shape))
        kept = self._local.rooms.get((name, dtype))
        if kept is None or len(kept) < count:
            kept = self._local.rooms[name, dtype] = torch.empty(count, dtype=dtype, pin_memory=True)
        room: torch.Tensor = kept[:count].view(shape)
        return room


def _sent(block: AnyBlock) -> NDArray[Any]:
    """What crosses the bus: packed bytes, or dosages in float32."""
    return np.ascontiguousarray(block.packed if isinstance(block, Block) else block.copies)


def _float32_product(copies: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """bfloat16 times bfloat16, added up and given in float32."""
    if copies.device.type == "cuda":
        try:
            return torch.mm(copies, part, out_dtype=torch.float32)
        except TypeError:
            pass  # torch before 2.8 rounds the result to bfloat16; its float32 product is exact as well
    return copies.to(torch.float32) @ part.to(torch.float32)
