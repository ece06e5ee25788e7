"""Section `scores`: polygenic scores of the participants, from files and from the study's own traits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from ecgwas.study.base import Options, StudyPath, option

FEWEST_PERMUTATIONS = 19
"""Fewer permutations have no p-value of 5 %."""


class OwnScores(Options):
    """Scores of the study's own traits, out of fold: nobody is scored by effects to which they contributed."""

    methods: tuple[Literal["threshold", "ridge"], ...] = option(("threshold", "ridge"), min_length=1)
    """`threshold` clumping and thresholding: effects of the clumps' strongest variants, one score for each of `p_values`;
    `ridge`: ridge regression on all common variants."""
    p_values: tuple[Annotated[float, Field(gt=0, le=1)], ...] = option((5e-8, 1e-5, 1e-3, 0.01, 0.1, 1.0), min_length=1)
    """p-values, each the limit of a score by clumping and thresholding."""
    clump_r2: float = option(0.1, gt=0, le=1)
    """A variant whose squared correlation with a stronger one is this or more is not in the score."""
    clump_window_bp: int = option(250_000, unit="bp", ge=0)
    """Variants further apart are taken as independent."""
    folds: int = option(5, ge=3, le=20)
    """Parts of the participants; each is scored by effects from the others."""
    permutations: int = option(10, ge=1)
    """Random orders of the participants in which everything is repeated, which shows what R2 is without any effect."""
    diseases: bool = False
    """Scores of each representation combined for each disease of `outcomes`, by ridge logistic regression in nested folds."""
    disease_p_value: float = option(0.01, gt=0, le=1)
    """Limit of the scores by clumping and thresholding that are combined for diseases."""
    disease_permutations: int = option(19, ge=0)
    """Permutations of the scores for the p of what they add to the covariates; 0: none."""
    weights: tuple[str, ...] = ()
    """Traits whose scores, from all participants, are written as files of the PGS Catalog's format; `all`: every trait."""


class ScoreOptions(Options):
    """Polygenic scores: sums of effect weights over variants."""

    files: tuple[StudyPath, ...] = ()
    """Scoring files in the format of the PGS Catalog (.txt, .txt.gz), as given or harmonised."""
    palindromes: Literal["drop", "frequency", "keep"] = "drop"
    """Variants whose alleles read the same on both strands (A/T, C/G): `drop` them; decide by allele `frequency`, if the file
    states it; or `keep` them, which takes the strands of file and genotypes as the same."""
    min_match: float = option(0.5, ge=0, le=1)
    """Smallest share of a file's variants that must be in the genotypes; with fewer the stage fails."""
    within_ancestry: bool = False
    """Scores have mean 0 and variance 1 in each ancestry group, instead of the sum of the weights."""
    permutations: int = option(199, ge=0)
    """Permutations of the scores for the threshold over all scores and traits, 19 or more; 0: Bonferroni."""
    own: OwnScores | None = None
    """Scores of the study's own traits; none: only scores of `files`."""

    @field_validator("permutations")
    @classmethod
    def _enough(cls, permutations: int) -> int:
        if 0 < permutations < FEWEST_PERMUTATIONS:
            raise ValueError(f"{permutations} permutations have no threshold at 5 %; give {FEWEST_PERMUTATIONS} or more, or 0")
        return permutations
