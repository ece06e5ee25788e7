"""Addresses of views, as they follow # in the browser: `variant-3:38592065:C:T`, `trait-pca.12L.f01/my_study`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecgwas.errors import InputError
from ecgwas.report.names import in_address as in_address
from ecgwas.tables import VARIANT_KEY

VIEWS = ("start", "variant", "trait", "region", "traits", "loci", "tables", "table")
REGION = re.compile(r"(?i)^(?:chr)?([0-9]{1,2}|X|Y|MT|M):([0-9,]{1,14})-([0-9,]{1,14})$")


@dataclass(frozen=True)
class Address:
    """view: one of VIEWS;  what: what is shown, as it was asked for;  trait: of a region, "" otherwise;  study: its key, "":
    the first."""

    view: str
    what: str = ""
    trait: str = ""
    study: str = ""

    @classmethod
    def parsed(cls, text: str) -> Address:
        """Raises InputError for a view that does not exist."""
        head, _, study = text.lstrip("#").partition("/")
        view, _, what = head.partition("-")
        if (view or "start") not in VIEWS:
            raise InputError(f"there is no page {text}", fix="search for a variant, a trait, a gene or a region")
        where, _, trait = what.partition(",")
        return cls(view or "start", unquote(where), unquote(trait), unquote(study))


def unquote(text: str) -> str:
    """The text that `in_address` encoded; bytes that are not UTF-8 become a replacement character."""
    encoded = re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), text.encode())
    return encoded.decode("utf-8", "replace")


def _address(view: str, what: str = "", study: str = "") -> str:
    return f"#{view}{f'-{what}' if what else ''}{f'/{in_address(study)}' if study else ''}"


def page(view: str, study: str) -> str:
    """Of a view of the whole study: start, traits, loci, tables."""
    return _address(view, study=study)


def variant(row: Mapping[str, Any], study: str) -> str:
    """Of a variant, by its key."""
    return _address("variant", ":".join(in_address(str(row[name])) for name in VARIANT_KEY), study)


def trait(name: str, study: str) -> str:
    """Of a trait."""
    return _address("trait", in_address(name), study)


def region(chrom: str, start: int, stop: int, trait_name: str, study: str) -> str:
    """Of a trait in a region; trait_name "": the strongest there."""
    return _address("region", f"{in_address(chrom)}:{start}-{stop}{f',{in_address(trait_name)}' if trait_name else ''}", study)


def table(name: str, study: str) -> str:
    """Of a results table, by its path below the results folder."""
    return _address("table", in_address(name), study)


def region_in(text: str) -> tuple[str, int, int] | None:
    """Chromosome, first and last position in a text such as `3:38,500,000-38,700,000`; None for any other text."""
    match = REGION.fullmatch(text.strip())
    if match is None:
        return None
    chrom, ends = match[1].upper(), sorted(int(end.replace(",", "") or 0) for end in match.group(2, 3))
    return {"M": "MT"}.get(chrom, chrom), max(ends[0], 1), max(ends[1], 1)
