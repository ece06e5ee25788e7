"""scan.men_on_x: 1, men with one copy counting 1: PLINK 2 (--xchr-model 1) and statsmodels find the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from ecgwas.genotypes import dosages
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.loci.individual_data import Chromosome
from ecgwas.scan import chosen_tests, matrix, plink2
from ecgwas.scan.chosen_tests import ChosenTests
from ecgwas.scan.engine.samples import assemble
from ecgwas.scan.permutation.max_t import orders
from ecgwas.tables import Covariates, Traits
from tests.genotypes import fileset

PEOPLE, VARIANTS, TRAITS = 150, 40, 3
SEXES = [1 + i % 2 for i in range(PEOPLE)]


class OnX:
    """Traits, covariates and genotypes of X; one person's sex is unknown, and a trait lacks some values."""

    def __init__(self, folder: Path, chrom: str = "X") -> None:
        dosage = fileset.draw(PEOPLE, VARIANTS, 7, missing=0.05)
        men = np.array(SEXES) == 1
        if chrom == "X":
            dosage[(dosage == 1) & men[:, None]] = 2
        self.stem = folder / "cohort"
        eids = fileset.write(self.stem, dosage, chrom=chrom, sexes=[0, *SEXES[1:]])
        self.traits, self.covariates = fileset.tables(eids, TRAITS, 2, 7)
        self.traits.values[::9, 1] = np.nan

    def model(self, row: dict[str, object], once: float) -> sm.regression.linear_model.RegressionResultsWrapper:
        """By statsmodels, `once`: copies of a man's allele divided by 2."""
        genotypes = fileset.opened(fileset.matrix_options(self.stem, chromosomes=("X",)))
        place = list(genotypes.variants).index(row["variant"])
        copies = genotypes.dosage_of(place, self.traits.eids)
        sexes = genotypes.sexes[genotypes.sample_index(self.traits.eids)]
        copies = np.where(sexes == 1, copies * once, copies)
        values = self.traits.values[:, self.traits.names.index(str(row["trait"]))]
        used = np.isfinite(values) & np.isfinite(copies) & (sexes > 0)
        design = np.column_stack([np.ones(used.sum()), self.covariates.values[used], sexes[used], copies[used]])
        return sm.OLS(values[used], design).fit()


@pytest.mark.parametrize(("men", "factor"), [(1, 0.5), (2, 1.0)])
def test_tests_are_statsmodels_ols_with_one_copy_in_men(tmp_path: Path, men: int, factor: float) -> None:
    study = OnX(tmp_path)
    options = fileset.matrix_options(study.stem, chromosomes=("X",), men_on_x=men)
    genotypes = fileset.opened(options)
    result = matrix.scan(options, study.traits, study.covariates, genotypes, seed=1)
    frame = result.associations.frame
    assert frame.height > 100
    for row in frame.iter_rows(named=True):
        expected = study.model(row, factor)
        assert (row["beta"], row["se"]) == pytest.approx((expected.params[-1], expected.bse[-1]), rel=1e-6)
        assert row["n"] == expected.nobs
        assert row["neglog10p"] == pytest.approx(-np.log10(expected.pvalues[-1]), rel=1e-5)
    names = list(genotypes.variants)
    pairs = ChosenTests(
        np.array([names.index(one) for one in frame["variant"]]),
        np.array([study.traits.names.index(one) for one in frame["trait"]]),
    )
    again = chosen_tests.fit(options, study.traits, study.covariates, genotypes, pairs)
    np.testing.assert_allclose(again.beta, frame["beta"], rtol=1e-12)
    np.testing.assert_allclose(again.eaf, frame["eaf"], rtol=1e-12)


def test_followed_up_with_the_same_copies(tmp_path: Path) -> None:
    """Conditional analysis, credible sets and audit read regions."""
    study = OnX(tmp_path)
    options = fileset.matrix_options(study.stem, chromosomes=("X",), men_on_x=1)
    genotypes = fileset.opened(options)
    chromosome = Chromosome.of(genotypes, study.traits, study.covariates, men_on_x=1)
    region = chromosome.region(np.arange(VARIANTS))
    frame = matrix.scan(options, study.traits, study.covariates, genotypes, seed=1).associations.frame
    for row in frame.iter_rows(named=True):
        fit = chromosome.model(row["trait"]).fit(region.copies[region.index_of(row)])
        assert (fit.beta, fit.se) == pytest.approx((row["beta"], row["se"]), rel=1e-5)


@pytest.mark.parametrize("kernel", ["table", "numpy"])
def test_frequencies_filters_and_kernels_do_not_change(tmp_path: Path, kernel: str) -> None:
    study = OnX(tmp_path)
    limits = {"min_maf": 0.1, "min_mac": 40, "min_call_rate": 0.94, "min_hwe_p": 0.05, "chromosomes": ("X",), "kernel": kernel}
    found = {}
    for men in (1, 2):
        options = fileset.matrix_options(study.stem, men_on_x=men, **limits)
        found[men] = matrix.scan(options, study.traits, study.covariates, fileset.opened(options), seed=1)
    assert found[1].left_out.frame.equals(found[2].left_out.frame)
    once, twice = (found[men].associations.frame for men in (1, 2))
    assert once.select("variant", "trait", "eaf", "n").equals(twice.select("variant", "trait", "eaf", "n"))
    assert not np.allclose(once["neglog10p"], twice["neglog10p"], rtol=1e-3)


@pytest.mark.plink2
@pytest.mark.parametrize("men", [1, 2])
def test_tests_are_those_of_plink2(tmp_path: Path, men: int) -> None:
    """The engine plink2 gives --xchr-model 1; beta, standard error and frequency agree to its six digits."""
    study = OnX(tmp_path)
    ours = fileset.matrix_options(study.stem, chromosomes=("X",), men_on_x=men, min_mac=5)
    theirs = fileset.plink2_options(study.stem, chromosomes=("X",), men_on_x=men, min_mac=5)
    first = matrix.scan(ours, study.traits, study.covariates, fileset.opened(ours), seed=1).associations.frame
    second = plink2.scan(theirs, study.traits, study.covariates, fileset.opened(theirs), seed=1, folder=tmp_path / "log")
    log = next((tmp_path / "log").rglob("plink2.log")).read_text()
    assert ("--xchr-model 1" in log) == (men == 1)
    joined = first.join(second.associations.frame, on=["variant", "trait"], suffix="_theirs")
    assert joined.height == first.height == len(second.associations) > 80
    for name in ("beta", "se", "t", "neglog10p"):
        np.testing.assert_allclose(joined[name], joined[f"{name}_theirs"], rtol=3e-5, atol=1e-6)


def test_permutations_are_scans_of_permuted_residuals(tmp_path: Path) -> None:
    study = OnX(tmp_path)
    study.traits.values[:] = np.random.default_rng(1).normal(size=study.traits.values.shape)
    options = fileset.matrix_options(study.stem, chromosomes=("X",), men_on_x=1, permutations=2, missing="mean")
    genotypes = fileset.opened(options)
    found = matrix.scan(options, study.traits, study.covariates, genotypes, seed=9).permutation_max
    cohort = assemble(study.traits, study.covariates, genotypes, men_on_x=1)
    design = sm.add_constant(cohort.covariates)
    rest = np.column_stack([sm.OLS(column, design).fit().resid for column in cohort.values.T])
    eids = tuple(genotypes.eids[i] for i in cohort.fam_index)

    for shuffle, order in enumerate(orders(cohort, 2, 9)):
        permuted = Traits(eids, study.traits.names, rest[order])
        plain = fileset.matrix_options(study.stem, chromosomes=("X",), men_on_x=1, missing="mean")
        again = matrix.scan(plain, permuted, Covariates(eids, ("a", "b", "c"), cohort.covariates), genotypes, seed=1)
        largest = again.associations.frame["neglog10p"].max()
        assert found[shuffle] == pytest.approx(largest, abs=0.02)  # a missing call counts as its fitted value


def test_pseudoautosomal_variants_and_autosomes_are_not_touched(tmp_path: Path) -> None:
    study = OnX(tmp_path, "1")
    frames = []
    for men in (1, 2):
        options = fileset.matrix_options(study.stem, men_on_x=men)
        frames.append(matrix.scan(options, study.traits, study.covariates, fileset.opened(options), seed=1).associations.frame)
    assert frames[0].equals(frames[1])


def test_a_block_of_men_and_women(tmp_path: Path) -> None:
    """Copies, sums and missing calls by hand, of hard calls and of dosages."""
    study = OnX(tmp_path)
    genotypes = fileset.opened(fileset.matrix_options(study.stem, chromosomes=("X",)))
    men = genotypes.sexes == 1
    raw = genotypes.dosages(0, VARIANTS)
    selector = SampleSelector(np.arange(PEOPLE), PEOPLE)
    for given in (dosages.block_reader(genotypes, 0, VARIANTS)(selector), dosages.dosage_block(raw)):
        block = dosages.counted_once(given, men)
        expected: NDArray[np.float64] = np.where(given.minor_is_other[:, None], 2 - raw, raw)
        expected = np.nan_to_num(expected * np.where(men, 0.5, 1.0))
        np.testing.assert_array_equal(block.minor_copies(), expected)
        np.testing.assert_allclose(block.minor_alleles, expected.sum(axis=1))
        np.testing.assert_allclose(block.raw_ss, np.square(expected).sum(axis=1))
        np.testing.assert_array_equal(block.called, np.isfinite(raw).sum(axis=1))
        np.testing.assert_array_equal(block.effect_frequency, given.effect_frequency)
        half = block.select(np.arange(VARIANTS) % 2 == 0)
        np.testing.assert_array_equal(half.effect_frequency, given.effect_frequency[::2])
    assert dosages.counted_once(given, None) is given
