"""The example of docs/own_model.md, run as it stands: exported, declared, checked, and its features made."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ecgwas import stages
from ecgwas.study import Study
from ecgwas.tables import files
from tests.cohorts import make_cohort
from tests.conftest import ROOT

PEOPLE = 40


def example(language: str) -> str:
    """The page's only block in that language."""
    [block] = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "own_model.md").read_text(), re.DOTALL)
    return str(block)


def exported(folder: Path) -> None:
    (folder / "export.py").write_text(example("python"))
    subprocess.run([sys.executable, "export.py"], cwd=folder, check=True, timeout=300)


@pytest.mark.slow
def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    path = make_cohort(tmp_path / "cohort", people=PEOPLE, variants=10, permutations=50, represent=example("yaml"))
    exported(path.parent)
    study = Study.read_file(path)
    facts, mistakes = stages.check(study)
    assert mistakes == []
    [fact] = [fact for fact in facts if fact.startswith("features.pt2")]
    assert "16 outputs from 2 strips each of 12 leads and 2500 samples at 500 Hz, tried on 4" in fact
    stages.run(study, until="represent")
    features = files.FEATURES.read(study.results, representation="own").frame
    assert features.columns == ["eid", "lead", "f01", "f02", "f03", "f04"]
    values = features.select("f01", "f02", "f03", "f04").drop_nulls().to_numpy()
    assert len(values) >= PEOPLE - 5
    assert np.isfinite(values).all()
    assert values.std(axis=0).min() > 0

    # Another model in the same place makes the results stale, the same one does not.
    assert stages.is_fresh(study, "represent", "own")
    example_of_other = example("python").replace("manual_seed(1)", "manual_seed(2)")
    (path.parent / "export.py").write_text(example_of_other)
    subprocess.run([sys.executable, "export.py"], cwd=path.parent, check=True, timeout=300)
    assert not stages.is_fresh(study, "represent", "own")
    stages.run(study, until="represent")
    other = files.FEATURES.read(study.results, representation="own").frame
    assert other.select("eid").equals(features.select("eid"))
    assert not other.equals(features)
    assert other.height == features.height
