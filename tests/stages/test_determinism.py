"""The same study gives the same bytes: again, on one core and on two, in parts of another size and order."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from ecgwas.study import Study
from tests.cohorts import contents, copy_inputs, make_cohort
from tests.conftest import ROOT
from tests.warm import warm

REPRESENT = """\
represent:
  - {kind: intervals, name: clinical}
  - {kind: pca, name: pca, features: 3}
  - {kind: residual_autoencoder, name: ae, leads: together, features: 2, channels: [8, 8, 8], epochs: 2}

traits:"""


@pytest.fixture(scope="module")
def study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_cohort(tmp_path_factory.mktemp("cohort"), people=60, variants=40, permutations=30, read=False)
    text = re.sub(r"represent:.*?\ntraits:", REPRESENT, path.read_text(), flags=re.DOTALL)
    text = text.replace("threshold: permutation", "threshold: 1.0e-3").replace("report:\n", "report:\n  max_traits: 2\n")
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def commands() -> Iterator[dict[int, Mapping[str, str]]]:
    """Number of threads in every library -> environment of commands."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS")
    with warm(ROOT / "src", **dict.fromkeys(names, "1")) as one, warm(ROOT / "src", **dict.fromkeys(names, "2")) as two:
        yield {1: one, 2: two}


def run(
    commands: dict[int, Mapping[str, str]], study_file: Path, *, threads: int, parts: Sequence[tuple[str, str]] = ()
) -> Study:
    """A run in a process of its own, with so many threads in every library and in the scan, perhaps after some parts."""
    text = re.sub(r"  threads: \d+\n", "", study_file.read_text())
    study_file.write_text(text.replace("scan:\n", f"scan:\n  threads: {threads}\n"))
    for arguments in (*([stage, "--part", part] for stage, part in parts), ["run"]):
        command = [sys.executable, "-m", "ecgwas", *arguments, str(study_file)]
        subprocess.run(command, env=commands[threads], check=True)
    return Study.read_file(study_file)


@pytest.mark.slow
def test_the_same_bytes_on_one_core_on_two_and_in_any_order_of_parts(
    commands: dict[int, Mapping[str, str]], study_file: Path, tmp_path: Path
) -> None:
    places = {name: copy_inputs(study_file, tmp_path / name) for name in ("one", "again", "two", "parts")}
    one = contents(run(commands, places["one"], threads=1))
    assert one
    assert contents(run(commands, places["again"], threads=1)) == one
    assert different(contents(run(commands, places["two"], threads=2)), one) == []
    backwards = [("read", "0000"), ("read", "join"), ("read", "fiducials")]
    backwards += [("represent", "ae"), ("represent", "pca"), ("represent", "clinical")]
    backwards += [("traits", "all"), *(("scan", part) for part in ("11", "6", "5", "3", "2", "1"))]
    assert different(contents(run(commands, places["parts"], threads=2, parts=backwards)), one) == []


@pytest.mark.slow
def test_recordings_read_in_many_parts_give_the_same_tables(
    commands: dict[int, Mapping[str, str]], study_file: Path, tmp_path: Path
) -> None:
    """Parts of the stage read hold other people, so its own files differ; what is made of them may not."""
    whole, cut = (copy_inputs(study_file, tmp_path / name) for name in ("whole", "cut"))
    cut.write_text(cut.read_text().replace("read:\n", "read:\n  people_per_part: 17\n"))
    first, second = (contents(run(commands, file, threads=1)) for file in (whole, cut))
    ours = {name: digest for name, digest in first.items() if not name.startswith("read/signals/")}
    theirs = {name: digest for name, digest in second.items() if not name.startswith("read/signals/")}
    # The pages print the study file, in which the size of a part stands; the crate has the page's hash.
    with_study_file = {"report/report.html", "share/report.html", "share/ro-crate-metadata.json"}
    assert set(different(ours, theirs)) <= with_study_file


def different(first: dict[str, str], second: dict[str, str]) -> list[str]:
    """Names of the files that are not the same in both."""
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
