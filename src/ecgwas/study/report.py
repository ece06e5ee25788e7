"""Section `report`."""

from __future__ import annotations

from ecgwas.study.base import Options, StudyPath, option


class ReportOptions(Options):
    """All tables in; one self-contained page out."""

    title: str | None = None
    """Heading of the page; none: the study's name."""
    max_traits: int = option(60, ge=1)
    """Manhattan and QQ plots are written as files for at most this many traits, those with the strongest hits first; the page
    draws every trait."""
    max_loci: int = option(24, ge=0)
    """At most this many loci have a page with their ECG by genotype and neighbourhood, the strongest first."""
    max_clusters: int = option(12, ge=0)
    """At most this many clusters of the network have a picture of their own, the largest first; of three genes or more."""
    planted: StudyPath | None = None
    """Table of planted effects of a simulated cohort (columns variant, chrom, pos, parameter, effect, unit): what was
    found of them stands on the page."""
