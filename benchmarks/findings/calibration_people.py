"""Do thresholds hold if participants are not exchangeable: with relatives, or variances that differ by ancestry or sex?

    python -m benchmarks.findings.calibration_people [--quick] [--studies 300]

Each study has new participants, new traits without any effect, and the scan's own permutations. It is a false positive if the
largest observed -log10 p lies in the upper 5 % of the permutations. Each setting has a line with the nominal and observed
family-wise error, and low and high, which contain 95 % of such shares if the error is nominal. Settings whose name ends in
"unguarded" deliberately violate a guard's rule, to show the purpose of the guard or option.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bed_reader import to_bed
from numpy.typing import NDArray
from scipy import stats

from benchmarks.record import recorded
from ecgwas.genotypes import chromosomes
from ecgwas.genotypes.packed_calls import packed_calls
from ecgwas.genotypes.pruned_panel import PrunedGenotypes
from ecgwas.scan import matrix
from ecgwas.statistics.projection import span
from ecgwas.study import Matrix, TraitOptions
from ecgwas.study.traits import PersonGuards
from ecgwas.tables import Covariates, Traits
from ecgwas.traits import sample_qc
from ecgwas.traits.transform import transformed

LEVEL = 0.05
TRAITS, VARIANTS, SHUFFLES = 4, 300, 199
Draw = Callable[[np.random.Generator], "Drawn"]


@dataclass(frozen=True)
class Drawn:
    """codes (V, N) copies; values (N, K) features; covariates (N, C); strata (N,) groups; sexes (N,); chrom 1 or X."""

    codes: NDArray[np.int8]
    values: NDArray[np.float64]
    covariates: NDArray[np.float64]
    strata: NDArray[np.int64]
    sexes: NDArray[np.int64]
    chrom: str = "1"

    def of(self, people: NDArray[np.int64]) -> Drawn:
        """The same data for some of the participants."""
        return Drawn(self.codes[:, people], self.values[people], self.covariates[people], self.strata[people],
                     self.sexes[people], self.chrom)  # fmt: skip


def minority(rng: np.random.Generator) -> Drawn:
    """270 and 30 participants of two ancestries, Fst 0.15. The smaller group has three times the SD; group is a covariate."""
    strata = np.repeat([1, 2], [270, 30])
    ancestral = rng.uniform(0.1, 0.9, VARIANTS)
    scale = 0.85 / 0.15
    shares = rng.beta(ancestral * scale, (1 - ancestral) * scale, (2, VARIANTS))
    codes = rng.binomial(2, shares[strata - 1].T).astype(np.int8)
    values = rng.normal(size=(300, TRAITS)) * np.where(strata == 2, 3.0, 1.0)[:, None]
    return Drawn(codes, values, (strata == 2).astype(np.float64)[:, None], strata, rng.integers(1, 3, 300))


def sexes(rng: np.random.Generator) -> Drawn:
    """200 participants on X, men with 0 or 2 copies. Men's SD is twice women's. Sex is a covariate."""
    sex = rng.permutation(np.repeat([1, 2], 100))
    share = rng.uniform(0.1, 0.5, VARIANTS)[:, None]
    codes = np.where(sex == 1, 2 * rng.binomial(1, share, (VARIANTS, 200)), rng.binomial(2, share, (VARIANTS, 200)))
    values = rng.normal(size=(200, TRAITS)) * np.where(sex == 1, 2.0, 1.0)[:, None]
    return Drawn(codes.astype(np.int8), values, sex.astype(np.float64)[:, None], sex.astype(np.int64), sex, "X")


def siblings(rng: np.random.Generator) -> Drawn:
    """100 pairs of full siblings, with heritability 0.8 from untested variants, the last 3,000 of the codes."""
    share = rng.uniform(0.1, 0.5, VARIANTS + 3000)[:, None]
    mothers, fathers = (rng.binomial(2, share, (len(share), 100)) for _ in range(2))
    codes = [(rng.random(mothers.shape) < mothers / 2).astype(np.int8) + (rng.random(fathers.shape) < fathers / 2)
             for _ in range(2)]  # fmt: skip
    joined = np.concatenate(codes, axis=1).astype(np.int8)
    causes = joined[VARIANTS:] - 2 * share[VARIANTS:]
    genetic = (causes / np.sqrt(2 * share * (1 - share))[VARIANTS:]).T @ rng.normal(size=(3000, TRAITS)) / np.sqrt(3000)
    values = np.sqrt(0.8) * genetic + np.sqrt(0.2) * rng.normal(size=genetic.shape)
    nothing = np.empty((200, 0))
    return Drawn(joined, values, nothing, np.ones(200, dtype=np.int64), rng.integers(1, 3, 200))


def unrelated(rng: np.random.Generator) -> Drawn:
    """`siblings` after the kinship guard."""
    drawn = siblings(rng)
    people, codes = drawn.codes.shape[1], drawn.codes.astype(np.uint8)
    eids = tuple(f"p{i}" for i in range(people))
    no_calls = packed_calls(np.empty((0, people), dtype=np.uint8))
    panel = PrunedGenotypes(eids, packed_calls(codes), np.full(people, len(codes)), len(codes), no_calls)
    options = PersonGuards(max_heterozygosity_sd=None, max_component_sd=None, check_sex=False)
    kept = sample_qc.run(options, panel, np.zeros(people, dtype=np.int8), wanted_components=0, seed=1).eids
    return drawn.of(np.array([int(eid[1:]) for eid in kept]))


def false_positive(drawn: Drawn, options: TraitOptions, folder: Path, seed: int) -> bool:
    """True if the largest observed -log10 p is among the largest 5 % of the permutations."""
    basis = span(drawn.covariates)
    values = np.column_stack([transformed(options, column, basis, drawn.strata) for column in drawn.values.T])
    eids, tested = tuple(f"p{i}" for i in range(len(values))), drawn.codes[:VARIANTS]
    to_bed(folder / "study.bed", np.ascontiguousarray(tested.T), properties={
        "iid": list(eids), "fid": ["f"] * len(eids), "sex": drawn.sexes.tolist(), "chromosome": [drawn.chrom] * VARIANTS,
        "sid": [f"v{j}" for j in range(VARIANTS)], "bp_position": [3_000_000 + j for j in range(VARIANTS)],
        "allele_1": ["G"] * VARIANTS, "allele_2": ["A"] * VARIANTS,
    })  # fmt: skip
    made = Matrix.model_validate({
        "genotypes": folder / "study", "permutations": SHUFFLES, "threads": 1, "keep_neglog10p": 0.0, "min_mac": 5,
        "min_hwe_p": 0.0, "sets_of_traits": False,
    })  # fmt: skip
    traits = Traits(eids, tuple(f"made.I.f{k}" for k in range(TRAITS)), values)
    covariates = Covariates(eids, tuple(f"c{k}" for k in range(drawn.covariates.shape[1])), drawn.covariates)
    found = matrix.scan(made, traits, covariates, chromosomes.open_chromosome(made, drawn.chrom), seed=seed)
    largest = float(found.associations.frame["neglog10p"].to_numpy().max())
    return int((found.permutation_max >= largest).sum()) + 1 <= LEVEL * (SHUFFLES + 1)


SETTINGS: tuple[tuple[str, Draw, dict[str, object]], ...] = (
    ("siblings, unguarded", siblings, {}),
    ("siblings, after the guard over relatives", unrelated, {}),
    ("minority with 3 SD, rank-normal, unguarded", minority, {"normalise_within": ()}),
    ("minority with 3 SD, rank-normal, within ancestry", minority, {"normalise_within": ("ancestry",)}),
    ("minority with 3 SD, as it is, unguarded", minority, {"transform": "none"}),
    ("minority with 3 SD, as it is, within ancestry", minority, {"transform": "none", "normalise_within": ("ancestry",)}),
    ("X, men with 2 SD, rank-normal, unguarded", sexes, {"normalise_within": ()}),
    ("X, men with 2 SD, rank-normal, within sex", sexes, {"normalise_within": ("sex",)}),
    ("X, men with 2 SD, as it is, within sex", sexes, {"transform": "none", "normalise_within": ("sex",)}),
)


def lines(studies: int) -> Iterator[str]:
    """One line for each setting."""
    low, high = stats.binom.ppf([0.025, 0.975], studies, LEVEL) / studies
    for number, (name, draw, more) in enumerate(SETTINGS):
        options = TraitOptions.model_validate({"covariates": Path("covariates.tsv"), **more})
        with tempfile.TemporaryDirectory() as folder:
            found = sum(
                false_positive(draw(np.random.default_rng([number, seed])), options, Path(folder), seed)
                for seed in range(studies)
            )
        yield (f"CALIBRATION family_wise_error {name.replace(' ', '_')} nominal={LEVEL:g} observed={found / studies:.4f} "
               f"low={low:.4f} high={high:.4f}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 studies for each setting")
    parser.add_argument("--studies", type=int, default=300)
    given = parser.parse_args()
    for line in lines(20 if given.quick else given.studies):
        print(line, flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
