"""Over-representation over real GMT files: p, strength and FDR against gseapy (offline) and against counting by hand."""

from __future__ import annotations

import math
from pathlib import Path

import gseapy
import numpy as np
import pytest
from scipy.special import gammaln
from statsmodels.stats.multitest import multipletests

from ecgwas.genes.sources import enrichment
from ecgwas.study import Enrichment

HEART = (
    "SCN5A", "SCN10A", "KCNQ1", "KCNH2", "KCNE1", "KCNJ2", "NOS1AP", "TTN", "MYH6", "MYH7", "TBX5", "TBX20", "NKX2-5",
    "GATA4", "HCN4", "CACNA1C", "RYR2", "PLN", "ATP2A2", "CASQ2", "TBX3", "MEIS1", "PRRX1", "CAV1", "CDKN1A", "SLC8A1",
    "LITAF", "BAG3",
)  # fmt: skip


def by_hand(observed: int, background: int, size: int, query: int) -> float:
    """P(X >= observed) as a sum of ratios of binomial coefficients."""

    def log_choose(n: int, k: int) -> float:
        return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))

    total = log_choose(background, query)
    most = min(size, query)
    terms = [
        log_choose(size, k) + log_choose(background - size, query - k) - total
        for k in range(observed, most + 1)
        if query - k <= background - size
    ]
    return math.fsum(math.exp(term) for term in terms)


@pytest.mark.real
@pytest.mark.parametrize("name", ["GO_Biological_Process_2021.gmt", "KEGG_2016.gmt", "ReactomePathways.gmt"])
def test_the_same_gmt_gives_the_same_numbers(name: str, shared: Path) -> None:
    path = shared / "data" / "networks" / name
    options = Enrichment(terms=path)
    terms = list(enrichment.read_terms(options))
    background = sorted(frozenset().union(*(term.genes for term in terms)))
    hits = sorted(set(HEART) & set(background))
    ours = enrichment.enrich(options, HEART).terms.frame
    sets = {term.identifier: sorted(term.genes) for term in terms}
    theirs = gseapy.enrich(gene_list=hits, gene_sets=sets, background=background, outdir=None).results
    assert set(theirs["Term"]) == set(ours["term"])
    p_theirs = dict(zip(theirs["Term"], theirs["P-value"], strict=True))
    np.testing.assert_allclose(ours["p"], [p_theirs[term] for term in ours["term"]], rtol=1e-9)

    rates = dict(zip(ours["term"], ours["fdr"], strict=True))
    # gseapy corrects for the terms with a hit gene; we for all terms of the file, those without one at p = 1.
    np.testing.assert_allclose(theirs["Adjusted P-value"], multipletests(theirs["P-value"], method="fdr_bh")[1], rtol=1e-9)
    silent = len(terms) - len(theirs)
    everyone = multipletests(np.append(theirs["P-value"], np.ones(silent)), method="fdr_bh")[1][: len(theirs)]
    np.testing.assert_allclose([rates[term] for term in theirs["Term"]], everyone, rtol=1e-9)

    for row in ours.iter_rows(named=True):
        observed = len(set(sets[row["term"]]) & set(hits))
        expected = len(hits) * len(sets[row["term"]]) / len(background)
        assert row["observed"] == observed
        assert row["strength"] == pytest.approx(math.log10(observed / expected))
        assert row["p"] == pytest.approx(by_hand(observed, len(background), len(sets[row["term"]]), len(hits)), rel=1e-7)


@pytest.mark.real
def test_genes_of_the_heart_are_terms_of_the_heart(shared: Path) -> None:
    options = Enrichment(terms=shared / "data" / "networks" / "GO_Biological_Process_2021.gmt")
    frame = enrichment.enrich(options, HEART).terms.frame
    strongest = frame.filter(frame["kept"]).head(10)
    assert strongest["cardiovascular"].sum() >= 8
