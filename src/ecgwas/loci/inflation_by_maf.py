"""Are p-values calibrated for rare and common variants alike: genomic inflation by minor allele frequency."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.genotypes.packed import SampleSelector
from ecgwas.loci import inflation
from ecgwas.loci.individual_data import Chromosome, VariantsTested
from ecgwas.scan import kept_relatives
from ecgwas.scan.engine import screening
from ecgwas.scan.engine.regression import Fitter
from ecgwas.scan.engine.samples import groups
from ecgwas.scan.engine.screening import BINS
from ecgwas.study.scan import Matrix, Scan
from ecgwas.tables.calibration import Inflation

EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
MAX_VARIANTS = 20_000
"""Evenly spaced variants that are tested: the median of 20,000 has an error of 2 %, whatever the number of traits."""
BLOCK_SIZE = 1024
TAIL = round(float(stats.chi2.isf(1e-3, 1)) * screening.BINS_PER_UNIT)


def inflation_by_maf(options: Scan, chromosomes: Iterable[Chromosome], tested: VariantsTested, total: int) -> Inflation:
    """One row per bin of EDGES. total: variants on all chromosomes; of these at most MAX_VARIANTS are tested, by hard calls.

    tested: the variants that the scan tested; others are passed over.
    """
    stride = max(1, -(-total // MAX_VARIANTS))
    counts = np.zeros((len(EDGES) - 1, BINS), dtype=np.int64)
    variants = np.zeros(len(EDGES) - 1, dtype=np.int64)
    shared = {name: getattr(options, name) for name in Scan.model_fields}
    names = ("relatives", "kinship", "exact_people")
    own = {name: getattr(options, name) for name in names} if isinstance(options, Matrix) else {}
    engine = Matrix.model_validate(shared | own | {"permutations": 0, "threads": 1})
    for chromosome in chromosomes:
        _count(engine, chromosome, tested.mask(chromosome.genotypes), stride, counts, variants)
    return Inflation.of([_row(k, int(variants[k]), counts[k]) for k in range(len(counts))])


def _count(
    options: Matrix, chromosome: Chromosome, tested: NDArray[np.bool_], stride: int,
    counts: NDArray[np.int64], variants: NDArray[np.int64],
) -> None:  # fmt: skip
    """Adds the tests of a chromosome to counts (bins, BINS) and its variants to variants (bins,), in place."""
    cohort, genotypes = chromosome.cohort, chromosome.genotypes
    all_samples = SampleSelector(cohort.fam_index, len(genotypes.eids))
    grouped = groups(cohort, chromosome.names)
    relatives = kept_relatives.of_cohort(options, cohort, genotypes)
    each = [Fitter(options, group) if relatives is None else relatives.fitter(group) for group in grouped]
    fitters = [(SampleSelector(cohort.fam_index[one.group.people], len(genotypes.eids)), one) for one in each]
    for start in range(0, len(genotypes), BLOCK_SIZE * stride):
        variant_index = np.arange(start, min(start + BLOCK_SIZE * stride, len(genotypes)), stride)
        packed = np.asarray(genotypes.packed(start, int(variant_index[-1]) + 1))[variant_index - start]
        block = all_samples.select(packed)
        was_tested = tested[variant_index]
        maf = block.minor_alleles[was_tested] / np.maximum(2 * block.called[was_tested], 1)
        bins = np.clip(np.searchsorted(EDGES, maf, side="right") - 1, 0, len(EDGES) - 2)
        variants += np.bincount(bins, minlength=len(variants))
        for selector, fitter in fitters:
            own = selector.select(packed[was_tested])
            screened = fitter.screen(own)
            chi2 = fitter.chi2(own, screened)
            for k in np.unique(bins):
                of_bin = chi2[(bins == k) & screened.testable]
                counts[k] += screening.histogram(of_bin.reshape(-1, 1))[0]


def _row(k: int, variants: int, counts: NDArray[np.int64]) -> dict[str, object]:
    tests = int(counts.sum())
    return {
        "maf_from": EDGES[k], "maf_to": EDGES[k + 1], "variants": variants, "tests": tests,
        "lambda_gc": inflation.lambda_gc(counts),
        "share_beyond_1e3": float(counts[TAIL:].sum()) / tests / 1e-3 if tests else None,
    }  # fmt: skip
