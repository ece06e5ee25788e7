"""The report: tables in, one page and its pictures out.

    render(options, findings) -> Page
    gallery(options, findings) -> pictures by name

`findings` is all that a study's stages left, in memory; `genotype_beats` computes the mean beats by genotype for it.
"""

from ecgwas.report.by_genotype import LeadVariant, genotype_beats
from ecgwas.report.findings import (
    Background,
    Example,
    Figure,
    Findings,
    GenotypeBeats,
    Page,
    Region,
    RepresentationFindings,
    Traversal,
)
from ecgwas.report.gallery import gallery
from ecgwas.report.page import render

__all__ = [
    "Background", "Example", "Figure", "Findings", "GenotypeBeats", "LeadVariant", "Page", "Region",
    "RepresentationFindings", "Traversal", "gallery", "genotype_beats", "render",
]  # fmt: skip
