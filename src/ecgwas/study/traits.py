"""Section `traits`: people in all tables, covariates, transformation."""

from __future__ import annotations

from typing import Literal

from ecgwas.study.base import Options, StudyPath, option


class TraitOptions(Options):
    """Features and covariates in; traits of the people who have everything out."""

    covariates: StudyPath
    """Table (.tsv, .csv) with a column eid and one column per covariate."""
    use: tuple[str, ...] | None = None
    """Columns to use as covariates; none: all."""
    categorical: tuple[str, ...] = ("center",)
    """Columns of categories: dummy-coded, most frequent level as reference, empty levels dropped."""
    min_level_people: int = option(5, ge=1)
    """Levels of a category with fewer people are pooled; a pool that is still smaller joins the reference level."""
    transform: Literal["rank_normal", "none"] = "rank_normal"
    """Residuals on the covariates to normal quantiles by rank (Blom), or features as they are."""
    min_people: int = option(50, ge=10)
    """Traits measured in fewer people are left out and listed."""
    shuffle: bool = False
    """Give each person's traits and covariates, together, to another person: nothing true is left to be found.
    `ecgwas null` sets it for the study's null twin."""
