"""Relatives in cohorts of several ancestries: all found, the fewest people excluded, and nobody taken for an outlier."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgwas.traits import ancestry, families, kinship
from ecgwas.traits.genotype_pcs import genotype_pcs, project
from ecgwas.traits.sample_qc import FIRST_DEGREE, SampleQc
from tests.traits.families import Cohort, child, frequencies, mixed, people
from tests.traits.test_sample_qc import judged, made, plink2, status, write_bed

MIXTURES = {"1:1": (100, 100), "4:1": (240, 60), "three": (90, 90, 90), "small minority": (280, 24)}


def of(found: SampleQc, word: str) -> set[str]:
    return {eid for eid, reason in found.excluded.items() if word in reason}


def missed(given: Cohort, found: SampleQc) -> list[tuple[str, int, int]]:
    """Planted pairs of whom both remain."""
    pairs = [(kind, *pair) for kind, some in given.pairs.items() for pair in some]
    return [each for each in pairs if not {f"p{each[1]}", f"p{each[2]}"} & set(found.excluded)]


@pytest.mark.parametrize("fst", [0.05, 0.1, 0.15])
@pytest.mark.parametrize("mixture", MIXTURES)
def test_every_close_pair_is_found_whatever_the_mixture(mixture: str, fst: float) -> None:
    given = mixed(1, MIXTURES[mixture], fst, variants=3000)
    found = judged(made(given.codes), max_heterozygosity_sd=None)
    assert missed(given, found) == []
    # One of each pair, and nobody else: the fewest.
    assert len(found.excluded) == sum(len(some) for some in given.pairs.values())
    row = {one["guard"]: one for one in found.guards.frame.to_dicts()}["kinship"]
    assert 0.0884 <= row["limit"] < 0.1
    of_each = [np.unique(found.ancestry_groups[[given.ancestry[int(eid[1:])] == k for eid in found.eids]]) for k in range(2)]
    assert [len(numbers) for numbers in of_each] == [1, 1]
    assert of_each[0] != of_each[1]


@pytest.mark.plink2
@pytest.mark.parametrize(("sizes", "fst"), [((100, 100), 0.05), ((100, 100), 0.15), ((240, 60), 0.1), ((90, 90, 90), 0.1)])
def test_no_more_people_are_excluded_than_by_plink2(tmp_path: Path, sizes: tuple[int, ...], fst: float) -> None:
    given = mixed(2, sizes, fst)
    found = judged(made(given.codes), max_heterozygosity_sd=None)
    write_bed(tmp_path / "cohort", given.codes)
    plink2(tmp_path / "cohort", "--king-cutoff", "0.0884")
    theirs = (tmp_path / "cohort.king.cutoff.out.id").read_text().split()[1:]
    assert 0 < len(of(found, "related")) <= len(theirs)
    assert missed(given, found) == []


def three_armed_family(rng: np.random.Generator, share: NDArray[np.float64]) -> list[NDArray[np.uint8]]:
    """A parent, three children and a grandchild by each, every other parent a stranger who is not there."""
    strangers = iter(people(rng, share, 7).T)
    founder = next(strangers)
    children = [child(rng, founder, next(strangers)) for _ in range(3)]
    return [founder, *children, *(child(rng, one, next(strangers)) for one in children)]


def test_families_lose_the_fewest_people() -> None:
    """Children are half-siblings, grandchildren cousins: at 0.177 the tree itself remains, and three of seven suffice."""
    rng = np.random.default_rng(3)
    share = frequencies(rng, 1, 0.0, 5000)[0]
    columns = [*people(rng, share, 100).T]
    for _ in range(5):
        columns += three_armed_family(rng, share)
    found = judged(made(np.stack(columns, axis=1)), max_heterozygosity_sd=None, max_kinship=0.176)
    assert len(of(found, "related")) == 15


def smallest_cover(count: int, pairs: list[tuple[int, int]], calls: NDArray[np.int64]) -> tuple[int, int]:
    """People in the smallest set without which no pair remains, and the fewest calls that such a set has; every set tried."""
    covers = [
        chosen
        for size in range(count + 1)
        for chosen in combinations(range(count), size)
        if all(a in chosen or b in chosen for a, b in pairs)
    ]
    fewest = len(covers[0])
    return fewest, min(int(calls[list(chosen)].sum()) for chosen in covers if len(chosen) == fewest)


def test_the_fewest_people_are_those_of_every_set_tried() -> None:
    rng = np.random.default_rng(4)
    for _ in range(60):
        count = int(rng.integers(2, 10))
        pairs = [pair for pair in combinations(range(count), 2) if rng.random() < rng.uniform(0.1, 0.8)]
        calls = rng.integers(0, 4, count)
        found = families.fewest_exclusions([a for a, _ in pairs], [b for _, b in pairs], calls)
        assert found.inexact_families == 0
        assert all(a in found.people or b in found.people for a, b in pairs)
        assert (len(found.people), int(calls[list(found.people)].sum())) == smallest_cover(count, pairs, calls)


def test_of_equal_choices_the_person_with_more_calls_stays_and_then_the_earlier() -> None:
    assert families.fewest_exclusions([0], [1], np.array([10, 9])).people == (1,)
    assert families.fewest_exclusions([0], [1], np.array([9, 10])).people == (0,)
    assert families.fewest_exclusions([0], [1], np.array([9, 9])).people == (1,)
    # The middle one of three has by far the most calls, but alone it would cost two people.
    assert families.fewest_exclusions([0, 1], [1, 2], np.array([1, 1000, 1])).people == (1,)


def test_a_family_too_large_for_the_exact_search_is_said_to_be_so() -> None:
    count = families.LARGEST_EXACT + 50
    around = list(range(count))
    found = families.fewest_exclusions(around, [*around[1:], 0], np.zeros(count, dtype=np.int64))
    assert found.inexact_families == 1
    rest = set(around) - set(found.people)
    assert not any(i in rest and (i + 1) % count in rest for i in around)
    assert len(found.people) < 0.7 * count


def test_the_noise_of_a_pair_is_its_theory_and_does_not_grow_with_ancestry() -> None:
    """3/4 sum (2pq)^2 / (sum 2pq)^2 of independent variants."""
    for sizes, fst in (((200,), 0.0), ((100, 100), 0.15), ((150, 50), 0.1)):
        given = mixed(5, sizes, fst, variants=2000, duplicates=0, siblings=0, parents=0)
        share = given.codes[:, given.ancestry == 0].mean(axis=1) / 2
        heterozygous = 2 * share * (1 - share)
        expected = np.sqrt(0.75 * np.square(heterozygous).sum()) / heterozygous.sum()
        assert kinship.null_distribution(given.codes)[1] == pytest.approx(expected, rel=0.2)


def test_linked_variants_make_kinship_noisier_by_as_much_as_it_is() -> None:
    """Each variant four times: a quarter of the information, twice the SD."""
    codes = mixed(6, (200,), 0.0, variants=500, duplicates=0, siblings=0, parents=0).codes
    once, often = kinship.null_distribution(codes)[1], kinship.null_distribution(np.repeat(codes, 4, axis=0))[1]
    assert often == pytest.approx(once, rel=0.05)
    assert often == pytest.approx(2 * kinship.null_distribution(mixed(6, (200,), 0.0, variants=2000).codes)[1], rel=0.15)


def test_a_limit_that_lets_siblings_pass_fails() -> None:
    few = judged(made(mixed(7, (150,), 0.0, variants=220, duplicates=0).codes), max_heterozygosity_sd=None)
    row = {one["guard"]: one for one in few.guards.frame.to_dicts()}["kinship"]
    assert row["limit"] > FIRST_DEGREE
    assert row["status"] == "fail"
    assert "parents, children and siblings may lie below it" in row["note"]


@pytest.mark.parametrize("limit", [0.0884, None])
@pytest.mark.parametrize("families", [1, 2, 7])
def test_families_are_not_taken_for_ancestry(limit: float | None, families: int) -> None:
    """Parents and three children in one or more of five ancestries: a component of everybody would describe a family."""
    rng = np.random.default_rng(8)
    shares = frequencies(rng, 5, 0.08, 3000)
    columns = [codes for share in shares for codes in people(rng, share, 50).T]
    trios = []
    for share in [*shares, *shares][:families]:
        mother, father = people(rng, share, 2).T
        trios.append(range(len(columns), len(columns) + 5))
        columns += [mother, father, *(child(rng, mother, father) for _ in range(3))]
    found = judged(made(np.stack(columns, axis=1)), max_heterozygosity_sd=None, max_kinship=limit)
    assert of(found, "ancestry") == set()
    kept = [sum(f"p{i}" in found.eids for i in trio) for trio in trios]
    # Of two parents and three children the parents stay.
    assert kept == [2 if limit else 5] * len(trios)
    assert found.genotype_pcs.shape == (len(found.eids), 10)


def test_people_who_are_projected_stand_where_they_would_among_the_others() -> None:
    rng = np.random.default_rng(9)
    shares = frequencies(rng, 3, 0.03, 2000)
    codes = np.hstack([people(rng, share, 100) for share in shares])
    others = np.arange(0, 300, 10)
    reference = np.setdiff1d(np.arange(300), others)
    scores = genotype_pcs(codes[:, reference], 4, seed=1)
    placed = project(codes, reference, scores, others)
    for k in range(2):
        own, theirs = ([part[where // 100 == g, k].mean() for g in range(3)] for part, where in
                       ((placed, others), (scores, reference)))  # fmt: skip
        np.testing.assert_allclose(own, theirs, atol=0.15)
    again = project(codes, reference, scores, reference[:3])
    np.testing.assert_allclose(again[:, :2], scores[:3, :2], atol=0.2)


def test_one_ancestry_is_one_group_and_a_cline_is_cut_into_few() -> None:
    rng = np.random.default_rng(10)
    share = frequencies(rng, 2, 0.15, 2000)
    alone = people(rng, share[0], 300)
    assert set(ancestry.ancestry_groups(alone, np.ones(300, dtype=bool), seed=1).tolist()) == {1}
    part = rng.uniform(0, 1, 300)
    mixed_freely = rng.binomial(2, np.outer(share[0], part) + np.outer(share[1], 1 - part)).astype(np.uint8)
    groups = ancestry.ancestry_groups(mixed_freely, np.ones(300, dtype=bool), seed=1)
    assert 2 <= groups.max() <= 8
    first, second = (part[groups == number] for number in (1, 2))
    assert abs(first.mean() - second.mean()) > 0.3


def test_a_few_people_of_another_ancestry_are_no_group() -> None:
    given = mixed(11, (200, 5), 0.1, variants=1000, duplicates=0, siblings=0, parents=0)
    assert ancestry.ancestry_groups(given.codes, np.ones(205, dtype=bool), seed=1).max() == 1


def test_fst_is_that_of_the_populations() -> None:
    for truth in (0.0, 0.05, 0.15):
        given = mixed(12, (60, 30), truth, variants=8000, duplicates=0, siblings=0, parents=0)
        first, second = (given.codes[:, given.ancestry == k] for k in (0, 1))
        assert ancestry.fst(first, second) == pytest.approx(truth, abs=0.01)


def test_heterozygosity_is_judged_within_ancestry() -> None:
    """A minority with fewer heterozygotes: over all people its members lie 3 SD away, within their group nobody does."""
    rng = np.random.default_rng(13)
    many = rng.uniform(0.3, 0.5, 2000)
    few = np.clip(many + rng.choice([-0.28, 0.28], 2000), 0.02, 0.98)
    codes = np.hstack([people(rng, many, 280), people(rng, few, 25)])
    codes[rng.random(2000) < 0.3, 300] = 1  # Contaminated.
    found = judged(made(codes), max_component_sd=None, max_heterozygosity_sd=4.5)
    assert set(found.excluded) == {"p300"}
    assert found.excluded["p300"].startswith("heterozygosity +")


def test_sex_is_judged_within_ancestry() -> None:
    """Women of a minority with other frequencies on X seem inbred beside the majority's frequencies."""
    rng = np.random.default_rng(14)
    given = mixed(14, (200, 30), 0.1, variants=1000, duplicates=0, siblings=0, parents=0)
    shares = np.stack([rng.uniform(0.3, 0.7, 1500), rng.choice([0.1, 0.9], 1500)])
    sexes = rng.integers(1, 3, 230).astype(np.int8)
    x = [rng.binomial(2, shares[k]) if sex == 2 else 2 * rng.binomial(1, shares[k]) for sex, k in
         zip(sexes, given.ancestry, strict=True)]  # fmt: skip
    sexes[0] = 3 - sexes[0]
    found = judged(made(given.codes, x_codes=np.stack(x, axis=1).astype(np.uint8)), sexes, max_heterozygosity_sd=None)
    assert set(found.excluded) == {"p0"}
    assert status(found)["sex"] == "warn"


@pytest.mark.parametrize("fst", [0.05, 0.15])
def test_relatives_of_mixed_ancestry_are_found(fst: float) -> None:
    """Everybody has ancestors of two populations in a share of their own; parents of a pair differ in it, too."""
    rng = np.random.default_rng(15)
    shares = frequencies(rng, 2, fst, 4000)

    def anybody() -> NDArray[np.uint8]:
        part = rng.uniform()
        own = rng.random((2, 4000)) < part
        return (rng.random((2, 4000)) < np.where(own, shares[0], shares[1])).sum(axis=0).astype(np.uint8)

    columns = [anybody() for _ in range(150)]
    pairs: list[tuple[int, int]] = []
    for _ in range(10):
        mother, father = anybody(), anybody()
        pairs.append((len(columns), len(columns) + 1))
        columns += [child(rng, mother, father), child(rng, mother, father)]
        pairs.append((len(columns), len(columns) + 1))
        parent = anybody()
        columns += [parent, child(rng, parent, anybody())]
    found = judged(made(np.stack(columns, axis=1)), max_heterozygosity_sd=None)
    given = Cohort(np.stack(columns, axis=1), np.zeros(len(columns), dtype=np.int64), {"first degree": pairs})
    assert missed(given, found) == []
    assert len(found.excluded) == len(of(found, "related")) == len(pairs)
