"""Sets of traits tested at once: against Hotelling's T squared, direct computation, and their own permutations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats

from ecgwas.associate import joint, loci, matrix, multitrait, thresholds
from ecgwas.associate.joint import Joint
from ecgwas.associate.loci import LociTables
from ecgwas.study import LociOptions
from ecgwas.tables import ScanResult, Traits
from tests.associate import fileset

PEOPLE = 200


def unit(values: NDArray[np.float64]) -> NDArray[np.float32]:
    centred = values - values.mean(axis=0)
    return (centred / np.linalg.norm(centred, axis=0)).astype(np.float32)


def the_set(values: NDArray[np.float32], degrees: int = PEOPLE - 2) -> Joint:
    names = [f"made.12L.f{k}" for k in range(values.shape[1])]
    return Joint(joint.sets(names, values, degrees), degrees)


def test_sets_are_of_a_lead_and_of_a_representation() -> None:
    names = ["a.I.f1", "a.I.f2", "a.II.f1", "b.12L.x", "b.12L.y", "c.12L.x"]
    found = joint.sets(names, unit(np.random.default_rng(1).normal(size=(PEOPLE, 6))), PEOPLE - 2)
    assert [(one.name, one.columns.tolist()) for one in found] == [("a.I", [0, 1]), ("b.12L", [3, 4]), ("a", [0, 1, 2])]
    assert joint.sets(names, unit(np.random.default_rng(1).normal(size=(PEOPLE, 6))), 4) == ()


def test_the_omnibus_is_hotellings_t_squared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "SHRINK", 0.0)
    rng = np.random.default_rng(2)
    traits = rng.normal(size=(PEOPLE, 4)) @ rng.normal(size=(4, 4))
    group = (np.arange(PEOPLE) < 70).astype(float)
    traits[:, 1] += 0.7 * group
    values = unit(traits)
    made = the_set(values)
    correlations = unit(group[:, None])[:, 0] @ values
    found = made.strength(made.omnibus(correlations[None, None], made.sets[0]), made.sets[0]).item()
    # Two groups: T squared of Hotelling 1931.
    first, second = traits[group == 1], traits[group == 0]
    pooled = (69 * np.cov(first.T) + 129 * np.cov(second.T)) / 198
    difference = first.mean(0) - second.mean(0)
    t2 = 70 * 130 / 200 * difference @ np.linalg.solve(pooled, difference)
    p = stats.f.sf(t2 * (198 - 4 + 1) / (198 * 4), 4, 198 - 4 + 1)
    assert found == pytest.approx(-np.log10(p), rel=1e-4)


def test_acat_is_that_of_the_single_p_values() -> None:
    correlations = np.array([[0.3, -0.1, 0.05], [0.0, 0.0, 0.02]])
    made = the_set(unit(np.random.default_rng(3).normal(size=(PEOPLE, 3))))
    t = correlations * np.sqrt((PEOPLE - 2) / (1 - correlations**2))
    direct = multitrait.acat(-np.log10(2 * stats.t.sf(np.abs(t), PEOPLE - 2)))
    np.testing.assert_allclose(made.acat(correlations), direct, rtol=1e-8)


def test_p_values_are_uniform_under_the_null(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "SHRINK", 0.0)
    rng = np.random.default_rng(4)
    values = unit(rng.normal(size=(PEOPLE, 6)) @ rng.normal(size=(6, 6)))
    made = the_set(values)
    genotypes = unit(rng.normal(size=(PEOPLE, 20_000))).T
    strength = made.strength(made.omnibus((genotypes @ values)[:, None], made.sets[0]), made.sets[0])
    assert (strength > 2).mean() == pytest.approx(0.01, abs=0.003)
    assert (strength > 3).mean() == pytest.approx(0.001, abs=0.0009)


def test_the_largest_of_a_shuffle_is_that_of_every_variant_and_set() -> None:
    rng = np.random.default_rng(5)
    values = unit(rng.normal(size=(PEOPLE, 5)))
    made = the_set(values)
    genotypes = unit(rng.normal(size=(PEOPLE, 300))).T
    genotypes[7] = values[:, 2] * 0.6 + genotypes[7] * 0.8  # Something strong, so that ACAT is asked.
    orders = [np.arange(PEOPLE), *(rng.permutation(PEOPLE) for _ in range(4))]
    correlations = np.stack([genotypes @ values[order] for order in orders], axis=1)
    found = made.maxima(correlations, np.abs(correlations).max(axis=0))
    for b in range(5):
        omnibus = made.strength(made.omnibus(correlations[:, [b]], made.sets[0]), made.sets[0]).max()
        combined = made.acat(correlations[:, b]).max()
        assert found[b] == pytest.approx(max(omnibus, combined) if combined > joint.SCREEN else omnibus, rel=1e-6)
    assert made.acat(correlations[:, 0]).max() > joint.SCREEN


def scanned(folder: Path, effect: float) -> ScanResult:
    """120 people, 60 variants; one variant moves every trait of a set a little."""
    dosage = fileset.draw(300, 60, 1)
    eids = fileset.write(folder / "cohort", dosage)
    traits, covariates = fileset.tables(eids, 8, 2, 1)
    place = {eid: i for i, eid in enumerate(eids)}
    copies = dosage[[place[eid] for eid in traits.eids], 30].astype(float)
    names = tuple(f"made.12L.f{k}" for k in range(8))
    planted = Traits(traits.eids, names, traits.values + effect * copies[:, None])
    options = fileset.matrix_options(folder / "cohort", permutations=400)
    return matrix.scan(options, planted, covariates, fileset.opened(options), seed=1)


def judged(result: ScanResult, **options: object) -> LociTables:
    made = LociOptions.model_validate({"threshold": "permutation", **options})
    values = np.random.default_rng(0).normal(size=(50, 8))
    table = thresholds.table(made, [result], Traits(tuple(map(str, range(50))), result.traits, values), 8)
    return loci.find(made, table, result.associations, [result])


def test_what_moves_many_traits_a_little_is_found_by_the_set_and_labelled(tmp_path: Path) -> None:
    result = scanned(tmp_path, 0.22)
    found = judged(result)
    kinds = {row["kind"]: row for row in found.thresholds.frame.iter_rows(named=True)}
    assert "0.01 family-wise over all sets" in kinds["sets"]["note"]
    assert "0.04 family-wise" in kinds["permutation"]["note"]
    assert not kinds["sets"]["used"]
    assert found.hits.frame.filter(pl.col("variant") == "v30").height == 0
    assert found.set_hits.frame["variant"].to_list() == ["v30"]
    locus = found.loci.frame.filter(pl.col("lead_variant") == "v30").row(0, named=True)
    assert (locus["test"], locus["set"], locus["traits"]) == ("omnibus", "made.12L", 0)
    assert locus["best_trait"] in result.traits


def test_sets_take_nothing_where_they_have_no_share(tmp_path: Path) -> None:
    found = judged(scanned(tmp_path, 0.22), set_share=0.0)
    assert "sets" not in found.thresholds.frame["kind"].to_list()
    assert "0.05 family-wise" in found.thresholds.frame.filter(pl.col("kind") == "permutation")["note"].item()
    assert len(found.set_hits) == 0


def test_a_single_trait_leads_where_there_is_one(tmp_path: Path) -> None:
    found = judged(scanned(tmp_path, 1.0))
    locus = found.loci.frame.filter(pl.col("lead_variant") == "v30").row(0, named=True)
    assert (locus["test"], locus["set"], locus["traits"]) == ("single", "made.12L", 8)


def test_a_set_without_anything_keeps_few_rows(tmp_path: Path) -> None:
    result = scanned(tmp_path, 0.0)
    assert len(result.set_permutation_max) == 400
    assert len(result.sets) < 5
