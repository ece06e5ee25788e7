"""The ten rows of the source study's tables of experiments, run on one cohort, and both tables by `ecgwas compare`.

    python -m benchmarks.findings.experiments OUT [--cohort FOLDER] [--quick] [--people N] [--epochs E] [--until STAGE]

FOLDER is a study folder with one file per participant and lead: ecg/, covariates.tsv, genotypes/cohort.bed. Without --cohort, a
cohort is simulated into OUT/cohort. --quick: one epoch, 20 participants if simulated, until stage represent. Otherwise every
row runs to its loci with its own epochs (--epochs E: at most E). OUT contains the study files, results, table1.csv and
table2.csv. Fresh results are not made again, and an interrupted training resumes. Each line: EXPERIMENT <row> seconds=<s>.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import yaml

from benchmarks.record import recorded
from ecgwas.simulate import simulate

ROWS = Path(__file__).resolve().parents[2] / "examples" / "experiments"


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("out", type=Path)
    ask.add_argument("--cohort", type=Path, help="a study folder; default: simulated")
    ask.add_argument("--people", type=int, default=200, help="to simulate")
    ask.add_argument("--epochs", type=int, help="at most")
    ask.add_argument("--until", default="loci", choices=("represent", "loci"))
    ask.add_argument("--quick", action="store_true", help="20 people to simulate, one epoch, until represent")
    given = ask.parse_args()
    people, epochs, until = (20, 1, "represent") if given.quick else (given.people, given.epochs, given.until)
    cohort = given.cohort or simulated(given.out / "cohort", people)
    given.out.mkdir(parents=True, exist_ok=True)
    files = [written(row, given.out, cohort.resolve(), epochs) for row in sorted(ROWS.glob("table*_row*.yaml"))]
    for file in files:
        start = time.perf_counter()
        ecgwas("run", str(file), "--until", until)
        print(f"EXPERIMENT {file.stem} seconds={time.perf_counter() - start:.0f}", flush=True)
    for number in (1, 2):
        rows = [str(file) for file in files if file.stem.startswith(f"table{number}_")]
        print(f"\nTable {number}", flush=True)
        ecgwas("compare", *rows, "--out", str(given.out / f"table{number}.csv"))


def simulated(folder: Path, people: int) -> Path:
    """A cohort with one file per participant and lead; an existing one is reused."""
    if not (folder / "covariates.tsv").exists():
        simulate(folder, people=people, seed=1, layout="per_lead")
    return folder


def written(row: Path, out: Path, cohort: Path, epochs: int | None) -> Path:
    """Writes the row's study file into `out`, for the cohort's inputs, with at most `epochs`."""
    study = yaml.safe_load(row.read_text())
    study["read"]["recordings"] = str(cohort / "ecg")
    study["traits"]["covariates"] = str(cohort / "covariates.tsv")
    study["scan"]["genotypes"] = str(cohort / "genotypes" / "cohort")
    for network in study["represent"]:
        network["epochs"] = network["epochs"] if epochs is None else min(epochs, network["epochs"])
    path = out / row.name
    path.write_text(yaml.safe_dump(study, sort_keys=False))
    return path


def ecgwas(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "ecgwas", *arguments], check=True)


if __name__ == "__main__":
    recorded(main, __file__)
