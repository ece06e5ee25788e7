"""Section `share`."""

from __future__ import annotations

from ecgwas.study.base import Options, option


class ShareOptions(Options):
    """What may be passed on, in results/share: the report, summary statistics and tables, without a trace of one person."""

    min_people: int = option(10, ge=3)
    """No group of fewer people is shown: rare genotypes are counted with their neighbours, rare reasons together."""
    matching: bool = True
    """Measure how often a person's ECG can be matched to the person's genome, and back, by loci found without them; it takes a
    scan without shuffles with 10,000 people or more, ten with up to 1,000."""
    membership: bool = True
    """Measure how well allele frequencies and effects that are passed on tell the study's members from other people."""
