"""Which variant of the genotypes each line of a scoring file means, by position or rs number and by alleles.

A line matches a variant whose alleles are those of the line, in either order, or their complements (single bases only: the file
may count the other strand). A variant on the strand of the file goes before one on the other strand. Of a palindromic variant
(A/T, C/G) both strands read the same, and `palindromes` decides:

    drop        it is not used
    frequency   the effect allele is the one whose frequency is nearer to that of the file; not used where the file states none,
                or where either frequency is close to one half (alleles.AMBIGUOUS_WITHIN)
    keep        the alleles are taken as named: the file is of the strand of the genotypes
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.genotypes.alleles import AMBIGUOUS_WITHIN
from ecgwas.scores.scoring_file import ScoringFile
from ecgwas.scores.weights import CONTRIBUTIONS

MATCHED, SWAPPED, FLIPPED, FLIPPED_SWAPPED = "matched", "swapped", "other strand", "other strand, swapped"
PALINDROMIC, AMBIGUOUS = "palindromic", "ambiguous palindrome"
ABSENT, OTHER_ALLELES, SEVERAL, DUPLICATED = "absent", "other alleles", "several variants", "duplicated"
USED = (MATCHED, SWAPPED, FLIPPED, FLIPPED_SWAPPED, PALINDROMIC)
"""Statuses of lines that are part of the score."""
Palindromes = Literal["drop", "frequency", "keep"]
Frequencies = Callable[[pl.DataFrame], NDArray[np.float64]]
"""Gives the frequencies (V,) of the effect alleles of variants: rows `chrom` and `place` of the genotypes; NaN: no calls."""

VARIANT_COLUMNS = ("chrom", "place", "pos", "variant", "effect_allele", "other_allele")


@dataclass(frozen=True)
class Matched:
    """Lines of one scoring file, in its order.

    frame   line, rsid, chrom, pos, effect_allele, other_allele (of the file), weight (of one copy; null of an unusable line),
            status, variant, place (row of the variant on its chromosome; null unless used), and CONTRIBUTIONS of 0, 1 and 2
            copies of the effect allele of the genotypes
    """

    name: str
    frame: pl.DataFrame

    @property
    def used(self) -> pl.DataFrame:
        """The lines that are part of the score."""
        return self.frame.filter(pl.col("status").is_in(USED))

    @property
    def share(self) -> float:
        """Share of the file's lines that are used."""
        return self.used.height / max(1, self.frame.height)

    def counts(self) -> list[tuple[str, int, float]]:
        """Status, number of lines and share of the sum of absolute weights, the most frequent first; USED before others."""
        size = pl.col("weight").abs().fill_null(0.0)
        total = max(float(self.frame.select(size.sum()).item()), 1e-300)
        table = self.frame.group_by("status").agg(pl.len(), share=size.sum() / total)
        table = table.with_columns(later=~pl.col("status").is_in(USED)).sort("later", -pl.col("len").cast(pl.Int64), "status")
        return [(status, count, share) for status, count, share in table.select("status", "len", "share").iter_rows()]


def candidates(table: pl.DataFrame, scorings: Sequence[ScoringFile]) -> pl.DataFrame:
    """The variants at a position, or with an rs number, of any of the scores. table: VARIANT_COLUMNS."""
    chroms = table["chrom"].unique().to_list()
    lines = pl.concat([one.frame.select("rsid", "chrom", "pos") for one in scorings])
    placed = lines.filter(pl.col("chrom").is_in(chroms)).select("chrom", "pos").unique()
    names = lines.filter(pl.col("pos").is_null()).select("rsid").drop_nulls().unique()
    keyed = table.with_columns(rsid=_rs_number(pl.col("variant")))
    by_place = keyed.join(placed, on=["chrom", "pos"], how="semi")
    by_name = keyed.join(names, on="rsid", how="semi")
    return pl.concat([by_place, by_name]).unique(["chrom", "place"]).sort("chrom", "place").select(VARIANT_COLUMNS)


def _rs_number(names: pl.Expr) -> pl.Expr:
    return names.str.extract(r"(?i)(?:^|[^0-9A-Za-z])(rs[0-9]+)(?:[^0-9A-Za-z]|$)").str.to_lowercase()


def match(
    scoring: ScoringFile, variants: pl.DataFrame, *, palindromes: Palindromes, frequencies: Frequencies
) -> Matched:  # fmt: skip
    """Lines of a scoring file with the variants that they mean. variants: result of `candidates`."""
    usable = scoring.frame.filter(pl.col("problem").is_null())
    pairs = _with_strand(_pairs(usable, variants))
    fitting = pairs.filter(pl.col("status").is_not_null())
    best = fitting.filter(pl.col("rank") == pl.col("rank").min().over("line"))
    several = best.group_by("line").len().filter(pl.col("len") > 1)["line"]
    single = _palindromes(best.filter(~pl.col("line").is_in(several.implode())), palindromes, frequencies).sort("line")
    used = single.filter(pl.col("status").is_in(USED))
    first = used.unique(["own_chrom", "place"], keep="first", maintain_order=True)["line"]
    twice = pl.col("status").is_in(USED) & ~pl.col("line").is_in(first.implode())
    single = single.with_columns(status=pl.when(twice).then(pl.lit(DUPLICATED)).otherwise("status"))
    place, other = pairs["line"].unique().implode(), fitting["line"].unique().implode()
    joined = scoring.frame.join(single.select("line", "status", "swap", "variant", "place", "own_chrom"), on="line", how="left")
    line = pl.col("line")
    joined = joined.with_columns(status=pl.coalesce(
        "problem", "status", pl.when(line.is_in(several.implode())).then(pl.lit(SEVERAL)),
        pl.when(line.is_in(place) & ~line.is_in(other)).then(pl.lit(OTHER_ALLELES)), pl.lit(ABSENT),
    ))  # fmt: skip
    return Matched(scoring.name, _oriented(joined))


def _pairs(lines: pl.DataFrame, variants: pl.DataFrame) -> pl.DataFrame:
    """Every usable line with each variant at its position, or, without a position, of its rs number."""
    own = variants.select(
        own_chrom="chrom", own_pos="pos", place="place", variant="variant",
        a=pl.col("effect_allele").str.to_uppercase(), b=pl.col("other_allele").str.to_uppercase(),
        own_rsid=_rs_number(pl.col("variant")),
    )  # fmt: skip
    placed = lines.filter(pl.col("pos").is_not_null())
    at = placed.join(own, left_on=["chrom", "pos"], right_on=["own_chrom", "own_pos"], how="inner", coalesce=False)
    named = lines.filter(pl.col("pos").is_null(), pl.col("rsid").is_not_null())
    by_name = named.join(own, left_on="rsid", right_on="own_rsid", how="inner", coalesce=False)
    return pl.concat([at.select(by_name.columns), by_name])


def _with_strand(pairs: pl.DataFrame) -> pl.DataFrame:
    """status (null: other alleles), swap (the effect allele of the file is the other allele here), rank (0: same strand)."""
    e, o, a, b = (pl.col(name) for name in ("effect_allele", "other_allele", "a", "b"))
    bases = pairs.with_columns(
        ce=e.replace_strict(COMPLEMENTS, default=None), co=o.replace_strict(COMPLEMENTS, default=None),
        is_single=(a.str.len_bytes() == 1) & (b.str.len_bytes() == 1),
        palindromic=a == b.replace_strict(COMPLEMENTS, default=None),
    )  # fmt: skip
    # Without its other allele, a line fits a variant that has its effect allele.
    same, swapped = ((e == x) & (o.is_null() | (o == y)) for x, y in ((a, b), (b, a)))
    flipped, both = (
        pl.col("is_single") & (pl.col("ce") == x) & (o.is_null() | (pl.col("co") == y)) for x, y in ((a, b), (b, a))
    )
    fit = bases.with_columns(same=same, swapped=swapped, flipped=flipped, both=both)
    palindrome = pl.col("palindromic").fill_null(value=False) & (pl.col("same") | pl.col("swapped"))
    return fit.with_columns(
        status=pl.when(palindrome).then(pl.lit(AMBIGUOUS)).when("same").then(pl.lit(MATCHED))
        .when("swapped").then(pl.lit(SWAPPED)).when("flipped").then(pl.lit(FLIPPED)).when("both").then(pl.lit(FLIPPED_SWAPPED)),
        swap=pl.when(pl.col("same")).then(pl.lit(value=False)).when("swapped").then(pl.lit(value=True))
        .otherwise(pl.col("both")),
        rank=pl.when(pl.col("same") | pl.col("swapped")).then(0).otherwise(1),
    )  # fmt: skip


COMPLEMENTS = {"A": "T", "T": "A", "C": "G", "G": "C"}


def _palindromes(single: pl.DataFrame, rule: Palindromes, frequencies: Frequencies) -> pl.DataFrame:
    """Decides on ambiguous palindromes; one row per line."""
    ambiguous = (single["status"] == AMBIGUOUS).to_numpy()
    if rule == "drop" or not ambiguous.any():
        return single
    kept, swap = ambiguous.copy(), single["swap"].to_numpy().copy()
    if rule == "frequency":
        chosen = single.filter(pl.Series(ambiguous))
        own = frequencies(chosen.select(pl.col("own_chrom").alias("chrom"), "place"))
        stated = chosen["frequency"].fill_null(np.nan).to_numpy()
        with np.errstate(invalid="ignore"):
            clear = np.minimum(np.abs(own - 0.5), np.abs(stated - 0.5)) >= AMBIGUOUS_WITHIN
        kept[ambiguous] = clear
        # Frequencies are compared, not letters: the allele of the file is the one that is as frequent here.
        swap[ambiguous] = np.abs(own - stated) > np.abs(1 - own - stated)
    status = pl.when(pl.Series(kept)).then(pl.lit(PALINDROMIC)).otherwise("status")
    return single.with_columns(status=status, swap=pl.Series(swap))


def _oriented(joined: pl.DataFrame) -> pl.DataFrame:
    """The columns of Matched.frame."""
    used = pl.col("status").is_in(USED)
    zero, one, two = (pl.col(name) for name in CONTRIBUTIONS)
    swap = pl.col("swap").fill_null(value=False)
    return joined.select(
        "line", "rsid", chrom=pl.coalesce("chrom", pl.when(used).then(pl.col("own_chrom"))), pos="pos",
        effect_allele="effect_allele", other_allele="other_allele", weight=(two - zero) / 2, status="status",
        variant=pl.when(used).then(pl.col("variant")), place=pl.when(used).then(pl.col("place")),
        copies_0=pl.when(swap).then(two).otherwise(zero), copies_1=one, copies_2=pl.when(swap).then(zero).otherwise(two),
    )  # fmt: skip
