"""Chosen pairs of variant and trait against statsmodels and against the scan of everything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from ecgwas.scan import chosen_tests, matrix
from ecgwas.scan.chosen_tests import ChosenTests
from tests.genotypes import fileset

PEOPLE, VARIANTS, TRAITS = 120, 40, 5
SEXES = [1 + i % 2 for i in range(PEOPLE)]


def some_pairs(seed: int) -> ChosenTests:
    """Half of all pairs in any order, one of them twice."""
    rng = np.random.default_rng(seed)
    flat = rng.permutation(VARIANTS * TRAITS)[: VARIANTS * TRAITS // 2]
    return ChosenTests(*(np.append(one, one[0]).astype(np.int64) for one in np.divmod(flat, TRAITS)))


@pytest.mark.parametrize("missing", ["exact", "mean"])
def test_effects_are_statsmodels_ols(tmp_path: Path, missing: str) -> None:
    eids = fileset.write(tmp_path / "cohort", fileset.draw(PEOPLE, VARIANTS, 3, missing=0.1))
    traits, covariates = fileset.tables(eids, TRAITS, 4, 3)
    traits.values[:] = 400 + 30 * traits.values**3  # far from normal, in another unit
    traits.values[:15, 2] = np.nan
    options = fileset.matrix_options(tmp_path / "cohort", missing=missing, keep_neglog10p=9.0)
    genotypes, pairs = fileset.opened(options), some_pairs(1)
    found = chosen_tests.fit(options, traits, covariates, genotypes, pairs)
    for i in range(0, len(pairs), 7):
        copies = genotypes.dosage_of(int(pairs.variant[i]), traits.eids)
        values = traits.values[:, pairs.trait[i]]
        with_value = ~np.isnan(values)
        if missing == "mean":
            copies = np.where(np.isnan(copies), np.nanmean(copies[with_value]), copies)
        used = with_value & ~np.isnan(copies)
        design = np.column_stack([np.ones(used.sum()), covariates.values[used], copies[used]])
        model = sm.OLS(values[used], design).fit()
        np.testing.assert_allclose((found.beta[i], found.se[i]), (model.params[-1], model.bse[-1]), rtol=1e-8)


@pytest.mark.parametrize("chrom", ["1", "X", "Y", "MT"])
def test_effects_are_those_of_the_scan(tmp_path: Path, chrom: str) -> None:
    dosage = fileset.draw(PEOPLE, VARIANTS, 5, missing=0.05)
    has_one_allele = np.array(SEXES) == 1 if chrom == "X" else np.full(PEOPLE, chrom in ("Y", "MT"))
    dosage[(dosage == 1) & has_one_allele[:, None]] = 2
    eids = fileset.write(tmp_path / "cohort", dosage, chrom=chrom, sexes=SEXES)
    traits, covariates = fileset.tables(eids, TRAITS, 2, 5)
    traits.values[::9, 1] = np.nan
    options = fileset.matrix_options(tmp_path / "cohort", chromosomes=(chrom,))
    genotypes, pairs = fileset.opened(options), some_pairs(2)
    every = matrix.scan(options, traits, covariates, genotypes, seed=1).associations.frame
    expected = {(row["variant"], row["trait"]): (row["beta"], row["se"]) for row in every.iter_rows(named=True)}
    names = [(f"v{variant}", traits.names[trait]) for variant, trait in zip(pairs.variant, pairs.trait, strict=True)]
    tested = np.array([name in expected for name in names])
    assert tested.mean() > 0.5
    found = chosen_tests.fit(options, traits, covariates, genotypes, pairs.pick(tested))
    wanted = [expected[name] for name in names if name in expected]
    assert list(zip(found.beta, found.se, strict=True)) == wanted


def test_blocks_do_not_matter(tmp_path: Path) -> None:
    eids = fileset.write(tmp_path / "cohort", fileset.draw(PEOPLE, VARIANTS, 7, missing=0.05))
    traits, covariates = fileset.tables(eids, TRAITS, 2, 7)
    whole, small = (fileset.matrix_options(tmp_path / "cohort", block=block) for block in (1000, 3))
    genotypes, pairs = fileset.opened(whole), some_pairs(3)
    first, second = (chosen_tests.fit(options, traits, covariates, genotypes, pairs) for options in (whole, small))
    assert pl.DataFrame({"b": first.beta, "s": first.se}).equals(pl.DataFrame({"b": second.beta, "s": second.se}))


def test_no_pairs_are_no_effects(tmp_path: Path) -> None:
    eids = fileset.write(tmp_path / "cohort", fileset.draw(PEOPLE, 3, 8))
    traits, covariates = fileset.tables(eids, 2, 1, 8)
    options = fileset.matrix_options(tmp_path / "cohort")
    none = np.empty(0, dtype=np.int64)
    found = chosen_tests.fit(options, traits, covariates, fileset.opened(options), ChosenTests(none, none))
    assert len(found.beta) == len(found.se) == 0
