"""The built-in engine with families: the sparse linear mixed model of ecgwas.mixed.family_model, for any number of people.

The relationship is that of the pairs in `kinship`, whatever chromosome is tested; every trait has its own lambda. Numerators
are one product of the genotypes with a column per trait, as in least squares, and denominators follow from the families' own
coordinates (mixed/family_screen.py). Tests that may reach `keep_neglog10p` are computed exactly. Missing calls count as the
variant's mean, as in GEMMA.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError, StudyError
from ecgwas.genotypes import related_pairs
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.mixed import family_model, family_screen
from ecgwas.mixed.families import LEAST_RELATIONSHIP, Families, FamilyTooLargeError, families
from ecgwas.mixed.whitening import Coordinates, OfFamilies
from ecgwas.scan.block_scan import Prepared
from ecgwas.scan.engine import family_denominators
from ecgwas.scan.engine.regression import Fitter
from ecgwas.scan.engine.samples import Cohort, Group
from ecgwas.scan.engine.screening import BINS, HistogramPool, Screened
from ecgwas.scan.exact_rows import exact_rows
from ecgwas.scan.permutation.max_t_family import FamilyShuffles
from ecgwas.statistics.projection import span
from ecgwas.study.scan import Matrix

LARGEST_FAMILY = 4_000
"""Members of a family, whose block is decomposed: at 4,000 a minute and 1 GiB."""
MEMBERS_OF_MARGIN = 15.0
"""A test is computed exactly if the screen's t squared is below the limit by at most this share of it: MEMBERS_OF_MARGIN times
the limit, times the share of the variant's carriers who have relatives, divided by the number of people who have.

The screen has lambda without the variant. In the exact test it differs by what the variant explains of the likeness of
relatives, which only its carriers among them show. In five cohorts of 100 to 800 people, of whom 5 % to all have relatives,
with common variants and rare ones of a few families, the largest constant that was needed was 7
(benchmarks/speed/family_model.py, MARGIN)."""
EXACT_BYTES = 2**26
"""Size of the genotypes that are tested exactly at a time, float64."""

logger = logging.getLogger(__name__)


def relationship(options: Matrix, cohort: Cohort, genotypes: Genotypes) -> Families:
    """The families of a cohort. Raises InputError if `kinship` cannot be read or a family is too large."""
    if options.kinship is None:
        problem = "scan.relatives: family needs the pairs of relatives"
        raise StudyError(problem, fix="name a list of pairs in scan.kinship; in a study, stage traits finds them")
    eids = [genotypes.eids[i] for i in cohort.fam_index]
    pairs = related_pairs.pairs(options.kinship, eids)
    try:
        relatives = families(len(eids), pairs.first, pairs.second, 2 * pairs.kinship, max_members=LARGEST_FAMILY)
    except FamilyTooLargeError as error:
        problem = f"scan.relatives: {error.size} people are one family by a kinship above {LEAST_RELATIONSHIP / 2}, more than "
        problem += f"{LARGEST_FAMILY}"
        fix = "list closer relatives only (scan.kinship), or write relatives: polygenic or drop"
        raise InputError(problem, where=options.kinship, fix=fix) from None
    logger.debug(
        "scan %s: %d people in %d families, the largest of %d; %d negative eigenvalues set to 0",
        genotypes.chrom, len(relatives.members), relatives.families, relatives.largest, relatives.negative,
    )  # fmt: skip
    return relatives


def prepared(options: Matrix, cohort: Cohort, grouped: list[Group], genotypes: Genotypes, seed: int) -> Prepared:
    """What the pass over the variants tests: the fitter of each group of traits with the same people, and the permutations."""
    everyone = relationship(options, cohort, genotypes)
    hard, traits = genotypes.hard_calls_only, cohort.values.shape[1]
    fitters: list[Fitter] = []
    residuals, lambdas = np.zeros((len(cohort.values), traits if options.permutations else 0)), np.zeros(traits)
    for group in grouped:
        fitter = FamilyFitter(options, group, everyone.among(group.people), hard=hard, haploid=cohort.haploid)
        fitters.append(fitter)
        lambdas[group.traits] = fitter.traits.lambdas
        if options.permutations:
            residuals[np.ix_(group.people, group.traits)] = fitter.whitened()
    if not options.permutations:
        return Prepared(fitters, None)
    shuffles = FamilyShuffles(
        cohort, family_model.covered(everyone, span(cohort.covariates)), residuals, lambdas,
        options=options, count=options.permutations, seed=seed, hard=hard,
    )  # fmt: skip
    return Prepared(fitters, shuffles)


class OfCohort:
    """The mixed model of families of one cohort; the same methods as of relatives.Relatives."""

    def __init__(self, options: Matrix, cohort: Cohort, genotypes: Genotypes) -> None:
        """Raises InputError as `relationship`."""
        self.options, self.everyone = options, relationship(options, cohort, genotypes)

    def coordinates(self, people: NDArray[np.int64], basis: NDArray[np.float64]) -> Coordinates:
        """In which the relationship of some of the participants (n,), ascending indices, is diagonal; basis (n, R)."""
        return OfFamilies(self.everyone.among(people), basis)

    def fitter(self, group: Group, *, hard: bool = True, haploid: bool = False) -> Fitter:
        """Tests blocks of variants; arguments as of Fitter."""
        return FamilyFitter(self.options, group, self.everyone.among(group.people), hard=hard, haploid=haploid)


@dataclass(frozen=True)
class FamilyScreened(Screened):
    """Every test of V variants. share (V,): of the squared copies, that of people who have relatives."""

    share: NDArray[np.float64]


class FamilyFitter(Fitter):
    """Fits blocks of variants to the traits of one group by the mixed model of families."""

    def __init__(
        self, options: Matrix, group: Group, own: Families, *, hard: bool = True, haploid: bool = False
    ) -> None:  # fmt: skip
        """Arguments as of Fitter; own: families of the group's people."""
        self.options = options.model_copy(update={"missing": "mean", "dense": False})
        self.group, self.per_allele = group, 2.0 if haploid else 1.0
        model = family_model.covered(own, group.design.basis)
        self.traits = family_model.family_traits(model, group.design.traits)
        own_screen = family_screen.screen(model, self.traits.lambdas, family_screen.numerators(self.traits))
        self.factors = family_denominators.BlockFactors(self.options, own_screen, hard=hard)
        self.backend = self.factors.backend

    def whitened(self) -> NDArray[np.float64]:
        """(n, k) residuals of the group's people, uncorrelated between relatives but for covariates."""
        return family_screen.whitened(self.traits)

    def pool(self) -> HistogramPool:
        """See Fitter."""
        return _Pool(len(self.group.traits), self.backend)

    def screen(self, block: GenotypeBlock) -> FamilyScreened:
        """See Fitter; trait_ss is the denominator over the residual sum of squares of the genotype."""
        sums = self.backend.sums(block)
        screened = self.factors.denominators(block, sums.cross_product)
        errors = self.group.plink2_checks.glm_errors(
            block, sums.covariate_ss, sums.covariate_projection, sums.genotype_ss
        )  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            trait_ss = np.divide(screened.denominators, sums.genotype_ss.astype(np.float32)[:, None])
        arrays = sums.cross_product, sums.genotype_ss, trait_ss, errors, errors == 0, self.df(block)
        return FamilyScreened(*arrays, len(self.group.traits), screened.share)

    def min_t2(self, screened: Screened) -> NDArray[np.float64]:
        """(V,) t squared of the screen from which the exact test may reach keep_neglog10p."""
        limit = super().min_t2(screened)
        assert isinstance(screened, FamilyScreened)
        members = max(len(self.traits.model.families.members), 1)
        margin = np.minimum(MEMBERS_OF_MARGIN * limit * screened.share / members, 0.9)
        return np.asarray(limit * (1 - margin) * (1 - family_screen.PRECISION_OF_COVARIATES))

    def fitted(self, block: GenotypeBlock, candidates: NDArray[np.int32], df: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """See Fitter; Wald's test, with lambda estimated with the variant in the model."""
        step = max(1, EXACT_BYTES // (8 * block.people))
        exact = partial(family_model.exact, traits=self.traits)
        return exact_rows(self, block, candidates, df, exact, at_once=step)


class _Pool(HistogramPool):
    """Histograms of fewer traits than the backend has columns."""

    def local(self) -> Any:
        """See HistogramPool."""
        if not hasattr(self._local, "histograms"):
            self._local.histograms = np.zeros((self._traits, BINS), dtype=np.uint32)
            self._all.append(self._local.histograms)
        return self._local.histograms
