"""Filesets and tables for tests of the scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from bed_reader import to_bed
from numpy.typing import NDArray

from ecgwas.genotypes import chromosomes
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.study.scan import Matrix, Plink2, Scan
from ecgwas.tables import Covariates, Traits

NO_CALL = -127
UNFILTERED = {"min_maf": 0.0, "min_mac": 0, "min_call_rate": 0.0, "min_hwe_p": 0.0, "min_info": 0.0, "keep_neglog10p": 0.0}


def write(stem: Path, dosage: NDArray[np.int8], *, chrom: str = "1", sexes: list[int] | None = None) -> tuple[str, ...]:
    """A fileset; allele 1 (G) is counted. People are p0, p1 ... of family f."""
    people, variants = dosage.shape
    names = [f"p{i}" for i in range(people)]
    to_bed(
        stem.with_name(stem.name + ".bed"),
        np.ascontiguousarray(dosage),
        properties={
            "fid": ["f"] * people, "iid": names, "sex": sexes or [1 + i % 2 for i in range(people)],
            "sid": [f"v{j}" for j in range(variants)], "chromosome": [chrom] * variants,
            "bp_position": [3_000_000 + j for j in range(variants)], "allele_1": ["G"] * variants, "allele_2": ["A"] * variants,
        },
    )  # fmt: skip
    return tuple(names)


def draw(people: int, variants: int, seed: int, *, missing: float = 0.0) -> NDArray[np.int8]:
    """(people, variants) copies 0-2; half of the variants have missing calls."""
    rng = np.random.default_rng([seed, 1])
    dosage = rng.binomial(2, rng.uniform(0.02, 0.98, variants), size=(people, variants)).astype(np.int8)
    share = np.where(np.arange(variants) % 2, missing, 0.0)
    dosage[rng.random(dosage.shape) < share] = NO_CALL
    return dosage


def tables(eids: tuple[str, ...], traits: int, covariates: int, seed: int) -> tuple[Traits, Covariates]:
    """Standard normal traits around 3 and covariates, people in another order than the .fam."""
    rng = np.random.default_rng([seed, 2])
    shuffled = tuple(str(eid) for eid in rng.permutation(np.array(eids)))
    values = rng.standard_normal((len(eids), traits)) + 3
    names = tuple(f"made.{'I' if k % 2 else 'II'}.f{k}" for k in range(traits))
    more = rng.standard_normal((len(eids), covariates)) * rng.uniform(0.1, 100, covariates)
    return Traits(shuffled, names, values), Covariates(shuffled, tuple(f"c{k}" for k in range(covariates)), more)


def opened(options: Scan) -> Genotypes:
    return chromosomes.open_chromosome(options, chromosomes.available(options)[0])


def matrix_options(stem: Path, **more: object) -> Matrix:
    return Matrix.model_validate({"genotypes": stem, "threads": 1, "permutations": 0, **UNFILTERED, **more})


def plink2_options(stem: Path, **more: object) -> Plink2:
    return Plink2.model_validate({"genotypes": stem, "threads": 1, **UNFILTERED, **more})
