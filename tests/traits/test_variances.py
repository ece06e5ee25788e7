"""Unequal variances: the test against statsmodels, the guard's verdicts, and traits normalised within groups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.diagnostic import het_breuschpagan

from ecgwas.statistics.projection import span
from ecgwas.study import TraitOptions
from ecgwas.tables import Features, Guards, Traits
from ecgwas.traits import join, remeasure, variances
from ecgwas.traits.sample_qc import SampleQc
from ecgwas.traits.transform import MIN_PEOPLE, rank_normal, transformed
from ecgwas.traits.variances import VarianceGroups, breusch_pagan
from tests.traits.families import frequencies

N = 300
MINORITY = np.repeat([1, 2], [270, 30])
SEXES = np.tile([1, 2], N // 2).astype(np.int8)
NO_COMPONENTS = np.empty((N, 0))


def options(**more: object) -> TraitOptions:
    return TraitOptions.model_validate({"covariates": Path("covariates.tsv"), **more})


def named(values: NDArray[np.float64]) -> Traits:
    return Traits(tuple(f"p{i}" for i in range(len(values))), tuple(f"a.I.f{k}" for k in range(values.shape[1])), values)


def judged(values: NDArray[np.float64], strata: VarianceGroups) -> dict[str, dict[str, object]]:
    found = variances.check_variances(named(values), np.empty((len(values), 0)), strata)
    return {row["guard"]: row for row in found.frame.to_dicts()}


def test_the_test_is_statsmodels() -> None:
    rng = np.random.default_rng(1)
    regressors = rng.normal(size=(N, 3))
    residual = rng.standard_t(5, N) * np.exp(0.2 * regressors[:, 0])
    expected = het_breuschpagan(residual, np.column_stack([np.ones(N), regressors]), robust=True)[1]
    assert breusch_pagan(residual, regressors) == pytest.approx(expected, rel=1e-9)
    # A column twice counts once, a constant one not at all.
    wider = np.column_stack([regressors, regressors[:, :1], np.ones(N)])
    assert breusch_pagan(residual, wider) == pytest.approx(expected, rel=1e-9)


def test_equal_variances_pass_as_often_as_they_should() -> None:
    rng = np.random.default_rng(2)
    strata = VarianceGroups(MINORITY, rng.normal(size=(N, 3)), SEXES)
    found = [judged(rank_columns(rng.normal(size=(N, 10))), strata) for _ in range(200)]
    for guard in ("variance_by_ancestry", "variance_by_sex"):
        warned = sum(one[guard]["status"] == "warn" for one in found)
        assert warned <= stats.binom.ppf(0.999, 200, 0.05)


def rank_columns(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.apply_along_axis(rank_normal, 0, values)


@pytest.mark.parametrize("ratio", [1 / 3, 1.8, 3.0])
def test_a_minority_with_another_variance_is_found_and_named(ratio: float) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(N, 5))
    values[MINORITY == 2, 2] *= ratio
    row = judged(values, VarianceGroups(MINORITY, NO_COMPONENTS, SEXES))["variance_by_ancestry"]
    assert row["status"] == "warn"
    assert "1 traits differ: a.I.f2" in str(row["note"])
    assert float(str(row["note"]).split("two groups ")[1].split(";")[0]) == pytest.approx(max(ratio, 1 / ratio), rel=0.25)


def test_a_cline_of_variance_is_found_without_groups() -> None:
    rng = np.random.default_rng(4)
    scores = rng.normal(size=(N, 2))
    values = rng.normal(size=(N, 3)) * np.exp(0.4 * scores[:, 1])[:, None]
    one = judged(values, VarianceGroups(np.ones(N, dtype=np.int64), scores, SEXES))
    assert one["variance_by_ancestry"]["status"] == "warn"
    assert one["variance_by_sex"]["status"] == "pass"


def test_men_and_women_are_compared_where_x_is_tested() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(N, 3)) * np.where(SEXES == 1, 2.0, 1.0)[:, None]
    alone = np.ones(N, dtype=np.int64)
    assert judged(values, VarianceGroups(alone, NO_COMPONENTS, SEXES))["variance_by_sex"]["status"] == "warn"
    for unknown in (np.zeros(N, dtype=np.int8), np.ones(N, dtype=np.int8)):
        row = judged(values, VarianceGroups(alone, NO_COMPONENTS, unknown))
        assert {one["status"] for one in row.values()} == {"not judged"}


def test_people_without_the_trait_do_not_count() -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(size=(N, 2))
    values[MINORITY == 2, 0] *= 4
    values[rng.random(N) < 0.4, 0] = np.nan
    row = judged(values, VarianceGroups(MINORITY, NO_COMPONENTS, SEXES))["variance_by_ancestry"]
    assert row["status"] == "warn"
    values[MINORITY == 2, 0] = np.nan
    assert judged(values, VarianceGroups(MINORITY, NO_COMPONENTS, SEXES))["variance_by_ancestry"]["status"] == "pass"


def test_ranks_within_groups_have_the_same_spread_in_each() -> None:
    rng = np.random.default_rng(7)
    raw = np.exp(rng.normal(size=N) * np.where(MINORITY == 2, 4.0, 1.0))
    basis = span((MINORITY == 2).astype(float)[:, None])
    found = transformed(options(normalise_within=("ancestry",)), raw, basis, 10 * MINORITY)
    for number in (1, 2):
        own = found[number == MINORITY]
        count = len(own)
        np.testing.assert_allclose(np.sort(own), stats.norm.ppf((np.arange(1, count + 1) - 0.375) / (count + 0.25)), atol=1e-9)
    everybody = transformed(options(normalise_within=()), raw, basis, 10 * MINORITY)
    assert everybody[MINORITY == 2].std() > 1.5 * everybody[MINORITY == 1].std()


def test_without_ranks_residuals_are_scaled_and_keep_their_unit() -> None:
    rng = np.random.default_rng(8)
    covariate = rng.normal(size=(N, 1))
    raw = 100 + 7 * covariate[:, 0] + rng.normal(size=N) * np.where(MINORITY == 2, 30.0, 10.0)
    basis = span(covariate)
    rest = raw - basis @ (basis.T @ raw)
    found = transformed(options(transform="none", normalise_within=("ancestry",)), raw, basis, 10 * MINORITY)
    for number in (1, 2):
        assert found[number == MINORITY].std() == pytest.approx(rest.std())
        assert np.corrcoef(found[number == MINORITY], rest[number == MINORITY])[0, 1] == pytest.approx(1)
    np.testing.assert_array_equal(transformed(options(transform="none"), raw, basis, 10 * MINORITY), raw)


def test_a_small_group_is_normalised_with_the_largest() -> None:
    strata = np.repeat([10, 20], [N - MIN_PEOPLE + 1, MIN_PEOPLE - 1])
    raw = np.random.default_rng(9).normal(size=N)
    within = transformed(options(normalise_within=("ancestry",)), raw, span(NO_COMPONENTS), strata)
    np.testing.assert_array_equal(within, transformed(options(normalise_within=()), raw, span(NO_COMPONENTS), strata))


def shuffled_p(rng: np.random.Generator, copies: NDArray[np.float64], trait: NDArray[np.float64], basis: NDArray[np.float64],
               shuffles: int) -> float:  # fmt: skip
    """Freedman and Lane: the share of shuffles, people as they are included, whose largest correlation is as large."""
    rest = trait - basis @ (basis.T @ trait)
    columns = np.column_stack([rest, *(rng.permutation(rest) for _ in range(shuffles))])
    columns = columns - basis @ (basis.T @ columns)
    genotypes = copies - (copies @ basis) @ basis.T
    genotypes /= np.linalg.norm(genotypes, axis=1, keepdims=True)
    largest = np.abs(genotypes @ (columns / np.linalg.norm(columns, axis=0))).max(axis=0)
    return float((largest >= largest[0]).mean())


@pytest.mark.parametrize("transform", ["rank_normal", "none"])
@pytest.mark.parametrize("where", ["ancestry", "sex"])
def test_thresholds_hold_once_variances_are_equal(transform: str, where: str) -> None:
    """A tenth with three times the SD and other frequencies; men of X, 0 or 2, with twice women's SD."""
    rng = np.random.default_rng(10)
    strata, spread = (10 * MINORITY, 3.0) if where == "ancestry" else (SEXES.astype(np.int64), 0.5)
    second = (strata == strata[-1]).astype(np.int64)
    basis = span(second.astype(float)[:, None])
    within, plain = (options(transform=transform, normalise_within=each) for each in ((where,), ()))
    hits, unguarded = 0, 0
    for _ in range(200):
        shares = frequencies(rng, 2, 0.15 if where == "ancestry" else 0.0, 130)
        share = shares[second].T
        copies = rng.binomial(2, share).astype(float)
        if where == "sex":
            copies = np.where(second == 0, 2 * rng.binomial(1, share), copies)
        copies = copies[np.minimum(copies.sum(axis=1), 2 * N - copies.sum(axis=1)) >= 10]
        raw = rng.normal(size=N) * np.where(second == 1, spread, 1.0)
        hits += shuffled_p(rng, copies, transformed(within, raw, basis, strata), basis, 99) <= 0.05
        unguarded += shuffled_p(rng, copies, transformed(plain, raw, basis, strata), basis, 99) <= 0.05
    assert stats.binom.ppf(0.005, 200, 0.05) <= hits <= stats.binom.ppf(0.995, 200, 0.05)
    if where == "ancestry" and transform == "none":
        assert unguarded > stats.binom.ppf(0.995, 200, 0.05)


def test_the_option_reaches_the_traits_and_the_guard_says_when_it_is_needed(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    eids = [f"{1000 + i}" for i in range(N)]
    path = tmp_path / "covariates.tsv"
    path.write_text("\n".join(["eid\tage", *(f"{eid}\t{rng.integers(40, 70)}" for eid in eids)]))
    raw = rng.normal(size=N) * np.where(MINORITY == 2, 3.0, 1.0)
    table = {"a": Features(pl.DataFrame({"eid": eids, "lead": ["I"] * N, "f": raw}))}

    def judge(people: Sequence[str]) -> SampleQc:
        return SampleQc({}, Guards.empty(), tuple(people), NO_COMPONENTS, MINORITY, SEXES)

    def built(**more: object) -> join.TraitTables:
        return join.build(TraitOptions.model_validate({"covariates": path, **more}), table, eids, judge)

    def status(tables: join.TraitTables) -> str:
        return str(tables.guards.frame.filter(pl.col("guard") == "variance_by_ancestry")["status"].item())

    plain, within = built(normalise_within=[]), built(normalise_within=["ancestry", "sex"])
    assert (status(plain), status(within)) == ("warn", "pass")
    assert plain.ancestry.frame["ancestry_group"].to_list() == MINORITY.tolist()
    assert plain.ancestry.frame["normalised_within"].unique().to_list() == [0]
    # Ancestry and sex together; men and women of the minority, 15 each, are normalised together.
    assert sorted(within.ancestry.frame["normalised_within"].unique().to_list()) == [11, 12, 21, 22]
    assert within.traits.values[MINORITY == 2, 0].std() == pytest.approx(1, abs=0.1)
    again = remeasure.remeasured(
        TraitOptions(covariates=path, normalise_within=("ancestry",)), table, within.covariates, ["a.I.f"], 10 * MINORITY
    )
    by_ancestry = built(normalise_within=["ancestry"])
    default, raw_by_default = built(), built(transform="none")
    np.testing.assert_array_equal(default.traits.values, by_ancestry.traits.values)
    assert default.ancestry.frame["normalised_within"].to_list() == (10 * MINORITY).tolist()
    np.testing.assert_array_equal(raw_by_default.traits.values[:, 0], raw)
    np.testing.assert_array_equal(again.values, by_ancestry.traits.values)
    assert by_ancestry.traits.values[MINORITY == 2, 0].std() == pytest.approx(1, abs=0.1)


def test_an_option_that_does_nothing_says_so(tmp_path: Path) -> None:
    eids = [f"{1000 + i}" for i in range(N)]
    path = tmp_path / "covariates.tsv"
    path.write_text("\n".join(["eid\tage", *(f"{eid}\t{40 + i % 30}" for i, eid in enumerate(eids))]))
    raw = np.random.default_rng(12).normal(size=N)
    table = {"a": Features(pl.DataFrame({"eid": eids, "lead": ["I"] * N, "f": raw}))}
    given = TraitOptions(covariates=path, normalise_within=("ancestry",))
    assert any("traits.normalise_within: ancestry does nothing" in note for note in join.build(given, table, eids).notes)
    default, nobody = (join.build(TraitOptions(covariates=path, normalise_within=each), table, eids) for each in (None, ()))
    assert not [note for note in default.notes if "normalise_within" in note]
    assert default.ancestry.frame.equals(nobody.ancestry.frame)
    np.testing.assert_array_equal(default.traits.values, nobody.traits.values)
