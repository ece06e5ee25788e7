"""What is said of a test that is drawn as a point: variant, place, gene, p, effect, participants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from ecgwas.report.contents import ReportContents
from ecgwas.report.links import Links
from ecgwas.report.text.effects import per_copy
from ecgwas.report.text.numbers import p_and_neglog10p
from ecgwas.tables import VARIANT_KEY

MOST_WORDS = 3_000
"""Points of a figure that have words: the strongest."""


@dataclass(frozen=True)
class PointWords:
    """Words and addresses of tests.

    effects  columns VARIANT_KEY, trait, beta, se, n, effect, effect_se, unit of the significant tests
    genes    columns VARIANT_KEY, gene: the nearest gene of the significant variants
    extents  chromosome -> start, stop and number of the loci with a page, the strongest first
    """

    effects: pl.DataFrame
    genes: pl.DataFrame
    links: Links
    unit_of_beta: str = ""
    extents: Mapping[str, list[tuple[int, int, int]]] = field(default_factory=dict)

    @classmethod
    def of(cls, contents: ReportContents) -> PointWords:
        """For the tests of a study."""
        columns = (*VARIANT_KEY, "trait", "beta", "se", "n", "effect", "effect_se", "unit")
        effects = contents.loci.hits.frame.select(columns).unique([*VARIANT_KEY, "trait"], maintain_order=True)
        links, extents = Links.of(contents), dict[str, list[tuple[int, int, int]]]()
        for locus in contents.loci.loci.frame.sort("neglog10p", "locus", descending=[True, False]).iter_rows(named=True):
            if links.locus(locus["locus"]):
                extents.setdefault(locus["chrom"], []).append((locus["start"], locus["stop"], locus["locus"]))
        return cls(effects, nearest(contents.genes.genes.frame), links, contents.run.unit_of_beta, extents)

    def of_tests(self, rows: pl.DataFrame) -> tuple[list[str], list[str]]:
        """Words and addresses of tests (columns variant, VARIANT_KEY, trait, neglog10p); "" beyond the MOST_WORDS strongest."""
        words, links = [""] * rows.height, [""] * rows.height
        strongest = rows.with_row_index("place").sort("neglog10p", "place", descending=[True, False]).head(MOST_WORDS)
        known = strongest.join(self.effects, on=[*VARIANT_KEY, "trait"], how="left", maintain_order="left")
        known = known.join(self.genes, on=VARIANT_KEY, how="left", maintain_order="left")
        for row in known.iter_rows(named=True):
            words[row["place"]] = self._words(row)
            links[row["place"]] = self.locus_at(row["chrom"], row["pos"]) or self.links.trait(row["trait"], row)
        return words, links

    def locus_at(self, chrom: str, pos: int) -> str:
        """The address of the strongest locus there that has a page; empty if there is none."""
        numbers = (number for start, stop, number in self.extents.get(chrom, ()) if start <= pos <= stop)
        return next((self.links.locus(number) for number in numbers), "")

    def _words(self, row: Mapping[str, Any]) -> str:
        lines = [f"{row['variant']}, {row['chrom']}:{row['pos']:,}"]
        lines += [] if row["gene"] is None else [f"nearest gene {row['gene']}"]
        lines.append(f"{p_and_neglog10p(row['neglog10p'])}, {row['trait']}")
        lines += [per_copy(row, self.unit_of_beta), "" if row["n"] is None else f"n {row['n']:,}"]
        return "\n".join(line for line in lines if line)


def nearest(genes: pl.DataFrame) -> pl.DataFrame:
    """Columns VARIANT_KEY, gene: the gene of smallest rank of each variant. genes: columns of Genes."""
    known = genes.drop_nulls("gene").sort("rank", "gene", *VARIANT_KEY, nulls_last=True)
    return known.unique(VARIANT_KEY, keep="first", maintain_order=True).select(*VARIANT_KEY, "gene")
