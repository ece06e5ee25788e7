"""Effects in natural units against planted ones: is the estimate in ms or µV the effect that was planted?

    python -m benchmarks.findings.natural_units [--people 300 466] [--pairings 1 2 3] [--quick]

Two cohorts: simulated hearts (`ecgwas.simulate`, five planted effects), and real recordings paired with real genomes
(`tools/real_cohort.py` of the shared data, four planted effects). A pairing is the seed of one cohort of each sort. Each cohort
is made twice, with and without its effects, and otherwise of the same people and the same noise. Each line compares

    planted   the effect as planted; relative ones (gains) times the mean amplitude of people without the effect
    measured  what the effect does to the measurement: the slope on the allele of each person's difference between the two
              cohorts. It differs from `planted` where delineation, rate correction or the planting itself changes the scale
    effect    what the study estimates from the cohort with effects, at the planted variant, on the trait named beforehand
    chosen    the strongest hit of a measured trait within 500 kb: trait, effect and standard error. It was selected, so its
              effect is too large on average

`inside` and `inside_measured`: the 95 % interval of `effect` contains `planted`, and `measured`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from benchmarks.record import recorded
from ecgwas import stages
from ecgwas.commands.init import write_study
from ecgwas.genotypes import chromosomes
from ecgwas.loci.natural_units import natural_effects
from ecgwas.simulate import simulate
from ecgwas.stages import scan
from ecgwas.stages import traits as traits_stage
from ecgwas.study import Study
from ecgwas.tables import files

SHARED = Path(__file__).resolve().parents[3] / "shared"
NEAR_BP = 500_000
REPRESENT = "  - {kind: intervals, name: clinical}\n"
TRAIT_OF = {
    "qt_ms": "qt_ms", "pr_ms": "pr_ms", "qrs_ms": "qrs_ms", "r_uv": "qrs_vector_uv", "r_gain": "qrs_vector_uv",
    "t_uv": "t_vector_uv", "t_gain": "t_vector_uv",
}  # fmt: skip
"""Planted parameter -> the measurement of the same quantity, named before any estimate."""


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--people", type=int, nargs=2, default=[300, 466], help="of the simulated and of the real cohort")
    ask.add_argument("--pairings", type=int, nargs="+", default=[1, 2, 3])
    ask.add_argument("--plan", type=Path, default=SHARED / "data" / "cohort_plan.json")
    ask.add_argument("--quick", action="store_true", help="one pairing of 150 and 170 people")
    given = ask.parse_args()
    pairings, (simulated, real) = ([1], (150, 170)) if given.quick else (given.pairings, given.people)
    rows = []
    for pairing in pairings:
        for cohort, make in (
            ("simulated", partial(simulated_cohort, people=simulated)),
            ("real", partial(real_cohort, people=real, plan=given.plan)),
        ):
            with tempfile.TemporaryDirectory(prefix="ecgwas_units_") as folder:
                with_effects, without = Path(folder) / "with", Path(folder) / "without"
                make(with_effects, pairing=pairing, planted=True)
                make(without, pairing=pairing, planted=False)
                for row in compared(run(with_effects, until="loci"), run(without, until="represent"), with_effects):
                    pairs = " ".join(f"{key}={words(value)}" for key, value in row.items())
                    print(f"EFFECT {cohort} {pairing} {pairs}", flush=True)
                    rows.append({"cohort": cohort, **row})
    for cohort in ("simulated", "real"):
        print(summary(cohort, [row for row in rows if row["cohort"] == cohort]))


def words(value: Any) -> str:
    """A value as `benchmarks.record` reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def summary(cohort: str, rows: list[dict[str, Any]]) -> str:
    """How many intervals contain the planted and the measured effect, and the mean ratio of estimates to both."""
    counts = f"inside={sum(row['inside'] for row in rows)} inside_measured={sum(row['inside_measured'] for row in rows)}"
    planting = np.mean([row["measured"] / row["planted"] for row in rows])
    estimation = np.mean([row["effect"] / row["measured"] for row in rows])
    ratios = f"measured_to_planted={planting:.3f} effect_to_measured={estimation:.3f}"
    return f"SUMMARY {cohort} effects={len(rows)} {counts} {ratios}"


def simulated_cohort(folder: Path, *, people: int, pairing: int, planted: bool) -> None:
    """Simulated hearts."""
    simulate(folder, people=people, seed=pairing, effects=None if planted else ())


def real_cohort(folder: Path, *, people: int, plan: Path, pairing: int, planted: bool) -> None:
    """Real recordings of people who are paired with real genomes."""
    tool = [str(SHARED / "tools" / "real_cohort.py"), str(folder), "--people", str(people), "--seed", str(pairing)]
    done = subprocess.run(
        [sys.executable, *tool, *(["--plan", str(plan)] if planted else [])], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(tool)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


def run(folder: Path, *, until: str) -> Study:
    """The study of the cohort with measured traits only, at the customary threshold."""
    path = write_study(folder, represent=REPRESENT)
    text = path.read_text().replace("# loci:\n#   threshold: permutation", "loci:\n  threshold: 5.0e-8")
    path.write_text(text.replace("  # min_mac: 20", "  permutations: 0"))
    study = Study.read_file(path)
    stages.run(study, until=until)
    return study


def compared(study: Study, without: Study, folder: Path) -> Iterator[dict[str, Any]]:
    """One row for each planted effect."""
    truth = pl.read_csv(folder / "truth.tsv", separator="\t", schema_overrides={"chrom": pl.String})
    for effect in truth.iter_rows(named=True):
        trait = f"clinical.12L.{TRAIT_OF[effect['parameter']]}"
        found = estimate(study, effect, trait)
        copies = carried(study, effect)
        values = copies.join(measured(study, trait), on="eid").join(measured(without, trait), on="eid", suffix="_without")
        values = values.drop_nulls()
        slope = stats.linregress(values["copies"].to_numpy(), (values["value"] - values["value_without"]).to_numpy())
        planted = float(effect["effect"])
        if effect["unit"].startswith("relative"):
            planted *= float(values["value_without"].to_numpy().mean())
        low, high = (found["effect"] + sign * stats.t.ppf(0.975, len(values) - 15) * found["effect_se"] for sign in (-1, 1))
        yield {
            "parameter": effect["parameter"], "planted": planted, "unit": found["unit"], "trait": trait,
            "measured": float(slope.slope), "effect": found["effect"], "se": found["effect_se"],
            "inside": bool(low <= planted <= high), "inside_measured": bool(low <= slope.slope <= high),
            **chosen(study, effect),
        }  # fmt: skip


def estimate(study: Study, effect: dict[str, Any], trait: str) -> dict[str, Any]:
    """effect, effect_se and unit of the planted allele on the trait, whether or not it is a hit."""
    genotypes = chromosomes.open_chromosome(study.scan, effect["chrom"])
    k = int(np.flatnonzero((genotypes.variants == effect["variant"]) & (genotypes.positions == effect["pos"]))[0])
    row = pl.DataFrame({
        "trait": [trait], "variant": [effect["variant"]], "chrom": [effect["chrom"]], "pos": [effect["pos"]],
        "effect_allele": [genotypes.effect_alleles[k]], "other_allele": [genotypes.other_alleles[k]],
    })  # fmt: skip
    units, values_of = traits_stage.load_units(study), partial(traits_stage.load_untransformed, study)
    covariates, engine = traits_stage.load_covariates(study), scan.builtin_engine(study)
    found = natural_effects(row, units, values_of, covariates, lambda _: genotypes, engine).row(0, named=True)
    sign = 1.0 if genotypes.effect_alleles[k] == effect["allele"] else -1.0
    return found | {"effect": sign * found["effect"]}


def carried(study: Study, effect: dict[str, Any]) -> pl.DataFrame:
    """Columns eid, copies (of the planted allele) of the participants tested."""
    genotypes, eids = chromosomes.open_chromosome(study.scan, effect["chrom"]), traits_stage.load_traits(study).eids
    k = int(np.flatnonzero((genotypes.variants == effect["variant"]) & (genotypes.positions == effect["pos"]))[0])
    copies = genotypes.dosage_of(k, eids)
    if genotypes.effect_alleles[k] != effect["allele"]:
        copies = 2.0 - copies
    return pl.DataFrame({"eid": list(eids), "copies": copies}).with_columns(pl.col("copies").fill_nan(None))


def measured(study: Study, trait: str) -> pl.DataFrame:
    """Columns eid, value."""
    representation, lead, feature = trait.split(".", 2)
    rows = files.FEATURES.read(study.results, representation=representation).frame.filter(pl.col("lead") == lead)
    return rows.select("eid", value=feature)


def chosen(study: Study, effect: dict[str, Any]) -> dict[str, Any]:
    """The strongest hit near the effect, with its effect per copy of the allele that the table counts."""
    hits = files.HITS.read(study.results).frame.drop_nulls("unit")
    near = hits.filter((pl.col("chrom") == effect["chrom"]) & ((pl.col("pos") - effect["pos"]).abs() <= NEAR_BP))
    if near.height == 0:
        return {"chosen": "none"}
    best = near.sort("neglog10p", "trait", descending=[True, False]).row(0, named=True)
    size = {"chosen_effect": abs(best["effect"]), "chosen_se": best["effect_se"], "chosen_unit": best["unit"]}
    return {"chosen": best["trait"], **size}


if __name__ == "__main__":
    recorded(main, __file__)
