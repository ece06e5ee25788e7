"""One threshold for several studies: family-wise over all of them, by simulated null studies and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ecgwas.loci.common_threshold import StudyTests, common_threshold
from ecgwas.loci.thresholds import family_wise


def permuted(name: str, maxima: np.ndarray, permutations: str, traits: int = 10) -> StudyTests:
    return StudyTests(name, traits, np.asarray(maxima, dtype=float), permutations)


def test_of_one_study_it_is_the_family_wise_threshold() -> None:
    maxima = np.random.default_rng(1).gumbel(6, 0.5, 199)
    found = common_threshold([permuted("a", maxima, "p")], 0.05)
    alone = family_wise(maxima, 0.05)
    assert (found.neglog10p, found.low, found.high) == (alone.value, alone.low, alone.high)
    assert (found.kind, found.groups, found.counts, found.traits) == ("permutation", (("a",),), (199,), 10)


def test_studies_of_the_same_permutations_take_the_maximum_of_each() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.gumbel(6, 0.5, 500), rng.gumbel(6.5, 0.5, 300)
    found = common_threshold([permuted("a", a, "p", 4), permuted("b", b, "p", 5)], 0.05)
    assert found.neglog10p == family_wise(np.maximum(a[:300], b), 0.05).value
    assert (found.groups, found.counts, found.traits) == ((("a", "b"),), (300,), 9)


def test_of_other_permutations_the_probabilities_add_up() -> None:
    a, b = np.arange(1.0, 100.0), np.arange(0.5, 99.0)
    found = common_threshold([permuted("a", a, "p"), permuted("b", b, "q")], 0.1)
    # By hand: beyond t = 95 there are four of 99 maxima of each, so (4 + 1) / 100 twice.
    assert found.neglog10p == 95.0
    assert (found.low, found.high, found.groups) == (None, None, (("a",), ("b",)))


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_simulated_null_studies_pass_it_no_more_often_than_stated(correlation: float) -> None:
    """Two studies of 200 independent tests each, whose statistics are correlated as if they shared participants; every
    permutation is drawn as the data are. Of 2,000 null pairs 5 % may have a hit."""
    rng = np.random.default_rng(3)

    def maxima(count: int) -> tuple[np.ndarray, np.ndarray]:
        z = rng.standard_normal((2, count, 200))
        z[1] = correlation * z[0] + np.sqrt(1 - correlation**2) * z[1]
        a, b = -np.log10(2 * stats.norm.sf(np.abs(z).max(axis=2)))
        return a, b

    own, shared = 0, 0
    for _ in range(40):
        a, b = maxima(199)
        apart = common_threshold([permuted("a", a, "p"), permuted("b", b, "q")], 0.05).neglog10p
        together = common_threshold([permuted("a", a, "p"), permuted("b", b, "p")], 0.05).neglog10p
        c, e = maxima(50)
        own += int((np.maximum(c, e) > apart).sum())
        shared += int((np.maximum(c, e) > together).sum())
    limit = stats.binom.ppf(0.999, 2000, 0.05)
    assert own <= limit
    assert shared <= limit + 40  # the threshold of each pair has a Monte-Carlo error of its own
    assert shared > 60
    if correlation == 0.9:
        assert own < shared


def test_without_permutations_it_is_bonferronis_over_all_traits() -> None:
    found = common_threshold([permuted("a", np.ones(500), "p", 30), permuted("b", np.empty(0), "q", 70)], 0.05)
    assert found.kind == "bonferroni"
    assert found.neglog10p == pytest.approx(-np.log10(5e-8 / 100), abs=1e-12)
    assert found.reason == "no permutations in b"
    few = common_threshold([permuted("a", np.ones(30), "p"), permuted("b", np.ones(30), "q")], 0.05)
    assert few.kind == "bonferroni"
    assert "too few permutations for a family-wise error of 0.05: 30, 30" in few.reason
    with pytest.raises(ValueError, match="needs a study"):
        common_threshold([], 0.05)
