"""Credible sets: which variants of a locus may be the cause, by SuSiE on individual data.

Wang et al. 2020, J R Stat Soc B 82:1273: the effects of a locus are a sum of L single effects, each on one variant; each is
fitted to what the others leave over, until nothing changes. One single effect is the sum over variants of Wakefield's (2009,
Genet Epidemiol 33:79) approximate Bayes factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.loci.individual_data import STRIP_BYTES, Model, Region
from ecgwas.statistics.projection import project_rows

COVERAGE = 0.95
MIN_PURITY = 0.5
"""Sets with a pair of variants correlated less are no set, but an effect that was not found."""
ROUNDS = 200
CHANGE = 1e-4
WAKEFIELD_SD = 0.15
"""SD of the effect, in trait SDs, where no effect is found by SuSiE and approximate Bayes factors must serve."""
MOST = 4000
"""Variants of a locus at most; beyond, those with the strongest association."""


@dataclass(frozen=True)
class Effects:
    """posterior (L, V) float64, that the l-th effect is on the variant; variance (L,) float64 of its prior; rounds done."""

    posterior: NDArray[np.float64]
    variance: NDArray[np.float64]
    rounds: int

    @property
    def inclusion(self) -> NDArray[np.float64]:
        """(V,) probability that a variant has an effect."""
        found = self.variance > 0
        return np.asarray(1 - np.prod(1 - self.posterior[found], axis=0))


def susie(products: NDArray[np.float64], with_trait: NDArray[np.float64], trait: float, people: int, effects: int) -> Effects:
    """products (V, V) = X'X, with_trait (V,) = X'y, trait = y'y of residuals on the covariates; people: degrees of freedom.

    Prior variances by expectation-maximisation, one that is worth no more than none becomes 0; the residual variance is
    estimated. Uniform prior over variants.
    """
    variants = len(products)
    diagonal = np.diag(products)
    posterior = np.full((effects, variants), 1 / variants)
    mean, square = np.zeros((effects, variants)), np.zeros((effects, variants))
    residual = trait / people
    variance = np.full(effects, 0.2 * residual / float(np.median(diagonal / people)))
    rounds, changed = 0, np.inf
    while changed >= CHANGE and rounds < ROUNDS:
        rounds += 1
        before = posterior.copy()
        for k in range(effects):
            rest = with_trait - products @ (mean.sum(axis=0) - mean[k])
            posterior[k], mean[k], square[k], variance[k] = _single(rest, diagonal, residual, variance[k])
        total = mean.sum(axis=0)
        spread = float((diagonal * square).sum()) - float(np.einsum("lv,lv->", mean @ products, mean))
        residual = (trait - 2 * float(total @ with_trait) + float(total @ products @ total) + spread) / people
        changed = float(np.abs(posterior - before).max())
    return Effects(posterior, variance, rounds)


def _single(
    rest: NDArray[np.float64], diagonal: NDArray[np.float64], residual: float, variance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """One single effect: posterior (V,), posterior mean and second moment (V,) of the effect, updated prior variance."""
    estimate, error = rest / diagonal, residual / diagonal
    for _ in range(50):
        logs = log_bayes_factors(estimate, error, variance)
        weights = np.exp(logs - logs.max())
        posterior = weights / weights.sum()
        shrunk = variance / (variance + error)
        mean, second = shrunk * estimate, shrunk * error + (shrunk * estimate) ** 2
        updated = float(posterior @ second)
        if abs(updated - variance) <= 1e-6 * max(variance, 1e-12):
            break
        variance = updated
    evidence = float(np.log(np.mean(np.exp(logs - logs.max()))) + logs.max())
    if evidence <= 0:
        none = np.zeros_like(rest)
        return np.full(len(rest), 1 / len(rest)), none, none, 0.0
    return posterior, posterior * mean, posterior * second, variance


def log_bayes_factors(estimate: NDArray[np.float64], error: NDArray[np.float64], variance: float) -> NDArray[np.float64]:
    """(V,) log Bayes factor of an effect ~ N(0, variance) against none; estimate (V,) with sampling variance error (V,)."""
    total = variance + error
    return np.asarray(0.5 * np.log(error / total) + 0.5 * estimate**2 / error * variance / total)


def sets(model: Model, region: Region, *, effects: int) -> list[dict[str, Any]]:
    """Rows of Credible (without locus and trait): each variant of each 95 % set, most probable first.

    method: susie; or abf where SuSiE finds no effect, one set of approximate Bayes factors.
    """
    trait = model.residual
    df = len(trait) - model.basis.shape[1]
    weights, length, product = np.empty((len(region), model.basis.shape[1])), np.empty(len(region)), np.empty(len(region))
    for some, copies in region.strips():
        rest, weights[some] = project_rows(copies[:, model.people], model.basis)
        length[some], product[some] = np.einsum("vn,vn->v", rest, rest), rest @ trait
    usable = np.flatnonzero(length > 1e-6 * df)
    strength = product[usable] ** 2 / length[usable]
    usable = np.sort(usable[np.argsort(-strength, kind="stable")[:MOST]])
    scale = np.sqrt(length[usable] / df)
    correlation = _correlation(model, region, usable, weights[usable], scale)
    with_trait = product[usable] / scale
    found = susie(correlation * df, with_trait, float(trait @ trait), df, min(effects, len(usable)))
    named = _sets(found.posterior[found.variance > 0], correlation)
    method, inclusion = "susie", found.inclusion
    posterior = found.posterior[found.variance > 0]
    if not named:
        logs = _wakefield(with_trait / df, float(trait @ trait) / df, df, length[usable] / df)
        posterior = logs[None]
        named, method, inclusion = [(0, covering(posterior[0]))], "abf", posterior[0]
    return [row for number, (k, inside) in enumerate(named, start=1)
            for row in _rows(region, usable, inside, posterior[k], inclusion, correlation, number, method)]  # fmt: skip


def _correlation(
    model: Model, region: Region, usable: NDArray[np.int64], weights: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(U, U) of usable variants without covariates, some people at a time; weights (U, R) on the basis, scale (U,) their SD."""
    means = np.array([np.nanmean(region.copies[i].astype(np.float64)) for i in usable])
    products = np.zeros((len(usable), len(usable)))
    step = max(1, STRIP_BYTES // (8 * len(usable)))
    for start in range(0, len(model.people), step):
        some = slice(start, start + step)
        copies = region.copies[np.ix_(usable, model.people[some])].astype(np.float64)
        rest = np.where(np.isnan(copies), means[:, None], copies) - weights @ model.basis[some].T
        rest /= scale[:, None]
        products += rest @ rest.T
    products /= len(model.people) - model.basis.shape[1]
    return products


def _wakefield(estimate: NDArray[np.float64], variance: float, df: int, spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """(V,) posterior of one effect per allele of SD WAKEFIELD_SD; estimates are per SD of the genotype, spread its variance."""
    error = np.full(len(estimate), variance / df) / spread
    logs = log_bayes_factors(estimate / np.sqrt(spread), error, WAKEFIELD_SD**2 * variance)
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def covering(posterior: NDArray[np.float64]) -> NDArray[np.int64]:
    """The fewest variants whose posteriors (V,) add up to COVERAGE, most probable first."""
    order = np.argsort(-posterior, kind="stable")
    count = int(np.searchsorted(np.cumsum(posterior[order]), COVERAGE)) + 1
    return order[:count]


def purity(inside: NDArray[np.int64], correlation: NDArray[np.float64]) -> float:
    """Smallest absolute correlation of two variants of a set."""
    return float(np.abs(correlation[np.ix_(inside, inside)]).min())


def _sets(posterior: NDArray[np.float64], correlation: NDArray[np.float64]) -> list[tuple[int, NDArray[np.int64]]]:
    found: list[tuple[int, NDArray[np.int64]]] = []
    for k in np.argsort(-posterior.max(axis=1, initial=0.0), kind="stable"):
        inside = covering(posterior[k])
        same = any(set(inside.tolist()) == set(other.tolist()) for _, other in found)
        if not same and purity(inside, correlation) >= MIN_PURITY:
            found.append((int(k), inside))
    return found


def _rows(
    region: Region, usable: NDArray[np.int64], inside: NDArray[np.int64], posterior: NDArray[np.float64],
    inclusion: NDArray[np.float64], correlation: NDArray[np.float64], number: int, method: str,
) -> list[dict[str, Any]]:  # fmt: skip
    shared = {
        "set": number, "method": method, "variants": len(inside), "coverage": round(float(posterior[inside].sum()), 6),
        "purity": round(purity(inside, correlation), 6),
    }  # fmt: skip
    return [
        {**region.named(int(usable[i])), **shared, "posterior": round(float(posterior[i]), 6),
         "inclusion": round(float(inclusion[i]), 6)}
        for i in inside
    ]  # fmt: skip
