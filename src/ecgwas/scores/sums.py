"""Scores of participants: sums over variants of what their copies contribute, read chromosome by chromosome.

    s = sum over variants of c0 + (c1 - c0) min(g, 1) + (c2 - c1) max(g - 1, 0)        g copies of the effect allele

which for additive lines is weight times g. A missing genotype counts as the mean of those called among the participants, that
is 2 times the frequency for additive lines, as in PLINK 2's --score. On X men count 0 or 2 copies, as in the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.genotypes import chromosomes, variant_lookup
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.progress import silent
from ecgwas.scores import matching
from ecgwas.scores.matching import Matched, Palindromes
from ecgwas.scores.scoring_file import ScoringFile
from ecgwas.scores.weights import CONTRIBUTIONS
from ecgwas.study.scan import Scan

DOSAGES_AT_ONCE = 2**22
"""Dosages in memory together, 32 MiB."""
NOT_SCORED = ("Y", "MT")
"""Chromosomes of one copy, whose variants count as absent."""


def scored_chromosomes(options: Scan) -> tuple[str, ...]:
    """Chromosomes of the genotypes that scores use, whatever scan.chromosomes names."""
    return tuple(name for name in chromosomes.available(variant_lookup.everything(options)) if name not in NOT_SCORED)


def opened(options: Scan, chrom: str) -> Genotypes:
    """All variants of one chromosome, whatever scan.variants names."""
    return chromosomes.open_chromosome(variant_lookup.everything(options), chrom)


def matched(
    options: Scan, scorings: Sequence[ScoringFile], eids: Sequence[str], *, palindromes: Palindromes,
    track: Callable[..., Any] = silent,
) -> tuple[Matched, ...]:  # fmt: skip
    """Each scoring file with the variants of the genotypes that its lines mean. eids: participants, for frequencies."""
    names = scored_chromosomes(options)
    tables = [
        matching.candidates(variant_table(opened(options, name)), scorings) for name in track(names, "variants", len(names))
    ]
    if not tables:
        fix = "scores need variants of the chromosomes 1 to 22 or X"
        raise InputError("the genotypes have none of the chromosomes that are scored", where=options.genotypes, fix=fix)
    candidates = pl.concat(tables)

    def frequencies(rows: pl.DataFrame) -> NDArray[np.float64]:
        return frequencies_of(options, rows, eids)

    return tuple(matching.match(one, candidates, palindromes=palindromes, frequencies=frequencies) for one in scorings)


def variant_table(genotypes: Genotypes) -> pl.DataFrame:
    """matching.VARIANT_COLUMNS of one chromosome; place: index among its variants."""
    return pl.DataFrame({
        "chrom": [genotypes.chrom] * len(genotypes), "place": np.arange(len(genotypes)), "pos": genotypes.positions,
        "variant": genotypes.variants, "effect_allele": genotypes.effect_alleles, "other_allele": genotypes.other_alleles,
    }, schema={"chrom": pl.String, "place": pl.Int64, "pos": pl.Int64, "variant": pl.String, "effect_allele": pl.String,
               "other_allele": pl.String})  # fmt: skip


def frequencies_of(options: Scan, rows: pl.DataFrame, eids: Sequence[str]) -> NDArray[np.float64]:
    """(V,) frequencies of the effect alleles of variants (chrom, place) among participants; NaN where nobody has a call."""
    result = np.full(rows.height, np.nan)
    for chrom in rows["chrom"].unique(maintain_order=True):
        here = np.flatnonzero((rows["chrom"] == chrom).to_numpy())
        places, inverse = np.unique(rows["place"].to_numpy()[here], return_inverse=True)
        means = [_mean(copies) for _, copies in _blocks(opened(options, chrom), places, eids)]
        result[here] = np.concatenate(means)[inverse] / 2
    return result


def _mean(copies: NDArray[np.float64]) -> NDArray[np.float64]:
    """(V,) mean over participants with a call; NaN where there is none."""
    called = np.isfinite(copies)
    count = called.sum(axis=1)
    total = np.where(called, copies, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(len(copies), np.nan), where=count > 0))


def _blocks(
    genotypes: Genotypes, places: NDArray[np.int64], eids: Sequence[str]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:  # fmt: skip
    """Spans of `places`, in increasing order, and copies of the effect allele (V, N), missing NaN."""
    chosen, index = genotypes.select(places), genotypes.sample_index(eids)
    step = max(1, DOSAGES_AT_ONCE // max(1, len(genotypes.eids)))
    for start in range(0, len(places), step):
        span = slice(start, min(start + step, len(places)))
        yield span, chosen.dosages(span.start, span.stop)[:, index]


def scores(
    options: Scan, each: Sequence[Matched], eids: Sequence[str], track: Callable[..., Any] = silent
) -> NDArray[np.float64]:  # fmt: skip
    """(N, S) float64 scores of the participants `eids`, in the units of the weights.

    Raises InputError for a score without variants.
    """
    empty = [one.name for one in each if one.used.height == 0]
    if empty:
        problem = f"no variant of the score {empty[0]} is in the genotypes"
        fix = (
            f"the genotypes are taken as scan.build ({options.build}): is that so? Else take the file harmonised to that build"
        )
        raise InputError(problem, where=options.genotypes, fix=fix)
    total = np.zeros((len(eids), len(each)))
    used = [one.used.select("chrom", "place", *CONTRIBUTIONS) for one in each]
    chroms = list(dict.fromkeys(name for one in used for name in one["chrom"].unique()))
    names = [name for name in scored_chromosomes(options) if name in chroms]
    for chrom in track(names, "scores", len(names)):
        here = [one.filter(pl.col("chrom") == chrom) for one in used]
        places = np.unique(np.concatenate([one["place"].to_numpy() for one in here]))
        total += _of_chromosome(opened(options, chrom), places, here, eids)
    return total


def _of_chromosome(
    genotypes: Genotypes, places: NDArray[np.int64], lines: Sequence[pl.DataFrame], eids: Sequence[str]
) -> NDArray[np.float64]:  # fmt: skip
    """(N, S) the chromosome's part of the scores; places (V,): all variants of the lines."""
    weights = np.zeros((3, len(places), len(lines)))
    for s, one in enumerate(lines):
        weights[:, np.searchsorted(places, one["place"].to_numpy()), s] = one.select(CONTRIBUTIONS).to_numpy().T
    zero, first, second = weights[0], weights[1] - weights[0], weights[2] - weights[1]
    bent = np.flatnonzero((second != first).any(axis=1))
    total = np.zeros((len(eids), len(lines)))
    for span, copies in _blocks(genotypes, places, eids):
        total += _filled(copies).T @ first[span] + zero[span].sum(axis=0)
        inside = bent[(bent >= span.start) & (bent < span.stop)]
        if len(inside):
            above = _filled(np.maximum(copies[inside - span.start] - 1.0, 0.0))
            total += above.T @ (second - first)[inside]
    return total


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(V, N) with each variant's mean for missing values; 0 where nobody has a call."""
    mean = np.nan_to_num(_mean(values))
    return np.where(np.isfinite(values), values, mean[:, None])
