"""A small simulated cohort with its study file, made once per session, and what tests ask of finished results."""

from __future__ import annotations

import shutil
from pathlib import Path

from ecgwas.commands.init import write_study
from ecgwas.simulate import simulate
from ecgwas.store import file_digest
from ecgwas.study import Study

SMALL = """\
  - {kind: intervals, name: clinical}
  - {kind: pca, name: pca, features: 8}
  - {kind: residual_autoencoder, name: ae, leads: together, features: 4, channels: [8, 8, 8], epochs: 3, dropout: 0.1,
     other_seeds: 1}
"""
"""One representation of each sort: measured, computed, trained."""


def make_cohort(
    folder: Path, *, people: int = 120, variants: int = 150, permutations: int = 100, represent: str = SMALL
) -> Path:
    """A cohort of a few seconds under `folder`; gives its study file."""
    simulate(folder, people=people, seed=5, variants_per_chromosome=variants)
    path = write_study(folder, represent=represent)
    path.write_text(with_limits(path.read_text(), permutations))
    return path


def with_limits(text: str, permutations: int) -> str:
    """A first study file with a limit that suits few people, fewer shuffles, and its threshold as a line to be changed."""
    text = text.replace("  # min_mac: 20", f"  min_mac: 10\n  permutations: {permutations}")
    return text.replace("# loci:\n#   threshold: permutation", "loci:\n  threshold: permutation")


def copy_inputs(study_file: Path, folder: Path) -> Path:
    """The same cohort elsewhere, without results; times of change are kept, as `cp -a` keeps them."""
    shutil.copytree(study_file.parent, folder, ignore=shutil.ignore_patterns("results"))
    return folder / study_file.name


def contents(study: Study) -> dict[str, str]:
    """SHA-256 of every result file; notes (which tell of time and host), logs and locks are not results."""
    private = ("compare.csv", "notes", "logs", "cache", ".snakemake", "plan.json")
    paths = [path for path in study.results.rglob("*") if path.is_file()]
    names = {str(path.relative_to(study.results)): path for path in paths}
    return {name: file_digest(path) for name, path in sorted(names.items()) if name.split("/")[0] not in private}
