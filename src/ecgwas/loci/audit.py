"""Every hit looked at again: does it rest on one person, on unequal variances, on genotypes that cannot be right?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.genotypes import variant_filters
from ecgwas.loci.individual_data import Chromosome, Fit, Model
from ecgwas.loci.winners_curse import Rivals, corrected, corrected_lead
from ecgwas.statistics.least_squares import neglog10p
from ecgwas.statistics.projection import row_residuals
from ecgwas.tables import VARIANT_KEY, Traits

HWE_SUSPECT = 1e-4
EXTREME = 0.1
"""Carriers in this share of people at the end of the trait where their allele puts them."""

Leads = Mapping[tuple[str, str, int, str, str], Rivals]
"""Trait and VARIANT_KEY of a locus's strongest test -> the tests of which it is the strongest."""


@dataclass(frozen=True)
class Halves:
    """The traits measured in odd and in even heartbeats, people and names as in the study's traits; NaN where unknown."""

    odd: Traits
    even: Traits


@dataclass(frozen=True)
class Auditor:
    """limit: -log10 p of the study's threshold; halves: None where no trait comes from beats; seeds: the traits learned again
    from other seeds, people as in the study's traits, under the names of those they match; leads: hits that lead a locus."""

    chromosome: Chromosome
    limit: float
    halves: Halves | None = None
    seeds: Sequence[Traits] = ()
    leads: Leads = field(default_factory=dict)
    _models: dict[str, Model] = field(default_factory=dict)

    def look(self, hit: dict[str, Any], copies: NDArray[np.float32]) -> dict[str, Any]:
        """The row of Audit of one hit (columns of Associations); copies (N,) of its effect allele, no call NaN."""
        if hit["trait"] not in self._models:
            self._models[hit["trait"]] = self.chromosome.model(hit["trait"])
        model, genotype = self._models[hit["trait"]].called(copies)
        fit = self._models[hit["trait"]].fit(copies)
        rest = row_residuals(genotype, model.basis)
        row = {name: hit[name] for name in ("trait", "variant", *VARIANT_KEY, "eaf", "n", "beta", "se")}
        row |= {"neglog10p": hit["neglog10p"], **self._counts(copies, model, genotype)}
        row |= {"neglog10p_hc3": hc3(model, rest, fit), **without_top_carrier(self._models[hit["trait"]], copies, rest, fit)}
        row |= carriers(model, genotype, fit) | self._shrunk(hit) | self._halved(hit, copies) | self._reseeded(hit, copies)
        row["neglog10p_dominance"] = dominance(model, genotype)
        return row | {"flags": "; ".join(flags(row, self.limit))}

    def _counts(self, copies: NDArray[np.float32], model: Model, genotype: NDArray[np.float64]) -> dict[str, Any]:
        """People and the trait's mean (without covariates) by number of effect alleles; Hardy-Weinberg of all called."""
        trait = model.residual
        groups = [genotype == count for count in (0, 1, 2)]
        row: dict[str, Any] = {f"people_{k}": int(own.sum()) for k, own in enumerate(groups)}
        row |= {f"mean_{k}": float(trait[own].mean()) if own.any() else None for k, own in enumerate(groups)}
        return row | {"missing": int(np.isnan(copies).sum()), "hwe_p": self._hardy_weinberg(copies)}

    def _hardy_weinberg(self, copies: NDArray[np.float32]) -> float:
        """Mid-p; on X of women; with several groups of ancestry the smallest of them, as the scan's filter judges."""
        cohort = self.chromosome.cohort
        judged = np.ones(len(copies), dtype=bool) if cohort.males is None else ~cohort.males
        groups = np.ones(len(copies), dtype=np.int64) if cohort.ancestry is None else cohort.ancestry
        each = [copies[judged & (groups == number)] for number in np.unique(groups)]
        counts = [tuple(int((own == count).sum()) for count in (1, 0, 2)) for own in each]
        return min(variant_filters.mid_p(one, none, two) for one, none, two in counts)

    def _shrunk(self, hit: dict[str, Any]) -> dict[str, Any]:
        """Winner's curse, on the scale of z with the same p."""
        threshold, z = (z_of(value) for value in (self.limit, hit["neglog10p"]))
        rivals = self.leads.get((hit["trait"], hit["chrom"], hit["pos"], hit["effect_allele"], hit["other_allele"]))
        row: dict[str, Any] = {"strongest_of": None if rivals is None else rivals.tests}
        if z <= threshold:
            return row | {"beta_corrected": None, "beta_corrected_low": None, "beta_corrected_high": None}
        signed = float(np.sign(hit["beta"])) * z
        found = corrected(signed, threshold) if rivals is None else corrected_lead(signed, threshold, rivals)
        scale = abs(hit["beta"]) / z
        ends = {"beta_corrected_low": found.low * scale, "beta_corrected_high": found.high * scale}
        return row | {"beta_corrected": found.z * scale, **ends}

    def _halved(self, hit: dict[str, Any], copies: NDArray[np.float32]) -> dict[str, Any]:
        row: dict[str, Any] = {"beta_odd": None, "neglog10p_odd": None, "beta_even": None, "neglog10p_even": None}
        if self.halves is None or hit["trait"] not in self.halves.odd.names:
            return row
        for when, table in (("odd", self.halves.odd), ("even", self.halves.even)):
            fit = self._fit_again(hit, copies, table)
            if fit is not None:
                row |= {f"beta_{when}": fit.beta, f"neglog10p_{when}": fit.neglog10p}
        return row

    def _reseeded(self, hit: dict[str, Any], copies: NDArray[np.float32]) -> dict[str, Any]:
        """The weakest of the hit's tests on the traits learned from other seeds; 0 where the effect turns round."""
        tables = [table for table in self.seeds if hit["trait"] in table.names]
        fits = [fit for table in tables if (fit := self._fit_again(hit, copies, table)) is not None]
        if not fits:
            return {"seeds": 0, "neglog10p_seeds": None}
        held = [fit.neglog10p if np.sign(fit.beta) == np.sign(hit["beta"]) else 0.0 for fit in fits]
        return {"seeds": len(fits), "neglog10p_seeds": min(held)}

    def _fit_again(self, hit: dict[str, Any], copies: NDArray[np.float32], table: Traits) -> Fit | None:
        """The hit's test on another measurement of its trait; None where too few people have it."""
        values = table.values[self.chromosome.cohort.table_index, table.names.index(hit["trait"])]
        own = self._models[hit["trait"]]
        seen = np.isfinite(values[own.people])
        if seen.sum() <= own.basis.shape[1] + 2:
            return None
        basis = own.basis if seen.all() else np.linalg.qr(own.basis[seen])[0]
        return Model(own.people[seen], values[own.people[seen]], basis).fit(copies)


def z_of(value: float) -> float:
    """The normal quantile whose two-sided -log10 p is `value`, for any value."""
    if value < 300:
        return float(stats.norm.isf(10.0**-value / 2))
    # Mills' ratio: -log10 p = z^2 / 2 ln 10 + log10(z sqrt(pi / 2)).
    z = np.sqrt(2 * value * np.log(10))
    for _ in range(50):
        z = np.sqrt(2 * (value * np.log(10) - np.log(z * np.sqrt(np.pi / 2))))
    return float(z)


def hc3(model: Model, rest: NDArray[np.float64], fit: Fit) -> float:
    """-log10 p with the variance estimate HC3, which holds where people vary unequally (MacKinnon and White 1985).

    rest (n,) the genotype without the covariates; t distribution with the degrees of freedom of the fit.
    """
    length = float(rest @ rest)
    if not np.isfinite(fit.se) or length == 0:
        return 0.0
    leverage = np.einsum("nr,nr->n", model.basis, model.basis) + rest**2 / length
    error = model.residual - fit.beta * rest
    scaled = error / np.maximum(1 - leverage, 1e-12)
    se = float(np.sqrt(np.sum((rest * scaled) ** 2))) / length
    return float(neglog10p(np.array([fit.beta / se]), float(fit.df))[0])


def without_top_carrier(model: Model, copies: NDArray[np.float32], rest: NDArray[np.float64], fit: Fit) -> dict[str, Any]:
    """-log10 p without the person whose leaving takes most of the effect away, and that person's share of it."""
    own, _ = model.called(copies)
    length = float(rest @ rest)
    leverage = np.einsum("nr,nr->n", own.basis, own.basis) + rest**2 / length
    error = own.residual - fit.beta * rest
    change = rest * error / np.maximum(1 - leverage, 1e-12) / length
    top = int(np.argmax(change * np.sign(fit.beta)))
    lacking = copies.copy()
    lacking[own.people[top]] = np.nan
    return {
        "neglog10p_without_top": model.fit(lacking).neglog10p,
        "top_share": float(change[top] / fit.beta) if fit.beta != 0 else None,
    }


def carriers(model: Model, genotype: NDArray[np.float64], fit: Fit) -> dict[str, Any]:
    """Carriers of the minor allele: how many, their mean rank among all (0 lowest, 1 highest), and how many are extreme."""
    minor_is_effect = genotype.sum() <= len(genotype)
    carry = genotype > 0 if minor_is_effect else genotype < 2
    rank = (stats.rankdata(model.residual) - 0.5) / len(genotype)
    upwards = (fit.beta > 0) == minor_is_effect
    extreme = rank > 1 - EXTREME if upwards else rank < EXTREME
    return {
        "carriers": int(carry.sum()), "carriers_rank": float(rank[carry].mean()) if carry.any() else None,
        "carriers_extreme": float(extreme[carry].mean()) if carry.any() else None,
    }  # fmt: skip


def dominance(model: Model, genotype: NDArray[np.float64]) -> float | None:
    """-log10 p of one copy lying off the middle between none and two; None where a genotype is absent or rare."""
    if min((genotype == count).sum() for count in (0, 1, 2)) < 5:
        return None
    copies = np.full(int(model.people.max()) + 1, np.nan)
    copies[model.people] = (genotype == 1).astype(np.float64)
    additive = np.full(len(copies), np.nan)
    additive[model.people] = genotype
    return model.fit(copies, [additive]).neglog10p


def flags(row: dict[str, Any], limit: float) -> list[str]:
    """What is suspicious about a hit, in words; empty: nothing."""
    found = []
    lost = row["neglog10p"] - row["neglog10p_without_top"]
    if row["neglog10p_without_top"] < limit and lost > 2:
        found.append("rests on one person")
    if row["neglog10p_hc3"] < limit / 2:
        found.append("not with unequal variances")
    if row["hwe_p"] < HWE_SUSPECT:
        found.append("out of Hardy-Weinberg equilibrium")
    both = (row["beta_odd"], row["beta_even"])
    if None not in both and min(abs(value) for value in both) < 0.5 * abs(row["beta"]):
        found.append("odd and even beats disagree")
    if row["neglog10p_seeds"] is not None and row["neglog10p_seeds"] < limit / 2:
        found.append("not with another seed")
    return found
