"""Section `loci`: what is significant, and which significant variants belong together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ecgwas.study.base import Options, StudyPath, option


class LociOptions(Options):
    """Associations in; hits and loci out."""

    threshold: Literal["published", "bonferroni", "effective", "permutation"] | Annotated[float, Field(gt=0, lt=1)] = (
        "permutation"
    )
    """`published` 5e-8 / features of a lead; `bonferroni` 5e-8 / traits; `effective` 5e-8 / effective number of traits;
    `permutation` family-wise `family_wise_error` over all traits and variants; or a p-value."""
    family_wise_error: float = option(0.05, gt=0, lt=1)
    """Chance of one or more false hits in the whole study, for `permutation`."""
    set_share: float = option(0.2, ge=0, lt=1)
    """Share of `family_wise_error` given to tests of trait sets, whose hits join the loci; 0: they do not."""
    set_p: float | None = option(None, gt=0, lt=1)
    """p-value below which a trait set is significant if `threshold` is not `permutation`; none: no set is."""
    window_bp: int = option(500_000, unit="bp", ge=0)
    """Hits closer than this belong to one locus."""
    clump_r2: float = option(0.1, gt=0, le=1)
    """A hit whose squared correlation with a stronger one is this or more belongs to its clump."""
    clump_window_bp: int = option(1_000_000, unit="bp", ge=0)
    """Hits further apart are not joined by linkage disequilibrium."""
    max_signals: int = option(5, ge=1, le=20)
    """Largest number of signals sought in one locus, by conditional analysis and by SuSiE."""
    audit: int = option(2000, ge=0)
    """Number of hits audited, the strongest first."""
    known: StudyPath | None = None
    """Table of known loci (columns TRAIT CHR BP gene, or variant as chrom:pos:ref:alt, or a GWAS Catalog download). A locus is
    known if one lies within `window_bp` or in linkage disequilibrium (`clump_r2`), otherwise new. With effect allele, other
    allele and beta, positive controls have a direction."""
    known_traits: dict[str, str] = {}
    """Trait of that table -> trait of this study that measures the same. QT, PR, QRS, heart rate and the like are recognised
    by name."""
