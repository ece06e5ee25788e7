"""Section `traits`: participants in all tables, covariates, transformation."""

from __future__ import annotations

from typing import Literal

from ecgwas.study.base import Options, StudyPath, option


class PersonGuards(Options):
    """Sample QC: participants who must not be tested, judged by their genotypes. A limit of null turns its guard off."""

    min_call_rate: float | None = option(0.98, ge=0, le=1)
    """Smallest share of variants called in a participant."""
    max_heterozygosity_sd: float | None = option(3.0, unit="SD", gt=0)
    """Largest distance from the mean heterozygosity."""
    check_sex: bool = True
    """Exclude participants whose sex in the .fam contradicts their homozygosity on X."""
    max_kinship: float | None = option(0.0884, gt=0, lt=0.5)
    """KING-robust kinship above which one of a pair is excluded; 0.0884 lies between second and third degree."""
    max_component_sd: float | None = option(6.0, unit="SD", gt=0)
    """Largest distance from the mean on a principal component of the genotypes."""


class TraitOptions(Options):
    """Features and covariates in; traits of the participants with complete data out."""

    covariates: StudyPath
    """Table (.tsv, .csv) with a column eid and one column per covariate."""
    use: tuple[str, ...] | None = None
    """Columns to use as covariates; none: all."""
    categorical: tuple[str, ...] = ("center",)
    """Columns of categories: dummy-coded, most frequent level as reference, empty levels dropped."""
    min_level_people: int = option(5, ge=1)
    """Levels of a category with fewer participants are pooled; a pool that is still smaller joins the reference level."""
    transform: Literal["rank_normal", "none"] = "rank_normal"
    """`rank_normal`: normal quantiles by rank (Blom), their residuals on the covariates, and normal quantiles of those; `none`:
    features unchanged."""
    normalise_within: tuple[Literal["ancestry", "sex"], ...] | None = None
    """Groups that may differ in variance: ranks, or SDs with `transform: none`, are equalised within each. `ancestry`: groups
    found in the genotypes; `sex`: of the .fam, for X, where variances of men and women differ; []: nobody. none: `ancestry`
    with `transform: rank_normal`, nobody with `transform: none`."""
    min_people: int = option(50, ge=1)
    """Traits measured in fewer participants are excluded and listed, and so are traits with too few for the covariates."""
    components: int = option(10, ge=0, le=50)
    """Genotype PCs computed as covariates if the table has none (columns such as pc1)."""
    max_components: int | None = option(None, ge=1)
    """Number of the table's genotype PCs to use (columns such as pc1, or of UK Biobank's field 22009), counted from the first;
    none: all. If `use` names columns, those are used."""
    guards: PersonGuards = PersonGuards()
    """Participants who must not be tested."""
    min_share: float = option(0.5, ge=0, le=1)
    """Traits measured in a smaller share of the participants (a wave that most do not have) are excluded and listed."""
    max_same: float = option(0.5, gt=0, le=1)
    """Traits with one value in a larger share of participants are excluded, since the few others would determine every test."""
    shuffle: bool = False
    """Permute the participants: the traits and covariates of each, together, go to another of the same ancestry group, so that
    no true association remains. `ecgwas null` sets it for the null study."""

    @property
    def normalised_within(self) -> tuple[Literal["ancestry", "sex"], ...]:
        """Groups within which traits are normalised, each once."""
        if self.normalise_within is None:
            return ("ancestry",) if self.transform == "rank_normal" else ()
        return tuple(dict.fromkeys(self.normalise_within))
