"""Section `share`."""

from __future__ import annotations

from ecgwas.study.base import Options, option


class ShareOptions(Options):
    """What may be passed on, in results/share: report, summary statistics and tables, without data of any one participant."""

    min_people: int = option(10, ge=3)
    """Smallest group of participants that is shown: rarer genotypes are merged with their neighbours, rarer reasons with each
    other."""
    matching: bool = True
    """Measure how often a participant's ECG can be matched to the same participant's genome, and back, by loci found without
    that participant. This takes one scan without permutations with 10,000 participants or more, and ten with up to 1,000."""
    membership: bool = True
    """Measure how well the allele frequencies and effects that are passed on distinguish the study's members from others."""
