"""Selects the variants on a user's list: by name, by `chrom:pos`, or by `chrom:pos:ref:alt` with the alleles in either order.

Names are labels, and several variants may share one. A shared name is an error if the variants are at several positions. At
one position it selects all of them, with a warning. In entries with alleles, `_` or `-` may replace `:`. A leading `chr` is
optional.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import ids
from ecgwas.errors import InputError, first_few
from ecgwas.genotypes.chromosome_codes import chromosome_code, reported_chromosome

_CHROM = "(?i)^(?:chr)?([0-9]{1,2}|X|Y|XY|M|MT|PAR1|PAR2)"
WITH_ALLELES = _CHROM + "[:_-]([0-9]{1,10})[:_-]([a-z*<>]+)[:_/-]([a-z*<>]+)$"
POSITION = _CHROM + ":([0-9]{1,10})$"

FIX = "list chrom:pos:ref:alt, which is one variant; if that is the name of another variant, add or remove the prefix chr"
LIST_ALLELES = "to test one of them alone list it as chrom:pos:ref:alt"

KEY = ("chrom", "pos", "first", "second")
"""Columns that identify a variant. Alleles are in upper case and sorted, so that their order in an entry does not matter."""


@dataclass(frozen=True)
class VariantList:
    """A list of variants.

    lines   entry -> its line number
    frame   entry and KEY; the alleles are null for `chrom:pos`, and all of KEY is null for a name
    """

    path: Path
    lines: dict[str, int]
    frame: pl.DataFrame


def read(path: Path) -> VariantList:
    """Reads the list. Cached until the file changes. Raises InputError as ids.read_list does."""
    try:
        status = path.stat()
    except OSError:
        return _read(path, 0, 0)
    return _read(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=2)
def _read(path: Path, size: int, changed: int) -> VariantList:
    """Reads the list. size, changed: size and modification time of the file, so that a changed file is read again."""
    lines = ids.read_list(
        path, what="variants", fix="correct scan.variants", names=ids.VARIANT_NAMES, more_columns=True,
        write="write names as text, as the genotypes have them, or chrom:pos:ref:alt where variants have none",
    )  # fmt: skip
    return VariantList(path, lines, parsed(list(lines)))


def parsed(entries: list[str]) -> pl.DataFrame:
    """Table of entries with their KEY; see VariantList.frame."""
    frame = pl.DataFrame({"entry": entries}, schema={"entry": pl.String})
    full, short = (
        pl.col("entry").str.extract_groups(pattern).struct.rename_fields(names)
        for pattern, names in ((WITH_ALLELES, ["chrom", "pos", "a", "b"]), (POSITION, ["chrom", "pos"]))
    )
    alleles = [full.struct.field(name).str.to_uppercase() for name in ("a", "b")]
    read = frame.with_columns(
        chrom=pl.coalesce(full.struct.field("chrom"), short.struct.field("chrom")),
        pos=pl.coalesce(full.struct.field("pos"), short.struct.field("pos")).cast(pl.Int64),
        first=pl.when(alleles[1].is_not_null()).then(pl.min_horizontal(alleles)), second=pl.max_horizontal(alleles),
    )  # fmt: skip
    return read.with_columns(pl.col("chrom").replace(reported_codes(read["chrom"])))


def reported_codes(names: pl.Series) -> dict[str, str]:
    """Each chromosome name in `names` -> the chromosome on which its variants are reported."""
    return {name: reported_chromosome(chromosome_code(name)) for name in names.drop_nulls().unique()}


def matches(listed: VariantList, table: pl.DataFrame) -> pl.DataFrame:
    """All pairs of an entry and a variant that it matches by name or position: entry, row, variant, KEY.

    table: columns of filesets.read_variants.
    """
    alleles = [pl.col(name).str.to_uppercase() for name in ("effect_allele", "other_allele")]
    keyed = table.lazy().select(
        "row", "variant", pl.col("chrom").replace(reported_codes(table["chrom"])), "pos",
        first=pl.min_horizontal(alleles), second=pl.max_horizontal(alleles),
    )  # fmt: skip
    entries = listed.frame.lazy()
    placed = entries.filter(pl.col("pos").is_not_null())
    by_name = keyed.join(entries.select("entry"), left_on="variant", right_on="entry", how="inner", coalesce=False)
    at = keyed.join(placed, on=["chrom", "pos"], how="inner", suffix="_listed")
    same = (pl.col("first") == pl.col("first_listed")) & (pl.col("second") == pl.col("second_listed"))
    by_place = at.filter(pl.col("first_listed").is_null() | same)
    columns = ["entry", "row", "variant", *KEY]
    return pl.concat([by_name.select(columns), by_place.select(columns)]).unique().sort("row", "entry").collect()


def is_listed(listed: VariantList, table: pl.DataFrame) -> NDArray[np.bool_]:
    """(V,) bool: variants of `table` that the list selects. Raises InputError for ambiguous entries (see refuse_ambiguous)."""
    matched = matches(listed, table)
    refuse_ambiguous(listed, matched)
    return table["row"].is_in(matched["row"].unique().implode()).to_numpy()


def refuse_ambiguous(listed: VariantList, matched: pl.DataFrame) -> None:
    """Raises InputError if an entry matches variants at several positions, or one variant by its alleles and another by name.

    matched: result of `matches`, for one or several filesets.
    """
    own = listed.frame.select("entry", alleles=pl.col("first").is_not_null())
    per = matched.group_by("entry").agg(
        variants=pl.struct(KEY).n_unique(), positions=pl.struct("chrom", "pos").n_unique(),
        shown=pl.concat_str(KEY, separator=":").unique().sort().head(3).str.join(", "),
    )  # fmt: skip
    per = per.filter(pl.col("variants") > 1).join(own, on="entry").filter(pl.col("alleles") | (pl.col("positions") > 1))
    if per.height == 0:
        return
    shown = [
        f"{entry} ({count}: {where})" for entry, count, where in per.sort("entry").select("entry", "variants", "shown").rows()
    ]
    problem = f"{per.height} of {len(listed.lines)} variants listed mean several variants: {first_few(shown, 3)}"
    raise InputError(problem, where=listed.path, fix=FIX)


def warn_of_several(listed: VariantList, matched: pl.DataFrame) -> str | None:
    """Warns of entries that match several variants at one position; None if there are none."""
    per = matched.group_by("entry").len().filter(pl.col("len") > 1).sort("entry")
    if per.height == 0:
        return None
    shown = first_few((f"{entry}: {count}" for entry, count in per.rows()), 3)
    count = (
        f"{per.height} of {len(listed.lines)} variants listed mean several variants of one position, all of which are tested"
    )
    return f"{count} ({shown}); {LIST_ALLELES}"


def other_alleles(listed: VariantList, unmatched: list[str], positions: pl.DataFrame) -> str:
    """Says how many unmatched entries are at a position (chrom, pos) of the genotypes with other alleles; empty if none."""
    placed = listed.frame.filter(pl.col("entry").is_in(unmatched), pl.col("pos").is_not_null())
    count = placed.join(positions, on=["chrom", "pos"], how="semi").height
    return f"; {count} of them are at a position of the genotypes, with other alleles" if count else ""


def positions(table: pl.DataFrame, listed: VariantList) -> pl.DataFrame:
    """chrom and pos of the variants in `table` that are at a position on the list."""
    keyed = table.select(pl.col("chrom").replace(reported_codes(table["chrom"])), "pos")
    return keyed.join(listed.frame.select("chrom", "pos"), on=["chrom", "pos"], how="semi").unique()
