"""A small study of a feature table and its results, which every package must reproduce; recordings that it does not read."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ecgwas.simulate import simulate
from ecgwas.stages import run
from ecgwas.study import Study

STUDY = """\
name: packaged
seed: 1
represent: [{kind: table, name: mine, file: parameters.tsv}]
traits: {covariates: covariates.tsv}
scan: {genotypes: genotypes/cohort, build: hg19, min_mac: 10, permutations: 0}
loci: {threshold: bonferroni}
share: {matching: false, membership: false}
"""


@dataclass(frozen=True)
class Packaged:
    """A folder of inputs; the results of `ecgwas run` on them, in another folder; the environment of commands."""

    inputs: Path
    study: Study
    commands: Mapping[str, str]

    def tables(self) -> list[Path]:
        return [self.inputs / name for name in ("covariates.tsv", "parameters.tsv")]

    def genotypes(self) -> list[Path]:
        return sorted((self.inputs / "genotypes").iterdir())


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory, commands: Mapping[str, str]) -> Packaged:
    inputs = tmp_path_factory.mktemp("inputs")
    simulate(inputs, people=60, seed=5, variants_per_chromosome=30, chromosomes=("1", "6"))
    for path in sorted((inputs / "ecg").iterdir())[3:]:
        path.unlink()
    (bed,) = (inputs / "genotypes").glob("*.bed")
    (inputs / "study.yaml").write_text(STUDY.replace("genotypes/cohort", f"genotypes/{bed.stem}"))
    finished = tmp_path_factory.mktemp("finished") / "study"
    shutil.copytree(inputs, finished)
    study = Study.read_file(finished / "study.yaml")
    run(study)
    return Packaged(inputs, study, commands)
