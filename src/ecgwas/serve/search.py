"""What the search field finds: traits, genes, regions, variants."""

from __future__ import annotations

from typing import Any

from ecgwas.serve import addresses
from ecgwas.serve.genes import around
from ecgwas.serve.study import Served
from ecgwas.serve.views import near, numbers_of

MOST_OF_A_KIND = 5
LEAST_LETTERS = 2


def entries(served: Served, text: str) -> list[list[Any]]:
    """[words, what it is, address] of what a text means in a study, best first.

    Exact variants and regions come first, then genes, variants and traits that begin with the text or contain it. If there
    are none, the nearest variants are given.
    """
    query = text.strip()
    if len(query) < LEAST_LETTERS:
        return []
    of_genes: list[list[Any]] = []
    region = addresses.region_in(query)
    if region is not None:
        return [[query, "region", addresses.region(*region, "", served.key)]]
    exact = numbers_of(served, query)
    lower = query.lower()
    for symbol, chrom, start, stop in served.genes.starting_with(query, MOST_OF_A_KIND):
        of_genes.append([symbol, f"gene at {chrom}:{start:,}",
                           addresses.region(chrom, *around(start, stop), "", served.key)])  # fmt: skip
    begins = served.variants.starting_with(query, MOST_OF_A_KIND) if len(query) > LEAST_LETTERS else []
    variants = [_variant(served, number) for number in dict.fromkeys([*exact[:MOST_OF_A_KIND], *begins])]
    names = sorted((name for name in served.traits if lower in name.lower()),
                   key=lambda name: (not name.lower().startswith(lower), served.traits[name]))  # fmt: skip
    traits = [[name, "trait", addresses.trait(name, served.key)] for name in names[: 2 * MOST_OF_A_KIND]]
    ordered = [*variants, *of_genes, *traits] if exact else [*of_genes, *traits, *variants]
    if ordered or not any(letter.isdigit() for letter in query):
        return ordered
    return [[f"{words}", f"nearest: {what}", to] for words, what, to in (_variant(served, one) for one in near(served, query))]


def _variant(served: Served, number: int) -> list[Any]:
    row = served.variants.row(number)
    return [row["variant"], f"variant at {row['chrom']}:{row['pos']:,}", addresses.variant(row, served.key)]
