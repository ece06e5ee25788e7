"""The sparse relationship of a cohort of families: 1 on the diagonal, twice the kinship of relatives, 0 between families.

A family is a connected component of the related pairs. Its block has the eigenvectors U_f and eigenvalues s; everybody else is
a block of 1. Kinships are estimated pair by pair, so that a block may have negative eigenvalues; these are set to 0, the
nearest positive semidefinite block (Higham 1988, Linear Algebra Appl 103:103).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

LEAST_RELATIONSHIP = 0.05
"""Smaller relationships count as 0, as in fastGWA (Jiang et al. 2019, Nat Genet 51:1749)."""
ROUNDING = 1e-9
"""Eigenvalues closer to 0 are 0 but for rounding."""


class FamilyTooLargeError(ValueError):
    """A family has more members than can be decomposed. size: how many."""

    def __init__(self, size: int) -> None:
        super().__init__(f"a family has {size} members")
        self.size = size


@dataclass(frozen=True)
class Families:
    """The families of N people.

    people    N;  members (J,) int64 ascending, people who have a relative
    vectors   (J, J) sparse float64, block diagonal: row i is members[i], column j the eigenvector of values[j]; meaningless
              without members
    values    (J,) float64, at least 0
    first, second, relationship  (P,) the pairs, indices among the people, and twice their kinship
    families  number of components;  largest: members of the largest
    negative  eigenvalues that were negative and are 0
    """

    people: int
    members: NDArray[np.int64]
    vectors: sparse.csc_array
    values: NDArray[np.float64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    relationship: NDArray[np.float64]
    families: int
    largest: int
    negative: int

    def turned(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """(J, C) of the members' rows (J, C): their coordinates."""
        return np.asarray(self.vectors.T @ columns) if len(self.members) else columns

    def back(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """(J, C) rows of members, from their coordinates (J, C)."""
        return np.asarray(self.vectors @ coordinates) if len(self.members) else coordinates

    def matrix(self) -> NDArray[np.float64]:
        """(N, N) the whole relationship; for tests and small cohorts."""
        whole = np.eye(self.people)
        if len(self.members) == 0:
            return whole
        block = self.vectors @ sparse.diags_array(self.values) @ self.vectors.T
        whole[np.ix_(self.members, self.members)] = block.toarray()
        return whole

    def among(self, people: NDArray[np.int64]) -> Families:
        """The families that some of the people (n,), ascending, make up, as indices into `people`."""
        if len(people) == self.people:
            return self
        place = np.full(self.people, -1)
        place[people] = np.arange(len(people))
        first, second = place[self.first], place[self.second]
        both = (first >= 0) & (second >= 0)
        return families(len(people), first[both], second[both], self.relationship[both])


def families(
    people: int, first: NDArray[np.int64], second: NDArray[np.int64], relationship: NDArray[np.float64], *,
    max_members: int | None = None,
) -> Families:  # fmt: skip
    """The families of pairs (M,) of indices among N people; relationship (M,): twice their kinship.

    Pairs at or below LEAST_RELATIONSHIP do not count. Of a pair that is given twice the largest relationship counts. Raises
    FamilyTooLargeError if one has more than `max_members` members.
    """
    counts = (relationship > LEAST_RELATIONSHIP) & (first != second)
    low, high = np.minimum(first[counts], second[counts]), np.maximum(first[counts], second[counts])
    order = np.lexsort((-relationship[counts], high, low))
    low, high, value = low[order], high[order], relationship[counts][order]
    once = np.ones(len(low), dtype=bool)
    once[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    low, high, value = low[once], high[once], value[once]
    members = np.union1d(low, high)
    if len(members) == 0:
        none, no_index = np.empty(0), np.empty(0, dtype=np.int64)
        return Families(people, no_index, sparse.csc_array((1, 1)), none, no_index, no_index, none, 0, 0, 0)
    places = np.searchsorted(members, low), np.searchsorted(members, high)
    pairs = sparse.coo_array((value, places), shape=(len(members), len(members)))
    number, of_member = csgraph.connected_components(pairs, directed=False)
    sizes = np.bincount(of_member, minlength=number)
    largest = int(sizes.max(initial=0))
    if max_members is not None and largest > max_members:
        raise FamilyTooLargeError(largest)
    vectors, values = _decomposed(pairs, sizes, of_member)
    negative = int((values < -ROUNDING).sum())
    settled = np.maximum(values, 0.0)
    return Families(people, members, vectors, settled, low, high, value, number, largest, negative)


def _decomposed(
    pairs: sparse.coo_array, sizes: NDArray[np.int64], of_member: NDArray[np.int32]
) -> tuple[sparse.csc_array, NDArray[np.float64]]:
    """Eigenvectors (J, J) and values (J,) of every component, those of one size together.

    sizes (F,): members of each component; of_member (J,): the component of each.
    """
    order = np.argsort(of_member, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    place = np.empty(len(of_member), dtype=np.int64)
    place[order] = np.arange(len(of_member)) - starts[of_member[order]]
    values = np.empty(len(of_member))
    triplets: list[tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]] = []
    for size in np.unique(sizes):
        of_size = np.flatnonzero(sizes == size)
        index = np.full(len(sizes), -1)
        index[of_size] = np.arange(len(of_size))
        blocks = np.tile(np.eye(int(size)), (len(of_size), 1, 1))
        here = index[of_member[pairs.row]] >= 0
        one, other = pairs.row[here], pairs.col[here]
        block = index[of_member[one]]
        blocks[block, place[one], place[other]] = blocks[block, place[other], place[one]] = pairs.data[here]
        own, vectors = np.linalg.eigh(blocks)
        people = order[starts[of_size][:, None] + np.arange(size)]  # (F, size)
        values[people] = own
        triplets.append((vectors.ravel(), np.repeat(people, size, axis=1).ravel(), np.tile(people, (1, size)).ravel()))
    entries, rows, columns = (np.concatenate(each) for each in zip(*triplets, strict=True))
    return sparse.coo_array((entries, (rows, columns)), shape=(len(of_member),) * 2).tocsc(), values
