"""The view of a region: a trait along it, with genes; other traits, variants and studies there."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from ecgwas.errors import InputError
from ecgwas.serve import addresses, figures, views
from ecgwas.serve import blocks as b
from ecgwas.serve.addresses import Address
from ecgwas.serve.blocks import Block
from ecgwas.serve.genes import around
from ecgwas.serve.study import Served
from ecgwas.serve.views import View

LARGEST_REGION_BP = 5_000_000


def region(studies: Mapping[str, Served], address: Address, served: Served) -> View:
    """A trait along a region, by default the strongest there, with its genes; other traits, variants and studies there.

    The region is chrom:start-stop or a gene. Raises InputError for a region that cannot be read or is too long.
    """
    chrom, first, last = _ends(served, address.what)
    here = served.kept.table.between(chrom, first, last)
    best = served.kept.strongest_traits(here, views.MOST_ROWS)
    name = address.trait or (str(best["trait"][0]) if best.height else "")
    shown = [_moves(served, chrom, first, last, name), b.text(views.what_is_kept(served))]
    tests = figures.region_tests(served, chrom, first, last, name) if name else None
    nothing = f"No test of {name or 'any trait'} is in the results of this region."
    drawn = None if tests is None else figures.regional(served, chrom, first, last, name, tests)
    shown.append(b.figure("region", drawn, nothing))
    if tests is not None:
        shown.append(_variants_of_region(served, chrom, name, tests.tests))
    shown.append(_traits_of_region(served, chrom, first, last, best))
    others = [b.link(f"{name} in {one.name}" if name in one.traits else f"this region in {one.name}",
                     addresses.region(chrom, first, last, name if name in one.traits else "", key))
              for key, one in studies.items() if key != served.key]  # fmt: skip
    if others:
        shown.insert(1, b.links("The same region in other studies", others))
    return View(f"{name or 'No test'} at {chrom}:{first:,}–{last:,}", shown, [])


def _ends(served: Served, text: str) -> tuple[str, int, int]:
    region = addresses.region_in(text)
    gene = served.genes.named(text) if region is None else None
    if gene is not None:
        region = (gene[1], *around(gene[2], gene[3]))
    if region is None:
        near_genes = [one[0] for one in served.genes.starting_with(text[:2], 4)]
        fix = f"give chrom:start-stop or a gene{f', such as {near_genes[0]}' if near_genes else ''}"
        raise InputError(f"there is no region or gene {text}", fix=fix)
    if region[2] - region[1] > LARGEST_REGION_BP:
        raise InputError(f"the region {text} is longer than {LARGEST_REGION_BP // 1_000_000} Mb", fix="ask for a shorter one")
    return region


def _moves(served: Served, chrom: str, first: int, last: int, name: str) -> Block:
    """Links that move or resize the region."""
    width = last - first + 1
    half, quarter = width // 2, width // 4
    wider = (max(1, first - half), last + half) if 2 * width <= LARGEST_REGION_BP else None
    steps = [("← left", (max(1, first - half), max(last - half, first))), ("right →", (first + half, last + half)),
             ("wider", wider), ("narrower", (first + quarter, last - quarter) if width > 1_000 else None)]  # fmt: skip
    cells = [b.link(words, addresses.region(chrom, *ends, name, served.key)) for words, ends in steps if ends is not None]
    if name:
        cells.append(b.link(f"all of {name}", addresses.trait(name, served.key)))
    return b.links("Move the region", cells)


def _variants_of_region(served: Served, chrom: str, name: str, tests: pl.DataFrame) -> Block:
    strongest = tests.sort("neglog10p", descending=True, nulls_last=True).head(views.MOST_ROWS)
    listed = views.with_effects(served, strongest.with_columns(trait=pl.lit(name), chrom=pl.lit(chrom)))
    rows = [[*views.variant_cells(served, row, served.genes.nearest(chrom, row["pos"]) or "–"), *views.number_cells(row),
             b.number(row["r2"]), *views.place_cells(row)]
            for row in listed.iter_rows(named=True)]  # fmt: skip
    caption = f"Strongest variants of {name} here, at most {views.MOST_ROWS}"
    return b.table("variants", caption, [*views.VARIANT_HEADS, *views.NUMBER_HEADS, ("r²", True), *views.PLACE_HEADS], rows)


def _traits_of_region(served: Served, chrom: str, first: int, last: int, best: pl.DataFrame) -> Block:
    rows = [
        [b.cell(row["trait"], address=addresses.region(chrom, first, last, row["trait"], served.key)),
         b.cell(row["variant"], address=addresses.variant(row, served.key)), b.number(row["pos"], ","),
         b.number(row["beta"]), b.number(row["neglog10p"], ".2f"), views.p_cell(row["neglog10p"])]
        for row in best.iter_rows(named=True)
    ]  # fmt: skip
    heads = [
        ("trait", False),
        ("strongest variant", False),
        ("position", True),
        ("beta", True),
        ("−log10 p", True),
        ("p", True),
    ]
    return b.table("region-traits", f"Traits with kept tests here, strongest first, at most {views.MOST_ROWS}", heads, rows)
