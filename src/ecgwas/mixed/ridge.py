"""Out-of-fold predictions of many traits from one chromosome, by stacked ridge regression, without temporary files.

After the equations of Mbatchou et al. 2021, Nat Genet 53:1097 (regenie). People are in J folds, -f are all but fold f, X_b are
standardised variants of one block without covariates, and Y are traits without covariates:

    level 0   W_bh,f = X_b,f (X_b,-f' X_b,-f + tau_h I)^-1 X_b,-f' Y_-f         tau_h = M (1 - h) / h    h in HERITABILITIES
    base      q_f    = sum over blocks of W_bh,f with h = BASE: the ridge prediction of traits of many small effects
    level 1   y ~ s q + W of all blocks and h of the chromosome: ridge without a penalty on s, coefficients for f from -f

with M the variants of all chromosomes. Level 1 finds blocks that matter more than others. Where it does not clearly reduce the
squared error out of fold, its L coefficients only add noise, about L / N of the variance, as much as many traits can be
predicted at all; then q is kept. That is decided for each trait (see `stacked`).

regenie's level 1 has the predictors of all chromosomes together, and leaves a chromosome's out afterwards, so that coefficients
and parameter still depend on them. Here each chromosome has its own level 1, and `loco.py` puts chromosomes together. A
chromosome's variants then have no influence at all on the prediction with which they are tested, level 1 costs a twentieth, and
only one chromosome is in memory.

X_b' X_b of each fold is computed once for all traits. Factors are Cholesky's, in float32: tau is at least M / 3, so that the
matrices are well conditioned. Predictors W exist for some people of one chromosome at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

HERITABILITIES = (0.05, 0.25, 0.75)
"""Heritabilities whose ridge parameters level 0 has. For independent variants, one would do."""
BASE = 1
"""Place among HERITABILITIES of that of the base."""
SHARES = (0.01, 0.1, 0.3, 0.6, 0.9)
"""Shares of variance explained by a chromosome's deviations from the base, whose ridge parameters level 1 tries."""
MIN_Z = 2.0
"""Standard errors by which level 1 must reduce the squared error of the base."""
FOLDS = 5
VARIANTS_PER_BLOCK = 1000
PEOPLE_AT_ONCE = 1024
"""People whose variants and predictors are in memory together, in each thread."""
TRAITS_AT_ONCE = 512
"""Traits that are predicted together; products of variants are computed again for each further batch."""
TINY = 1e-9
ALIGNED = 4
"""Folds and spans of people begin at multiples of this: genotypes are stored four to a byte."""

Array = NDArray[np.float32]
Mapped = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""As `map`; that of a pool of threads gives the same bits."""


class Variants(Protocol):
    """Blocks of variants of one chromosome."""

    def __len__(self) -> int:
        """Number of blocks."""

    def block(self, number: int, start: int, stop: int) -> Array:
        """(V, stop - start) genotypes of these people; of mean 0 and variance 1 over all people; missing calls 0."""


@dataclass(frozen=True)
class Cohort:
    """What is predicted, for N people in the order of the folds.

    traits    (K, N) float32: residuals from the covariates, 0 where missing
    observed  (K, N) bool, False where missing; None: nothing is missing
    basis     (N, R) float32: orthonormal basis of intercept and covariates, for the variants
    folds     first person of each fold, and N; see `folds`
    probes    (B, N) float32 random signs without covariates, for `loco.heritability`; B may be 0
    variants  M, of all chromosomes;  blocks: of all chromosomes
    """

    traits: Array
    observed: NDArray[np.bool_] | None
    basis: Array
    folds: Sequence[int]
    probes: Array
    variants: int
    blocks: int

    @property
    def parameters(self) -> NDArray[np.float64]:
        """(H,) tau of level 0."""
        return self.variants * odds_against(HERITABILITIES)

    def batch(self, start: int, stop: int) -> Cohort:
        """Some of the traits; only the first batch has probes."""
        observed = None if self.observed is None else self.observed[start:stop]
        return replace(
            self, traits=self.traits[start:stop], observed=observed, probes=self.probes if start == 0 else self.probes[:0]
        )

    @property
    def spans(self) -> list[Span]:
        """People in steps of at most PEOPLE_AT_ONCE of the same fold."""
        return [
            Span(fold, start, min(start + PEOPLE_AT_ONCE, last))
            for fold, (first, last) in enumerate(pairwise(self.folds))
            for start in range(first, last, PEOPLE_AT_ONCE)
        ]


class Span(NamedTuple):
    """Some people of one fold."""

    fold: int
    start: int
    stop: int


@dataclass(frozen=True)
class Prediction:
    """Of one chromosome.

    values    (K, N) float32, out of fold;  is_stacked (K,) bool: by level 1, not by the base
    squares   (K,) float64, sums over variants of (x'y) squared;  trace: sum over variants of x'x
    probed    (B, N) float64: X X' of the probes
    """

    values: Array
    is_stacked: NDArray[np.bool_]
    squares: NDArray[np.float64]
    trace: float
    probed: NDArray[np.float64]


@dataclass(frozen=True)
class _Block:
    """Level 0 of one block of V variants.

    number    of the block in its chromosome
    effects   (J, K, H, V) float32, from the people outside each fold
    pairs     (J, J, K, H) float64: sum over the people of fold g (first) of y times what fold h (second) adds to the predictor
    on_basis  (V, R) float32: products with the covariates;  on_probes (B, V) float32: with the probes
    """

    number: int
    effects: Array
    pairs: NDArray[np.float64]
    on_basis: Array
    on_probes: Array
    squares: NDArray[np.float64]
    trace: float


def folds(people: int, count: int = FOLDS) -> list[int]:
    """(count + 1,) first person of each fold, and N; folds are of equal size but for the alignment.

    Raises ValueError if there are fewer than ALIGNED people for each fold.
    """
    if people < count * ALIGNED:
        raise ValueError(f"{people} people are too few for {count} folds")
    return [people * fold // count // ALIGNED * ALIGNED for fold in range(count)] + [people]


def block_edges(variants: int) -> list[int]:
    """First variant of each block of a chromosome, and their number: blocks of VARIANTS_PER_BLOCK or fewer, of equal size."""
    count = -(-variants // VARIANTS_PER_BLOCK)
    return [variants * i // count for i in range(count + 1)] if count else [0]


def prediction(
    variants: Variants, cohort: Cohort, mapped: Mapped = map, *, traits_at_once: int = TRAITS_AT_ONCE
) -> Prediction:  # fmt: skip
    """Predictions of all traits from one chromosome. mapped: `map`, or that of a pool of threads."""
    edges = [*range(0, len(cohort.traits), traits_at_once), len(cohort.traits)]
    batches = [_prediction(variants, cohort.batch(start, stop), mapped) for start, stop in pairwise(edges)]
    each = zip(*((one.values, one.is_stacked, one.squares) for one in batches), strict=True)
    values, is_stacked, squares = (np.concatenate(parts) for parts in each)
    return Prediction(values, is_stacked, squares, batches[0].trace, batches[0].probed)


def _prediction(variants: Variants, cohort: Cohort, mapped: Mapped) -> Prediction:
    """Of so many traits that everything fits into memory."""
    values, probed = np.zeros_like(cohort.traits), np.zeros(cohort.probes.shape)
    blocks: list[_Block] = list(mapped(partial(_level0, variants, cohort), range(len(variants))))
    if not blocks:
        return Prediction(values, np.zeros(len(values), dtype=bool), np.zeros(len(values)), 0.0, probed)
    level1 = _level1(variants, cohort, blocks, mapped)
    weights = level1.coefficients.astype(np.float32).reshape(-1, len(values), len(blocks), len(HERITABILITIES))
    effects = [np.einsum("jkh,jkhv->jkv", weights[:, :, block.number], block.effects) for block in blocks]
    for span, own, of_probes in mapped(partial(_predicted, variants, cohort, blocks, effects), cohort.spans):
        values[:, span.start : span.stop], probed[:, span.start : span.stop] = own, of_probes
    squares = np.sum([block.squares for block in blocks], axis=0)
    return Prediction(values, level1.is_stacked, squares, sum(block.trace for block in blocks), probed)


def odds_against(shares: Sequence[float]) -> NDArray[np.float64]:
    """(1 - h) / h of each."""
    odds: NDArray[np.float64] = (1 - np.array(shares)) / np.array(shares)
    return odds


def _level0(variants: Variants, cohort: Cohort, number: int) -> _Block:
    """Of one block: effects for each fold and parameter."""
    sums, on_basis = _sums(variants, cohort, number)
    whole, cross = _total([gram for gram, _ in sums]), _total([own for _, own in sums])
    traits = len(cohort.traits)
    effects = np.empty((len(sums), traits, len(HERITABILITIES), len(whole)), dtype=np.float32)
    pairs = np.zeros((len(sums), len(sums), traits, len(HERITABILITIES)))
    for fold, (gram, own) in enumerate(sums):
        for place, tau in enumerate(cohort.parameters):
            left = whole - gram
            left[np.diag_indices_from(left)] += np.float32(tau)
            factor = linalg.cho_factor(left, lower=True, overwrite_a=True, check_finite=False)
            right = np.concatenate([(cross - own)[:, :traits], own[:, :traits]], axis=1)
            solved = linalg.cho_solve(factor, right, overwrite_b=True, check_finite=False)
            effects[fold, :, place] = solved[:, :traits].T
            for other, (_, of_other) in enumerate(sums):
                if other != fold:
                    pairs[fold, other, :, place] = np.einsum("vk,vk->k", solved[:, traits:], of_other[:, :traits])
    squares = np.square(cross[:, :traits], dtype=np.float64).sum(axis=0)
    on_probes = np.ascontiguousarray(cross[:, traits:].T)
    return _Block(number, effects, pairs, on_basis, on_probes, squares, float(np.trace(whole, dtype=np.float64)))


def _sums(variants: Variants, cohort: Cohort, number: int) -> tuple[list[tuple[Array, Array]], Array]:
    """Products (V, V) of a block's variants with each other, and (V, K + B) with traits and probes, in each fold, all without
    covariates; and (V, R) of the variants with the covariates, over all people.

    Products are of the variants as they are, which are read once; covariates are removed from the sums.
    """
    targets = np.concatenate([cohort.traits, cohort.probes])
    sums: list[tuple[Array, Array]] = []
    parts: list[Array] = []
    for _, spans in groupby(cohort.spans, key=lambda span: span.fold):
        products = (_products(variants.block(number, span.start, span.stop), targets, cohort.basis, span) for span in spans)
        gram, cross, own = next(products)
        for more in products:
            for each, added in zip((gram, cross, own), more, strict=True):
                each += added
        sums.append((gram, cross))
        parts.append(own)
    total = _total(parts)
    for (gram, cross), own, (start, stop) in zip(sums, parts, pairwise(cohort.folds), strict=True):
        basis = cohort.basis[start:stop]
        shared = (own - total @ (basis.T @ basis) / 2) @ total.T
        gram -= shared + shared.T
        cross -= total @ (targets[:, start:stop] @ basis).T
    return sums, total


def _products(x: Array, targets: Array, basis: Array, span: Span) -> tuple[Array, Array, Array]:
    """Of variants (V, n) of some people with each other, with targets (K + B, N), and with the covariates (N, R)."""
    return x @ x.T, x @ targets[:, span.start : span.stop].T, x @ basis[span.start : span.stop]


def _total(parts: Sequence[Array]) -> Array:
    total: Array = np.sum(parts, axis=0, dtype=np.float32)
    return total


def _without_covariates(variants: Variants, cohort: Cohort, block: _Block, span: Span) -> Array:
    """(V, n) variants of some people."""
    x = variants.block(block.number, span.start, span.stop)
    x -= block.on_basis @ cohort.basis[span.start : span.stop].T
    return x


def _level1(variants: Variants, cohort: Cohort, blocks: Sequence[_Block], mapped: Mapped) -> Stacked:
    """Of L predictors: blocks times H."""
    (traits, people), length = cohort.traits.shape, len(blocks) * len(HERITABILITIES)
    grams = np.zeros((len(cohort.folds) - 1, traits, length, length))
    for span, gram in mapped(partial(_predictor_products, variants, cohort, blocks), cohort.spans):
        grams[span.fold] += gram
    pairs = np.concatenate([block.pairs for block in blocks], axis=3)
    base = np.tile(np.arange(len(HERITABILITIES)) == BASE, len(blocks))
    counts = people if cohort.observed is None else np.maximum(cohort.observed.sum(axis=1), 1)
    variances = np.einsum("kn,kn->k", cohort.traits, cohort.traits, dtype=np.float64) / counts
    return stacked(grams, pairs, base.astype(float), variances, length * odds_against(SHARES) / people)


def _predictor_products(variants: Variants, cohort: Cohort, blocks: Sequence[_Block], span: Span) -> tuple[Span, Array]:
    """Products (K, L, L) of the predictors with each other, over those of some people who have the trait."""
    traits, count = len(cohort.traits), len(HERITABILITIES)
    predictors = np.empty((traits, len(blocks) * count, span.stop - span.start), dtype=np.float32)
    for place, block in enumerate(blocks):
        effects = block.effects[span.fold].reshape(traits * count, -1)
        own = effects @ _without_covariates(variants, cohort, block, span)
        predictors[:, place * count : (place + 1) * count] = own.reshape(traits, count, -1)
    if cohort.observed is not None:
        predictors *= cohort.observed[:, None, span.start : span.stop]
    return span, predictors @ predictors.transpose(0, 2, 1)


def _predicted(
    variants: Variants, cohort: Cohort, blocks: Sequence[_Block], effects: Sequence[Array], span: Span
) -> tuple[Span, Array, NDArray[np.float64]]:  # fmt: skip
    """(K, n) predictions of some people, and (B, n) their part of X X' of the probes."""
    values = np.zeros((len(cohort.traits), span.stop - span.start), dtype=np.float32)
    probed = np.zeros((len(cohort.probes), span.stop - span.start))
    for block, of_traits in zip(blocks, effects, strict=True):
        x = _without_covariates(variants, cohort, block, span)
        values += of_traits[span.fold] @ x
        probed += block.on_probes @ x
    return span, values, probed


@dataclass(frozen=True)
class Stacked:
    """coefficients (J, K, L) of L predictors for the people of each fold; is_stacked (K,) bool, False where they are `base`."""

    coefficients: NDArray[np.float64]
    is_stacked: NDArray[np.bool_]


def stacked(
    grams: NDArray[np.float64], pairs: NDArray[np.float64], base: NDArray[np.float64], variances: NDArray[np.float64],
    parameters: NDArray[np.float64],
) -> Stacked:  # fmt: skip
    """Ridge coefficients of L predictors for each of J > 2 folds, from the others, where they are clearly better than `base`.

    grams       (J, K, L, L): products of the predictors with each other in each fold
    pairs       (J, J, K, L): products of predictors and trait in fold g (first), as far as they come from the traits of fold h
    base        (L,) coefficients of the prediction q without level 1;  variances (K,) of the traits
    parameters  (P,) added to the predictors' squares once these are scaled to a sum of squares of 1

    Squared errors out of fold are compared with that of s q, s >= 0 from the other folds. Their difference has the standard
    error 2 sd(y) |p - s q|; of several parameters, the one with the largest reduction after MIN_Z of these is taken.

    The predictors of fold g come from the traits of all other folds, f among them. Coefficients for f from such predictors
    would know the traits of f, and null traits would seem to be predicted (R2 0.02 to 0.05 with 3,000 people and 121 blocks).
    Products with the traits are therefore without the share of f, multiplied by (J - 1) / (J - 2) for what is then missing.
    """
    whole, crosses = grams.sum(axis=0), pairs.sum(axis=1)
    training = np.stack([_without_fold(pairs, fold) for fold in range(len(grams))])
    of_base = np.einsum("l,jklm,m->jk", base, grams, base, optimize=True)
    others = of_base.sum(axis=0) - of_base
    scale = np.maximum(np.divide(training @ base, others, out=np.zeros_like(others), where=others > 0), 0.0)
    plain = scale[:, :, None] * base
    plain_error = _error(plain, grams, crosses)
    best = np.broadcast_to(base, crosses.shape).copy()
    highest = np.zeros(grams.shape[1])
    for parameter in parameters:
        ridged = np.stack([
            _ridge(whole - gram, right, base, parameter) for gram, right in zip(grams, training, strict=True)
        ])  # fmt: skip
        difference = np.einsum("jkl,jklm,jkm->k", ridged - plain, grams, ridged - plain, optimize=True)
        gain = plain_error - _error(ridged, grams, crosses) - 2 * MIN_Z * np.sqrt(variances * np.maximum(difference, 0.0))
        better = gain > highest
        best[:, better], highest[better] = ridged[:, better], gain[better]
    return Stacked(best, highest > 0)


def _without_fold(pairs: NDArray[np.float64], fold: int) -> NDArray[np.float64]:
    """(K, L) products of predictors and trait in the other folds, without what comes from this fold's traits."""
    count = len(pairs)
    others = np.arange(count) != fold
    return np.asarray(pairs[others][:, others].sum(axis=(0, 1)) * (count - 1) / (count - 2))


def _error(coefficients: NDArray[np.float64], grams: NDArray[np.float64], crosses: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K,) squared errors out of fold, minus those of a prediction of 0."""
    squares = np.einsum("jkl,jklm,jkm->k", coefficients, grams, coefficients, optimize=True)
    return np.asarray(squares - 2 * np.einsum("jkl,jkl->k", coefficients, crosses))


def _ridge(
    gram: NDArray[np.float64], right: NDArray[np.float64], base: NDArray[np.float64], parameter: float
) -> NDArray[np.float64]:  # fmt: skip
    """(K, L) ridge coefficients with the sum of the predictors that `base` weights as one more, which has no penalty."""
    with_base = np.vstack([np.eye(len(base)), base])
    gram, right = with_base @ gram @ with_base.T, right @ with_base.T
    squares = np.diagonal(gram, axis1=1, axis2=2)
    scale = np.sqrt(np.where(squares > 0, squares, 1.0))
    penalty = np.full(len(base) + 1, parameter)
    penalty[-1] = TINY
    left = gram / (scale[:, :, None] * scale[:, None, :]) + np.diag(penalty)
    solved = np.linalg.solve(left, (right / scale)[:, :, None])[:, :, 0] / scale
    return np.asarray(solved @ with_base)
