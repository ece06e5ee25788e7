"""Do p-values behave for rare and for common variants alike: genomic inflation by minor allele frequency."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.genotypes.packed import SampleSelector
from ecgwas.loci import inflation
from ecgwas.loci.individual_data import Chromosome, VariantsTested
from ecgwas.scan.engine import screening
from ecgwas.scan.engine.regression import Fitter
from ecgwas.scan.engine.samples import groups
from ecgwas.scan.engine.screening import BINS
from ecgwas.study.scan import Matrix, Scan
from ecgwas.tables.loci import Inflation

EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
LOOKED_AT = 20_000
"""Variants, evenly spaced: the median of 20,000 has an error of 2 %, whatever the number of traits."""
STEP = 1024
TAIL = round(float(stats.chi2.isf(1e-3, 1)) * screening.BINS_PER_UNIT)


def by_frequency(options: Scan, chromosomes: Iterable[Chromosome], tested: VariantsTested, total: int) -> Inflation:
    """One row per bin of EDGES. total: variants on all chromosomes; of these at most LOOKED_AT are tested again, by hard calls.

    tested: which variants the scan has tested.
    """
    stride = max(1, -(-total // LOOKED_AT))
    counts = np.zeros((len(EDGES) - 1, BINS), dtype=np.int64)
    variants = np.zeros(len(EDGES) - 1, dtype=np.int64)
    shared = {name: getattr(options, name) for name in Scan.model_fields}
    made = Matrix.model_validate(shared | {"permutations": 0, "threads": 1})
    for chromosome in chromosomes:
        _count(made, chromosome, tested.of(chromosome.genotypes), stride, counts, variants)
    return Inflation.of([_row(k, int(variants[k]), counts[k]) for k in range(len(counts))])


def _count(
    options: Matrix, chromosome: Chromosome, tested: NDArray[np.bool_], stride: int,
    counts: NDArray[np.int64], variants: NDArray[np.int64],
) -> None:  # fmt: skip
    """Adds the tests of a chromosome to counts (bins, BINS) and its variants to variants (bins,)."""
    cohort, genotypes = chromosome.cohort, chromosome.genotypes
    everyone = SampleSelector(cohort.fam_index, len(genotypes.eids))
    fitters = [
        (SampleSelector(cohort.fam_index[group.people], len(genotypes.eids)), Fitter(options, group))
        for group in groups(cohort, chromosome.names)
    ]
    for start in range(0, len(genotypes), STEP * stride):
        places = np.arange(start, min(start + STEP * stride, len(genotypes)), stride)
        packed = np.asarray(genotypes.packed(start, int(places[-1]) + 1))[places - start]
        whole = everyone.block(packed)
        kept = tested[places]
        frequency = whole.minor[kept] / np.maximum(2 * whole.called[kept], 1)
        bins = np.clip(np.searchsorted(EDGES, frequency, side="right") - 1, 0, len(EDGES) - 2)
        variants += np.bincount(bins, minlength=len(variants))
        for chooser, fitter in fitters:
            screened = fitter.screen(chooser.block(packed[kept]))
            values = screening.chi2(screened)
            for k in np.unique(bins):
                chosen = values[(bins == k) & screened.testable]
                counts[k] += screening.histogram(chosen.reshape(-1, 1))[0]


def _row(k: int, variants: int, counts: NDArray[np.int64]) -> dict[str, object]:
    tests = int(counts.sum())
    return {
        "maf_from": EDGES[k], "maf_to": EDGES[k + 1], "variants": variants, "tests": tests,
        "lambda_gc": inflation.lambda_gc(counts),
        "share_beyond_1e3": float(counts[TAIL:].sum()) / tests / 1e-3 if tests else None,
    }  # fmt: skip
