"""Which loci are found by which: exact combinations, and Venn diagrams in words."""

from __future__ import annotations

from itertools import product

import numpy as np

from ecgwas.report.text.intersections import intersections, sentence


def test_every_locus_is_in_one_combination_as_counted_by_hand() -> None:
    rng = np.random.default_rng(5)
    member = rng.random((4, 60)) < 0.4
    sets = {name: frozenset(np.flatnonzero(row).tolist()) for name, row in zip("abcd", member, strict=True)}
    combinations = {one.members: one.loci for one in intersections(sets)}
    for bits in product((False, True), repeat=4):
        names = tuple(name for name, bit in zip("abcd", bits, strict=True) if bit)
        expected = np.flatnonzero((member == np.array(bits)[:, None]).all(axis=0)).tolist() if names else []
        assert list(combinations.get(names, ())) == expected
    sizes = [len(one.loci) for one in intersections(sets)]
    assert sizes == sorted(sizes, reverse=True)


def test_two_and_three_sets_are_put_into_words() -> None:
    a, b, c = frozenset({1, 2, 3}), frozenset({3, 4}), frozenset({3, 2})
    two = "4 loci in all: 1 found by both, 2 found by A only, 1 found by B only."
    assert sentence({"A": a, "B": b}) == two
    assert sentence({"A": a, "B": b, "C": c}) == (
        "4 loci in all: 1 found by all three, 1 found by A and C only, 1 found by A only, 1 found by B only; none by A and "
        "B only, by B and C only or by C only."
    )
    assert sentence({"A": frozenset({1}), "B": frozenset()}) == "1 locus in all: 1 found by A only; none by both or by B only."
    assert sentence({"A": a}) == "3 loci in all."
    assert sentence({"A": frozenset(), "B": frozenset()}) == "0 loci in all."
