"""Do thresholds hold their error rate in null cohorts, made of real ECGs and unrelated real genotypes?

    python -m benchmarks.findings.calibration [--quick] [--cohorts 100] [--permutations 100] [--traits 8] [--folder FOLDER]
        [--only cohorts|types|permutations|hits|people]

Features of real recordings are computed once (read, represent: measurements and principal components). For each cohort, the
recordings are assigned at random to the genotyped participants. Age, sex and centre stay with the recording, and genotype PCs
with the genotypes. The chain then runs: guards, traits, scan with its own permutations, threshold, loci. It runs with the
default choices and with those of `published` (untransformed features, no variant QC, 5e-8 / 32). Printed are the share of
cohorts with any locus, the interval that contains 95 % of such shares if the family-wise error is 5 %, and the type I error by
allele count for traits of three shapes.

These lines are preceded by lines `CALIBRATION ...` of calibration_people.py (relatives, unequal variances) and of
calibration_hits.py: corrected effects of lead variants, positive controls in studies without power, trait sets at few variants,
thresholds of few permutations.

`--only permutations` measures the cost of the threshold: the stage scan, on real genotypes of 466 participants and 12 x 32
random traits, without permutations and with 1,000 (`--permutations`; 20 with `--quick`), including trait sets.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from benchmarks.findings import calibration_hits, calibration_people
from benchmarks.record import recorded
from ecgwas import stages
from ecgwas.commands.init import write_study
from ecgwas.genes.sources import regions
from ecgwas.genes.web.contract import chromosome
from ecgwas.genotypes import chromosomes, pruned_panel
from ecgwas.leads import LEADS
from ecgwas.loci import merge as loci
from ecgwas.loci import thresholds
from ecgwas.progress import peak_memory_mib
from ecgwas.scan import matrix
from ecgwas.stages import represent, scan
from ecgwas.statistics.least_squares import least_t_squared
from ecgwas.study import LociOptions, Matrix, Regions, Study, TraitOptions
from ecgwas.study.presets import PUBLISHED
from ecgwas.tables import Covariates, Features, Traits
from ecgwas.traits import join, sample_qc

SHARED = Path(__file__).resolve().parents[3] / "shared"
GENES = SHARED / "data" / "genes" / "glist-hg19"
GENOTYPES = SHARED / "data" / "genotypes" / "eur489"
OFF = {"min_maf": 0.0, "min_mac": 0, "min_call_rate": 0.0, "min_hwe_p": 0.0, "min_info": 0.0}
REPRESENT = """\
  - {kind: intervals, name: clinical}
  - {kind: pca, name: pca, features: 32}
"""


@dataclass(frozen=True)
class Found:
    """Loci and significant rows of one cohort, the number of loci found only by trait sets, and the genes that contain hits or
    are nearest to them."""

    loci: int
    rows: int
    of_sets: int
    genes: int


@dataclass(frozen=True)
class Material:
    """Features by representation, the covariate table as text cells, and sample QC of the genotyped participants."""

    features: dict[str, Features]
    covariates: pl.DataFrame
    study: Study
    judged: sample_qc.SampleQc


def material(folder: Path) -> Material:
    """Material from the recordings and genotypes in `folder`, which are made first if it is empty."""
    if not (folder / "ecg").is_dir():
        tool = SHARED / "tools" / "real_cohort.py"
        subprocess.run([sys.executable, str(tool), str(folder)], check=True, stdout=subprocess.DEVNULL)
    if not (folder / "study.yaml").exists():
        write_study(folder, represent=REPRESENT)
    study = Study.read_file(folder / "study.yaml")
    stages.run(study, until="represent")
    table = pl.read_csv(folder / "covariates.tsv", separator="\t", infer_schema=False)
    return Material(represent.load_features(study), table, study, _judged(study, chromosomes.eids_in_all_files(study.scan)))


def _judged(study: Study, eids: Sequence[str]) -> sample_qc.SampleQc:
    open_part = partial(chromosomes.open_chromosome, study.scan)
    seen = pruned_panel.read(chromosomes.available(study.scan), open_part, eids, build=study.scan.build)
    sexes = np.zeros(len(eids), dtype=np.int8)
    return sample_qc.run(study.traits.guards, seen, sexes, wanted_components=10, seed=1)


def few(features: dict[str, Features], count: int) -> dict[str, Features]:
    """About `count` columns, evenly spaced over representations and leads."""
    wide = [(name, feature) for name, one in features.items() for feature in one.names]
    chosen = {wide[i] for i in np.linspace(0, len(wide) - 1, min(count, len(wide))).astype(int)}
    found = {}
    for name, one in features.items():
        columns = [feature for feature in one.names if (name, feature) in chosen]
        if columns:
            found[name] = Features(one.frame.filter(pl.col("lead") == "12L").select("eid", "lead", *columns))
    return found


def dealt(given: Material, rng: np.random.Generator, folder: Path) -> tuple[dict[str, Features], Path]:
    """The recordings, assigned to other participants, and the matching covariate table."""
    eids = given.covariates["eid"].to_list()
    owner = dict(zip(eids, rng.permutation(np.array(eids)).tolist(), strict=True))
    features = {
        name: Features(one.frame.with_columns(pl.col("eid").replace(owner)).sort("eid", "lead"))
        for name, one in given.features.items()
    }
    own = given.covariates.select("eid", "age", "sex", "center").with_columns(pl.col("eid").replace(owner))
    table = own.join(given.covariates.drop("age", "sex", "center"), on="eid")
    path = folder / "covariates.tsv"
    table.write_csv(path, separator="\t")
    return features, path


def guarded(given: Material, features: dict[str, Features], covariates: Path, permutations: int, seed: int) -> Found:
    options = TraitOptions(covariates=covariates)
    people = chromosomes.eids_in_all_files(given.study.scan)
    built = join.build(options, features, people, lambda eids: kept(given.judged, eids))
    made = Matrix.model_validate({"genotypes": given.study.scan.genotypes, "permutations": permutations})
    return _found(LociOptions(), made, built, seed, features_per_lead=32)


def kept(judged: sample_qc.SampleQc, eids: Sequence[str]) -> sample_qc.SampleQc:
    """The sample QC of all, restricted to these participants."""
    chosen = [i for i, eid in enumerate(judged.eids) if eid in set(eids)]
    own = {name: getattr(judged, name)[chosen] for name in ("components", "groups", "sexes")}
    return replace(judged, eids=tuple(judged.eids[i] for i in chosen), **own)


def published(given: Material, features: dict[str, Features], covariates: Path, seed: int) -> Found:
    options = TraitOptions.model_validate({"covariates": covariates, **PUBLISHED["traits"]})
    built = join.build(options, features, chromosomes.eids_in_all_files(given.study.scan))
    made = Matrix.model_validate({"genotypes": given.study.scan.genotypes, "permutations": 0, **OFF})
    return _found(LociOptions(threshold="published"), made, built, seed, features_per_lead=32)


def _found(options: LociOptions, made: Matrix, built: join.TraitTables, seed: int, features_per_lead: int) -> Found:
    opened = [chromosomes.open_chromosome(made, part) for part in chromosomes.available(made)]
    results = [matrix.scan(made, built.traits, built.covariates, one, seed=seed) for one in opened]
    table = thresholds.table(options, results, built.traits, features_per_lead)
    rows = pl.concat([result.associations.frame for result in results])
    found = loci.find_loci(options, table, replace(results[0].associations, frame=rows), results, keep_neglog10p=3.0)
    of_sets = found.loci.frame.filter(pl.col("test") != loci.SINGLE).height
    return Found(len(found.loci), len(found.hits), of_sets, _genes(found.hits.frame))


def _genes(hits: pl.DataFrame) -> int:
    """Number of genes that contain hits or are nearest to them."""
    positions = regions.gene_positions(Regions(file=GENES))
    places = hits.select("chrom", "pos").unique().rows()
    found = [positions.nearest(chromosome(chrom), pos) for chrom, pos in places]
    return len({gene.gene for genes in found for gene in genes})


def cohorts(given: Material, count: int, permutations: int, count_traits: int) -> list[str]:
    """Lines of the table: with guards, and with the published choices."""
    chosen = replace(given, features=few(given.features, count_traits))
    ours: list[Found] = []
    theirs: list[Found] = []
    start = time.process_time()
    for seed in range(count):
        with tempfile.TemporaryDirectory() as folder:
            features, covariates = dealt(chosen, np.random.default_rng([7, seed]), Path(folder))
            ours.append(guarded(chosen, features, covariates, permutations, seed))
            theirs.append(published(chosen, features, covariates, seed))
        if (seed + 1) % 10 == 0:
            told = sum(one.loci > 0 for one in ours), sum(one.loci > 0 for one in theirs)
            print(f"{seed + 1} cohorts: any locus in {told[0]} (default), {told[1]} (published)", flush=True)
    low, high = stats.binom.ppf([0.025, 0.975], count, 0.05)
    work = f"{permutations} permutations each, {time.process_time() - start:.0f} CPU s"
    head = f"{count} null cohorts, {count_traits} traits, {work}"
    return [
        head,
        f"95 % of counts lie in {low:.0f}..{high:.0f} if the family-wise error is 5 %",
        _line("default", ours), _line("published", theirs), _row("default", ours), _row("published", theirs),
    ]  # fmt: skip


def _line(name: str, found: list[Found]) -> str:
    some = sum(one.loci > 0 for one in found)
    means = (np.mean([getattr(one, what) for one in found]) for what in ("rows", "loci", "of_sets", "genes"))
    rows, all_loci, of_sets, genes = means
    each = f"{rows:.2f} rows, {all_loci:.2f} loci ({of_sets:.2f} of them by sets of traits alone), {genes:.2f} genes"
    return f"{name:<10} any locus in {some} of {len(found)}; a cohort has {each}"


def _row(method: str, found: list[Found]) -> str:
    means = " ".join(
        f"{what}={np.mean([getattr(one, what) for one in found]):.2f}" for what in ("rows", "loci", "of_sets", "genes")
    )
    return f"COHORTS {method} of={len(found)} with_locus={sum(one.loci > 0 for one in found)} {means}"


Draw = Callable[[np.random.Generator, tuple[int, int]], NDArray[np.float64]]
SHAPES: dict[str, Draw] = {
    "t(5)": lambda rng, shape: rng.standard_t(5, size=shape),
    "lognormal": lambda rng, shape: np.exp(rng.normal(size=shape)),
    "two-component": lambda rng, shape: rng.normal(size=shape) * np.where(rng.random(shape) < 0.05, 6.0, 1.0),
}
COUNTS = (5, 10, 20, 50, 100, 500)


def type_one(people: int, level: float, tests: int) -> list[str]:
    """Rate of p < level, divided by the level, by minor allele count and shape, for untransformed and rank-normal traits."""
    rng = np.random.default_rng(11)
    lines = [f"p < {level:g}: rate over nominal, {people} people, {tests} tests a cell; traits as they are / rank-normal",
             f"{'trait':<14}" + "".join(f"{f'MAC {mac}':>16}" for mac in COUNTS)]  # fmt: skip
    for name, draw in SHAPES.items():
        cells = []
        for mac in COUNTS:
            rates = [_rate(rng, draw, people, mac, level, tests, normal) for normal in (False, True)]
            cells.append(f"{rates[0]:.2f} / {rates[1]:.2f}".rjust(16))
        lines.append(f"{name:<14}" + "".join(cells))
    return [*lines, "the guards exclude variants of MAC below 20"]


def _rate(rng: np.random.Generator, draw: Draw, people: int, mac: int, level: float, tests: int, normal: bool) -> float:
    """The rate for 2,000 variants with random carriers, tested against 1,000 traits at a time."""
    carriers = np.argpartition(rng.random((2000, 2 * people)), mac, axis=1)[:, :mac] // 2
    copies = np.zeros((2000, people))
    np.add.at(copies, (np.arange(2000)[:, None], carriers), 1.0)
    unit = _unit(copies.T).T
    t2 = least_t_squared(-np.log10(level), people - 2)
    limit, beyond, done = np.sqrt(t2 / (t2 + people - 2)), 0, 0
    while done < tests:
        values = draw(rng, (people, 1000))
        if normal:
            values = stats.norm.ppf((stats.rankdata(values, axis=0) - 0.375) / (people + 0.25))
        beyond += int((np.abs(unit @ _unit(values)) > limit).sum())
        done += 2_000_000
    return beyond / done / level


def _unit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = values - values.mean(axis=0)
    return np.asarray(centred / np.linalg.norm(centred, axis=0))


@dataclass(frozen=True)
class Pass:
    """One pass of the stage scan over all chromosomes: seconds, observed tests, and maxima of the permutations."""

    wall: float
    cpu: float
    tests: int
    reached: str


def made_study(folder: Path, count: int) -> Study:
    """A study ready for the stage scan: 466 real genomes, 12 leads x 32 independent traits and 15 covariates."""
    written = {
        "name": "permutations", "results": folder / "results", "read": {"recordings": folder},
        "represent": [{"kind": "intervals", "name": "made"}], "traits": {"covariates": folder / "covariates.tsv"},
        "scan": {"kind": "matrix", "genotypes": GENOTYPES, "permutations": count},
    }  # fmt: skip
    study = Study.model_validate(written, context={"folder": folder})
    rng = np.random.default_rng(3)
    eids = chromosomes.eids_in_all_files(study.scan)[:466]
    names = tuple(f"made.{lead}.f{k + 1:02d}" for lead in LEADS for k in range(32))
    covariates = tuple(f"c{k + 1}" for k in range(15))
    (study.results / "traits").mkdir(parents=True, exist_ok=True)
    tables = Traits(eids, names, rng.standard_normal((466, 384))), Covariates(eids, covariates, rng.standard_normal((466, 15)))
    for table, name in zip(tables, ("traits", "covariates"), strict=True):
        table.write(study.results / "traits" / f"{name}.parquet")
    return study


def one_pass(study: Study) -> Pass:
    with tempfile.TemporaryDirectory() as kept:
        wall, cpu = time.perf_counter(), time.process_time()
        for part in scan.STAGE.parts(study):
            out = Path(kept) / part
            out.mkdir()
            scan.STAGE.work(study, part, out, out)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        stored = [np.load(path) for path in sorted(Path(kept).rglob("*.npz"))]
    return Pass(wall, cpu, int(sum(one["tests"].sum() for one in stored)), _thresholds(stored))


def _thresholds(stored: Sequence[Mapping[str, NDArray[np.float64]]]) -> str:
    """The thresholds from the permutations, in words; empty with fewer permutations than they need."""
    if len(stored[0]["permutation_max"]) < 100:
        return ""
    largest = (np.max([one[name] for one in stored], axis=0) for name in ("permutation_max", "set_permutation_max"))
    single, of_sets = (thresholds.family_wise(one, error).value for one, error in zip(largest, (0.04, 0.01), strict=True))
    return f"; -log10 p {single:.2f} (4 % family-wise), sets {of_sets:.2f} (1 %)"


def cost_of_permutations(count: int) -> list[str]:
    """Lines of the passes without and with permutations."""
    with tempfile.TemporaryDirectory() as folder:
        plain = [one_pass(made_study(Path(folder), 0)) for _ in range(3)]
        before = peak_memory_mib()
        permuted = one_pass(made_study(Path(folder), count))
    wall, cpu = (statistics.median(getattr(one, name) for one in plain) for name in ("wall", "cpu"))
    rate = permuted.tests * (count + 1) / permuted.wall
    return [
        f"{permuted.tests / 384:,.0f} of 82,448 variants pass the guards; 384 traits, 466 people, {matrix.threads(0)} threads",
        f"no permutation: {wall:8.1f} s, {cpu:8.1f} CPU s (medians of 3), peak {before:,.0f} MiB",
        f"{count:>5} permutations: {permuted.wall:8.1f} s, {permuted.cpu:8.1f} CPU s, peak {peak_memory_mib():,.0f} MiB"
        f"{permuted.reached}",
        f"{rate / 1e6:,.0f} million tests a second; {permuted.wall / wall:.1f} times one scan without permutations "
        f"({permuted.cpu / cpu:.1f} by CPU)",
        f"PERMUTATIONS count={count} people=466 traits=384 variants={permuted.tests / 384:.0f} seconds={permuted.wall:.1f} "
        f"cpu_seconds={permuted.cpu:.1f} peak_mib={peak_memory_mib():.0f} scans={permuted.wall / wall:.1f}",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5 cohorts, 100 permutations, 8 traits, two million tests a cell")
    parser.add_argument("--cohorts", type=int, default=100)
    parser.add_argument("--permutations", type=int, help="100 for each cohort, 1000 for `--only permutations`")
    parser.add_argument("--traits", type=int, default=8)
    parser.add_argument("--folder", type=Path, help="a cohort of tools/real_cohort.py without a plan; made there if absent")
    parser.add_argument(
        "--only", choices=("cohorts", "types", "permutations", "hits", "people"), help="one part; permutations by this alone"
    )
    given = parser.parse_args()
    if given.only == "permutations":
        for line in cost_of_permutations(given.permutations or (20 if given.quick else 1000)):
            print(line, flush=True)
        return
    if given.only in (None, "people"):
        for line in calibration_people.lines(20 if given.quick else 300):
            print(line, flush=True)
    if given.only == "people":
        return
    if given.only in (None, "hits"):
        for line in calibration_hits.lines(quick=given.quick):
            print(line, flush=True)
    if given.only == "hits":
        return
    tests, level = (2_000_000, 1e-4) if given.quick else (40_000_000, 5e-8)
    count, permutations, wanted = (5, 100, 8) if given.quick else (given.cohorts, given.permutations or 100, given.traits)
    if given.only != "cohorts":
        for line in type_one(1000, level, tests):
            print(line, flush=True)
    if given.only == "types":
        return
    with tempfile.TemporaryDirectory() as folder:
        made = material(given.folder or Path(folder) / "null")
        for line in cohorts(made, count, permutations, wanted):
            print(line, flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
