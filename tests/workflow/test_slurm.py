"""A real SLURM of two nodes: the same bytes as without it, also after a killed job and a lost node."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecgwas import stages
from ecgwas.stages import STAGES
from ecgwas.study import Study
from tests.cohorts import contents, copy_inputs, make_cohort
from tests.conftest import SHARED
from tests.workflow import slurm
from tests.workflow.slurm import Lab

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

SMALL = "  - {kind: pca, name: pca, features: 4}\n"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A SLURM of two nodes. Its folder is one that everybody may enter: munge refuses another."""
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="pip install 'ecgwas[slurm]'")
    script = SHARED / "tools" / "slurm_lab.sh"
    if not script.is_file():
        pytest.skip(f"no {script}")
    with tempfile.TemporaryDirectory(prefix="ecgwas_slurm_") as folder:
        Path(folder).chmod(0o755)
        made = Lab.at(script, Path(folder) / "lab")
        try:
            made.start()
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            made.stop()
            pytest.skip(f"SLURM does not start here: {error}")
        yield made
        made.stop()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A small study of two chromosomes, run without Snakemake."""
    study_file = make_cohort(tmp_path_factory.mktemp("plain"), people=60, variants=40, permutations=50, represent=SMALL)
    study_file.write_text(study_file.read_text().replace("build: hg19", "build: hg19\n  chromosomes: ['1', '11']"))
    study = Study.read_file(study_file)
    stages.run(study)
    return study


def start(lab: Lab, study_file: Path, profile: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ecgwas", "run", str(study_file), "--on", str(profile), "--jobs", "4", "--verbose", *more]
    return subprocess.Popen(command, env=lab.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ended_well(process: subprocess.Popen[bytes]) -> str:
    log, _ = process.communicate(timeout=900)
    assert process.returncode == 0, log.decode()
    return log.decode()


def test_slurm_gives_the_same_bytes(lab: Lab, finished: Study, tmp_path: Path) -> None:
    study_file = copy_inputs(finished.folder / "study.yaml", tmp_path / "cluster")
    log = ended_well(start(lab, study_file, slurm.profile(tmp_path / "profile")))
    study = Study.read_file(study_file)
    assert contents(study) == contents(finished)
    assert all(stages.is_fresh(study, stage.name, part) for stage in STAGES for part in stage.parts(study))
    assert log.count("has been submitted with SLURM jobid") == 4  # One to read, one to represent, two to scan.


def test_a_killed_job_and_a_lost_node_end_well(lab: Lab, finished: Study, tmp_path: Path) -> None:
    """What was made without SLURM is fresh to it, so that only the scan is made again."""
    shutil.copytree(finished.folder, tmp_path / "cluster", symlinks=True)
    study_file = tmp_path / "cluster" / "study.yaml"
    study = Study.read_file(study_file)
    for part in ("1", "11"):
        (study.results / "notes" / "scan" / f"{part}.json").unlink()
    run = start(lab, study_file, slurm.profile(tmp_path / "profile"), "--until", "scan")
    working = {}
    for part in ("1", "11"):
        working[part] = slurm.wait_for(lambda part=part: slurm.working_on(study_file, part), f"scan of {part}: {lab.folder}")
        os.kill(working[part], signal.SIGSTOP)
    assert sorted(lab.run("squeue", "-h", "-t", "R", "-o", "%N").split()) == ["n1", "n2"]
    node = lost_node(lab, working["11"])
    os.kill(working["1"], signal.SIGKILL)
    lab.lose(node)
    log = ended_well(run)
    assert contents(study) == contents(finished)
    assert log.count("Trying to restart") == 2
    assert asked_memory(log) == [900, 900, 1800, 1800]


def lost_node(lab: Lab, pid: int) -> str:
    """The node that a process of a job runs on."""
    for node in ("n1", "n2"):
        jobs = lab.run("squeue", "-h", "-w", node, "-o", "%A").split()
        steps = [step for step, words in slurm.processes() for job in jobs if words.startswith(f"slurmstepd: [{job}.")]
        if any(pid in slurm.descendants(step) for step in steps):
            return node
    raise LookupError(f"process {pid} runs on no node")


def asked_memory(log: str) -> list[int]:
    """What each job of the scan asked for, MB, as Snakemake tells it."""
    words = [line.split("mem_mb=")[1].split(",")[0] for line in log.splitlines() if "mem_mb=" in line and "runtime" in line]
    return sorted(int(word) for word in words if int(word) != 2000)


def start_arrays(lab: Lab, study_file: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ecgwas", "run", str(study_file), "--on", "slurm-array", "--jobs", "4", *more]
    return subprocess.Popen(command, env=lab.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_job_arrays_give_the_same_bytes(lab: Lab, finished: Study, tmp_path: Path) -> None:
    study_file = copy_inputs(finished.folder / "study.yaml", tmp_path / "cluster with a blank")
    log = ended_well(start_arrays(lab, study_file))
    study = Study.read_file(study_file)
    assert contents(study) == contents(finished)
    assert "array" in log
    assert log.count("of 2 parts submitted") == 1  # The two chromosomes.
    again = ended_well(start_arrays(lab, study_file))
    assert "submitted" not in again


def test_a_failed_task_leaves_its_neighbours_results_alone(lab: Lab, finished: Study, tmp_path: Path) -> None:
    """One task is killed while it works: it alone is made again, and the other's file is not touched."""
    shutil.copytree(finished.folder, tmp_path / "cluster", symlinks=True)
    study_file = tmp_path / "cluster" / "study.yaml"
    study = Study.read_file(study_file)
    for part in ("1", "11"):
        (study.results / "notes" / "scan" / f"{part}.json").unlink()
    run = start_arrays(lab, study_file, "--until", "scan")
    pid = slurm.wait_for(lambda: slurm.working_on(study_file, "11"), "scan of 11")
    os.kill(pid, signal.SIGSTOP)
    slurm.wait_for(lambda: 1 if stages.is_fresh(study, "scan", "1") else None, "scan of 1")
    made = (study.results / "scan" / "1.parquet").stat().st_mtime_ns
    os.kill(pid, signal.SIGKILL)
    log = ended_well(run)
    assert contents(study) == contents(finished)
    assert (study.results / "scan" / "1.parquet").stat().st_mtime_ns == made
    assert "not made: 11" in log
    assert log.count("of 1 parts submitted") == 1


def test_a_part_that_fails_each_time_is_named_with_its_log(lab: Lab, finished: Study, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / "cluster", symlinks=True)
    study_file = tmp_path / "cluster" / "study.yaml"
    study = Study.read_file(study_file)
    (study.results / "notes" / "scan" / "11.json").unlink()
    # A lock that a stranger holds: every try ends with an error of the part.
    blocked = study.results / "scan" / "11.parquet"
    blocked.unlink()
    blocked.mkdir()
    run = start_arrays(lab, study_file, "--until", "scan")
    log, _ = run.communicate(timeout=900)
    assert run.returncode == 4
    assert "1 parts failed 3 times: 11" in log.decode()
    assert (study.results / "logs" / "scan.1.log").exists()
