"""Traits: ranks against scipy, residuals against statsmodels, and no person or feature lost without a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats

from ecgwas.errors import InputError
from ecgwas.study import TraitOptions
from ecgwas.tables import Features, Guards, People
from ecgwas.tables.recordings import Ancestry
from ecgwas.traits import exclusions, join, null_permutation, overlap
from ecgwas.traits.sample_qc import SampleQc
from ecgwas.traits.transform import rank_normal

N = 80


def ids(count: int = N) -> list[str]:
    return [f"{1000 + i}" for i in range(count)]


def covariates(folder: Path, eids: Sequence[str], seed: int = 0) -> Path:
    generator = np.random.default_rng(seed)
    path = folder / "covariates.tsv"
    lines = [f"{eid}\t{generator.integers(40, 70)}\t{generator.integers(1, 3)}\t{generator.choice(list('ab'))}" for eid in eids]
    path.write_text("\n".join(["eid\tage\tsex\tcenter", *lines]))
    return path


def features(eids: Sequence[str], columns: dict[str, np.ndarray], lead: str = "V1") -> Features:
    frame = pl.DataFrame({"eid": list(eids), "lead": [lead] * len(eids)} | columns)
    return Features(frame.with_columns(pl.exclude("eid", "lead").fill_nan(None)))


def noise(seed: int, count: int = N) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(size=count))


def test_rank_normal_is_blom_with_mean_ranks() -> None:
    values = np.array([3.0, 1.0, 3.0, 7.0, -2.0, 5.0])
    # By hand: ranks 3.5 2 3.5 6 1 5; (rank - 3/8) / 6.25.
    expected = stats.norm.ppf([0.5, 0.26, 0.5, 0.9, 0.1, 0.74])
    np.testing.assert_allclose(rank_normal(values), expected, atol=1e-12)


def test_rank_normal_trait_is_the_transformed_residual_of_statsmodels(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    built = join.build(TraitOptions(covariates=path), {"ae": features(ids(), {"f01": noise(1)})}, ids())
    assert built.covariates.names == ("age", "sex", "center=a") or built.covariates.names == ("age", "sex", "center=b")
    first = stats.norm.ppf((stats.rankdata(noise(1)) - 0.375) / (N + 0.25))
    rest = sm.OLS(first, sm.add_constant(built.covariates.values)).fit().resid
    expected = stats.norm.ppf((stats.rankdata(rest) - 0.375) / (N + 0.25))
    np.testing.assert_allclose(built.traits.values[:, 0], expected, atol=1e-10)
    row = built.report.row(0, named=True)
    assert row["skewness_before"] == pytest.approx(stats.skew(noise(1)))
    tested = sm.OLS(expected, sm.add_constant(built.covariates.values)).fit().resid
    assert row["kurtosis_after"] == pytest.approx(stats.kurtosis(tested), abs=1e-9)


def test_nearly_empty_traits_are_refused(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    columns = {"good": noise(1), "rare": np.where(np.arange(N) < 30, noise(2), 0.0)}
    built = join.build(TraitOptions(covariates=path), {"ae": features(ids(), columns)}, ids())
    assert built.traits.names == ("ae.V1.good",)
    assert built.report["reason"][1].startswith("the same value in 62% of people")
    assert built.guards.frame.filter(pl.col("guard") == "usable_traits").select("status", "left_out").row(0) == ("warn", 1)
    free = join.build(TraitOptions(covariates=path, max_same=1.0), {"ae": features(ids(), columns)}, ids())
    assert len(free.traits.names) == 2


def test_guards_leave_people_out_and_their_components_become_covariates(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    table = {"ae": features(ids(), {"f01": noise(1)})}
    scores = np.random.default_rng(1).normal(size=(N - 1, 4))

    def judge(eids: Sequence[str]) -> SampleQc:
        return SampleQc(
            {eids[0]: "call rate 0.5"},
            Guards.empty(),
            tuple(eids[1:]),
            scores,
            np.ones(N - 1, dtype=np.int64),
            np.zeros(N - 1, dtype=np.int8),
        )

    built = join.build(TraitOptions(covariates=path, components=3), table, ids(), judge)
    assert built.people.frame.row(0) == (ids()[0], "dropped", "call rate 0.5")
    assert built.traits.eids == tuple(ids()[1:])
    assert built.covariates.names[-3:] == ("computed_pc1", "computed_pc2", "computed_pc3")
    np.testing.assert_array_equal(built.covariates.values[:, -3:], scores[:, :3])
    path.write_text(path.read_text().replace("age", "PC1"))
    given = join.build(TraitOptions(covariates=path), table, ids(), judge)
    assert "computed_pc1" not in given.covariates.names


def test_each_person_dropped_counts_once_under_the_first_reason() -> None:
    reasons = [
        "no recording; no genotypes", "no recording", "no genotypes; missing covariate sex", "missing covariate sex",
        "missing covariate pc 10; missing covariate age", "call rate 0.9312", "call rate 0.9777", "heterozygosity +3.1 SD",
        "heterozygosity -4.0 SD", "sex male, but F on X 0.02", "related to another person, kinship 0.251",
        "related to another person, kinship 0.249", "ancestry outlier, 7.3 SD on a component", "",
    ]  # fmt: skip
    rows = [{"eid": f"p{i}", "status": "dropped" if reason else "kept", "reason": reason} for i, reason in enumerate(reasons)]
    found = exclusions.exclusion_counts(People.of(rows))
    assert sum(count for _, count in found) == len(reasons) - 1
    assert dict(found) == {
        "no recording": 2, "no genotypes": 1, "missing covariate sex": 1, "missing covariate pc 10": 1, "call rate": 2,
        "heterozygosity": 2, "sex": 1, "related to another person": 2, "ancestry outlier": 1,
    }  # fmt: skip
    assert exclusions.exclusion_counts(People.empty()) == []


def test_outliers_leave_no_heavy_tails_in_the_scan(tmp_path: Path) -> None:
    """The scan tests the trait beside the covariates once more; there, ranked residuals of raw values have outliers."""
    rng = np.random.default_rng(3)
    people = ids()
    path = tmp_path / "covariates.tsv"
    columns = rng.normal(size=(N, 8))
    lines = ["\t".join(["eid", *(f"c{k}" for k in range(8))])]
    lines += ["\t".join([eid, *(f"{v:.6f}" for v in row)]) for eid, row in zip(people, columns, strict=True)]
    path.write_text("\n".join(lines))
    values = rng.normal(size=N) * 0.01 + np.where(rng.random(N) < 0.08, rng.exponential(3.0, N), 0.0)
    built = join.build(TraitOptions(covariates=path), {"c": features(people, {"q": values})}, people)
    design = sm.add_constant(built.covariates.values)
    rest = sm.OLS(built.traits.values[:, 0], design).fit().resid
    raw = stats.rankdata(sm.OLS(values, design).fit().resid)
    before = sm.OLS(stats.norm.ppf((raw - 0.375) / (N + 0.25)), design).fit().resid
    assert stats.kurtosis(rest) < 0.5
    assert stats.kurtosis(rest) < stats.kurtosis(before)


def test_a_wave_that_most_people_lack_is_no_trait(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    values = noise(2)
    values[: int(0.6 * N)] = np.nan
    table = features(ids(), {"q": values, "r": noise(1)})
    left = join.build(TraitOptions(covariates=path, min_people=10), {"c": table}, ids())
    assert left.traits.names == ("c.V1.r",)
    assert left.report.row(0, named=True)["reason"] == "measured in 32 of 80 people, less than a share of 0.5"
    kept = join.build(TraitOptions(covariates=path, min_people=10, min_share=0.0), {"c": table}, ids())
    assert kept.traits.names == ("c.V1.q", "c.V1.r")


def test_ties_stay_ties_without_covariates(tmp_path: Path) -> None:
    path = tmp_path / "covariates.tsv"
    path.write_text("eid\n" + "\n".join(ids()))
    values = np.repeat([1.1, 2.2, 3.3, 4.4], N // 4)
    built = join.build(TraitOptions(covariates=path), {"c": features(ids(), {"qt": values})}, ids())
    assert len(np.unique(built.traits.values)) == 4


def test_missing_values_stay_missing_and_the_others_are_ranked_among_themselves(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    values = noise(2)
    values[:10] = np.nan
    table = features(ids(), {"f01": values, "f02": noise(1)})
    built = join.build(TraitOptions(covariates=path), {"ae": table}, ids())
    assert np.isnan(built.traits.values[:10, 0]).all()
    first = stats.norm.ppf((stats.rankdata(values[10:]) - 0.375) / 70.25)
    rest = sm.OLS(first, sm.add_constant(built.covariates.values[10:])).fit().resid
    np.testing.assert_allclose(built.traits.values[10:, 0], stats.norm.ppf((stats.rankdata(rest) - 0.375) / 70.25), atol=1e-10)
    assert built.report["n"].to_list() == [70, 80]


def test_none_leaves_features_as_they_are(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    built = join.build(TraitOptions(covariates=path, transform="none"), {"ae": features(ids(), {"f01": noise(1)})}, ids())
    np.testing.assert_array_equal(built.traits.values[:, 0], noise(1))


def test_everyone_is_listed_with_every_reason(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids()[:-2])
    lines = path.read_text().splitlines()
    lines[1] = f"{ids()[0]}\tNA\t1\ta"
    path.write_text("\n".join(lines))
    values = noise(3, N - 1)
    values[3] = np.nan
    table = features(ids()[:-1], {"f01": values})
    built = join.build(TraitOptions(covariates=path), {"ae": table}, [*ids()[2:], "stranger"])
    reasons = dict(built.people.frame.select("eid", "reason").iter_rows())
    assert reasons[ids()[0]] == "no genotypes; missing covariate age"
    assert reasons[ids()[1]] == "no genotypes"
    assert reasons[ids()[3]] == "no feature measured"
    assert reasons[ids()[-1]] == "no recording; no covariates"
    assert reasons[ids()[-2]] == "no covariates"
    assert reasons["stranger"] == "no recording; no covariates"
    assert len(reasons) == N + 1
    kept = [eid for eid, reason in reasons.items() if not reason]
    assert built.traits.eids == built.covariates.eids == tuple(sorted(kept))
    assert len(kept) == N - 5


def test_rows_follow_sorted_eids_whatever_the_order_of_the_tables(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    shuffled = np.random.default_rng(5).permutation(N)
    table = features([ids()[i] for i in shuffled], {"f01": noise(1)[shuffled]})
    options = TraitOptions(covariates=path)
    mixed = join.build(options, {"ae": table}, ids()[::-1])
    plain = join.build(options, {"ae": features(ids(), {"f01": noise(1)})}, ids())
    np.testing.assert_array_equal(mixed.traits.values, plain.traits.values)


def test_useless_features_are_left_out_by_name(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    age = np.array([float(line.split("\t")[1]) for line in path.read_text().splitlines()[1:]])
    sparse = np.where(np.arange(N) < 40, noise(9), np.nan)
    columns = {
        "good": noise(1), "flat": np.full(N, 3.0), "copy": 5 - 2 * noise(1), "sparse": sparse,
        "near": noise(1) + 0.1 * noise(4),
        "age": 2 * age + 1, "absent": np.full(N, np.nan),
    }  # fmt: skip
    built = join.build(TraitOptions(covariates=path), {"ae": features(ids(), columns)}, ids())
    assert built.traits.names == ("ae.V1.good", "ae.V1.near")
    reasons = dict(built.report.select("trait", "reason").iter_rows())
    assert reasons == {
        "ae.V1.good": "", "ae.V1.near": "", "ae.V1.flat": "the same value in everyone",
        "ae.V1.copy": "the same as ae.V1.good", "ae.V1.sparse": "measured in 40 people, fewer than 50",
        "ae.V1.age": "a combination of the covariates: nothing remains to test",
    }  # fmt: skip


def test_two_names_of_one_ranking_are_one_trait(tmp_path: Path) -> None:
    path = tmp_path / "covariates.tsv"
    path.write_text("eid\n" + "\n".join(ids()))
    built = join.build(
        TraitOptions(covariates=path), {"c": features(ids(), {"rr_ms": noise(1), "rate_bpm": 60_000 / noise(1)})}, ids()
    )
    assert built.traits.names == ("c.V1.rr_ms",)
    assert built.report["reason"][1] == "the same as c.V1.rr_ms after the transformation"


def test_traits_are_named_by_representation_lead_and_feature_in_order_of_leads(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    frames = [
        features(ids(), {"f01": noise(i), "mse": noise(99)}, lead).frame for i, lead in enumerate(("12L", "V6", "aVR", "I"))
    ]
    built = join.build(TraitOptions(covariates=path), {"b": Features(pl.concat(frames))}, ids())
    assert built.traits.names == ("b.I.f01", "b.aVR.f01", "b.V6.f01", "b.12L.f01")


def test_eids_that_never_meet_are_shown_from_both_sides(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    with pytest.raises(InputError) as caught:
        join.build(TraitOptions(covariates=path), {"ae": features(ids(), {"f01": noise(1)})}, ["0_1000", "0_1001"])
    assert "1000, 1001, 1002" in str(caught.value)
    assert "0_1000, 0_1001" in str(caught.value)
    with pytest.raises(InputError, match="no person in common"):
        overlap.check(TraitOptions(covariates=path), ["x"])


def test_too_few_people_say_why(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    with pytest.raises(InputError, match=r"only 30 people.*no genotypes: 50"):
        join.build(TraitOptions(covariates=path), {"ae": features(ids(), {"f01": noise(1)})}, ids()[:30])


def test_infinite_values_are_missing_and_noted(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    values = noise(1)
    values[5] = np.inf
    table = features(ids(), {"f01": values, "f02": noise(2)})
    built = join.build(TraitOptions(covariates=path), {"ae": table}, ids())
    assert "ae.V1.f01: 1 infinite" in built.notes[-1]
    assert np.isnan(built.traits.values[5, 0])


def test_no_usable_feature_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    with pytest.raises(InputError, match="the same value in everyone"):
        join.build(TraitOptions(covariates=path), {"ae": features(ids(), {"f01": np.ones(N)})}, ids())


def test_shuffling_keeps_traits_with_their_covariates_and_takes_them_from_their_people(tmp_path: Path) -> None:
    path = covariates(tmp_path, ids())
    options = TraitOptions(covariates=path, transform="none")
    built = join.build(options, {"ae": features(ids(), {"f01": noise(1)})}, ids())
    mixed = null_permutation.permuted(built, np.random.default_rng(4))
    before = {tuple(row) for row in np.hstack([built.traits.values, built.covariates.values])}
    after = {tuple(row) for row in np.hstack([mixed.traits.values, mixed.covariates.values])}
    assert before == after
    assert (mixed.traits.values == built.traits.values).mean() < 0.1
    assert mixed.traits.eids == built.traits.eids


def test_shuffling_stays_within_ancestry_groups(tmp_path: Path) -> None:
    """Means and variances that differ between ancestries differ in the null study, too; further values move alike."""
    path = covariates(tmp_path, ids())
    built = join.build(TraitOptions(covariates=path, transform="none"), {"ae": features(ids(), {"f01": noise(1)})}, ids())
    numbers = 1 + np.arange(len(built.traits.eids)) % 3
    built = replace(built, ancestry=Ancestry(built.ancestry.frame.with_columns(ancestry_group=pl.Series(numbers))))
    mixed = null_permutation.permuted(built, np.random.default_rng(4))
    for number in (1, 2, 3):
        before, after = (tables.traits.values[numbers == number, 0] for tables in (built, mixed))
        assert sorted(before) == sorted(after)
        assert not np.array_equal(before, after)
    further = null_permutation.reordered(built.traits, numbers, np.random.default_rng(4))
    np.testing.assert_array_equal(further.values, mixed.traits.values)
