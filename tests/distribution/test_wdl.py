"""The WDL workflow: checked by miniwdl, and run by it, each task in a folder of its own instead of a container."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cohorts import contents
from tests.conftest import ROOT
from tests.distribution.conftest import Packaged

WDL = pytest.importorskip("WDL", reason="miniwdl is not installed")
pytest.importorskip("WDL.runtime.task_container")

WORKFLOW = ROOT / "packaging" / "wdl" / "ecgwas.wdl"


def folder_backend(programs: Path, commands: Mapping[str, str]) -> Any:
    """A miniwdl backend that runs a task's command in its own folder, with `ecgwas` of this repository on the path."""

    class InAFolder(WDL.runtime.task_container.TaskContainer):
        @classmethod
        def global_init(cls, cfg: Any, logger: logging.Logger) -> None:
            """Nothing to set up."""

        @classmethod
        def detect_resource_limits(cls, cfg: Any, logger: logging.Logger) -> dict[str, int]:
            return {"cpu": 2, "mem_bytes": 64 * 2**30}

        def __init__(self, cfg: Any, run_id: str, host_dir: str) -> None:
            super().__init__(cfg, run_id, host_dir)
            self.container_dir = host_dir

        def _run(self, logger: logging.Logger, terminating: Callable[[], bool], command: str) -> int:
            work = Path(self.host_work_dir())
            environment = {**commands, "PATH": f"{programs}:{os.environ['PATH']}"}
            with Path(self.host_stdout_txt()).open("w") as out, Path(self.host_stderr_txt()).open("w") as err:
                done = subprocess.run(["bash", "-c", command], cwd=work, stdout=out, stderr=err, env=environment)
            return done.returncode

    return InAFolder


@pytest.fixture
def backend(commands: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ecgwas").write_text(f'#!/bin/sh\nexec {sys.executable} -m ecgwas "$@"\n')
    (programs / "ecgwas").chmod(0o755)
    monkeypatch.setattr(WDL.runtime.task_container, "_backends", {"docker_swarm": folder_backend(programs, commands)})


def run_workflow(inputs: dict[str, Any], folder: Path) -> dict[str, Any]:
    document = WDL.load(str(WORKFLOW))
    logger = logging.getLogger("miniwdl")
    cfg = WDL.runtime.config.Loader(logger, filenames=[])
    cfg.override({"file_io": {"copy_input_files": True}, "scheduler": {"container_backend": "docker_swarm"}})
    values = WDL.values_from_json(inputs, document.workflow.available_inputs, document.workflow.required_inputs)
    _, outputs = WDL.runtime.run(cfg, document.workflow, values, run_dir=f"{folder}/.")
    found: dict[str, Any] = WDL.values_to_json(outputs)
    return found


def inputs_of(packaged: Packaged, folder: Path) -> dict[str, Any]:
    archive = folder / "ecg.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(packaged.inputs / "ecg", ".")
    return {
        "study": str(packaged.inputs / "study.yaml"),
        "tables": [str(path) for path in packaged.tables()],
        "genotypes": [str(path) for path in packaged.genotypes()],
        "recordings": str(archive),
        "container": "ecgwas:0.1.0",
    }


def test_the_workflow_is_well_formed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "WDL", "check", "--strict", "--no-shellcheck", str(WORKFLOW)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("by_chromosome", [False, True])
def test_the_workflow_gives_the_results_of_ecgwas_run(
    by_chromosome: bool, backend: None, packaged: Packaged, tmp_path: Path
) -> None:
    outputs = run_workflow(inputs_of(packaged, tmp_path) | {"by_chromosome": by_chromosome}, tmp_path / "run")
    with tarfile.open(outputs["results"]) as archive:
        archive.extractall(tmp_path / "results", filter="data")
    unpacked = packaged.study.model_copy(update={"results": tmp_path / "results" / "results"})
    assert contents(unpacked) == contents(packaged.study)
    with tarfile.open(outputs["share"]) as archive:
        assert "share/report.html" in archive.getnames()
    assert "No eid" in Path(outputs["audit"]).read_text()
    scans = sorted(path.name for path in (tmp_path / "run").glob("call-scan-*"))
    assert len(scans) == (2 if by_chromosome else 0)
    if by_chromosome:
        # represent, traits and two chromosomes are taken as they are; loci, genes, report and share are computed.
        assert "4 of 8 parts were fresh" in Path(outputs["log"]).read_text()
