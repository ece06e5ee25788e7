"""The mean beats by genotype of any variant, as the report computes those of lead variants."""

from __future__ import annotations

import numpy as np

from ecgwas import report
from ecgwas.errors import InputError
from ecgwas.genotypes import variant_lookup
from ecgwas.stages import traits, variant_view
from ecgwas.study import Study


def mean_beats(study: Study, name: str) -> report.GenotypeBeats:
    """Mean median beats of the participants tested, by copies of the variant's effect allele.

    name: id, rs number, chrom:pos or chrom:pos:allele:allele. Raises InputError if no variant or several have it, and if fewer
    than three participants have both a call and median beats, or all of them the same genotype, or the study has no recordings.
    """
    if study.read is None:
        fix = "add a section `read` (recordings: FOLDER) and run the study again"
        raise InputError("the study has no recordings, so that there is no ECG by genotype", where=study.folder, fix=fix)
    variant = variant_lookup.find(study.scan, name, variant_view.likely_chroms(study, name))
    signals, chosen = variant_view.with_beats(study, variant, traits.load_traits(study).eids)
    called = chosen.dosage[np.isfinite(chosen.dosage)]
    if len(called) < 3 or np.ptp(called) == 0:
        problem = f"{name} does not vary among the {len(called)} participants tested with a call and a median beat"
        raise InputError(problem, where=study.scan.genotypes, fix="choose a variant that passes the study's filters")
    return report.genotype_beats(signals, [chosen])[0]
