"""Our Markov clustering against the program mcl: adjusted Rand index and seconds for each graph, one thread each.

    python -m benchmarks.speed.network [--quick] [--data ../shared/data/networks]

Graphs: planted clusters, and the graphs available in --data. --quick omits the human physical STRING network. Both programs
receive the same edges: ours as a list, mcl as a file, whose reading counts in its seconds. Our memory is that of the whole run
so far (including Python and its libraries). The memory of mcl is that of each run, started by a small separate process because
a child inherits the peak of its parent.
"""

from __future__ import annotations

import argparse
import gzip
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from math import comb
from pathlib import Path

import numpy as np

from benchmarks.record import recorded
from ecgwas.genes.network import mcl

Pairs = list[tuple[str, str, float]]
Graph = tuple[list[str], Pairs]
"""All nodes, including those without an edge, and the edges."""
INFLATION = 2.0
MEASURED = """
import resource, subprocess, sys, time
begin = time.perf_counter()
subprocess.run(sys.argv[1:], check=True)
print(time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""
NODES = "derived_string_v12_human_physical_conf700.nodes.tsv.gz"
HUMAN = "derived_string_v12_human_physical_conf700.edges.tsv.gz"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="skip the human network")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data" / "networks")
    asked = parser.parse_args()
    if shutil.which("mcl") is None:
        sys.exit("the program mcl is not installed: apt-get install mcl")
    for name, (nodes, pairs) in graphs(asked.data, asked.quick):
        print(compared(name, nodes, pairs), flush=True)


def graphs(data: Path, quick: bool) -> Iterator[tuple[str, Graph]]:
    """Name, nodes and edges of each graph."""
    yield "planted_modules", joined(planted(seed=1, nodes=300, modules=10))
    for name in ("falkner.mci", "proteins.mci"):
        if (data / name).exists():
            yield name, of_mci(data / name)
    export = data / "string_interactions.tsv"
    if export.exists():
        yield export.name, joined(of_columns(export.read_text(), score=-1))
    if not quick and (data / HUMAN).exists():
        numbers = [line.split("\t")[0] for line in unpacked(data / NODES).splitlines()[1:]]
        yield "string_v12_human_physical", (sorted(numbers), of_columns(unpacked(data / HUMAN), score=2))


def joined(pairs: Pairs) -> Graph:
    """The graph of the nodes with edges."""
    return sorted({node for a, b, _ in pairs for node in (a, b)}), pairs


def unpacked(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


def planted(seed: int, nodes: int, modules: int) -> Pairs:
    """Edges of planted clusters, many within and few between them."""
    rng = np.random.default_rng(seed)
    pairs = []
    for a in range(nodes):
        for b in range(a + 1, nodes):
            chance = 0.3 if a % modules == b % modules else 0.01
            if rng.random() < chance:
                pairs.append((f"n{a}", f"n{b}", round(float(rng.uniform(0.4, 1.0)), 3)))
    return pairs


def of_columns(text: str, score: int) -> Pairs:
    """Edges from a table with a header and with nodes in the first two columns."""
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    return [(row[0], row[1], float(row[score])) for row in rows]


def of_mci(path: Path) -> Graph:
    """Graph of a matrix in mcl's format. An entry without a value has weight 1; one given in both directions has the larger."""
    body = path.read_text().split("begin", 1)[1].split(")", 1)[0]
    weights: dict[tuple[int, int], float] = {}
    nodes = set()
    for column in body.split("$"):
        column_node, *entries = column.split() or [""]
        nodes |= {re.sub(r":.*", "", column_node)} - {""}
        for entry in entries:
            row, _, weight = entry.partition(":")
            a, b = sorted((int(re.sub(r":.*", "", column_node)), int(row)))
            if a != b:
                weights[a, b] = max(float(weight or 1), weights.get((a, b), 0.0))
    return sorted(nodes), [(str(a), str(b), weight) for (a, b), weight in sorted(weights.items())]


def compared(name: str, names: Sequence[str], pairs: Pairs) -> str:
    """One line: agreement of the clusters, and seconds of each. mcl receives no nodes without an edge; they are added alone."""
    begin = time.perf_counter()
    ours = mcl.cluster(names, pairs, INFLATION)
    seconds = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    theirs, mcl_seconds, mcl_memory = by_the_program(pairs)
    met = {node for group in theirs for node in group}
    theirs += [[node] for node in names if node not in met]
    ari = adjusted_rand_index(labels(names, ours), labels(names, theirs))
    return (
        f"MCL {name} ari={ari:.6g} seconds={seconds:.2f} mcl_seconds={mcl_seconds:.2f} "
        f"mib={memory:.0f} mcl_mib={mcl_memory:.0f} "
        f"nodes={len(names)} edges={len(pairs)} clusters={len(ours)} mcl_clusters={len(theirs)}"
    )


def by_the_program(pairs: Pairs) -> tuple[list[list[str]], float, float]:
    """Clusters of mcl with its defaults, its seconds, and its peak memory in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "graph.abc").write_text("".join(f"{a}\t{b}\t{weight!r}\n" for a, b, weight in pairs))
        command = ["mcl", "graph.abc", "--abc", "-I", str(INFLATION), "-te", "1", "-V", "all", "-o", "clusters"]
        run = [sys.executable, "-c", MEASURED, *command]
        seconds, memory = subprocess.run(run, cwd=folder, check=True, capture_output=True, text=True).stdout.split()[-2:]
        clusters = (Path(folder) / "clusters").read_text().splitlines()
        return [line.split("\t") for line in clusters], float(seconds), float(memory)


def labels(names: Sequence[str], groups: Sequence[Sequence[str]]) -> list[int]:
    """Index of the group of each name."""
    number = {name: k for k, group in enumerate(groups) for name in group}
    return [number[name] for name in names]


def adjusted_rand_index(first: Sequence[int], second: Sequence[int]) -> float:
    """1 for the same groups, about 0 by chance (Hubert and Arabie 1985, J Classification 2:193)."""
    both = sum(comb(n, 2) for n in Counter(zip(first, second, strict=True)).values())
    one, two = (sum(comb(n, 2) for n in Counter(numbers).values()) for numbers in (first, second))
    chance = one * two / comb(len(first), 2)
    return (both - chance) / ((one + two) / 2 - chance)


if __name__ == "__main__":
    recorded(main, __file__)
