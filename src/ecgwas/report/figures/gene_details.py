"""What a gene, or a gene in a lead, comprises: loci, traits, variants and terms, listed when it is chosen in a figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from ecgwas.report.figures.terms import name_of
from ecgwas.report.links import Links
from ecgwas.report.plot_data import Details
from ecgwas.report.queries import strongest_of_traits
from ecgwas.report.text.numbers import p_value
from ecgwas.tables import VARIANT_KEY, Loci, Terms

MOST_TRAITS, MOST_VARIANTS, MOST_TERMS = 12, 12, 8
"""Most rows of a kind: a page of thousands of genes must stay small, and the tables have all of them."""


@dataclass(frozen=True)
class GeneDetails:
    """gene_hits: as queries.gene_hits gives them; links: where loci and traits have pages."""

    gene_hits: pl.DataFrame
    terms: Terms
    loci: Loci
    links: Links

    def of_genes(self, genes: Iterable[str]) -> dict[str, Details]:
        """Gene -> its loci, the traits with the strongest hits in it, the terms that contain it."""
        return {gene: self._of_gene(gene) for gene in genes}

    def of_cells(self, genes: Iterable[str]) -> dict[str, Details]:
        """`gene, lead` -> its significant variants, each with its strongest trait there."""
        chosen = self.gene_hits.filter(pl.col("gene").is_in(list(genes)))
        groups = chosen.sort("gene", "lead").group_by("gene", "lead", maintain_order=True)
        return {f"{gene}, {lead}": self._of_cell(f"{gene} in {lead}", rows) for (gene, lead), rows in groups}

    def of_term(self, title: str, genes: Iterable[str]) -> Details:
        """The hit genes of a term, each leading to its first locus with a page."""
        return Details(title, [(gene, self.locus_of(gene)) for gene in genes])

    def locus_of(self, gene: str) -> str:
        """The address of the first locus of a gene that has a page; empty if there is none."""
        addresses = (self.links.locus(number) for number in sorted(set(self._rows(gene)["locus"])))
        return next((address for address in addresses if address), "")

    @cached_property
    def _by_gene(self) -> Mapping[str, pl.DataFrame]:
        return {str(key[0]): rows for key, rows in self.gene_hits.group_by("gene", maintain_order=True)}

    @cached_property
    def _terms_of(self) -> Mapping[str, list[str]]:
        """Gene -> its terms within the study's limits, the smallest FDR first."""
        names_of_terms: dict[str, list[str]] = {}
        kept = self.terms.frame.filter(pl.col("kept")).sort("fdr", "category", "term", nulls_last=True)
        for row in kept.iter_rows(named=True):
            for gene in (row["genes"] or "").split(";"):
                names_of_terms.setdefault(gene, []).append(name_of(row))
        return names_of_terms

    def _rows(self, gene: str) -> pl.DataFrame:
        return self._by_gene.get(gene, self.gene_hits.clear())

    def _of_gene(self, gene: str) -> Details:
        own = self._rows(gene)
        leads = dict(self.loci.frame.select("locus", "lead_variant").iter_rows())
        numbers = sorted(set(own["locus"]))
        loci = [(f"locus {number}: {leads.get(number, 'not on this page')}", self.links.locus(number)) for number in numbers]
        best = strongest_of_traits(own)
        shown = best.head(MOST_TRAITS).iter_rows(named=True)
        traits = [(f"{row['trait']}: {row['variant']}, p {p_value(row['neglog10p'])}", self.links.trait(row["trait"], row))
                  for row in shown]  # fmt: skip
        terms = self._terms_of.get(gene, [])
        named = [(f"term: {term}", "") for term in terms[:MOST_TERMS]]
        more = max(best.height - MOST_TRAITS, 0) + max(len(terms) - MOST_TERMS, 0)
        return Details(gene, [*loci, *traits, *named], more)

    def _of_cell(self, title: str, rows: pl.DataFrame) -> Details:
        ordered = rows.sort("neglog10p", "trait", *VARIANT_KEY, descending=[True, False, *(False for _ in VARIANT_KEY)])
        best = ordered.unique(VARIANT_KEY, keep="first", maintain_order=True)
        shown = best.head(MOST_VARIANTS).iter_rows(named=True)
        words = [(f"{row['variant']}, {row['chrom']}:{row['pos']:,}, p {p_value(row['neglog10p'])} in {row['trait']}",
                  self.links.trait(row["trait"], row)) for row in shown]  # fmt: skip
        return Details(f"{title}: {best.height} significant variant{'' if best.height == 1 else 's'}", words,
                       max(best.height - MOST_VARIANTS, 0))  # fmt: skip
