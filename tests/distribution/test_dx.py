"""The DNAnexus applet: its declaration, and its script run from inputs to outputs with programs in place of dx and docker.

They record their arguments; the one in place of docker runs the ecgwas of this repository in the mounted folder, or in some
tests ends like a command that fails (ENDS_WITH), takes long (SLEEPS) or succeeds (ANSWERED).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ecgwas.study import Study
from tests.cohorts import contents
from tests.conftest import ROOT
from tests.distribution.conftest import Packaged

APPLET = ROOT / "packaging" / "dx"
SCRIPT = APPLET / "src" / "code.sh"
SPEC: dict[str, Any] = json.loads((APPLET / "dxapp.json").read_text())
IMAGE = "localhost/ecgwas:0.1.0"

DX = """\
echo "dx $*" >> "$PLATFORM/calls"
case "$1" in
  upload) for path; do :; done; cp "$path" "$PLATFORM/uploaded/"; echo "file-${path##*/}" ;;
  download)
    while [ "$1" != --output ]; do shift; done
    cp -r "$PLATFORM/project/${3#*:/}" "$2/" ;;
esac
"""
DOCKER = """\
echo "docker $*" >> "$PLATFORM/calls"
if [ "$1" = load ]; then
  while [ "$1" != --input ]; do shift; done
  [ "$(cat "$2")" = "an image" ] || exit 1
  echo "Loaded image: IMAGE"
  exit
fi
while [ "$1" != IMAGE ]; do
  if [ "$1" = --volume ]; then folder="${2%%:*}"; fi
  shift
done
shift
cd "$folder" || exit 1
case " $ANSWERED " in *" $1 "*)
  mkdir -p results
  echo '{"scan": {"1": {"memory_mib": 1, "cpu_seconds": 1}}}' > results/plan.json
  exit ;;
esac
if [ "$1" = "${ENDS_WITH%%=*}" ]; then echo "made to end"; exit "${ENDS_WITH#*=}"; fi
if [ "$1" = "$SLEEPS" ]; then exec sleep 60; fi
exec PYTHON -m ecgwas "$@"
"""
DOWNLOAD = (
    'echo "dx-download-all-inputs $*" >> "$PLATFORM/calls"; mkdir -p "$HOME/in"; cp -r "$PLATFORM/inputs/." "$HOME/in/"\n'
)
OUTPUT = 'echo "$1=$2 $3" >> "$PLATFORM/outputs"\n'
ERROR = 'echo "$1" >> "$PLATFORM/error"\n'


@dataclass(frozen=True)
class Platform:
    """Where the programs in place of the platform's keep what they were given; the environment of ecgwas."""

    folder: Path
    commands: Mapping[str, str]

    def programs(self) -> Path:
        made = {"dx": DX, "docker": DOCKER, "dx-download-all-inputs": DOWNLOAD}
        made |= {"dx-jobutil-add-output": OUTPUT, "dx-jobutil-report-error": ERROR}
        folder = self.folder / "bin"
        folder.mkdir()
        for name, text in made.items():
            (folder / name).write_text("#!/bin/bash\n" + text.replace("IMAGE", IMAGE).replace("PYTHON", sys.executable))
            (folder / name).chmod(0o755)
        return folder

    def give(self, name: str, *files: Path) -> None:
        """Files of an input, as the platform downloads them: a file in in/NAME/, files of an array in in/NAME/NUMBER/."""
        array = next(one["class"] for one in SPEC["inputSpec"] if one["name"] == name).startswith("array:")
        for number, file in enumerate(files):
            place = self.folder / "inputs" / name / (str(number) if array else "")
            place.mkdir(parents=True)
            shutil.copyfile(file, place / file.name)

    def run(self, **variables: str) -> subprocess.CompletedProcess[str]:
        home = self.folder / "home"
        home.mkdir()
        paths = {"HOME": str(home), "PLATFORM": str(self.folder), "PATH": f"{self.programs()}:{os.environ['PATH']}"}
        paths |= {"DX_PROJECT_CONTEXT_ID": "project-1", "ENDS_WITH": "", "SLEEPS": "", "ANSWERED": "", "jobs": "1"}
        script = f"source {SCRIPT}; main"
        return subprocess.run(
            ["bash", "-c", script], env={**self.commands, **paths, **variables}, capture_output=True, text=True, timeout=900
        )

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def outputs(self) -> dict[str, str]:
        return dict(line.split(" ")[0].split("=", 1) for line in self.lines("outputs"))

    def unpacked(self, name: str) -> Path:
        folder = self.folder / f"unpacked_{name}"
        with tarfile.open(self.folder / "uploaded" / name) as archive:
            archive.extractall(folder, filter="data")
        return folder


def platform_with(inputs: Packaged, folder: Path) -> Platform:
    made = Platform(folder, inputs.commands)
    (folder / "uploaded").mkdir(parents=True)
    image = folder / "ecgwas.tar"
    image.write_text("an image")
    made.give("image", image)
    made.give("study", inputs.inputs / "study.yaml")
    made.give("tables", *inputs.tables())
    made.give("genotypes", *inputs.genotypes())
    return made


@pytest.fixture(scope="module")
def finished(packaged: Packaged, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """After a job whose recordings came from a folder of the project."""
    platform = platform_with(packaged, tmp_path_factory.mktemp("dx") / "job")
    shutil.copytree(packaged.inputs / "ecg", platform.folder / "project" / "Bulk" / "Resting")
    done = platform.run(recordings_folder="/Bulk/Resting")
    assert done.returncode == 0, done.stdout + done.stderr
    return platform


def test_the_job_gives_the_results_of_ecgwas_run(finished: Platform, packaged: Packaged) -> None:
    results = finished.unpacked("results.tar") / "results"
    study = Study.read_file(finished.folder / "home" / "study" / "study.yaml")
    unpacked = study.model_copy(update={"results": results})
    assert contents(unpacked) == contents(packaged.study)
    assert finished.outputs() == {
        "results": "file-results.tar", "share": "file-share.tar.gz", "log": "file-ecgwas.log", "finished": "true",
    }  # fmt: skip


def test_only_the_shared_folder_is_in_the_output_share(finished: Platform) -> None:
    folder = finished.unpacked("share.tar.gz")
    assert [path.name for path in folder.iterdir()] == ["share"]
    assert (folder / "share" / "report.html").is_file()
    uploaded = {path.name for path in (finished.folder / "uploaded").iterdir()}
    assert uploaded == {"results.tar", "share.tar.gz", "ecgwas.log"}


def test_commands_run_in_their_order_without_network_and_see_only_the_study(finished: Platform) -> None:
    calls = finished.lines("calls")
    assert calls[0] == "dx-download-all-inputs --parallel"
    runs = [call for call in calls if call.startswith("docker run ")]
    assert [call.split(f"{IMAGE} ")[1].split()[0] for call in runs] == ["--version", "check", "plan", "run", "audit"]
    for call in runs:
        assert " --network none " in call
        assert f" --user {os.getuid()}:{os.getgid()} " in call
        assert call.count("--volume") == 1
        assert f"--volume {finished.folder / 'home' / 'study'}:/study " in call
    assert [path.name for path in sorted((finished.folder / "home" / "study" / "ecg" / "Resting").iterdir())]
    download = next(call for call in calls if call.startswith("dx download"))
    assert download.endswith("project-1:/Bulk/Resting")


def test_the_next_job_computes_nothing_again_and_a_found_participant_is_not_shared(
    finished: Platform, packaged: Packaged, tmp_path: Path
) -> None:
    """Its inputs are downloaded again, at another time; the recordings come as an archive."""
    platform = platform_with(packaged, tmp_path / "job")
    archive = tmp_path / "ecg.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(packaged.inputs / "ecg", "Resting")
    platform.give("recordings", archive)
    platform.give("earlier_results", finished.folder / "uploaded" / "results.tar")
    done = platform.run(ANSWERED="--version check", ENDS_WITH="audit=7")
    assert done.returncode == 0, done.stdout + done.stderr
    log = (platform.folder / "uploaded" / "ecgwas.log").read_text()
    assert "Nothing to do: all" in log
    assert "results/share is not uploaded: the audit ended with exit code 7" in log
    assert platform.outputs() == {"results": "file-results.tar", "log": "file-ecgwas.log", "finished": "true"}
    assert len(list((platform.folder / "home" / "study" / "ecg" / "Resting").iterdir())) == 3


def test_a_run_that_fails_still_returns_its_results_and_shares_nothing(packaged: Packaged, tmp_path: Path) -> None:
    platform = platform_with(packaged, tmp_path / "job")
    done = platform.run(ANSWERED="--version check plan", ENDS_WITH="run=8", jobs="3")
    assert done.returncode == 0, done.stderr
    assert platform.outputs() == {"results": "file-results.tar", "log": "file-ecgwas.log", "finished": "false"}
    assert any(call.endswith("run study.yaml --on local --jobs 3") for call in platform.lines("calls"))
    assert "ecgwas run ended with exit code 8" in (platform.folder / "uploaded" / "ecgwas.log").read_text()


def test_a_run_is_stopped_after_max_hours(packaged: Packaged, tmp_path: Path) -> None:
    platform = platform_with(packaged, tmp_path / "job")
    done = platform.run(ANSWERED="--version check plan", SLEEPS="run", max_hours="0.0002")
    assert done.returncode == 0, done.stderr
    assert platform.outputs()["finished"] == "false"
    assert "stopped after 0.0002 hours" in (platform.folder / "uploaded" / "ecgwas.log").read_text()


def test_mistakes_in_the_inputs_end_the_job(packaged: Packaged, tmp_path: Path) -> None:
    platform = platform_with(packaged, tmp_path / "job")
    done = platform.run(ANSWERED="--version", ENDS_WITH="check=3")
    assert done.returncode == 1
    assert platform.lines("error") == ["the inputs have mistakes: see the log of this job"]
    assert platform.outputs() == {}


def test_two_files_of_one_name_end_the_job(packaged: Packaged, tmp_path: Path) -> None:
    platform = platform_with(packaged, tmp_path / "job")
    place = platform.folder / "inputs" / "tables" / "9"
    place.mkdir()
    shutil.copy(packaged.inputs / "covariates.tsv", place)
    assert platform.run().returncode == 1
    assert "two files of input tables are called covariates.tsv" in platform.lines("error")[0]


CLASSES = {"file", "string", "int", "boolean"}


def test_the_declaration_asks_for_no_network_and_reads_its_script() -> None:
    assert SPEC["access"] == {"network": [], "project": "VIEW"}
    assert (APPLET / SPEC["runSpec"]["file"]).is_file()
    assert (SPEC["runSpec"]["distribution"], SPEC["runSpec"]["release"], SPEC["runSpec"]["version"]) == ("Ubuntu", "24.04", "0")
    for one in (*SPEC["inputSpec"], *SPEC["outputSpec"]):
        assert one["class"].removeprefix("array:") in CLASSES, one["name"]
        assert one["label"], one["name"]


def test_inputs_and_outputs_of_the_script_are_declared() -> None:
    text = SCRIPT.read_text()
    for one in SPEC["inputSpec"]:
        assert one["name"] in text, one["name"]
    returned = re.findall(r"dx-jobutil-add-output (\w+) ", text)
    assert set(returned) == {one["name"] for one in SPEC["outputSpec"]}


def test_the_script_is_well_formed() -> None:
    assert subprocess.run(["bash", "-n", str(SCRIPT)], check=False).returncode == 0
    assert "set -euo pipefail" in SCRIPT.read_text()
