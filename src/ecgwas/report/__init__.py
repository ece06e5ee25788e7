"""The report: tables in, one page and its pictures out.

    render(options, contents) -> Page
    all_figures(options, contents) -> pictures by name
    shareable(contents, min_people) -> contents without a trace of one person

`contents` is all that a study's stages left, in memory but for the rows that the scan kept; `genotype_beats` computes the
mean beats by genotype for it.
"""

from ecgwas.report.by_genotype import LeadVariant, genotype_beats, pooled, without_missing_beats
from ecgwas.report.contents import (
    Background,
    Example,
    Figure,
    GenotypeBeats,
    LocusRegion,
    Page,
    ReconstructedSignal,
    ReportContents,
    RepresentationResults,
    Traversal,
)
from ecgwas.report.figures.all_figures import all_figures
from ecgwas.report.page.render import render
from ecgwas.report.redaction import shareable
from ecgwas.report.scan_rows import ScanRows

__all__ = [
    "Background", "Example", "Figure", "GenotypeBeats", "LeadVariant", "LocusRegion", "Page", "ReconstructedSignal",
    "ReportContents", "RepresentationResults", "ScanRows", "Traversal", "all_figures", "genotype_beats", "pooled", "render",
    "shareable", "without_missing_beats",
]  # fmt: skip
