"""Does matching by noise stay within its limit, in studies without any effect and with loci at a lenient threshold?

    python -m benchmarks.findings.calibration_matching [--studies 100] [--p 5e-3 3e-4] [--effect 0]

Each line: CALIBRATION <what> <setting> nominal=<x> observed=<x> low=<x> high=<x> area=<mean>. observed is the share of the
studies whose area is beyond the limit, low and high its exact binomial 95 % interval. `matching` is the method of `share`, in
which each fold's loci are found in all other participants. `folds_alone` is the same with the limit of independent folds.
`same_people` uses the loci found in all participants, with the wider limit of `matching`. Studies have 150 participants, 600
unlinked variants and six traits. --effect shifts all traits by this many standard deviations per allele of the first variant;
nominal is then meaningless.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
from bed_reader import to_bed
from numpy.typing import NDArray

from benchmarks.findings.calibration_hits import line
from benchmarks.record import recorded
from ecgwas.genotypes import chromosomes
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.loci.held_out import DiscoverySample, Rule, discover
from ecgwas.loci.thresholds import table
from ecgwas.privacy import matching
from ecgwas.study import LociOptions, Matrix
from ecgwas.tables import Covariates, Traits

PEOPLE, VARIANTS, TRAITS = 150, 600, 6
APART_BP = 2_000_000


class Made:
    """A simulated study in a folder."""

    def __init__(self, stem: Path, seed: int, p: float, effect: float) -> None:
        rng = np.random.default_rng([seed, 8])
        copies = rng.binomial(2, rng.uniform(0.2, 0.5, VARIANTS), size=(PEOPLE, VARIANTS)).astype(np.int8)
        values = rng.standard_normal((PEOPLE, TRAITS)) + effect * copies[:, :1] * rng.choice([-1.0, 1.0], TRAITS)
        self.eids = tuple(f"p{i}" for i in range(PEOPLE))
        to_bed(stem.with_suffix(".bed"), copies, properties={
            "fid": self.eids, "iid": self.eids, "chromosome": ["1"] * VARIANTS, "sid": [f"v{j}" for j in range(VARIANTS)],
            "bp_position": [APART_BP * j + 1 for j in range(VARIANTS)],
        })  # fmt: skip
        engine = Matrix(genotypes=stem, threads=1, permutations=0)
        self.opened: Genotypes = chromosomes.open_chromosome(engine, "1")
        self.traits = Traits(self.eids, tuple(f"made.I.f{k}" for k in range(TRAITS)), values)
        options = LociOptions(threshold=p)
        self.rule = Rule(engine, options, table(options, [], self.traits, TRAITS))

    def found_by(self, people: NDArray[np.int64]) -> NDArray[np.float64]:
        """(N, L) copies of the lead variants of loci found in `people`."""
        eids = tuple(self.eids[i] for i in people)
        own, none = Traits(eids, self.traits.names, self.traits.values[people]), Covariates(eids, (), np.empty((len(eids), 0)))
        leads = discover(
            self.rule, DiscoverySample(own, none, np.zeros(len(eids), dtype=np.int64)), self.opened, seed=1
        ).lead_index
        return np.array([self.opened.dosage_of(int(i), self.eids) for i in leads]).reshape(-1, PEOPLE).T

    def areas(self, seed: int) -> dict[str, dict[str, float]]:
        """Name of the setting -> its row of Matching."""
        held, every = matching.assign_folds(PEOPLE, seed=seed), np.arange(TRAITS)
        rest = [np.setdiff1d(np.arange(PEOPLE), people) for people in held]
        by_others, by_all = [self.found_by(people) for people in rest], [self.found_by(np.arange(PEOPLE))] * len(held)

        def row(found: list[NDArray[np.float64]]) -> dict[str, float]:
            folds = [matching.Fold(people, every, {"loci": loci}) for people, loci in zip(held, found, strict=True)]
            return matching.matching(self.traits.values, folds, seed=seed).frame.row(0, named=True)

        with mock.patch.object(matching, "spread", return_value=1.0):
            alone = row(by_others)
        return {"matching": row(by_others), "folds_alone": alone, "same_people": row(by_all)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5 studies")
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--p", type=float, nargs="+", default=[5e-3, 3e-4], help="thresholds")
    parser.add_argument("--effect", type=float, default=0.0)
    given = parser.parse_args()
    for p in given.p:
        with tempfile.TemporaryDirectory() as folder:
            stem = Path(folder) / "cohort"
            rows = [Made(stem, seed, p, given.effect).areas(seed) for seed in range(5 if given.quick else given.studies)]
        for what in rows[0]:
            beyond = sum(matching.beyond_chance(one[what]) is True for one in rows)
            area = np.mean([one[what]["rate"] for one in rows])
            print(line(what, f"p{p:g}_effect{given.effect:g}", 0.025, beyond, len(rows)), f"area={area:.3f}", flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
