"""A small study that is run once, up to its loci."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas import stages
from ecgwas.study import Study
from tests.cohorts import make_cohort

REPRESENT = """\
  - {kind: intervals, name: clinical}
  - {kind: pca, name: pca, features: 2}
"""


@pytest.fixture(scope="session")
def study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file of a cohort with results."""
    path = make_cohort(tmp_path_factory.mktemp("api") / "cohort", people=60, variants=40, permutations=30, represent=REPRESENT)
    path.write_text(path.read_text().replace("threshold: permutation", "threshold: 1.0e-3"))
    stages.run(Study.read_file(path), until="loci")
    return path
