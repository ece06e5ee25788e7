"""Section `report`."""

from __future__ import annotations

from ecgwas.study.base import Options, option


class ReportOptions(Options):
    """All tables in; one self-contained page out."""

    title: str | None = None
    """Heading of the page; none: the study's name."""
    max_traits: int = option(60, ge=1)
    """Manhattan and QQ plots are drawn for at most this many traits, those with the strongest hits first."""
