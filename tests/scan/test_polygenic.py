"""Polygenic predictions from genotypes in files: the variants as the regression sees them, order, scale, leave-one-out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from ecgwas.errors import InputError
from ecgwas.genotypes import chromosomes
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.genotypes.readers import hard_call_codes, pack
from ecgwas.mixed import loco, ridge
from ecgwas.mixed.relationship import standardised
from ecgwas.scan import matrix, polygenic
from ecgwas.study.scan import Matrix
from ecgwas.tables import CHI2_EDGES, Covariates, Traits
from ecgwas.tables.calibration import Polygenic
from tests.mixed import families, gemma

PEOPLE, VARIANTS = 800, 1600
H2 = np.array([0.7, 0.7, 0.0])
NAMES = ("a", "b", "c")


def options(stem: Path, **more: object) -> Matrix:
    given = {"genotypes": stem, "relatives": "polygenic", "exact_people": 100, "chromosomes": ("1", "2", "3", "4")}
    return Matrix.model_validate(given | more)


def predicted(
    stem: Path, traits: Traits, covariates: Covariates, workers: int = 1
) -> tuple[Polygenic, dict[str, NDArray[np.float32]]]:  # fmt: skip
    stored: dict[str, NDArray[np.float32]] = {}

    def store(name: str) -> NDArray[np.float32]:
        return stored.setdefault(name, np.full((len(traits.names), len(traits.eids)), np.nan, dtype=np.float32))

    return polygenic.predict(options(stem), traits, covariates, seed=1, store=store, workers=workers), stored


def cohort(stem: Path, *, moved: int | None = None) -> tuple[Traits, Covariates]:
    """People in another order than the .fam, with missing calls, a trait in another unit that some lack, and a null trait.

    moved: a chromosome whose genotypes are given to other people.
    """
    made = families.draw(PEOPLE, VARIANTS, related=0.0, seed=2)
    values = families.polygenic(made.copies, H2, 1) * np.array([1.0, 25.0, 1.0]) + 100.0
    values[5:60, 1] = np.nan
    rng = np.random.default_rng(6)
    copies = made.copies.copy()
    copies[rng.random(copies.shape) < 0.005] = -127
    if moved is not None:
        copies[:, made.chromosome == moved] = copies[rng.permutation(PEOPLE)][:, made.chromosome == moved]
    gemma.fileset(stem, copies, values, made.chromosome)
    order = np.random.default_rng(7).permutation(PEOPLE)
    eids = tuple(f"p{i}" for i in order)
    covariates = np.random.default_rng(8).standard_normal((PEOPLE, 2))
    return Traits(eids, NAMES, values[order]), Covariates(eids, ("x", "y"), covariates)


def test_variants_are_standardised_and_missing_calls_are_the_mean() -> None:
    rng = np.random.default_rng(1)
    people = 133
    copies = rng.binomial(2, rng.uniform(0.1, 0.5, (30, 1)), (30, people)).astype(float)
    copies[rng.random(copies.shape) < 0.05] = np.nan
    block = SampleSelector(np.arange(people), people).select(pack(hard_call_codes(copies)))
    counts = np.column_stack([block.called, block.ones, block.twos])
    made = polygenic.variants_of(block.packed[:, : -(-people // 4)], people, counts)
    signs = np.where(block.minor_is_other, -1.0, 1.0)[:, None]
    expected = standardised(copies) * signs
    for start, stop in ((0, people), (64, 132), (128, people)):
        np.testing.assert_allclose(made.block(0, start, stop), expected[:, start:stop], atol=1e-5)


def test_predictions_are_in_the_units_and_the_order_of_the_traits(tmp_path: Path) -> None:
    traits, covariates = cohort(tmp_path / "cohort")
    table, stored = predicted(tmp_path / "cohort", traits, covariates)
    rows = table.frame
    assert rows["trait"].to_list() == list(NAMES)
    assert rows["people"].to_list() == [PEOPLE, PEOPLE - 55, PEOPLE]
    assert set(stored) == {"1", "2", "3", "4", polygenic.AUTOSOMES}
    for k in range(2):
        seen = ~np.isnan(traits.values[:, k])
        for values in stored.values():
            assert np.isfinite(values).all()
            slope = np.polyfit(values[k][seen], traits.values[seen, k], 1)[0]
            assert slope == pytest.approx(1.0, abs=0.35)
        everything = np.corrcoef(stored[polygenic.AUTOSOMES][k][seen], traits.values[seen, k])[0, 1] ** 2
        assert everything > 0.08
        assert rows["r2"][k] == pytest.approx(0.75 * everything, abs=0.04)
        assert rows["h2"][k] == pytest.approx(0.7, abs=0.2)
    assert abs(rows["r2"][2]) < 0.02
    assert rows["h2"][2] == pytest.approx(0.0, abs=0.2)
    again, threaded = predicted(tmp_path / "cohort", traits, covariates, workers=2)
    assert again.frame.equals(rows)
    assert all(np.array_equal(threaded[name], values) for name, values in stored.items())


def test_a_chromosome_has_no_influence_on_its_own_prediction(tmp_path: Path) -> None:
    traits, covariates = cohort(tmp_path / "cohort")
    _, stored = predicted(tmp_path / "cohort", traits, covariates)
    same_traits, _ = cohort(tmp_path / "moved", moved=2)
    np.testing.assert_array_equal(same_traits.values, traits.values)
    _, moved = predicted(tmp_path / "moved", traits, covariates)
    scale = np.nanstd(traits.values, axis=0)[:, None]
    assert (np.abs(moved["2"] - stored["2"]) / scale).max() < 1e-5
    assert (np.abs(moved["1"] - stored["1"]) / scale).max() > 0.05


def test_tests_of_heritable_traits_in_families_are_calibrated(tmp_path: Path) -> None:
    """Traits have no effect on chromosome 1, which is tested."""
    people, traits_made = 1200, 24
    made = families.draw(people, 4000, related=0.8, seed=11, segments=40)
    values = families.polygenic(made.copies[:, made.chromosome != 1], np.full(traits_made, 0.7), 3)
    stem = tmp_path / "cohort"
    gemma.fileset(stem, made.copies, values, made.chromosome)
    pairs = [f"p{i}\tp{j}\t0.25" for i, j in families.siblings(people, 0.8)]
    stem.with_suffix(".kin0").write_text("\n".join(["ID1\tID2\tKinship", *pairs]) + "\n")
    eids = tuple(f"p{i}" for i in range(people))
    traits = Traits(eids, tuple(f"made.I.f{k}" for k in range(traits_made)), values)
    covariates = Covariates(eids, (), np.empty((people, 0)))
    table, stored = predicted(stem, traits, covariates)
    expected = loco.expected_r2(0.8 * people, 0.7, 3000)
    assert table.frame["r2"].mean() == pytest.approx(expected * 0.75, rel=0.4)  # A quarter of the effects is left out.

    def inflation(**more: object) -> float:
        engine = options(stem, permutations=0, min_hwe_p=0.0, threads=1, **more)
        given = stored["1"].T if more.get("kinship") else None
        opened = chromosomes.open_chromosome(engine, "1")
        counts = matrix.scan(engine, traits, covariates, opened, seed=1, predictions=given).chi2_counts.sum(axis=0)
        middle = np.searchsorted(np.cumsum(counts), counts.sum() / 2)
        return float(CHI2_EDGES[middle] / stats.chi2.ppf(0.5, 1))

    with_families = inflation(relatives="family", kinship=stem.with_suffix(".kin0"))
    least_squares = inflation(relatives="drop")
    assert with_families == pytest.approx(1.0, abs=0.04)
    assert least_squares > 1.15


def test_too_few_people_or_variants_are_refused(tmp_path: Path) -> None:
    traits, covariates = cohort(tmp_path / "cohort")
    few = Traits(traits.eids[:50], NAMES, traits.values[:50])
    with pytest.raises(InputError, match="needs 100 people to predict traits, and 50 are tested"):
        predicted(tmp_path / "cohort", few, Covariates(few.eids, ("x", "y"), covariates.values[:50]))
    listed = tmp_path / "listed.txt"
    listed.write_text("\n".join(f"v{j}" for j in range(100)) + "\n")
    with pytest.raises(InputError, match="at least 200 are needed"):
        polygenic.Panel(options(tmp_path / "cohort", variants=listed), traits.eids)


def test_blocks_are_of_equal_size() -> None:
    assert ridge.block_edges(0) == [0]
    assert ridge.block_edges(900) == [0, 900]
    assert ridge.block_edges(2001) == [0, 667, 1334, 2001]
