"""Enrichment with how easily a gene is hit: against direct computation, planted terms, and chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from ecgwas.genes import matched_enrichment
from ecgwas.genes.sources import regions
from ecgwas.genes.sources.enrichment import Term
from ecgwas.genes.sources.gene_positions import GenePositions
from ecgwas.study import Enrichment, Regions
from ecgwas.tables import Loci

GENES = 200
LONG = range(20)
"""The first twenty genes are 100 kb long, the others 5 kb; 20 kb lie between two."""


@pytest.fixture
def where(tmp_path: Path) -> GenePositions:
    lines, start = [], 1_000_000
    for i in range(GENES):
        length = 100_000 if i in LONG else 5_000
        lines.append(f"1 {start} {start + length} g{i}")
        start += length + 20_000
    path = tmp_path / "genes.tsv"
    path.write_text("\n".join(lines) + "\n")
    return regions.gene_positions(Regions(file=path))


@pytest.fixture
def options(tmp_path: Path) -> Enrichment:
    return Enrichment(terms=tmp_path / "terms.gmt", max_fdr=0.05, min_strength=0.0)


def middle(where: GenePositions, gene: int) -> int:
    table = where.chromosomes["1"]
    return int((table.start[gene] + table.stop[gene]) // 2)


def loci_at(positions: list[int]) -> Loci:
    rows = [
        {name: None for name in Loci.columns} | {"locus": i + 1, "chrom": "1", "pos": pos} for i, pos in enumerate(positions)
    ]
    return Loci.of(rows)


def term(name: str, genes: list[int]) -> Term:
    return Term("made", name, name, frozenset(f"g{i}" for i in genes))


REST = term("everything", list(range(GENES)))
EVEN = {"1": np.arange(990_000, 8_000_000, 500)}
"""Tested variants, evenly spaced."""


def test_long_genes_are_reached_in_proportion_to_their_length(where: GenePositions) -> None:
    chance = matched_enrichment.nearest_genes(where, EVEN)
    weights = dict(zip(chance.symbols, chance.weights.tolist(), strict=True))
    assert weights["g5"] == pytest.approx(120_000 / 500, abs=3)
    assert weights["g100"] == pytest.approx(25_000 / 500, abs=3)


def test_a_term_of_long_genes_is_no_finding(where: GenePositions, options: Enrichment) -> None:
    rng = np.random.default_rng(1)
    terms = [term("long", list(LONG)), term("short", list(range(20, 60))), REST]
    plain, length, resampled = [], [], []
    for seed in range(30):
        found = matched_enrichment.enrich(
            options, where, terms, loci_at(rng.choice(EVEN["1"], 30).tolist()), EVEN, seed=seed
        ).frame
        row = found.row(by_predicate=pl.col("term") == "long", named=True) if "long" in found["term"].to_list() else None
        if row is not None:
            plain.append(row["p_plain"])
            length.append(row["p_length"])
            resampled.append(row["p_resampled"])
    assert np.mean(np.array(plain) < 0.05) > 0.7
    assert np.mean(np.array(length) < 0.05) < 0.25
    assert np.mean(np.array(resampled) < 0.05) < 0.25
    assert row is not None
    assert row["weight"] > 3


def test_a_planted_term_is_found(where: GenePositions, options: Enrichment) -> None:
    genes = [30, 45, 61, 77, 93, 110, 126, 142]
    terms = [term("planted", genes), *(term(f"t{k}", list(range(20 + 5 * k, 30 + 5 * k))) for k in range(20)), REST]
    found = matched_enrichment.enrich(
        options, where, terms, loci_at([middle(where, g) for g in genes[:6]] + [middle(where, 3)]), EVEN, seed=1
    )
    first = found.frame.row(0, named=True)
    assert (first["term"], first["observed"], first["loci"], first["holds"]) == ("planted", 6, 7, True)
    assert first["genes"] == ";".join(sorted(f"g{g}" for g in genes[:6]))
    assert found.frame.filter(found.frame["term"] == "everything")["holds"].item() is False


def test_p_values_are_those_of_scipy(where: GenePositions, options: Enrichment) -> None:
    terms = [term("some", list(range(10, 40))), REST]
    found = matched_enrichment.enrich(
        options, where, terms, loci_at([middle(where, g) for g in (12, 25, 33, 80, 90)]), EVEN, seed=1
    ).frame
    row = found.row(by_predicate=pl.col("term") == "some", named=True)
    chance = matched_enrichment.nearest_genes(where, EVEN)
    weights = dict(zip(chance.symbols, chance.weights.tolist(), strict=True))
    inside = [weights[f"g{i}"] for i in range(10, 40)]
    outside = [weights[symbol] for symbol in chance.symbols if symbol not in {f"g{i}" for i in range(10, 40)}]
    odds = np.mean(inside) / np.mean(outside)
    background = len(chance.symbols)
    assert row["weight"] == pytest.approx(odds)
    assert row["p_plain"] == pytest.approx(stats.hypergeom.sf(2, background, 30, 5))
    assert row["p_length"] == pytest.approx(stats.nchypergeom_wallenius.sf(2, background, 30, 5, odds))


def test_several_loci_of_one_gene_are_one_finding(where: GenePositions, options: Enrichment) -> None:
    spot = middle(where, 5)
    found = matched_enrichment.enrich(
        options, where, [term("long", list(LONG)), REST], loci_at([spot, spot + 10, spot + 20]), EVEN, seed=1
    )
    assert found.frame["loci"].to_list() == [1, 1]


def test_genes_that_no_tested_variant_reaches_are_no_background(where: GenePositions, options: Enrichment) -> None:
    few = {"1": np.array([middle(where, g) for g in range(50)])}
    found = matched_enrichment.enrich(options, where, [REST], loci_at([middle(where, 7)]), few, seed=1).frame
    assert found["background"].to_list() == [50]


def test_without_loci_there_is_nothing(where: GenePositions, options: Enrichment) -> None:
    assert len(matched_enrichment.enrich(options, where, [REST], loci_at([]), EVEN, seed=1)) == 0
