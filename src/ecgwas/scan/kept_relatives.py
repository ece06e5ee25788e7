"""The mixed model of a scan that keeps relatives, for whoever tests single variants or blocks of them outside the scan."""

from __future__ import annotations

from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.scan import family
from ecgwas.scan.engine.samples import Cohort
from ecgwas.scan.relatives import Relatives
from ecgwas.study.scan import Matrix

KeptRelatives = Relatives | family.OfCohort
"""`coordinates` of some participants, in which their relationship is diagonal, and `fitter` of a group of traits."""


def of_cohort(options: Matrix, cohort: Cohort, genotypes: Genotypes) -> KeptRelatives | None:
    """That of the participants of one chromosome; None if the scan excludes relatives. Raises InputError as the scan does."""
    if not options.keeps_relatives:
        return None
    if options.relatives == "family":
        return family.OfCohort(options, cohort, genotypes)
    return Relatives(options, cohort, genotypes)
