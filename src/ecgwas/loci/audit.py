"""Audit of the hits: is one driven by a single participant, by unequal variances, by implausible genotypes?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.genotypes import variant_filters
from ecgwas.loci.individual_data import Chromosome
from ecgwas.loci.models import Fit, Model
from ecgwas.loci.winners_curse import CompetingTests, corrected, corrected_lead
from ecgwas.statistics.least_squares import neglog10p
from ecgwas.statistics.projection import row_residuals
from ecgwas.tables import VARIANT_KEY, Traits

SUSPICIOUS_HWE_P = 1e-4
EXTREME_SHARE = 0.1
"""Share of participants who count as extreme, at the end of the trait to which the allele shifts its carriers."""

Leads = Mapping[tuple[str, str, int, str, str], CompetingTests]
"""Trait and VARIANT_KEY of a locus's strongest test -> the tests it competed with."""


@dataclass(frozen=True)
class OddEvenTraits:
    """The traits measured in odd and in even heartbeats; participants and names as in the study's traits, missing NaN."""

    odd: Traits
    even: Traits


@dataclass(frozen=True)
class Auditor:
    """Audits the hits of one chromosome.

    limit     -log10 p of the study's threshold
    odd_even  None if no trait comes from beats
    reseeded  the traits of representations trained from other seeds: participants as in the study's traits, under the names of
              the traits that they match
    leads     hits that lead a locus
    """

    chromosome: Chromosome
    limit: float
    odd_even: OddEvenTraits | None = None
    reseeded: Sequence[Traits] = ()
    leads: Leads = field(default_factory=dict)
    _models: dict[str, Model] = field(default_factory=dict)

    def audit(self, hit: dict[str, Any], copies: NDArray[np.float32]) -> dict[str, Any]:
        """The row of Audit of one hit (columns of Associations); copies (N,) of its effect allele, missing calls NaN."""
        if hit["trait"] not in self._models:
            self._models[hit["trait"]] = self.chromosome.model(hit["trait"])
        model = self._models[hit["trait"]]
        with_calls, genotype = model.with_calls(copies)
        fit = model.fit(copies)
        tested, tested_genotype = model.tested(copies)
        residualised = row_residuals(tested_genotype, tested.basis)
        row = {name: hit[name] for name in ("trait", "variant", *VARIANT_KEY, "eaf", "n", "beta", "se")}
        row |= {"neglog10p": hit["neglog10p"], **self._counts(copies, with_calls, genotype)}
        row |= {"neglog10p_hc3": hc3(tested, residualised, fit)}
        row |= without_most_influential(model, tested, copies, residualised, fit)
        row |= carriers(with_calls, genotype, fit) | self._corrected(hit)
        row |= self._of_odd_even(hit, copies) | self._of_other_seeds(hit, copies)
        row["neglog10p_dominance"] = dominance(model, copies)
        return row | {"flags": "; ".join(flags(row, self.limit))}

    def _counts(self, copies: NDArray[np.float32], model: Model, genotype: NDArray[np.float64]) -> dict[str, Any]:
        """Participants and mean residual of the trait by number of effect alleles; Hardy-Weinberg p of all with a call."""
        trait = model.residuals
        carriers_of = [genotype == count for count in (0, 1, 2)]
        row: dict[str, Any] = {f"people_{k}": int(group.sum()) for k, group in enumerate(carriers_of)}
        row |= {f"mean_{k}": float(trait[group].mean()) if group.any() else None for k, group in enumerate(carriers_of)}
        return row | {"missing": int(np.isnan(copies).sum()), "hwe_p": self._hardy_weinberg(copies)}

    def _hardy_weinberg(self, copies: NDArray[np.float32]) -> float:
        """Mid-p; on X of women; the smallest of several ancestry groups. The scan's filter does the same."""
        cohort = self.chromosome.cohort
        diploid = np.ones(len(copies), dtype=bool) if cohort.males is None else ~cohort.males
        ancestry = np.ones(len(copies), dtype=np.int64) if cohort.ancestry is None else cohort.ancestry
        by_ancestry = [copies[diploid & (ancestry == group)] for group in np.unique(ancestry)]
        counts = [tuple(int((group == count).sum()) for count in (1, 0, 2)) for group in by_ancestry]
        return min(variant_filters.hwe_mid_p(one, none, two) for one, none, two in counts)

    def _corrected(self, hit: dict[str, Any]) -> dict[str, Any]:
        """The effect corrected for the winner's curse, on the scale of the z with the same p."""
        threshold, z = (z_of(value) for value in (self.limit, hit["neglog10p"]))
        competitors = self.leads.get((hit["trait"], hit["chrom"], hit["pos"], hit["effect_allele"], hit["other_allele"]))
        row: dict[str, Any] = {"strongest_of": None if competitors is None else competitors.tests}
        if z <= threshold:
            return row | {"beta_corrected": None, "beta_corrected_low": None, "beta_corrected_high": None}
        signed = float(np.sign(hit["beta"])) * z
        unbiased = corrected(signed, threshold) if competitors is None else corrected_lead(signed, threshold, competitors)
        scale = abs(hit["beta"]) / z
        interval = {"beta_corrected_low": unbiased.low * scale, "beta_corrected_high": unbiased.high * scale}
        return row | {"beta_corrected": unbiased.z * scale, **interval}

    def _of_odd_even(self, hit: dict[str, Any], copies: NDArray[np.float32]) -> dict[str, Any]:
        row: dict[str, Any] = {"beta_odd": None, "neglog10p_odd": None, "beta_even": None, "neglog10p_even": None}
        if self.odd_even is None or hit["trait"] not in self.odd_even.odd.names:
            return row
        for beats, table in (("odd", self.odd_even.odd), ("even", self.odd_even.even)):
            fit = self._fit_of(hit, copies, table)
            if fit is not None:
                row |= {f"beta_{beats}": fit.beta, f"neglog10p_{beats}": fit.neglog10p}
        return row

    def _of_other_seeds(self, hit: dict[str, Any], copies: NDArray[np.float32]) -> dict[str, Any]:
        """The weakest of the hit's tests on the matching traits of other seeds; 0 where the effect changes sign."""
        tables = [table for table in self.reseeded if hit["trait"] in table.names]
        fits = [fit for table in tables if (fit := self._fit_of(hit, copies, table)) is not None]
        if not fits:
            return {"seeds": 0, "neglog10p_seeds": None}
        strengths = [fit.neglog10p if np.sign(fit.beta) == np.sign(hit["beta"]) else 0.0 for fit in fits]
        return {"seeds": len(fits), "neglog10p_seeds": min(strengths)}

    def _fit_of(self, hit: dict[str, Any], copies: NDArray[np.float32], table: Traits) -> Fit | None:
        """The hit's test on another measurement of its trait; None if too few participants have it."""
        values = table.values[self.chromosome.cohort.table_index, table.names.index(hit["trait"])]
        model = self._models[hit["trait"]]
        measured = np.isfinite(values[model.sample_index])
        if measured.sum() <= model.basis.shape[1] + 2:
            return None
        of_participants = np.full(len(values), np.nan)
        of_participants[model.sample_index[measured]] = values[model.sample_index[measured]]
        return self.chromosome.model_of(of_participants).fit(copies)


def z_of(neglog10p: float) -> float:
    """The normal quantile with this two-sided -log10 p, however large."""
    if neglog10p < 300:
        return float(stats.norm.isf(10.0**-neglog10p / 2))
    # Mills' ratio: -log10 p = z^2 / 2 ln 10 + log10(z sqrt(pi / 2)).
    z = np.sqrt(2 * neglog10p * np.log(10))
    for _ in range(50):
        z = np.sqrt(2 * (neglog10p * np.log(10) - np.log(z * np.sqrt(np.pi / 2))))
    return float(z)


def hc3(model: Model, residualised: NDArray[np.float64], fit: Fit) -> float:
    """-log10 p with the variance estimate HC3, valid where variances differ (MacKinnon and White 1985).

    residualised (n,) genotype; t distribution with the degrees of freedom of the fit.
    """
    genotype_ss = float(residualised @ residualised)
    if not np.isfinite(fit.se) or genotype_ss == 0:
        return 0.0
    leverage = np.einsum("nr,nr->n", model.basis, model.basis) + residualised**2 / genotype_ss
    error = model.residuals - fit.beta * residualised
    scaled_error = error / np.maximum(1 - leverage, 1e-12)
    se = float(np.sqrt(np.sum((residualised * scaled_error) ** 2))) / genotype_ss
    return float(neglog10p(np.array([fit.beta / se]), float(fit.df))[0])


def without_most_influential(
    model: Model, tested: Model, copies: NDArray[np.float32], residualised: NDArray[np.float64], fit: Fit
) -> dict[str, Any]:
    """-log10 p without the participant whose removal weakens the effect most, and that participant's share of the effect.

    tested: the model of the fit, with genotypes residualised (n,). With relatives, the participant's call is set to the mean
    instead, so that it no longer counts for the effect.
    """
    genotype_ss = float(residualised @ residualised)
    leverage = np.einsum("nr,nr->n", tested.basis, tested.basis) + residualised**2 / genotype_ss
    error = tested.residuals - fit.beta * residualised
    change = residualised * error / np.maximum(1 - leverage, 1e-12) / genotype_ss
    top = int(np.argmax(change * np.sign(fit.beta)))
    without_top = copies.copy()
    without_top[tested.sample_index[top]] = np.nan
    return {
        "neglog10p_without_top": model.fit(without_top).neglog10p,
        "top_share": float(change[top] / fit.beta) if fit.beta != 0 else None,
    }


def carriers(model: Model, genotype: NDArray[np.float64], fit: Fit) -> dict[str, Any]:
    """Carriers of the minor allele: their number, their mean rank among all (0 lowest, 1 highest), and the extreme share."""
    minor_is_effect = genotype.sum() <= len(genotype)
    is_carrier = genotype > 0 if minor_is_effect else genotype < 2
    rank = (stats.rankdata(model.residuals) - 0.5) / len(genotype)
    raises_trait = (fit.beta > 0) == minor_is_effect
    is_extreme = rank > 1 - EXTREME_SHARE if raises_trait else rank < EXTREME_SHARE
    return {
        "carriers": int(is_carrier.sum()), "carriers_rank": float(rank[is_carrier].mean()) if is_carrier.any() else None,
        "carriers_extreme": float(is_extreme[is_carrier].mean()) if is_carrier.any() else None,
    }  # fmt: skip


def dominance(model: Model, copies: NDArray[np.floating]) -> float | None:
    """-log10 p of heterozygotes deviating from the midpoint of the homozygotes; None if a genotype is absent or rare."""
    if min((copies[model.sample_index] == count).sum() for count in (0, 1, 2)) < 5:
        return None
    heterozygous = np.where(np.isnan(copies), np.nan, copies == 1)
    return model.fit(heterozygous, [copies.astype(np.float64)]).neglog10p


def flags(row: dict[str, Any], limit: float) -> list[str]:
    """What is suspicious about a hit, in words; empty if nothing is."""
    reasons = []
    decrease = row["neglog10p"] - row["neglog10p_without_top"]
    if row["neglog10p_without_top"] < limit and decrease > 2:
        reasons.append("depends on one participant")
    if row["neglog10p_hc3"] < limit / 2:
        reasons.append("not significant allowing for unequal variances")
    if row["hwe_p"] < SUSPICIOUS_HWE_P:
        reasons.append("out of Hardy-Weinberg equilibrium")
    odd_even = (row["beta_odd"], row["beta_even"])
    if None not in odd_even and min(abs(beta) for beta in odd_even) < 0.5 * abs(row["beta"]):
        reasons.append("odd and even beats disagree")
    if row["neglog10p_seeds"] is not None and row["neglog10p_seeds"] < limit / 2:
        reasons.append("not significant with another seed")
    return reasons
