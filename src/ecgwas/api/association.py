"""Association as functions of arrays: every variant tested with every trait, a permutation threshold, loci.

The engine is that of stage `scan` (kind `matrix`), the threshold and the loci are those of stage `loci`: the same numbers as
in a study. What a study adds - sample QC, the rank-based inverse normal transformation, sex chromosomes - is not done here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from ecgwas import scan
from ecgwas.api.inputs import association_inputs
from ecgwas.errors import InputError, first_few
from ecgwas.genotypes.in_memory import PLACE
from ecgwas.loci import merge, thresholds
from ecgwas.study import LociOptions, Matrix
from ecgwas.tables import Associations, Loci, ScanResult, Thresholds

Array = NDArray[np.floating[Any]] | NDArray[np.integer[Any]]


@dataclass(frozen=True)
class VariantScan:
    """The result of `scan_variants`.

    associations  one row per variant and trait: `trait`, `variant`, `chrom`, `pos`, `effect_allele`, `other_allele`, `eaf`
                  (frequency of the effect allele), `n`, `beta` (effect of one copy, in the trait's unit), `se`, `t`,
                  `neglog10p` (two-sided, computed in log space)
    excluded      variants that were not tested, for all traits (`trait` is null) or for one, each with the reason: `call_rate`,
                  `maf`, `mac`, `info`, `hwe`, or an error code of PLINK 2
    """

    associations: pl.DataFrame
    excluded: pl.DataFrame


@dataclass(frozen=True)
class PermutationThreshold:
    """The result of `permutation_threshold`.

    p          a test is significant if its p-value is smaller;  neglog10p  the same as -log10 p
    low, high  95 % Monte-Carlo interval of neglog10p; high is None if so few permutations set no upper limit
    maxima     (B,) float64, largest -log10 p over all traits and variants in each permutation
    """

    p: float
    neglog10p: float
    low: float
    high: float | None
    maxima: NDArray[np.float64]


def scan_variants(
    traits: pl.DataFrame | Array, covariates: pl.DataFrame | Array | None, genotypes: Array,
    variants: pl.DataFrame | None = None, *, min_maf: float = 0.01, min_mac: float = 20, min_call_rate: float = 0.98,
    min_hwe_p: float = 1e-6, keep_neglog10p: float = 0.0,
) -> VariantScan:  # fmt: skip
    """Tests every variant with every trait by ordinary least squares with an intercept and the covariates.

    Rows are participants, the same in all three arguments and in the same order. A column `eid` is not a trait; if both data
    frames have it, it must be the same.

    - traits: data frame with one column per trait, or array (N, K). Missing (null, NaN): the participant is not used for that
      trait. Traits are tested as they are, not transformed.
    - covariates: data frame or array (N, C) without missing values and without an intercept; None: only the intercept.
    - genotypes: array (N, V), copies of the effect allele from 0 to 2, missing NaN. A participant without a call is not used
      for that variant.
    - variants: data frame with `variant`, `chrom`, `pos`, `effect_allele`, `other_allele`, one row per column of genotypes;
      None: `v1`, `v2`, ... on chromosome 1, one base apart, with alleles A (effect) and B. Chromosomes 1 to 22 only.
    - min_maf, min_mac, min_call_rate, min_hwe_p: a variant below one of them is excluded; the defaults are a study's. Of
      genotypes that are not whole, variants with an imputation quality below 0.3 are excluded, too.
    - keep_neglog10p: tests with a smaller -log10 p are not returned.

    Returns a VariantScan. Raises InputError for arguments of different lengths, text, genotypes beyond 0 to 2, missing
    covariates, traits that the covariates explain entirely, and more covariates than participants. Invalid for related
    participants. The numbers agree with `plink2 --glm` (Chang et al. 2015, GigaScience 4:7) and with statsmodels' OLS.

    >>> import numpy as np, ecgwas
    >>> rng = np.random.default_rng(1)
    >>> copies = rng.binomial(2, 0.3, size=(500, 3))
    >>> qt_ms = 400 + 8 * copies[:, 1] + rng.normal(0, 15, 500)
    >>> tested = ecgwas.scan_variants(qt_ms[:, None], None, copies)
    >>> tested.associations.select("trait", "variant", "n").rows()
    [('trait1', 'v1', 500), ('trait1', 'v2', 500), ('trait1', 'v3', 500)]
    >>> round(tested.associations["beta"][1], 1)
    8.6
    """
    filters = {"min_maf": min_maf, "min_mac": min_mac, "min_call_rate": min_call_rate, "min_hwe_p": min_hwe_p}
    options = _options(keep_neglog10p=keep_neglog10p, permutations=0, **filters)
    results = _scanned(options, traits, covariates, genotypes, variants, seed=0)
    associations = pl.concat([result.associations.frame for result in results])
    return VariantScan(associations, pl.concat([result.left_out.frame for result in results]))


def permutation_threshold(
    traits: pl.DataFrame | Array, covariates: pl.DataFrame | Array | None, genotypes: Array,
    variants: pl.DataFrame | None = None, *, permutations: int = 1000, family_wise_error: float = 0.05, seed: int = 1,
    min_maf: float = 0.01, min_mac: float = 20, min_call_rate: float = 0.98, min_hwe_p: float = 1e-6,
) -> PermutationThreshold:  # fmt: skip
    """The p-value below which a test is significant with this family-wise error over all traits and variants.

    Participants are permuted, all traits and variants together, which preserves their correlations (max-T: Westfall and Young
    1993; residuals on the covariates by Freedman and Lane 1983). The threshold is the order statistic of the largest
    -log10 p of each permutation. `family_wise_error` is the chance of one or more false hits among all tests, 0 to 1; the same
    `seed` gives the same permutations. The other arguments are those of `scan_variants`.

    Returns a PermutationThreshold. Raises InputError as `scan_variants` does, for too few permutations (fewer than
    1 / family_wise_error), and if no variant passes the filters. Invalid if participants are not exchangeable, as relatives
    are not.

    >>> import numpy as np, ecgwas
    >>> rng = np.random.default_rng(2)
    >>> copies, traits = rng.binomial(2, 0.3, size=(300, 20)), rng.normal(size=(300, 2))
    >>> threshold = ecgwas.permutation_threshold(traits, None, copies, permutations=200)
    >>> threshold.maxima.shape
    (200,)
    >>> 0.05 / 40 < threshold.p < 0.05
    True
    """
    if not 0 < family_wise_error < 1:
        raise InputError(f"family_wise_error is {family_wise_error:g}", fix="give a share between 0 and 1, such as 0.05")
    needed = thresholds.min_permutations(family_wise_error)
    if permutations < needed:
        problem = f"{permutations} permutations are too few for a family-wise error of {family_wise_error:g}"
        raise InputError(problem, fix=f"use {needed} or more; 1000 is good")
    filters = {"min_maf": min_maf, "min_mac": min_mac, "min_call_rate": min_call_rate, "min_hwe_p": min_hwe_p}
    options = _options(keep_neglog10p=300.0, permutations=permutations, permuted_people="all", sets_of_traits=False, **filters)
    maxima = thresholds.joint_maxima(_scanned(options, traits, covariates, genotypes, variants, seed=seed))
    if len(maxima) == 0:
        raise InputError("no variant passes the filters", fix="lower min_maf, min_mac, min_call_rate or min_hwe_p")
    quantile = thresholds.family_wise(maxima, family_wise_error)
    return PermutationThreshold(10.0**-quantile.value, quantile.value, quantile.low, quantile.high, maxima)


def find_loci(associations: pl.DataFrame, *, p: float, window_bp: int = 500_000) -> pl.DataFrame:
    """The loci that the significant associations form: each is a run of hits of which none is further than `window_bp` from
    the next, over all traits.

    associations: the columns of `VariantScan.associations`, others are ignored; p: associations with a smaller p-value are
    significant; window_bp in base pairs. A study also joins hits in linkage disequilibrium, which needs genotypes.

    Returns one row per locus, by chromosome and position: `locus` (number), `lead_variant`, `chrom`, `pos`, `start`, `stop`,
    `effect_allele`, `other_allele`, `eaf`, `best_trait`, `neglog10p`, `traits` and `variants` (numbers of those with a hit).
    Raises InputError for missing columns and for a p-value that is not between 0 and 1.

    >>> import polars as pl, ecgwas
    >>> same = {"effect_allele": "A", "other_allele": "G", "eaf": 0.3, "n": 500, "beta": 1.0, "se": 0.1, "t": 10.0}
    >>> rows = [{"trait": "qt", "variant": f"rs{k}", "chrom": "1", "pos": pos, "neglog10p": height, **same}
    ...         for k, (pos, height) in enumerate([(1_000, 9.0), (90_000, 12.0), (5_000_000, 8.5), (9_000_000, 2.0)])]
    >>> ecgwas.find_loci(pl.DataFrame(rows), p=5e-8).select("locus", "lead_variant", "start", "stop", "variants").rows()
    [(1, 'rs1', 1000, 90000, 2), (2, 'rs2', 5000000, 5000000, 1)]
    """
    absent = [name for name in Associations.columns if name not in associations.columns]
    if absent:
        problem = f"the associations lack the columns {first_few(absent, 12)}"
        raise InputError(problem, fix="give the columns of scan_variants(...).associations (docs/tables.md, Associations)")
    try:
        options = LociOptions(threshold=float(p), window_bp=window_bp)
    except ValidationError as error:
        raise _refused(error) from None
    row = {"kind": "given", "p": p, "neglog10p": -float(np.log10(p)), "used": True, "note": "p-value given"}
    used = Thresholds.of([dict.fromkeys(Thresholds.columns) | row])
    rows = Associations(associations.select(list(Associations.columns)))
    tables = merge.find_loci(options, used, rows, ())
    return tables.loci.frame.select(list(Loci.columns))


def _options(**given: object) -> Matrix:
    try:
        return Matrix.model_validate({"genotypes": PLACE, **given})
    except ValidationError as error:
        raise _refused(error) from None


def _refused(error: ValidationError) -> InputError:
    """The first value that an option does not allow, as an error with advice."""
    first = error.errors()[0]
    name = str(first["loc"][0])
    return InputError(
        f"{name} is {first['input']}: {first['msg'].lower()}", fix=f"correct {name} (docs/study.md has its bounds)"
    )


def _scanned(
    options: Matrix, traits: pl.DataFrame | Array, covariates: pl.DataFrame | Array | None, genotypes: Array,
    variants: pl.DataFrame | None, *, seed: int,
) -> Sequence[ScanResult]:  # fmt: skip
    """The scan of each chromosome."""
    inputs = association_inputs(traits, covariates, genotypes, variants)
    return [scan.scan(options, inputs.traits, inputs.covariates, part, seed=seed) for part in inputs.genotypes]
