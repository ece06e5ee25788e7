"""Addresses within the page: of loci and of traits, where they have a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecgwas.report.contents import ReportContents
from ecgwas.report.names import in_address
from ecgwas.report.queries import locus_pages


@dataclass(frozen=True)
class Links:
    """loci: numbers of those with a page; traits: names of those with a page. Empty for a null study, which has no pages."""

    loci: frozenset[int] = frozenset()
    traits: frozenset[str] = frozenset()

    @classmethod
    def of(cls, contents: ReportContents) -> Links:
        """Of the study itself."""
        return cls(frozenset(locus_pages(contents.loci)), frozenset(contents.scan.trait_names))

    def locus(self, number: int) -> str:
        """`#locus-3`; empty if the locus has no page."""
        return f"#locus-{number}" if number in self.loci else ""

    def trait(self, name: str, variant: Mapping[str, Any] | None = None) -> str:
        """The page of a trait; variant (keys chrom, pos, effect_allele, other_allele): ringed in its plot; empty: no page."""
        if name not in self.traits:
            return ""
        if variant is None:
            return f"#trait-{in_address(name)}"
        key = ":".join(str(variant[part]) for part in ("chrom", "pos", "effect_allele", "other_allele"))
        return f"#trait-{in_address(f'{name}@{key}')}"


NO_LINKS = Links()
"""Of a null study."""
