"""Section `report`."""

from __future__ import annotations

from ecgwas.study.base import Options, StudyPath, option


class ReportOptions(Options):
    """All tables in; one self-contained page out."""

    title: str | None = None
    """Heading of the page; none: the study's name."""
    max_traits: int | None = option(60, ge=1)
    """Manhattan and QQ plots are written as files for at most this many traits with a hit, the strongest first; none: for every
    trait with a hit. The page draws every trait."""
    genes_hit_more_than: int = option(0, unit="variants", ge=0)
    """Genes with more significant variants than this appear in the bar chart and heatmap of genes; 0: the 30 with the most."""
    max_loci: int = option(24, ge=0)
    """At most this many loci have a page with their ECG by genotype and their regional plot, the strongest first."""
    recombination_map: StudyPath | None = None
    """Genetic map, drawn as recombination rate in regional plots: a HapMap, Eagle, Oxford, SHAPEIT or PLINK file (.gz allowed),
    or a folder with one per chromosome. `ecgwas references fetch` brings one for each build."""
    max_clusters: int = option(12, ge=0)
    """At most this many clusters of three or more genes have their own picture, the largest first."""
    planted: StudyPath | None = None
    """Table of planted effects of a simulated cohort (columns variant, chrom, pos, parameter, effect, unit): the page
    shows which were found."""
