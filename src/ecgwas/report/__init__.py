"""The report: tables in, one page and its pictures out.

    render(options, findings) -> Page
    gallery(options, findings) -> pictures by name
    shareable(findings, min_people) -> findings without a trace of one person

`findings` is all that a study's stages left, in memory but for the rows that the scan kept; `genotype_beats` computes the
mean beats by genotype for it.
"""

from ecgwas.report.by_genotype import LeadVariant, genotype_beats, of_people_with_beats, pooled
from ecgwas.report.findings import (
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
from ecgwas.report.gallery import gallery
from ecgwas.report.kept import Kept
from ecgwas.report.page import render
from ecgwas.report.sharing import shareable

__all__ = [
    "Background", "Example", "Figure", "Findings", "GenotypeBeats", "Kept", "LeadVariant", "Page", "ReconstructedSignal",
    "Region", "RepresentationFindings", "Traversal", "gallery", "genotype_beats", "of_people_with_beats", "pooled", "render",
    "shareable",
]  # fmt: skip
