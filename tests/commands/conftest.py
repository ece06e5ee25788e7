"""A finished study that the tests of several commands read, made once."""

from __future__ import annotations

import re

import pytest

from ecgwas import stages
from ecgwas.study import Study
from tests.cohorts import make_cohort


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A small study up to its genes, with a threshold that several variants pass."""
    path = make_cohort(tmp_path_factory.mktemp("finished"), people=150, variants=120, permutations=0)
    text = path.read_text().replace("threshold: permutation", "threshold: 1.0e-3")
    path.write_text(re.sub(r"  - {kind: residual_autoencoder[^}]*}\n", "", text))
    study = Study.read_file(path)
    stages.run(study, until="genes")
    return study
