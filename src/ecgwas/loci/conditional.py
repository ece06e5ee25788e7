"""Further signals of a locus: the strongest variant enters the model and all others are tested again, until none is left."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.loci.individual_data import Region
from ecgwas.loci.models import Model
from ecgwas.statistics.correlation import r2, unit_length
from ecgwas.statistics.projection import row_residuals

MAX_R2 = 0.95
"""Variants whose r2 with a variant in the model is larger are not tested."""


def stepwise(model: Model, region: Region, lead: int, *, limit: float, max_signals: int) -> list[dict[str, Any]]:
    """Rows of Conditional (without locus and trait): the lead, each further signal, and the strongest variant after these.

    lead: index of the lead variant in the region; limit: -log10 p that a further signal must exceed. Each step tests all
    variants conditional on those in the model, missing calls counting as the mean. The strongest is fitted again without the
    participants who lack a call of it or of those before it. The last row, not significant, shows what the next step would be.
    With individual data this is the exact analysis that GCTA-COJO approximates (Yang et al. 2012, Nat Genet 44:369).
    """
    signals = [lead]
    rows = [_row(model, region, signals, significant=True)]
    while len(signals) <= max_signals:
        best = _strongest(model, region, signals)
        if best is None:
            break
        row = _row(model, region, [*signals, best], significant=False)
        row["significant"] = row["neglog10p"] > limit and len(signals) < max_signals
        rows.append(row)
        if not row["significant"]:
            break
        signals.append(best)
    return [row | {"neglog10p_joint": _joint(model, region, signals, i)} for i, row in enumerate(rows)]


def _strongest(model: Model, region: Region, signals: list[int]) -> int | None:
    """The variant with the largest t conditional on the signals; None if none can be tested."""
    in_model = region.pick(np.array(signals)).mean_imputed
    own = model.given(in_model)
    trait, unit_signals = own.residuals, unit_length(in_model[:, model.sample_index])
    explained_ss = np.empty(len(region))
    for batch, all_copies in region.batches():
        residualised, genotype_ss, testable = residualise(own.rows(all_copies), own.basis)
        unit_copies = unit_length(all_copies[:, model.sample_index])
        testable &= np.all([(unit_copies @ signal) ** 2 <= MAX_R2 for signal in unit_signals], axis=0)
        explained_ss[batch] = np.where(testable, (residualised @ trait) ** 2 / np.maximum(genotype_ss, 1e-300), -1.0)
    best = int(np.argmax(explained_ss))
    return best if explained_ss[best] >= 0 else None


def residualise(
    copies: NDArray[np.float64], basis: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Copies (V, N) without the basis (N, R) of a model, their sums of squares (V,), and (V,) whether a variant can be tested:
    more than 1 - MAX_R2 of its variance remains."""
    residualised = row_residuals(copies, basis)
    genotype_ss = np.einsum("vn,vn->v", residualised, residualised)
    centred = copies - copies.mean(axis=1, keepdims=True)
    return residualised, genotype_ss, genotype_ss > (1 - MAX_R2) * np.einsum("vn,vn->v", centred, centred)


def _row(model: Model, region: Region, in_model: list[int], *, significant: bool) -> dict[str, Any]:
    *before, last = in_model
    fit = model.fit(region.copies[last], [region.copies[i] for i in before])
    unconditional = model.fit(region.copies[last])
    lead_copies, last_copies = region.pick(np.array([in_model[0], last])).mean_imputed
    return {
        **region.variant_row(last), "step": len(in_model), "beta": fit.beta, "se": fit.se, "neglog10p": fit.neglog10p,
        "neglog10p_alone": unconditional.neglog10p, "significant": significant,
        "r2_with_lead": round(float(r2(last_copies[None], lead_copies)[0]), 6),
    }  # fmt: skip


def _joint(model: Model, region: Region, signals: list[int], i: int) -> float | None:
    """-log10 p of signal i conditional on all others; None for the row that is not a signal."""
    if i >= len(signals):
        return None
    return model.fit(region.copies[signals[i]], [region.copies[j] for j in signals if j != signals[i]]).neglog10p
