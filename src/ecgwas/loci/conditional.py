"""Further signals in a locus: the strongest variant into the model, everything tested again, until nothing is left."""

from __future__ import annotations

from typing import Any

import numpy as np

from ecgwas.loci.individual_data import Model, Region
from ecgwas.statistics.correlation import r2
from ecgwas.statistics.projection import row_residuals

COLLINEAR = 0.95
"""Variants whose r squared with a chosen one is larger are not tested beside it."""


def stepwise(model: Model, region: Region, lead: int, *, limit: float, most: int) -> list[dict[str, Any]]:
    """Rows of Conditional (without locus and trait): the lead, each further signal, and the best of what is left.

    lead: the lead variant's place in the region; limit: -log10 p that a further signal must exceed; most: signals at most.
    Each step tests all variants beside those chosen (no call filled with the mean); the one chosen is fitted again, people
    without a call of it or of those before left out. The last row, not significant, tells what the next step would be.
    Individual data, so the exact analysis that GCTA-COJO approximates (Yang et al. 2012, Nat Genet 44:369).
    """
    chosen = [lead]
    rows = [_row(model, region, chosen, significant=True)]
    while len(chosen) <= most:
        best = _next(model, region, chosen)
        if best is None:
            break
        row = _row(model, region, [*chosen, best], significant=False)
        row["significant"] = row["neglog10p"] > limit and len(chosen) < most
        rows.append(row)
        if not row["significant"]:
            break
        chosen.append(best)
    return [row | {"neglog10p_joint": _joint(model, region, chosen, i)} for i, row in enumerate(rows)]


def _next(model: Model, region: Region, chosen: list[int]) -> int | None:
    """The variant with the largest t beside those chosen; None if none can be tested."""
    own = region.pick(np.array(chosen)).filled[:, model.people]
    basis = np.linalg.qr(np.column_stack([model.basis, *own]))[0]
    trait = row_residuals(model.values, basis)
    product = np.empty(len(region))
    for some, copies in region.strips():
        here = copies[:, model.people]
        rest = row_residuals(here, basis)
        length = np.einsum("vn,vn->v", rest, rest)
        centred = here - here.mean(axis=1, keepdims=True)
        free = length > (1 - COLLINEAR) * np.einsum("vn,vn->v", centred, centred)
        free &= np.all([r2(here, one) <= COLLINEAR for one in own], axis=0)
        product[some] = np.where(free, (rest @ trait) ** 2 / np.maximum(length, 1e-300), -1.0)
    best = int(np.argmax(product))
    return best if product[best] >= 0 else None


def _row(model: Model, region: Region, chosen: list[int], *, significant: bool) -> dict[str, Any]:
    *before, last = chosen
    fit = model.fit(region.copies[last], [region.copies[i] for i in before])
    alone = model.fit(region.copies[last])
    first, latest = region.pick(np.array([chosen[0], last])).filled
    return {
        **region.named(last), "step": len(chosen), "beta": fit.beta, "se": fit.se, "neglog10p": fit.neglog10p,
        "neglog10p_alone": alone.neglog10p, "significant": significant,
        "r2_with_lead": round(float(r2(latest[None], first)[0]), 6),
    }  # fmt: skip


def _joint(model: Model, region: Region, chosen: list[int], i: int) -> float | None:
    """-log10 p of a signal beside all others; None for the row that is no signal."""
    if i >= len(chosen):
        return None
    return model.fit(region.copies[chosen[i]], [region.copies[j] for j in chosen if j != chosen[i]]).neglog10p
