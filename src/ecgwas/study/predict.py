"""Section `predict`: diseases and genotypes predicted from the ECG."""

from __future__ import annotations

from typing import Literal

from ecgwas.study.base import Options, option


class PredictOptions(Options):
    """Diseases and genotypes predicted from all traits together, in participants to whom nothing was fitted."""

    outcomes: Literal["all"] | tuple[str, ...] = "all"
    """Outcomes of the section `outcomes` that are predicted, by name: those with cases and controls (analyses binary, ever and
    prevalent). Without such a section there are none."""
    variants: tuple[str, ...] = ()
    """Variants whose carriers are predicted, as named in the genotypes, or chrom:pos:ref:alt."""
    loci: int = option(5, ge=0)
    """Number of the study's strongest loci; carriers of their lead variants are predicted."""
    folds: int = option(5, ge=2, le=20)
    """Parts into which participants are divided; each is predicted by models fitted to the others."""
    permutations: int = option(99, ge=0)
    """Permutations of the ECG among participants for the p-value of what it adds to the covariates; 0: none."""
    min_cases: int = option(40, ge=10)
    """Targets with fewer cases or controls are listed and not predicted."""
