"""What a point of a figure says and where it leads."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ecgwas.report.links import NO_LINKS
from ecgwas.report.text.effects import per_copy
from ecgwas.report.text.numbers import p_and_neglog10p
from ecgwas.report.text.points import PointWords
from ecgwas.serve import addresses
from ecgwas.serve.study import Served
from ecgwas.tables import VARIANT_KEY

MOST_WORDS = 1_000
"""Points of a Manhattan plot that have words: the strongest."""


@dataclass(frozen=True)
class TestWords(PointWords):
    """Words of tests of a served study; each leads to its variant. effects: columns VARIANT_KEY, trait, beta, se, n."""

    __test__ = False
    served: Served | None = None

    @classmethod
    def of_rows(cls, served: Served, rows: pl.DataFrame) -> TestWords:
        """For tests with the columns NAMED, trait, NUMBERS."""
        nothing = pl.DataFrame(schema={name: pl.String for name in (*VARIANT_KEY, "gene")})
        return cls(rows.select(*VARIANT_KEY, "trait", "beta", "se", "n"), nothing, NO_LINKS, served.sd_unit, served=served)

    def of_tests(self, rows: pl.DataFrame) -> tuple[list[str], list[str]]:
        """Words and addresses of tests (columns variant, VARIANT_KEY, trait, neglog10p); "" beyond the MOST_WORDS strongest."""
        if self.served is None:
            return super().of_tests(rows)
        words, to = [""] * rows.height, [""] * rows.height
        strongest = rows.with_row_index("place").sort("neglog10p", "place", descending=[True, False]).head(MOST_WORDS)
        keys = [*VARIANT_KEY, "trait"]
        effects = self.effects.join(strongest.select(keys), on=keys, how="semi")
        known = strongest.join(effects, on=keys, how="left", maintain_order="left")
        known = known.join(self.served.natural, on=keys, how="left", maintain_order="left")
        for row in known.iter_rows(named=True):
            gene = self.served.genes.nearest(row["chrom"], row["pos"])
            lines = [f"{row['variant']}, {row['chrom']}:{row['pos']:,}", "" if gene is None else f"nearest gene {gene}"]
            lines += [f"{p_and_neglog10p(row['neglog10p'])}, {row['trait']}", per_copy(row, self.unit_of_beta)]
            lines.append("" if row["n"] is None else f"n {row['n']:,}")
            words[row["place"]] = "\n".join(line for line in lines if line)
            to[row["place"]] = addresses.variant(row, self.served.key)
        return words, to
