"""The built-in engine with relatives: GEMMA's rows, no row lost, calibrated thresholds, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from ecgwas.errors import InputError
from ecgwas.genotypes import chromosomes, dosages
from ecgwas.mixed.rotation import rotation
from ecgwas.scan import matrix, relatives
from ecgwas.scan.block_scan import Scanner
from ecgwas.scan.engine.samples import assemble, groups
from ecgwas.scan.permutation import max_t_relatives
from ecgwas.statistics.projection import span
from ecgwas.study.scan import Matrix
from ecgwas.tables import Covariates, ScanResult, Traits
from tests.mixed import families, gemma

PEOPLE = 160
NAMES = tuple(f"pca.{'I' if k % 2 else 'II'}.f{k}" for k in range(4))


def options(stem: Path, **more: object) -> Matrix:
    given = {"genotypes": stem, "relatives": "polygenic", "permutations": 0, "threads": 1, "min_hwe_p": 0.0,
             "min_call_rate": 0.0, "chromosomes": ("1", "2", "3", "4")}  # fmt: skip
    return Matrix.model_validate(given | more)


def cohort(stem: Path, *, chromosome: NDArray[np.int64] | None = None) -> tuple[Traits, Covariates]:
    """Families with missing calls and a trait that some lack; people in another order than the .fam."""
    made = families.draw(PEOPLE, 1600, related=0.7, seed=2)
    values = families.polygenic(made.copies, np.array([0.0, 0.2, 0.5, 0.8]), 1)
    values[5:17, 2] = np.nan
    rng = np.random.default_rng(6)
    copies = made.copies.copy()
    copies[rng.random(copies.shape) < 0.005] = -127
    gemma.fileset(stem, copies, values, made.chromosome if chromosome is None else chromosome)
    order = rng.permutation(PEOPLE)
    eids = tuple(f"p{i}" for i in order)
    return Traits(eids, NAMES, values[order]), Covariates(eids, ("a", "b"), rng.standard_normal((PEOPLE, 2)))


def scanned(made: Matrix, traits: Traits, covariates: Covariates, chrom: str = "1", seed: int = 1) -> ScanResult:
    return matrix.scan(made, traits, covariates, chromosomes.open_chromosome(made, chrom), seed=seed)


@pytest.mark.gemma
def test_rows_are_those_of_gemma_with_the_relationship_of_the_other_chromosomes(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    traits, covariates = cohort(stem)
    made = options(stem, keep_neglog10p=0.0)
    rows = scanned(made, traits, covariates).associations.frame
    in_file = tuple(f"p{i}" for i in range(PEOPLE))
    g = relatives.loco_relationship(made, "1", in_file)
    design = np.column_stack([np.ones(PEOPLE), covariates.values[np.argsort([int(eid[1:]) for eid in covariates.eids])]])
    for k, name in enumerate(NAMES):
        theirs, _ = gemma.wald(stem, g, design, k)
        both = rows.filter(pl.col("trait") == name).join(theirs.rename({"rs": "variant"}), on="variant", suffix="_gemma")
        assert both.height > 300
        sign = np.where(both["effect_allele"] == both["allele1"], 1, -1)
        np.testing.assert_allclose(both["se"], both["se_gemma"], rtol=1e-5)
        np.testing.assert_allclose(both["beta"], sign * both["beta_gemma"], rtol=1e-5, atol=1e-6)
        ours, chi2 = np.square(both["t"].to_numpy()), np.square((both["beta_gemma"] / both["se_gemma"]).to_numpy())
        np.testing.assert_allclose(ours[chi2 > 1], chi2[chi2 > 1], rtol=1e-5)
        strong = both.filter(pl.col("neglog10p") > 1)
        np.testing.assert_allclose(strong["neglog10p"], -strong["p_wald"].log10(), rtol=2e-5)
        assert set(both["n"]) == {PEOPLE - 12 if k == 2 else PEOPLE}


def test_the_screen_loses_no_row(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    traits, covariates = cohort(stem)
    exact = scanned(options(stem, keep_neglog10p=0.0), traits, covariates)
    kept = scanned(options(stem, keep_neglog10p=1.5), traits, covariates)
    assert kept.associations.frame.height > 20
    assert kept.associations.frame.equals(exact.associations.frame.filter(pl.col("neglog10p") >= 1.5))
    np.testing.assert_array_equal(kept.chi2_counts, exact.chi2_counts)
    np.testing.assert_array_equal(kept.chi2_counts.sum(axis=1), kept.tests)


def test_neither_blocks_nor_threads_nor_passes_change_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stem = tmp_path / "cohort"
    traits, covariates = cohort(stem)
    more = {"keep_neglog10p": 1.0, "permutations": 20}
    usual = scanned(options(stem, **more), traits, covariates)
    other = scanned(options(stem, block=37, threads=3, **more), traits, covariates)
    monkeypatch.setattr(relatives, "ROTATION_BYTES", 1)  # One group of traits per pass.
    in_passes = scanned(options(stem, min_mac=60, **more), traits, covariates)
    monkeypatch.undo()
    at_once = scanned(options(stem, min_mac=60, **more), traits, covariates)
    assert at_once.left_out.frame.height > 0
    for one, two in ((usual, other), (at_once, in_passes)):
        assert one.associations.frame.equals(two.associations.frame)
        assert one.left_out.frame.equals(two.left_out.frame)
        np.testing.assert_array_equal(one.permutation_max, two.permutation_max)
        np.testing.assert_array_equal(one.tests, two.tests)


def test_unpermuted_residuals_give_the_screen_of_the_observed_data(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    traits, covariates = cohort(stem)
    made = options(stem, keep_neglog10p=0.0)
    complete = traits.select([NAMES[0], NAMES[3]])
    genotypes = chromosomes.open_chromosome(made, "1")
    people = assemble(complete, covariates, genotypes)
    (prepared,) = relatives.prepared(
        made.model_copy(update={"permutations": 5}), people, groups(people, complete.names), genotypes, 1
    )  # fmt: skip
    shuffles = prepared.shuffles
    assert isinstance(shuffles, max_t_relatives.MixedShuffles)
    shuffles.orders[:] = np.arange(PEOPLE)
    shuffles.batches = None
    scanner = Scanner(made, people, prepared.fitters, genotypes, shuffles)
    result = scanner.test_block(0, len(genotypes))
    (fitter,) = prepared.fitters
    block = dosages.block_reader(genotypes, 0, len(genotypes))(scanner.all_samples)
    largest = float(fitter.chi2(block, fitter.screen(block)).max())
    np.testing.assert_allclose(result.maxima**2 * fitter.group.design.df / (1 - result.maxima**2), largest, rtol=1e-4)


def test_whitened_residuals_are_those_of_least_squares_without_relatedness() -> None:
    rng = np.random.default_rng(4)
    basis, values = span(rng.standard_normal((50, 2))), rng.standard_normal((50, 3))
    loadings = rng.standard_normal((50, 80))
    turned = rotation(loadings @ loadings.T / 80, basis)
    found = max_t_relatives.whitened(turned, values, np.zeros(3))
    np.testing.assert_allclose(found, values - basis @ (basis.T @ values), atol=1e-12)


def test_relatives_are_not_counted_twice(tmp_path: Path) -> None:
    """In heritable traits of families least squares is inflated and the mixed model is not; both have the study's 5 %."""
    stem = tmp_path / "cohort"
    exceeded = {"drop": 0, "polygenic": 0}
    inflation: dict[str, list[float]] = {"drop": [], "polygenic": []}
    for seed in range(16):
        made = families.draw(240, 1200, related=1.0, seed=100 + seed, chromosomes=2)
        values = families.polygenic(made.copies[:, made.chromosome == 2], np.full(6, 0.8), seed)
        gemma.fileset(stem, made.copies, values, made.chromosome)
        eids = tuple(f"p{i}" for i in range(240))
        tables = Traits(eids, tuple(f"pca.I.f{k}" for k in range(6)), values), Covariates(eids, (), np.empty((240, 0)))
        for kind in exceeded:
            given = options(
                stem, relatives=kind, sets_of_traits=False, permutations=100, keep_neglog10p=0.0, chromosomes=("1", "2")
            )
            result = scanned(given, *tables, seed=seed)
            threshold = np.sort(result.permutation_max)[-5]
            exceeded[kind] += bool((result.associations.frame["neglog10p"] > threshold).any())
            inflation[kind].append(float(np.median(np.square(result.associations.frame["t"]))) / 0.4549)
    assert exceeded["polygenic"] <= 4  # Binomial of 16 and 5 %: above 4 once in a thousand.
    assert 0.93 < np.mean(inflation["polygenic"]) < 1.07
    assert np.mean(inflation["drop"]) > 1.2


def test_x_is_tested_with_the_relationship_of_all_autosomes(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    chromosome = np.where(np.arange(1600) < 1300, 1 + np.arange(1600) // 434, 23)
    traits, covariates = cohort(stem, chromosome=chromosome)
    made = options(stem, chromosomes=("1", "2", "3", "X"), keep_neglog10p=0.0)
    result = scanned(made, traits, covariates, "X")
    assert (result.tests > 200).all()
    assert relatives.loco_relationship(made, "X", traits.eids).shape == (PEOPLE, PEOPLE)


def test_too_few_other_chromosomes_and_too_many_people_are_refused(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    traits, covariates = cohort(stem)
    with pytest.raises(InputError, match="have 0 common variants; at least 200"):
        scanned(options(stem, chromosomes=("1",)), traits, covariates)
    with pytest.raises(InputError, match="have 0 common variants"):
        matrix.check(options(stem, chromosomes=("1",)))
    matrix.check(options(stem))
    with pytest.raises(InputError, match=r"exact for at most 100 people \(scan.exact_people\), and 160 are tested") as error:
        scanned(options(stem, exact_people=100), traits, covariates)
    assert "relatives: family" in str(error.value.fix)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"dense": True}, "dense"), ({"kernel": "torch"}, "torch"), ({"sets_of_traits": True}, "sets_of_traits")],
)
def test_options_without_a_counterpart_are_refused_in_words(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=f"{words}.* needs relatives: drop"):
        options(Path("cohort"), **given)
    assert Matrix.model_validate({"genotypes": "cohort", **given}).relatives == "drop"
    assert not options(Path("cohort")).tests_sets
