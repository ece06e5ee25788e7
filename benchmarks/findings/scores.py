"""Are polygenic scores those of PLINK 2, matched as the files say, centred on nothing without effects, and covered with them?

    python -m benchmarks.findings.scores [--quick] [--data ../shared/data] [--record]

SCORES lines: `value` with its 95 % interval (`low`, `high`) and what it should be (`target`).

    plink2        largest difference from `plink2 --score`, in SD of the score: real genotypes, random weights
    match         share of the lines of a published file whose status is the right one, in genotypes made of its variants on
                  either strand, with alleles in either order (both builds)
    overlap       lines of published files that are in real genotypes (1 Mb of each autosome), by position and by rs number
    out_of_fold   mean correlation of own scores and traits without any effect, over the runs (two covariates)
    in_sample     the same scores in the participants who gave the effects: what cross-fitting removes
    null_p        p of a Kolmogorov-Smirnov test that p-values of scores without effect are uniform
    coverage      share of intervals of partial R2 that contain the R2 planted
    theory        R2 of ridge out of fold, divided by that expected for independent variants (Daetwyler)
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from benchmarks.record import recorded
from ecgwas.genotypes import chromosomes
from ecgwas.mixed import loco
from ecgwas.scan import polygenic
from ecgwas.scores import association, matching, own, scoring_file, sums, thresholding
from ecgwas.scores.scoring_file import ScoringFile
from ecgwas.study.scan import Matrix
from ecgwas.study.scores import OwnScores
from tests.scores.panels import ArrayPanel, positions

Floats = NDArray[np.float64]
COMPLEMENT = str.maketrans("ACGT", "TGCA")
P_VALUES = (0.05, 1.0)


def line(check: str, value: float, low: float, high: float, target: float, **more: object) -> None:
    words = "".join(f" {name}={content}" for name, content in more.items())
    print(f"SCORES {check}{words} value={value:.6g} low={low:.6g} high={high:.6g} target={target:g}", flush=True)


def mean_of(check: str, values: Iterable[float], target: float, **more: object) -> None:
    """The mean with its normal interval."""
    each = np.array(list(values))
    half = 1.96 * each.std(ddof=1) / np.sqrt(len(each))
    line(check, each.mean(), each.mean() - half, each.mean() + half, target, runs=len(each), **more)


def share_of(check: str, count: int, of: int, target: float, **more: object) -> None:
    """The share with its exact interval."""
    interval = stats.binomtest(count, of).proportion_ci(method="exact")
    line(check, count / of, interval.low, interval.high, target, of=of, **more)


def plink2_agreement(data: Path, variants: int) -> None:
    """Weights of random variants of the real genotypes, those of one position excluded."""
    options = Matrix(genotypes=data / "genotypes" / "eur489")
    eids = chromosomes.eids_in_all_files(options)
    table = pl.concat([sums.variant_table(sums.opened(options, name)) for name in sums.scored_chromosomes(options)])
    table = table.filter(pl.struct("chrom", "pos").is_unique() & pl.col("variant").is_unique())
    rng = np.random.default_rng(1)
    chosen = table[np.sort(rng.choice(table.height, variants, replace=False)).tolist()]
    weights = rng.normal(size=variants)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = chosen.select(rsID="variant", chr_name="chrom", chr_position="pos", effect_allele="effect_allele",
                              other_allele="other_allele", effect_weight=pl.Series(weights))  # fmt: skip
        (folder / "score.txt").write_text("#genome_build=GRCh37\n" + lines.write_csv(separator="\t"))
        found = sums.matched(options, [scoring_file.read(folder / "score.txt", "hg19")], eids, palindromes="keep")
        values = sums.scores(options, found, eids)[:, 0]
        lines.select("rsID", "effect_allele", "effect_weight").write_csv(folder / "plink.tsv", separator="\t")
        command = ["plink2", "--bfile", data / "genotypes" / "eur489", "--score", folder / "plink.tsv", "1", "2", "3", "header",
                   "cols=+scoresums", "--out", folder / "plink", "--threads", "1"]  # fmt: skip
        subprocess.run([str(part) for part in command], check=True, capture_output=True)
        theirs = pl.read_csv(folder / "plink.sscore", separator="\t", schema_overrides={"IID": pl.String, "#IID": pl.String})
    by_eid = dict(zip(theirs["IID" if "IID" in theirs.columns else "#IID"], theirs["SCORE1_SUM"], strict=True))
    gap = float(np.abs(values - np.array([by_eid[eid] for eid in eids])).max() / values.std())
    line("plink2", gap, gap, gap, 0, variants=variants, people=len(eids))


def made_of(scoring: ScoringFile, rng: np.random.Generator) -> tuple[pl.DataFrame, list[str]]:
    """Variants at the file's positions with its alleles in any order and on any strand, and the right status of each line."""
    rows, expected = [], []
    for place, (chrom, pos, effect, other) in enumerate(
        scoring.frame.select("chrom", "pos", "effect_allele", "other_allele").iter_rows()
    ):
        swap, flip = rng.random(2) < 0.5
        flip = flip and len(effect) == len(other) == 1
        pair = (other, effect) if swap else (effect, other)
        if flip:
            pair = (pair[0].translate(COMPLEMENT), pair[1].translate(COMPLEMENT))
        rows.append((chrom, place, pos, f"v{place}", *pair))
        palindrome = len(effect) == 1 and effect.translate(COMPLEMENT) == other
        words = matching.AMBIGUOUS if palindrome else {
            (False, False): matching.MATCHED, (True, False): matching.SWAPPED, (False, True): matching.FLIPPED,
            (True, True): matching.FLIPPED_SWAPPED,
        }[bool(swap), bool(flip)]  # fmt: skip
        expected.append(words)
    return pl.DataFrame(rows, schema=list(matching.VARIANT_COLUMNS), orient="row"), expected


def match_counts(data: Path) -> None:
    """Statuses in genotypes made of the variants, and overlap with real genotypes."""
    options = Matrix(genotypes=data / "genotypes" / "eur489")
    eids = chromosomes.eids_in_all_files(options)
    rng = np.random.default_rng(2)
    for path in sorted((data / "scores").glob("*.txt*")):
        for build in ("hg19", "hg38"):
            scoring = scoring_file.read(path, build)
            if scoring.frame["pos"].null_count() == 0:
                table, expected = made_of(scoring, rng)
                matched = matching.match(
                    scoring, matching.candidates(table, [scoring]), palindromes="drop",
                    frequencies=lambda rows: np.full(rows.height, np.nan),
                )  # fmt: skip
                right = sum(a == b for a, b in zip(matched.frame["status"], expected, strict=True))
                share_of(
                    "match", right, len(expected), 1, file=path.name, build=build, ambiguous=expected.count(matching.AMBIGUOUS)
                )
        scoring = scoring_file.read(path, "hg19")
        real = sums.matched(options, [scoring], eids, palindromes="drop")[0]
        present = sum(count for status, count, _ in real.counts() if status != matching.ABSENT)
        how = "rs_number" if scoring.frame["pos"].null_count() else "position"
        share_of("overlap", present, len(scoring), np.nan, file=path.name, by=how, used=real.used.height)


def simulated(people: int, variants: int, rng: np.random.Generator) -> ArrayPanel:
    """Independent variants of two chromosomes."""
    frequency = rng.uniform(0.1, 0.5, (2, variants))
    return ArrayPanel({str(k + 1): rng.binomial(2, frequency[k], (people, variants)) for k in range(2)})


def in_sample(panel: ArrayPanel, values: Floats, covariates: Floats) -> Floats:
    """(K,) correlations of the scores at p 0.05 with the traits that gave their effects."""
    cohort = polygenic.prepare(values, covariates, panel, np.random.default_rng(1)).cohort
    scorer = thresholding.Scorer(cohort, P_VALUES[:1], min_r2=0.1, window_bp=250_000)
    limits = thresholding.t_limits(P_VALUES[:1], np.full(values.shape[1], len(values)), cohort.basis.shape[1])
    for name in panel.common:
        placed = panel.placed(name)
        pairs = thresholding.neighbours(
            placed.variants, positions(name, placed.index), len(values), min_r2=0.1, window_bp=250_000
        )
        effects = thresholding.effects_of_all(placed.variants, cohort)
        scorer.score(placed.variants, thresholding.clumped_weights(effects, pairs, limits), 0, len(values))
    return own.out_of_fold_r(scorer.values[0], cohort.traits.astype(np.float64), covariates, [0, len(values)])


def cross_fitting(runs: int) -> None:
    """Traits without effects: 250 people, 400 variants, one trait of each run."""
    outside: dict[str, list[float]] = {}
    inside = []
    options = OwnScores(p_values=P_VALUES, permutations=1)
    for run in range(runs):
        rng = np.random.default_rng([3, run])
        panel, covariates = simulated(250, 200, rng), rng.normal(size=(250, 2))
        values = rng.normal(size=(250, 1)) + covariates[:, :1]
        for one in own.evaluate(options, panel, values, covariates, positions, seed=run).scores:
            name = one.method if one.p_value is None else f"{one.method}_{one.p_value:g}"
            outside.setdefault(name, []).append(float(np.nan_to_num(one.r[0])))
        inside.append(float(in_sample(panel, values, covariates)[0]))
    for name, each in outside.items():
        mean_of("out_of_fold", each, 0, method=name)
    mean_of("in_sample", inside, np.nan, method=f"threshold_{P_VALUES[0]:g}")


def tests_of_scores(runs: int) -> None:
    """p-values without effect, and intervals with R2 0.05: 300 people, two covariates."""
    parametric, permuted, covered = [], [], 0
    for run in range(runs):
        rng = np.random.default_rng([4, run])
        covariates, (score, noise) = rng.normal(size=(300, 2)), rng.normal(size=(2, 300))
        score = score + covariates[:, 0]
        trait = np.sqrt(0.05) * (score - covariates[:, 0]) + np.sqrt(0.95) * rng.normal(size=300) + covariates[:, 1]
        tests = association.partial_r2(score[:, None], np.column_stack([noise, trait]), covariates, permutations=199, seed=run)
        parametric.append(10.0 ** -tests.neglog10p[0, 0])
        permuted.append(tests.p_permuted[0, 0] - rng.uniform(0, 1 / 200))
        covered += int(tests.low[0, 1] < 0.05 < tests.high[0, 1])
    for name, p in (("t_test", parametric), ("permutation", permuted)):
        result = stats.kstest(p, "uniform")
        line("null_p", result.pvalue, 0.05, 1, 1, test=name, runs=runs, distance=f"{result.statistic:.4f}")
    share_of("coverage", covered, runs, 0.95, r2=0.05)


def theory(runs: int) -> None:
    """Traits of heritability 0.5 by 400 independent variants, 500 people: ridge and Daetwyler's formula."""
    ratios = []
    for run in range(runs):
        rng = np.random.default_rng([5, run])
        panel = simulated(500, 200, rng)
        standard = np.concatenate([(x - x.mean(axis=0)) / x.std(axis=0) for x in panel.copies.values()], axis=1)
        genetic = standard @ rng.normal(size=standard.shape[1])
        values = (np.sqrt(0.5) * genetic / genetic.std() + np.sqrt(0.5) * rng.normal(size=500))[:, None]
        result = own.evaluate(
            OwnScores(methods=("ridge",), permutations=1), panel, values, np.empty((500, 0)), positions, seed=run
        )
        ratios.append(float(own.signed_r2(result.scores[0].r)[0]) / float(loco.expected_r2(400.0, 0.5, 400.0)))
    mean_of("theory", ratios, 1, method="ridge")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    given = parser.parse_args()
    if shutil.which("plink2") and given.data.exists():
        plink2_agreement(given.data, 500 if given.quick else 5_000)
        match_counts(given.data)
    cross_fitting(40 if given.quick else 600)
    tests_of_scores(200 if given.quick else 2_000)
    theory(5 if given.quick else 50)


if __name__ == "__main__":
    recorded(main, __file__)
