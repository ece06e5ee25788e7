"""All tests of a block on a graphics processor: packed bytes go there; a few sums and the tests that matter return.

The algebra is least_squares.left_out's, as in missing_calls.py: people without a call are gathered, variants with
about as many of them together, the small matrices in float64 and the part with all traits in float32. What is written is
computed again in float64 on the processor, so that its bits do not depend on the GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ecgwas.genotypes.packed import NO_CALL, Block
from ecgwas.genotypes.readers import unpacked
from ecgwas.scan.engine.cuda_kernel import TorchKernel, looked_up
from ecgwas.scan.engine.missing_calls import SMALLEST_ROOT
from ecgwas.scan.engine.screening import BINS, BINS_PER_UNIT, SMALLEST, Screened
from ecgwas.statistics.least_squares import Design

GATHERED_BYTES = 2**28
"""Rows of traits that a thread gathers at once."""

ABSENT_OF_BYTE = unpacked(np.arange(256, dtype=np.uint8)[:, None], 4) == NO_CALL
"""(256, 4) bool: who of the four people of a byte has no call."""


@dataclass(frozen=True)
class Held:
    """Of a block of V variants: cross_product (V, C) and trait_ss (V, K) or None, as in Screened, on the device; here (V,)
    float64, what the basis explains of the people called, and what the covariates explain where no call counts 0."""

    cross_product: torch.Tensor
    trait_ss: torch.Tensor | None
    projected_ss: NDArray[np.float64]
    of_covariates: NDArray[np.float64]
    traits: int

    def covariate_projection(self, some: NDArray[np.int64]) -> NDArray[np.float64]:
        """plink2_checks.CovariateProjection: few are asked for, so that the others stay where they are."""
        rows = self.cross_product[torch.from_numpy(some).to(self.cross_product.device), self.traits :]
        return np.asarray(rows.to(torch.float64).cpu().numpy())


class DeviceTests:
    """Of one group of traits; threads may share it."""

    def __init__(self, design: Design, kernel: TorchKernel) -> None:
        """kernel: of the traits and, beside them, the basis without its first column."""
        self.kernel, self.where = kernel, kernel.where
        self.traits = design.traits.shape[1]
        self.intercept = float(design.basis[0, 0])
        self.nobody = len(design.basis)
        self.basis = _with_nobody(design.basis, torch.float64, self.where)
        self.values = _with_nobody(design.traits, torch.float32, self.where)
        self.absent = torch.from_numpy(ABSENT_OF_BYTE.astype(np.uint8)).to(self.where)
        # torch loads the library of these when it is first asked, and fails if two threads are the first.
        torch.linalg.cholesky_ex(torch.eye(2, dtype=torch.float64, device=self.where)[None])

    def sums(self, block: Block) -> Held:
        """What the tests of a block are made of, missing calls put right."""
        with self.kernel.working():
            packed = self.kernel.sent(block)
            cross_product = self.kernel.multiplied(packed)
            projection = torch.empty((len(block), self.basis.shape[1]), dtype=torch.float64, device=self.where)
            projection[:, 0] = self._there(block.minor * self.intercept)
            projection[:, 1:] = cross_product[:, self.traits :]
            of_covariates = projection[:, 1:].square().sum(dim=1)
            projected_ss = of_covariates + projection[:, 0].square()
            trait_ss = None
            if block.missing.any():
                trait_ss = torch.ones((len(block), self.traits), dtype=torch.float32, device=self.where)
                for some in self._alike(block.missing):
                    self._adjust(
                        packed, block.missing[some], self._there(some), projection, projected_ss, cross_product, trait_ss
                    )
            both = torch.stack([projected_ss, of_covariates]).cpu().numpy()
            return Held(cross_product, trait_ss, both[0], both[1], self.traits)

    def candidates(self, screened: Screened, min_t2: NDArray[np.float64], counts: torch.Tensor) -> NDArray[np.int32]:
        """As screening.candidates; counts (K BINS + 1,) int32 on the device, the last for tests not computed."""
        with self.kernel.working():
            genotype_ss, df, limits = (
                self._there(each.astype(np.float32))[:, None] for each in (screened.genotype_ss, screened.df, min_t2)
            )
            testable = self._there(screened.testable)[:, None]
            square = screened.cross_product[:, : self.traits].square()
            rest = (genotype_ss if screened.trait_ss is None else screened.trait_ss * genotype_ss) - square
            values = square / torch.maximum(rest, genotype_ss * float(SMALLEST)) * df
            bins = (values * BINS_PER_UNIT).clamp_(max=BINS - 1).to(torch.int64)
            bins += torch.arange(self.traits, device=self.where) * BINS
            bins = torch.where(testable, bins, self.traits * BINS).flatten()
            counts.scatter_add_(0, bins, torch.ones(1, dtype=torch.int32, device=self.where).expand(len(bins)))
            found = ((values >= limits) & testable).nonzero().to(torch.int32)
            return np.ascontiguousarray(found.cpu().numpy())  # torch lists them column by column

    def histograms(self) -> torch.Tensor:
        """Counts for `candidates` to add to."""
        with self.kernel.working():
            return torch.zeros(self.traits * BINS + 1, dtype=torch.int32, device=self.where)

    def counted(self, counts: torch.Tensor) -> NDArray[np.int32]:
        """(K, BINS) of them."""
        return np.asarray(counts[:-1].view(self.traits, BINS).cpu().numpy())

    def _there(self, array: NDArray[np.generic]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.where)

    def _alike(self, missing: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Variants that miss about as many calls, as many of them as there is room for."""
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
        self, packed: torch.Tensor, missing: NDArray[np.int64], some: torch.Tensor,
        projection: torch.Tensor, projected_ss: torch.Tensor, cross_product: torch.Tensor, trait_ss: torch.Tensor,
    ) -> None:  # fmt: skip
        """The variants `some` (G,), in place."""
        at = self._lacking(looked_up(packed[some], self.absent), missing)
        basis, values, own = self.basis[at], self.values[at], projection[some]
        rank = basis.shape[2]
        whole = torch.eye(rank, dtype=torch.float64, device=self.where)
        root, failed = torch.linalg.cholesky_ex(whole - basis.mT @ basis)
        lost = (failed > 0) | ~(root.diagonal(dim1=1, dim2=2).amin(dim=1) > SMALLEST_ROOT)
        root = torch.linalg.solve_triangular(torch.where(lost[:, None, None], whole, root), whole, upper=False)
        genotype = root @ own[:, :, None]
        traits = root.to(torch.float32) @ (basis.to(torch.float32).mT @ values)
        gained = genotype.square().sum(dim=(1, 2)) - own.square().sum(dim=1)
        projected_ss[some] += torch.where(lost, torch.inf, gained)
        cross_product[some, : self.traits] += (genotype.to(torch.float32).mT @ traits)[:, 0]
        trait_ss[some] -= values.square().sum(dim=1) + traits.square().sum(dim=1)

    def _lacking(self, absent: torch.Tensor, missing: NDArray[np.int64]) -> torch.Tensor:
        """(G, most) int64: the people without a call, filled up with nobody."""
        rows, people = absent.nonzero(as_tuple=True)
        starts = self._there(np.cumsum(missing) - missing)
        found = torch.full((len(missing), int(missing.max())), self.nobody, dtype=torch.int64, device=self.where)
        found[rows, torch.arange(len(rows), device=self.where) - starts[rows]] = people
        return found


def _with_nobody(array: NDArray[np.float64], kind: torch.dtype, where: torch.device) -> torch.Tensor:
    """(N + 1, C): a row of zeros joins."""
    return torch.from_numpy(np.vstack([array, np.zeros((1, array.shape[1]))])).to(where, kind)
