"""The built-in engine with families: GEMMA's rows, no row lost, calibrated thresholds, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from bed_reader import open_bed
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from ecgwas.errors import InputError
from ecgwas.genotypes import chromosomes, dosages
from ecgwas.scan import family, matrix
from ecgwas.scan.block_scan import Scanner
from ecgwas.scan.engine.samples import assemble, groups
from ecgwas.scan.permutation.max_t_family import FamilyShuffles
from ecgwas.study.scan import Matrix
from ecgwas.tables import Covariates, ScanResult, Traits
from tests.mixed import families, gemma

PEOPLE = 160
NAMES = tuple(f"pca.{'I' if k % 2 else 'II'}.f{k}" for k in range(4))


def options(stem: Path, **more: object) -> Matrix:
    given = {"genotypes": stem, "relatives": "family", "kinship": stem.with_suffix(".kin0"), "permutations": 0, "threads": 1,
             "min_hwe_p": 0.0, "min_call_rate": 0.0, "chromosomes": ("1", "2", "3", "4")}  # fmt: skip
    return Matrix.model_validate(given | more)


def listed(stem: Path, pairs: list[tuple[int, int]], seed: int = 3) -> NDArray[np.float64]:
    """Writes a list of siblings with estimates of their kinship, and returns the relationship (N, N)."""
    rng = np.random.default_rng(seed)
    g = np.eye(max(PEOPLE, 1 + max((max(pair) for pair in pairs), default=0)))
    lines = ["#FID1\tIID1\tFID2\tIID2\tNSNP\tHETHET\tIBS0\tKINSHIP"]
    for i, j in pairs:
        kinship = round(float(rng.normal(0.25, 0.02)), 6)
        g[i, j] = g[j, i] = 2 * kinship
        lines.append(f"f{j}\tp{j}\tf{i}\tp{i}\t900\t0.1\t0.01\t{kinship}")
    rng.shuffle(lines[1:])
    stem.with_suffix(".kin0").write_text("\n".join(lines) + "\n")
    return g


def cohort(stem: Path, *, chromosome: NDArray[np.int64] | None = None) -> tuple[Traits, Covariates, NDArray[np.float64]]:
    """Families with missing calls and a trait that some lack; people in another order than the .fam; their relationship."""
    made = families.draw(PEOPLE, 1600, related=0.7, seed=2)
    values = families.polygenic(made.copies, np.array([0.0, 0.2, 0.5, 0.8]), 1)
    values[5:17, 2] = np.nan
    rng = np.random.default_rng(6)
    copies = made.copies.copy()
    copies[rng.random(copies.shape) < 0.005] = -127
    gemma.fileset(stem, copies, values, made.chromosome if chromosome is None else chromosome)
    order = rng.permutation(PEOPLE)
    eids = tuple(f"p{i}" for i in order)
    g = listed(stem, families.siblings(PEOPLE, 0.7))
    return Traits(eids, NAMES, values[order]), Covariates(eids, ("a", "b"), rng.standard_normal((PEOPLE, 2))), g


def scanned(made: Matrix, traits: Traits, covariates: Covariates, chrom: str = "1", seed: int = 1) -> ScanResult:
    return matrix.scan(made, traits, covariates, chromosomes.open_chromosome(made, chrom), seed=seed)


@pytest.mark.gemma
def test_rows_are_those_of_gemma_with_the_same_relationship(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    traits, covariates, g = cohort(stem)
    assert np.linalg.eigvalsh(g).min() > 0
    rows = scanned(options(stem, keep_neglog10p=0.0), traits, covariates).associations.frame
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
    traits, covariates, _ = cohort(stem)
    exact = scanned(options(stem, keep_neglog10p=0.0), traits, covariates)
    kept = scanned(options(stem, keep_neglog10p=1.5), traits, covariates)
    assert kept.associations.frame.height > 20
    assert kept.associations.frame.equals(exact.associations.frame.filter(pl.col("neglog10p") >= 1.5))
    np.testing.assert_array_equal(kept.chi2_counts, exact.chi2_counts)
    np.testing.assert_array_equal(kept.chi2_counts.sum(axis=1), kept.tests)


def test_neither_blocks_nor_threads_nor_kernels_change_a_row(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    traits, covariates, _ = cohort(stem)
    more = {"keep_neglog10p": 1.0, "permutations": 20}
    usual = scanned(options(stem, **more), traits, covariates)
    for changed in ({"block": 37, "threads": 3}, {"block": 5}, {"kernel": "numpy"}):
        other = scanned(options(stem, **more, **changed), traits, covariates)
        assert usual.associations.frame.equals(other.associations.frame)
        assert usual.left_out.frame.equals(other.left_out.frame)
        np.testing.assert_array_equal(usual.permutation_max, other.permutation_max)
        np.testing.assert_array_equal(usual.tests, other.tests)


def alone(stem: Path) -> None:
    """A list without pairs."""
    stem.with_suffix(".kin0").write_text("ID1 ID2 HetHet IBS0 Kinship\n")


@given(seed=st.integers(0, 10**6), covariates=st.integers(0, 4), keep=st.sampled_from([0.0, 1.0]))
@settings(max_examples=6, deadline=None)
def test_without_relatives_it_is_least_squares(
    tmp_path_factory: pytest.TempPathFactory, seed: int, covariates: int, keep: float
) -> None:
    stem = tmp_path_factory.mktemp("alone") / "cohort"
    rng = np.random.default_rng(seed)
    made = families.draw(90, 80, related=0.0, seed=seed, chromosomes=1)
    gemma.fileset(stem, made.copies, np.zeros((90, 1)), made.chromosome)
    alone(stem)
    eids = tuple(f"p{i}" for i in range(90))
    tables = (
        Traits(eids, NAMES[:3], rng.standard_normal((90, 3))),
        Covariates(eids, tuple(f"c{i}" for i in range(covariates)), rng.standard_normal((90, covariates))),
    )
    more = {"keep_neglog10p": keep, "permutations": 10, "chromosomes": ("1",), "sets_of_traits": False}
    ours = scanned(options(stem, **more), *tables)
    least_squares = scanned(options(stem, relatives="drop", kinship=None, **more), *tables)
    for name in ("trait", "variant", "n"):
        assert ours.associations.frame[name].equals(least_squares.associations.frame[name])
    for name in ("beta", "se", "t", "neglog10p"):
        np.testing.assert_allclose(ours.associations.frame[name], least_squares.associations.frame[name], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.permutation_max, least_squares.permutation_max, atol=2e-5)
    assert np.abs(ours.chi2_counts.cumsum(axis=1) - least_squares.chi2_counts.cumsum(axis=1)).max() <= 2


def test_unpermuted_residuals_give_the_screen_of_the_observed_data(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    traits, covariates, _ = cohort(stem)
    made = options(stem, keep_neglog10p=0.0, permutations=5)
    complete = traits.select([NAMES[0], NAMES[3]])
    genotypes = chromosomes.open_chromosome(made, "1")
    people = assemble(complete, covariates, genotypes)
    prepared = family.prepared(made, people, groups(people, complete.names), genotypes, 1)
    shuffles = prepared.shuffles
    assert isinstance(shuffles, FamilyShuffles)
    shuffles.orders[:] = np.arange(PEOPLE)
    shuffles.batches = None
    scanner = Scanner(made, people, prepared.fitters, genotypes, shuffles)
    result = scanner.test_block(0, len(genotypes))
    (fitter,) = prepared.fitters
    block = dosages.block_reader(genotypes, 0, len(genotypes))(scanner.all_samples)
    largest = float(fitter.chi2(block, fitter.screen(block)).max())
    np.testing.assert_allclose(result.maxima**2 * fitter.group.design.df / (1 - result.maxima**2), largest, rtol=1e-4)


def test_relatives_are_not_counted_twice(tmp_path: Path) -> None:
    """In heritable traits of families least squares is inflated and the mixed model is not; its thresholds hold 5 %."""
    stem = tmp_path / "cohort"
    exceeded, inflation = 0, {"family": [0.0] * 0, "drop": [0.0] * 0}
    for seed in range(16):
        made = families.draw(240, 1200, related=1.0, seed=100 + seed, chromosomes=2)
        values = families.polygenic(made.copies[:, made.chromosome == 2], np.full(6, 0.8), seed)
        gemma.fileset(stem, made.copies, values, made.chromosome)
        listed(stem, families.siblings(240, 1.0))
        eids = tuple(f"p{i}" for i in range(240))
        tables = Traits(eids, tuple(f"pca.I.f{k}" for k in range(6)), values), Covariates(eids, (), np.empty((240, 0)))
        for kind in inflation:
            own = {} if kind == "family" else {"kinship": None, "permutations": 0}
            made_options = {"relatives": kind, "permutations": 100, "sets_of_traits": False, "keep_neglog10p": 0.0} | own
            result = scanned(options(stem, chromosomes=("1", "2"), **made_options), *tables, seed=seed)
            inflation[kind].append(float(np.median(np.square(result.associations.frame["t"]))) / 0.4549)
            if kind == "family":
                threshold = np.sort(result.permutation_max)[-5]
                exceeded += bool((result.associations.frame["neglog10p"] > threshold).any())
    assert exceeded <= 4  # Binomial of 16 and 5 %: above 4 once in a thousand.
    assert 0.93 < np.mean(inflation["family"]) < 1.07
    assert np.mean(inflation["drop"]) > 1.2


@pytest.mark.gemma
def test_x_has_men_with_two_copies_and_sex_as_a_covariate(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    chromosome = np.where(np.arange(1600) < 1300, 1 + np.arange(1600) // 434, 23)
    traits, covariates, g = cohort(stem, chromosome=chromosome)
    copies = open_bed(stem.with_suffix(".bed")).read(dtype="int8")
    men = np.arange(PEOPLE) % 2 == 0
    on_x = chromosome == 23
    rows = np.ix_(men, on_x)  # Men have no heterozygous calls.
    copies[rows] = np.where(copies[rows] == 1, 2, copies[rows])
    values = np.full((PEOPLE, 4), np.nan)
    values[[int(eid[1:]) for eid in traits.eids]] = traits.values
    gemma.fileset(stem, copies, values, chromosome)
    # Beyond the pseudoautosomal region.
    bim = [line.split() for line in stem.with_suffix(".bim").read_text().splitlines()]
    lines = ["\t".join([*row[:3], str(10_000_000 + int(row[3])), *row[4:]]) for row in bim]
    stem.with_suffix(".bim").write_text("\n".join(lines) + "\n")
    made = options(stem, chromosomes=("1", "2", "3", "X"), keep_neglog10p=0.0, min_maf=0.05)
    result = scanned(made, traits, covariates, "X").associations.frame
    assert result.height > 800
    own = covariates.values[np.argsort([int(eid[1:]) for eid in covariates.eids])]
    theirs, _ = gemma.wald(stem, g, np.column_stack([np.ones(PEOPLE), own, men]), 3)
    both = result.filter(pl.col("trait") == NAMES[3]).join(theirs.rename({"rs": "variant"}), on="variant", suffix="_gemma")
    assert both.height > 200
    np.testing.assert_allclose(both["se"], both["se_gemma"], rtol=1e-5)


def test_predictions_are_subtracted_before_the_tests(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    traits, covariates, _ = cohort(stem)
    made = options(stem, keep_neglog10p=1.0)
    genotypes = chromosomes.open_chromosome(made, "1")
    predictions = np.random.default_rng(1).standard_normal(traits.values.shape)
    found = matrix.scan(made, traits, covariates, genotypes, seed=1, predictions=predictions)
    expected = scanned(made, Traits(traits.eids, traits.names, traits.values - predictions), covariates)
    assert found.associations.frame.equals(expected.associations.frame)
    assert not found.associations.frame.equals(scanned(made, traits, covariates).associations.frame)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ID1 ID2 Kin\np1 p2 0.2\n", "has no column kinship"),
        ("ID1 ID2 Kinship\np1 p2 close\n", "kinship is not a number: line 2"),
        ("ID1 ID2 Kinship\np1 p2 0.2\np3 p4 0.98\n", r"kinship above 0\.6 is not possible: line 3"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    stem = tmp_path / "cohort"
    traits, covariates, _ = cohort(stem)
    stem.with_suffix(".kin0").write_text(text)
    with pytest.raises(InputError, match=words):
        scanned(options(stem), traits, covariates)


def test_too_large_a_family_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stem = tmp_path / "cohort"
    traits, covariates, _ = cohort(stem)
    monkeypatch.setattr(family, "LARGEST_FAMILY", 3)
    with pytest.raises(InputError, match=r"4 people are one family by a kinship above 0\.025, more than 3"):
        scanned(options(stem), traits, covariates)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"dense": True}, "dense"), ({"kernel": "torch"}, "torch"), ({"sets_of_traits": True}, "sets_of_traits")],
)
def test_options_without_a_counterpart_are_refused_in_words(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=f"{words}.* needs relatives: drop"):
        options(Path("cohort"), **given)
    with pytest.raises(ValidationError, match="kinship needs relatives: family"):
        Matrix.model_validate({"genotypes": "cohort", "kinship": "rel.dat"})
