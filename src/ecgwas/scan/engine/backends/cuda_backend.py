"""All tests of a block on a GPU: packed bytes are sent there; a few sums and the candidates come back.

The algebra is least_squares.left_out's, as in missing_calls.py: people without a call are gathered, for
variants with similar numbers of them together; small matrices are in float64 and the part with all traits in float32. Results
that are written are refitted in float64 on the CPU, so that their bits do not depend on the GPU.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.genotypes.packed import NO_CALL
from ecgwas.genotypes.readers import unpack
from ecgwas.native.constants import SMALLEST_ROOT
from ecgwas.scan.engine.cuda_kernel import TorchKernel, looked_up
from ecgwas.scan.engine.screening import BINS, BINS_PER_UNIT, MIN_UNEXPLAINED, Backend, BlockSums, Screened
from ecgwas.statistics.least_squares import Design

GATHERED_BYTES = 2**28
"""Size of the traits' rows that a thread gathers at a time."""

ABSENT_OF_BYTE = unpack(np.arange(256, dtype=np.uint8)[:, None], 4) == NO_CALL
"""(256, 4) bool: which of the four people of a byte have no call."""


class DeviceSums(BlockSums):
    """BlockSums on a device."""

    def covariate_projection(self, variants: NDArray[np.int64]) -> NDArray[np.float64]:
        """See BlockSums; few rows are needed, so the others stay on the device."""
        rows = self.projection[torch.from_numpy(variants).to(self.projection.device)]
        return np.asarray(rows.to(torch.float64).cpu().numpy())


class CudaBackend:
    """Tests of hard calls with the traits of one group; missing calls are excluded exactly."""

    def __init__(self, design: Design, kernel: TorchKernel, host: Backend) -> None:
        """kernel: for columns of the traits, followed by the basis without its first column; host: refits the candidates."""
        self.kernel, self.where, self.host = kernel, kernel.where, host
        self.traits = design.traits.shape[1]
        self.intercept = float(design.basis[0, 0])
        self.nobody = len(design.basis)
        self.basis = _with_nobody(design.basis, torch.float64, self.where)
        self.values = _with_nobody(design.traits, torch.float32, self.where)
        self.absent = torch.from_numpy(ABSENT_OF_BYTE.astype(np.uint8)).to(self.where)
        # torch loads this library on first use, and fails if two threads are first.
        torch.linalg.cholesky_ex(torch.eye(2, dtype=torch.float64, device=self.where)[None])

    def sums(self, block: GenotypeBlock) -> DeviceSums:
        """See Backend; the cross-products stay on the device."""
        with self.kernel.working():
            packed = self.kernel.sent(block)
            cross_product = self.kernel.multiplied(packed)
            projection = torch.empty((len(block), self.basis.shape[1]), dtype=torch.float64, device=self.where)
            projection[:, 0] = self._on_device(block.minor_alleles * self.intercept)
            projection[:, 1:] = cross_product[:, self.traits :]
            covariate_ss = projection[:, 1:].square().sum(dim=1)
            projected_ss = covariate_ss + projection[:, 0].square()
            trait_ss = None
            if block.missing_calls.any():
                trait_ss = torch.ones((len(block), self.traits), dtype=torch.float32, device=self.where)
                for variants in self._by_missing_count(block.missing_calls):
                    sums = projection, projected_ss, cross_product, trait_ss
                    self._adjust(packed, block.missing_calls[variants], self._on_device(variants), *sums)
            both = torch.stack([projected_ss, covariate_ss]).cpu().numpy()
            genotype_ss = block.raw_ss.astype(np.float64) - both[0]
            return DeviceSums(cross_product, trait_ss, genotype_ss, both[1], cross_product[:, self.traits :])

    def test(
        self, block: GenotypeBlock, screened: Screened, min_t2: NDArray[np.float64], t2_histogram: torch.Tensor
    ) -> NDArray[np.int32]:
        """See Backend; t2_histogram (K BINS + 1,) int32 on the device, the last for tests not computed."""
        with self.kernel.working():
            genotype_ss, df, limits = (
                self._on_device(each.astype(np.float32))[:, None] for each in (screened.genotype_ss, screened.df, min_t2)
            )
            testable = self._on_device(screened.testable)[:, None]
            square = screened.cross_product[:, : self.traits].square()
            residual_ss = (genotype_ss if screened.trait_ss is None else screened.trait_ss * genotype_ss) - square
            values = square / torch.maximum(residual_ss, genotype_ss * float(MIN_UNEXPLAINED)) * df
            bins = (values * BINS_PER_UNIT).clamp_(max=BINS - 1).to(torch.int64)
            bins += torch.arange(self.traits, device=self.where) * BINS
            bins = torch.where(testable, bins, self.traits * BINS).flatten()
            ones = torch.ones(1, dtype=torch.int32, device=self.where).expand(len(bins))
            t2_histogram.scatter_add_(0, bins, ones)
            candidates = ((values >= limits) & testable).nonzero().to(torch.int32)
            return np.ascontiguousarray(candidates.cpu().numpy())  # torch lists them column by column

    def refit(self, block: GenotypeBlock, candidates: NDArray[np.int32]) -> NDArray[np.float64]:
        """See Backend; on the processor."""
        return self.host.refit(block, candidates)

    def histograms(self) -> torch.Tensor:
        """Histograms of zeros for `test` to add to."""
        with self.kernel.working():
            return torch.zeros(self.traits * BINS + 1, dtype=torch.int32, device=self.where)

    def to_host(self, histograms: torch.Tensor) -> NDArray[np.int32]:
        """(K, BINS), copied from the device."""
        return np.asarray(histograms[:-1].view(self.traits, BINS).cpu().numpy())

    def _on_device(self, array: NDArray[np.generic]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.where)

    def _by_missing_count(self, missing: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Variants with similar numbers of missing calls, in chunks of limited size."""
        order = np.argsort(missing, kind="stable")
        order = order[missing[order] > 0]
        each = 4 * self.traits + 8 * self.basis.shape[1]
        while len(order):
            wide = missing[order]
            room = np.arange(1, len(order) + 1) * (wide * each + self.kernel.people)
            together = int(((room <= GATHERED_BYTES) & (wide <= 1.25 * wide[0] + 8)).sum())
            yield order[: max(1, together)]
            order = order[max(1, together) :]

    def _adjust(
        self, packed: torch.Tensor, missing: NDArray[np.int64], variants: torch.Tensor,
        projection: torch.Tensor, projected_ss: torch.Tensor, cross_product: torch.Tensor, trait_ss: torch.Tensor,
    ) -> None:  # fmt: skip
        """Adjusts the sums of `variants` (G,) in place."""
        at = self._without_call(looked_up(packed[variants], self.absent), missing)
        basis, values, block_projection = self.basis[at], self.values[at], projection[variants]
        rank = basis.shape[2]
        identity = torch.eye(rank, dtype=torch.float64, device=self.where)
        root, failed = torch.linalg.cholesky_ex(identity - basis.mT @ basis)
        is_singular = (failed > 0) | ~(root.diagonal(dim1=1, dim2=2).amin(dim=1) > SMALLEST_ROOT)
        root = torch.linalg.solve_triangular(torch.where(is_singular[:, None, None], identity, root), identity, upper=False)
        genotype = root @ block_projection[:, :, None]
        traits = root.to(torch.float32) @ (basis.to(torch.float32).mT @ values)
        gained = genotype.square().sum(dim=(1, 2)) - block_projection.square().sum(dim=1)
        projected_ss[variants] += torch.where(is_singular, torch.inf, gained)
        cross_product[variants, : self.traits] += (genotype.to(torch.float32).mT @ traits)[:, 0]
        trait_ss[variants] -= values.square().sum(dim=1) + traits.square().sum(dim=1)

    def _without_call(self, absent: torch.Tensor, missing: NDArray[np.int64]) -> torch.Tensor:
        """(G, m) int64: people without a call, padded with the index of an empty row."""
        rows, people = absent.nonzero(as_tuple=True)
        starts = self._on_device(np.cumsum(missing) - missing)
        absent_index = torch.full((len(missing), int(missing.max())), self.nobody, dtype=torch.int64, device=self.where)
        absent_index[rows, torch.arange(len(rows), device=self.where) - starts[rows]] = people
        return absent_index


def _with_nobody(array: NDArray[np.float64], kind: torch.dtype, where: torch.device) -> torch.Tensor:
    """(N + 1, C): `array` and a row of zeros."""
    return torch.from_numpy(np.vstack([array, np.zeros((1, array.shape[1]))])).to(where, kind)
