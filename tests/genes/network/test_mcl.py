"""Markov clustering against the program mcl."""

from __future__ import annotations

import gzip
import subprocess
from collections import Counter
from collections.abc import Sequence
from math import comb
from pathlib import Path

import numpy as np
import pytest

from ecgwas.genes.network import mcl

Pairs = list[tuple[str, str, float]]


def adjusted_rand_index(first: Sequence[int], second: Sequence[int]) -> float:
    """Hubert and Arabie 1985."""
    both = sum(comb(n, 2) for n in Counter(zip(first, second, strict=True)).values())
    one, two = (sum(comb(n, 2) for n in Counter(labels).values()) for labels in (first, second))
    chance = one * two / comb(len(first), 2)
    return (both - chance) / ((one + two) / 2 - chance)


def labels_of(names: Sequence[str], groups: Sequence[Sequence[str]]) -> list[int]:
    number = {name: k for k, group in enumerate(groups) for name in group}
    return [number[name] for name in names]


def by_the_program(pairs: Pairs, inflation: float, folder: Path) -> list[list[str]]:
    (folder / "graph.abc").write_text("".join(f"{a}\t{b}\t{weight}\n" for a, b, weight in pairs))
    command = ["mcl", "graph.abc", "--abc", "-I", str(inflation), "-te", "1", "-V", "all", "-o", "clusters"]
    subprocess.run(command, cwd=folder, check=True)
    return [line.split("\t") for line in (folder / "clusters").read_text().splitlines()]


def planted(seed: int, nodes: int, modules: int, within: float, between: float) -> Pairs:
    rng = np.random.default_rng(seed)
    pairs = []
    for a in range(nodes):
        for b in range(a + 1, nodes):
            together = a % modules == b % modules
            if rng.random() < (within if together else between):
                pairs.append((f"n{a}", f"n{b}", round(float(rng.uniform(0.4, 1.0)), 3)))
    return pairs


@pytest.mark.mcl
@pytest.mark.parametrize("inflation", [1.4, 2.0, 4.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_clusters_are_those_of_the_program(seed: int, inflation: float, tmp_path: Path) -> None:
    pairs = planted(seed, 150, 6, 0.3, 0.01)
    names = sorted({name for a, b, _ in pairs for name in (a, b)})
    ours = labels_of(names, mcl.cluster(names, pairs, inflation))
    theirs = labels_of(names, by_the_program(pairs, inflation, tmp_path))
    assert adjusted_rand_index(ours, theirs) == 1.0


@pytest.mark.mcl
@pytest.mark.real
def test_string_network_as_the_program_clusters_it(shared: Path, tmp_path: Path) -> None:
    lines = (shared / "data" / "networks" / "string_interactions.tsv").read_text().splitlines()[1:]
    pairs = [(fields[0], fields[1], float(fields[-1])) for fields in (line.split("\t") for line in lines)]
    names = sorted({name for a, b, _ in pairs for name in (a, b)})
    ours = labels_of(names, mcl.cluster(names, pairs, 2.0))
    assert adjusted_rand_index(ours, labels_of(names, by_the_program(pairs, 2.0, tmp_path))) == 1.0


@pytest.mark.mcl
@pytest.mark.real
@pytest.mark.slow
def test_human_physical_network_as_the_program_clusters_it(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "networks" / "derived_string_v12_human_physical_conf700.edges.tsv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()[1:]
    pairs = [(a, b, float(score)) for a, b, score in (line.split("\t") for line in lines)]
    names = sorted({name for a, b, _ in pairs for name in (a, b)})
    ours = labels_of(names, mcl.cluster(names, pairs, 2.0))
    assert adjusted_rand_index(ours, labels_of(names, by_the_program(pairs, 2.0, tmp_path))) == 1.0


def test_planted_modules_are_found() -> None:
    pairs = planted(3, 120, 4, 0.6, 0.005)
    names = [f"n{k}" for k in range(120)]
    groups = mcl.cluster(names, pairs, 2.0)
    assert adjusted_rand_index(labels_of(names, groups), [k % 4 for k in range(120)]) == 1.0
    assert [len(group) for group in groups] == [30, 30, 30, 30]


def test_nodes_without_edges_are_clusters_by_themselves_and_the_order_of_edges_does_not_matter() -> None:
    pairs = [("a", "b", 0.9), ("b", "a", 0.5), ("c", "c", 1.0)]
    assert mcl.cluster(["a", "b", "c", "d"], pairs, 2.0) == [["a", "b"], ["c"], ["d"]]
    assert mcl.cluster(["d", "c", "b", "a"], pairs[::-1], 2.0) == [["a", "b"], ["c"], ["d"]]
    assert mcl.cluster([], [], 2.0) == []
