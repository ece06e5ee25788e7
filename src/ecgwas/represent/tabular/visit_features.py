"""Features made elsewhere, as a kind without recordings gives them."""

from __future__ import annotations

from dataclasses import dataclass

from ecgwas.tables import Features


@dataclass(frozen=True)
class VisitFeatures:
    """Features made elsewhere.

    first     of every person, at the visit that is tested
    second    of those with a repeat visit; None: nobody has one
    warnings  about what is probably not intended, in words
    """

    first: Features
    second: Features | None
    warnings: tuple[str, ...] = ()
