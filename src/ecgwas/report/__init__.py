"""The report: results in, one page and its figures out.

    render(options, contents) -> Page
    all_figures(options, contents) -> figures by file name
    shareable(contents, min_people) -> contents without anything about one participant or a small group

`contents` holds what a study's stages wrote, in memory except for the rows that the scan kept, in parts: the run, the cohort,
representations, scan, loci, genes. `genotype_beats` computes the mean beats by genotype, `case_beats` those of cases and of
controls.
"""

from ecgwas.report.by_case import MatchedOutcome, case_beats
from ecgwas.report.by_genotype import LeadVariant, genotype_beats, lack_beats, pooled, without_missing_beats
from ecgwas.report.contents import (
    GENES_OF_REGION,
    RATES,
    Background,
    Cohort,
    Example,
    Figure,
    GeneResults,
    KindWords,
    LociResults,
    LocusRegion,
    NullStudy,
    Page,
    ReconstructedSignal,
    RegionLayer,
    ReportContents,
    RepresentationResults,
    RunInfo,
    ScanResults,
    Traversal,
)
from ecgwas.report.figures.all_figures import all_figures
from ecgwas.report.mean_beats import CaseBeats, GenotypeBeats
from ecgwas.report.page.render import render
from ecgwas.report.redaction import shareable, shareable_beats
from ecgwas.report.scan_rows import ScanRows

__all__ = [
    "GENES_OF_REGION", "RATES", "Background", "CaseBeats", "Cohort", "Example", "Figure", "GeneResults", "GenotypeBeats",
    "KindWords", "LeadVariant", "LociResults", "LocusRegion", "MatchedOutcome", "NullStudy", "Page", "ReconstructedSignal",
    "RegionLayer", "ReportContents", "RepresentationResults", "RunInfo", "ScanResults", "ScanRows", "Traversal",
    "all_figures", "case_beats", "genotype_beats", "lack_beats", "pooled", "render", "shareable", "shareable_beats",
    "without_missing_beats",
]  # fmt: skip
