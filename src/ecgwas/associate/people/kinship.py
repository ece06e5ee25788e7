"""Who is related to whom: KING-robust kinship of all pairs, which knows no allele frequencies and so no ancestry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.associate.calls.codes import NO_CALL

ROWS = 512
"""People whose pairs are computed at once."""
BYTES = 2**28
"""Variants are taken in steps that take up this much as float32."""
BINS = np.linspace(-1.0, 0.5, 3001)
"""Histogram of all pairs, 0.0005 wide: the spread of unrelated pairs is read from it."""


@dataclass(frozen=True)
class Related:
    """Pairs whose kinship is beyond `limit`.

    first, second  (M,) int64, people;  kinship (M,) float64
    limit          the larger of what was asked for and of what chance reaches in one of the pairs
    spread         SD of kinship among unrelated pairs (from quartiles), by the number of variants alone
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    kinship: NDArray[np.float64]
    limit: float
    spread: float


def king(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N, N) float64 KING-robust kinship from (V, N) copies, 3 no call; NaN on the diagonal.

    (N_AaAa - 2 N_AAaa) / 2 m + 1/2 - (N_Aa(i) + N_Aa(j)) / 4 m, m the smaller of both people's heterozygous calls, counted
    where both are called (Manichaikul et al. 2010, Bioinformatics 26:2867, equation 11; as PLINK 2's --make-king).
    """
    return np.concatenate([rows for _, rows in _rows(codes)])


def _rows(codes: NDArray[np.uint8]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    people = codes.shape[1]
    for start in range(0, people, ROWS):
        both, opposite, own, other = _counts(codes, start, min(start + ROWS, people))
        smaller = np.minimum(own, other).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = (both - 2 * opposite) / (2 * smaller) + 0.5 - (own + other) / (4 * smaller)
        found[np.arange(len(found)), np.arange(start, start + len(found))] = np.nan
        yield start, np.asarray(found, dtype=np.float64)


def _counts(codes: NDArray[np.uint8], start: int, stop: int) -> tuple[NDArray[np.float32], ...]:
    """Each (stop - start, N) float32, whole numbers, of people start to stop with everyone: variants at which both are
    heterozygous, are opposite homozygotes, and at which one is heterozygous while the other is called (both ways).

    Some variants at a time: as float32 all of them would not fit for a biobank. The sums are exact whatever the step.
    """
    people = codes.shape[1]
    both, opposite, own, other = (np.zeros((stop - start, people), dtype=np.float32) for _ in range(4))
    step = max(1, BYTES // (16 * people))
    for first in range(0, len(codes), step):
        some = codes[first : first + step]
        one, two, none, called = (part.astype(np.float32) for part in (some == 1, some == 2, some == 0, some != NO_CALL))
        here = slice(start, stop)
        both += one[:, here].T @ one
        opposite += none[:, here].T @ two + two[:, here].T @ none
        own += one[:, here].T @ called
        other += called[:, here].T @ one
    return both, opposite, own, other


def related(codes: NDArray[np.uint8], limit: float) -> Related:
    """Pairs of people, kinship above `limit` and above what chance reaches once among all unrelated pairs.

    With few independent variants the estimate is noisy: 22 regions of 1 Mb give it an SD of 0.03, and 0.0884 is then reached
    by unrelated people. The spread is taken from the quartiles of all pairs, the reach from the normal distribution.
    """
    counts = np.zeros(len(BINS) - 1, dtype=np.int64)
    pairs: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    for start, rows in _rows(codes):
        first, second = np.nonzero(rows > limit)
        later = second > first + start
        pairs.append((first[later] + start, second[later], rows[first[later], second[later]]))
        values = rows[np.isfinite(rows)]
        counts += np.histogram(np.clip(values, BINS[0], BINS[-1]), BINS)[0]
    middle, spread = _of_unrelated(counts)
    people = codes.shape[1]
    reach = middle + spread * float(stats.norm.isf(0.05 / max(people * (people - 1) / 2, 1)))
    first, second, kinship = (np.concatenate(part) for part in zip(*pairs, strict=True))
    beyond = kinship > reach
    return Related(first[beyond], second[beyond], kinship[beyond], max(limit, reach), spread)


def _of_unrelated(counts: NDArray[np.int64]) -> tuple[float, float]:
    """Median and SD (from quartiles) of a histogram over BINS; related pairs are few and hardly move them."""
    shares = np.cumsum(counts) / max(counts.sum(), 1)
    low, middle, high = (float(BINS[1:][np.searchsorted(shares, share)]) for share in (0.25, 0.5, 0.75))
    return middle, (high - low) / (2 * float(stats.norm.ppf(0.75)))


def left_out(found: Related, called: NDArray[np.int64]) -> dict[int, int]:
    """Who must go so that no pair remains: person -> a relative who stays. Those with most relatives go first.

    Ties: fewer calls go first, then the later person.
    """
    remaining = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    gone: dict[int, int] = {}
    while remaining:
        degree = Counter(person for pair in remaining for person in pair)
        worst = max(degree, key=lambda person: (degree[person], -called[person], person))
        partner = min(other for pair in remaining if worst in pair for other in pair if other != worst)
        gone[worst] = partner
        remaining = {pair for pair in remaining if worst not in pair}
    return gone
