"""Section `genes`: a list of sources: mapping loci to genes, genes to networks, networks to terms."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ecgwas.study.base import Options, StudyPath, option


class Regions(Options):
    """Genes from a table of ranges: overlap, else nearest with its distance."""

    kind: Literal["regions"] = "regions"
    file: StudyPath
    """PLINK gene list, MAGMA .loc, BED or GENCODE GTF (.gz allowed)."""
    window_bp: int = option(0, unit="bp", ge=0)
    """Genes within this distance count as overlapping."""
    max_distance_bp: int = option(1_000_000, unit="bp", ge=0)
    """The nearest gene is taken no further away than this."""


class StringFiles(Options):
    """Network of the hit genes from STRING's bulk files, clustered by MCL."""

    kind: Literal["string_files"] = "string_files"
    links: StudyPath
    """9606.protein.links.v12.0.txt.gz (space-separated: protein1 protein2 combined_score), or a web export (.tsv)."""
    info: StudyPath | None = None
    """9606.protein.info.v12.0.txt.gz; not needed for a web export."""
    min_score: int = option(400, ge=0, le=1000)
    """Smallest combined score of an edge."""
    inflation: float = option(2.0, gt=1, le=10)
    """MCL's inflation: larger gives smaller clusters."""


class Enrichment(Options):
    """Terms that the hit genes share more often than chance."""

    kind: Literal["enrichment"] = "enrichment"
    terms: StudyPath
    """A GMT file, or STRING's 9606.protein.enrichment.terms.v12.0.txt.gz."""
    info: StudyPath | None = None
    """9606.protein.info.v12.0.txt.gz, to name the proteins of a STRING terms file."""
    max_fdr: float = option(0.01, gt=0, le=1)
    """Largest false discovery rate (Benjamini-Hochberg within each category)."""
    min_strength: float = option(0.2, ge=0)
    """Smallest strength, log10(observed / expected)."""
    cardiovascular: tuple[str, ...] = (
        "cardi", "heart", "atri", "ventric", "vascul", "aort", "coronary", "arrhythm", "ecg", "qt", "blood pressure",
        "myocard", "valve", "electrocardio", "muscle contraction",
    )  # fmt: skip
    """A term whose description holds one of these (at the start of a word) is tagged cardiovascular."""


GeneSource = Annotated[Regions | StringFiles | Enrichment, Field(discriminator="kind")]
