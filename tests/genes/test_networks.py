"""Counts of a network by hand."""

from __future__ import annotations

import pytest

from ecgwas.genes import networks
from ecgwas.genes.chance import Chance


def test_clustering_of_a_triangle_with_a_tail() -> None:
    scores = {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): 0.9, ("c", "d"): 0.9}
    assert networks.clustering(["a", "b", "c", "d", "e"], scores) == pytest.approx((1 + 1 + 1 / 3 + 0 + 0) / 5)
    assert networks.clustering([], {}) is None


def test_a_pair_counts_once_with_its_larger_score() -> None:
    assert networks.undirected([("b", "a", 0.4), ("a", "b", 0.6), ("c", "c", 1.0)]) == {("a", "b"): 0.6}


def test_a_hairball_is_told_and_so_is_chance() -> None:
    scores = {("a", "b"): 0.9, ("a", "c"): 0.9, ("a", "d"): 0.9}
    network = networks.describe("x", "X 1", list("abcd"), scores, [list("abcd")], {"e": "why"}, Chance(1.5, 0.02, 99))
    assert any("100% of the genes" in note for note in network.notes)
    assert "3 edges, 1.5 expected by 99 networks of the same degrees: p = 0.02" in network.notes
    assert network.tests.frame["largest_cluster_share"].to_list() == [1.0]
    assert network.unplaced.frame.rows() == [("gene", "e", None, None, None, None, "x", "why")]
