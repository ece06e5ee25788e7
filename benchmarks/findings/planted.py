"""Real ECGs paired with real genomes and planted effects: which effects does a run from files to report find by default?

    python -m benchmarks.findings.planted [--pairings 1 2 3] [--people 466] [--quick]

`tools/real_cohort.py` of the shared data makes the cohort: PTB-XL recordings, 1000 Genomes genotypes, effects of four variants
added to the signals. A pairing is a random assignment of genomes to recordings. A planted locus is found if a locus lies within
500 kb of the variant; all other loci count as others. Seconds are CPU seconds of the run, from `check` to report.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl

from benchmarks.record import recorded
from ecgwas.report.queries import loci_near, loci_without_planted
from ecgwas.tables import files

SHARED = Path(__file__).resolve().parents[3] / "shared"
NEAR_BP = 500_000


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--pairings", type=int, nargs="+", default=[1, 2, 3])
    ask.add_argument("--people", type=int, default=466)
    ask.add_argument("--plan", type=Path, default=SHARED / "data" / "cohort_plan.json")
    ask.add_argument("--quick", action="store_true", help="one pairing of 170 people")
    given = ask.parse_args()
    pairings, people = ([1], 170) if given.quick else (given.pairings, given.people)
    for pairing in pairings:
        with tempfile.TemporaryDirectory(prefix="ecgwas_planted_") as folder:
            print(found_in(Path(folder) / "cohort", given.plan, people, pairing), flush=True)


def found_in(folder: Path, plan: Path, people: int, pairing: int) -> str:
    """Makes one cohort, runs the default study on it, and compares its loci with the planted effects."""
    tool = [str(SHARED / "tools" / "real_cohort.py"), str(folder), "--plan", str(plan), "--people", str(people)]
    run([sys.executable, *tool, "--seed", str(pairing)])
    run([sys.executable, "-m", "ecgwas", "init", str(folder)])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run([sys.executable, "-m", "ecgwas", "run", str(folder / "study.yaml")])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    loci, hits = files.LOCI.read(folder / "results"), files.HITS.read(folder / "results").frame
    truth = pl.read_csv(folder / "truth.tsv", separator="\t", schema_overrides={"chrom": pl.String})
    effects = list(truth.select("chrom", "pos").unique(maintain_order=True).iter_rows())
    near = [hits.filter((pl.col("chrom") == chrom) & ((pl.col("pos") - pos).abs() <= NEAR_BP)) for chrom, pos in effects]
    strongest = [rows["neglog10p"].max() if rows.height else None for rows in near]
    found = sum(loci_near(loci, chrom, pos, NEAR_BP).height > 0 for chrom, pos in effects)
    others = len(loci_without_planted(loci, truth, NEAR_BP))
    values = ",".join("none" if value is None else f"{value:.1f}" for value in strongest)
    return (
        f"PLANTED {pairing} people={people} planted={len(effects)} found={found} others={others} "
        f"cpu_seconds={seconds:.0f} neglog10p={values}"
    )


def run(command: list[str]) -> None:
    """Runs a command; its output is shown only if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    recorded(main, __file__)
