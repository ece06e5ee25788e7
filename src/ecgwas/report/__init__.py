"""The report: tables in, one page and its pictures out.

    render(options, findings) -> Page
    gallery(options, findings) -> pictures by name
    shareable(findings, min_people) -> findings without a trace of one person

`findings` is all that a study's stages left, in memory but for the rows that the scan kept; `genotype_beats` computes the
mean beats by genotype for it.
"""

from ecgwas.report.by_genotype import LeadVariant, genotype_beats, of_people_with_beats, pooled
from ecgwas.report.contents import (
    Background,
    Example,
    Figure,
    Findings,
    GenotypeBeats,
    Page,
    ReconstructedSignal,
    Region,
    RepresentationFindings,
    Traversal,
)
from ecgwas.report.figures.gallery import gallery
from ecgwas.report.page.render import render
from ecgwas.report.redaction import shareable
from ecgwas.report.scan_rows import Kept

__all__ = [
    "Background", "Example", "Figure", "Findings", "GenotypeBeats", "Kept", "LeadVariant", "Page", "ReconstructedSignal",
    "Region", "RepresentationFindings", "Traversal", "gallery", "genotype_beats", "of_people_with_beats", "pooled", "render",
    "shareable",
]  # fmt: skip
