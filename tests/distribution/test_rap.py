"""Hours and price on UK Biobank's platform: the page's table follows from the plan, and so does its formula."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.speed.scale import CHROMOSOMES, LENGTHS
from ecgwas.study import Study
from ecgwas.workflow import planning
from ecgwas.workflow.costs import StudySize
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "your_data" / "ukb_rap.md").read_text()
STUDY = """\
name: rap
preset: calibrated
read: {recordings: ecg, instance: 2, other_instances: false}
traits: {covariates: covariates.tsv, guards: {max_kinship: null}}
scan: {genotypes: "genotypes/ukb22418_c{chrom}_b0_v2", build: hg19, permutations: PERMUTATIONS}
"""
PEOPLE = 70_000
ROW = (
    r"^\| ([\d,]+|10 million) (?:of the array|imputed), ([\d,]+|none)[^|]*"
    r"\| (\d+) h \| (\d+) h \| ([\d.]+) GiB \| (\d+) GiB"
)
ROWS = re.findall(ROW, PAGE, re.M)
SCRIPT = re.search(r"^python3 - \"\$CORES\" \"\$RATE\" << 'END'\n(.*?)^END$", PAGE, re.M | re.S)


def planned(folder: Path, variants: int, permutations: int) -> tuple[Study, tuple[planning.Job, ...]]:
    path = folder / "study.yaml"
    path.write_text(STUDY.replace("PERMUTATIONS", str(permutations)))
    study = Study.read_file(path)
    share = {name: round(variants * length / sum(LENGTHS)) for name, length in zip(CHROMOSOMES, LENGTHS, strict=True)}
    size = StudySize(recordings=PEOPLE, tested=PEOPLE, variants=share, dosages=variants > 1_000_000, genotyped=488_000)
    return study, planning.jobs(study, size)


def hours(folder: Path, cores: int) -> float:
    """As the page's script prints them, from folder/results/plan.json."""
    assert SCRIPT is not None
    done = subprocess.run([sys.executable, "-c", SCRIPT[1], str(cores), "0.5"], cwd=folder, capture_output=True, text=True)
    found = re.fullmatch(r"([\d.]+) hours x 0.5 = ([\d.]+)\n", done.stdout)
    assert found is not None, done.stderr
    assert float(found[2]) == pytest.approx(float(found[1]) * 0.5, abs=0.03)
    return float(found[1])


def test_the_table_has_a_row_per_kind_of_genotypes() -> None:
    assert len(ROWS) == 3
    assert len(CHROMOSOMES) == 23


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}, {row[1]}")
def test_the_table_follows_from_the_plan(row: tuple[str, ...], tmp_path: Path) -> None:
    variants = 10_000_000 if row[0] == "10 million" else int(row[0].replace(",", ""))
    permutations = 0 if row[1] == "none" else int(row[1].replace(",", ""))
    study, jobs = planned(tmp_path, variants, permutations)
    of_stages: dict[str, dict[str, dict[str, float]]] = {}
    for job in jobs:  # As planning.write does, which also lists what each part needs, for which the recordings must be there.
        of_stages.setdefault(job.stage, {})[job.part] = {"cpu_seconds": round(job.cost.cpu_seconds, 1)}
    study.results.mkdir()
    (study.results / "plan.json").write_text(json.dumps(of_stages))
    assert [round(hours(tmp_path, cores)) for cores in (8, 16)] == [int(row[2]), int(row[3])]
    assert f"{max(job.cost.memory_mib for job in jobs) / 1024:.1f}" == row[4]
    assert round(sum(job.cost.disk_mib for job in jobs) / 1024) == int(row[5])


def test_more_cores_do_not_shorten_the_longest_part(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    parts = {"1": {"cpu_seconds": 7200}, "2": {"cpu_seconds": 3600}}
    (tmp_path / "results" / "plan.json").write_text(json.dumps({"scan": parts, "read": {}}))
    assert [hours(tmp_path, cores) for cores in (1, 2, 100)] == [3.0, 2.0, 2.0]
