"""Credible sets: which variants of a locus may be causal, by SuSiE on individual data.

Wang et al. 2020, J R Stat Soc B 82:1273: the effects of a locus are a sum of L single effects, each on one variant. Each is
fitted to the residuals of the others, until convergence. A single effect is fitted by the approximate Bayes factors of
Wakefield (2009, Genet Epidemiol 33:79), summed over the variants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.loci.individual_data import Region
from ecgwas.loci.models import Model
from ecgwas.statistics.projection import project_rows

COVERAGE = 0.95
MIN_PURITY = 0.5
"""A set with a pair of variants correlated less is discarded: its effect was not located."""
MAX_ITERATIONS = 200
TOLERANCE = 1e-4
WAKEFIELD_SD = 0.15
"""Prior SD of the effect, in trait SDs, for approximate Bayes factors, which are used where SuSiE finds no effect."""
MAX_VARIANTS = 4000
"""Of a locus with more variants, those with the strongest association are used."""


@dataclass(frozen=True)
class Effects:
    """Single effects of a locus.

    posterior       (L, V) float64, probability that effect l is on variant v
    prior_variance  (L,) float64, 0 if the effect was dropped
    iterations      until convergence, MAX_ITERATIONS at most
    """

    posterior: NDArray[np.float64]
    prior_variance: NDArray[np.float64]
    iterations: int

    @property
    def inclusion(self) -> NDArray[np.float64]:
        """(V,) probability that a variant has an effect."""
        return np.asarray(1 - np.prod(1 - self.posterior[self.prior_variance > 0], axis=0))


def susie(xtx: NDArray[np.float64], xty: NDArray[np.float64], yty: float, df: int, effects: int) -> Effects:
    """X'X (V, V), X'y (V,) and y'y of genotypes and trait residualised on the covariates; df: degrees of freedom.

    Prior variances are estimated by expectation-maximisation; one that fits no better than no effect becomes 0. The residual
    variance is estimated. The prior over variants is uniform.
    """
    variants = len(xtx)
    diagonal = np.diag(xtx)
    posterior = np.full((effects, variants), 1 / variants)
    mean, second_moment = np.zeros((effects, variants)), np.zeros((effects, variants))
    residual_variance = yty / df
    prior_variance = np.full(effects, 0.2 * residual_variance / float(np.median(diagonal / df)))
    iterations, change = 0, np.inf
    while change >= TOLERANCE and iterations < MAX_ITERATIONS:
        iterations += 1
        before = posterior.copy()
        for k in range(effects):
            xtr = xty - xtx @ (mean.sum(axis=0) - mean[k])
            posterior[k], mean[k], second_moment[k], prior_variance[k] = _single_effect(
                xtr, diagonal, residual_variance, prior_variance[k]
            )
        total = mean.sum(axis=0)
        uncertainty = float((diagonal * second_moment).sum()) - float(np.einsum("lv,lv->", mean @ xtx, mean))
        residual_variance = (yty - 2 * float(total @ xty) + float(total @ xtx @ total) + uncertainty) / df
        change = float(np.abs(posterior - before).max())
    return Effects(posterior, prior_variance, iterations)


def _single_effect(
    xtr: NDArray[np.float64], diagonal: NDArray[np.float64], residual_variance: float, prior_variance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """One single effect: posterior (V,), posterior mean and second moment (V,) of the effect, updated prior variance."""
    estimate, error = xtr / diagonal, residual_variance / diagonal
    for _ in range(50):
        logs = log_bayes_factors(estimate, error, prior_variance)
        weights = np.exp(logs - logs.max())
        posterior = weights / weights.sum()
        shrinkage = prior_variance / (prior_variance + error)
        mean, second_moment = shrinkage * estimate, shrinkage * error + (shrinkage * estimate) ** 2
        updated = float(posterior @ second_moment)
        if abs(updated - prior_variance) <= 1e-6 * max(prior_variance, 1e-12):
            break
        prior_variance = updated
    evidence = float(np.log(np.mean(np.exp(logs - logs.max()))) + logs.max())
    if evidence <= 0:
        none = np.zeros_like(xtr)
        return np.full(len(xtr), 1 / len(xtr)), none, none, 0.0
    return posterior, posterior * mean, posterior * second_moment, prior_variance


def log_bayes_factors(estimate: NDArray[np.float64], error: NDArray[np.float64], prior_variance: float) -> NDArray[np.float64]:
    """(V,) log Bayes factor of an effect ~ N(0, prior_variance) against none.

    estimate (V,) with sampling variance error (V,)
    """
    total = prior_variance + error
    return np.asarray(0.5 * np.log(error / total) + 0.5 * estimate**2 / error * prior_variance / total)


def credible_sets(model: Model, region: Region, *, effects: int) -> list[dict[str, Any]]:
    """Rows of Credible (without locus and trait): each variant of each 95 % set, most probable first.

    method: susie, or abf where SuSiE finds no effect: one set, from approximate Bayes factors.
    """
    model = model.alone()
    trait = model.residuals
    df = len(trait) - model.basis.shape[1]
    projections, genotype_ss = np.empty((len(region), model.basis.shape[1])), np.empty(len(region))
    cross_product = np.empty(len(region))
    for batch, copies in region.batches():
        residualised, projections[batch] = project_rows(model.rows(copies), model.basis)
        genotype_ss[batch] = np.einsum("vn,vn->v", residualised, residualised)
        cross_product[batch] = residualised @ trait
    used = np.flatnonzero(genotype_ss > 1e-6 * df)
    explained_ss = cross_product[used] ** 2 / genotype_ss[used]
    used = np.sort(used[np.argsort(-explained_ss, kind="stable")[:MAX_VARIANTS]])
    sd = np.sqrt(genotype_ss[used] / df)
    correlation = _correlation(model, region, used, projections[used], sd)
    xty, yty = cross_product[used] / sd, float(trait @ trait)
    fitted = susie(correlation * df, xty, yty, df, min(effects, len(used)))
    posterior, inclusion, method = fitted.posterior[fitted.prior_variance > 0], fitted.inclusion, "susie"
    sets = _pure_sets(posterior, correlation)
    if not sets:
        posterior = _wakefield(xty / df, yty / df, df, genotype_ss[used] / df)[None]
        sets, inclusion, method = [(0, covering(posterior[0]))], posterior[0], "abf"
    return [row for number, (k, members) in enumerate(sets, start=1)
            for row in _rows(region, used, members, posterior[k], inclusion, correlation, number, method)]  # fmt: skip


def _correlation(
    model: Model, region: Region, used: NDArray[np.int64], projections: NDArray[np.float64], sd: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(U, U) correlation of the residualised genotypes of the variants used, from batches of participants.

    projections (U, R) on the basis of the covariates;  sd (U,) of the residualised genotypes
    """
    means = np.array([np.nanmean(region.copies[i].astype(np.float64)) for i in used])
    cross_products = np.zeros((len(used), len(used)))
    for strip, copies in model.strips(region.copies[used], means):
        residualised = copies - projections @ model.basis[strip].T
        residualised /= sd[:, None]
        cross_products += residualised @ residualised.T
    cross_products /= len(model.sample_index) - model.basis.shape[1]
    return cross_products


def _wakefield(
    estimate: NDArray[np.float64], trait_variance: float, df: int, genotype_variance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(V,) posterior of a single effect per allele of SD WAKEFIELD_SD; estimate (V,) per SD of the genotype."""
    error = np.full(len(estimate), trait_variance / df) / genotype_variance
    logs = log_bayes_factors(estimate / np.sqrt(genotype_variance), error, WAKEFIELD_SD**2 * trait_variance)
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def covering(posterior: NDArray[np.float64]) -> NDArray[np.int64]:
    """The fewest variants whose posteriors (V,) add up to COVERAGE, most probable first."""
    order = np.argsort(-posterior, kind="stable")
    count = int(np.searchsorted(np.cumsum(posterior[order]), COVERAGE)) + 1
    return order[:count]


def purity(members: NDArray[np.int64], correlation: NDArray[np.float64]) -> float:
    """Smallest absolute correlation of two variants of a set."""
    return float(np.abs(correlation[np.ix_(members, members)]).min())


def _pure_sets(posterior: NDArray[np.float64], correlation: NDArray[np.float64]) -> list[tuple[int, NDArray[np.int64]]]:
    """Effect and members of each distinct set that is pure enough, the effect that is located best first."""
    sets: list[tuple[int, NDArray[np.int64]]] = []
    for k in np.argsort(-posterior.max(axis=1, initial=0.0), kind="stable"):
        members = covering(posterior[k])
        is_repeated = any(set(members.tolist()) == set(other.tolist()) for _, other in sets)
        if not is_repeated and purity(members, correlation) >= MIN_PURITY:
            sets.append((int(k), members))
    return sets


def _rows(
    region: Region, used: NDArray[np.int64], members: NDArray[np.int64], posterior: NDArray[np.float64],
    inclusion: NDArray[np.float64], correlation: NDArray[np.float64], number: int, method: str,
) -> list[dict[str, Any]]:  # fmt: skip
    of_set = {
        "set": number, "method": method, "variants": len(members), "coverage": round(float(posterior[members].sum()), 6),
        "purity": round(purity(members, correlation), 6),
    }  # fmt: skip
    return [
        {**region.variant_row(int(used[i])), **of_set, "posterior": round(float(posterior[i]), 6),
         "inclusion": round(float(inclusion[i]), 6)}
        for i in members
    ]  # fmt: skip
