"""Thresholds, compared with closed forms of correlation matrices, published examples and simulated null maxima."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg

from ecgwas.errors import StudyError
from ecgwas.loci import thresholds
from ecgwas.scan.permutation.effective_tests import LEVELS
from ecgwas.study import LociOptions
from ecgwas.tables import CHI2_EDGES, Associations, LeftOutVariants, ScanResult, Traits


def result(maxima: np.ndarray, traits: int = 3, tests: int = 10) -> ScanResult:
    return ScanResult(
        Associations.empty(), LeftOutVariants.empty(), tuple(f"r.V1.f{k}" for k in range(traits)), np.full(traits, 100),
        np.full(traits, tests), np.zeros(traits, dtype=np.int64),
        np.zeros((traits, len(CHI2_EDGES) - 1), dtype=np.int64), maxima,
    )  # fmt: skip


def some_traits(count: int = 3, people: int = 100) -> Traits:
    values = np.random.default_rng(0).normal(size=(people, count))
    return Traits(tuple(str(i) for i in range(people)), tuple(f"r.V1.f{k}" for k in range(count)), values)


def null_maxima(shuffles: int, seed: int, tests: float = 1e6) -> np.ndarray:
    """-log10 of the smallest of `tests` independent p-values: Beta(1, tests) (Dudbridge and Gusnanto 2008)."""
    uniform = np.random.default_rng(seed).uniform(size=shuffles)
    return -np.log10(-np.expm1(np.log1p(-uniform) / tests))


TRUE_THRESHOLD = -np.log10(-np.expm1(np.log1p(-0.05) / 1e6))


def test_effective_numbers_of_independent_and_identical_traits() -> None:
    assert thresholds.li_ji(np.ones(12)) == 12
    assert thresholds.galwey(np.ones(12)) == pytest.approx(12)
    alone = np.array([12.0] + [0.0] * 11)
    assert thresholds.li_ji(alone) == 1
    assert thresholds.galwey(alone) == pytest.approx(1)


def test_effective_numbers_of_equal_correlations_by_hand() -> None:
    # Ten traits, every correlation 0.5: eigenvalues 5.5 and nine times 0.5.
    eigenvalues = np.linalg.eigvalsh(np.full((10, 10), 0.5) + 0.5 * np.eye(10))
    assert thresholds.li_ji(eigenvalues) == pytest.approx(1 + 0.5 + 9 * 0.5)
    assert thresholds.galwey(eigenvalues) == pytest.approx((5.5**0.5 + 9 * 0.5**0.5) ** 2 / 10)


def test_effective_numbers_of_blocks_add_up() -> None:
    """The first examples of both papers: copies of a trait count as one, independent blocks add up."""
    generator = np.random.default_rng(6)
    independent = np.linalg.qr(np.column_stack([np.ones(200), generator.normal(size=(200, 4))]))[0][:, 1:]
    copies = independent[:, [0, 0, 0, 1, 2, 2, 3]]
    eigenvalues = thresholds.correlation_eigenvalues(copies)
    np.testing.assert_allclose(np.sort(eigenvalues)[-4:], [1, 1, 2, 3], atol=1e-10)
    assert thresholds.li_ji(eigenvalues) == pytest.approx(4, abs=1e-6)
    assert thresholds.galwey(eigenvalues) == pytest.approx((1 + 1 + 2**0.5 + 3**0.5) ** 2 / 7)
    blocks = [np.full((5, 5), 0.5) + 0.5 * np.eye(5), np.full((4, 4), 0.8) + 0.2 * np.eye(4)]
    each = [np.linalg.eigvalsh(block) for block in blocks]
    together = linalg.block_diag(*blocks)
    assert thresholds.li_ji(np.linalg.eigvalsh(together)) == pytest.approx(sum(thresholds.li_ji(one) for one in each))
    # 1 + 4 r and 1 - r of the first, 1 + 3 r and 1 - r of the second: 3, 0.5 (four times), 3.4, 0.2 (three times).
    assert thresholds.li_ji(np.linalg.eigvalsh(together)) == pytest.approx((1 + 0) + 4 * 0.5 + (1 + 0.4) + 3 * 0.2)


LIMMBO = """-0.3527
-0.4333 0.3014
0.5625 -0.3409 -0.7408
0.1164 -0.1223 -0.4691 0.3452
-0.6500 0.3861 0.6038 -0.6770 -0.2391
0.5537 -0.3752 -0.8960 0.8186 0.4457 -0.7126
0.4515 -0.2835 -0.5676 0.5580 0.2728 -0.5232 0.6391
-0.1033 0.1440 0.6844 -0.5063 -0.4446 0.2714 -0.6303 -0.3726
-0.1987 0.1625 0.3122 -0.3346 -0.1930 0.2329 -0.3502 -0.2166 0.2598"""
"""Spearman correlations of ten phenotypes in LiMMBo's example data (io/test/data, 1,000 people), covariates regressed out."""


def test_galwey_gives_the_number_that_limmbo_documents() -> None:
    """Worked example in the documentation of LiMMBo 0.1.5 (H. V. Meyer, on PyPI), `GWAS.runAssociationAnalysis`: the smallest p
    of its data, times Galwey's number of tests, is 2.262e-03. Without the factor that p is 3.1054e-04: its mixed model (maximum
    likelihood, log delta between -5 and 5, likelihood ratio) computed anew from the data that the package ships.
    """
    correlation = np.eye(10)
    for i, line in enumerate(LIMMBO.splitlines(), start=1):
        correlation[i, :i] = correlation[:i, i] = [float(word) for word in line.split()]
    eigenvalues = np.linalg.eigvalsh(correlation)
    assert f"{3.1054e-4 * thresholds.galwey(eigenvalues):.3e}" == "2.262e-03"
    # By Li and Ji: two eigenvalues above 1, and all fractions, those of eight below 1 being the eigenvalues themselves.
    assert (eigenvalues > 1).sum() == 2
    assert thresholds.li_ji(eigenvalues) == pytest.approx(2 + (10 - 5 - 1))


@given(st.integers(2, 12), st.integers(0, 10_000))
def test_effective_numbers_lie_between_one_and_all(count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(40, count)) @ generator.normal(size=(count, count))
    for number in thresholds.effective_numbers(values):
        assert 1 - 1e-6 <= number <= count + 1e-6


def test_li_ji_counts_a_whole_eigenvalue_once_whatever_the_rounding() -> None:
    assert thresholds.li_ji(np.array([2.9999999999999, 0.9999999999999, 1.0000000000001])) == pytest.approx(3, abs=1e-6)


def test_eigenvalues_are_those_of_the_correlation_matrix() -> None:
    values = np.random.default_rng(1).normal(size=(50, 8)) @ np.random.default_rng(2).normal(size=(8, 8))
    expected = np.linalg.eigvalsh(np.corrcoef(values.T))
    np.testing.assert_allclose(np.sort(thresholds.correlation_eigenvalues(values)), expected, atol=1e-10)
    wide = np.random.default_rng(3).normal(size=(20, 60))
    largest = np.linalg.eigvalsh(np.corrcoef(wide.T))[-20:]
    np.testing.assert_allclose(np.sort(thresholds.correlation_eigenvalues(wide)), np.clip(largest, 0, None), atol=1e-10)


def test_twelve_dependent_leads_count_for_fewer() -> None:
    generator = np.random.default_rng(4)
    one, two, *chest = generator.normal(size=(8, 400))
    leads = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2, *chest]
    li_ji, galwey = thresholds.effective_numbers(np.column_stack(leads))
    assert 4 < galwey < 8.001
    assert 4 < li_ji < 12


def test_the_table_has_every_threshold() -> None:
    table = thresholds.table(LociOptions(threshold="bonferroni"), [result(null_maxima(1000, 1))], some_traits(384, 1000), 32)
    rows = {row["kind"]: row for row in table.frame.iter_rows(named=True)}
    assert set(rows) == {"published", "bonferroni", "effective", "effective_galwey", "permutation"}
    assert rows["published"]["neglog10p"] == pytest.approx(8.806, abs=0.001)
    assert rows["bonferroni"]["p"] == pytest.approx(1.302e-10, rel=1e-3)
    assert [kind for kind, row in rows.items() if row["used"]] == ["bonferroni"]
    assert rows["permutation"]["low"] < rows["permutation"]["neglog10p"] < rows["permutation"]["high"]


def test_a_given_p_value_is_used() -> None:
    table = thresholds.table(LociOptions(threshold=1e-6), [], some_traits(), 32)
    assert table.frame.filter(table.frame["used"])["kind"].to_list() == ["given"]
    assert "permutation" not in table.frame["kind"].to_list()


def test_a_permutation_threshold_without_permutations_is_refused_with_a_fix() -> None:
    with pytest.raises(StudyError, match=r"loci\.threshold: bonferroni"):
        thresholds.table(LociOptions(threshold="permutation"), [result(np.empty(0))], some_traits(), 32)
    with pytest.raises(StudyError, match=r"set scan\.permutations to 40 or more"):
        thresholds.table(LociOptions(threshold="permutation"), [result(null_maxima(30, 1))], some_traits(), 32)


def test_the_maximum_of_a_permutation_is_over_all_parts() -> None:
    a, b = np.array([3.0, 5.0]), np.array([4.0, 2.0])
    silent = result(np.empty(0), tests=0)
    np.testing.assert_array_equal(thresholds.joint_maxima([result(a), result(b), silent]), [4.0, 5.0])
    with pytest.raises(ValueError, match="different numbers"):
        thresholds.joint_maxima([result(a), result(np.ones(3))])


def test_the_plain_quantile_is_the_950th_of_999() -> None:
    found = thresholds.family_wise(np.arange(1.0, 1000.0).repeat(2)[:1999], 0.05)
    assert found.value == np.sort(np.arange(1.0, 1000.0).repeat(2)[:1999])[1899]


@pytest.mark.parametrize("shuffles", [100, 400, 1000, 5000])
def test_the_interval_covers_the_true_family_wise_threshold(shuffles: int) -> None:
    found = [thresholds.family_wise(null_maxima(shuffles, seed), 0.05) for seed in range(30)]
    covered = sum(one.low <= TRUE_THRESHOLD <= one.high for one in found)
    # 95 % intervals: 24 or fewer of 30 has chance 0.3 %; the bootstrap at 100 shuffles is a little narrow.
    assert covered >= (22 if shuffles == 100 else 25)
    assert np.mean([one.value for one in found]) == pytest.approx(TRUE_THRESHOLD, abs=0.08)


@pytest.mark.parametrize(("shuffles", "error", "expected"), [
    (20, 0.05, 1 / 21), (40, 0.05, 2 / 41), (100, 0.05, 5 / 101), (100, 0.04, 4 / 101), (100, 0.01, 1 / 101),
    (200, 0.01, 2 / 201),
    (399, 0.01, 0.01), (1000, 0.01, 10 / 1001), (999, 0.05, 0.05),
])  # fmt: skip
def test_a_null_study_exceeds_the_threshold_as_rarely_as_stated(shuffles: int, error: float, expected: float) -> None:
    """Exact, since a maximum is exchangeable with those of the permutations. A Pareto tail gave 6.3 % with 40 permutations."""
    rng = np.random.default_rng(shuffles)
    maxima = -np.log(-np.log(rng.uniform(size=(2000, shuffles))))  # Gumbel
    values = np.array([thresholds.family_wise(one, error).value for one in maxima])
    level = -np.expm1(-np.exp(-values))
    assert expected <= error + 1e-12
    assert level.mean() == pytest.approx(expected, abs=4 * level.std() / 2000**0.5)


@pytest.mark.parametrize(("shuffles", "error"), [(19, 0.05), (99, 0.01), (24, 0.04), (0, 0.05)])
def test_fewer_permutations_than_one_over_the_error_are_refused(shuffles: int, error: float) -> None:
    with pytest.raises(ValueError, match="cannot control"):
        thresholds.family_wise(null_maxima(shuffles, 1), error)


def test_few_permutations_set_no_upper_limit() -> None:
    found = thresholds.family_wise(null_maxima(100, 1), 0.01)
    assert found.high is None
    assert found.low < found.value == null_maxima(100, 1).max()


@pytest.mark.parametrize(("shuffles", "share", "kinds", "single"), [
    (1000, 0.2, {"permutation": "0.04 ", "sets": "0.01 "}, 0.04), (99, 0.2, {"permutation": "0.05 "}, 0.05),
    (100, 0.2, {"permutation": "0.04 ", "sets": "0.01 "}, 0.04), (1000, 0.0, {"permutation": "0.05 "}, 0.05),
])  # fmt: skip
def test_single_traits_get_the_share_of_sets_if_sets_have_no_threshold(
    shuffles: int, share: float, kinds: dict[str, str], single: float
) -> None:
    maxima = null_maxima(shuffles, 3)
    given = replace(result(maxima), set_permutation_max=maxima)
    table = thresholds.table(LociOptions(set_share=share), [given], some_traits(), 32).frame
    notes = {row["kind"]: row["note"] for row in table.iter_rows(named=True) if row["kind"] in ("permutation", "sets")}
    assert notes.keys() == kinds.keys()
    assert all(note.startswith(kinds[kind]) for kind, note in notes.items())
    assert ("too few permutations" in notes["permutation"]) == (shuffles == 99)
    rank = int(np.ceil((1 - single) * (shuffles + 1) - 1e-9))
    value = table.filter(table["kind"] == "permutation")["neglog10p"].item()
    assert value == np.sort(maxima)[rank - 1]


def test_a_share_of_sets_that_leaves_single_traits_too_little_is_refused() -> None:
    maxima = null_maxima(40, 3)
    given = replace(result(maxima), set_permutation_max=maxima)
    with pytest.raises(StudyError, match=r"set scan\.permutations to 1000 or more"):
        thresholds.table(LociOptions(set_share=0.98), [given], some_traits(), 32)


def test_a_study_without_sets_gives_their_share_to_single_traits() -> None:
    """One trait makes no set, so no error is spent on sets."""
    maxima = null_maxima(1000, 3)
    given = replace(result(maxima), set_permutation_max=np.zeros(1000))
    kinds = thresholds.table(LociOptions(), [given], some_traits(), 32).frame
    assert "sets" not in kinds["kind"].to_list()
    assert kinds.filter(kinds["kind"] == "permutation")["note"].item().startswith("0.05 ")


def test_a_fitted_distribution_has_the_true_quantile_and_interval() -> None:
    """The smallest of a million independent p-values: no bias, the stated interval, less error than the order statistic."""
    fits = [thresholds.fitted(null_maxima(500, seed), 0.01) for seed in range(200)]
    orders = [thresholds.family_wise(null_maxima(500, seed), 0.01).value for seed in range(200)]
    true = -np.log10(-np.expm1(np.log1p(-0.01) / 1e6))
    values = np.array([fit.value for fit in fits])
    assert values.mean() == pytest.approx(true, abs=4 * values.std() / np.sqrt(200))
    assert 0.90 <= np.mean([fit.low <= true <= (fit.high or 0) for fit in fits]) <= 0.99
    assert values.std() < 0.6 * np.std(orders)
    with pytest.raises(ValueError, match="99 maxima"):
        thresholds.fitted(null_maxima(99, 1), 0.05)


def effective(tests: float = 1e6, growth: float = 0.0, variance: float = 0.0) -> np.ndarray:
    """Effective numbers of tests that grow by `growth` on the log10 scale with each unit of -log10 p, `tests` at 7."""
    number = tests * 10 ** (growth * (LEVELS - 7))
    return np.stack([number, variance * number**2])


def test_the_threshold_of_effective_tests_by_hand() -> None:
    found = thresholds.of_effective_tests(effective(variance=0.01**2), 0.05)
    assert found is not None
    assert found.value == pytest.approx(TRUE_THRESHOLD, abs=1e-4)  # 1 - (1 - p)^M against 1 - exp(-M p)
    assert (found.high or 0) - found.low == pytest.approx(2 * 1.96 * 0.01 / np.log(10), rel=1e-3)
    # log10 M(x) = 6 + 0.1 (x - 7), and 0.9 x = 5.3 + log10(1 / 0.0513).
    growing = thresholds.of_effective_tests(effective(growth=0.1), 0.05)
    assert growing is not None
    assert growing.value == pytest.approx((5.3 - np.log10(-np.log(0.95))) / 0.9)
    more = thresholds.of_effective_tests(effective(), 0.05, added=0.3)
    assert more is not None
    assert more.value == pytest.approx(found.value + 0.3, abs=1e-6)
    assert thresholds.of_effective_tests(effective(1e30), 0.05) is None


def sampled_result(maxima: np.ndarray, *, permuted_tests: int = 30, **more: object) -> ScanResult:
    given: dict[str, object] = {"effective_tests": effective()} | more
    return replace(result(maxima), permuted_people=2000, permuted_tests=permuted_tests, **given)


def rows_of(one: ScanResult, **options: object) -> dict[str, dict[str, object]]:
    table = thresholds.table(LociOptions(**options), [one], some_traits(), 1)
    return {row["kind"]: row for row in table.frame.to_dicts()}


def test_of_a_sample_both_estimates_are_listed_and_effective_tests_are_used() -> None:
    maxima = null_maxima(1000, 3)
    rows = rows_of(sampled_result(maxima, set_permutation_max=maxima[:500]))
    expected, order = thresholds.of_effective_tests(effective(), 0.04), thresholds.family_wise(maxima, 0.04)
    used, other = rows["permutation"], rows["permutation_empirical"]
    assert expected is not None
    assert [used[name] for name in ("used", "estimator", "people", "permutations")] == [True, "effective tests", 2000, 1000]
    assert used["neglog10p"] == pytest.approx(expected.value)
    assert "a random sample of 2,000 participants was permuted" in str(used["note"])
    assert [other[name] for name in ("used", "estimator")] == [False, "order statistic"]
    assert other["neglog10p"] == pytest.approx(order.value)
    assert rows["sets"]["neglog10p"] == pytest.approx(thresholds.fitted(maxima[:500], 0.01).value)
    assert [rows["sets"][name] for name in ("estimator", "permutations")] == ["fitted", 500]
    assert rows["sets_empirical"]["estimator"] == "order statistic"


def test_of_everyone_the_order_statistic_is_used_alone() -> None:
    rows = rows_of(replace(result(null_maxima(1000, 3)), permuted_people=100))
    assert set(rows) == {"published", "bonferroni", "effective", "effective_galwey", "permutation"}
    used = rows["permutation"]
    assert [used[name] for name in ("people", "permutations", "estimator")] == [100, 1000, "order statistic"]
    assert "sample" not in str(used["note"])
    assert rows["published"]["people"] is None


def test_an_estimate_outside_the_interval_of_the_maxima_is_not_used() -> None:
    """Maxima with a longer tail than calibrated tests have: the order statistic is used, and the note says why."""
    maxima = 6 + 4 * (null_maxima(1000, 5) - 6)
    rows = rows_of(sampled_result(maxima))
    assert rows["permutation"]["estimator"] == "order statistic"
    assert "lies outside the interval" in str(rows["permutation"]["note"])
    assert rows["permutation_effective"]["neglog10p"] == pytest.approx(TRUE_THRESHOLD, abs=1e-4)


def test_tests_that_were_not_permuted_raise_the_threshold_by_their_share() -> None:
    """Two thirds of the tests of a study are permuted: the maxima of all have the distribution of half as many more."""
    whole, part = null_maxima(20_000, 6, tests=1.5e6), null_maxima(20_000, 7)
    raised = thresholds.joint_maxima([sampled_result(part, permuted_tests=20)])
    np.testing.assert_allclose(raised, part + np.log10(1.5))
    assert np.quantile(raised, 0.95) == pytest.approx(np.quantile(whole, 0.95), abs=0.04)
    assert np.median(raised) == pytest.approx(np.median(whole), abs=0.02)
    rows = rows_of(sampled_result(part[:1000], permuted_tests=20))
    assert "33.3% of the tests, too rare in it, were not permuted and add 0.176" in str(rows["permutation"]["note"])
    assert rows["permutation"]["neglog10p"] == pytest.approx(TRUE_THRESHOLD + np.log10(1.5), abs=1e-4)


def test_heavy_tails_are_named_if_a_sample_was_permuted() -> None:
    heavy = some_traits()
    heavy.values[:, 1] = np.random.default_rng(3).standard_t(3, 100)
    heavy.values[0, 1], heavy.values[1, 2] = 30.0, np.nan
    maxima = null_maxima(1000, 3)
    for one, traits, named in (
        (sampled_result(maxima), heavy, True), (sampled_result(maxima), some_traits(), False), (result(maxima), heavy, False)
    ):  # fmt: skip
        table = thresholds.table(LociOptions(), [one], traits, 1).frame
        assert ("permute everyone" in table.filter(pl.col("used"))["note"].item()) == named
