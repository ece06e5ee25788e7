"""Over-representation against gseapy, scipy and statsmodels, and terms in both formats."""

from __future__ import annotations

from pathlib import Path

import gseapy
import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from ecgwas.errors import InputError
from ecgwas.genes.sources import enrichment
from ecgwas.study import Enrichment

SETS = {
    "cardiac conduction": ["A", "B", "C", "D"],
    "myocarditis": ["A", "E", "F"],
    "descartes": ["G", "H", "I", "J", "K"],
    "long": [f"L{k}" for k in range(30)] + ["A", "B"],
}


def gmt(folder: Path, line_end: str = "\n") -> Path:
    path = folder / "sets.gmt"
    path.write_bytes(line_end.join("\t".join([name, "", *genes]) for name, genes in SETS.items()).encode())
    return path


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_numbers_by_hand_and_by_gseapy(tmp_path: Path, line_end: str) -> None:
    options = Enrichment(terms=gmt(tmp_path, line_end))
    hits = ["A", "B", "C", "G", "stranger"]
    found = enrichment.enrich(options, hits)
    background = sorted({gene for genes in SETS.values() for gene in genes})
    row = found.terms.frame.row(0, named=True)
    assert (row["term"], row["observed"], row["background"]) == ("cardiac conduction", 3, 4)
    assert row["expected"] == pytest.approx(4 * 4 / len(background))
    assert row["strength"] == pytest.approx(np.log10(3 * len(background) / 16))
    assert row["p"] == pytest.approx(stats.hypergeom.sf(2, len(background), 4, 4))
    assert row["genes"] == "A;B;C"
    assert any("stranger" in note for note in found.notes)

    theirs = gseapy.enrich(gene_list=hits[:4], gene_sets=SETS, background=background, outdir=None).results
    ours = dict(zip(found.terms.frame["term"], found.terms.frame["p"], strict=True))
    for term, p in zip(theirs["Term"], theirs["P-value"], strict=True):
        assert ours[term] == pytest.approx(p, rel=1e-9)


def test_rates_are_those_of_statsmodels() -> None:
    p = np.random.default_rng(0).uniform(size=50) ** 3
    np.testing.assert_allclose(enrichment.benjamini_hochberg(p), multipletests(p, method="fdr_bh")[1])


def test_terms_of_string_are_tested_by_category(tmp_path: Path) -> None:
    info = tmp_path / "info.txt"
    info.write_text("#string_protein_id\tpreferred_name\tprotein_size\tannotation\n9606.P1\tA\t1\t\n9606.P2\tB\t1\t\n")
    terms = tmp_path / "terms.txt"
    terms.write_text(
        "#string_protein_id\tcategory\tterm\tdescription\n"
        "9606.P1\tTissue expression (TISSUES)\tBTO:1\theart\n9606.P2\tTissue expression (TISSUES)\tBTO:1\theart\n"
        "9606.P2\tMolecular Function (Gene Ontology)\tGO:1\tbinding\n"
        "9606.P1\tHuman Phenotype (Monarch)\tHP:1\tlong QT\n9606.P1\tReactome Pathways\tHSA-1\tnot asked for\n"
    )
    frame = enrichment.enrich(Enrichment(terms=terms, info=info), ["A"]).terms.frame
    assert frame.select("category", "term", "observed", "background").rows() == [
        ("Human Phenotype (Monarch)", "HP:1", 1, 1), ("Tissue expression (TISSUES)", "BTO:1", 1, 2),
    ]  # fmt: skip
    everything = enrichment.enrich(Enrichment(terms=terms, info=info, categories=()), ["A"]).terms.frame
    assert set(everything["category"]) == {*frame["category"], "Reactome Pathways"}
    with pytest.raises(InputError, match="no category TISSUES") as caught:
        enrichment.enrich(Enrichment(terms=terms, info=info, categories=("TISSUES",)), ["A"])
    assert "Tissue expression (TISSUES)" in caught.value.fix
    with pytest.raises(InputError, match=r"protein\.info"):
        enrichment.enrich(Enrichment(terms=terms), ["A"])


def test_no_hits_is_no_error(tmp_path: Path) -> None:
    assert len(enrichment.enrich(Enrichment(terms=gmt(tmp_path)), []).terms) == 0


@pytest.mark.parametrize(("text", "words"), [("", "empty"), ("one line of words\n", "line 1")])
def test_files_that_hold_no_terms(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "terms.gmt"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        enrichment.enrich(Enrichment(terms=path), ["A"])


@pytest.mark.slow
def test_random_genes_are_no_more_enriched_than_chance(tmp_path: Path) -> None:
    """200 random draws from one background: runs with a term at FDR 0.05 are at most about one in twenty."""
    rng = np.random.default_rng(8)
    genes = np.array([f"G{k}" for k in range(1000)])
    sets = {f"T{k}": rng.choice(genes, size=int(rng.integers(10, 80)), replace=False).tolist() for k in range(60)}
    path = tmp_path / "random.gmt"
    path.write_text("\n".join("\t".join([name, "", *members]) for name, members in sets.items()))
    options = Enrichment(terms=path, max_fdr=0.05, min_strength=0)
    draws = [enrichment.enrich(options, rng.choice(genes, 60, replace=False).tolist()).terms.frame for _ in range(200)]
    with_any = sum(bool(frame["kept"].any()) for frame in draws)
    assert with_any <= stats.binom.ppf(0.999, 200, 0.05)


def contract_options(folder: Path, address: str) -> Enrichment:
    """What test_contract.py tests this kind with."""
    path = folder / "terms.gmt"
    path.write_text("conduction\tNA\tSCN5A\tSCN10A\tKCNQ1\nother\tNA\tTTN\tMYH6\tSCN5A\n")
    return Enrichment(terms=path, max_fdr=1.0, min_strength=0.0)
