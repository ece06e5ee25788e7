"""Planned and measured core time of small studies, stage by stage.

    python -m benchmarks.speed.planned [--quick]            the demo, a phenotype table alone, and the published chain
    python -m benchmarks.speed.planned --real STUDY.yaml    also this study, such as one of real recordings; it is run anew

Each study is run by `ecgwas run` in one process. Measured are the CPU seconds in the notes of its parts, planned are those that
`ecgwas plan` prints. `start` is what remains of the process's CPU seconds. Stages are judged, within a factor of two, if either
is a second or more. Published: 24 participants and 4 epochs instead of 100.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.record import recorded
from ecgwas.commands.demo import prepare
from ecgwas.commands.init import write_study
from ecgwas.simulate import simulate
from ecgwas.stages import STAGES
from ecgwas.stages.base import note_path
from ecgwas.store import Note
from ecgwas.study import Study
from ecgwas.workflow import planning

LEAST_SECONDS = 1.0
PUBLISHED = """\
represent: [{kind: residual_autoencoder, epochs: EPOCHS, max_mse: 3}]
loci: {threshold: 1.0e-4}
"""
WITHOUT_PLINK = "  build: hg19\n  kind: matrix\n  permutations: 0"


@dataclass(frozen=True)
class Compared:
    """Planned and measured CPU seconds of one stage, or of `start` or `all`."""

    stage: str
    planned: float
    measured: float

    @property
    def ratio(self) -> float:
        """Planned by measured."""
        return self.planned / max(self.measured, 1e-3)

    @property
    def counts(self) -> bool:
        """Whether either is long enough to be judged."""
        return max(self.planned, self.measured) >= LEAST_SECONDS


def demo(folder: Path, quick: bool) -> Study:
    """The study of `ecgwas demo`."""
    return prepare(folder, people=60 if quick else 300)


def table(folder: Path, quick: bool) -> Study:
    """The example of docs/your_phenotypes.md: true parameters as a phenotype table, without recordings."""
    simulate(folder, people=60 if quick else 300, seed=1)
    shutil.rmtree(folder / "ecg")
    (folder / "parameters.tsv").rename(folder / "phenotypes.tsv")
    return Study.read_file(write_study(folder))


def published(folder: Path, quick: bool) -> Study:
    """The chain of the source study with fewer epochs; without PLINK, where that is not installed, the scan is ours."""
    simulate(folder, people=24, seed=1, layout="per_lead", variants_per_chromosome=300)
    path = write_study(folder, preset="published")
    text = path.read_text() + PUBLISHED.replace("EPOCHS", "1" if quick else "4")
    path.write_text(text if shutil.which("plink2") else text.replace("  build: hg19", WITHOUT_PLINK))
    return Study.read_file(path)


CASES: dict[str, Callable[[Path, bool], Study]] = {"demo": demo, "table": table, "published": published}


def compared(study: Study) -> Iterator[Compared]:
    """Runs the study anew: a row per stage that has parts, then start and all."""
    shutil.rmtree(study.results, ignore_errors=True)
    jobs = planning.jobs(study)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "ecgwas", "run", str(study.folder / "study.yaml")]
    subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    in_all = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    rows = []
    for stage in STAGES:
        planned = [job.cost.work_seconds for job in jobs if job.stage == stage.name]
        if planned:
            measured = sum(_measured(study, stage.name, part) for part in stage.parts(study))
            rows.append(Compared(stage.name, sum(planned), measured))
    yield from rows
    start = planning.start_seconds(jobs)
    yield Compared("start", start, in_all - sum(row.measured for row in rows))
    yield Compared("all", start + sum(row.planned for row in rows), in_all)


def _measured(study: Study, stage: str, part: str) -> float:
    note = Note.read(note_path(study, stage, part))
    assert note is not None
    return float(note.facts["cpu_seconds"])


def lines_of(case: str, study: Study) -> Iterator[str]:
    """What is printed of one study."""
    rows = list(compared(study))
    yield f"\n{case}: core seconds planned, measured, ratio"
    for row in rows:
        yield f"PLANNED {case} {row.stage} planned={row.planned:.1f} measured={row.measured:.1f} ratio={row.ratio:.2f}"
    wrong = [row for row in rows if row.counts and not 0.5 <= row.ratio <= 2]
    yield f"WITHIN {case} of={sum(row.counts for row in rows)} wrong={len(wrong)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--real", type=Path, help="study file of a further study")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ecgwas_planned_") as folder:
        for case in chosen.only:
            for line in lines_of(case, CASES[case](Path(folder) / case, chosen.quick)):
                print(line, flush=True)
        if chosen.real is not None:
            for line in lines_of("real", Study.read_file(chosen.real)):
                print(line, flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
